# SPDX-License-Identifier: GPL-2.0-or-later
# `make help` lists the targets.

BUILD   ?= build
CC      ?= gcc
OPT     ?= -O2 -g
PREFIX  ?= /usr/local
PKGS    := unicorn capstone libcjson libelf libdw libbpf nettle zlib
CFLAGS  ?= $(OPT)
FLAGS   := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wvla -Wpointer-arith -Wwrite-strings -I. -MMD -MP
ifdef SAN
BUILD   := $(BUILD)/asan
FLAGS   += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif

LIB_SRC := $(wildcard mem/*.c cpu/*.c devices/*.c recovery/*.c power/*.c) \
           $(filter-out sim/main.c,$(wildcard sim/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_OBJ := $(UNIT_SRC:%.c=$(BUILD)/%.o)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
LIBS    = $(shell pkg-config --libs $(PKGS)) -lfdt -lm -lutil

.PHONY: all
all: iaso ## build the simulator, ./iaso

iaso: $(BUILD)/iaso
	@ln -sf $< $@

$(BUILD)/iaso: $(BUILD)/sim/main.o $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/unit: $(UNIT_OBJ) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcriterion

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile guests/guests.mk tests/guests/guests.mk | expand -t 22

.PHONY: format clean
format: ## apply .clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')
clean: ## remove what was built, but not what was downloaded
	rm -rf $(addprefix $(BUILD)/,asan mem cpu devices recovery power sim tests guests/riscv unit iaso) iaso

include guests/guests.mk tests/guests/guests.mk

-include $(LIB_OBJ:.o=.d) $(UNIT_OBJ:.o=.d) $(BUILD)/sim/main.d
