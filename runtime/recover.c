/* recover.c - what the disk knows of a shard. */
#include "runtime/recover.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/text.h"
#include "models/kernel.h"
#include "runtime/log.h"
#include "runtime/snapshot.h"
#include "runtime/stored.h"

struct gathering {
    struct vg_recovery *recovery;
    uint32_t shard;
    struct vg_err *err;
};

static vg_status fail_damaged(struct vg_err *err, const char *what, uint64_t where, uint32_t shard)
{
    return vg_fail(
        err, VG_E_IO,
        "the outbox is damaged: the %s %llu of shard %u is none that Vigil wrote; keep a "
        "copy and move data_dir away",
        what, (unsigned long long)where, shard);
}

static void refused(void *arg, const char *why)
{
    (void)arg;
    vg_log(VG_LOG_WARN, "snapshot", "%s", why);
}

static vg_status add_command(void *arg, const struct vg_item_command *command, const void *payload,
                             size_t len)
{
    const struct gathering *g = arg;
    struct vg_recovery *r = g->recovery;
    struct vg_recorded_command *to;

    if (!vg_stored_command_valid(command, payload, len))
        return fail_damaged(g->err, "command at offset", (uint64_t)command->next_offset, g->shard);
    r->command = realloc(r->command, (r->commands + 1) * sizeof(*r->command));
    VG_CHECK(r->command != NULL);
    to = &r->command[r->commands++];
    to->head = *command;
    to->head.size = (uint32_t)len;
    to->head.ticket = 0;
    to->payload = NULL;
    if (len > 0) {
        to->payload = malloc(len);
        VG_CHECK(to->payload != NULL);
        memcpy(to->payload, payload, len);
    }
    if (vg_command_begins_config(&to->head))
        r->building++;
    return VG_OK;
}

/* ---- what holds on under another configuration ---- */

/* What people set for a patient, of which the memory that a changed configuration starts with knows
 * nothing. Who is away or has left is not among it: that ends by data, too, and to forget it hides no
 * alert. */
struct settings {
    struct vg_recovery *recovery;
    struct vg_outbox_reader *reader;
    struct vg_err *err;
};

static const struct vg_order *order_of(const struct vg_recorded_command *c)
{
    return (const void *)c->payload;
}

static void drop_setting(struct vg_recovery *r, uint32_t i)
{
    free(r->setting[i].payload);
    r->settings--;
    memmove(&r->setting[i], &r->setting[i + 1], (r->settings - i) * sizeof(*r->setting));
}

/* Whether `newer` takes the place of an older setting: of the same thing, or of all by a discharge. */
static bool replaces(const struct vg_item_command *head, const struct vg_order *newer,
                     const struct vg_recorded_command *older)
{
    const struct vg_order *o = order_of(older);

    if (strcmp(head->patient, older->head.patient) != 0)
        return false;
    if (newer->kind == VG_ORDER_KIND_DISCHARGE)
        return true;
    return newer->kind == o->kind && newer->channel == o->channel &&
           strcmp(newer->rule, o->rule) == 0;
}

static void keep_setting(struct vg_recovery *r, const struct vg_item_command *head,
                         const struct vg_order *order)
{
    struct vg_recorded_command *to;
    struct vg_order *copy;

    for (uint32_t i = r->settings; i > 0; i--) {
        if (replaces(head, order, &r->setting[i - 1]))
            drop_setting(r, i - 1);
    }
    if (order->kind == VG_ORDER_KIND_DISCHARGE || order->clear)
        return;
    r->setting = realloc(r->setting, (r->settings + 1) * sizeof(*r->setting));
    VG_CHECK(r->setting != NULL);
    to = &r->setting[r->settings++];
    to->head = *head;
    to->head.size = sizeof(*order);
    to->head.ticket = 0;
    copy = malloc(sizeof(*copy));
    VG_CHECK(copy != NULL);
    *copy = *order;
    to->payload = (char *)copy;
}

