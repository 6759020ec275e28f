# SPDX-License-Identifier: GPL-2.0-or-later
# Bare-metal guests that test a whole machine. Included by the main Makefile; sets TEST_GUESTS.

GUEST_CC    ?= riscv64-linux-gnu-gcc
GUEST_SRC   := tests/guests/riscv
GUEST_OUT   := $(BUILD)/guests/riscv
GUEST_FLAGS := -std=gnu11 -O2 -g -ffile-prefix-map='$(CURDIR)=.' -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -march=rv64gc \
               -mabi=lp64d -mcmodel=medany -mno-relax -ffreestanding -fno-pic -fno-stack-protector \
               -fno-builtin -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns
GUEST_LINK  := -nostdlib -static -no-pie -Wl,-T,$(GUEST_SRC)/guest.ld -Wl,--build-id=none \
               -Wl,--no-warn-rwx-segments
GUEST_NAMES := hello echo panic stuck traps mmu timer plic memory selfmod smp virtio
GUEST_RT    := $(GUEST_OUT)/start.o $(GUEST_OUT)/runtime.o $(GUEST_OUT)/stubs.o
TEST_GUESTS := $(GUEST_NAMES:%=$(GUEST_OUT)/%.elf)

$(GUEST_OUT)/%.o: $(GUEST_SRC)/%.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(GUEST_CC) $(GUEST_FLAGS) -MMD -MP -c -o $@ $<

$(GUEST_OUT)/%.o: $(GUEST_SRC)/%.S
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(GUEST_CC) $(GUEST_FLAGS) -MMD -MP -c -o $@ $<

$(GUEST_OUT)/%.elf: $(GUEST_OUT)/%.o $(GUEST_RT) $(GUEST_SRC)/guest.ld
	@echo "  LINK  $@"
	@$(GUEST_CC) $(GUEST_FLAGS) $(GUEST_LINK) -o $@ $(filter %.o,$^)

# Random programs: random-SEED.elf runs the same instructions anywhere and prints their checksums.
$(GUEST_OUT)/gen_random: $(GUEST_SRC)/gen_random.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -Wall -Wextra -Werror -O2 -o $@ $<

$(GUEST_OUT)/random-%.S: $(GUEST_OUT)/gen_random
	@$< $* > $@.tmp && mv $@.tmp $@

$(GUEST_OUT)/random-%.o: $(GUEST_OUT)/random-%.S
	@echo "  CC    $@"
	@$(GUEST_CC) $(GUEST_FLAGS) -I$(GUEST_SRC) -c -o $@ $<

$(GUEST_OUT)/random-%.elf: $(GUEST_OUT)/random-%.o $(GUEST_OUT)/random.o $(GUEST_RT)
	@echo "  LINK  $@"
	@$(GUEST_CC) $(GUEST_FLAGS) $(GUEST_LINK) -o $@ $^

# Bare-metal Cortex-M guests, for lm3s6965evb and mps2-an386.
ARM_SRC   := tests/guests/arm
ARM_OUT   := $(BUILD)/guests/arm
ARM_CC    ?= arm-none-eabi-gcc
ARM_FLAGS := -std=gnu11 -O2 -g -ffile-prefix-map='$(CURDIR)=.' -Wall -Wextra -Werror -Wshadow -mcpu=cortex-m3 -mthumb -ffreestanding \
             -fno-tree-loop-distribute-patterns
ARM_NAMES := nest store mandelbrot
TEST_GUESTS += $(ARM_NAMES:%=$(ARM_OUT)/%.elf)

$(ARM_OUT)/%.elf: $(ARM_SRC)/%.c $(ARM_SRC)/runtime.c $(ARM_SRC)/runtime.h $(ARM_SRC)/guest.ld
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(ARM_CC) $(ARM_FLAGS) -nostdlib -static -Wl,-T,$(ARM_SRC)/guest.ld -Wl,--build-id=none \
	    -o $@ $(filter %.c,$^) -lgcc

.PHONY: test-guests
test-guests: $(TEST_GUESTS) ## build the bare-metal guests of the system tests
.PRECIOUS: $(GUEST_OUT)/%.o

-include $(wildcard $(GUEST_OUT)/*.d)

# Runs them on QEMU, the reference, as the file `expectations` says.
.PHONY: test-guests-qemu
test-guests-qemu: $(TEST_GUESTS) ## run the bare-metal guests on QEMU, to test the guests themselves
	@sh tests/guests/riscv/on_qemu.sh $(GUEST_OUT) $(GUEST_SRC)/expectations

$(BUILD)/riscv_guests: $(BUILD)/tests/system/riscv_guests.o
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^

# GUEST=name runs one guest only, OPTIONS="--set run.pages=precise" is passed on to `iaso run`.
.PHONY: test-riscv
test-riscv: $(BUILD)/iaso $(BUILD)/riscv_guests $(TEST_GUESTS) ## run the bare-metal guests on Iaso
	@mkdir -p $(BUILD)/riscv-guests
	$(BUILD)/riscv_guests $(BUILD)/iaso $(GUEST_OUT) $(GUEST_SRC)/expectations \
	    $(BUILD)/riscv-guests $(or $(GUEST),all) $(OPTIONS)
