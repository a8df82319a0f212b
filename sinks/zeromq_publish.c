/* zeromq_publish.c - live events and heartbeats.
 *
 * A PUB socket drops what a slow subscriber does not take: its loss never touches the others, and
 * the sequence numbers show it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "core/clock.h"
#include "sinks/zeromq_header.h"
#include "sinks/zeromq_private.h"

enum { TOPIC_SIZE = sizeof("alert/1//") + VG_WARD_SIZE };

static void make_header(const struct vg_zeromq *z, uint8_t kind, uint16_t flags, uint64_t seq,
                        uint64_t prev_seq, uint8_t out[VG_ALERT1_HEADER_SIZE])
{
    vg_alert1_header(&(struct vg_alert1_header){ .kind = kind,
                                                 .flags = flags,
                                                 .seq = seq,
                                                 .prev_seq = prev_seq,
                                                 .outbox = z->env.outbox,
                                                 .published_ns = vg_wall_ns() },
                     out);
}

static bool publish(const struct vg_zeromq *z, const char *ward,
                    const uint8_t header[VG_ALERT1_HEADER_SIZE], const char *payload, size_t len)
{
    char topic[TOPIC_SIZE];
    int n = snprintf(topic, sizeof(topic), "alert/1/%s/", ward && *ward ? ward : "none");

    return zmq_send(z->pub, topic, (size_t)n, ZMQ_SNDMORE) >= 0 &&
           zmq_send(z->pub, header, VG_ALERT1_HEADER_SIZE, ZMQ_SNDMORE) >= 0 &&
           zmq_send(z->pub, payload, len, 0) >= 0;
}

vg_status vg_zeromq_publish_event(const struct vg_zeromq *z, const struct vg_delivery *e,
                                  struct vg_err *err)
{
    uint8_t header[VG_ALERT1_HEADER_SIZE];

    make_header(z, VG_ALERT1_EVENT, e->repeat ? VG_ALERT1_REPEAT : 0, e->seq, e->prev_seq, header);
    if (publish(z, e->ward, header, e->json, e->len))
        return VG_OK;
    return vg_fail(err, VG_E_TEMPORARY, "cannot publish on %s: %s", z->publish,
                   zmq_strerror(zmq_errno()));
}

static vg_status count_one(void *arg, const struct vg_delivery *event)
{
    uint32_t *n = arg;

    (void)event;
    (*n)++;
    return VG_OK;
}

static struct vg_active_count *active_of(struct vg_zeromq *z, const char *ward)
{
    for (size_t i = 0; i < z->active_n; i++) {
        if (strcmp(z->active[i].ward, ward) == 0)
            return &z->active[i];
    }
    z->active = realloc(z->active, (z->active_n + 1) * sizeof(z->active[0]));
    VG_CHECK(z->active);
    z->active[z->active_n] = (struct vg_active_count){ 0 };
    snprintf(z->active[z->active_n].ward, VG_WARD_SIZE, "%s", ward);
    return &z->active[z->active_n++];
}

static uint32_t open_episodes(struct vg_zeromq *z, const char *ward, uint64_t last)
{
    struct vg_active_count *a = active_of(z, ward);
    uint64_t as_of;
    uint32_t n = 0;
    struct vg_err err;

    if (a->counted && a->last == last)
        return a->n;
    if (z->env.open_episodes(z->env.ctx, ward, count_one, &n, &as_of, &err) == VG_OK) {
        a->counted = true;
        a->last = last;
        a->n = n;
    }
    return a->n;
}

static const char *state_name(const struct vg_zeromq *z)
{
    static const char *const names[] = { "starting", "running", "degraded", "closing" };

    return names[z->closing ? VG_STATE_CLOSING : z->status.state];
}

static void build_shards(struct vg_zeromq *z)
{
    struct vg_buf *b = &z->shards;

    vg_buf_clear(b);
    vg_buf_str(b, "\"shards\":[");
    for (uint32_t i = 0; i < z->status.shards_n; i++) {
        const struct vg_shard_status *s = &z->status.shards[i];

        vg_buf_printf(b, "%s{\"shard\":%u,\"log_time\":", i ? "," : "", s->shard);
        if (s->log_ns == VG_TIME_NONE)
            vg_buf_str(b, "null");
        else
            vg_buf_json_time(b, s->log_ns);
        vg_buf_printf(b, ",\"wall_age_ms\":%lld}", (long long)s->wall_age_ms);
    }
    vg_buf_str(b, "]}");
}

static void add_reasons(const struct vg_zeromq *z, struct vg_buf *b)
{
    const char *comma = "";

    vg_buf_str(b, ",\"reasons\":[");
    for (size_t i = 0; i < VG_ARRAY_LEN(z->status.reasons); i++) {
        if (z->status.reasons[i][0] == '\0')
            continue;
        vg_buf_str(b, comma);
        vg_buf_json_str(b, z->status.reasons[i]);
        comma = ",";
    }
    vg_buf_char(b, ']');
}

static void heartbeat_ward(void *arg, const char *ward)
{
    struct vg_zeromq *z = arg;
    struct vg_buf *b = &z->text;
    uint8_t header[VG_ALERT1_HEADER_SIZE];
    uint64_t last, oldest;

    z->env.extent(z->env.ctx, ward, &last, &oldest);
    vg_buf_clear(b);
    vg_buf_str(b, "{\"pipeline\":");
    vg_buf_json_str(b, z->env.pipeline);
    vg_buf_str(b, ",\"version\":");
    vg_buf_json_str(b, z->env.version);
    vg_buf_printf(b, ",\"state\":\"%s\"", state_name(z));
    if (z->status.state == VG_STATE_DEGRADED && !z->closing)
        add_reasons(z, b);
    if (z->status.seal > 0)
        vg_buf_printf(b, ",\"audit\":{\"seal\":%llu,\"hash\":\"%s\"}",
                      (unsigned long long)z->status.seal, z->status.seal_hash);
    vg_buf_printf(b, ",\"partitions\":%u,\"active\":%u,", z->status.partitions,
                  open_episodes(z, ward, last));
    vg_buf_add(b, z->shards.data, z->shards.len);
    make_header(z, VG_ALERT1_HEARTBEAT, 0, last, 0, header);
    publish(z, ward, header, b->data, b->len);
}

void vg_zeromq_heartbeats(struct vg_zeromq *z)
{
    z->env.status(z->env.ctx, &z->status);
    build_shards(z);
    vg_zeromq_each_ward(z, heartbeat_ward, z);
}

void vg_zeromq_heartbeats_when_due(struct vg_zeromq *z)
{
    int64_t now = vg_mono_ns();

    if (now < z->next_heartbeat_ns)
        return;
    vg_zeromq_heartbeats(z);
    z->next_heartbeat_ns = now + z->heartbeat_ns;
}
