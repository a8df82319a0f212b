/* notices.c - what this instance has to tell by itself. */
#include "runtime/notices.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"

void vg_notices_init(struct vg_notices *n)
{
    memset(n, 0, sizeof(*n));
    pthread_mutex_init(&n->lock, NULL);
}

void vg_notices_done(struct vg_notices *n)
{
    pthread_mutex_destroy(&n->lock);
}

static int compare(const struct vg_notice_entry *e, enum vg_notice notice, const char *subject)
{
    if (e->notice != notice)
        return e->notice < notice ? -1 : 1;
    return strncmp(e->subject, subject, sizeof(e->subject) - 1);
}

static bool change(struct vg_notice_entry *e, const char *text)
{
    if (strncmp(e->text, text, sizeof(e->text) - 1) == 0)
        return false;
    snprintf(e->text, sizeof(e->text), "%s", text);
    return true;
}

static bool add(struct vg_notices *n, uint32_t at, enum vg_notice notice, const char *subject,
                const char *text)
{
    struct vg_notice_entry *e = &n->entry[at];
    /* Many late subscribers must not leave a full disk untold. */
    uint32_t room = vg_notice_alert_of(notice) == VG_NOTICE_ALERT_LOST
                        ? VG_NOTICE_SUBJECTS_MAX
                        : VG_NOTICE_SUBJECTS_MAX - VG_NOTICE_SUBJECTS_KEPT;

    if (n->entries >= room) {
        n->more[vg_notice_alert_of(notice)] = true;
        return false;
    }
    memmove(e + 1, e, (n->entries++ - at) * sizeof(*e));
    e->notice = notice;
    snprintf(e->subject, sizeof(e->subject), "%s", subject);
    snprintf(e->text, sizeof(e->text), "%s", text);
    return true;
}

static void take_away(struct vg_notices *n, uint32_t at)
{
    struct vg_notice_entry *e = &n->entry[at];

    memmove(e, e + 1, (--n->entries - at) * sizeof(*e));
}

bool vg_notices_set(struct vg_notices *n, enum vg_notice notice, const char *subject,
                    const char *text)
{
    uint32_t at = 0;
    bool found, changed = false;

    pthread_mutex_lock(&n->lock);
    while (at < n->entries && compare(&n->entry[at], notice, subject) < 0)
        at++;
    found = at < n->entries && compare(&n->entry[at], notice, subject) == 0;
    if (found && text) {
        changed = change(&n->entry[at], text);
    } else if (found) {
        take_away(n, at);
        changed = true;
    } else if (text) {
        changed = add(n, at, notice, subject, text);
    }
    pthread_mutex_unlock(&n->lock);
    return changed;
}

/* Those that fit, and how many more there are. */
static void join_texts(const struct vg_notices *n, enum vg_notice_alert alert,
                       struct vg_noticed *ret)
{
    enum { MORE_SIZE = 24 }; /* "; and 4294967295 more" */
    uint32_t left = ret->subjects;
    size_t len = 0;

    for (uint32_t i = 0; i < n->entries; i++) {
        const struct vg_notice_entry *e = &n->entry[i];

        if (vg_notice_alert_of(e->notice) != alert)
            continue;
        if (len + 2 + strlen(e->text) + MORE_SIZE >= sizeof(ret->text))
            break;
        len += (size_t)snprintf(ret->text + len, sizeof(ret->text) - len, "%s%s", len ? "; " : "",
                                e->text);
        left--;
    }
    if (left > 0)
        snprintf(ret->text + len, sizeof(ret->text) - len, "; and %u more", left);
}

void vg_notices_get(struct vg_notices *n, enum vg_notice_alert alert, struct vg_noticed *ret)
{
    memset(ret, 0, sizeof(*ret));
    snprintf(ret->alert, sizeof(ret->alert), "%s", vg_notice_alert_name(alert));
    pthread_mutex_lock(&n->lock);
    for (uint32_t i = 0; i < n->entries; i++)
        ret->subjects += vg_notice_alert_of(n->entry[i].notice) == alert;
    if (ret->subjects == 0)
        n->more[alert] = false;
    ret->subjects += n->more[alert];
    join_texts(n, alert, ret);
    pthread_mutex_unlock(&n->lock);
}