/* One that was refused then must not be obeyed now. */
static vg_status add_setting(void *arg, const struct vg_item_command *command, const void *payload,
                             size_t len)
{
    struct settings *s = arg;
    struct vg_order order;
    struct vg_answered answered;
    bool known, about;
    vg_status st;

    if (command->kind != VG_COMMAND_ORDER || !vg_stored_command_valid(command, payload, len))
        return VG_OK;
    memcpy(&order, payload, sizeof(order));
    about = order.kind == VG_ORDER_KIND_LIMIT || order.kind == VG_ORDER_KIND_MUTE ||
            order.kind == VG_ORDER_KIND_DISCHARGE;
    if (!about || order.repeated)
        return VG_OK;
    st = vg_outbox_answer(s->reader, order.command_id, &answered, &known, s->err);
    if (st == VG_OK && known && answered.code[0] == '\0')
        keep_setting(s->recovery, command, &order);
    return st;
}

static vg_status recover_settings(struct vg_outbox_reader *reader, const char *outbox,
                                  const struct vg_position *stored, struct vg_recovery *r,
                                  struct vg_err *err)
{
    struct settings s = { .recovery = r, .err = err };
    vg_status st = vg_outbox_reader_open(outbox, &s.reader, err);

    /* Callbacks may not use the reader that calls them. */
    if (st == VG_OK)
        st = vg_outbox_commands(reader, stored->shard, -1, 0, add_setting, &s, err);
    vg_outbox_reader_close(s.reader);
    for (uint32_t i = r->settings; st == VG_OK && i > 0; i--) {
        const struct vg_order *order = order_of(&r->setting[i - 1]);

        if (stored->log_ns != VG_TIME_NONE && order->given_ns + order->for_ns <= stored->log_ns)
            drop_setting(r, i - 1);
    }
    return st;
}

static vg_status first_switch(void *arg, const struct vg_config_switch *s)
{
    struct vg_recovery *r = arg;

    if (r->next_offset == VG_START_CONFIGURED) {
        r->next_offset = s->next_offset;
        r->ordinal = s->ordinal;
        r->events = s->n;
    }
    return VG_OK;
}

/* After the last change of configuration that lies ahead, events count on from there. */
static vg_status last_switch(void *arg, const struct vg_config_switch *s)
{
    struct vg_recovery *r = arg;

    r->events = s->n;
    return VG_OK;
}

static int64_t time_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    int64_t ns;

    return text && vg_parse_time(text, strlen(text), &ns) ? ns : VG_TIME_NONE;
}

static void copy_text(char *to, size_t size, const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    if (text)
        strncpy(to, text, size - 1);
}

static vg_status add_open(void *arg, const struct vg_delivery *event)
{
    struct gathering *g = arg;
    struct vg_recovery *r = g->recovery;
    struct vg_open_episode *to;
    const char *channel;
    json_t *body, *position;

    if (event->shard != g->shard)
        return VG_OK;
    body = json_loadb(event->json, event->len, 0, NULL);
    if (!body)
        return fail_damaged(g->err, "event", event->seq, g->shard);
    r->open = realloc(r->open, (r->opens + 1) * sizeof(*r->open));
    r->open_patient = realloc(r->open_patient, (r->opens + 1) * sizeof(*r->open_patient));
    VG_CHECK(r->open != NULL && r->open_patient != NULL);
    memset(r->open_patient[r->opens], 0, sizeof(*r->open_patient));
    copy_text(r->open_patient[r->opens], sizeof(*r->open_patient), body, "patient");
    to = &r->open[r->opens++];
    memset(to, 0, sizeof(*to));
    memcpy(to->episode_id, event->episode_id, sizeof(to->episode_id));
    to->number = event->number;
    to->kind = event->kind;
    to->priority = event->priority;
    copy_text(to->rule, sizeof(to->rule), body, "rule");
    copy_text(to->title, sizeof(to->title), body, "title");
    channel = json_string_value(json_object_get(body, "channel"));
    to->channel = channel ? vg_channel_find(channel) : VG_CHANNEL_NONE;
    to->onset_ns = time_of(body, "onset");
    position = json_object_get(body, "position");
    to->due_ns = time_of(position, "due");
    to->has_due = to->due_ns != VG_TIME_NONE;
    to->offset = json_integer_value(json_object_get(position, "offset"));
    to->ordered = json_object_get(position, "ordinal") != NULL;
    to->index =
        (uint32_t)json_integer_value(json_object_get(position, to->ordered ? "ordinal" : "index"));
    json_decref(body);
    return VG_OK;
}

