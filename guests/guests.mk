# SPDX-License-Identifier: GPL-2.0-or-later
# Set-up: what the host needs, and the guests from the distribution. Included by the Makefile.

LINUX := build/guests/linux-riscv64

.PHONY: deps guests
deps: ## install what is missing (apt-get); a no-op when nothing is
	@.ci/deps
guests: $(LINUX)/SHA256SUMS ## fetch the stock Debian guest (cached) and build its images

$(LINUX)/SHA256SUMS: guests/fetch .ci/archive guests/linux/images guests/linux/init $(wildcard guests/linux/etc/*)
	guests/fetch

include guests/agora/agora.mk
test-guests: $(AGORA)

include guests/hypnos/hypnos.mk
test-guests: $(HYPNOS) $(HYPNOS_OUT)/twin
