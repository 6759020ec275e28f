/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/power_report.h"

/* The picture is gnuplot's work; it reads script and data from its standard input. */

extern char **environ;

static const char *terminal_of(const char *path)
{
    size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, ".svg"))
        return "svg size 1000,420 dynamic background rgb 'white'";
    if (length > 4 && !strcmp(path + length - 4, ".png"))
        return "png size 1000,420";
    return NULL;
}

static double seconds(const struct machine *machine, uint64_t ticks)
{
    return (double)ticks / (double)machine->clock.rate;
}

/* One line for each change between on and off. */
static void write_states(const struct machine *machine, FILE *out)
{
    const struct lives *lives = machine->lives;
    fputs("$power << EOD\n", out);
    for (size_t i = 0; i < lives_count(lives); i++) {
        const struct life *life = lives_at(lives, i);
        double from = seconds(machine, life->start);
        double to = seconds(machine, life->start + life->on);
        fprintf(out, "%.9f 0\n%.9f 1\n%.9f 1\n%.9f 0\n", from, from, to, to);
    }
    fputs("EOD\n$cuts << EOD\n", out);
    for (size_t i = 0; i < lives_count(lives); i++) {
        const struct life *life = lives_at(lives, i);
        double volts = lives_supply(lives) ? life->volts_to : 1;
        if (life->end == LIFE_PLANNED || life->end == LIFE_BROWN_OUT)
            fprintf(out, "%.9f %.6f\n", seconds(machine, life->start + life->on), volts);
    }
    fputs("EOD\n", out);
}

static void write_script(const struct machine *machine, const char *terminal, FILE *out)
{
    const struct lives *lives = machine->lives;
    const struct lives_sample *samples;
    size_t count = lives_samples(lives, &samples);
    bool cuts = lives_cuts(lives, LIFE_PLANNED) + lives_cuts(lives, LIFE_BROWN_OUT) > 0;
    write_states(machine, out);
    if (count) {
        fputs("$volts << EOD\n", out);
        for (size_t i = 0; i < count; i++)
            fprintf(out, "%.9f %.6f\n", seconds(machine, samples[i].tick), samples[i].volts);
        fputs("EOD\n", out);
    }
    fprintf(
        out,
        "set terminal %s\nset xlabel 'virtual time (s)'\nset y2range [0:8]\nset ytics nomirror\n"
        "set key outside top horizontal\nset style fill solid 0.25 noborder\n",
        terminal);
    fputs(count ? "set ylabel 'capacitor (V)'\n" : "unset ytics\n", out);
    fputs("plot $power using 1:2 axes x1y2 with filledcurves x1 lc rgb '#2a7f3f' title 'power on'",
          out);
    if (count)
        fputs(", $volts using 1:2 with lines lc rgb '#20508a' title 'voltage'", out);
    if (cuts)
        fprintf(out,
                ", $cuts using 1:2 axes x1%s with points pt 7 ps 0.4 lc rgb '#b02020' "
                "title 'power cuts'",
                count ? "y1" : "y2");
    fputs("\n", out);
}

int power_report_check_plot(const char *path, struct error *err)
{
    if (!terminal_of(path))
        return error_set(err, "%s: expected a name that ends in .svg or .png", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
        unlink(path);
    else if (errno == EEXIST)
        fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "%s: cannot write the picture: %s", path, strerror(errno));
    close(fd);
    return 0;
}

/* Runs gnuplot on the script. */
static int draw(FILE *script, int picture, struct error *err)
{
    char name[] = "gnuplot", *const arguments[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    if (posix_spawn_file_actions_init(&actions))
        return error_set(err, "out of memory");
    int failed = posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO) ||
                 posix_spawn_file_actions_adddup2(&actions, picture, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawnp(&pid, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return error_set(err, "cannot run gnuplot: %s (package gnuplot-nox)", strerror(failed));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : error_set(err, "gnuplot failed to draw the picture");
}

int power_report_plot(const struct machine *machine, const char *path, struct error *err)
{
    const char *terminal = terminal_of(path);
    if (!terminal)
        return error_set(err, "%s: expected a name that ends in .svg or .png", path);
    FILE *script = tmpfile();
    if (!script)
        return error_set(err, "cannot make a temporary file: %s", strerror(errno));
    int result = -1, picture = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (picture < 0) {
        error_set(err, "%s: cannot write the picture: %s", path, strerror(errno));
    } else {
        write_script(machine, terminal, script);
        result = fflush(script) || fseek(script, 0, SEEK_SET)
                     ? error_set(err, "cannot write a temporary file: %s", strerror(errno))
                     : draw(script, picture, err);
        close(picture);
    }
    fclose(script);
    return result;
}
