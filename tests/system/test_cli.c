/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, its exit codes, and images and files that are wrong in every way. */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"

#define HELLO "build/guests/riscv/hello.elf"

/* Exit code 2, nothing on standard output, and one line on standard error that has `text` in it. */
static void expect_usage_error(const struct run *run, const char *text)
{
    size_t length = strlen(run->err);
    cr_expect_eq(run->code, 2, "exit code %d for \"%s\": %s", run->code, text, run->err);
    cr_expect_str_empty(run->out, "%s", run->out);
    cr_expect(!strncmp(run->err, "iaso: ", 6), "%s", run->err);
    cr_expect(length && strchr(run->err, '\n') == run->err + length - 1, "not one line: %s",
              run->err);
    cr_expect(strstr(run->err, text), "no \"%s\" in: %s", text, run->err);
}

static const char *hello_config(struct place *place)
{
    return place_write(place, "hello.json", "{\"load\": [{\"kernel\": \"" HELLO "\"}]}");
}

Test(system_cli, help)
{
    static const char *const commands[] = {"run", "inject", "check", "schema", "dtb"};
    struct run run;
    RUN(&run, "--help");
    cr_expect_eq(run.code, 0);
    cr_expect_str_empty(run.err);
    for (size_t i = 0; i < 5; i++)
        cr_expect(strstr(run.out, commands[i]), "%s", commands[i]);
    cr_expect(strstr(run.out, "exit codes"));
    run_free(&run);
    for (size_t i = 0; i < 5; i++) {
        RUN(&run, commands[i], "-h");
        cr_expect_eq(run.code, 0, "%s", commands[i]);
        cr_expect(strstr(run.out, "usage: iaso"), "%s", commands[i]);
        run_free(&run);
    }
}

Test(system_cli, version)
{
    struct run run;
    RUN(&run, "--version");
    cr_expect_eq(run.code, 0);
    cr_expect(!strncmp(run.out, "iaso ", 5) && run.out[5] >= '0' && run.out[5] <= '9', "%s",
              run.out);
    run_free(&run);
}

Test(system_cli, usage_errors)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = hello_config(&place);
    const struct {
        const char *arguments[6];
        const char *text;
    } cases[] = {
        {{NULL}, "expected a command"},
        {{"rnu"}, "unknown command \"rnu\""},
        {{"run"}, "expected the file name of a config"},
        {{"run", config, config}, "expected no further argument"},
        {{"run", config, "--sumary", "x"}, "did you mean \"--summary\"?"},
        {{"run", config, "--summary"}, "expected a value after"},
        {{"run", config, "--max-insns", "many"}, "expected a count"},
        {{"run", config, "--max-insns", "0"}, "expected a count"},
        {{"run", config, "--console", "screen"}, "--console: expected"},
        {{"run", config, "--set", "machine.harts"}, "--set: expected PATH=VALUE"},
        {{"run", config, "--set", "machine.hrts=2"}, "did you mean \"harts\"?"},
        {{"run", config, "--set", "machine.harts=9"}, "from 1 to 8"},
        {{"run", config, "--kind=bug"}, "unknown"},
        {{"run", config, "--report", "LICENSE"}, "--set report.dir: expected a directory"},
        {{"inject"}, "expected the file name of a config"},
        {{"inject", config}, "inject: expected a fault"},
        {{"inject", config, "--nth", "2"}, "--set inject: expected the key \"kind\""},
        {{"inject", config, "--kind", "bug"}, "--set inject: expected the key \"at\""},
        {{"inject", config, "--kind=none", "--at=f"}, "inject: expected a fault"},
        {{"inject", config, "--kind=nul", "--at=f"}, "did you mean \"null\"?"},
        {{"inject", config, "--kind=bug", "--at=f+"}, "--set inject.at: expected a symbol"},
        {{"inject", config, "--kind=bug", "--at=f", "--nth=0"}, "--set inject.nth: expected"},
        {{"inject", config, "--kind=flip", "--at=f", "--bit=3"}, "the key \"register\""},
        {{"inject", config, "--kind=wild", "--at=f"}, "the key \"address\""},
        {{"inject", config, "--kind=bug", "--at=f", "--value=1"}, "inject.value: expected no such"},
        {{"inject", config, "--kind=bug", "--at=f", "--regster=a0"}, "did you mean \"--register\""},
        {{"check", config, "--quiet"}, "unknown"},
        {{"check", "no-such-file.json"}, "no-such-file.json: "},
        {{"dtb", "/"}, "/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_program(&run, NULL, cases[i].arguments);
        expect_usage_error(&run, cases[i].text);
        run_free(&run);
    }
    place_remove(&place);
}

