/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs in user mode share. They share memory, too: one address space for all. */
#ifndef AGORA_USER_H
#define AGORA_USER_H

#include <stdbool.h>
#include <stddef.h>

#include "../abi.h"

/* One thread's account of itself; nobody else writes to it while it lives. */
struct worker {
    struct totals done;
    uint64_t errors, first_error; /* calls that returned -EIO, and the number of the first */
    uint64_t pid;
    uint64_t random;
};

int64_t system_call(uint64_t number, uint64_t first, uint64_t second, uint64_t third,
                    uint64_t fourth);
void exit_thread(uint64_t code) __attribute__((noreturn));

/* A call that may fail with -EIO, which is noted, and must then have had no effect. */
int64_t call(struct worker *me, uint64_t number, uint64_t first, uint64_t second, uint64_t third,
             uint64_t fourth);

/* The same, again and again until it does not fail. */
int64_t insist(struct worker *me, uint64_t number, uint64_t first, uint64_t second, uint64_t third,
               uint64_t fourth);

/* Notes a result that no correct kernel returns. */
void expect(struct worker *me, bool as_expected);

uint64_t next_random(struct worker *me, uint64_t limit);

/* Builds a line, at most WRITE_MAX bytes of it. */
struct line {
    char text[WRITE_MAX];
    uint64_t size;
};

void line_begin(struct line *line, const char *text);
void line_text(struct line *line, const char *text);
void line_number(struct line *line, uint64_t value);
int64_t line_write(struct worker *me, const struct line *line);

/* Starts a thread that does a job; its pid, or an error. */
#define MAX_WORKERS MAX_THREADS
int64_t start_worker(struct worker *me, unsigned index, uint64_t work);
extern struct worker workers[MAX_WORKERS]; /* 0: the main thread; the index names the job, too */

/* ---- The jobs: their first lines say what they do ------------------------------------------ */

#define FIRST_CHILD 14
#define CHILDREN    6

void count(struct worker *me, uint64_t work);
void transfer(struct worker *me, uint64_t work);
void produce(struct worker *me, uint64_t work);
void consume(struct worker *me, uint64_t work);
void allocate(struct worker *me, uint64_t work);
void use_files(struct worker *me, uint64_t work);
void write_pipe(struct worker *me, uint64_t work);
void read_pipe(struct worker *me, uint64_t work);
void sleep_and_spawn(struct worker *me, uint64_t work);
void be_a_child(struct worker *me, uint64_t work);

#endif
