/* feed_env.c - what the runtime offers a sink: calls of its thread, which reach the outbox, other
 * threads and the log.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/feed.h"
#include "runtime/log.h"
#include "runtime/orders.h"

static vg_status env_read(void *ctx, const char *ward, uint64_t after, size_t max, vg_event_fn fn,
                          void *arg, struct vg_err *err)
{
    struct vg_feed *f = ctx;

    return vg_outbox_read(f->reader, ward, after, max, fn, arg, err);
}

static vg_status env_open_episodes(void *ctx, const char *ward, vg_event_fn fn, void *arg,
                                   uint64_t *ret_as_of, struct vg_err *err)
{
    struct vg_feed *f = ctx;

    return vg_outbox_open_episodes(f->reader, ward, fn, arg, ret_as_of, err);
}

static void env_extent(void *ctx, const char *ward, uint64_t *ret_last, uint64_t *ret_oldest)
{
    struct vg_feed *f = ctx;
    struct vg_err err;

    *ret_last = *ret_oldest = 0;
    if (vg_outbox_extent(f->reader, ward, ret_last, ret_oldest, &err) != VG_OK)
        vg_log(VG_LOG_ERROR, f->config->name, "%s", err.msg);
}

struct ward_list {
    char name[VG_WARDS_MAX][VG_WARD_SIZE];
    uint32_t n;
};

static void add_ward(void *arg, const char *ward)
{
    struct ward_list *list = arg;

    for (uint32_t i = 0; i < list->n; i++) {
        if (strcmp(list->name[i], ward) == 0)
            return;
    }
    if (list->n < VG_WARDS_MAX)
        snprintf(list->name[list->n++], VG_WARD_SIZE, "%s", ward);
}

static void env_wards(void *ctx, void (*fn)(void *arg, const char *ward), void *arg)
{
    struct vg_feed *f = ctx;
    const struct vg_site *site = &vg_shared_look_at_config(f->shared)->site;
    struct ward_list list = { .n = 0 };
    struct vg_err err;

    add_ward(&list, "none");
    for (uint32_t i = 0; i < site->wards_n; i++)
        add_ward(&list, site->wards[i]);
    vg_shared_leave_config(f->shared);
    vg_shared_wards(f->shared, add_ward, &list);
    if (vg_outbox_wards(f->reader, add_ward, &list, &err) != VG_OK)
        vg_log(VG_LOG_ERROR, f->config->name, "%s", err.msg);
    for (uint32_t i = 0; i < list.n; i++)
        fn(arg, list.name[i]);
}

static void env_status(void *ctx, struct vg_service_status *ret)
{
    struct vg_feed *f = ctx;

    vg_shared_status(f->shared, ret);
}

static vg_status env_order(void *ctx, const struct vg_order *order, const char *patient,
                           const struct vg_strings *wards, uint64_t *ret_ticket,
                           struct vg_answered *ret, struct vg_err *err)
{
    struct vg_feed *f = ctx;

    return vg_orders_ask(f->shared, f->reader, order, patient, wards, ret_ticket, ret, err);
}

static bool env_answered(void *ctx, uint64_t ticket, struct vg_answered *ret)
{
    struct vg_feed *f = ctx;

    return vg_orders_answered(f->shared, ticket, ret);
}

static void env_notify(void *ctx, enum vg_notice notice, const char *subject, const char *text)
{
    struct vg_feed *f = ctx;

    if (vg_notices_set(&f->shared->notices, notice, subject, text))
        vg_log(text ? VG_LOG_WARN : VG_LOG_INFO, f->config->name, "%s: %s", subject,
               text ? text : "over");
}

static void confirmation_name(const struct vg_feed *f, const char *subscriber, const char *ward,
                              char out[VG_CONFIRMATION_SIZE])
{
    snprintf(out, VG_CONFIRMATION_SIZE, "%.64s/%.40s/%.40s", f->config->name, subscriber, ward);
}

static void env_confirm(void *ctx, const char *subscriber, const char *ward, uint64_t seq)
{
    struct vg_feed *f = ctx;
    char name[VG_CONFIRMATION_SIZE];

    confirmation_name(f, subscriber, ward, name);
    vg_confirmations_say(&f->confirmations, name, seq);
}

static uint64_t env_confirmed(void *ctx, const char *subscriber, const char *ward)
{
    struct vg_feed *f = ctx;
    char name[VG_CONFIRMATION_SIZE];
    struct vg_err err;
    uint64_t seq;

    confirmation_name(f, subscriber, ward, name);
    if (vg_confirmations_stored(&f->confirmations, name, &seq))
        return seq;
    if (vg_outbox_cursor(f->reader, name, &seq, &err) != VG_OK)
        return 0;
    vg_confirmations_load(&f->confirmations, name, seq);
    return seq;
}

static void env_subscribers(void *ctx, const struct vg_subscriber_count *count)
{
    struct vg_feed *f = ctx;

    vg_delivery_note_subscribers(&f->figures, count);
}

static void env_audit(void *ctx, const char *what, const char *who, const char *why)
{
    struct vg_feed *f = ctx;

    vg_log(VG_LOG_INFO, f->config->name, "audit: %s %s%s%s", what, who, why[0] ? ": " : "", why);
    vg_audit_note(f->shared->audit, what, "sink", f->config->name, "who", who, "why", why, NULL);
}

void vg_feed_env(struct vg_feed *f, struct vg_sink_env *ret)
{
    *ret = (struct vg_sink_env){
        .ctx = f,
        .name = f->config->name,
        .pipeline = f->shared->identity.pipeline,
        .version = VG_VERSION,
        .data_dir = f->shared->config->service.data_dir,
        .read = env_read,
        .open_episodes = env_open_episodes,
        .extent = env_extent,
        .wards = env_wards,
        .status = env_status,
        .order = env_order,
        .answered = env_answered,
        .notify = env_notify,
        .confirm = env_confirm,
        .confirmed = env_confirmed,
        .subscribers = env_subscribers,
        .audit = env_audit,
        .timeout_ns = f->config->delivery.timeout_ns,
    };
    memcpy(ret->outbox, f->uuid, sizeof(ret->outbox));
}
