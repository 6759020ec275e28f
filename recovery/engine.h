/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_ENGINE_H
#define IASO_RECOVERY_ENGINE_H

/* Inside recovery/: what its files share. All of it lives in the arena of the options. */

#include "recovery/log.h"
#include "recovery/recovery.h"

#define MAX_FRAMES 24

/* General registers of the RISC-V calling convention. */
#define REGISTER_RA 1
#define REGISTER_SP 2
#define REGISTER_A0 10
#define REGISTER_A7 17

/*
 * One request's recovery domain. It is OPEN while the request is executed; ENDED (lingering) when
 * the request is done but something that it depends on is undecided; then GONE. In torture, domains
 * that are gone are kept while there is a checkpoint from before their end.
 */
struct domain {
    struct log_owner log; /* first: the log knows domains by it */
    enum {
        DOMAIN_OPEN,
        DOMAIN_ENDED,
        DOMAIN_GONE
    } state;
    uint64_t id;        /* from 1, in the order of opening */
    uint64_t opened;    /* log position */
    uint64_t opened_at; /* tick */
    uint64_t ended;     /* log position at the end of the request */
    uint64_t finished;  /* log position at which it was gone */
    enum request_kind kind;
    uint64_t number; /* system call, cause, interrupt, or index of the function */
    struct thread *thread;
    struct domain *parent; /* in which it is nested, or NULL */
    bool independent;  /* an open domain: commits at its return, whatever becomes of its parent */
    uint32_t lineage;  /* its thread's, or one of its own if it is independent */
    uint64_t mark;     /* for walks over dependencies */
    unsigned depth;    /* of the thread's frames below it */
    void *registers;   /* the hart at entry */
    uint64_t ran;      /* thread->ran at entry */
    uint64_t ended_at; /* tick at which it began to linger */

    struct domain **needs; /* the domains that it depends on */
    size_t need_count, need_room;
    const struct domain *blocked_by; /* an open domain that it waited for when last looked at ... */
    uint64_t blocked_id, blocked_when; /* ... its id, and recovery->losses then */
    struct domain **dependents;        /* the other way round */
    size_t dependent_count, dependent_room;

    enum refused_reason lost_to; /* why it can no longer be undone, if `lost` */
    bool lost;
    struct inverse_call {
        uint64_t function, argument;
    } * inverses;
    size_t inverse_count, inverse_room;

    /* Torture */
    uint64_t checkpoint; /* log position, or 0 */
    struct torture_point *point;
    bool wanted; /* it was to be tortured, whether or not it has a checkpoint still */

    struct domain *next, *previous; /* all of them, oldest first */
};

/* A call, or trap, that a thread is in. */
struct frame {
    enum {
        FRAME_TRAP,     /* from within the kernel, without a domain */
        FRAME_DOMAIN,   /* a trap that opened one */
        FRAME_FUNCTION, /* a function that opened one */
        FRAME_EXEMPT,
        FRAME_UNBROKEN,
        FRAME_INVERSE, /* a call that has an inverse: an open domain */
        FRAME_CHECK,
    } kind;
    uint64_t sp, ra;       /* functions */
    struct domain *domain; /* FRAME_DOMAIN, FRAME_FUNCTION, FRAME_INVERSE */
    unsigned index;        /* FRAME_INVERSE: in the policy */
    uint64_t argument;     /* FRAME_INVERSE: the first */
};

/* What a checkpoint must bring back of a thread. */
struct thread_state {
    struct frame frames[MAX_FRAMES];
    unsigned frame_count;
    unsigned exempt;       /* frames of that kind */
    unsigned unbroken;     /* likewise */
    struct domain *top;    /* innermost open domain */
    struct domain *linger; /* the last one that ended and waits */
    uint64_t ran;          /* instructions, when it was not running */
};

struct thread {
    uint64_t id;      /* as the policy's identity says */
    uint32_t lineage; /* whose pages: of all of its domains but independent ones */
    uint64_t epoch;
    struct thread_state now;
    unsigned retried; /* how often its request was executed again */
    uint64_t left_at; /* tick at which it left its hart */
    bool lost;        /* its failure could not be helped: the guest is on its own */
    bool idle;        /* a hart's idle thread */
    struct domain
        *put_back;       /* resumes at this domain's entry when it runs again (FRAME_EXEMPT ends) */
    bool put_back_error; /* ... with the error */
    struct thread *next; /* in the order in which they were seen */
    struct thread *chain; /* of the same hash */
};

