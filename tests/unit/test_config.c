/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/config.h"
#include "sim/json.h"
#include "sim/nearest.h"
#include "sim/preset.h"
#include "sim/schema.h"
#include "sim/text.h"
#include "sim/units.h"

#define CORPUS "tests/corpus/config" /* tests run in the top directory */

#define MINIMAL "{\"load\": [{\"firmware\": \"opensbi\"}]}"

/* ---- The bad-input corpus ------------------------------------------------------------------ */

/* The file's text, NUL-terminated, without a newline at the end; NULL if there is none. */
static char *slurp(const char *stem, const char *suffix)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s", CORPUS, stem, suffix);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = calloc(1, 8192);
    size_t length = fread(text, 1, 8191, file);
    fclose(file);
    if (length && text[length - 1] == '\n')
        text[length - 1] = 0;
    return text;
}

/* Loads NAME.json with the lines of NAME.set for --set; the error must be NAME.expect, in which "@"
 * at the beginning stands for the file's name. */
static void check_corpus_file(const char *stem)
{
    char path[512], expected[1024];
    const char *overrides[8];
    size_t count = 0;
    struct config config;
    struct error err = {""};

    snprintf(path, sizeof path, "%s/%s.json", CORPUS, stem);
    char *expect = slurp(stem, ".expect"), *sets = slurp(stem, ".set"), *rest = sets, *line;
    cr_assert_not_null(expect, "%s has no .expect beside it", path);
    while ((line = strsep(&rest, "\n")))
        overrides[count++] = line;

    bool has_name = expect[0] == '@';
    snprintf(expected, sizeof expected, "%s%s", has_name ? path : "", expect + has_name);
    int result = config_load(&config, path, overrides, count, &err);
    cr_expect_eq(result, -1, "%s is accepted", path);
    cr_expect_str_eq(err.text, expected, "%s:\n  is     %s\n  wanted %s", path, err.text, expected);
    config_free(&config);
    free(expect);
    free(sets);
}

Test(config, bad_input_corpus)
{
    int seen = 0;
    DIR *dir = opendir(CORPUS);
    cr_assert_not_null(dir, "run the tests in the top directory");
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char stem[256];
        snprintf(stem, sizeof stem, "%s", entry->d_name);
        char *dot = strrchr(stem, '.');
        if (!dot || strcmp(dot, ".json"))
            continue;
        *dot = 0;
        check_corpus_file(stem);
        seen++;
    }
    closedir(dir);
    cr_assert_gt(seen, 100);
}

/* ---- Good input ---------------------------------------------------------------------------- */