static vg_status load_snapshot(const struct vg_shared *shared, uint32_t shard,
                               const struct vg_position *stored, struct vg_recovery *r,
                               struct vg_err *err)
{
    struct vg_snapshot_want want = {
        .pipeline = shared->identity.pipeline,
        .cluster = shared->identity.log,
        .partitions = shared->identity.partitions,
        .shard = shard,
        .upto_offset = stored->next_offset,
        .upto_ordinal = stored->ordinal,
    };
    struct vg_snapshot snap;
    vg_status st =
        vg_snapshot_load(shared->config->service.data_dir, &want, refused, NULL, &snap, err);

    if (st != VG_OK || !snap.items)
        return st;
    if (strcmp(snap.head.kernel, vg_kernel_id()) != 0)
        vg_log(VG_LOG_WARN, "snapshot", "shard %u: its models ran on the kernel %s, now on %s",
               shard, snap.head.kernel, vg_kernel_id());
    r->restored = true;
    r->next_offset = snap.head.position.next_offset;
    r->ordinal = snap.head.position.ordinal;
    r->log_ns = snap.head.position.log_ns;
    r->events = snap.head.position.n;
    r->known_log_ns = snap.head.position.log_ns;
    r->known_wall_ns = snap.head.position.wall_ns;
    vg_buf_add(&r->items, snap.items, snap.len);
    vg_snapshot_done(&snap);
    return VG_OK;
}

/* Each takes the place of the one before it. */
static vg_status add_notice(void *arg, const struct vg_item_command *command, const void *payload,
                            size_t len)
{
    struct vg_recovery *r = arg;
    struct vg_noticed said;
    uint32_t i = 0;

    if (!vg_stored_command_valid(command, payload, len))
        return VG_OK;
    memcpy(&said, payload, sizeof(said));
    while (i < r->notices && strcmp(r->notice[i].alert, said.alert) != 0)
        i++;
    if (i == r->notices && r->notices < VG_NOTICE_ALERT_COUNT)
        r->notices++;
    if (i < r->notices)
        r->notice[i] = said;
    return VG_OK;
}

/* At the stored position another configuration takes over. */
static vg_status recover_changed(struct vg_outbox_reader *reader, const char *outbox,
                                 const struct vg_position *stored, struct vg_recovery *r,
                                 struct vg_err *err)
{
    struct gathering g = { r, stored->shard, err };
    uint64_t as_of;
    vg_status st = vg_outbox_open_episodes(reader, NULL, add_open, &g, &as_of, err);

    r->config_changed = true;
    r->building++;
    r->events = stored->n;
    return st == VG_OK ? recover_settings(reader, outbox, stored, r, err) : st;
}

static vg_status recover_known(const struct vg_shared *shared, struct vg_outbox_reader *reader,
                               const char *outbox, const struct vg_position *stored,
                               struct vg_recovery *r, struct vg_err *err)
{
    struct gathering g = { r, stored->shard, err };
    vg_status st = load_snapshot(shared, stored->shard, stored, r, err);

