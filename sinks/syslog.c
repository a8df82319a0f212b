/* syslog.c - tells the log of this machine about every event: for those who watch machines, not
 * patients.
 *
 * Logs are read, copied and kept by many who may not know patients: a message has an event's title,
 * place and id, and neither the patient nor a value. Whoever may know more finds the event by its id.
 *
 * A datagram is delivered when the kernel has taken it for the receiver. There is no more to know.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/datagram.h"
#include "core/sink.h"
#include "core/text.h"
#include "sinks/event_member.h"

enum { MEMBER_SIZE = 256, NO_SOCKET = -1 };
enum { TARGET_SYSLOG, TARGET_JOURNALD };

/* What a message says of an event. */
struct told {
    const struct vg_delivery *event;
    char id[VG_EVENT_ID_TEXT_SIZE];
    char time[VG_TIME_TEXT_SIZE];
    char title[MEMBER_SIZE], rule[MEMBER_SIZE], bed[MEMBER_SIZE];
    int severity;
};

struct syslog {
    int target;   /* option */
    int facility; /* option; index into facilities */
    char *path;   /* option */

    int fd;
    int64_t timeout_ns;
    struct vg_buf message;
};

static const char *const targets[] = { "syslog", "journald", NULL };
static const char *const facilities[] = { "user",   "daemon", "local0", "local1",
                                          "local2", "local3", "local4", "local5",
                                          "local6", "local7", NULL };
static const int facility_codes[] = { LOG_USER,   LOG_DAEMON, LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2,
                                      LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7 };

static const struct vg_option options[] = {
    VG_OPT_ENUM(
        struct syslog, target, "target", "syslog", targets, 0,
        "syslog: messages of RFC 5424. journald: entries with fields such as VIGIL_EVENT_ID."),
    VG_OPT_ENUM(
        struct syslog, facility, "facility", "daemon", facilities, 0,
        "The facility of messages; high alerts are crit, medium warning, low notice, and what "
        "is over is info."),
    VG_OPT_STRING(struct syslog, path, "socket", NULL, 0,
                  "Where the log listens. Default: /dev/log, or " VG_JOURNAL_SOCKET "."),
    VG_OPT_END,
};

static const char *socket_path(const struct syslog *s)
{
    static const char *const usual[] = { "/dev/log", VG_JOURNAL_SOCKET };

    return s->path ? s->path : usual[s->target];
}

static vg_status syslog_check(void *self, struct vg_err *err)
{
    const struct syslog *s = self;

    return s->path ? vg_datagram_check(s->path, "socket", err) : VG_OK;
}

/* ---- messages ---- */

static int severity_of(const struct vg_delivery *event)
{
    if (event->phase == VG_PHASE_END)
        return LOG_INFO;
    switch (event->priority) {
    case VG_PRIORITY_HIGH:
        return LOG_CRIT;
    case VG_PRIORITY_MEDIUM:
        return LOG_WARNING;
    case VG_PRIORITY_LOW:
        return LOG_NOTICE;
    default:
        return LOG_INFO;
    }
}