/* Writes a config to a new file; unlink() it. */
static void write_config(char path[32], const char *text, size_t length)
{
    strcpy(path, "/tmp/iaso-config-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, length), (ssize_t)length);
    close(fd);
}

static int load(struct config *config, const char *text, struct error *err, const char *const *sets,
                size_t count)
{
    char path[32];
    write_config(path, text, strlen(text));
    int result = config_load(config, path, sets, count, err);
    unlink(path);
    return result;
}

#define LOAD(config, json, ...)                                                                    \
    do {                                                                                           \
        struct error load_error = {""};                                                            \
        const char *sets[] = {NULL, ##__VA_ARGS__};                                                \
        cr_assert_eq(load(config, json, &load_error, sets + 1, sizeof sets / sizeof *sets - 1), 0, \
                     "%s", load_error.text);                                                       \
    } while (0)

Test(config, defaults)
{
    struct config config;
    LOAD(&config, MINIMAL);
    cr_assert_str_eq(config.machine.board, "virt");
    cr_assert_eq(config.machine.harts, 1);
    cr_assert_eq(config.machine.mips, 100);
    cr_assert_eq(config.machine.quantum, 10000);
    cr_assert_eq(config.machine.seed, 1);
    cr_assert_eq(config.memory_count, 1);
    cr_assert_str_eq(config.memory[0].name, "dram");
    cr_assert_eq(config.memory[0].base, 0x80000000);
    cr_assert_eq(config.memory[0].size, 256 << 20);
    cr_assert_eq(config.memory[0].kind, REGION_RAM);
    cr_assert_not(config.memory[0].nonvolatile);
    cr_assert_eq(config.load_count, 1);
    cr_assert_eq(config.load[0].kind, LOAD_FIRMWARE);
    cr_assert_str_eq(config.load[0].file, "opensbi");
    cr_assert_not(config.load[0].has_address);
    cr_assert_str_eq(config.bootargs, "");
    cr_assert_null(config.system_map);
    cr_assert_eq(config.device_count, 0);
    cr_assert_eq(config.run.max_insns, 0);
    cr_assert_eq(config.run.stuck_insns, 0);
    cr_assert_eq(config.run.script_count, 0);
    cr_assert_eq(config.run.pages, PAGES_OPEN);
    cr_assert_null(config.expect.console);
    cr_assert_not(config.expect.has_exit);
    cr_assert_not(config.recovery.enabled);
    cr_assert_eq(config.inject.kind, INJECT_NONE);
    cr_assert_null(config.report.dir);
    config_free(&config);
}

static const char full[] =
    "\xef\xbb\xbf{\n"
    "\"$schema\": \"iaso.schema.json\",\n"
    "\"machine\": {\"board\": \"virt\", \"harts\": 8, \"mips\": 100000, \"quantum\": \"5k\", "
    "\"seed\": 0},\n"
    "\"memory\": [\n"
    " {\"name\": \"nv\", \"base\": \"0x90000000\", \"size\": 65536, \"kind\": \"nonvolatile\"},\n"
    " {\"name\": \"dram\", \"base\": 2147483648, \"size\": \"0.25G\"},\n"
    " {\"name\": \"rom\", \"base\": \"4096\", \"size\": \"4KiB\", \"kind\": \"rom\"}],\n"
    "\"load\": [{\"raw\": \"LICENSE\", \"address\": \"0xffffffff\"}, {\"kernel\": \"Makefile\"},\n"
    " {\"initrd\": \"LICENSE\", \"address\": 0}, {\"raw\": \"LICENSE\", \"address\": 1},\n"
    " {\"firmware\": \"Makefile\"}],\n"
    "\"bootargs\": \"a=\\u00e4 \\ud83d\\ude00\",\n"
    "\"system_map\": \"LICENSE\",\n"
    "\"devices\": {\"rng0\": {\"legacy\": true, \"type\": \"virtio-rng\"},\n"
    " \"disk0\": {\"file\": \"LICENSE\", \"type\": \"virtio-blk\"},\n"
    " \"disk1\": {\"type\": \"virtio-blk\", \"file\": \"LICENSE\", \"overlay\": false, "
    "\"read_only\": true}},\n"
    "\"run\": {\"max_insns\": \"20G\", \"stuck_insns\": 1000, \"pages\": \"precise\", \"script\": "
    "[\n"
    " {\"expect\": \"> \", \"send\": \"x\\n\", \"timeout\": \"1.5s\"}, {\"send\": \"\"}, "
    "{\"expect\": \"b\", \"timeout\": 0}]},\n"
    "\"expect\": {\"console\": \"ok\", \"exit\": 3}\n"
    "}\n";

Test(config, everything)
{
    struct config config;
    LOAD(&config, full);
    cr_assert_eq(config.machine.harts, 8);
    cr_assert_eq(config.machine.mips, 100000);
    cr_assert_eq(config.machine.quantum, 5000);
    cr_assert_eq(config.machine.seed, 0);

    cr_assert_eq(config.memory_count, 3, "sorted by base:");
    cr_assert_str_eq(config.memory[0].name, "rom");
    cr_assert_eq(config.memory[0].base, 4096);
    cr_assert_eq(config.memory[0].size, 4096);
    cr_assert_eq(config.memory[0].kind, REGION_ROM);
    cr_assert_str_eq(config.memory[1].name, "dram");
    cr_assert_eq(config.memory[1].base, 0x80000000);
    cr_assert_eq(config.memory[1].size, 256 << 20);
    cr_assert_eq(config.memory[1].kind, REGION_RAM);
    cr_assert_not(config.memory[1].nonvolatile);
    cr_assert_str_eq(config.memory[2].name, "nv");
    cr_assert_eq(config.memory[2].size, 65536);
    cr_assert_eq(config.memory[2].kind, REGION_RAM);
    cr_assert(config.memory[2].nonvolatile);

    static const enum load_kind kinds[] = {LOAD_RAW, LOAD_KERNEL, LOAD_INITRD, LOAD_RAW,
                                           LOAD_FIRMWARE};
    cr_assert_eq(config.load_count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(config.load[i].kind, kinds[i], "%zu", i);
    cr_assert_str_eq(config.load[1].file, "Makefile");
    cr_assert_not(config.load[1].has_address);
    cr_assert_eq(config.load[0].address, 0xffffffff);
    cr_assert(config.load[2].has_address, "0 is an address too");
    cr_assert_eq(config.load[3].address, 1);

    cr_assert_str_eq(config.bootargs, "a=\xc3\xa4 \xf0\x9f\x98\x80");
    cr_assert_str_eq(config.system_map, "LICENSE");

    cr_assert_eq(config.device_count, 3);
    cr_assert_str_eq(config.devices[0].name, "rng0");
    cr_assert_eq(config.devices[0].kind, DEVICE_VIRTIO_RNG);
    cr_assert(config.devices[0].legacy);
    cr_assert_str_eq(config.devices[1].name, "disk0");
    cr_assert_eq(config.devices[1].kind, DEVICE_VIRTIO_BLK);
    cr_assert_str_eq(config.devices[1].file, "LICENSE");
    cr_assert(config.devices[1].overlay);
    cr_assert_not(config.devices[1].read_only);
    cr_assert_not(config.devices[1].legacy);
    cr_assert_not(config.devices[2].overlay);
    cr_assert(config.devices[2].read_only);

    cr_assert_eq(config.run.max_insns, 20000000000);
    cr_assert_eq(config.run.stuck_insns, 1000);
    cr_assert_eq(config.run.pages, PAGES_PRECISE);
    cr_assert_eq(config.run.script_count, 3);
    cr_assert_str_eq(config.run.script[0].expect, "> ");
    cr_assert_str_eq(config.run.script[0].send, "x\n");
    cr_assert_eq(config.run.script[0].timeout_ns, 1500000000);
    cr_assert_null(config.run.script[1].expect);
    cr_assert_str_eq(config.run.script[1].send, "");
    cr_assert_null(config.run.script[2].send);

    cr_assert_str_eq(config.expect.console, "ok");
    cr_assert(config.expect.has_exit);
    cr_assert_eq(config.expect.exit, 3);
    config_free(&config);
    cr_assert_null(config.storage);
}

Test(config, overrides)
{
    struct config config;
    LOAD(&config, MINIMAL, "machine.harts=2", "machine.harts=4", "memory[0].size=512M",
         "memory[1]={\"name\": \"nv\", \"base\": \"0x1000\", \"size\": \"4K\"}",
         "memory[1].kind=nonvolatile", "bootargs=123", "devices.disk0.type=virtio-blk",
         "devices.disk0.file=LICENSE", "devices.disk0.overlay=true", "load[1].kernel=Makefile",
         "run.script[0].expect=a=b [c]", "run.script[0].send=\"x\\n\"", "run.script[1].send=x\\n",
         "expect.console=null", "run.max_insns=1000");
    cr_assert_eq(config.machine.harts, 4, "the last one counts");
    cr_assert_eq(config.memory_count, 2);
    cr_assert(config.memory[0].nonvolatile);
    cr_assert_str_eq(config.memory[1].name, "dram", "the default's other keys stay");
    cr_assert_eq(config.memory[1].size, 512 << 20);
    cr_assert_str_eq(config.bootargs, "123");
    cr_assert_eq(config.device_count, 1);
    cr_assert_str_eq(config.devices[0].file, "LICENSE");
    cr_assert_eq(config.load[1].kind, LOAD_KERNEL);
    cr_assert_str_eq(config.run.script[0].expect, "a=b [c]");
    cr_assert_str_eq(config.run.script[0].send, "x\n", "JSON");
    cr_assert_str_eq(config.run.script[1].send, "x\\n", "plain text");
    cr_assert_str_eq(config.expect.console, "null");
    cr_assert_eq(config.run.max_insns, 1000);
    config_free(&config);
}

Test(config, display)
{
    struct config config;
    LOAD(&config, MINIMAL);
    cr_expect_eq(config.display.speed, 0);
    cr_expect_not(config.display.paused);
    config_free(&config);
    LOAD(&config, MINIMAL, "display.speed=0.25", "display.paused=true");
    cr_expect_eq(config.display.speed, 0.25);
    cr_expect(config.display.paused);
    config_free(&config);
}

/* ---- Recovery ------------------------------------------------------------------------------ */

#define WITH(section) "{\"load\": [{\"firmware\": \"opensbi\"}], " section "}"

Test(config_recovery, defaults)
{
    struct config config;
    LOAD(&config, WITH("\"recovery\": {}"));
    const struct recovery_policy *policy = &config.recovery;
    cr_assert(policy->enabled, "the section is there");
    cr_assert(policy->track);
    cr_assert_eq(policy->thread.by, THREAD_BY_REGISTER);
    cr_assert_str_eq(policy->thread.name, "tp");
    cr_assert_not(policy->thread.kernel_half);
    cr_assert_eq(policy->thread.stack_size, 16384);
    cr_assert_eq(policy->thread.stride, 0);
    cr_assert_null(policy->syscall_table);
    cr_assert(policy->traps && policy->interrupts);
    cr_assert_eq(policy->function_count + policy->exempt_count + policy->inverse_count, 0);
    cr_assert_eq(policy->output_count, 0);
    cr_assert_eq(policy->failure.function_count + policy->failure.check_count, 0);
    cr_assert(policy->failure.breakpoints);
    cr_assert_eq(policy->failure.hang_insns, 0);
    cr_assert_eq(policy->on_failure, FAILURE_ERROR);
    cr_assert_eq(policy->error, -5);
    cr_assert_eq(policy->retries, 1);
    cr_assert_eq(policy->innocents, FAILURE_RETRY);
    cr_assert_null(policy->wake);
    cr_assert_eq(policy->log_limit, 64 << 20);
    cr_assert_eq(policy->torture, TORTURE_OFF);
    cr_assert_eq(policy->torture_every, 1);
    cr_assert_eq(policy->torture_kinds, (1u << REQUEST_KINDS) - 1);
    cr_assert_not(policy->by_function);
    cr_assert_eq(policy->costs.domain, 200);
    cr_assert_eq(policy->costs.store, 12);
    cr_assert_eq(policy->costs.load, 4);
    cr_assert_eq(policy->costs.log_byte, 0);
    cr_assert_eq(policy->costs.dependency, 60);
    cr_assert_eq(policy->costs.commit, 100);
    config_free(&config);
}

static const char recovery_full[] = WITH(
    "\"devices\": {\"rng0\": {\"type\": \"virtio-rng\"}},\n"
    "\"recovery\": {\"enabled\": false, \"track\": false,\n"
    " \"thread\": {\"by\": \"symbol\", \"name\": \"current\", \"kernel_half\": true, "
    "\"stack_size\": \"8K\", \"stride\": 64},\n"
    " \"syscall_table\": \"sys_call_table\",\n"
    " \"requests\": {\"traps\": false, \"interrupts\": false, \"functions\": [\"a.part.0\", "
    "\"b\"]},\n"
    " \"exempt\": [\"schedule\", \"swtch?\"],\n"
    " \"inverse\": [{\"call\": \"kmalloc\", \"undo\": \"kfree\"}, "
    "{\"argument\": \"first\", \"call\": \"get\", \"undo\": \"put\"}],\n"
    " \"output\": {\"uart0\": \"defer\", \"rng0\": \"ignore\", \"test\": \"barrier\"},\n"
    " \"failure\": {\"functions\": [\"die\"], \"checks\": [\"ok\", \"fine\"], \"breakpoints\": "
    "false, \"hang\": \"1G\"},\n"
    " \"on_failure\": \"retry\", \"error\": -4095, \"retries\": 1000, \"innocents\": \"error\",\n"
    " \"wake\": \"wake_up\", \"log_limit\": \"4K\", \"torture\": \"rollback-retry\", "
    "\"torture_every\": 7, \"torture_kinds\": [\"function\", \"syscall\"], \"by_function\": true,\n"
    " \"costs\": {\"domain\": 1, \"store\": 2, \"load\": 3, \"log_byte\": 4, \"dependency\": 5, "
    "\"commit\": 6}},\n"
    "\"report\": {\"dir\": \"tests\"}");

Test(config_recovery, everything)
{
    struct config config;
    LOAD(&config, recovery_full);
    const struct recovery_policy *policy = &config.recovery;
    cr_assert_not(policy->enabled);
    cr_assert_not(policy->track);
    cr_assert_eq(policy->thread.by, THREAD_BY_SYMBOL);
    cr_assert_str_eq(policy->thread.name, "current");
    cr_assert(policy->thread.kernel_half);
    cr_assert_eq(policy->thread.stack_size, 8192);
    cr_assert_eq(policy->thread.stride, 64);
    cr_assert_str_eq(policy->syscall_table, "sys_call_table");
    cr_assert_not(policy->traps || policy->interrupts);
    cr_assert_eq(policy->function_count, 2);
    cr_assert_str_eq(policy->functions[0], "a.part.0");
    cr_assert_str_eq(policy->functions[1], "b");
    cr_assert_eq(policy->exempt_count, 2);
    cr_assert_str_eq(policy->exempt[1], "swtch?");
    cr_assert_eq(policy->inverse_count, 2);
    cr_assert_str_eq(policy->inverses[0].call, "kmalloc");
    cr_assert_str_eq(policy->inverses[0].undo, "kfree");
    cr_assert_eq(policy->inverses[0].argument, INVERSE_RESULT);
    cr_assert_eq(policy->inverses[1].argument, INVERSE_FIRST);
    cr_assert_eq(policy->output_count, 3);
    cr_assert_str_eq(policy->outputs[0].device, "uart0");
    cr_assert_eq(policy->outputs[0].policy, OUTPUT_DEFER);
    cr_assert_str_eq(policy->outputs[1].device, "rng0");
    cr_assert_eq(policy->outputs[1].policy, OUTPUT_IGNORE);
    cr_assert_eq(policy->outputs[2].policy, OUTPUT_BARRIER);
    cr_assert_str_eq(policy->failure.functions[0], "die");
    cr_assert_eq(policy->failure.check_count, 2);
    cr_assert_not(policy->failure.breakpoints);
    cr_assert_eq(policy->failure.hang_insns, 1000000000);
    cr_assert_eq(policy->on_failure, FAILURE_RETRY);
    cr_assert_eq(policy->error, -4095);
    cr_assert_eq(policy->retries, 1000);
    cr_assert_eq(policy->innocents, FAILURE_ERROR);
    cr_assert_str_eq(policy->wake, "wake_up");
    cr_assert_eq(policy->log_limit, 4096);
    cr_assert_eq(policy->torture, TORTURE_ROLLBACK_RETRY);
    cr_assert_eq(policy->torture_every, 7);
    cr_assert_eq(policy->torture_kinds, 1u << REQUEST_FUNCTION | 1u << REQUEST_SYSCALL);
    cr_assert(policy->by_function);
    cr_assert_eq(policy->costs.domain, 1);
    cr_assert_eq(policy->costs.commit, 6);
    cr_assert_str_eq(config.report.dir, "tests", "a directory that is there will do");
    config_free(&config);
}

Test(config_recovery, overrides)
{
    struct config config;
    LOAD(&config, MINIMAL, "recovery.thread.name=x9", "recovery.error=-1",
         "recovery.torture_kinds=[\"fault\"]", "recovery.exempt[0]=true", "recovery.exempt[1]=f?");
    cr_assert(config.recovery.enabled);
    cr_assert_str_eq(config.recovery.thread.name, "s1", "the ABI's name");
    cr_assert_eq(config.recovery.error, -1);
    cr_assert_eq(config.recovery.torture_kinds, 1u << REQUEST_FAULT);
    cr_assert_str_eq(config.recovery.exempt[0], "true", "symbols are text");
    cr_assert_eq(config.recovery.exempt_count, 2);
    config_free(&config);
    LOAD(&config, WITH("\"recovery\": {}"), "recovery.enabled=false");
    cr_assert_not(config.recovery.enabled);
    config_free(&config);
}

Test(config_recovery, what_is_no_contradiction)
{
    struct config config;
    LOAD(&config, WITH("\"recovery\": {\"requests\": {\"functions\": [\"a\"]}, \"inverse\": "
                       "[{\"call\": \"a\", \"undo\": \"b\"}, {\"call\": \"c\", \"undo\": \"b\"}],"
                       "\"thread\": {\"by\": \"register\", \"stack_size\": \"12K\"},"
                       "\"retries\": 3, \"on_failure\": \"error\"}"));
    config_free(&config);
}

Test(config_inject, kinds)
{
    struct config config;
    LOAD(&config, WITH("\"inject\": {\"kind\": \"flip\", \"at\": \"f+0x10\", \"register\": \"fp\", "
                       "\"bit\": 63, \"nth\": \"2k\", \"task\": \"sh\"}"));
    cr_assert_eq(config.inject.kind, INJECT_FLIP);
    cr_assert_str_eq(config.inject.symbol, "f");
    cr_assert_eq(config.inject.offset, 16);
    cr_assert_str_eq(config.inject.reg, "s0");
    cr_assert_eq(config.inject.bit, 63);
    cr_assert_eq(config.inject.nth, 2000);
    cr_assert_str_eq(config.inject.task, "sh");
    config_free(&config);
    LOAD(&config, WITH("\"inject\": {\"kind\": \"wild\", \"at\": \"f\", \"address\": 4096}"));
    cr_assert_eq(config.inject.kind, INJECT_WILD);
    cr_assert_eq(config.inject.offset, 0);
    cr_assert_eq(config.inject.nth, 1);
    cr_assert_null(config.inject.task);
    cr_assert_null(config.inject.address_symbol);
    cr_assert_eq(config.inject.address, 4096);
    cr_assert_eq(config.inject.value, 0);
    config_free(&config);
    LOAD(&config,
         WITH("\"inject\": {\"kind\": \"wild\", \"at\": \"f\", \"address\": \"jiffies+8\", "
              "\"value\": \"0xffffffffffffffff\"}"));
    cr_assert_str_eq(config.inject.address_symbol, "jiffies");
    cr_assert_eq(config.inject.address, 8);
    cr_assert_eq(config.inject.value, UINT64_MAX);
    config_free(&config);
    LOAD(&config, MINIMAL, "inject.kind=wild", "inject.at=f+4", "inject.address=0x80000000");
    cr_assert_eq(config.inject.offset, 4);
    cr_assert_eq(config.inject.address, 0x80000000);
    config_free(&config);
}

Test(config_inject, another_kind_on_the_command_line)
{
    struct config config;
    LOAD(&config,
         WITH("\"inject\": {\"kind\": \"flip\", \"at\": \"f\", \"register\": \"a0\", "
              "\"bit\": 1}"),
         "inject.kind=bug");
    cr_assert_eq(config.inject.kind, INJECT_BUG);
    config_free(&config);
}

Test(config_inject, none_goes_with_torture)
{
    struct config config;
    LOAD(&config, WITH("\"inject\": {\"kind\": \"none\", \"at\": \"f\"}, "
                       "\"recovery\": {\"torture\": \"rollback-retry\"}"));
    config_free(&config);
    LOAD(&config,
         WITH("\"inject\": {\"kind\": \"skip\", \"at\": \"f\"}, "
              "\"recovery\": {\"torture\": \"rollback-retry\"}"),
         "recovery.enabled=false");
    config_free(&config);
}

/* ---- Presets ------------------------------------------------------------------------------- */

#define PRESETS "configs/presets"

static const struct preset *find_embedded(enum preset_kind kind, const char *name)
{
    const struct preset *preset;
    for (size_t i = 0; (preset = preset_at(kind, i)); i++)
        if (!strcmp(preset->name, name))
            return preset;
    return NULL;
}

/* Is the preset one of the kinds, and this file's text? */
static const struct preset *expect_embedded(const char *folder, const char *name,
                                            const enum preset_kind *kinds, size_t count)
{
    char path[600], text[8192] = "";
    const struct preset *preset = NULL;
    for (size_t i = 0; i < count && !preset; i++)
        preset = find_embedded(kinds[i], name);
    cr_assert_not_null(preset, "%s/%s.json is not in sim/preset.c", folder, name);
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    FILE *file = fopen(path, "r");
    cr_assert_lt(fread(text, 1, sizeof text - 1, file), sizeof text - 1);
    fclose(file);
    cr_assert_str_eq(preset->text, text, "%s: built from another version?", path);
    return preset;
}

static void expect_usable(const struct preset *preset)
{
    static const char *const keys[] = {[PRESET_RECOVERY] = "recovery.preset",
                                       [PRESET_POWER] = "power.preset",
                                       [PRESET_BOARD] = "machine.board"};
    struct config config;
    char set[400];
    snprintf(set, sizeof set, "%s=%s", keys[preset->kind], preset->name);
    if (preset->kind == PRESET_POWER)
        LOAD(&config, MINIMAL, set, "machine.board=mps2-an386");
    else
        LOAD(&config, MINIMAL, set);
    cr_assert_eq(config.recovery.enabled, preset->kind == PRESET_RECOVERY);
    cr_assert_eq(config.power.enabled, preset->kind == PRESET_POWER);
    cr_assert_eq(config.machine.cpu == CPU_RV64GC, preset->kind == PRESET_RECOVERY);
    config_free(&config);
}

/* The binary has each of the folder's files, and each is valid; it has no others. */
static void expect_all_embedded(const char *folder, const enum preset_kind *kinds, size_t count)
{
    size_t seen = 0, known = 0;
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char name[300];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *dot = strstr(name, ".json");
        if (!dot)
            continue;
        *dot = 0;
        expect_usable(expect_embedded(folder, name, kinds, count));
        seen++;
    }
    closedir(dir);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; preset_at(kinds[i], k); k++)
            known++;
    cr_assert_eq(seen, known, "%s: %zu files, %zu embedded", folder, seen, known);
}

Test(config_preset, all_are_embedded)
{
    static const enum preset_kind presets[] = {PRESET_RECOVERY, PRESET_POWER};
    static const enum preset_kind boards[] = {PRESET_BOARD};
    expect_all_embedded(PRESETS, presets, 2);
    expect_all_embedded("configs/boards", boards, 1);
}

/* The section's own keys win over the preset's, null takes one away, arrays replace. */
Test(config_preset, power)
{
    struct config config;
    LOAD(&config, WITH("\"machine\": {\"board\": \"mps2-an386\"}, \"power\": {\"preset\": "
                       "\"hypnos\", \"seed\": 7}"));
    cr_assert(config.power.enabled);
    cr_assert_eq(config.power.seed, 7);
    cr_assert_eq(config.power.nvm.range_count, 1);
    cr_assert_str_eq(config.power.nvm.ranges[0].section, ".nvm");
    cr_assert_str_eq(config.power.progress[0], "hypnos_tx_commit");
    cr_assert_not(config.power.energy.enabled, "names alone cost nothing");
    cr_assert_str_eq(config.power.energy.logging.names[0], "hypnos_log*");
    cr_assert_str_eq(config.power.counters[0].name, "committed");
    cr_assert_str_eq(config.power.counters[0].sum, "r0");
    config_free(&config);
    LOAD(&config, WITH("\"machine\": {\"board\": \"mps2-an386\"}, \"power\": {\"preset\": "
                       "\"hypnos\", \"progress\": null, \"counters\": "
                       "{\"undone\": null}, \"nvm\": {\"atomic\": 8, \"ranges\": [{\"region\": "
                       "\"ssram23\"}]}, \"energy\": null}"));
    cr_assert_eq(config.power.progress_count, 0);
    cr_assert_eq(config.power.counter_count, 10);
    cr_assert_str_eq(config.power.counters[1].name, "bypassed");
    cr_assert_eq(config.power.nvm.atomic, 8);
    cr_assert_null(config.power.nvm.ranges[0].section);
    cr_assert_str_eq(config.power.nvm.ranges[0].region, "ssram23");
    cr_assert_eq(config.power.energy.logging.count, 0);
    config_free(&config);
    LOAD(&config, MINIMAL, "machine.board=mps2-an386", "power.preset=configs/presets/intos.json",
         "power.cuts=[{\"every\": \"1ms\", \"count\": 3}]");
    cr_assert_str_eq(config.power.later.entry, "recover_and_boot");
    cr_assert_str_eq(config.power.later.zero[0], ".bss");
    cr_assert_eq(config.power.cuts[0].every_ns, 1000000);
    cr_assert_eq(config.power.cuts[0].count, 3);
    config_free(&config);
    LOAD(&config, WITH("\"machine\": {\"board\": \"mps2-an386\"}, \"power\": {\"preset\": "
                       "\"hypnos\", \"enabled\": false}"));
    cr_assert_not(config.power.enabled);
    config_free(&config);
}

Test(config_preset, linux)
{
    struct config config;
    LOAD(&config, WITH("\"recovery\": {\"preset\": \"linux-riscv64\"}"));
    const struct recovery_policy *policy = &config.recovery;
    cr_assert_eq(policy->thread.by, THREAD_BY_REGISTER);
    cr_assert_str_eq(policy->thread.name, "tp");
    cr_assert(policy->thread.kernel_half);
    cr_assert_str_eq(policy->syscall_table, "sys_call_table");
    cr_assert_str_eq(policy->exempt[0], "__schedule");
    cr_assert_eq(policy->exempt_count, 1);
    cr_assert_eq(policy->output_count, 4);
    cr_assert_eq(policy->outputs[0].policy, OUTPUT_DEFER);
    cr_assert_eq(policy->failure.function_count, 5);
    cr_assert_str_eq(policy->wake, "wake_up_process");
    cr_assert_eq(policy->retries, 1, "the usual defaults elsewhere");
    config_free(&config);
}

Test(config_preset, own_keys_win)
{
    struct config config;
    LOAD(
        &config,
        WITH("\"recovery\": {\"preset\": \"linux-riscv64\", \"exempt\": [\"own\"], \"wake\": null, "
             "\"thread\": {\"name\": \"s11\"}, \"output\": {\"uart0\": \"barrier\", \"test\": "
             "\"ignore\", \"rtc\": null}, \"costs\": {\"load\": null}}"),
        "recovery.failure.functions[1]=mine", "recovery.exempt[1]=another");
    const struct recovery_policy *policy = &config.recovery;
    cr_assert_str_eq(policy->thread.name, "s11");
    cr_assert(policy->thread.kernel_half, "objects are merged");
    cr_assert_eq(policy->exempt_count, 2, "arrays are not");
    cr_assert_str_eq(policy->exempt[0], "own");
    cr_assert_str_eq(policy->exempt[1], "another");
    cr_assert_null(policy->wake, "null takes away");
    cr_assert_eq(policy->costs.load, 4, "and is no more than that");
    cr_assert_eq(policy->output_count, 4);
    cr_assert_str_eq(policy->outputs[0].device, "uart0");
    cr_assert_eq(policy->outputs[0].policy, OUTPUT_BARRIER);
    cr_assert_eq(policy->failure.function_count, 5, "--set sees what the preset says");
    cr_assert_str_eq(policy->failure.functions[0], "die");
    cr_assert_str_eq(policy->failure.functions[1], "mine");
    config_free(&config);
}

Test(config_preset, on_the_command_line)
{
    struct config config;
    LOAD(&config,
         WITH("\"recovery\": {\"preset\": \"linux-riscv64\", \"retries\": 7, \"wake\": null}"),
         "recovery.exempt[0]=own", "recovery.preset=xv6-like");
    cr_assert_eq(config.recovery.thread.by, THREAD_BY_STACK);
    cr_assert_eq(config.recovery.thread.stack_size, 4096);
    cr_assert_eq(config.recovery.retries, 7);
    cr_assert_eq(config.recovery.exempt_count, 3, "nothing is left of the file's preset");
    cr_assert_str_eq(config.recovery.exempt[0], "own");
    cr_assert_str_eq(config.recovery.exempt[1], "scheduler?");
    cr_assert_null(config.recovery.wake);
    config_free(&config);
    LOAD(&config, WITH("\"recovery\": {\"preset\": \"linux-riscv64\", \"retries\": 7}"),
         "recovery={\"preset\": \"by-stack\", \"thread\": {\"stack_size\": \"8K\"}}");
    cr_assert_eq(config.recovery.thread.by, THREAD_BY_STACK);
    cr_assert_eq(config.recovery.thread.stack_size, 8192);
    cr_assert_eq(config.recovery.retries, 1);
    config_free(&config);
    LOAD(&config, MINIMAL, "recovery.preset=" PRESETS "/by-symbol.json");
    cr_assert_str_eq(config.recovery.thread.name, "current_thread?");
    config_free(&config);
}

/* A file as a preset: `expected` is the error, with the file's name for "@". */
static void assert_preset_error(const char *text, const char *expected)
{
    char path[32], json[200], message[600] = "";
    struct config config;
    struct error err = {""};
    write_config(path, text, strlen(text));
    snprintf(json, sizeof json, WITH("\"recovery\": {\"preset\": \"%s\"}"), path);
    cr_assert_eq(load(&config, json, &err, NULL, 0), -1, "%s", text);
    unlink(path);
    const char *found = strstr(err.text, ": "), *at = strchr(expected, '@');
    snprintf(message, sizeof message, ": %.*s%s%s", (int)(at - expected), expected, path, at + 1);
    cr_assert_str_eq(found, message);
}

Test(config_preset, files_that_are_none)
{
    assert_preset_error("", "recovery.preset: expected a file to read, but \"@\" is empty");
    assert_preset_error("{\n,",
                        "recovery.preset: @:2:1: expected a key in quotes or \"}\", found \",\"");
    assert_preset_error("[]",
                        "recovery.preset: @: expected an object with the section \"recovery\"");
    assert_preset_error("{}",
                        "recovery.preset: @: expected an object with the section \"recovery\"");
    assert_preset_error("{\"recovery\": 1}",
                        "recovery.preset: @: expected an object with the section \"recovery\"");
    assert_preset_error(
        "{\"recovery\": {}, \"run\": {}}",
        "recovery.preset: @: expected the section \"recovery\" only, found \"run\"");
    assert_preset_error("{\"recovery\": {\"preset\": \"xv6-like\"}}",
                        "recovery.preset: @: expected no key \"preset\" in a preset");
    assert_preset_error("{\"recovery\": {\"wake\": \"a\", \"wake\": \"b\"}}",
                        "recovery.wake (of preset @): the key is there twice");
    assert_preset_error("{\"recovery\": {\"exmpt\": []}}",
                        "recovery.exmpt (of preset @): unknown key \"exmpt\"; did you mean "
                        "\"exempt\"?");
    assert_preset_error("{\"recovery\": {\"thread\": {\"by\": 1}}}",
                        "recovery.thread.by (of preset @): expected \"register\", \"stack\" or "
                        "\"symbol\", found 1");
}

/* ---- Files --------------------------------------------------------------------------------- */

Test(config, the_file_itself)
{
    struct config config = {.load_count = 7};
    struct error err;
    char path[32], expected[200];
    cr_assert_eq(config_load(&config, "/nonexistent/x.json", NULL, 0, &err), -1);
    cr_assert_str_eq(err.text,
                     "/nonexistent/x.json: cannot read the file: No such file or directory");
    cr_assert_eq(config.load_count, 0, "empty after a failure");
    cr_assert_eq(config_load(&config, "tests", NULL, 0, &err), -1);
    cr_assert_str_eq(err.text, "tests: cannot read the file: Is a directory");
    cr_assert_eq(config_load(&config, "tests", NULL, 0, NULL), -1);

    char *huge = malloc(JSON_MAX_SIZE + 1);
    memset(huge, ' ', JSON_MAX_SIZE + 1);
    memcpy(huge, MINIMAL, sizeof MINIMAL - 1);
    write_config(path, huge, JSON_MAX_SIZE + 1);
    cr_assert_eq(config_load(&config, path, NULL, 0, &err), -1);
    snprintf(expected, sizeof expected, "%s: expected a file of at most 1 MiB, found a larger one",
             path);
    cr_assert_str_eq(err.text, expected);
    cr_assert_eq(truncate(path, JSON_MAX_SIZE), 0);
    cr_assert_eq(config_load(&config, path, NULL, 0, &err), 0, "%s", err.text);
    config_free(&config);
    unlink(path);
    free(huge);
}

Test(config, error_without_a_place_for_it)
{
    struct config config;
    cr_assert_eq(load(&config, "{\"machine\": 1}", NULL, NULL, 0), -1);
    cr_assert_eq(load(&config, "{", NULL, NULL, 0), -1);
    cr_assert_eq(load(&config, MINIMAL, NULL, (const char *[]){"x"}, 1), -1);
}

Test(config, long_and_strange_file_names_leave_room_for_the_message)
{
    char dir[] = "/tmp/iaso-config-XXXXXX", path[700];
    struct config config;
    struct error err;
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%0200d\n.json", dir, 7);
    FILE *file = fopen(path, "w");
    fputs("{\"machine\": 1}", file);
    fclose(file);
    cr_assert_eq(config_load(&config, path, NULL, 0, &err), -1);
    cr_assert(strstr(err.text, "0007?.json: machine: expected an object, found 1"), "%s", err.text);
    cr_assert_eq(strncmp(err.text, "...0000", 7), 0);
    unlink(path);
    rmdir(dir);
}

static void assert_file_error(const char *file, const char *more, const char *expected)
{
    char text[300];
    struct config config;
    struct error err;
    snprintf(text, sizeof text,
             "{\"load\": [{\"firmware\": \"opensbi\"}], \"devices\": "
             "{\"d\": {\"type\": \"virtio-blk\", \"file\": \"%s\"%s}}}",
             file, more);
    int result = load(&config, text, &err, NULL, 0);
    cr_assert_eq(result, expected ? -1 : 0, "%s", err.text);
    if (expected)
        cr_assert(strstr(err.text, expected), "%s", err.text);
    config_free(&config);
}

Test(config, disks_must_be_usable)
{
    char path[32];
    write_config(path, "", 0);
    assert_file_error(path, "", " is empty");
    cr_assert_eq(truncate(path, 512), 0);
    assert_file_error(path, "", NULL);
    if (geteuid() == 0) /* whom permissions do not stop */
        cr_assert_eq(seteuid(65534), 0);
    else
        cr_assert_eq(chmod(path, 0400), 0);
    assert_file_error("/etc/passwd", "", NULL);
    assert_file_error("/etc/passwd", ", \"overlay\": false",
                      "devices.d.file: expected a file to read and write, but \"/etc/passwd\": "
                      "Permission denied");
    assert_file_error("/etc/passwd", ", \"overlay\": false, \"read_only\": true", NULL);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    unlink(path);
}

/* ---- The schema ---------------------------------------------------------------------------- */

Test(config, schema_names_every_key)
{
    char *text = config_schema();
    cr_assert_not_null(text);
    cJSON *schema = cJSON_Parse(text);
    cr_assert_not_null(schema, "%s", text);
    const cJSON *properties = cJSON_GetObjectItem(schema, "properties");
    const cJSON *machine = cJSON_GetObjectItem(properties, "machine");
    const cJSON *harts = cJSON_GetObjectItem(cJSON_GetObjectItem(machine, "properties"), "harts");
    cr_assert_eq(cJSON_GetObjectItem(harts, "maximum")->valueint, 8);
    cr_assert_eq(cJSON_GetObjectItem(harts, "default")->valueint, 1);
    const cJSON *power = cJSON_GetObjectItem(properties, "power");
    const cJSON *off = cJSON_GetObjectItem(cJSON_GetObjectItem(power, "properties"), "off_time");
    cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(off, "default")), "10ms");
    cr_assert(cJSON_IsFalse(cJSON_GetObjectItem(schema, "additionalProperties")));
    for (const struct key *key = schema_child(schema_root(), NULL); key;
         key = schema_child(schema_root(), key))
        cr_assert(cJSON_GetObjectItemCaseSensitive(properties, schema_name(key)), "%s", key->path);
    cJSON_Delete(schema);
    free(text);
}

