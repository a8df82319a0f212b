/* ward_pages.c - tiles, history and stream over HTTP.
 *
 * A stream is asked for what is new every VG_HTTP_TICK_MS: alerts at once, tiles at most twice a second,
 * and every second how the service does, which also says that it does not.
 */
#include "runtime/ward_pages.h"

#include <stdlib.h>

#include "core/clock.h"
#include "runtime/allowance.h"
#include "runtime/health.h"

enum {
    NOT_FOUND = 404,
    BAD_REQUEST = 400,
    UNAVAILABLE = 503,
    ALERTS_PER_CALL = 200,
    /* What a bed at 1 Hz sends, and a third of it. In a log that is read faster, a tile comes less often. */
    BED_BYTES_PER_S = 640,
};

static const int64_t beds_every_ns = 500 * VG_NS_PER_MS;
static const int64_t heart_every_ns = VG_NS_PER_S;

static bool has_ward(const struct vg_ward_pages *p, struct vg_http_answer *ret)
{
    if (!p->feed)
        vg_http_refuse(ret, NOT_FOUND,
                       "there is no ward: service.http.beds is 0, expected the number of beds");
    return p->feed != NULL;
}

/* ---- tiles ---- */

void vg_ward_page_beds(struct vg_ward_pages *p, struct vg_http_answer *ret)
{
    if (!has_ward(p, ret))
        return;
    ret->type = "application/json";
    vg_ward_write_beds(vg_ward_feed_ward(p->feed), vg_wall_ns(), &ret->body);
    vg_buf_char(&ret->body, '\n');
}

void vg_ward_page_session(const struct vg_ward_pages *p, struct vg_buf *out)
{
    if (!p->feed)
        return;
    vg_buf_char(out, ',');
    vg_ward_write_session(vg_ward_feed_ward(p->feed), out);
}

/* ---- alerts ---- */

/* A list of them that is being written. */
struct alerts {
    struct vg_buf *out;
    uint32_t n;
    uint64_t seq; /* of the newest */
};

static vg_status write_alert(void *arg, const struct vg_delivery *event)
{
    struct alerts *a = arg;

    vg_buf_str(a->out, a->n++ ? "," : "");
    vg_ward_write_alert(event, a->out);
    a->seq = event->seq;
    return VG_OK;
}

/* ---- history ---- */

static void write_episodes(const struct vg_ward_pages *p, const struct vg_ward_bed *bed,
                           const struct vg_ward_span *span, struct vg_buf *out)
{
    struct alerts list = { .out = out };
    struct vg_err err;
    vg_status st = VG_OK;

    vg_buf_str(out, ",\"episodes\":[");
    if (*p->reader)
        st = vg_ward_feed_episodes(p->feed, *p->reader, vg_ward_bed_patient(bed),
                                   span->from_ms * VG_NS_PER_MS, span->to_ms * VG_NS_PER_MS,
                                   write_alert, &list, &err);
    /* Without them the page must not look as if there had been none. */
    vg_buf_printf(out, "],\"episodes_known\":%s}\n", *p->reader && st == VG_OK ? "true" : "false");
}

void vg_ward_page_history(struct vg_ward_pages *p, const struct vg_http_request *request,
                          struct vg_http_answer *ret)
{
    const char *key = vg_http_query(request, "bed");
    const int64_t most_ms = VG_TIME_MAX / VG_NS_PER_MS / 2;
    struct vg_ward_span span = { .from_ms = -1, .to_ms = -1 };
    const struct vg_ward_bed *bed;

    if (!has_ward(p, ret))
        return;
    if (!vg_http_query_int(request, "from", 0, most_ms, -1, &span.from_ms) ||
        !vg_http_query_int(request, "to", 0, most_ms, -1, &span.to_ms)) {
        vg_http_refuse(ret, BAD_REQUEST, "from and to are milliseconds since 1970");
        return;
    }
    bed = key ? vg_ward_find_key(vg_ward_feed_ward(p->feed), key) : NULL;
    if (!bed) {
        vg_http_refuse(ret, NOT_FOUND,
                       "there is no such bed; expected ?bed= and the key of a tile of this run");
        return;
    }
    ret->type = "application/json";
    vg_ward_write_history(vg_ward_feed_ward(p->feed), bed, &span, &ret->body);
    write_episodes(p, bed, &span, &ret->body);
}

