/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/power_vcd.h"

#include <inttypes.h>

#include "sim/lives.h"

/* Identifier codes of the signals. */
#define ON       '!'
#define LIFE     '"'
#define CUT      '#'
#define BROWNOUT '$'
#define PROGRESS '%'
#define SUPPLY   '&'

struct dump {
    const struct machine *machine;
    FILE *out;
    uint64_t now; /* ns: what was written last */
    uint64_t progress;
};

static void write_header(const struct dump *dump, bool supply)
{
    fprintf(dump->out,
            "$version Iaso $end\n"
            "$comment virtual time $end\n"
            "$timescale 1 ns $end\n"
            "$scope module power $end\n"
            "$var wire 1 %c on $end\n"
            "$var integer 64 %c life $end\n"
            "$var event 1 %c cut $end\n"
            "$var event 1 %c brown_out $end\n"
            "$var integer 64 %c progress $end\n",
            ON, LIFE, CUT, BROWNOUT, PROGRESS);
    if (supply)
        fprintf(dump->out, "$var real 64 %c supply $end\n", SUPPLY);
    fputs("$upscope $end\n$enddefinitions $end\n", dump->out);
}

static void write_number(const struct dump *dump, char signal, uint64_t value)
{
    fputc('b', dump->out);
    int bit = 63;
    while (bit > 0 && !(value >> bit & 1))
        bit--;
    for (; bit >= 0; bit--)
        fputc('0' + (int)(value >> bit & 1), dump->out);
    fprintf(dump->out, " %c\n", signal);
}

/* Simulation time, which never goes back. */
static void go_to(struct dump *dump, uint64_t tick)
{
    uint64_t ns = clock_ns(&dump->machine->clock, tick);
    if (ns > dump->now) {
        fprintf(dump->out, "#%" PRIu64 "\n", ns);
        dump->now = ns;
    }
}

static void write_start(struct dump *dump, const struct life *life, size_t number)
{
    go_to(dump, life->start);
    fprintf(dump->out, "1%c\n", ON);
    write_number(dump, LIFE, number);
}

static void write_end(struct dump *dump, const struct life *life)
{
    go_to(dump, life->start + life->on);
    dump->progress += life->progress;
    write_number(dump, PROGRESS, dump->progress);
    if (life->end != LIFE_PLANNED && life->end != LIFE_BROWN_OUT)
        return;
    fprintf(dump->out, "1%c\n0%c\n", life->end == LIFE_PLANNED ? CUT : BROWNOUT, ON);
}

static void write_sample(struct dump *dump, const struct lives_sample *sample)
{
    go_to(dump, sample->tick);
    fprintf(dump->out, "r%.9g %c\n", sample->volts, SUPPLY);
}

/* Samples up to the tick. */
static size_t write_samples(struct dump *dump, const struct lives_sample *samples, size_t at,
                            size_t count, uint64_t tick)
{
    for (; at < count && samples[at].tick <= tick; at++)
        write_sample(dump, &samples[at]);
    return at;
}

void power_vcd_write(const struct machine *machine, FILE *out)
{
    const struct lives *lives = machine->lives;
    const struct lives_sample *samples;
    size_t count = lives_samples(lives, &samples), at = 0;
    struct dump dump = {.machine = machine, .out = out};
    write_header(&dump, count);
    fprintf(out, "#0\n$dumpvars\n0%c\n", ON);
    write_number(&dump, LIFE, 0);
    write_number(&dump, PROGRESS, 0);
    if (count)
        fprintf(out, "r%.9g %c\n", samples[0].volts, SUPPLY);
    fputs("$end\n", out);
    for (size_t i = 0; i < lives_count(lives); i++) {
        const struct life *life = lives_at(lives, i);
        at = write_samples(&dump, samples, at, count, life->start);
        write_start(&dump, life, i + 1);
        at = write_samples(&dump, samples, at, count, life->start + life->on);
        write_end(&dump, life);
    }
    write_samples(&dump, samples, at, count, UINT64_MAX);
    go_to(&dump, machine->clock.now);
}
