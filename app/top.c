/* top.c - `vigil top`: a running pipeline in a terminal, anew each second.
 *
 * One thread asks (app/top_fetch.h), this one draws and listens to keys: a pipeline that hangs does not make
 * the terminal hang.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curses.h>

#include "app/command.h"
#include "app/top_fetch.h"
#include "app/top_screen.h"
#include "app/verbs.h"
#include "core/clock.h"

enum { TURN_MS = 100, ONCE_LINES = 1000 };

struct options {
    char *at;
    bool once, beds;
};

static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, once, "once", "false", 0,
                "print one screen as text and end, for scripts"),
    VG_OPT_BOOL(struct options, beds, "beds", "false", 0, "beds in place of partitions"),
    VG_RUNNING_AT(struct options),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "top",
    .summary = "Shows a running pipeline in a terminal: rates, delays, lag, stages, sinks, beds",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "CONFIG is that of the pipeline: it says where its HTTP server is and holds the token.\n"
        "Keys: q ends; s sorts the stages by another column; b beds or partitions; w the last ten\n"
        "seconds or minute; p or space pauses; up, down, page up, page down move the lowest "
        "table;\n"
        "h shows this. Beds are those with the highest score first, then the most unusual.\n"
        "Exit code of --once: 0, or 69 when the pipeline does not answer. Without it a pipeline "
        "that\n"
        "went away is asked again each second.\n",
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* ---- a screen as text ---- */

static void print_line(void *arg, enum vg_top_tone tone, const char *text)
{
    (void)arg;
    (void)tone;
    puts(text);
}

static vg_status print_once(const struct vg_running *running, const struct options *o,
                            struct vg_err *err)
{
    struct vg_top_fetch fetch;
    struct vg_top_news news;
    struct vg_top_view view = { .gone = "", .height = ONCE_LINES, .show_beds = o->beds };

    vg_top_fetch_start(&fetch, running);
    vg_top_fetch_beds(&fetch, o->beds);
    for (;;) {
        vg_top_fetch_news(&fetch, &news);
        if (news.gone[0] || news.no_beds[0] || (news.state && (news.beds || !o->beds)))
            break;
        json_decref(news.state);
        json_decref(news.beds);
        usleep(TURN_MS * 100);
    }
    vg_top_fetch_stop(&fetch);
    view.state = news.state;
    view.beds = news.beds;
    if (!news.gone[0] && !news.no_beds[0])
        vg_top_lines(&view, print_line, NULL);
    json_decref(news.state);
    json_decref(news.beds);
    if (news.gone[0])
        return vg_fail(err, VG_E_UNAVAILABLE, "%s", news.gone);
    return news.no_beds[0] ? vg_fail(err, VG_E_FAILED, "%s", news.no_beds) : VG_OK;
}

/* ---- a terminal ---- */

struct top {
    struct vg_top_fetch fetch;
    struct vg_top_news news; /* what is shown */
    struct vg_top_view view;
    bool help;
    int row;
};

static void draw_line(void *arg, enum vg_top_tone tone, const char *text)
{
    struct top *t = arg;
    static const attr_t looks[] = { [VG_TOP_PLAIN] = A_NORMAL,
                                    [VG_TOP_TITLE] = A_REVERSE,
                                    [VG_TOP_STRONG] = A_BOLD,
                                    [VG_TOP_BAD] = A_BOLD,
                                    [VG_TOP_OLD] = A_DIM };
    const attr_t red = tone == VG_TOP_BAD && has_colors() ? (attr_t)COLOR_PAIR(1) : 0;

    attrset((int)(looks[tone] | red));
    if (tone == VG_TOP_TITLE)
        mvhline(t->row, 0, ' ', COLS);
    mvaddnstr(t->row, 0, text, COLS);
    attrset(A_NORMAL);
    t->row++;
}

static void draw_help(struct top *t)
{
    static const char *const lines[] = {
        "q              ends",
        "s              sorts the stages: by the chain, busy, rows, memory",
        "b              beds, or partitions",
        "w              figures of the last ten seconds, or of the last minute",
        "p, space       pauses, and goes on",
        "up, down       move the lowest table; page up, page down by ten",
        "h, ?           this, and back",
        "",
        "BUSY %   of the time of a stage's threads; SHARE % of all that is worked on",
        "WAITING  frames in front of a stage; above 8 it holds up the one before it",
        "Vigil is not a medical device: what is here is for those who run it.",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(lines) && t->row < LINES - 1; i++)
        draw_line(t, VG_TOP_PLAIN, lines[i]);
}

