/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same firmware prints the same under qemu-system-arm and here, uncut. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define QEMU "qemu-system-arm"

struct firmware {
    char image[40], machine[16]; /* QEMU's */
    char command[24];            /* line that the guest is given: two words */
    char config[120];            /* section `machine` */
};

#define AN386 "{\"board\": \"mps2-an386\"}"
#define AN385 "{\"board\": \"mps2-an386\", \"cpu\": \"cortex-m3\"}"
#define PLAIN "{\"board\": \"mps2-an386\", \"cycles\": false}"
#define LM3S  "{\"board\": \"lm3s6965evb\"}"

ParameterizedTestParameters(system_mcu, prints_what_it_prints_on_qemu)
{
    static const char *const apps[] = {"bc", "dnn", "ar",   "kv",    "sense", "em",
                                       "mq", "etl", "pred", "stats", "train", "selftest"};
    static const struct firmware others[] = {
        {"hypnos/mps2-an386-check.elf", "mps2-an386", "hypnos app=selftest", AN386},
        {"hypnos/mps2-an386-check.elf", "mps2-an386", "hypnos app=rule", AN386},
        {"hypnos/mps2-an386.elf", "mps2-an386", "hypnos app=none", AN386},
        {"arm/nest.elf", "mps2-an385", "nest 1", AN385},
        {"arm/nest.elf", "mps2-an386", "nest 2", AN386},
        {"arm/nest.elf", "mps2-an386", "nest 3", PLAIN},
        {"arm/nest.elf", "mps2-an385", "nest 4", LM3S},
        {"arm/nest.elf", "mps2-an385", "nest 5", LM3S},
        {"arm/store.elf", "mps2-an385", "store 0", AN385},
    };
    enum {
        APPS = sizeof apps / sizeof *apps,
        OTHERS = sizeof others / sizeof *others
    };
    static struct firmware all[2 * APPS + OTHERS];
    for (size_t i = 0; i < APPS; i++) {
        struct firmware *m4 = &all[2 * i], *m3 = m4 + 1;
        *m4 = (struct firmware){"hypnos/mps2-an386.elf", "mps2-an386", "", AN386};
        *m3 = (struct firmware){"hypnos/mps2-an385.elf", "mps2-an385", "", AN385};
        snprintf(m4->command, sizeof m4->command, "hypnos app=%s", apps[i]);
        strcpy(m3->command, m4->command);
    }
    memcpy(&all[2 * APPS], others, sizeof others);
    return cr_make_param_array(struct firmware, all, 2 * APPS + OTHERS);
}

static void run_on_qemu(struct run *run, const struct firmware *firmware, const char *image)
{
    char semihosting[120], first[24];
    snprintf(first, sizeof first, "%s", firmware->command);
    char *second = strchr(first, ' ');
    *second++ = 0;
    snprintf(semihosting, sizeof semihosting, "enable=on,target=native,arg=%s,arg=%s", first,
             second);
    /* Semihosting prints to its standard error. */
    RUN_COMMAND(run, QEMU, "-M", firmware->machine, "-display", "none", "-monitor", "none",
                "-serial", "none", "-semihosting-config", semihosting, "-kernel", image);
}

ParameterizedTest(struct firmware *firmware, system_mcu, prints_what_it_prints_on_qemu)
{
    struct place place;
    struct run qemu, iaso;
    char image[80];
    if (!have_command(QEMU))
        cr_skip_test(QEMU " is not installed");
    place_make(&place);
    snprintf(image, sizeof image, "build/guests/%s", firmware->image);
    run_on_qemu(&qemu, firmware, image);
    const char *config = place_write(
        &place, "config.json",
        "{\"machine\": %s, \"load\": [{\"kernel\": \"%s\"}], \"bootargs\": \"%s\", \"run\": "
        "{\"max_insns\": \"300M\"}}",
        firmware->config, image, firmware->command);
    RUN(&iaso, "run", config, "-q", "--summary", place_file(&place, "summary"));
    const char *end = summary_text(&iaso, "end");
    cr_expect_str_eq(end, "poweroff", "%s, %s: %s", image, firmware->command, iaso.err);
    cr_expect_str_eq(iaso.out, qemu.err, "%s, %s", image, firmware->command);
    cr_expect(iaso.out_size > 10, "%s, %s", image, firmware->command);
    cr_expect_eq(summary_number(&iaso, "guest_exit"), qemu.code, "%s, %s: %d on QEMU", image,
                 firmware->command, qemu.code);
    run_free(&qemu);
    run_free(&iaso);
    place_remove(&place);
}

/* ---- Configs that no microcontroller can have ---------------------------------------------- */