/* ---- the stream ---- */

struct stream {
    struct vg_ward_pages *pages;
    struct vg_ward_reader beds;
    struct vg_allowance bytes; /* for beds */
    int64_t beds_ns, heart_ns; /* (monotonic) when they were told last */
    bool knows_alerts;
    uint64_t seq; /* of the newest alert that was told */
};

static void tell_beds(struct stream *s, int64_t mono_ns, struct vg_buf *out)
{
    const bool whole_ward = s->beds.since == 0;
    size_t mark = out->len;

    /* A message that is one of several is followed by the others at once. */
    if (s->beds.target == 0 &&
        (mono_ns - s->beds_ns < beds_every_ns || vg_allowance_look(&s->bytes, mono_ns) <= 0))
        return;
    vg_http_event(out, "beds");
    if (!vg_ward_write_news(vg_ward_feed_ward(s->pages->feed), &s->beds, vg_wall_ns(), out)) {
        out->len = mark;
        return;
    }
    vg_http_event_end(out);
    if (!whole_ward)
        s->bytes.left -= (int64_t)(out->len - mark);
    s->beds_ns = mono_ns;
}

static void begin_alerts(bool full, struct vg_buf *out)
{
    vg_http_event(out, "alerts");
    vg_buf_str(out, "{\"now\":");
    vg_buf_printf(out, "%lld,\"full\":%s,\"alerts\":[", (long long)(vg_wall_ns() / VG_NS_PER_MS),
                  full ? "true" : "false");
}

static void tell_alerts(struct stream *s, struct vg_buf *out)
{
    uint64_t last = atomic_load(&s->pages->what->shared->committed_seq);
    struct vg_outbox_reader *reader = *s->pages->reader;
    struct alerts list = { .out = out, .seq = s->seq };
    uint64_t as_of = s->seq;
    size_t mark = out->len;
    struct vg_err err;
    vg_status st;

    if (!reader || (s->knows_alerts && s->seq >= last))
        return;
    begin_alerts(!s->knows_alerts, out);
    if (s->knows_alerts)
        st = vg_outbox_read(reader, NULL, s->seq, ALERTS_PER_CALL, write_alert, &list, &err);
    else
        st = vg_outbox_open_episodes(reader, NULL, write_alert, &list, &as_of, &err);
    if (list.seq < as_of)
        list.seq = as_of;
    if (st != VG_OK || (s->knows_alerts && list.n == 0)) {
        out->len = mark;
        return;
    }
    vg_buf_printf(out, "],\"seq\":%llu}", (unsigned long long)list.seq);
    vg_http_event_end(out);
    s->seq = list.seq;
    s->knows_alerts = true;
}

/* Whether some partition of a running service has not passed the whole chain for too long. */
static bool is_stalled(const struct vg_observed *o, int64_t mono_ns)
{
    uint32_t partitions = atomic_load(&o->shared->partitions);
    int state = atomic_load(&o->shared->state);
    bool stalled = false;

    if (state != VG_STATE_RUNNING && state != VG_STATE_DEGRADED)
        return false;
    for (uint32_t i = 0; i < partitions; i++) {
        const struct vg_shard_shared *s = &o->shared->shard[i];

        stalled |=
            atomic_load(&s->owned) && mono_ns - atomic_load(&s->mark_mono_ns) > VG_WARD_STALLED_NS;
    }
    return stalled;
}

