/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display.h"

#include <SDL.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/display/display_canvas.h"
#include "sim/display/display_model.h"
#include "sim/display/display_panes.h"
#include "sim/folder.h"
#include "sim/text.h"

#define FRAME_MS 100  /* from one frame to the next while the machine runs */
#define SLOW_MS  1000 /* at most, where drawing would take more than 1 / SHARE of the run's time */
#define SHARE    50
#define WAIT_MS  20 /* for keys, when there is nothing to do */

struct display {
    struct display_options options;
    SDL_Window *window;
    struct canvas *canvas;
    struct display_model *model; /* while a machine runs */
    struct display_layout layout;
    uint64_t looks[PANES];           /* as they were drawn; 0: not yet */
    uint64_t next_frame, last_frame; /* ms */
    uint64_t drawn;                  /* ns of the host's CPU that frames have taken */
    unsigned pictures;               /* that key S has made */
    char told[sizeof((struct display_pilot *)0)->said];
    bool quit;
};

static void say(const struct display *display, const char *line)
{
    if (display->options.say && line[0])
        display->options.say(display->options.opaque, line);
}

/* ---- The window ---------------------------------------------------------------------------- */

/* `why` is what SDL says. */
static int no_display(const struct display *display, const char *why, struct error *err)
{
    static const char *const names[] = {"SDL_VIDEODRIVER", "WAYLAND_DISPLAY", "DISPLAY"};
    char asked[250] = "", quoted[60];
    size_t length = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            length += (size_t)snprintf(asked + length, sizeof asked - length, "%s=%s: ", names[i],
                                       text_quote(getenv(names[i]), quoted, sizeof quoted));
    return error_set(err,
                     "%s: no display: %s%s; SDL_VIDEODRIVER=dummy needs none, for --screenshot",
                     display->options.picture ? "--screenshot" : "--display",
                     length ? asked : "neither DISPLAY nor WAYLAND_DISPLAY is set: ", why);
}

static int open_window(struct display *display, struct error *err)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    if (SDL_Init(SDL_INIT_VIDEO))
        return no_display(display, SDL_GetError(), err);
    /* SDL falls back on drivers that show nothing: those have to be asked for. */
    const char *driver = SDL_GetCurrentVideoDriver();
    if (!getenv("SDL_VIDEODRIVER") && (!strcmp(driver, "offscreen") || !strcmp(driver, "dummy")))
        return no_display(display, "there is none that can be opened", err);
    display->window = SDL_CreateWindow("iaso", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                       DISPLAY_WIDTH, DISPLAY_HEIGHT, SDL_WINDOW_RESIZABLE);
    if (!display->window)
        return no_display(display, SDL_GetError(), err);
    SDL_SetWindowMinimumSize(display->window, DISPLAY_LEAST, DISPLAY_LEAST);
    SDL_StartTextInput();
    return 0;
}

int display_check_picture(const char *path, struct error *err)
{
    size_t length = strlen(path);
    char quoted[200];
    if (length <= 4 || strcmp(path + length - 4, ".png"))
        return error_set(err, "--screenshot: expected a name that ends in .png, found %s",
                         text_quote(path, quoted, sizeof quoted));
    return folder_check_file(path, "picture", err);
}

struct display *display_open(const struct display_options *options, struct error *err)
{
    struct display *display = calloc(1, sizeof *display);
    if (!display) {
        error_set(err, "out of memory");
        return NULL;
    }
    display->options = *options;
    if (!open_window(display, err)) {
        display->canvas = canvas_new(options->font, err);
        if (display->canvas)
            return display;
    }
    display_close(display);
    return NULL;
}

void display_close(struct display *display)
{
    if (!display)
        return;
    canvas_free(display->canvas);
    if (display->window)
        SDL_DestroyWindow(display->window);
    SDL_Quit();
    free(display);
}

/* ---- Frames -------------------------------------------------------------------------------- */

/* Begins anew with the window's size. */
static int lay_out(struct display *display, struct error *err)
{
    const struct display_has has = display_model_has(display->model);
    const SDL_Surface *old = canvas_surface(display->canvas);
    int width, height;
    SDL_GetWindowSize(display->window, &width, &height);
    if (old && old->w == width && old->h == height)
        return 0;
    if (canvas_resize(display->canvas, width, height, err))
        return -1;
    const struct display_rect all = {0, 0, width, height};
    canvas_fill(display->canvas, &all, COLOUR_BACK);
    display_layout(&display->layout, width, height, &has);
    memset(display->looks, 0, sizeof display->looks);
    return 1;
}

