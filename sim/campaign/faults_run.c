/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/faults_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/campaign/outcome.h"
#include "sim/failures.h"
#include "sim/summary.h"

#define STEP UINT64_C(1000000) /* instructions between two looks at the guest */

int fault_runner_open(struct fault_runner *runner, const struct config *config,
                      const struct fault_plan *plan, enum campaign_mode mode, machine_tick_fn tick,
                      void *opaque, struct error *err)
{
    *runner = (struct fault_runner){.plan = plan};
    struct rig *rig = &runner->rig;
    if (rig_open(rig, config, mode == CAMPAIGN_ON ? RIG_ON : RIG_OFF, err))
        return -1;
    enum machine_end end = machine_go(rig->machine, plan->from, tick, opaque, err);
    rig->config.run.stuck_insns = plan->stuck;
    rig->config.run.max_insns = 0; /* each fault has its own limit */
    runner->reboots = rig->machine->reboots;
    console_forget_notes(rig->console);
    if (end == END_NONE)
        runner->golden = golden_new(rig->machine, err);
    else if (end != END_FAULT)
        error_set(err,
                  "campaign: expected the guest to get to where faults strike %s, but its end "
                  "is \"%s\"",
                  mode == CAMPAIGN_ON ? "with recovery" : "without recovery",
                  summary_end_name(end));
    if (runner->golden)
        return 0;
    rig_close(rig);
    return -1;
}

void fault_runner_close(struct fault_runner *runner)
{
    golden_free(runner->golden);
    rig_close(&runner->rig);
}

static bool has_died(const struct fault_runner *runner)
{
    const struct machine *machine = runner->rig.machine;
    return machine->panic_at || machine->reboots != runner->reboots || machine->reboot_wanted;
}

/* From the fault to the end, or to where that is clear. */
static enum machine_end run_on(const struct fault_runner *runner, uint64_t limit, struct error *err)
{
    struct machine *machine = runner->rig.machine;
    while (!has_died(runner) && machine_insns(machine) < limit) {
        uint64_t next = machine_insns(machine) + STEP;
        enum machine_end end = machine_go(machine, next < limit ? next : limit, NULL, NULL, err);
        if (end != END_NONE)
            return end;
    }
    return END_NONE;
}

/* What has become of domains since then. */
static void count_failures(const struct machine *machine, const struct failures_totals *then,
                           struct outcome_facts *facts)
{
    struct failures_totals now = failures_totals(machine->failures);
    facts->failures = now.failed - then->failed;
    facts->innocents = now.innocents - then->innocents;
    facts->refused = now.refused - then->refused;
}

static bool has_ended(enum machine_end end)
{
    return end == END_POWEROFF || end == END_EXPECTED;
}

static void look(const struct fault_runner *runner, enum machine_end end,
                 struct outcome_facts *facts)
{
    const struct rig *rig = &runner->rig;
    const struct rig_texts texts = rig_texts(rig);
    bool checking = rig_saw(rig, rig->until);
    uint64_t checks = checking ? console_noted(rig->console, rig->until)->first : UINT64_MAX;
    char text[300];
    facts->over_budget = end == END_NONE || end == END_LIMIT || end == END_TIMEOUT;
    facts->dead = has_died(runner) || (!has_ended(end) && !facts->over_budget) ||
                  (has_ended(end) && rig->until >= 0 && !checking);
    facts->check_failed =
        texts.last > checks || (has_ended(end) && rig_verdict(rig, text, sizeof text));
    facts->said_failed = texts.failed && texts.failed < checks;
    facts->said_wrong =
        texts.wrong && texts.wrong < checks && (!texts.failed || texts.wrong <= texts.failed);
}

/* Lets the fault strike at once, and the guest live with it. */
static int strike(struct fault_runner *runner, const struct fault *fault,
                  const struct inject_policy *policy, struct outcome_facts *facts,
                  enum machine_end *end, struct error *err)
{
    struct machine *machine = runner->rig.machine;
    const struct fault_plan *plan = runner->plan;
    struct failures_totals before = failures_totals(machine->failures);
    uint64_t at = machine_insns(machine);
    uint64_t limit = at + runner->rig.config.campaign.hang * (plan->end - at) + plan->stuck;
    if (at != fault->position)
        return error_set(err,
                         "campaign: expected the fault at instruction %" PRIu64 ", found %" PRIu64
                         ": the run differs from that which was planned by",
                         fault->position, at);
    if (inject_arm(machine->inject, policy, fault->hart, err))
        return -1;
    *end = machine_go(machine, at + 1, NULL, NULL, err);
    if (*end != END_FAULT && !inject_done(machine->inject))
        return error_set(err,
                         "campaign: expected the fault at instruction %" PRIu64
                         ": the run differs from that which was planned by",
                         at);
    /* In the address space of the fault still: what was translated to watch for it can go. */
    if (inject_disarm(machine->inject, fault->address, fault->hart, err))
        return -1;
    if (*end == END_NONE)
        *end = run_on(runner, limit, err);
    if (*end == END_FAULT && !machine->reboot_wanted)
        return 1;
    (void)machine_finish(machine, err); /* prints what was held back */
    count_failures(machine, &before, facts);
    look(runner, *end, facts);
    return 0;
}

enum campaign_ran fault_runner_run(void *opaque, const struct campaign_item *item,
                                   struct campaign_result *result, struct error *err)
{
    struct fault_runner *runner = opaque;
    struct machine *machine = runner->rig.machine;
    const struct fault *fault = item->data;
    struct outcome_facts facts = {0};
    struct inject_policy policy;
    enum machine_end end = END_NONE;
    if (golden_seek(runner->golden, fault->position, err))
        return CAMPAIGN_BROKEN;
    fault_policy(fault, NULL, &policy);
    policy.nth = 1;
    int failed = strike(runner, fault, &policy, &facts, &end, err);
    if (failed)
        return failed < 0 ? CAMPAIGN_BROKEN : CAMPAIGN_RAN_OUT;
    snprintf(runner->detail, sizeof runner->detail,
             "{\"end\":\"%s\",\"instructions\":%" PRIu64 ",\"failures\":%" PRIu64
             ",\"innocents\":%" PRIu64 ",\"refused\":%" PRIu64
             ",\"said_failed\":%s,\"said_wrong\":%s,\"check_failed\":%s}",
             machine->panic_at ? "panic" : summary_end_name(end),
             machine_insns(machine) - fault->position, facts.failures, facts.innocents,
             facts.refused, facts.said_failed ? "true" : "false",
             facts.said_wrong ? "true" : "false", facts.check_failed ? "true" : "false");
    result->outcome = outcome_name(outcome_of(&facts));
    result->detail = runner->detail;
    return golden_back(runner->golden, err) ? CAMPAIGN_BROKEN : CAMPAIGN_RAN;
}