#define MAX_OPENED 8

enum mode {
    MODE_OUTSIDE, /* nothing is logged; what is read of uncommitted changes is lost to the domain */
    MODE_LOGGED,
    MODE_EXEMPT, /* firmware too */
};

struct lane {              /* a hart */
    struct thread *thread; /* that runs on it; NULL: not known yet */
    bool user, firmware;
    uint64_t opened[MAX_OPENED]; /* pages that the firmware has opened, on its visit */
    unsigned opened_count;
    bool opened_more;
    bool calling; /* a function of the guest, on our behalf */
    enum mode mode;
    struct domain *logger; /* MODE_LOGGED */
    uint32_t who;          /* as given to memory_enter() ... */
    uint64_t epoch;
    uint64_t since; /* instructions of the hart when the thread came */

    enum request {
        ASK_NOTHING,
        ASK_FAILURE,
        ASK_REWIND,
        ASK_PUT_BACK
    } asked;
    struct domain *asked_for;
    const char *failure; /* ASK_FAILURE: what was seen */
    uint64_t refused_pc; /* the failure was refused here ... */
    uint64_t refused_at; /* ... after so many instructions */

    struct account_where where;
    struct account_counts charged; /* the hart's counts when `where` began */
};

/* What a checkpoint is in torture. */
struct torture_point {
    void *machine;
    size_t thread_count;
    struct lane lanes[8];
    struct thread_state *threads; /* in order of the list */
    uint64_t tortured;
};

/* A function of the guest in which the policy takes an interest. */
struct point {
    uint64_t address;
    enum point_kind {
        POINT_REQUEST,
        POINT_EXEMPT,
        POINT_UNBROKEN,
        POINT_INVERSE,
        POINT_FAILURE,
        POINT_CHECK,
        POINT_ENDLESS,
    } kind;
    unsigned index; /* in the policy's list */
    const char *name;
};

struct recovery {
    struct recovery_options options;
    struct arena *arena;
    const struct recovery_policy *policy;
    struct memory *mem;
    struct log *log;
    struct account *account;
    struct recovery_counts counts;

    struct point *points; /* sorted by address */
    size_t point_count, point_room;
    uint64_t wake, identity_symbol;
    unsigned identity_register;
    uint64_t *undos; /* address of each inverse's undo */

    struct lane lanes[8];
    unsigned active; /* the hart that runs; hart_count: none */
    struct thread *threads, **threads_end;
    size_t thread_count;
    struct thread *threads_by_id[1024];
    uint32_t lineages;
    uint64_t outside_epoch;

    struct domain *oldest, *newest, *spare;
    uint64_t domain_ids, marks;
    uint64_t losses;       /* domains that were given up */
    uint64_t linger_ticks; /* as the policy says */
    uint64_t hang_ticks;   /* likewise: no request hangs before */
    uint64_t shared_pages;
    bool any_request; /* since boot */

    enum output_policy uart;
    struct output_queue {
        struct held {
            uint8_t byte;
            struct domain *domain; /* that must commit first, or NULL */
            uint64_t position;     /* of the log */
        } * bytes;
        size_t first, count, room;
    } output;

    /* Torture */
    uint64_t quiet_until; /* instructions: what ends before was tortured already */
    uint64_t tortured;    /* domains that were considered, for torture_every */
    size_t gone, sweep_at;
    unsigned waits;       /* of a hart whose request has failed, for the others */
    uint64_t epoch_floor; /* contexts of older epochs begin a new one */
};

/* ---- points.c: functions of the guest ---- */

/* Resolves all names of the policy. */
int points_find(struct recovery *recovery, struct error *err);

/* The first point at or after the address; the array ends at points + point_count. */
const struct point *points_at(const struct recovery *recovery, uint64_t address);

/* ---- domain.c: threads and domains ---- */

struct thread *thread_find(struct recovery *recovery, uint64_t id);

/* Opens a domain in the thread that runs on the hart; NULL when out of memory. */
struct domain *domain_open(struct recovery *recovery, unsigned hart, enum request_kind kind,
                           uint64_t number, bool independent);

/* The request is done. The domain may be gone afterwards. */
void domain_end(struct recovery *recovery, struct domain *domain);