Test(system_cli, check_says_nothing_about_what_is_right)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "check", hello_config(&place));
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_str_empty(run.err);
    cr_expect_str_empty(run.out);
    run_free(&run);
    place_remove(&place);
}

Test(system_cli, check_looks_into_the_kernel)
{
    static const struct {
        const char *set, *error;
    } cases[] = {
        {"recovery.failure.functions=[\"no_such_function\"]",
         "expected a symbol of the guest, found \"no_such_function\""},
        {"machine.board=mps2-an386", HELLO ": expected an ELF file for Arm"},
    };
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = hello_config(&place);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RUN(&run, "check", config, "--set", cases[i].set);
        expect_usage_error(&run, cases[i].error);
        run_free(&run);
    }
    place_remove(&place);
}

/* The examples must be right: all but their files, which may not have been fetched, are checked
 * elsewhere by running them. */
Test(system_cli, schema_is_json)
{
    struct run run;
    RUN(&run, "schema");
    cr_expect_eq(run.code, 0);
    cJSON *schema = cJSON_Parse(run.out);
    cr_assert(schema, "%.200s", run.out);
    cr_expect(cJSON_GetObjectItem(schema, "$schema"));
    const cJSON *properties = cJSON_GetObjectItem(schema, "properties");
    static const char *const keys[] = {"machine", "memory",   "load",   "devices", "run",
                                       "expect",  "recovery", "inject", "report"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_expect(cJSON_GetObjectItem(properties, keys[i]), "%s", keys[i]);
    cJSON_Delete(schema);
    run_free(&run);
}

Test(system_cli, dtb_is_a_device_tree_that_dtc_accepts)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = hello_config(&place);
    RUN(&run, "dtb", config, "--set", "machine.harts=3");
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_assert(run.out_size > 40);
    cr_expect_eq(memcmp(run.out, "\xd0\x0d\xfe\xed", 4), 0);

    const char *blob = place_bytes(&place, "blob.dtb", run.out, run.out_size);
    const char *source = place_file(&place, "source.dts");
    char command[400];
    snprintf(command, sizeof command, "dtc -q -I dtb -O dts -o %s %s", source, blob);
    cr_expect_eq(system(command), 0, "%s", command);
    char *text = read_whole(source, NULL);
    static const char *const parts[] = {"cpu@2",       "\"riscv-virtio\"", "memory@80000000",
                                        "serial@1000", "plic@c000000",     "clint@2000000"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(text, parts[i]), "no %s in:\n%s", parts[i], text);
    cr_expect(!strstr(text, "cpu@3"));
    free(text);
    run_free(&run);

    const char *output = place_file(&place, "output.dtb");
    RUN(&run, "dtb", config, "-o", output);
    cr_expect_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    RUN(&run, "dtb", config, "-o", output);
    expect_usage_error(&run, "cannot write");
    run_free(&run);
    place_remove(&place);
}

/* ---- Where output goes --------------------------------------------------------------------- */

Test(system_cli, console_goes_to_standard_output_and_the_rest_to_standard_error)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = hello_config(&place);
    RUN(&run, "run", config);
    cr_expect_eq(run.code, 0);
    cr_expect(strstr(run.out, "Goodbye.") && !strstr(run.out, "iaso:"), "%s", run.out);
    cr_expect(strstr(run.err, "iaso: finished: poweroff") && !strstr(run.err, "Goodbye."), "%s",
              run.err);
    run_free(&run);
    RUN(&run, "run", config, "--quiet");
    cr_expect(strstr(run.out, "Goodbye."));
    cr_expect_str_empty(run.err);
    run_free(&run);
    RUN(&run, "run", config, "--console", "none");
    cr_expect_str_empty(run.out);
    run_free(&run);
    place_remove(&place);
}

Test(system_cli, console_to_a_new_file_only)
{
    struct place place;
    struct run run;
    char option[200];
    place_make(&place);
    const char *config = hello_config(&place), *file = place_file(&place, "console");
    snprintf(option, sizeof option, "file=%s", file);
    RUN(&run, "run", config, "-q", "--console", option);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_str_empty(run.out);
    run_free(&run);
    char *text = read_whole(file, NULL);
    cr_expect(strstr(text, "Goodbye."), "%s", text);
    RUN(&run, "run", config, "-q", "--console", option);
    expect_usage_error(&run, "exists already");
    run_free(&run);
    char *after = read_whole(file, NULL);
    cr_expect_str_eq(after, text);
    free(text);
    free(after);
    RUN(&run, "run", config, "-q", "--console", "file=/no/such/folder/console");
    expect_usage_error(&run, "cannot create");
    run_free(&run);
    place_remove(&place);
}