/* ---- Units --------------------------------------------------------------------------------- */

Test(units, parse)
{
    static const struct {
        enum units units;
        const char *text;
        uint64_t value;
    } good[] = {
        {UNITS_SIZE, "0", 0},
        {UNITS_SIZE, "1K", 1024},
        {UNITS_SIZE, "1.5M", 1572864},
        {UNITS_SIZE, "2GiB", UINT64_C(2) << 30},
        {UNITS_SIZE, "0xFff", 4095},
        {UNITS_SIZE, "16777215T", UINT64_C(16777215) << 40},
        {UNITS_SIZE, "18446744073709551615", UINT64_MAX},
        {UNITS_COUNT, "20k", 20000},
        {UNITS_COUNT, "20K", 20000},
        {UNITS_COUNT, "0.000000000001T", 1},
        {UNITS_DURATION, "0", 0},
        {UNITS_DURATION, "10ms", 10000000},
        {UNITS_DURATION, "2min", UINT64_C(120000000000)},
        {UNITS_ADDRESS, "0xffffffffffffffff", UINT64_MAX},
        {UNITS_ADDRESS, "10", 10},
        {UNITS_FREQUENCY, "96MHz", 96000000},
        {UNITS_FREQUENCY, "12.5MHz", 12500000},
        {UNITS_FREQUENCY, "32.768kHz", 32768},
        {UNITS_VOLTAGE, "2.8V", 2800000},
        {UNITS_VOLTAGE, "1800mV", 1800000},
        {UNITS_CURRENT, "330nA", 330000},
        {UNITS_CURRENT, "1.5uA", 1500000},
        {UNITS_CAPACITANCE, "10uF", 10000000},
        {UNITS_CAPACITANCE, "0.1F", UINT64_C(100000000000)},
        {UNITS_RESISTANCE, "30kOhm", 30000000},
        {UNITS_RESISTANCE, "1.5Ohm", 1500},
        {UNITS_POWER, "1.2mW", 1200000000},
        {UNITS_ENERGY, "0.4nJ", 400000},
        {UNITS_ENERGY, "10pJ", 10000},
        {UNITS_ENERGY, "1fJ", 1},
    };
    static const struct {
        enum units units;
        const char *text;
    } bad[] = {
        {UNITS_SIZE, ""},           {UNITS_SIZE, "K"},
        {UNITS_SIZE, ".5K"},        {UNITS_SIZE, "5.K"},
        {UNITS_SIZE, "1.5"},        {UNITS_SIZE, "1k"},
        {UNITS_SIZE, "1 K"},        {UNITS_SIZE, "+1"},
        {UNITS_SIZE, "16777216T"},  {UNITS_SIZE, "0xfffff0000000000000"},
        {UNITS_SIZE, "0xg"},        {UNITS_SIZE, "0.0000000000000000001T"},
        {UNITS_COUNT, "1GiB"},      {UNITS_DURATION, "1"},
        {UNITS_DURATION, "0x1s"},   {UNITS_DURATION, "0.5ns"},
        {UNITS_ADDRESS, "1K"},      {UNITS_ADDRESS, "1.0"},
        {UNITS_ADDRESS, "-1"},      {UNITS_FREQUENCY, "96"},
        {UNITS_FREQUENCY, "96mhz"}, {UNITS_VOLTAGE, "2.8"},
        {UNITS_VOLTAGE, "2.8mA"},   {UNITS_VOLTAGE, "-1V"},
        {UNITS_VOLTAGE, "nanV"},    {UNITS_VOLTAGE, "1e3V"},
        {UNITS_CURRENT, "0.5pA"},   {UNITS_CAPACITANCE, "10u"},
        {UNITS_RESISTANCE, "30k"},  {UNITS_POWER, "1J"},
        {UNITS_ENERGY, "0"},        {UNITS_ENERGY, "0x1pJ"},
        {UNITS_ENERGY, "18447J"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t value = 12345;
        cr_assert_eq(units_parse(good[i].units, good[i].text, &value), 0, "%s", good[i].text);
        cr_assert_eq(value, good[i].value, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t value = 12345;
        cr_assert_eq(units_parse(bad[i].units, bad[i].text, &value), -1, "%s", bad[i].text);
        cr_assert_eq(value, 12345, "%s", bad[i].text);
    }
}

Test(units, format_is_the_inverse_of_parse)
{
    static const uint64_t values[] = {0,           1,    1000,       1024,
                                      60000000000, 1536, UINT64_MAX, UINT64_C(1) << 40};
    for (int units = UNITS_SIZE; units <= UNITS_ENERGY; units++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            char text[32];
            uint64_t value = 12345;
            units_format((enum units)units, values[i], text, sizeof text);
            cr_assert_eq(units_parse((enum units)units, text, &value), 0, "%s", text);
            cr_assert_eq(value, values[i], "%s", text);
        }
    }
    char text[32];
    cr_assert_str_eq(units_format(UNITS_SIZE, 256 << 20, text, sizeof text), "256M");
    cr_assert_str_eq(units_format(UNITS_DURATION, 10000000000, text, sizeof text), "10s");
    cr_assert_str_eq(units_format(UNITS_VOLTAGE, 2800000, text, sizeof text), "2800mV");
    cr_assert_str_eq(units_format(UNITS_FREQUENCY, 96000000, text, sizeof text), "96MHz");
    cr_assert_str_eq(units_format(UNITS_ENERGY, 400000, text, sizeof text), "400pJ");
}

/* ---- Nearest and quoted -------------------------------------------------------------------- */

Test(nearest, edits)
{
    static const char *const names[] = {"harts", "mips", "memory", "a"};
    cr_assert_str_eq(nearest("hart", names, 4), "harts");
    cr_assert_str_eq(nearest("hatrs", names, 4), "harts", "a swap is one edit");
    cr_assert_str_eq(nearest("HARTS", names, 4), "harts");
    cr_assert_str_eq(nearest("xharts", names, 4), "harts");
    cr_assert_str_eq(nearest("mmory", names, 4), "memory");
    cr_assert_null(nearest("hxxts", names, 4));
    cr_assert_null(nearest("b", names, 4), "one letter is near to nothing");
    cr_assert_null(nearest("", names, 4));
    cr_assert_null(nearest("zzzzzz", names, 4));
    cr_assert_null(nearest("harts", names, 0));
}

Test(nearest, long_names)
{
    char a[300], b[300];
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    a[299] = b[299] = 0;
    const char *names[] = {b};
    cr_assert_null(nearest(a, names, 1));
    a[127] = b[128] = 0;
    cr_assert_str_eq(nearest(a, names, 1), b);
}

Test(text, quote_escapes_and_cuts)
{
    char buffer[16];
    cr_assert_str_eq(text_quote("", buffer, sizeof buffer), "\"\"");
    cr_assert_str_eq(text_quote("a\"\\\n\x01", buffer, sizeof buffer), "\"a\\\"\\\\\\n\\x01\"");
    cr_assert_str_eq(text_quote("0123456789abc", buffer, sizeof buffer), "\"0123456789abc\"");
    cr_assert_str_eq(text_quote("0123456789abcd", buffer, sizeof buffer), "\"0123456789...\"");
    cr_assert_str_eq(text_quote("012345678\xc3\xa4xxxx", buffer, sizeof buffer),
                     "\"012345678...\"");
    cr_assert_str_eq(text_quote("01234567\n\n\n\n\n", buffer, sizeof buffer), "\"01234567\\n...\"");
    char tiny[8];
    cr_assert_str_eq(text_quote("\x01\x01\x01\x01", tiny, sizeof tiny), "\"...\"");
}
