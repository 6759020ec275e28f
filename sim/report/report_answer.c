/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* strerrorname_np() */
#include "sim/report/report_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_read.h"

#define MAX_NAME     60 /* bytes of a guest's name in a sentence */
#define FEW_FAILURES 3
#define LAST_UNIX    34 /* errors up to this one mean the same in every Unix */

/* ---- Sentences ---------------------------------------------------------------------------- */

static void say(cJSON *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(cJSON *answer, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    cJSON_AddItemToArray(answer, text ? cJSON_CreateString(text) : NULL);
    free(text);
}

static const char *plural(double count)
{
    return count == 1 ? "" : "s";
}

/* A name that fits into a sentence. */
static const char *name_of(const char *name, char buffer[MAX_NAME + 4])
{
    if (strlen(name) <= MAX_NAME)
        return name;
    int length = MAX_NAME;
    while (length && ((unsigned char)name[length] & 0xc0) == 0x80)
        length--;
    snprintf(buffer, MAX_NAME + 4, "%.*s...", length, name);
    return buffer;
}

/* ---- The end ------------------------------------------------------------------------------ */

static const char *end_words(const char *end)
{
    static const struct report_word words[] = {
        {"poweroff", "The guest switched itself off"},
        {"expected", "The guest printed what it was to print"},
        {"limit", "The run was stopped at its limit"},
        {"stuck", "The guest made no progress any more and was stopped"},
        {"panic", "The guest's kernel panicked"},
        {"locked-up", "The guest's core locked up"},
        {"dead", "The guest waited for what could never come and was stopped"},
        {"quit", "The run was ended by hand"},
        {"timeout", "The guest did not answer the script in time and was stopped"},
        {"unpowered", "The guest was left without power for good"},
        {"no-progress", "The guest came no further from one power cut to the next and was stopped"},
        {"lives", "The run was stopped after as many lives as it may have"},
        {"interrupted", "The run was interrupted"},
        {"fault", "The simulator failed"},
    };
    return REPORT_WORD(words, end, "The run ended");
}

static void say_end(cJSON *answer, const cJSON *report)
{
    char count[WORDS_SIZE], time[WORDS_SIZE], extent[2 * WORDS_SIZE + 60] = "";
    const char *end = report_string(report, "end"), *failure = report_string(report, "failure");
    double insns, ns, reboots = report_number_or(report, "reboots", 0);
    if (!end)
        return;
    if (report_number(report, "instructions", &insns)) {
        bool timed = report_number(report, "virtual_time_ns", &ns);
        snprintf(extent, sizeof extent, " after %s instruction%s%s%s%s", words_count(insns, count),
                 plural(insns), timed ? ", " : "", timed ? words_time(ns, time) : "",
                 timed ? " of its time" : "");
    }
    if (report_number_or(report, "exit", 0) == 0)
        say(answer, "%s%s%s.", end_words(end), strcmp(end, "quit") ? " as expected" : "", extent);
    else
        say(answer, "%s%s%s%s.", end_words(end), extent, failure ? ", which is a failure: " : "",
            failure ? failure : ", which is not as expected");
    if (reboots > 0)
        say(answer, "It rebooted %s time%s on the way.", words_count(reboots, count),
            plural(reboots));
}

/* ---- Campaigns ---------------------------------------------------------------------------- */

static void say_finding(cJSON *answer, const cJSON *findings)
{
    const cJSON *first = cJSON_GetArrayItem(findings, 0), *about = report_at(first, "about");
    const char *path = report_string(about, "path"), *where = report_string(about, "block");
    const char *verdict = report_string_or(first, "verdict", "it fails");
    char name[MAX_NAME + 4], place[MAX_NAME + 8] = "";
    if (!path) {
        path = report_string_or(first, "path", "?");
        where = report_string(first, "where");
    }
    if (where)
        snprintf(place, sizeof place, " in %s", name_of(where, name));
    if (strchr(path, '.'))
        say(answer,
            "The simplest: power cuts behind stores %s, one life after the other, the last%s: "
            "%s.",
            path, place, verdict);
    else
        say(answer, "The simplest: a power cut behind store %s%s: %s.", path, place, verdict);
}

static void say_sweep(cJSON *answer, const cJSON *sweep)
{
    char states[WORDS_SIZE], points[WORDS_SIZE], runs[WORDS_SIZE], failed[WORDS_SIZE];
    double distinct, all = report_number_or(sweep, "runs", 0);
    double failures = report_number_or(sweep, "failures", 0);
    double lost = report_number_or(sweep, "lost", 0);
    size_t findings = report_count(sweep, "findings");
    if (!report_number(sweep, "distinct_states", &distinct))
        return;
    words_count(distinct, states);
    words_count(report_number_or(sweep, "points", distinct), points);
    words_count(all, runs);
    words_count(failures, failed);
    if (failures == 0)
        say(answer,
            "%s distinct crash state%s, of power cuts at %s points, were tried in %s runs, and "
            "nothing was lost in any of them.",
            states, plural(distinct), points, runs);
    else
        say(answer,
            "%s distinct crash state%s, of power cuts at %s points, were tried in %s runs: %s "
            "failed, for %zu different reason%s.",
            states, plural(distinct), points, runs, failed, findings, plural((double)findings));
    if (findings)
        say_finding(answer, report_at(sweep, "findings"));
    if (lost > 0)
        say(answer, "%s runs were lost with their worker, and nothing is known of them.",
            words_count(lost, runs));
}

static void say_survival(cJSON *answer, const cJSON *on, const cJSON *off)
{
    char share[WORDS_SIZE], low[WORDS_SIZE], high[WORDS_SIZE], rest[160] = "";
    char other[WORDS_SIZE];
    double survived, without;
    if (!report_number(on, "survived.share", &survived))
        return;
    if (report_number(off, "survived.share", &without))
        snprintf(rest, sizeof rest, "; without it, %s would have been",
                 words_share(without, other));
    words_share(report_number_or(on, "survived.low", survived), low);
    words_share(report_number_or(on, "survived.high", survived), high);
    say(answer,
        "With recovery, %s of the faults were survived (between %s and %s with 95 %% "
        "confidence)%s.",
        words_share(survived, share), low, high, rest);
}

static void say_faults(cJSON *answer, const cJSON *campaign)
{
    const cJSON *on = report_at(campaign, "recovery.on"),
                *off = report_at(campaign, "recovery.off");
    char count[WORDS_SIZE], places[WORDS_SIZE], dead[WORDS_SIZE], silent[WORDS_SIZE];
    double drawn, killed, corrupted;
    if (!report_number(campaign, "drawn", &drawn))
        return;
    say(answer,
        "%s faults were drawn from %s instructions that the kernel executes inside recovery "
        "domains.",
        words_count(drawn, count), words_count(report_number_or(campaign, "places", 0), places));
    if (on)
        say_survival(answer, on, off);
    if (report_number(on, "outcomes.kernel-dead.share", &killed) &&
        report_number(on, "outcomes.corruption.share", &corrupted))
        say(answer,
            "Of those that struck with recovery, %s killed the kernel and %s corrupted data "
            "in silence.",
            words_share(killed, dead), words_share(corrupted, silent));
}

/* ---- Recovery ----------------------------------------------------------------------------- */

/* "system call write of task sh", or what is known of it. */
static void describe_request(const cJSON *domain, char *buffer, size_t size)
{
    static const struct report_word words[] = {{"syscall", "system call "},
                                               {"fault", ""}, /* "load page fault" */
                                               {"interrupt", "interrupt "},
                                               {"function", "function "}};
    char name[MAX_NAME + 4], task[MAX_NAME + 4], number[WORDS_SIZE];
    const char *known = report_string(domain, "name"), *of = report_string(domain, "task");
    const char *said = REPORT_WORD(words, report_string_or(domain, "request", ""), "request ");
    double nth;
    if (known)
        snprintf(buffer, size, "%s%s", said, name_of(known, name));
    else if (report_number(domain, "number", &nth))
        snprintf(buffer, size, "%s%s", *said ? said : "fault ", words_count(nth, number));
    else
        snprintf(buffer, size, "a request");
    if (of) {
        size_t length = strlen(buffer);
        snprintf(buffer + length, size - length, " of task %s", name_of(of, task));
    }
}

/* "error -5 (EIO)" */
static void describe_error(const cJSON *report, char *buffer, size_t size)
{
    double error;
    if (!report_number(report, "recovery.error", &error)) {
        snprintf(buffer, size, "an error");
        return;
    }
    bool known = error < 0 && error >= -LAST_UNIX;
    const char *name = known ? strerrorname_np((int)-error) : NULL;
    if (name)
        snprintf(buffer, size, "error %.0f (%s)", error, name);
    else
        snprintf(buffer, size, "error %.0f", error);
}

const cJSON *report_failed_domain(const cJSON *failure)
{
    const cJSON *domain;
    cJSON_ArrayForEach(domain, report_at(failure, "domains"))
    {
        if (!strcmp(report_string_or(domain, "role", ""), "failed"))
            return domain;
    }
    return NULL;
}

/* Domains that had built on the failed one. */
static double innocents(const cJSON *failure)
{
    const cJSON *domain, *failed = report_failed_domain(failure);
    double count = 0;
    cJSON_ArrayForEach(domain, report_at(failure, "domains"))
    {
        count += domain != failed && !cJSON_IsFalse(report_at(domain, "innocent"));
    }
    return count;
}

const char *report_refused_words(const char *reason)
{
    static const struct report_word words[] = {
        {"log-limit", "the log had grown over its limit"},
        {"output", "output had been done that cannot be taken back"},
        {"linger", "others had built on it, and its thread did not run for too long"},
        {"outside", "code outside of any domain had read what it wrote"},
        {"no-domain", "it was in no request"},
        {"exempt", "it was in exempt code"},
        {"wake", "a thread that had built on it slept and could not be woken"},
        {"endless", "what had built on it never ends, or no retries were left"},
        {"other", "of something else"},
    };
    return REPORT_WORD(words, reason, reason);
}

static void say_failure(cJSON *answer, const cJSON *report, const cJSON *failure)
{
    char request[4 * MAX_NAME], error[40], count[WORDS_SIZE], name[MAX_NAME + 4];
    const char *seen = name_of(report_string_or(failure, "failure", "unknown"), name);
    int length = (int)strcspn(seen, "?"); /* which a config may put behind a symbol */
    const char *outcome = report_string_or(failure, "outcome", "");
    const char *reason = report_string(failure, "reason");
    double others = innocents(failure);
    describe_request(report_failed_domain(failure), request, sizeof request);
    describe_error(report, error, sizeof error);
    if (!strcmp(outcome, "refused")) {
        say(answer,
            "A failure (%.*s) of %s could not be undone%s%s; the kernel was left to deal "
            "with it.",
            length, seen, request, reason ? ", because " : "",
            reason ? report_refused_words(reason) : "");
        return;
    }
    const char *fate = !strcmp(outcome, "retry")   ? "was executed again"
                       : !strcmp(outcome, "error") ? "failed with "
                                                   : "was undone";
    char rest[WORDS_SIZE + 100] = "nothing else noticed";
    if (others > 0)
        snprintf(rest, sizeof rest, "%s other%s that had built on it w%s undone and executed again",
                 words_count(others, count), plural(others), others == 1 ? "as" : "ere");
    say(answer, "A failure (%.*s): %s %s%s; %s.", length, seen, request, fate,
        !strcmp(outcome, "error") ? error : "", rest);
}

/* The fault that the config plants. */
static void say_fault(cJSON *answer, const cJSON *report)
{
    static const struct report_word kinds[] = {
        {"null", "a load from address 0"}, {"flip", "a bit that flips"},
        {"wild", "a wild store"},          {"skip", "an instruction that is skipped"},
        {"bug", "a breakpoint"},           {"hang", "an endless loop"},
    };
    const cJSON *inject = report_at(report, "configuration.inject");
    const char *kind = report_string(inject, "kind"), *at = report_string(inject, "at");
    char name[MAX_NAME + 4];
    if (!kind || !at || report_at(report, "campaign"))
        return;
    say(answer, "A fault was planted in %s: %s.", name_of(at, name),
        REPORT_WORD(kinds, kind, kind));
}

static double domains_of(const cJSON *report)
{
    double domains = report_sum(report, "overhead.domains");
    return domains > 0 ? domains : report_number_or(report, "recovery.domains", 0);
}

static double refused_of(const cJSON *recovery)
{
    double refused = report_sum(recovery, "refused");
    return refused > 0 ? refused : report_number_or(recovery, "refused", 0);
}

static void say_failures(cJSON *answer, const cJSON *recovery)
{
    char text[5][WORDS_SIZE], largest_text[100] = "";
    double faults = report_number_or(recovery, "faults", 0);
    double recovered = report_number_or(recovery, "recovered", 0), refused = refused_of(recovery);
    double back = report_number_or(recovery, "rolled_back", 0);
    double largest = report_number_or(recovery, "cascade_max", 0);
    if (largest > 1)
        snprintf(largest_text, sizeof largest_text, ", up to %s at a time",
                 words_count(largest, text[4]));
    say(answer, "%s failure%s: %s recovered from, %s refused, %s recovery domain%s undone%s.",
        words_count(faults, text[0]), plural(faults), words_count(recovered, text[1]),
        words_count(refused, text[2]), words_count(back, text[3]), plural(back), largest_text);
}

/* A sentence for each failure if they are few, their number otherwise or if some are not known. */
static void say_all_failures(cJSON *answer, const cJSON *report, const cJSON *recovery)
{
    const cJSON *failure, *failures = report_at(recovery, "failures");
    double faults = report_number_or(recovery, "faults", 0);
    size_t known = report_count(failures, "");
    if (known == 0 || known > FEW_FAILURES || faults != (double)known) {
        say_failures(answer, recovery);
        return;
    }
    cJSON_ArrayForEach(failure, failures) say_failure(answer, report, failure);
}

static void say_recovery(cJSON *answer, const cJSON *report)
{
    char opened[WORDS_SIZE], undone[WORDS_SIZE];
    const cJSON *recovery = report_at(report, "recovery");
    double domains = domains_of(report), back = report_number_or(recovery, "rolled_back", 0);
    say_fault(answer, report);
    if (!cJSON_IsObject(recovery))
        return;
    if (report_number_or(recovery, "faults", 0) > 0)
        say_all_failures(answer, report, recovery);
    else if (back > 0)
        say(answer,
            "%s of %s recovery domains were undone at their end and executed again, and "
            "nothing failed.",
            words_count(back, undone), words_count(domains, opened));
    else
        say(answer, "Nothing failed in %s recovery domains.", words_count(domains, opened));
}

/* ---- Coverage and overhead ---------------------------------------------------------------- */

const char *report_reason_words(const char *reason)
{
    static const struct report_word words[] = {
        {"boot", "the kernel's own start, before the first request"},
        {"idle", "idling"},
        {"thread", "kernel threads, which serve no request"},
        {"exempt", "functions that are exempt, such as the scheduler's switch"},
        {"after-output", "requests that had done output, which cannot be undone"},
        {"firmware", "firmware, which is no part of the kernel"},
    };
    return REPORT_WORD(words, reason, reason);
}

/* The reason that most of what is outside has, and its part of that. */
static const char *main_reason(const cJSON *report, double *part)
{
    const cJSON *row;
    const char *reason = NULL;
    double most = 0, all = 0, share;
    cJSON_ArrayForEach(row, report_at(report, "coverage.outside"))
    {
        if (!report_number(row, "share", &share) || !report_string(row, "reason"))
            continue;
        all += share;
        if (share > most) {
            most = share;
            reason = report_string(row, "reason");
        }
    }
    *part = all > 0 ? most / all : 0;
    return reason;
}

static void say_coverage(cJSON *answer, const cJSON *report)
{
    char written[WORDS_SIZE], read[WORDS_SIZE], share[WORDS_SIZE];
    double writes, reads, part;
    if (!report_number(report, "coverage.totals.covered_writes", &writes) ||
        !report_number(report, "coverage.totals.covered_reads", &reads))
        return;
    const char *reason = main_reason(report, &part);
    words_share(writes, written);
    words_share(reads, read);
    if (reason)
        say(answer,
            "%s of the kernel's writes and %s of its reads happened inside recovery "
            "domains; of the rest, the largest part (%s) belongs to %s.",
            written, read, words_share(part, share), report_reason_words(reason));
    else
        say(answer,
            "%s of the kernel's writes and %s of its reads happened inside recovery "
            "domains.",
            written, read);
}

static void say_overhead(cJSON *answer, const cJSON *report)
{
    char factor[WORDS_SIZE];
    double slowdown;
    if (report_number(report, "overhead.software.slowdown", &slowdown))
        say(answer,
            "Had the kernel done this in software, the run would have taken %s times as "
            "long, by the model.",
            words_factor(slowdown, factor));
}

/* ---- Power -------------------------------------------------------------------------------- */

static void say_energy(cJSON *answer, const cJSON *power)
{
    char used[WORDS_SIZE], useful[WORDS_SIZE], logging[WORDS_SIZE], lost[WORDS_SIZE];
    const cJSON *energy = report_at(power, "energy_nj");
    double total = report_number_or(energy, "total", 0);
    if (total <= 0)
        return;
    say(answer,
        "Of %s of energy, %s was useful, %s went into logging, and %s was lost in work that "
        "had to be done again.",
        words_energy(total, used),
        words_share(report_number_or(energy, "useful", 0) / total, useful),
        words_share(report_number_or(energy, "logging", 0) / total, logging),
        words_share(report_number_or(energy, "lost", 0) / total, lost));
}

static void say_power(cJSON *answer, const cJSON *report)
{
    char text[3][WORDS_SIZE];
    const cJSON *power = report_at(report, "power");
    double cuts, on = report_number_or(power, "on_time_ns", 0);
    double all = on + report_number_or(power, "off_time_ns", 0);
    if (!report_number(power, "cuts", &cuts))
        return;
    if (cuts == 0)
        say(answer, "Power never failed.");
    else
        say(answer, "Power failed %s time%s; the machine was on for %s, %s of the time.",
            words_count(cuts, text[0]), plural(cuts), words_time(on, text[1]),
            words_share(all > 0 ? on / all : 0, text[2]));
    const char *verdict = report_string(power, "verdict");
    if (verdict && !report_string(report, "failure"))
        say(answer, "It came to this: %s.", verdict);
    say_energy(answer, power);
}

static void say_unfinished(cJSON *answer, const cJSON *campaign)
{
    if (cJSON_IsFalse(report_at(campaign, "finished")))
        say(answer, "This is incomplete: the campaign was interrupted, or still runs. The same "
                    "command with --resume goes on.");
}

cJSON *report_answer(const cJSON *report)
{
    cJSON *answer = cJSON_CreateArray();
    if (!answer)
        return NULL;
    say_end(answer, report);
    say_unfinished(answer, report_at(report, "campaign"));
    say_sweep(answer, report_at(report, "sweep"));
    say_faults(answer, report_at(report, "campaign"));
    say_recovery(answer, report);
    say_coverage(answer, report);
    say_overhead(answer, report);
    say_power(answer, report);
    return answer;
}