Test(system_cli, console_to_a_full_disk_is_reported)
{
    struct place place;
    struct run run;
    char command[300];
    place_make(&place);
    const char *program = getenv("IASO") ? getenv("IASO") : "./iaso";
    snprintf(command, sizeof command, "%s run %s >/dev/full 2>%s/err", program,
             hello_config(&place), place.dir);
    int status = system(command);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3, "status %d", status);
    char *err = read_whole(place_file(&place, "err"), NULL);
    cr_expect(strstr(err, "No space left on device"), "%s", err);
    free(err);
    RUN(&run, "--version");
    run_free(&run);
    place_remove(&place);
}

Test(system_cli, what_cannot_be_printed_is_told)
{
    static const char *const commands[] = {"--help", "--version", "run --help", "schema report",
                                           "completion bash"};
    struct place place;
    char command[300];
    place_make(&place);
    const char *program = getenv("IASO") ? getenv("IASO") : "./iaso";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        snprintf(command, sizeof command, "%s %s >/dev/full 2>%s/err", program, commands[i],
                 place.dir);
        int status = system(command);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3, "%s: status %d", commands[i],
                  status);
        char *err = read_whole(place_file(&place, "err"), NULL);
        cr_expect_str_eq(err, "iaso: cannot write to standard output\n", "%s", commands[i]);
        free(err);
    }
    place_remove(&place);
}

Test(system_cli, summary)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = hello_config(&place), *file = place_file(&place, "summary");
    RUN(&run, "run", config, "--summary", file);
    cr_expect_eq(run.code, 0);
    cr_expect_eq(summary_number(&run, "exit"), 0);
    cr_expect_str_eq(summary_text(&run, "end"), "poweroff");
    cr_expect_eq(strlen(summary_text(&run, "console_sha256")), 64);
    cr_expect_eq(strlen(summary_text(&run, "memory_sha256")), 64);
    cr_expect_gt(summary_number(&run, "instructions"), 1000);
    cr_expect_gt(summary_number(&run, "virtual_time_ns"), 10000);
    cr_expect_eq(summary_number(&run, "console_bytes"), (double)run.out_size);
    run_free(&run);
    place_remove(&place);
}

/* Found before the run, which may take hours. */
Test(system_cli, summary_that_cannot_be_written)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", hello_config(&place), "--summary", "/no/such/folder/summary");
    expect_usage_error(&run, "/no/such/folder/summary: cannot write the summary");
    run_free(&run);
    place_remove(&place);
}

Test(system_cli, input_comes_through_a_pipe)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = place_write(&place, "echo.json",
                                     "{\"load\": [{\"kernel\": \"build/guests/riscv/echo.elf\"}]}");
    RUN_INPUT(&run, "abc\nquit\n", "run", config, "-q");
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, "cba"), "%s", run.out);
    cr_expect(strstr(run.out, "bye"), "%s", run.out);
    run_free(&run);
    place_remove(&place);
}

Test(system_cli, no_progress_line_in_a_pipe)
{
    struct session session;
    const char *const arguments[] = {"run",         "configs/hello.json",
                                     "--set",       "load[0].kernel=build/guests/riscv/stuck.elf",
                                     "--max-insns", "600M",
                                     NULL};
    setenv("TERM", "xterm", 1);
    session_start(&session, SESSION_TERMINAL_ERR, arguments);
    cr_expect_eq(session_end(&session), 1);
    cr_expect(strstr(session.seen, " MIPS"), "%s", session.seen);
    session_free(&session);
    setenv("TERM", "dumb", 1);
    session_start(&session, SESSION_TERMINAL_ERR, arguments);
    cr_expect_eq(session_end(&session), 1);
    cr_expect(!strstr(session.seen, "MIPS") && !strchr(session.seen, '\033'), "%s", session.seen);
    session_free(&session);
    setenv("TERM", "xterm", 1);
    session_start(&session, SESSION_PIPE_ERR, arguments);
    cr_expect_eq(session_end(&session), 1);
    cr_expect(strstr(session.seen, "iaso: failed"), "%s", session.seen);
    cr_expect(!strstr(session.seen, "MIPS") && !strchr(session.seen, '\r'), "%s", session.seen);
    session_free(&session);
}

/* ---- Files that are not what they should be ------------------------------------------------ */

