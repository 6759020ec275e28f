# SPDX-License-Identifier: GPL-2.0-or-later
# Included by the main Makefile. DESTDIR is put in front of all names, for packages.

PREFIX   ?= /usr/local
TO       := $(DESTDIR)$(PREFIX)
EXAMPLES := $(TO)/share/doc/iaso/examples
# What the examples run, as far as it has been built; Linux is fetched by `make guests` only.
EXAMPLE_GUESTS = $(wildcard $(sort $(shell grep -ho 'build/guests/[^"]*\.elf' configs/*.json)))
EXAMPLE_FILES  = $(wildcard configs/*.json configs/README.md configs/*/*) $(EXAMPLE_GUESTS)

.PHONY: install uninstall
install: $(BUILD)/iaso ## program, manual, completions, examples; PREFIX=/usr/local, DESTDIR=
	@install -d -m 755 '$(TO)/bin' '$(TO)/share/man/man1' \
	    '$(TO)/share/bash-completion/completions' '$(TO)/share/zsh/site-functions'
	@install -m 755 $< '$(TO)/bin/iaso'
	@install -m 644 sim/iaso.1 '$(TO)/share/man/man1/iaso.1'
	@text=$$($< completion bash) && printf '%s\n' "$$text" | \
	    install -m 644 /dev/stdin '$(TO)/share/bash-completion/completions/iaso'
	@text=$$($< completion zsh) && printf '%s\n' "$$text" | \
	    install -m 644 /dev/stdin '$(TO)/share/zsh/site-functions/_iaso'
	@for file in $(EXAMPLE_FILES); do \
	    mode=644; [ ! -x "$$file" ] || mode=755; \
	    install -D -m $$mode "$$file" '$(EXAMPLES)'/"$$file" || exit 1; done
	@find '$(TO)/share/doc/iaso' -type d -exec chmod 755 {} +
	@echo 'installed $(PREFIX)/bin/iaso, its manual, completions, and $(PREFIX)/share/doc/iaso/examples'
uninstall: ## takes away what `make install` put there
	rm -f '$(TO)/bin/iaso' '$(TO)/share/man/man1/iaso.1' \
	    '$(TO)/share/bash-completion/completions/iaso' '$(TO)/share/zsh/site-functions/_iaso'
	rm -rf '$(TO)/share/doc/iaso'

.PHONY: examples
examples: iaso guests test-guests ## run all example configs; configs/README.md gets what they say
	@configs/examples > $(BUILD)/examples.md
	@cp $(BUILD)/examples.md configs/README.md
