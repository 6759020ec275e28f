# SPDX-License-Identifier: GPL-2.0-or-later
# The teaching kernel: agora.elf starts under SBI firmware, agora-bare.elf without. Included by
# guests/guests.mk; adds to TEST_GUESTS.

AGORA_SRC   := guests/agora
AGORA_OUT   := build/guests/agora
AGORA_CC    ?= riscv64-linux-gnu-gcc
AGORA_FLAGS := -std=gnu11 -O2 -g -ffile-prefix-map='$(CURDIR)=.' -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
               -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mno-relax -ffreestanding \
               -fno-pic -fno-stack-protector -fno-builtin -fno-asynchronous-unwind-tables \
               -fno-tree-loop-distribute-patterns -fno-omit-frame-pointer
AGORA_LINK  := -nostdlib -static -no-pie -Wl,-T,$(AGORA_SRC)/agora.ld -Wl,--build-id=none \
               -Wl,--no-warn-rwx-segments
AGORA_OBJ   := $(patsubst $(AGORA_SRC)/%,$(AGORA_OUT)/%.o,$(basename $(filter-out \
               $(AGORA_SRC)/machine%,$(wildcard $(addprefix $(AGORA_SRC)/,*.c *.S user/*.c)))))
AGORA       := $(AGORA_OUT)/agora.elf $(AGORA_OUT)/agora-bare.elf

$(AGORA_OUT)/%.o: $(AGORA_SRC)/%.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(AGORA_CC) $(AGORA_FLAGS) -MMD -MP -c -o $@ $<

$(AGORA_OUT)/%.o: $(AGORA_SRC)/%.S
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(AGORA_CC) $(AGORA_FLAGS) -MMD -MP -c -o $@ $<

$(AGORA_OUT)/agora.elf: AGORA_WHERE := -Wl,--defsym=agora_base=0x80200000,--defsym=agora_entry=_start
$(AGORA_OUT)/agora-bare.elf: AGORA_WHERE := -Wl,--defsym=agora_base=0x80000000,--defsym=agora_entry=machine_start
$(AGORA_OUT)/agora-bare.elf: $(AGORA_OUT)/machine.o $(AGORA_OUT)/machine_entry.o
$(AGORA): $(AGORA_OBJ) $(AGORA_SRC)/agora.ld
	@echo "  LINK  $@"
	@$(AGORA_CC) $(AGORA_FLAGS) $(AGORA_LINK) $(AGORA_WHERE) -o $@ $(filter %.o,$^)

-include $(wildcard $(AGORA_OUT)/*.d $(AGORA_OUT)/*/*.d)