/* Names of a configuration or a record: none may end a field and begin another. */
static void read_member(const struct vg_delivery *event, const char *name, char out[MEMBER_SIZE])
{
    vg_event_member(event, name, out, MEMBER_SIZE);
    for (char *at = out; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
}

static void look_at(const struct vg_delivery *event, struct told *t)
{
    t->event = event;
    t->severity = severity_of(event);
    vg_event_id_text(event->episode_id, event->number, t->id);
    vg_format_time(event->time_ns, t->time);
    read_member(event, "title", t->title);
    read_member(event, "rule", t->rule);
    read_member(event, "bed", t->bed);
}

/* "high start icu-a/07: SpO2 below limit" */
static void add_text(const struct told *t, struct vg_buf *out)
{
    vg_buf_printf(out, "%s %s %s: %s", vg_priority_name(t->event->priority),
                  vg_phase_name(t->event->phase), t->bed[0] ? t->bed : t->event->ward, t->title);
}

/* The same in both forms: what a message says beside its text. */
static void add_fields(const struct told *t, struct vg_buf *out,
                       void (*add)(struct vg_buf *out, const char *name, const char *value))
{
    add(out, "event_id", t->id);
    add(out, "phase", vg_phase_name(t->event->phase));
    add(out, "kind", vg_alert_kind_name(t->event->kind));
    add(out, "priority", vg_priority_name(t->event->priority));
    add(out, "ward", t->event->ward);
    add(out, "bed", t->bed);
    add(out, "rule", t->rule);
    add(out, "time", t->time);
}

static void add_journal_field(struct vg_buf *out, const char *name, const char *value)
{
    char field[32] = "VIGIL_";
    size_t n = strlen(field);

    for (; *name && n < sizeof(field) - 1; name++)
        field[n++] = (char)toupper((unsigned char)*name);
    field[n] = '\0';
    vg_journal_field(out, field, value);
}

static void write_journal(const struct syslog *s, const struct told *t, struct vg_buf *out)
{
    vg_buf_str(out, "MESSAGE=");
    add_text(t, out); /* without newlines: read_member() */
    vg_buf_printf(out, "\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=vigil\n", t->severity,
                  LOG_FAC(facility_codes[s->facility]));
    add_fields(t, out, add_journal_field);
}

static void add_parameter(struct vg_buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    vg_buf_printf(out, " %s=\"", name);
    for (; *value; value++) {
        if (strchr("\"\\]", *value))
            vg_buf_char(out, '\\');
        vg_buf_char(out, *value);
    }
    vg_buf_char(out, '"');
}

/* RFC 5424 6: <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD-ID NAME="VALUE" ...] MSG. The host is
 * the receiver's to say. 32473 is the number that RFC 5612 sets aside for those who have none. */
static void write_syslog(const struct syslog *s, const struct told *t, struct vg_buf *out)
{
    vg_buf_printf(out, "<%d>1 %s - vigil %d %s [vigil@32473",
                  facility_codes[s->facility] | t->severity, t->time, (int)getpid(),
                  vg_phase_name(t->event->phase));
    add_fields(t, out, add_parameter);
    vg_buf_str(out, "] ");
    add_text(t, out);
}

/* ---- sending ---- */

static void disconnect(struct syslog *s)
{
    if (s->fd != NO_SOCKET)
        close(s->fd);
    s->fd = NO_SOCKET;
}

static vg_status failed(struct syslog *s, const char *what, struct vg_err *err)
{
    int code = errno;

    disconnect(s);
    return vg_fail(err, VG_E_UNAVAILABLE, "cannot %s %s: %s", what, socket_path(s), strerror(code));
}

static vg_status ensure_connected(struct syslog *s, struct vg_err *err)
{
    struct timeval wait = { .tv_sec = (time_t)(s->timeout_ns / VG_NS_PER_S),
                            .tv_usec = (suseconds_t)(s->timeout_ns % VG_NS_PER_S / 1000) };

    if (s->fd != NO_SOCKET)
        return VG_OK;
    s->fd = vg_datagram_open(socket_path(s), 0);
    if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
        return failed(s, "reach the log at", err);
    return VG_OK;
}

static vg_status tell(struct syslog *s, const struct vg_delivery *event, struct vg_err *err)
{
    struct told t;
    ssize_t n;

    look_at(event, &t);
    vg_buf_clear(&s->message);
    if (s->target == TARGET_JOURNALD)
        write_journal(s, &t, &s->message);
    else
        write_syslog(s, &t, &s->message);
    do {
        n = send(s->fd, s->message.data, s->message.len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? failed(s, "tell the log at", err) : VG_OK;
}

static vg_status syslog_deliver(void *self, const struct vg_delivery *events, size_t n,
                                size_t *done, struct vg_err *err)
{
    struct syslog *s = self;
    vg_status st = ensure_connected(s, err);

    *done = 0;
    while (*done < n && st == VG_OK) {
        st = tell(s, &events[*done], err);
        *done += st == VG_OK;
    }
    return st;
}

static vg_status syslog_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct syslog *s = self;

    (void)err;
    s->fd = NO_SOCKET;
    s->timeout_ns = env->timeout_ns;
    return VG_OK;
}

static void syslog_close(void *self)
{
    struct syslog *s = self;

    disconnect(s);
    vg_buf_done(&s->message);
}

const struct vg_sink_ops vg_sink_syslog = {
    .name = "syslog",
    .summary = "Tells syslog or journald about every event, without the patient.",
    .options = options,
    .self_size = sizeof(struct syslog),
    .check = syslog_check,
    .open = syslog_open,
    .deliver = syslog_deliver,
    .close = syslog_close,
};
