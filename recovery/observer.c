/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/observer.h"

#include "recovery/engine.h"

void observers_add(struct recovery_observers *observers, struct recovery_observer *observer)
{
    struct recovery_observer **end = &observers->first;
    while (*end)
        end = &(*end)->next;
    *end = observer;
    observer->next = NULL;
}

void observers_remove(struct recovery_observers *observers, struct recovery_observer *observer)
{
    struct recovery_observer **link = &observers->first;
    while (*link && *link != observer)
        link = &(*link)->next;
    if (*link)
        *link = observer->next;
}

struct observed_domain observed(const struct domain *domain)
{
    return (struct observed_domain){
        .id = domain->id,
        .parent = domain->parent ? domain->parent->id : 0,
        .thread = domain->thread->id,
        .kind = domain->kind,
        .number = domain->number,
        .opened = domain->opened_at,
        .log_bytes = domain->log.saved_bytes,
        .independent = domain->independent,
        .lost = domain->lost,
    };
}

static void tell(const struct recovery_observer *who, enum observed_event event, unsigned hart,
                 const struct observed_domain *what, enum refused_reason why)
{
    switch (event) {
    case OBSERVED_OPENED:
        if (who->opened)
            who->opened(who->opaque, hart, what);
        break;
    case OBSERVED_CLOSED:
        if (who->closed)
            who->closed(who->opaque, hart, what);
        break;
    case OBSERVED_LINGERS:
        if (who->lingers)
            who->lingers(who->opaque, what);
        break;
    case OBSERVED_COMMITTED:
        if (who->committed)
            who->committed(who->opaque, what);
        break;
    case OBSERVED_LOST:
        if (who->lost)
            who->lost(who->opaque, what, why);
        break;
    case OBSERVED_ABORTED:
        if (who->aborted)
            who->aborted(who->opaque, hart, what);
        break;
    case OBSERVED_COUNTED:
        if (who->counted)
            who->counted(who->opaque, what);
        break;
    case OBSERVED_REWOUND:
        if (who->rewound)
            who->rewound(who->opaque, hart, what);
        break;
    }
}

void observe_domain(const struct recovery *recovery, unsigned hart, enum observed_event event,
                    const struct domain *domain)
{
    const struct observed_domain what = observed(domain);
    const struct recovery_observer *who = recovery->options.observers->first;
    for (; who; who = who->next)
        tell(who, event, hart, &what, domain->lost_to);
}

void observe_log(const struct recovery *recovery, const struct domain *domain, uint64_t bytes)
{
    const struct observed_domain what = observed(domain);
    const struct recovery_observer *who = recovery->options.observers->first;
    for (; who && bytes; who = who->next)
        if (who->logged)
            who->logged(who->opaque, recovery->active, &what, bytes);
}

void observe_dependency(const struct recovery *recovery, const struct domain *domain,
                        const struct domain *on)
{
    const struct observed_domain what = observed(domain), other = observed(on);
    const struct recovery_observer *who = recovery->options.observers->first;
    for (; who; who = who->next)
        if (who->depends)
            who->depends(who->opaque, recovery->active, &what, &other);
}

void observe_switch(const struct recovery *recovery, unsigned hart)
{
    const struct recovery_observer *who = recovery->options.observers->first;
    for (; who; who = who->next)
        if (who->switched)
            who->switched(who->opaque, hart, recovery->lanes[hart].thread->id);
}

void observe_failure(const struct recovery *recovery, const struct observed_failure *failure)
{
    const struct recovery_observer *who = recovery->options.observers->first;
    for (; who; who = who->next)
        if (who->failed)
            who->failed(who->opaque, failure);
}
