# SPDX-License-Identifier: GPL-2.0-or-later
# The persistent RTOS and its applications, one image for each board and kind of build:
#   mps2-an386.elf, apollo4.elf     Cortex-M4F
#   mps2-an386-check.elf, apollo4-check.elf    the same, with the programming rules checked
#   mps2-an385.elf                  Cortex-M3
#   mps2-an386-reset.elf, mps2-an386-reset-check.elf    with random resets, for QEMU
# Included by guests/guests.mk; HYPNOS is what it makes.

HYPNOS_SRC   := guests/hypnos
HYPNOS_OUT   := build/guests/hypnos
HYPNOS_CC    ?= arm-none-eabi-gcc
HYPNOS_FLAGS := -std=gnu11 -O2 -g -ffile-prefix-map='$(CURDIR)=.' -mthumb -ffreestanding -fno-builtin-printf -fno-strict-aliasing -ffp-contract=off \
                -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections \
                -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-braces \
                -I$(HYPNOS_SRC)/include -I$(HYPNOS_SRC)/kernel -I$(HYPNOS_SRC)/port
HYPNOS_LINK  := -nostdlib -static -L$(HYPNOS_SRC)/port -Wl,--gc-sections -Wl,--build-id=none
HYPNOS_M3    := -mcpu=cortex-m3
HYPNOS_M4F   := -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
HYPNOS_C     := $(patsubst $(HYPNOS_SRC)/%,%,$(wildcard $(addprefix $(HYPNOS_SRC)/,kernel/*.c port/*.c apps/*.c)))
HYPNOS       := $(addprefix $(HYPNOS_OUT)/,mps2-an386.elf mps2-an386-check.elf mps2-an385.elf apollo4.elf apollo4-check.elf)
HYPNOS_RESET := $(addprefix $(HYPNOS_OUT)/,mps2-an386-reset.elf mps2-an386-reset-check.elf)

# hypnos_kind(name, flags): objects of one kind of build.
define hypnos_kind
HYPNOS_OBJ_$(1) := $$(HYPNOS_C:%.c=$(HYPNOS_OUT)/$(1)/%.o)
$(HYPNOS_OUT)/$(1)/%.o: $(HYPNOS_SRC)/%.c
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	@$$(HYPNOS_CC) $$(HYPNOS_FLAGS) $(2) -MMD -MP -c -o $$@ $$<
endef
$(eval $(call hypnos_kind,m4f,$(HYPNOS_M4F)))
$(eval $(call hypnos_kind,m4f-check,$(HYPNOS_M4F) -DHYPNOS_CHECK))
$(eval $(call hypnos_kind,m3,$(HYPNOS_M3)))

# hypnos_image(image, board, kind, architecture, more objects)
define hypnos_image
$(HYPNOS_OUT)/$(1).elf: $$(HYPNOS_OBJ_$(3)) $(5) $(HYPNOS_SRC)/$(2).ld $(HYPNOS_SRC)/port/hypnos.ld
	@echo "  LINK  $$@"
	@$$(HYPNOS_CC) -mthumb $(4) $$(HYPNOS_LINK) -Wl,-T,$(HYPNOS_SRC)/$(2).ld -o $$@ $$(filter %.o,$$^) -lgcc
endef
$(eval $(call hypnos_image,mps2-an386,mps2-an386,m4f,$(HYPNOS_M4F)))
$(eval $(call hypnos_image,mps2-an386-check,mps2-an386,m4f-check,$(HYPNOS_M4F)))
$(eval $(call hypnos_image,mps2-an385,mps2-an386,m3,$(HYPNOS_M3)))
$(eval $(call hypnos_image,apollo4,apollo4,m4f,$(HYPNOS_M4F)))
$(eval $(call hypnos_image,apollo4-check,apollo4,m4f-check,$(HYPNOS_M4F)))
$(eval $(call hypnos_image,mps2-an386-reset,mps2-an386,m4f,$(HYPNOS_M4F),$(HYPNOS_OUT)/m4f/port/test/reset.o))
$(eval $(call hypnos_image,mps2-an386-reset-check,mps2-an386,m4f-check,$(HYPNOS_M4F),$(HYPNOS_OUT)/m4f-check/port/test/reset.o))

include $(HYPNOS_SRC)/twin/twin.mk
-include $(wildcard $(HYPNOS_OUT)/*/*/*.d $(HYPNOS_OUT)/*/*/*/*.d)
