/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* ppoll(), pipe2(), sched_getaffinity() */
#include "sim/campaign/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/campaign/workers_list.h"

#define MAX_TEXT  (16u << 20) /* of an outcome, and of a detail */
#define READ_SIZE (256u << 10)
#define PIPE_SIZE (1 << 20) /* so that workers do not wait while the coordinator writes */
#define GATHER_NS 2000000   /* results are fetched in heaps: waking up costs more than reading */
#define MAX_TRIES 16        /* workers that die before there is any result */

/* What a worker says, followed by the two texts. */
struct frame {
    uint32_t kind; /* enum campaign_ran */
    uint32_t outcome_size, detail_size;
    uint64_t number;
};

struct worker {
    pid_t pid; /* 0: none */
    int fd;    /* what it says */
    char *text;
    size_t length, room;
    size_t told;   /* the number of its newest result, plus 1 */
    char how[200]; /* the JSON of why it could not go on; "": it did not say */
};

struct workers {
    const struct workers_ops *ops;
    void *opaque;
    struct workers_list *list;
    size_t count;
    unsigned jobs, deaths;
    bool single, any_result;
    struct pollfd *polled;
    struct worker worker[];
};

unsigned workers_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

struct workers *workers_new(const struct workers_ops *ops, void *opaque, size_t count,
                            unsigned jobs, bool single, struct error *err)
{
    struct workers *workers = calloc(1, sizeof *workers + jobs * sizeof *workers->worker);
    if (workers) {
        *workers = (struct workers){
            .ops = ops, .opaque = opaque, .count = count, .jobs = jobs, .single = single};
        workers->polled = calloc(jobs, sizeof *workers->polled);
        workers->list = workers_list_new(jobs, count);
    }
    if (!workers || !workers->polled || !workers->list) {
        workers_free(workers);
        error_set(err, "out of memory");
        return NULL;
    }
    return workers;
}

/* ---- In a worker --------------------------------------------------------------------------- */

static bool say(int fd, enum campaign_ran kind, size_t number, const char *outcome,
                const char *detail)
{
    struct frame frame = {.kind = (uint32_t)kind, .number = number};
    frame.outcome_size = (uint32_t)strlen(outcome) + 1;
    frame.detail_size = detail ? (uint32_t)strlen(detail) + 1 : 0;
    struct iovec parts[] = {{&frame, sizeof frame},
                            {(char *)(uintptr_t)outcome, frame.outcome_size},
                            {(char *)(uintptr_t)detail, frame.detail_size}};
    for (size_t i = 0; i < 3;) {
        ssize_t written = writev(fd, parts + i, 3 - (int)i);
        if (written < 0 && errno != EINTR)
            return false;
        for (; written > 0 && i < 3 && (size_t)written >= parts[i].iov_len; i++)
            written -= (ssize_t)parts[i].iov_len;
        for (; i < 3 && parts[i].iov_len == 0; i++)
            written = 0;
        if (written > 0) {
            parts[i].iov_base = (char *)parts[i].iov_base + written;
            parts[i].iov_len -= (size_t)written;
        }
    }
    return true;
}

static enum campaign_ran run_one(struct workers *workers, int fd, size_t number)
{
    struct error err = {""};
    struct campaign_result result = {.outcome = "", .detail = NULL};
    enum campaign_ran ran = workers->ops->run(workers->opaque, number, &result, &err);
    if (ran == CAMPAIGN_RAN && (strlen(result.outcome) >= MAX_TEXT ||
                                (result.detail && strlen(result.detail) >= MAX_TEXT))) {
        ran = CAMPAIGN_BROKEN;
        error_set(&err, "the result of an item is longer than %u bytes", MAX_TEXT - 1);
    }
    /* However deep down that was found out, the next worker may have enough. */
    if (ran == CAMPAIGN_BROKEN && strstr(err.text, "out of memory"))
        ran = CAMPAIGN_RAN_OUT;
    const char *outcome = ran == CAMPAIGN_RAN ? result.outcome : err.text;
    const char *detail = ran == CAMPAIGN_RAN ? result.detail : NULL;
    return say(fd, ran, number, outcome, detail) ? ran : CAMPAIGN_BROKEN;
}

