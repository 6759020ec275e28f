# SPDX-License-Identifier: GPL-2.0-or-later
# `make help` lists the targets; `make --trace` shows the commands.

BUILD   ?= build
CC      ?= gcc
OPT     ?= -O2 -g
CFLAGS  ?= $(OPT)
FLAGS   := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wvla -Wpointer-arith -Wwrite-strings -I.
PKGS    := unicorn capstone libcjson libelf libdw libbpf nettle zlib sqlite3 sdl2 SDL2_ttf libpng
CONFIG  ?= configs/linux-riscv64.json
FUZZ_SECONDS ?= 20
LSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0
export FUZZ_SECONDS LSAN_OPTIONS
ifdef SAN # of `make asan` and `make fuzz`: the sanitizers
FLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif

# Asked for once, when first needed: there may be no pkg-config yet.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
LIBS       = $(PKG_LIBS) -lfdt -lm -lutil

LIB_SRC    := $(wildcard mem/*.c cpu/*.c devices/*.c recovery/*.c power/*.c) \
              $(filter-out sim/main.c,$(wildcard sim/*.c sim/*/*.c))
LIB_OBJ    := $(LIB_SRC:%.c=$(BUILD)/%.o)
UNIT_OBJ   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*.c) tests/trace_rules.c)
SYSTEM_OBJ := $(patsubst %.c,$(BUILD)/%.o,tests/system/harness.c tests/system/reports.c $(wildcard tests/system/test_*.c) tests/trace_rules.c)
FUZZ_TESTS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz-%,\
              $(filter-out %/fuzz_file.c,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_MAIN  := $(if $(findstring fuzzer,$(SAN)),,$(BUILD)/tests/fuzz/main.o)
SOURCES     = $(or $(shell git ls-files '*.c' '*.h' 2>/dev/null),\
              $(shell find . -name build -prune -o -name '*.[ch]' -print))

# A make below this one: in parallel, if this one was not told how.
SUB = --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all run have-build
all: iaso ## build the simulator, ./iaso
run: deps ## install what is missing, build, fetch the stock guest and boot it
	@$(MAKE) $(SUB) all guests
	./iaso run $(CONFIG)
have-build:
	@.ci/deps --check build

iaso: $(BUILD)/iaso
	@ln -sf $< $@
$(BUILD)/iaso: $(BUILD)/sim/main.o $(LIB_OBJ)
$(BUILD)/unit: $(UNIT_OBJ) $(LIB_OBJ)
$(BUILD)/system: $(SYSTEM_OBJ) $(LIB_OBJ)
$(BUILD)/tests-all: $(UNIT_OBJ) $(SYSTEM_OBJ) $(LIB_OBJ)
$(BUILD)/seeds: $(addprefix $(BUILD)/tests/,fuzz/seeds.o unit/images.o) $(LIB_OBJ)
$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/fuzz_file.o $(FUZZ_MAIN) $(LIB_OBJ)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $@ $^ $(LIBS)
$(BUILD)/iaso $(BUILD)/seeds:
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/unit $(BUILD)/system $(BUILD)/tests-all:
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcriterion
$(BUILD)/sim/preset.o: $(wildcard configs/presets/*.json configs/boards/*.json)
$(BUILD)/sim/report/report_html_parts.o: sim/report/report.css
$(BUILD)/sim/report/report_schema.o: sim/report/report.schema.json
$(BUILD)/sim/report/report_plots.o: $(wildcard sim/report/plots/*.gp)
$(BUILD)/%.o: %.c | have-build
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(FLAGS) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: check unit system asan check-asan check-format check-headers programs fuzz-tests fuzz bench
check: deps ## install what is missing, build, run every test; the last line is their summary
	@$(MAKE) $(SUB) all guests test-guests check-headers check-format $(BUILD)/tests-all
	@$(MAKE) $(SUB) check-asan
	@IASO=$(BUILD)/iaso $(BUILD)/tests-all -j$$(nproc)
unit: $(BUILD)/unit ## run the unit tests only
	@$(BUILD)/unit -j$$(nproc)
system: iaso $(BUILD)/system test-guests guests ## run the whole-system tests only
	@IASO=$(BUILD)/iaso $(BUILD)/system -j$$(nproc)
asan: ## build everything with ASan and UBSan, in build/asan
	@$(MAKE) $(SUB) BUILD=$(BUILD)/asan SAN=address,undefined OPT='-O1 -g' programs
programs: $(addprefix $(BUILD)/,iaso unit system seeds) $(FUZZ_TESTS)
check-asan: asan test-guests ## run the unit tests, the quick system tests and the fuzz seeds on it
	@$(BUILD)/asan/unit -j$$(nproc)
	@tests/fuzz/run $(BUILD)/asan
	@IASO=$(BUILD)/asan/iaso IASO_NO_LINUX=1 $(BUILD)/asan/system -j$$(nproc)
check-format: ## has .clang-format been applied? (clang-format 14; others differ in detail)
	@case "$$(clang-format --version)" in \
	*'version 14.'*) clang-format --dry-run -Werror $(SOURCES) ;; \
	*) echo "check-format: left out, this is not version 14: $$(clang-format --version)" ;; esac
check-headers: | have-build ## does every header compile alone?
	@printf '%s\n' $(filter-out $(addsuffix %,./tests/guests/ tests/guests/ ./guests/ guests/),$(filter %.h,$(SOURCES))) | \
	xargs -P4 -I{} $(CC) $(FLAGS) $(PKG_CFLAGS) -fsyntax-only -x c {}
fuzz: ## run each fuzz target for FUZZ_SECONDS; needs clang
	@$(MAKE) $(SUB) BUILD=$(BUILD)/fuzz CC=clang SAN=fuzzer-no-link,address,undefined fuzz-tests
	@tests/fuzz/run $(BUILD)/fuzz
fuzz-tests: $(BUILD)/seeds $(FUZZ_TESTS)
bench: ## boot Linux on Iaso in several ways and on QEMU, and compare; installs QEMU
	@.ci/deps build guest test bench
	@$(MAKE) $(SUB) all guests test-guests
	@tests/bench/bench

.PHONY: slurm-test
slurm-test: ## run a campaign as a job array of a Slurm on this machine; installs Slurm
	@.ci/deps build guest test cluster
	@$(MAKE) $(SUB) all test-guests
	@tests/slurm/run

.PHONY: coverage
coverage: iaso guests ## what recovery domains cover and cost on Linux: the tables of the README
	@tests/bench/coverage

.PHONY: hypnos-table
hypnos-table: iaso test-guests ## what the optimisations of hypnos save: a table of the README
	@tests/bench/hypnos

.PHONY: gallery
gallery: ## the pictures of the README, from real runs
	@.ci/deps build guest test
	@$(MAKE) $(SUB) all guests test-guests
	@tests/gallery/run

.SECONDARY:
.PHONY: format clean help
format: ## apply .clang-format
	clang-format -i $(SOURCES)
clean: ## remove what was built, but not what was downloaded
	rm -rf iaso $(filter-out $(BUILD)/cache $(BUILD)/guests,$(wildcard $(BUILD)/*)) $(GUEST_OUT) $(ARM_OUT) $(AGORA_OUT) $(HYPNOS_OUT)
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile guests/guests.mk tests/guests/guests.mk sim/install.mk | expand -t 26

# Random programs run the same instructions in every page mode.
test-guests: $(patsubst %,build/guests/riscv/random-%.elf,1 2 3 4)

include guests/guests.mk tests/guests/guests.mk sim/install.mk

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(BUILD)/sim/main.o) $(wildcard $(BUILD)/tests/*/*.d)
