# SPDX-License-Identifier: GPL-2.0-or-later
# Read after the main Makefile, by `bench`.

$(BUILD)/bench: $(BUILD)/tests/bench/bench.o $(LIB_OBJ)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(BUILD)/tests/bench/bench.d

$(BUILD)/bench-rollback: $(BUILD)/tests/bench/rollback.o $(LIB_OBJ)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench-cut: $(BUILD)/tests/bench/cut.o $(LIB_OBJ)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench-snapshot: $(BUILD)/tests/bench/snapshot.o $(LIB_OBJ)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