static void expect_refused(struct place *place, const char *key, const char *file, const char *text)
{
    struct run run;
    char name[40];
    snprintf(name, sizeof name, "refused-%zu.json", place->count);
    bool disk = !strcmp(key, "disk");
    const char *config =
        disk ? place_write(place, name,
                           "{\"load\": [{\"kernel\": \"" HELLO "\"}], \"devices\": {\"disk0\": "
                           "{\"type\": \"virtio-blk\", \"file\": \"%s\"}}}",
                           file)
             : place_write(place, name, "{\"load\": [%s{\"%s\": \"%s\"}]}",
                           strcmp(key, "initrd") ? "" : "{\"kernel\": \"" HELLO "\"}, ", key, file);
    RUN(&run, "run", config, "--max-insns", "10M");
    expect_usage_error(&run, text);
    run_free(&run);
}

Test(system_cli, missing_files)
{
    static const char *const keys[] = {"kernel", "firmware", "initrd", "disk"};
    struct place place;
    place_make(&place);
    for (size_t i = 0; i < 4; i++) {
        expect_refused(&place, keys[i], "/no/such/file", "/no/such/file");
        expect_refused(&place, keys[i], "/", "");
    }
    place_remove(&place);
}

Test(system_cli, hostile_images)
{
    struct place place;
    size_t size;
    char *hello = read_whole(HELLO, &size);
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)hello;
    Elf64_Phdr *first = (Elf64_Phdr *)(void *)(hello + header->e_phoff);
    const Elf64_Ehdr header_was = *header;
    const Elf64_Phdr first_was = *first;
    unsigned number = 0;
    place_make(&place);
    expect_refused(&place, "kernel", place_bytes(&place, "empty", "", 0), "empty");
    expect_refused(&place, "disk", place_bytes(&place, "no-disk", "", 0), "no-disk");
    expect_refused(&place, "kernel", place_bytes(&place, "cut-100", hello, 100), "cut-100");
    expect_refused(&place, "kernel", place_bytes(&place, "cut-5", hello, 5000), "cut-5");

#define REFUSED(change, text)                                                           \
    do {                                                                                \
        char name[40];                                                                  \
        snprintf(name, sizeof name, "image-%u", number++);                              \
        change;                                                                         \
        expect_refused(&place, "kernel", place_bytes(&place, name, hello, size), text); \
        *header = header_was;                                                           \
        *first = first_was;                                                             \
    } while (0)
    REFUSED(header->e_machine = EM_X86_64, "image-0");
    REFUSED(header->e_ident[EI_CLASS] = ELFCLASS32, "image-1");
    REFUSED(header->e_phoff = UINT64_MAX - 8, "image-2");
    REFUSED(header->e_phnum = 0, "image-3");
    REFUSED(first->p_paddr = 0x1000, "overlaps reset code");
    REFUSED(first->p_paddr = UINT64_MAX - 100, "image-5");
    REFUSED(first->p_memsz = UINT64_MAX - 100, "image-6");
    REFUSED(first->p_offset = UINT64_MAX - 100, "image-7");
    REFUSED(first->p_memsz = first->p_filesz - 1, "image-8");
#undef REFUSED
    free(hello);
    place_remove(&place);
}

/* Each byte of an ELF file's headers, changed: whatever that does, it ends in order. */
Test(system_cli, mutated_headers)
{
    struct place place;
    struct run run;
    size_t size;
    char *hello = read_whole(HELLO, &size);
    place_make(&place);
    const char *image = place_file(&place, "image");
    const char *config = place_write(&place, "config.json",
                                     "{\"load\": [{\"kernel\": \"%s\"}], \"run\": {\"max_insns\": "
                                     "100000}}",
                                     image);
    size_t step = getenv("IASO_NO_LINUX") ? 5 : 1; /* a slow build */
    for (size_t i = 0; i < sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) && i < size; i += step) {
        hello[i] ^= 0xff;
        FILE *file = fopen(image, "w");
        cr_assert(file && fwrite(hello, 1, size, file) == size && !fclose(file));
        RUN(&run, "run", config, "-q");
        cr_expect(run.code >= 0 && run.code <= 2, "byte %zu: exit code %d: %s", i, run.code,
                  run.err);
        run_free(&run);
        hello[i] ^= (char)0xff;
    }
    free(hello);
    place_remove(&place);
}

Test(system_cli, an_initrd_that_does_not_fit)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *initrd = place_bytes(&place, "initrd", "x", 1);
    cr_assert_eq(truncate(initrd, 300 << 20), 0);
    expect_refused(&place, "initrd", initrd, "initrd");
    const char *config = place_write(&place, "small.json",
                                     "{\"load\": [{\"kernel\": \"" HELLO
                                     "\"}], \"memory\": [{\"name\": \"dram\", \"base\": "
                                     "\"0x80000000\", \"size\": \"4K\"}]}");
    RUN(&run, "run", config);
    expect_usage_error(&run, HELLO);
    run_free(&run);
    place_remove(&place);
}
