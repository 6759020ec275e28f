/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every domain is rolled back at its end and executed again: nobody can tell. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/system/harness.h"

#define LINUX "build/guests/linux-riscv64"

static void need_linux(void)
{
    if (getenv("IASO_NO_LINUX"))
        cr_skip_test("IASO_NO_LINUX is set");
    free(read_whole(LINUX "/vmlinux", NULL)); /* `make guests` has not run? */
}

static double recovery_number(const struct run *run, const char *key)
{
    const cJSON *recovery = cJSON_GetObjectItemCaseSensitive(run->summary, "recovery");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(recovery, key);
    cr_assert(cJSON_IsNumber(item), "the summary has no number recovery.%s", key);
    return item->valuedouble;
}

static void torture(const char *config, const char *torturing)
{
    struct place place;
    struct run plain, tortured;
    place_make(&place);
    RUN(&plain, "run", config, "--summary", place_file(&place, "plain"));
    cr_expect_eq(plain.code, 0, "%s", plain.err);
    RUN(&tortured, "run", torturing, "--summary", place_file(&place, "tortured"));
    cr_expect_eq(tortured.code, 0, "%s", tortured.err);
    expect_same(&plain, &tortured, "torture");
    cr_expect_geq(recovery_number(&tortured, "rolled_back"), 10000);
    cr_expect_leq(recovery_number(&tortured, "refused_share"), 0.02);
    run_free(&plain);
    run_free(&tortured);
    place_remove(&place);
}

Test(system_torture, linux_is_the_plain_run)
{
    need_linux();
    torture("configs/linux-riscv64.json", "configs/linux-torture.json");
}

Test(system_torture, agora_is_the_plain_run)
{
    torture("configs/agora.json", "configs/agora-torture.json");
}

Test(system_torture, agora_on_four_harts_is_the_plain_run)
{
    torture("configs/agora-smp.json", "configs/agora-smp-torture.json");
}

/* Domains and dependencies are the simulator's business alone, with several harts, too. */
static void compare(const char *config, const char *bootargs)
{
    struct place place;
    struct run plain, watched;
    need_linux();
    place_make(&place);
    RUN(&plain, "run", config, "--set", bootargs, "--summary", place_file(&place, "plain"));
    RUN(&watched, "run", config, "--set", bootargs, "--set", "recovery.preset=linux-riscv64",
        "--summary", place_file(&place, "watched"));
    cr_expect_eq(plain.code, 0, "%s", plain.err);
    cr_expect_eq(watched.code, 0, "%s", watched.err);
    expect_same(&plain, &watched, "recovery");
    cr_expect_gt(recovery_number(&watched, "committed"), 1000);
    cr_expect_gt(recovery_number(&watched, "dependencies"), 100);
    cr_expect_eq(recovery_number(&watched, "faults"), 0);
    run_free(&plain);
    run_free(&watched);
    place_remove(&place);
}

#define WORK(x) "bootargs=console=ttyS0 rdinit=/init cryptomgr.notests iaso.workload=" x

Test(system_torture, domains_change_nothing)
{
    compare("configs/linux-riscv64.json", WORK("pipes,forks,sqlite"));
}

Test(system_torture, domains_change_nothing_on_four_harts)
{
    compare("configs/linux-smp.json", WORK("pipes,forks,stress"));
}