static void write_partitions(const struct vg_observed *o, int64_t mono_ns, struct vg_buf *out)
{
    uint32_t partitions = atomic_load(&o->shared->partitions);
    bool any = false;

    vg_buf_str(out, ",\"partitions\":[");
    for (uint32_t i = 0; i < partitions; i++) {
        const struct vg_shard_shared *s = &o->shared->shard[i];
        int64_t log_ns = atomic_load(&s->log_ns);

        if (!atomic_load(&s->owned))
            continue;
        vg_buf_printf(out, "%s{\"partition\":%u,\"state\":\"%s\",\"log\":", any ? "," : "", i,
                      atomic_load(&s->live) ? "live" : "recovering");
        if (log_ns == VG_TIME_NONE)
            vg_buf_str(out, "null");
        else
            vg_buf_printf(out, "%lld", (long long)(log_ns / VG_NS_PER_MS));
        vg_buf_printf(out, ",\"mark_age_s\":%.1f}",
                      (double)(mono_ns - atomic_load(&s->mark_mono_ns)) / (double)VG_NS_PER_S);
        any = true;
    }
    vg_buf_char(out, ']');
}

static void write_lost(const struct vg_ward *ward, struct vg_buf *out)
{
    uint64_t lost = vg_ward_lost_rows(ward);

    vg_buf_printf(out, ",\"lost\":%llu,\"lost_at\":", (unsigned long long)lost);
    if (lost == 0)
        vg_buf_str(out, "null");
    else
        vg_buf_printf(out, "%lld", (long long)(vg_ward_lost_ns(ward) / VG_NS_PER_MS));
}

static void tell_heart(struct stream *s, int64_t mono_ns, struct vg_buf *out)
{
    static const char *const states[] = { [VG_STATE_STARTING] = "starting",
                                          [VG_STATE_RUNNING] = "running",
                                          [VG_STATE_DEGRADED] = "running",
                                          [VG_STATE_CLOSING] = "stopping" };
    const struct vg_observed *o = s->pages->what;
    const struct vg_ward *ward = vg_ward_feed_ward(s->pages->feed);
    struct vg_health health;

    if (mono_ns - s->heart_ns < heart_every_ns)
        return;
    s->heart_ns = mono_ns;
    vg_health_ready(o, &health);
    vg_http_event(out, "heart");
    vg_buf_printf(out, "{\"now\":%lld,\"state\":\"%s\",\"ready\":%s,\"stalled\":%s,\"reasons\":[",
                  (long long)(vg_wall_ns() / VG_NS_PER_MS), states[atomic_load(&o->shared->state)],
                  health.reasons == 0 ? "true" : "false",
                  is_stalled(o, mono_ns) ? "true" : "false");
    for (uint32_t i = 0; i < health.reasons; i++) {
        vg_buf_str(out, i ? "," : "");
        vg_buf_json_str(out, health.reason[i]);
    }
    vg_buf_printf(out, "],\"config\":\"%s\",\"left_out\":%u,\"alerts_known\":%s", o->config->hash,
                  vg_ward_left_out(ward), s->knows_alerts ? "true" : "false");
    write_lost(ward, out);
    write_partitions(o, mono_ns, out);
    vg_buf_char(out, '}');
    vg_http_event_end(out);
}

/* Alerts first: what follows may be long. */
static bool more(void *state, int64_t mono_ns, struct vg_buf *out)
{
    struct stream *s = state;

    tell_alerts(s, out);
    tell_heart(s, mono_ns, out);
    tell_beds(s, mono_ns, out);
    return true;
}

static const struct vg_http_stream ward_stream = { more, free };

void vg_ward_page_stream(struct vg_ward_pages *p, struct vg_http_answer *ret)
{
    struct stream *s;
    int64_t bytes_per_s;

    if (!has_ward(p, ret))
        return;
    bytes_per_s = BED_BYTES_PER_S * p->what->config->service.http_beds;
    s = calloc(1, sizeof(*s));
    VG_CHECK(s != NULL);
    s->pages = p;
    s->bytes = (struct vg_allowance){ .per_s = bytes_per_s, .most = bytes_per_s };
    ret->stream = &ward_stream;
    ret->state = s;
}