static void work(struct workers *workers, unsigned slot, int fd)
{
    size_t number;
    while (workers_list_take(workers->list, slot, &number)) {
        if (run_one(workers, fd, number) != CAMPAIGN_RAN)
            _exit(1);
        workers->list->slot[slot].inside = 0;
        if (workers->single)
            break;
    }
    _exit(0);
}

/* ---- Starting ------------------------------------------------------------------------------ */

static void become_worker(struct workers *workers, unsigned slot, const int fds[2], pid_t parent,
                          const sigset_t *mask)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    sigprocmask(SIG_SETMASK, mask, NULL);
    close(fds[0]);
    for (unsigned i = 0; i < workers->jobs; i++)
        if (workers->worker[i].pid)
            close(workers->worker[i].fd);
    workers->ops->enter(workers->opaque);
    work(workers, slot, fds[1]);
}

static int start(struct workers *workers, unsigned slot, const sigset_t *mask, struct error *err)
{
    struct worker *worker = &workers->worker[slot];
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
        return error_set(err, "cannot make a pipe: %s", strerror(errno));
    fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE); /* less will do, too */
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fflush(NULL);
    workers->list->slot[slot].inside = 0;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_worker(workers, slot, fds, parent, mask);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return error_set(err, "cannot start a worker: %s", strerror(errno));
    }
    worker->pid = pid;
    worker->fd = fds[0];
    worker->length = 0;
    worker->told = 0;
    worker->how[0] = 0;
    return 0;
}

/* With fewer than there should be, if there is no memory for more. */
static int start_missing(struct workers *workers, const sigset_t *mask, struct error *err)
{
    bool alive = false;
    for (unsigned i = 0; i < workers->jobs; i++)
        alive |= workers->worker[i].pid != 0;
    for (unsigned i = 0; i < workers->jobs; i++) {
        if (workers->worker[i].pid || workers->list->stop || !workers_list_left(workers->list))
            continue;
        if (start(workers, i, mask, alive ? NULL : err))
            return alive ? 0 : -1;
        alive = true;
    }
    return 0;
}

/* ---- Listening ----------------------------------------------------------------------------- */

/* Why a worker could not do it, as JSON. */
static void note_why(struct worker *worker, const char *why)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "error", why);
    if (!json || !cJSON_PrintPreallocated(json, worker->how, sizeof worker->how, false))
        snprintf(worker->how, sizeof worker->how, "{\"error\":\"\"}");
    cJSON_Delete(json);
}

static int deliver(struct workers *workers, struct worker *worker, const struct frame *frame,
                   const char *texts, struct error *err)
{
    const char *detail = frame->detail_size ? texts + frame->outcome_size : NULL;
    switch ((int)frame->kind) {
    case CAMPAIGN_RAN:
        workers->any_result = true;
        worker->told = frame->number + 1;
        return workers->ops->done(workers->opaque, frame->number, texts, detail, err);
    case CAMPAIGN_RAN_OUT:
        note_why(worker, texts);
        return 0;
    default:
        return error_set(err, "%s", texts);
    }
}

/* A worker that runs wild may write anything anywhere. */
static bool is_sound(const struct workers *workers, const struct frame *frame)
{
    return frame->number < workers->count && frame->outcome_size > 0 &&
           frame->outcome_size <= MAX_TEXT && frame->detail_size <= MAX_TEXT;
}

static bool has_ends(const struct frame *frame, const char *texts)
{
    return texts[frame->outcome_size - 1] == 0 &&
           texts[frame->outcome_size + frame->detail_size - 1] == 0;
}

