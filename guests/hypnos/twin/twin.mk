# SPDX-License-Identifier: GPL-2.0-or-later
# What hypnos' applications must compute, computed by the host: build/guests/hypnos/twin NAME [SCALE]. Included by hypnos.mk.

TWIN_SRC := guests/hypnos/twin
TWIN     := build/guests/hypnos/twin

$(TWIN): $(wildcard $(TWIN_SRC)/*.c $(TWIN_SRC)/*.h) guests/hypnos/apps/inputs.h
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	    -ffp-contract=off -o $@ $(filter %.c,$^)