static void show(struct display *display, const SDL_Rect *rects, int count)
{
    SDL_Surface *window = SDL_GetWindowSurface(display->window);
    for (int i = 0; window && i < count; i++) {
        SDL_Rect to = rects[i];
        SDL_BlitSurface(canvas_surface(display->canvas), &rects[i], window, &to);
    }
    if (window)
        SDL_UpdateWindowSurfaceRects(display->window, rects, count);
}

static int draw(struct display *display, struct error *err)
{
    SDL_Rect rects[PANES + 1];
    int count = 0, fresh = lay_out(display, err);
    if (fresh < 0)
        return -1;
    display_model_step(display->model);
    if (fresh)
        rects[count++] = (SDL_Rect){0, 0, canvas_surface(display->canvas)->w,
                                    canvas_surface(display->canvas)->h};
    for (enum display_pane pane = 0; pane < PANES; pane++) {
        uint64_t look = display_model_look(display->model, pane) + 1;
        const struct display_rect *rect = &display->layout.panes[pane];
        if (look == display->looks[pane] || rect->w <= 0)
            continue;
        display->looks[pane] = look;
        display_draw(display->canvas, &display->layout, pane, display->model);
        if (!fresh)
            rects[count++] = (SDL_Rect){rect->x, rect->y, rect->w, rect->h};
    }
    if (count)
        show(display, rects, count);
    return 0;
}

static void take_picture(struct display *display)
{
    char name[40], line[120];
    struct error err = {""};
    snprintf(name, sizeof name, "iaso-%u.png", ++display->pictures);
    if (canvas_save(display->canvas, name, &err))
        snprintf(line, sizeof line, "%.110s", err.text);
    else
        snprintf(line, sizeof line, "picture written: %s", name);
    display_pilot_say(&display->model->pilot, err.text[0] != 0, line);
}

/* ---- Keys ---------------------------------------------------------------------------------- */

/* To whoever watches, or types, an idle guest shall not race through virtual time. */
static void attend(struct display *display)
{
    const struct display_model *model = display->model;
    console_attend(model->machine->console, model->keys.typing || !display->options.picture,
                   model->pilot.speed > 0 ? model->pilot.speed : 1);
}

static void obey(struct display *display, enum display_order order, struct error *err)
{
    struct display_pilot *pilot = &display->model->pilot;
    switch (order) {
    case ORDER_PAUSE:
        display_pilot_pause(pilot);
        break;
    case ORDER_STEP:
        console_attend(pilot->machine->console, true, INFINITY); /* up to the next event */
        (void)display_pilot_step(pilot, err);
        break;
    case ORDER_FASTER:
        display_pilot_speed(pilot, 1);
        break;
    case ORDER_SLOWER:
        display_pilot_speed(pilot, -1);
        break;
    case ORDER_CUT:
        display_pilot_cut(pilot);
        break;
    case ORDER_FAULT:
        display_pilot_fault(pilot);
        break;
    case ORDER_PICTURE:
        take_picture(display);
        break;
    case ORDER_QUIT:
        display->quit = true;
        break;
    case ORDER_FOCUS:
    case ORDER_NONE:
        break;
    }
    attend(display);
    display->next_frame = 0;
}

static void take_key(struct display *display, int key, struct error *err)
{
    struct display_model *model = display->model;
    uint8_t bytes[DISPLAY_KEY_BYTES];
    size_t count;
    enum display_order order = display_keys_take(&model->keys, key, bytes, &count);
    for (size_t i = 0; i < count; i++)
        console_type(model->machine->console, bytes[i]);
    obey(display, order, err);
}

/* Keys that are no text, as enum display_key or the byte that a terminal sends; -1: none. */
static int key_of(const SDL_Keysym *symbol)
{
    static const struct {
        SDL_Keycode code;
        int key;
    } keys[] = {
        {SDLK_RETURN, '\r'},       {SDLK_KP_ENTER, '\r'}, {SDLK_BACKSPACE, 127},
        {SDLK_TAB, '\t'},          {SDLK_ESCAPE, 27},     {SDLK_F1, KEY_FOCUS},
        {SDLK_UP, KEY_UP},         {SDLK_DOWN, KEY_DOWN}, {SDLK_RIGHT, KEY_RIGHT},
        {SDLK_LEFT, KEY_LEFT},     {SDLK_HOME, KEY_HOME}, {SDLK_END, KEY_END},
        {SDLK_DELETE, KEY_DELETE},
    };
    if (symbol->mod & KMOD_CTRL && symbol->sym >= 'a' && symbol->sym <= 'z')
        return symbol->sym - 'a' + 1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].code == symbol->sym)
            return keys[i].key;
    return -1;
}

