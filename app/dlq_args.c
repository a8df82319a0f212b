/* dlq_args.c - which letters a `vigil dlq` command is about, and in which outbox. */
#include "app/dlq_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config_load.h"
#include "core/clock.h"
#include "core/text.h"

/* ---- opening ---- */

static vg_status find_folder(const struct vg_dlq_options *o, char **ret, struct vg_err *err)
{
    struct vg_config *config = NULL;
    vg_status st = VG_OK;

    if (o->config)
        st = vg_config_load_aloud(o->config, &config, err);
    if (st == VG_OK) {
        const char *where = config ? config->service.data_dir : o->data_dir;

        VG_CHECK(where);
        *ret = strdup(where);
        VG_CHECK(*ret);
    }
    vg_config_free(config);
    return st;
}

/* What another user writes here, root too, the pipeline could not write on: a file of the audit log is its
 * owner's alone. */
static vg_status check_user(const char *folder, const char *path, struct vg_err *err)
{
    struct stat s;

    if (stat(path, &s) != 0 || s.st_uid == geteuid())
        return VG_OK; /* what is not there is told by who opens it */
    return vg_fail(
        err, VG_E_USAGE,
        "%s belongs to user %u, and this is user %u; run it as that user (sudo -u '#%u'): "
        "what it records here the pipeline must be able to write on",
        folder, (unsigned)s.st_uid, (unsigned)geteuid(), (unsigned)s.st_uid);
}

/* Nothing is changed that cannot be recorded. */
static vg_status open_folder(struct vg_dlq *d, const char *folder, bool writable,
                             struct vg_err *err)
{
    char *path = NULL;
    vg_status st;

    VG_CHECK(asprintf(&path, "%s/outbox.db", folder) >= 0);
    st = writable ? check_user(folder, path, err) : VG_OK;
    if (st == VG_OK)
        st = writable ? vg_letters_open_writable(path, &d->letters, err)
                      : vg_letters_open(path, &d->letters, err);
    if (st == VG_OK && writable)
        st = vg_audit_open(folder, &d->audit, err);
    free(path);
    return st;
}

static int read_filter(struct vg_dlq *d, const struct vg_dlq_options *o)
{
    int64_t since_ns;

    d->filter = (struct vg_letter_filter){
        .letters = !o->sink,
        .deliveries = true,
        .done = o->done,
        .shard = o->shard,
        .offset = -1,
        .index = -1,
        .seq = -1,
        .sink = o->sink,
        .reason = o->reason,
    };
    if (!o->since)
        return VG_COMMAND_GO;
    if (!vg_parse_duration(o->since, &since_ns) || since_ns < 0)
        return vg_command_usage(d->command, "--since %s: expected a duration such as 2h", o->since);
    d->filter.since_ns = vg_wall_ns() - since_ns;
    return VG_COMMAND_GO;
}

int vg_dlq_open(struct vg_dlq *d, const struct vg_command *command,
                const struct vg_dlq_options *options, char *const *ids, bool writable)
{
    char *folder = NULL;
    struct vg_err err;
    vg_status st;
    int code;

    *d = (struct vg_dlq){ .command = command, .id = ids, .first = true };
    if (!options->config == !options->data_dir)
        return vg_command_usage(command, "expected --config FILE or --data-dir DIR");
    code = read_filter(d, options);
    if (code != VG_COMMAND_GO)
        return code;
    st = find_folder(options, &folder, &err);
    if (st == VG_OK)
        st = open_folder(d, folder, writable, &err);
    free(folder);
    return st == VG_OK ? VG_COMMAND_GO : vg_command_failed(command, &err);
}

void vg_dlq_close(struct vg_dlq *d)
{
    vg_letters_close(d->letters);
    vg_audit_close(d->audit);
}

vg_status vg_dlq_record(struct vg_dlq *d, const char *action, const struct vg_letter_counts *counts,
                        struct vg_err *err)
{
    char messages[24], events[24], uid[24];

    snprintf(messages, sizeof(messages), "%llu", (unsigned long long)counts->letters);
    snprintf(events, sizeof(events), "%llu", (unsigned long long)counts->deliveries);
    snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
    vg_audit_note(d->audit, "dlq", "action", action, "uid", uid, "messages", messages, "events",
                  events, NULL);
    vg_audit_sync(d->audit);
    return vg_letters_record(d->letters, action, counts, err);
}

/* ---- IDs ---- */

/* "pager:1207" */
static bool read_delivery(struct vg_dlq *d, const char *id, struct vg_letter_filter *ret)
{
    const char *colon = strrchr(id, ':');
    size_t len = (size_t)(colon - id);

    if (len == 0 || len >= sizeof(d->sink) || !vg_parse_int(colon + 1, &ret->seq) || ret->seq < 1)
        return false;
    memcpy(d->sink, id, len);
    d->sink[len] = '\0';
    ret->sink = d->sink;
    ret->letters = false;
    return true;
}

/* Moves *at behind a number and the '/' that follows it, if one does. */
static bool read_number(const char **at, int64_t max, int64_t *ret)
{
    char text[24];
    size_t len = strcspn(*at, "/");

    if (len == 0 || len >= sizeof(text))
        return false;
    memcpy(text, *at, len);
    text[len] = '\0';
    *at += len + ((*at)[len] == '/');
    return vg_parse_int(text, ret) && *ret >= 0 && *ret <= max;
}

/* "3/1207", "3/1207/0" */
static bool read_letter(const char *id, struct vg_letter_filter *ret)
{
    const char *at = id;

    ret->index = UINT32_MAX;
    ret->deliveries = false;
    if (!read_number(&at, 1023, &ret->shard) || at == id + strlen(id) ||
        !read_number(&at, INT64_MAX, &ret->offset))
        return false;
    return *at == '\0' || (read_number(&at, UINT32_MAX - 1, &ret->index) && *at == '\0');
}

bool vg_dlq_next(struct vg_dlq *d, struct vg_letter_filter *ret, struct vg_err *err)
{
    const char *id = d->id ? *d->id : NULL;
    bool read;

    err->status = VG_OK;
    *ret = d->filter;
    if (!id) {
        bool first = d->first;

        d->first = false;
        return first;
    }
    d->first = false;
    d->id++;
    read = strchr(id, ':') ? read_delivery(d, id, ret) : read_letter(id, ret);
    if (!read)
        vg_fail(err, VG_E_USAGE,
                "\"%.80s\" is no ID; expected PARTITION/OFFSET, PARTITION/OFFSET/ROW or SINK:SEQ, "
                "as `vigil dlq list` prints them",
                id);
    return read;
}

bool vg_dlq_narrowed(const struct vg_dlq_options *o, char *const *ids)
{
    return ids[0] || o->sink || o->reason || o->since || o->shard >= 0;
}
