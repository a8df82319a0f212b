/* log.c - one write per line, so that lines of several threads never mix. */
#include "runtime/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/datagram.h"
#include "core/text.h"
#include "runtime/log_limit.h"

enum { TEXT_SIZE = 1024 };

static const char *const names[] = { "error", "warn", "info", "debug" };

/* Set once before threads start, read by all. */
static int max_level = VG_LOG_INFO;
static int format = VG_LOG_TEXT;
static const char *journal = VG_JOURNAL_SOCKET;

/* The rest is under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vg_log_limit limit;
static int journal_fd = -1;

/* What is said, and where. */
struct line {
    const struct vg_log_site *site;
    enum vg_log_level level;
    const char *component;
    char text[TEXT_SIZE];
};

void vg_log_open(const struct vg_log_options *o)
{
    const char *env = getenv("VIGIL_LOG");

    max_level = o->level;
    format = o->format;
    journal = o->socket ? o->socket : VG_JOURNAL_SOCKET;
    for (int i = 0; env && i < (int)VG_ARRAY_LEN(names); i++) {
        if (strcmp(env, names[i]) == 0)
            max_level = i;
    }
}

/* ---- standard error ---- */

static void write_text(const struct line *l, const char *when, struct vg_buf *out)
{
    vg_buf_printf(out, "%s %-5s %s: ", when, names[l->level], l->component);
    /* What a server answered may have lines of its own; one must not look like one of ours. */
    for (const char *at = l->text; *at; at++)
        vg_buf_add(out, (unsigned char)*at < ' ' || *at == 0x7f ? " " : at, 1);
    vg_buf_char(out, '\n');
}

static void write_json(const struct line *l, const char *when, struct vg_buf *out)
{
    vg_buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"component\":", when, names[l->level]);
    vg_buf_json_str(out, l->component);
    vg_buf_str(out, ",\"message\":");
    vg_buf_json_str(out, l->text);
    vg_buf_str(out, "}\n");
}

static void print(const struct line *l)
{
    struct vg_buf out = VG_BUF_INIT;
    char when[VG_TIME_TEXT_SIZE];

    vg_format_time(vg_wall_ns(), when);
    if (format == VG_LOG_JSON)
        write_json(l, when, &out);
    else
        write_text(l, when, &out);
    if (write(STDERR_FILENO, out.data, out.len) < 0) {
        /* Nowhere left to say it. */
    }
    vg_buf_done(&out);
}

/* ---- the journal ---- */

/* "runtime/feed.c" of the path that the compiler was given. */
static const char *short_name(const char *file)
{
    const char *name = strrchr(file, '/');

    while (name && name > file && name[-1] != '/')
        name--;
    return name ? name : file;
}

static void write_entry(const struct line *l, struct vg_buf *out)
{
    static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

    vg_journal_field(out, "MESSAGE", l->text);
    vg_buf_printf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=vigil\n", priorities[l->level]);
    vg_journal_field(out, "VIGIL_COMPONENT", l->component);
    vg_journal_field(out, "CODE_FILE", short_name(l->site->file));
    vg_buf_printf(out, "CODE_LINE=%d\n", l->site->line);
    vg_journal_field(out, "CODE_FUNC", l->site->function);
}

static bool send_entry(const struct vg_buf *entry)
{
    if (journal_fd < 0)
        journal_fd = vg_datagram_open(journal, SOCK_NONBLOCK);
    return journal_fd >= 0 && send(journal_fd, entry->data, entry->len, MSG_NOSIGNAL) >= 0;
}

/* Whether it was taken. A journal that was started again has another socket. */
static bool tell_journal(const struct line *l)
{
    struct vg_buf entry = VG_BUF_INIT;
    bool taken;

    write_entry(l, &entry);
    pthread_mutex_lock(&lock);
    taken = send_entry(&entry);
    if (!taken && journal_fd >= 0) {
        close(journal_fd);
        journal_fd = -1;
        taken = send_entry(&entry);
    }
    pthread_mutex_unlock(&lock);
    vg_buf_done(&entry);
    return taken;
}

/* ---- both ---- */

static void say(const struct line *l)
{
    if (format != VG_LOG_JOURNALD || !tell_journal(l))
        print(l);
}

void vg_log_tell_hidden(int64_t now_ns)
{
    struct vg_log_place place;
    struct line l;
    bool some;

    do {
        pthread_mutex_lock(&lock);
        some = vg_log_limit_over(&limit, now_ns, &place);
        pthread_mutex_unlock(&lock);
        if (!some)
            break;
        l = (struct line){ .site = &place.site,
                           .level = place.level,
                           .component = place.component };
        snprintf(l.text, sizeof(l.text), "%llu more of these were not logged (%s:%d)",
                 (unsigned long long)place.hidden, short_name(place.site.file), place.site.line);
        say(&l);
    } while (some);
}

static bool may_speak(const struct line *l)
{
    int64_t now_ns = vg_mono_ns();
    bool may;

    if (l->level == VG_LOG_DEBUG)
        return true;
    vg_log_tell_hidden(now_ns);
    pthread_mutex_lock(&lock);
    may = vg_log_limit_take(&limit, l->site, l->component, l->level, now_ns);
    pthread_mutex_unlock(&lock);
    return may;
}

void vg_log_at(const struct vg_log_site *site, enum vg_log_level level, const char *component,
               const char *fmt, ...)
{
    struct line l = { .site = site, .level = level, .component = component };
    va_list ap;

    if ((int)level > max_level)
        return;
    va_start(ap, fmt);
    vsnprintf(l.text, sizeof(l.text), fmt, ap);
    va_end(ap);
    if (may_speak(&l))
        say(&l);
}