static void take_event(struct display *display, const SDL_Event *event, struct error *err)
{
    if (event->type == SDL_QUIT) {
        display->quit = true;
    } else if (event->type == SDL_TEXTINPUT) {
        for (const char *c = event->text.text; *c; c++)
            take_key(display, (uint8_t)*c, err);
    } else if (event->type == SDL_KEYDOWN) {
        int key = key_of(&event->key.keysym);
        if (key >= 0)
            take_key(display, key, err);
    } else if (event->type == SDL_WINDOWEVENT) {
        const SDL_Surface *all = canvas_surface(display->canvas);
        const SDL_Rect rect = {0, 0, all ? all->w : 0, all ? all->h : 0};
        if (event->window.event == SDL_WINDOWEVENT_EXPOSED && all)
            show(display, &rect, 1);
        display->next_frame = 0;
    }
}

/* Waits for the first event for up to `ms`. */
static void take_events(struct display *display, int ms, struct error *err)
{
    SDL_Event event;
    for (int any = ms ? SDL_WaitEventTimeout(&event, ms) : SDL_PollEvent(&event); any;
         any = SDL_PollEvent(&event))
        take_event(display, &event, err);
}

/* ---- A run --------------------------------------------------------------------------------- */

/* Once for each piece of news. */
static void tell(struct display *display)
{
    const char *said = display->model->pilot.said;
    if (!strcmp(said, display->told))
        return;
    snprintf(display->told, sizeof display->told, "%s", said);
    say(display, said);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Is it time for a frame? A machine at full speed is not held up by more than its share. */
static bool is_due(const struct display *display, uint64_t now)
{
    const struct display_pilot *pilot = &display->model->pilot;
    bool dear = !pilot->paused && pilot->speed == 0 && display->next_frame &&
                display->drawn * SHARE > cpu_ns();
    return now >= display->next_frame && (!dear || now >= display->last_frame + SLOW_MS);
}

static int draw_frame(struct display *display, uint64_t now, struct error *err)
{
    uint64_t began = cpu_ns();
    int result = draw(display, err);
    display->last_frame = now;
    display->drawn += cpu_ns() - began;
    return result;
}

static int go_on(struct display *display, struct error *err)
{
    uint64_t now = display_pilot_ms(), before = machine_insns(display->model->machine);
    tell(display);
    if (is_due(display, now) && draw_frame(display, now, err))
        return -1;
    if (now >= display->next_frame)
        display->next_frame = now + FRAME_MS;
    now = display_pilot_ms();
    if (now < display->next_frame)
        (void)display_pilot_run(&display->model->pilot, (unsigned)(display->next_frame - now), err);
    bool ran = machine_insns(display->model->machine) != before;
    take_events(display, ran ? 0 : WAIT_MS, err);
    return 0;
}

/* The run is over; the person looks at what it left. */
static int stay(struct display *display, struct error *err)
{
    struct error ignored;
    while (!display->quit && !machine_interrupted()) {
        if (draw(display, err))
            return -1;
        take_events(display, FRAME_MS, &ignored);
    }
    return 0;
}

static int run(struct display *display, struct machine *machine, struct error *err)
{
    struct error why = {""};
    while (machine->end == END_NONE) {
        if (go_on(display, err))
            return -1;
        if (machine->end == END_NONE && (display->quit || machine_interrupted()))
            machine->end = display->quit ? END_QUIT : END_INTERRUPT;
    }
    (void)machine_finish(machine, err);
    tell(display);
    if (draw(display, &why) ||
        (display->options.picture &&
         canvas_save(display->canvas, display->options.picture, &why)) ||
        (!display->options.picture && stay(display, &why)))
        return error_set(err, "%s", why.text);
    return 0;
}

static void begin(struct display *display)
{
    struct display_pilot *pilot = &display->model->pilot;
    pilot->paused = pilot->machine->config->display.paused && !display->options.picture;
    attend(display);
}

enum machine_end display_run(struct display *display, struct machine *machine, struct error *err)
{
    struct machine_signals signals;
    machine_catch_signals(&signals);
    display->model = display_model_new(machine, display->options.run, err);
    if (display->model)
        begin(display);
    if (!display->model || machine_start(machine, err) || run(display, machine, err))
        machine->end = END_FAULT;
    display_model_free(display->model);
    display->model = NULL;
    machine_release_signals(&signals);
    return machine->end;
}
