/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live view, on an X server without a screen: pictures by their content, keys by what they do.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <png.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/display/display_layout.h"
#include "sim/display/display_panes.h"
#include "tests/system/harness.h"

#define FRAMEBUFFER "configs/framebuffer.json"
#define RECOVERY    "recovery.preset=configs/presets/agora.json"

/* ---- The X server, and its keyboard -------------------------------------------------------- */

struct server {
    pid_t pid;
};

/* On a display number that is free; DISPLAY says which. */
static void server_start(struct server *server)
{
    int ends[2];
    char number[16], display[20];
    cr_assert_eq(pipe(ends), 0);
    snprintf(number, sizeof number, "%d", ends[1]);
    server->pid = fork();
    if (server->pid == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* with the test, however that ends */
        dup2(open("/dev/null", O_RDWR), STDOUT_FILENO);
        dup2(STDOUT_FILENO, STDERR_FILENO);
        execlp("Xvfb", "Xvfb", "-displayfd", number, "-screen", "0", "1300x860x24", "-nolisten",
               "tcp", NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    cr_assert(in && fgets(number, sizeof number, in), "Xvfb did not start");
    fclose(in);
    number[strcspn(number, "\n")] = 0;
    snprintf(display, sizeof display, ":%s", number);
    setenv("DISPLAY", display, 1);
    unsetenv("SDL_VIDEODRIVER");
    unsetenv("WAYLAND_DISPLAY");
}

static void server_stop(const struct server *server)
{
    kill(server->pid, SIGTERM);
    waitpid(server->pid, NULL, 0);
}

/* Waits for the window, and presses the key in it; xdotool's exit code. */
static int press_once(const char *key)
{
    struct run run;
    RUN_COMMAND(&run, "xdotool", "search", "--sync", "--onlyvisible", "--name", "^iaso$",
                "windowfocus", "key", "--delay", "30", key);
    int code = run.code;
    run_free(&run);
    return code;
}

static void press(const char *key)
{
    cr_assert_eq(press_once(key), 0, "xdotool could not press %s", key);
}

/* The window may be gone before the key is let go. */
static void press_quit(void)
{
    (void)press_once("q");
}

static void start(struct session *session, const char *const arguments[])
{
    session_start(session, SESSION_PIPE_ERR, arguments);
}

/* Waits for the text; the number behind it, "1,234". */
static unsigned long long number_after(struct session *session, const char *text)
{
    char line[200];
    unsigned long long number = 0;
    session_expect(session, text);
    session_line(session, line, sizeof line);
    for (const char *c = line; (*c >= '0' && *c <= '9') || *c == ','; c++)
        number = *c == ',' ? number : number * 10 + (unsigned long long)(*c - '0');
    return number;
}

/* Types what is to be typed to do it again, with more options. */
static void do_again(struct run *run, const char *told, const char *limit, const char *summary)
{
    char command[1000];
    const char *iaso = getenv("IASO");
    cr_assert_eq(strncmp(told, "iaso ", 5), 0, "%s", told);
    snprintf(command, sizeof command, "%s %s -q -c none -n %s --summary %s",
             iaso && *iaso ? iaso : "./iaso", told + 5, limit, summary);
    RUN_COMMAND(run, "sh", "-c", command);
    run->summary = read_json(summary);
}

/* ---- Pictures ------------------------------------------------------------------------------ */

struct picture {
    png_image image;
    uint8_t *bytes;
};

static void picture_read(struct picture *picture, const char *path)
{
    picture->image = (png_image){.version = PNG_IMAGE_VERSION};
    cr_assert(png_image_begin_read_from_file(&picture->image, path), "%s: %s", path,
              picture->image.message);
    picture->image.format = PNG_FORMAT_RGB;
    picture->bytes = malloc(PNG_IMAGE_SIZE(picture->image));
    cr_assert(picture->bytes &&
              png_image_finish_read(&picture->image, NULL, picture->bytes, 0, NULL));
}

static uint32_t pixel(const struct picture *picture, int x, int y)
{
    const uint8_t *at = picture->bytes + 3 * ((size_t)y * picture->image.width + (size_t)x);
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static size_t count_colour(const struct picture *picture, const struct display_rect *area,
                           uint32_t colour)
{
    size_t count = 0;
    for (int y = area->y; y < area->y + area->h; y++)
        for (int x = area->x; x < area->x + area->w; x++)
            count += pixel(picture, x, y) == colour;
    return count;
}

static void expect_legend(const struct picture *picture, const struct display_layout *layout)
{
    for (unsigned i = 0; i < DISPLAY_SIGNS; i++) {
        const struct display_rect swatch = display_swatch(&layout->panes[PANE_MAP], i);
        cr_expect_eq(pixel(picture, swatch.x + 1, swatch.y + 1), display_signs[i].colour, "%s",
                     display_signs[i].name);
    }
}

Test(system_display, shows_the_frame_buffer_and_memory)
{
    const struct display_has has = {.power = true, .screen_width = 320, .screen_height = 240};
    struct display_layout layout;
    struct server server;
    struct place place;
    struct picture picture;
    struct run run;
    place_make(&place);
    server_start(&server);
    RUN(&run, "run", FRAMEBUFFER, "-c", "none", "--screenshot", place_file(&place, "fb.png"));
    cr_assert_eq(run.code, 0, "%s", run.err);
    picture_read(&picture, place_file(&place, "fb.png"));
    cr_assert_eq(picture.image.width, DISPLAY_WIDTH);
    cr_assert_eq(picture.image.height, DISPLAY_HEIGHT);
    display_layout(&layout, DISPLAY_WIDTH, DISPLAY_HEIGHT, &has);
    expect_legend(&picture, &layout);

    /* In the set, far outside of it, and the colours of its edge. */
    const struct display_rect screen = display_picture(&layout.panes[PANE_SCREEN], 320, 240);
    cr_expect_eq(pixel(&picture, screen.x + screen.w * 215 / 320, screen.y + screen.h / 2),
                 0x060810);
    cr_expect_eq(pixel(&picture, screen.x + 2, screen.y + 2),
                 pixel(&picture, screen.x + 2, screen.y + screen.h - 3));
    size_t inside = count_colour(&picture, &screen, 0x060810), all = (size_t)(screen.w * screen.h);
    cr_expect(inside > all / 10 && inside < all / 3, "%zu of %zu", inside, all);

    /* Three cuts in the strip, and memory that nobody wrote to, and the guest's code. */
    cr_expect_gt(count_colour(&picture, &layout.panes[PANE_SUPPLY], COLOUR_BAD), 3 * 10);
    cr_expect_gt(
        count_colour(&picture, &layout.panes[PANE_MAP], display_signs[CELL_UNTOUCHED].colour),
        1000);
    cr_expect_gt(count_colour(&picture, &layout.panes[PANE_MAP], display_signs[CELL_ROM].colour),
                 1000);
    cr_expect_gt(count_colour(&picture, &layout.panes[PANE_CONSOLE], COLOUR_TEXT), 300);
    free(picture.bytes);
    run_free(&run);
    server_stop(&server);
    place_remove(&place);
}

/* ---- Looking changes nothing --------------------------------------------------------------- */

static void expect_unchanged(const char *config, const char *set)
{
    struct run plain, shown;
    struct place place;
    place_make(&place);
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    RUN(&plain, "run", config, "-q", "-c", "none", "--set", set, "--summary",
        place_file(&place, "plain"));
    RUN(&shown, "run", config, "-q", "-c", "none", "--set", set, "--summary",
        place_file(&place, "shown"), "--screenshot", place_file(&place, "end.png"));
    expect_same(&plain, &shown, config);
    cr_expect_eq(summary_number(&plain, "virtual_time_ns"),
                 summary_number(&shown, "virtual_time_ns"), "%s", config);
    run_free(&plain);
    run_free(&shown);
    place_remove(&place);
}

/* That key F could inject a fault is no fault that never struck. */
Test(system_display, closing_lines_are_the_same)
{
    static const char *const configs[] = {"configs/hello.json", "configs/agora.json"};
    struct place place;
    place_make(&place);
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    for (size_t i = 0; i < 4; i++) {
        struct run plain, shown;
        const char *set = i % 2 ? RECOVERY : "machine.seed=1";
        RUN(&plain, "run", configs[i / 2], "-c", "none", "-n", "3M", "--set", set);
        RUN(&shown, "run", configs[i / 2], "-c", "none", "-n", "3M", "--set", set, "--screenshot",
            place_file(&place, "end.png"));
        cr_expect_eq(plain.code, shown.code);
        cr_expect_str_eq(shown.err, plain.err, "%s", configs[i / 2]);
        run_free(&plain);
        run_free(&shown);
    }
    place_remove(&place);
}

Test(system_display, a_run_that_is_watched_is_the_same)
{
    expect_unchanged(FRAMEBUFFER, "machine.seed=1");
    expect_unchanged("configs/hypnos-trace.json", "machine.seed=1");
    expect_unchanged("configs/agora-bug.json", "machine.seed=1");
    expect_unchanged("configs/agora-bare.json", "run.pages=armed");
}

/* ---- Keys ---------------------------------------------------------------------------------- */

Test(system_display, starts_paused_and_says_what_cannot_be_done)
{
    struct server server;
    struct session session;
    server_start(&server);
    start(&session,
          (const char *const[]){"run", FRAMEBUFFER, "-d", "-c", "none", "--set",
                                "power.enabled=false", "--set", "display.paused=true", NULL});
    press("p");
    session_expect(&session, "no power cut: the config has no section `power`");
    press("f");
    session_expect(&session, "no fault: faults are for RISC-V kernels");
    press("period");
    cr_expect_eq(number_after(&session, "paused at instruction "), 1);
    press_quit();
    cr_expect_eq(session_end(&session), 1, "%s", session.seen); /* it has not finished */
    session_free(&session);
    server_stop(&server);
}

Test(system_display, pause_step_and_power_cut_that_can_be_repeated)
{
    struct server server;
    struct session session;
    struct place place;
    struct run again;
    char again_by[600], limit[40];
    place_make(&place);
    server_start(&server);
    const char *summary = place_file(&place, "summary");
    start(&session, (const char *const[]){"run", FRAMEBUFFER, "-d", "-c", "none", "--set",
                                          "power.cuts=[]", "--set", "bootargs=mandelbrot 100000000",
                                          "--summary", summary, NULL});
    press("space");
    unsigned long long at = number_after(&session, "paused at instruction ");
    for (unsigned i = 1; i <= 3; i++) {
        press("period");
        cr_expect_eq(number_after(&session, "paused at instruction "), at + i);
    }
    press("p");
    session_expect(&session, "power cut; again: ");
    session_line(&session, again_by, sizeof again_by);
    const char *cut = strstr(again_by, "\"instruction\":");
    cr_assert(cut && strstr(again_by, "iaso run " FRAMEBUFFER " --set "), "%s", again_by);
    cr_expect_eq(strtoull(cut + strlen("\"instruction\":"), NULL, 10), at + 4);
    press("space");
    session_expect(&session, "goes on");
    press("minus"); /* so that it is not far to go */
    press_quit();
    cr_expect_eq(session_end(&session), 1, "%s", session.seen); /* it has not finished */
    cJSON *seen = read_json(summary);
    cr_assert_eq(number_at(seen, "power.lives"), 2);
    cr_assert_eq(number_at(seen, "power.planned"), 1);

    snprintf(limit, sizeof limit, "%.0f", number_at(seen, "instructions"));
    unsetenv("DISPLAY");
    do_again(&again, again_by, limit, place_file(&place, "again"));
    cr_expect_str_eq(summary_text(&again, "memory_sha256"),
                     cJSON_GetObjectItem(seen, "memory_sha256")->valuestring);
    cr_expect_eq(summary_number(&again, "instructions"), number_at(seen, "instructions"));
    cr_expect_eq(summary_number(&again, "virtual_time_ns"), number_at(seen, "virtual_time_ns"));
    cJSON_Delete(seen);
    run_free(&again);
    session_free(&session);
    server_stop(&server);
    place_remove(&place);
}

Test(system_display, a_fault_is_recovered_and_can_be_repeated)
{
    struct server server;
    struct session session;
    struct place place;
    struct run again;
    char again_by[600], limit[40];
    place_make(&place);
    server_start(&server);
    const char *summary = place_file(&place, "summary");
    start(&session, (const char *const[]){"run", "configs/agora.json", "-d", "-c", "none", "--set",
                                          RECOVERY, "--summary", summary, NULL});
    press("f");
    session_expect(&session, "fault injected; again: ");
    session_line(&session, again_by, sizeof again_by);
    press_quit();
    cr_expect_eq(session_end(&session), 1, "%s", session.seen); /* it has not finished */
    cJSON *seen = read_json(summary);
    cr_expect_eq(number_at(seen, "recovery.recovered"), 1);
    snprintf(limit, sizeof limit, "%.0f", number_at(seen, "instructions"));
    do_again(&again, again_by, limit, place_file(&place, "again"));
    cr_expect_str_eq(summary_text(&again, "memory_sha256"),
                     cJSON_GetObjectItem(seen, "memory_sha256")->valuestring);
    cr_expect_eq(summary_number(&again, "instructions"), number_at(seen, "instructions"));
    cJSON_Delete(seen);
    run_free(&again);
    session_free(&session);
    server_stop(&server);
    place_remove(&place);
}

/* Waits until the file has the text. */
static void await_text(const char *path, const char *text)
{
    for (int tries = 0; tries < 600; tries++) {
        size_t size;
        char *bytes = access(path, R_OK) == 0 ? read_whole(path, &size) : NULL;
        bool there = bytes && strstr(bytes, text);
        free(bytes);
        if (there)
            return;
        usleep(50000);
    }
    cr_assert_fail("no \"%s\" in %s", text, path);
}

Test(system_display, what_is_typed_reaches_the_guest)
{
    struct server server;
    struct session session;
    struct place place;
    char where[120];
    place_make(&place);
    server_start(&server);
    const char *out = place_file(&place, "console");
    const char *config = place_write(&place, "echo.json",
                                     "{\"load\": [{\"kernel\": \"build/guests/riscv/echo.elf\"}]}");
    snprintf(where, sizeof where, "file=%s", out);
    start(&session, (const char *const[]){"run", config, "-d", "-c", where, NULL});
    press("F1");
    await_text(out, "> ");
    press("a");
    press("b");
    press("q"); /* is for the guest now */
    press("Return");
    await_text(out, "qba");
    press("ctrl+a");
    press_quit();
    cr_expect_eq(session_end(&session), 0, "%s", session.seen);
    session_free(&session);
    server_stop(&server);
    place_remove(&place);
}

/* The guest is "wfi; j .-4". Its 10,000 s must not pass before a person can press a key. */
Test(system_display, an_idle_guest_waits_for_the_person)
{
    static const uint8_t idle[] = {0x73, 0x00, 0x50, 0x10, 0x6f, 0xf0, 0xdf, 0xff};
    struct server server;
    struct session session;
    struct place place;
    place_make(&place);
    server_start(&server);
    const char *summary = place_file(&place, "summary");
    const char *kernel = place_bytes(&place, "idle.bin", idle, sizeof idle);
    const char *config =
        place_write(&place, "idle.json",
                    "{\"load\": [{\"kernel\": \"%s\"}], \"run\": {\"script\": [{\"expect\": "
                    "\"never\", \"timeout\": \"10000s\"}]}}",
                    kernel);
    start(&session,
          (const char *const[]){"run", config, "-d", "-c", "none", "--summary", summary, NULL});
    press_quit();
    cr_expect_eq(session_end(&session), 0, "%s", session.seen);
    cJSON *seen = read_json(summary);
    cr_expect_str_eq(cJSON_GetObjectItem(seen, "end")->valuestring, "quit");
    cJSON_Delete(seen);
    session_free(&session);
    server_stop(&server);
    place_remove(&place);
}

/* ---- Where there is nothing to show on ----------------------------------------------------- */

Test(system_display, says_why_it_cannot)
{
    struct run run;
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("SDL_VIDEODRIVER");
    RUN(&run, "run", FRAMEBUFFER, "--display");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "iaso: --display: no display"), "%s", run.err);
    cr_expect(strstr(run.err, "SDL_VIDEODRIVER=dummy"), "%s", run.err);
    cr_expect_eq(run.out_size, 0, "the guest ran");
    run_free(&run);
    setenv("DISPLAY", ":4711", 1);
    RUN(&run, "run", FRAMEBUFFER, "--screenshot", "/dev/null/../x.png");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "/dev/null/../x.png: cannot write the picture"), "%s", run.err);
    cr_expect_eq(run.out_size, 0, "the guest ran");
    run_free(&run);
    RUN(&run, "run", FRAMEBUFFER, "--screenshot", "picture.jpg");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "ends in .png, found \"picture.jpg\""), "%s", run.err);
    cr_expect(access("picture.jpg", F_OK) != 0);
    run_free(&run);
    RUN(&run, "run", FRAMEBUFFER, "-d");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "--display: no display: DISPLAY=\":4711\": "), "%s", run.err);
    run_free(&run);
    unsetenv("DISPLAY");
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    RUN(&run, "run", FRAMEBUFFER, "-d", "--set", "display.font=README.md");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "display.font: cannot use \"README.md\""), "%s", run.err);
    run_free(&run);
    RUN(&run, "inject", "configs/agora.json", "--campaign", "5", "--display");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "no --display beside --campaign"), "%s", run.err);
    run_free(&run);
    RUN(&run, "sweep", "configs/hypnos-kv.json", "--display");
    cr_expect_eq(run.code, 2);
    run_free(&run);
}