    if (st == VG_OK && !r->restored)
        st = vg_outbox_config_switches(reader, stored->shard, -1, 0, first_switch, r, err);
    if (st == VG_OK)
        st = vg_outbox_commands(reader, stored->shard, r->next_offset, r->ordinal, add_command, &g,
                                err);
    if (st == VG_OK)
        st = vg_outbox_notices(reader, stored->shard, add_notice, r, err);
    if (st != VG_OK)
        return st;
    r->stored_offset = stored->next_offset;
    r->stored = stored->n;
    if (stored->log_ns != VG_TIME_NONE &&
        (r->known_log_ns == VG_TIME_NONE || stored->log_ns > r->known_log_ns)) {
        r->known_log_ns = stored->log_ns;
        r->known_wall_ns = stored->wall_ns;
    }
    if (strcmp(stored->config, shared->identity.config) != 0)
        return recover_changed(reader, outbox, stored, r, err);
    if (r->building > 0)
        return vg_outbox_config_switches(reader, stored->shard, r->next_offset, r->ordinal,
                                         last_switch, r, err);
    return VG_OK;
}

static vg_status repeat_commands(const char *path, uint32_t shard, struct vg_recovery *r,
                                 struct vg_err *err)
{
    struct gathering g = { r, shard, err };
    struct vg_outbox_reader *reader;
    vg_status st = vg_outbox_reader_open(path, &reader, err);

    if (st != VG_OK)
        return st;
    st = vg_outbox_commands(reader, shard, r->next_offset, r->ordinal, add_command, &g, err);
    vg_outbox_reader_close(reader);
    return st;
}

static void nothing_known(struct vg_recovery *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->next_offset = VG_START_CONFIGURED;
    ret->stored_offset = -1;
    ret->log_ns = ret->known_log_ns = VG_TIME_NONE;
}

vg_status vg_recover(const struct vg_shared *shared, const char *outbox, const char *commands_from,
                     uint32_t shard, struct vg_recovery *ret, struct vg_err *err)
{
    struct vg_outbox_reader *reader;
    struct vg_position stored;
    bool known;
    vg_status st = vg_outbox_reader_open(outbox, &reader, err);

    nothing_known(ret);
    if (st != VG_OK)
        return st;
    st = vg_outbox_position(reader, shard, &stored, &known, err);
    if (st == VG_OK && known)
        st = recover_known(shared, reader, outbox, &stored, ret, err);
    else if (st == VG_OK && commands_from)
        st = repeat_commands(commands_from, shard, ret, err);
    vg_outbox_reader_close(reader);
    if (st == VG_OK && known)
        vg_log(VG_LOG_INFO, "recover", "shard %u: from %s at offset %lld; the outbox is at %lld",
               shard, ret->restored ? "a snapshot" : "its start", (long long)ret->next_offset,
               (long long)stored.next_offset);
    return st;
}

vg_status vg_recover_changed(const char *outbox, uint32_t shard, struct vg_recovery *ret,
                             struct vg_err *err)
{
    struct vg_outbox_reader *reader;
    struct vg_position stored;
    bool known = false;
    vg_status st = vg_outbox_reader_open(outbox, &reader, err);

    nothing_known(ret);
    if (st != VG_OK)
        return st;
    st = vg_outbox_position(reader, shard, &stored, &known, err);
    VG_CHECK(st != VG_OK || known); /* a barrier of it is stored */
    if (st == VG_OK)
        st = recover_changed(reader, outbox, &stored, ret, err);
    vg_outbox_reader_close(reader);
    ret->stored = stored.n;
    return st;
}

void vg_recovery_done(struct vg_recovery *r)
{
    for (uint32_t i = 0; i < r->commands; i++)
        free(r->command[i].payload);
    for (uint32_t i = 0; i < r->settings; i++)
        free(r->setting[i].payload);
    free(r->setting);
    free(r->command);
    free(r->open);
    free(r->open_patient);
    vg_buf_done(&r->items);
    memset(r, 0, sizeof(*r));
}