static void draw(struct top *t)
{
    char foot[128];

    erase();
    t->row = 0;
    t->view.state = t->news.state;
    t->view.beds = t->news.beds;
    t->view.gone = t->news.gone;
    t->view.age_s = (vg_mono_ns() - t->news.mono_ns) / VG_NS_PER_S;
    t->view.height = LINES - 1;
    if (t->help)
        draw_help(t);
    else
        vg_top_lines(&t->view, draw_line, t);
    snprintf(foot, sizeof(foot), "q quit  s sort:%s  b %s  w %s  p %s  h help",
             vg_top_sort_name(t->view.sort), t->view.show_beds ? "partitions" : "beds",
             t->view.minute ? "10 s" : "1 min", t->view.paused ? "go on" : "pause");
    t->row = LINES - 1;
    attrset(A_REVERSE);
    mvaddnstr(t->row, 0, foot, COLS - 1);
    attrset(A_NORMAL);
    refresh();
}

static void take_news(struct top *t)
{
    struct vg_top_news news;

    vg_top_fetch_news(&t->fetch, &news);
    if (t->view.paused && t->news.state) {
        json_decref(news.state);
        json_decref(news.beds);
        return;
    }
    json_decref(t->news.state);
    json_decref(t->news.beds);
    t->news = news;
}

static int lowest_rows(const struct top *t)
{
    const json_t *list =
        t->view.show_beds ? json_object_get(t->news.beds, "beds")
                          : json_object_get(json_object_get(t->news.state, "source"), "partitions");

    return (int)json_array_size(list);
}

static void move_table(struct top *t, int by)
{
    const int last = lowest_rows(t) - 1;

    t->view.skip += by;
    if (t->view.skip > last)
        t->view.skip = last;
    if (t->view.skip < 0)
        t->view.skip = 0;
}

static void toggle_beds(struct top *t)
{
    t->view.show_beds = !t->view.show_beds;
    t->view.skip = 0;
    vg_top_fetch_beds(&t->fetch, t->view.show_beds);
}

/* Whether to go on. */
static bool take_key(struct top *t, int key)
{
    enum { PAGE = 10 };

    switch (key) {
    case 'q':
        return false;
    case 's':
        t->view.sort = (t->view.sort + 1) % VG_TOP_SORTS;
        break;
    case 'b':
        toggle_beds(t);
        break;
    case 'w':
        t->view.minute = !t->view.minute;
        break;
    case 'p':
    case ' ':
        t->view.paused = !t->view.paused;
        break;
    case 'h':
    case '?':
        t->help = !t->help;
        break;
    case KEY_UP:
    case KEY_DOWN:
        move_table(t, key == KEY_UP ? -1 : 1);
        break;
    case KEY_PPAGE:
    case KEY_NPAGE:
        move_table(t, key == KEY_PPAGE ? -PAGE : PAGE);
        break;
    default: /* KEY_RESIZE: what is drawn next has the new size */
        break;
    }
    return true;
}

static vg_status open_terminal(struct vg_err *err)
{
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return vg_fail(err, VG_E_USAGE, "no terminal is here; --once prints one screen as text");
    setlocale(LC_CTYPE, "");
    if (!newterm(NULL, stdout, stdin))
        return vg_fail(err, VG_E_USAGE,
                       "terminal \"%s\" (TERM) is not known; --once prints one screen as text",
                       getenv("TERM") ? getenv("TERM") : "");
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    timeout(TURN_MS);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_RED, -1);
    }
    return VG_OK;
}

static vg_status show(const struct vg_running *running, const struct options *o, struct vg_err *err)
{
    const struct sigaction on_stop = { .sa_handler = stop };
    struct top t = { .view = { .show_beds = o->beds, .gone = "" } };
    vg_status st = open_terminal(err);

    if (st != VG_OK)
        return st;
    sigaction(SIGINT, &on_stop, NULL);
    sigaction(SIGTERM, &on_stop, NULL);
    vg_top_fetch_start(&t.fetch, running);
    vg_top_fetch_beds(&t.fetch, o->beds);
    do {
        take_news(&t);
        draw(&t);
    } while (!stopped && take_key(&t, getch()));
    endwin();
    vg_top_fetch_stop(&t.fetch);
    json_decref(t.news.state);
    json_decref(t.news.beds);
    return VG_OK;
}

/* ---- the verb ---- */

int vg_verb_top(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_running running = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO) {
        vg_status st = vg_running_find(args[0], o.at, &running, &err);

        if (st == VG_OK)
            st = o.once ? print_once(&running, &o, &err) : show(&running, &o, &err);
        exit = st == VG_OK ? 0 : vg_command_failed(&command, &err);
    }
    vg_running_done(&running);
    vg_options_done(options, &o);
    return exit;
}
