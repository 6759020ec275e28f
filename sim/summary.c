/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/summary.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/expect.h"
#include "sim/failures.h"
#include "sim/folder.h"
#include "sim/json.h"
#include "sim/lives.h"
#include "sim/options.h"
#include "sim/power_report.h"
#include "sim/requests.h"
#include "sim/text.h"

static const struct {
    const char *name;
    const char *failure; /* NULL: not a failure by itself */
} ends[] = {
    [END_NONE] = {"none", "the guest did not finish"},
    [END_POWEROFF] = {"poweroff", NULL},
    [END_EXPECTED] = {"expected", NULL},
    [END_LIMIT] = {"limit", "the guest did not finish within the instruction limit"},
    [END_STUCK] = {"stuck", "the guest made no progress (run.stuck_insns)"},
    [END_PANIC] = {"panic", "the guest's kernel panicked"},
    [END_LOCKED] = {"locked-up", NULL},
    [END_DEAD] = {"dead", "every hart waits for an interrupt and nothing is left to raise one"},
    [END_QUIT] = {"quit", NULL},
    [END_TIMEOUT] = {"timeout", NULL},
    [END_UNPOWERED] = {"unpowered", NULL},
    [END_NO_PROGRESS] = {"no-progress", NULL},
    [END_LIVES] = {"lives", NULL},
    [END_INTERRUPT] = {"interrupted", "interrupted by a signal"},
    [END_FAULT] = {"fault", NULL},
};

const char *summary_end_name(enum machine_end end)
{
    return ends[end].name;
}

const char *summary_judge(const struct machine *machine, char *text, size_t size)
{
    const struct config *config = machine->config;
    if (ends[machine->end].failure)
        return ends[machine->end].failure;
    if (machine->lives && lives_verdict(machine->lives)[0])
        return lives_verdict(machine->lives);
    if (machine->end == END_TIMEOUT)
        return console_script_error(machine->console);
    if (machine->end == END_POWEROFF && machine->exit_code != config->expect.exit) {
        snprintf(text, size, "the guest exited with code %u, expected %u", machine->exit_code,
                 config->expect.exit);
        return text;
    }
    if (config->expect.console && !console_seen(machine->console)) {
        snprintf(text, size, "the console never showed \"%.200s\"", config->expect.console);
        return text;
    }
    return expect_fails(machine, text, size) ? text : NULL;
}

void summary_make(struct summary *summary, const struct machine *machine, const char *fault)
{
    *summary = (struct summary){.machine = machine, .end = machine->end};
    if (machine->end == END_FAULT) {
        summary->exit = EXIT_SIMULATOR;
        summary->failure = fault;
    } else {
        summary->failure = machine->end == END_LOCKED
                               ? fault
                               : summary_judge(machine, summary->text, sizeof summary->text);
        summary->exit = summary->failure ? EXIT_GUEST_FAILED : EXIT_AS_EXPECTED;
    }
    uint8_t digest[MEMORY_DIGEST_SIZE];
    memory_digest(machine->mem, digest);
    text_hex(digest, sizeof digest, summary->memory_sha256);
    console_sha256(machine->console, summary->console_sha256);
}

static cJSON *hart_json(const struct cpu *hart, bool details)
{
    cJSON *json = cJSON_CreateObject();
    const struct cpu_counts *counts = &hart->counts;
    cJSON_AddNumberToObject(json, "instructions", (double)counts->insns);
    cJSON_AddNumberToObject(json, "loads", (double)counts->loads);
    cJSON_AddNumberToObject(json, "stores", (double)counts->stores);
    cJSON_AddNumberToObject(json, "cycles", (double)counts->cycles);
    cJSON_AddNumberToObject(json, "traps", (double)counts->traps);
    if (!details) { /* not the same in all runs */
        cJSON_AddNumberToObject(json, "tlb_fills", (double)counts->tlb_fills);
        cJSON_AddNumberToObject(json, "tlb_flushes", (double)counts->tlb_flushes);
    }
    return json;
}

static void add_refused(cJSON *json, const struct recovery_counts *counts)
{
    cJSON *refused = cJSON_AddObjectToObject(json, "refused");
    for (int i = 0; i < REFUSED_REASONS; i++)
        cJSON_AddNumberToObject(refused, refused_name((enum refused_reason)i),
                                (double)counts->refused[i]);
}