/* Delivers the frames that are there as a whole. */
static int read_frames(struct workers *workers, struct worker *worker, struct error *err)
{
    size_t at = 0;
    struct frame frame;
    int result = 0;
    while (result == 0 && worker->length - at >= sizeof frame) {
        const char *texts = worker->text + at + sizeof frame;
        memcpy(&frame, worker->text + at, sizeof frame);
        size_t size = (size_t)frame.outcome_size + frame.detail_size;
        bool sound = is_sound(workers, &frame);
        if (sound && worker->length - at - sizeof frame < size)
            break;
        if (!sound || !has_ends(&frame, texts)) {
            kill(worker->pid, SIGKILL);
            worker->length = 0;
            return 0;
        }
        result = deliver(workers, worker, &frame, texts, err);
        at += sizeof frame + size;
    }
    memmove(worker->text, worker->text + at, worker->length - at);
    worker->length -= at;
    return result;
}

/* Reads all that there is: 1, or 0 at the end of it, or -1. */
static int hear(struct workers *workers, struct worker *worker, struct error *err)
{
    for (;;) {
        if (worker->room - worker->length < READ_SIZE) {
            char *grown = realloc(worker->text, worker->length + 2 * READ_SIZE);
            if (!grown)
                return error_set(err, "out of memory");
            worker->text = grown;
            worker->room = worker->length + 2 * READ_SIZE;
        }
        ssize_t length = read(worker->fd, worker->text + worker->length, READ_SIZE);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == EAGAIN ? 1 : error_set(err, "a worker's pipe: %s", strerror(errno));
        if (length == 0)
            return 0;
        worker->length += (size_t)length;
        if (read_frames(workers, worker, err))
            return -1;
    }
}

static int reap(struct worker *worker)
{
    int status = 0;
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(worker->fd);
    worker->pid = 0;
    return status;
}

/* Its pipe is at its end. Did it die in something that it has not told the result of? */
static int bury(struct workers *workers, unsigned slot, struct error *err)
{
    struct worker *worker = &workers->worker[slot];
    int status = reap(worker);
    uint64_t inside = workers->list->slot[slot].inside;
    if (!worker->how[0])
        snprintf(worker->how, sizeof worker->how, "{\"%s\":%d}",
                 WIFSIGNALED(status) ? "signal" : "exit",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    bool is_death = !WIFEXITED(status) || WEXITSTATUS(status) != 0 || inside;
    if (is_death && !workers->any_result && ++workers->deaths >= MAX_TRIES)
        return error_set(err, "%d workers died before there was any result, the last one of %s",
                         MAX_TRIES, worker->how);
    if (!inside || inside == worker->told)
        return 0;
    return workers->ops->died(workers->opaque, inside - 1, worker->how, err);
}

/* Waits until somebody speaks; *alive: is there anybody? */
static void wait_for(struct workers *workers, const sigset_t *mask, int milliseconds, bool *alive)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000},
                    gather = {0, GATHER_NS};
    *alive = false;
    for (unsigned i = 0; i < workers->jobs; i++) {
        const struct worker *worker = &workers->worker[i];
        workers->polled[i] = (struct pollfd){worker->pid ? worker->fd : -1, POLLIN, 0};
        *alive |= worker->pid != 0;
    }
    if (*alive && ppoll(workers->polled, workers->jobs, &time, mask) > 0)
        nanosleep(&gather, NULL);
}

int workers_poll(struct workers *workers, const sigset_t *mask, int milliseconds, struct error *err)
{
    bool alive;
    if (start_missing(workers, mask, err))
        return -1;
    wait_for(workers, mask, milliseconds, &alive);
    for (unsigned i = 0; i < workers->jobs; i++) {
        struct worker *worker = &workers->worker[i];
        if (!worker->pid)
            continue;
        int heard = hear(workers, worker, err);
        if (heard < 0 || (heard == 0 && bury(workers, i, err)))
            return -1;
    }
    return alive;
}

void workers_stop(struct workers *workers)
{
    workers->list->stop = true;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    for (unsigned i = 0; i < workers->jobs; i++) {
        struct worker *worker = &workers->worker[i];
        if (worker->pid) {
            kill(worker->pid, SIGKILL);
            reap(worker);
        }
        free(worker->text);
    }
    workers_list_free(workers->list);
    free(workers->polled);
    free(workers);
}