struct mistake {
    char board[16], set[160], error[160];
};

ParameterizedTestParameters(system_mcu, impossible_machines_are_refused)
{
#define DEVICE(members) "devices.extra={" members "}"
    static struct mistake mistakes[] = {
        {"lm3s6965evb", "machine.harts=2", "machine.harts: expected 1 with a Cortex-M, found 2"},
        {"mps2-an386", "recovery={\"preset\": \"by-symbol\"}",
         "recovery: expected no such section with a Cortex-M: recovery domains know RISC-V kernels "
         "only"},
        {"mps2-an386", "inject={\"kind\": \"bug\", \"at\": \"main\"}",
         "inject: expected no such section with a Cortex-M"},
        {"mps2-an386", "run.pages=hooked",
         "run.pages: expected \"open\", \"armed\" or \"precise\" with a Cortex-M, found "
         "\"hooked\""},
        {"mps2-an386", "memory=[{\"name\": \"high\", \"base\": \"0xdffff000\", \"size\": \"8K\"}]",
         "memory: expected region \"high\" to end below 0xe0000000, the core's own registers, "
         "found "
         "0xe0000fff"},
        {"lm3s6965evb", DEVICE("\"type\": \"pl011\""),
         "devices.extra: expected the key \"base\", which is missing"},
        {"lm3s6965evb", DEVICE("\"type\": \"pl011\", \"base\": \"0x50000000\", \"irq\": 64"),
         "devices.extra: expected interrupts below machine.lines (64), found 64"},
        {"lm3s6965evb", DEVICE("\"type\": \"pl011\", \"base\": \"0x50000800\""),
         "devices.extra.base: expected a multiple of 4096 bytes, found 0x50000800"},
        {"lm3s6965evb", DEVICE("\"type\": \"registers\", \"base\": \"0x50000000\", \"size\": 6000"),
         "devices.extra.size: expected a multiple of 4096 bytes, found 0x1770"},
        {"lm3s6965evb", DEVICE("\"type\": \"pl011\", \"base\": \"0xe000e000\""),
         "devices.extra.base: expected it to end below 0xe0000000, the core's own registers, found "
         "0xe000efff"},
        {"lm3s6965evb", DEVICE("\"type\": \"virtio-rng\""),
         "devices.extra.type: expected a type other than virtio with a Cortex-M"},
        {"mps2-an386", "load=[{\"firmware\": \"opensbi\"}]",
         "load[0]: expected a kernel or raw files with a Cortex-M"},
        {"mps2-an386", "load=[{\"raw\": \"LICENSE\", \"address\": 0}]",
         "load: expected a kernel, found none"},
    };
    return cr_make_param_array(struct mistake, mistakes, sizeof mistakes / sizeof *mistakes);
}

ParameterizedTest(struct mistake *mistake, system_mcu, impossible_machines_are_refused)
{
    struct place place;
    struct run run;
    char expected[400];
    place_make(&place);
    const char *config = place_write(&place, "config.json",
                                     "{\"machine\": {\"board\": \"%s\"}, \"load\": [{\"kernel\": "
                                     "\"build/guests/arm/store.elf\"}]}",
                                     mistake->board);
    RUN(&run, "check", config);
    cr_expect_eq(run.code, 0, "%s: %s", mistake->board, run.err);
    run_free(&run);
    RUN(&run, "check", config, "--set", mistake->set);
    snprintf(expected, sizeof expected, "iaso: %s: %s\n", config, mistake->error);
    cr_expect_eq(run.code, 2, "%s: %d", mistake->set, run.code);
    cr_expect_str_eq(run.err, expected);
    run_free(&run);
    place_remove(&place);
}

Test(system_mcu, devices_do_not_overlap)
{
    static const char *const devices[] = {
        "devices.extra={\"type\": \"pl011\", \"base\": \"0x4000c000\"}",
        "devices.extra={\"type\": \"pl011\", \"base\": \"0x20000000\"}",
    };
    struct place place;
    place_make(&place);
    const char *config = place_write(&place, "config.json",
                                     "{\"machine\": {\"board\": \"lm3s6965evb\"}, \"load\": "
                                     "[{\"kernel\": \"build/guests/arm/store.elf\"}]}");
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        struct run run;
        RUN(&run, "run", config, "-q", "--set", devices[i]);
        cr_expect_eq(run.code, 2, "%s: %d", devices[i], run.code);
        cr_expect(strstr(run.err, "overlaps \"") && strstr(run.err, "\"extra\""), "%s: %s",
                  devices[i], run.err);
        run_free(&run);
    }
    place_remove(&place);
}