static void add_recovery(cJSON *json, const struct recovery_counts *counts, bool details)
{
    uint64_t refused = recovery_refused(counts), calls = counts->domains[REQUEST_SYSCALL];
    cJSON_AddBoolToObject(json, "enabled", true);
    cJSON_AddNumberToObject(json, "domains", (double)recovery_domains(counts));
    cJSON_AddNumberToObject(json, "committed", (double)counts->committed);
    cJSON_AddNumberToObject(json, "aborted", (double)counts->aborted);
    cJSON_AddNumberToObject(json, "rolled_back", (double)counts->rolled_back);
    if (details)
        add_refused(json, counts);
    else
        cJSON_AddNumberToObject(json, "refused", (double)refused);
    cJSON_AddNumberToObject(json, "refused_share", calls ? (double)refused / (double)calls : 0);
    cJSON_AddNumberToObject(json, "recovered", (double)counts->recovered);
    cJSON_AddNumberToObject(json, "faults", (double)counts->faults);
    cJSON_AddNumberToObject(json, "dependencies", (double)counts->dependencies);
    cJSON_AddNumberToObject(json, "log_bytes_peak", (double)counts->log_bytes_peak);
    if (details) {
        cJSON_AddNumberToObject(json, "cascades", (double)counts->cascades);
        cJSON_AddNumberToObject(json, "cascade_domains", (double)counts->cascade_domains);
        cJSON_AddNumberToObject(json, "cascade_max", (double)counts->cascade_max);
    }
}

void summary_add(const struct summary *summary, bool details, cJSON *json)
{
    const struct machine *machine = summary->machine;
    cJSON_AddNumberToObject(json, "exit", summary->exit);
    cJSON_AddStringToObject(json, "end", summary_end_name(summary->end));
    if (summary->failure)
        cJSON_AddStringToObject(json, "failure", summary->failure);
    if (summary->end == END_POWEROFF)
        cJSON_AddNumberToObject(json, "guest_exit", machine->exit_code);
    cJSON_AddNumberToObject(json, "reboots", machine->reboots);
    cJSON_AddNumberToObject(json, "instructions", (double)machine_insns(machine));
    cJSON_AddNumberToObject(json, "virtual_time_ns",
                            (double)clock_ns(&machine->clock, machine->clock.now));
    cJSON_AddNumberToObject(json, "console_bytes", (double)console_bytes(machine->console));
    cJSON_AddStringToObject(json, "console_sha256", summary->console_sha256);
    cJSON_AddStringToObject(json, "memory_sha256", summary->memory_sha256);
    cJSON *harts = cJSON_AddArrayToObject(json, "harts");
    for (unsigned i = 0; i < machine->hart_count; i++)
        cJSON_AddItemToArray(harts, hart_json(machine->harts[i], details));
    cJSON *pages = cJSON_AddObjectToObject(json, "pages");
    cJSON_AddNumberToObject(pages, "first_writes", (double)machine->first_writes);
    cJSON_AddNumberToObject(pages, "precise_accesses", (double)machine->precise_accesses);
    if (summary->recovery) {
        cJSON *recovery = cJSON_AddObjectToObject(json, "recovery");
        add_recovery(recovery, summary->recovery, details);
        if (details)
            cJSON_AddNumberToObject(recovery, "error", (double)machine->config->recovery.error);
        else /* a report tells more of each failure */
            failures_add_events(machine->failures, recovery);
    }
    if (machine->lives)
        cJSON_AddItemToObject(json, "power", power_report(machine, details));
}

int summary_check(const char *path, struct error *err)
{
    return folder_check_file(path, "summary", err);
}

int summary_check_apart(const char *path, const char *database, struct error *err)
{
    struct stat a, b;
    bool same = !strcmp(path, database) || (stat(path, &a) == 0 && stat(database, &b) == 0 &&
                                            a.st_dev == b.st_dev && a.st_ino == b.st_ino);
    return same ? error_set(err, "--summary: expected another file than the database, found %s",
                            path)
                : 0;
}

int summary_write_json(cJSON *json, const char *path, struct error *err)
{
    json_clean(json);
    char *text = json ? cJSON_Print(json) : NULL;
    if (!text)
        return error_set(err, "out of memory");
    FILE *out = fopen(path, "w");
    int result = 0;
    if (!out || fprintf(out, "%s\n", text) < 0 || fflush(out))
        result = error_set(err, "%s: cannot write the summary: %s", path, strerror(errno));
    if (out)
        fclose(out);
    free(text);
    return result;
}

int summary_write(const struct summary *summary, const char *path, struct error *err)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "config", summary->machine->config->path);
    summary_add(summary, false, json);
    int result = summary_write_json(json, path, err);
    cJSON_Delete(json);
    return result;
}
