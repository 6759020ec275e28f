# SPDX-License-Identifier: GPL-2.0-or-later
# Read after the main Makefile, by `bench`.

$(BUILD)/bench $(addprefix $(BUILD)/bench-,machine rollback sweep):
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench: $(BUILD)/tests/bench/bench.o $(LIB_OBJ)
$(BUILD)/bench-machine: $(BUILD)/tests/bench/machine.o $(LIB_OBJ)
$(BUILD)/bench-rollback: $(BUILD)/tests/bench/rollback.o $(LIB_OBJ)
$(BUILD)/bench-sweep: $(BUILD)/tests/bench/sweep.o $(LIB_OBJ)

-include $(wildcard $(BUILD)/tests/bench/*.d)