void domain_depend(struct recovery *recovery, struct domain *domain, struct domain *on);

/* It depends on nobody any more, nor anybody on it. */
void domain_detach(struct domain *domain);

/* The domain, and what it depends on, can no longer be undone. */
void domain_lose(struct recovery *recovery, struct domain *domain, enum refused_reason why);

/* Gives up domains of threads that have not run for long, if others depend on them. */
void domain_settle_old(struct recovery *recovery);

int domain_add_inverse(struct recovery *recovery, struct domain *domain, uint64_t function,
                       uint64_t argument);

/* Takes it out of everything, without regard of its log. */
void domain_delete(struct recovery *recovery, struct domain *domain);

/* ---- track.c: memory ---- */

int track_listen(struct recovery *recovery);

/* What the hart does from now on is whose? To be called whenever thread, mode or domain changed. */
void track_apply(struct recovery *recovery, unsigned hart);

/* The hart is back from machine mode. */
void track_leave_firmware(struct recovery *recovery, unsigned hart);

/* Nobody's: devices, the host. */
void track_outside(struct recovery *recovery);
void track_released(void *opaque, uint64_t page_gpa, bool was_shared);

/* ---- rollback.c ---- */

/* Fails the request that runs on the hart; false if refused. */
bool rollback_failure(struct recovery *recovery, unsigned hart);

/* Whether what the thread does now is exempt: not if an interrupt's domain has begun on top. */
static inline bool is_exempt(const struct thread *thread)
{
    const struct thread_state *now = &thread->now;
    for (unsigned i = now->top ? now->top->depth : 0; now->exempt && i < now->frame_count; i++)
        if (now->frames[i].kind == FRAME_EXEMPT)
            return true;
    return false;
}

/* Whether the thread is in the middle of what it must finish first. */
static inline bool is_unbroken(const struct thread *thread)
{
    return thread->now.exempt || thread->now.unbroken;
}

/* The thread on the hart was put back, and may now go there. */
void rollback_put_back(struct recovery *recovery, unsigned hart);

/* ---- torture.c ---- */

void torture_open(struct recovery *recovery, struct domain *domain);

/* Whether the domain that ends now is to be rewound. */
bool torture_wants(struct recovery *recovery, struct domain *domain);
int torture_rewind(struct recovery *recovery, unsigned hart, struct error *err);
/* Gives up the oldest checkpoints while the log is larger than it may be. */
void torture_limit(struct recovery *recovery, uint64_t bytes);
void torture_gone(struct recovery *recovery);
void torture_drop(struct recovery *recovery, struct domain *domain);

/* ---- output.c ---- */

/* What is held back for the domain waits for `heir` instead; NULL: for nobody. */
void output_settle_domain(struct recovery *recovery, const struct domain *domain,
                          struct domain *heir);
void output_abort(struct recovery *recovery, const struct domain *domain);
void output_finish(struct recovery *recovery);
void output_rewind(struct recovery *recovery, uint64_t position);

/* ---- observer.c: tells observers, if there are any ---- */

static inline bool is_observed(const struct recovery *recovery)
{
    return recovery->options.observers && recovery->options.observers->first;
}

enum observed_event {
    OBSERVED_OPENED,
    OBSERVED_CLOSED,
    OBSERVED_LINGERS,
    OBSERVED_COMMITTED,
    OBSERVED_LOST,
    OBSERVED_ABORTED,
    OBSERVED_COUNTED,
    OBSERVED_REWOUND,
};

void observe_domain(const struct recovery *recovery, unsigned hart, enum observed_event event,
                    const struct domain *domain);
void observe_log(const struct recovery *recovery, const struct domain *domain, uint64_t bytes);
void observe_dependency(const struct recovery *recovery, const struct domain *domain,
                        const struct domain *on);
void observe_switch(const struct recovery *recovery, unsigned hart);
void observe_failure(const struct recovery *recovery, const struct observed_failure *failure);
struct observed_domain observed(const struct domain *domain);

/* ---- recovery.c ---- */

/* A trap that the thread on the hart has just taken begins a request. */
void recovery_begin_trap(struct recovery *recovery, unsigned hart, enum request_kind kind,
                         uint64_t number);
void recovery_charge(struct recovery *recovery, unsigned hart);

#endif
