/* status.c - one object that says how a service does. */
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/document.h"
#include "runtime/health.h"
#include "runtime/host_state.h"
#include "runtime/rates.h"

/* ---- members ---- */

static void name(struct vg_buf *out, const char *key)
{
    char last = out->data[out->len - 1];

    vg_buf_str(out, last == '{' || last == '[' ? "" : ",");
    vg_buf_json_str(out, key);
    vg_buf_char(out, ':');
}

static void text(struct vg_buf *out, const char *key, const char *value)
{
    name(out, key);
    vg_buf_json_str(out, value);
}

static void count(struct vg_buf *out, const char *key, uint64_t value)
{
    name(out, key);
    vg_buf_printf(out, "%llu", (unsigned long long)value);
}

static void seconds(struct vg_buf *out, const char *key, int64_t ns, bool known)
{
    name(out, key);
    if (known)
        vg_buf_printf(out, "%.3f", (double)ns / 1e9);
    else
        vg_buf_str(out, "null");
}

static void moment(struct vg_buf *out, const char *key, int64_t ns, bool known)
{
    name(out, key);
    if (known)
        vg_buf_json_time(out, ns);
    else
        vg_buf_str(out, "null");
}

static void open_object(struct vg_buf *out)
{
    vg_buf_str(out, out->data[out->len - 1] == '[' ? "{" : ",{");
}

/* ---- the whole ---- */

static void write_reasons(const struct vg_observed *o, struct vg_buf *out)
{
    struct vg_health h;

    vg_health_ready(o, &h);
    name(out, "ready");
    vg_buf_str(out, h.reasons == 0 ? "true" : "false");
    name(out, "reasons");
    vg_buf_char(out, '[');
    for (uint32_t i = 0; i < h.reasons; i++) {
        vg_buf_str(out, i ? "," : "");
        vg_buf_json_str(out, h.reason[i]);
    }
    vg_buf_char(out, ']');
}

/* What the heartbeat tells, also what is no reason not to be ready. */
static void write_troubles(const struct vg_observed *o, struct vg_buf *out)
{
    bool any = false;

    name(out, "troubles");
    vg_buf_char(out, '[');
    pthread_mutex_lock(&o->shared->lock);
    for (int i = 0; i < VG_TROUBLE_COUNT; i++) {
        if (!o->shared->trouble[i][0])
            continue;
        vg_buf_str(out, any ? "," : "");
        vg_buf_json_str(out, o->shared->trouble[i]);
        any = true;
    }
    pthread_mutex_unlock(&o->shared->lock);
    vg_buf_char(out, ']');
}

static void write_reload(const struct vg_observed *o, struct vg_buf *out)
{
    struct vg_reloaded last;

    vg_shared_reloaded(o->shared, &last);
    name(out, "reload");
    vg_buf_char(out, '{');
    count(out, "generation", last.generation);
    name(out, "ok");
    vg_buf_str(out, last.ok ? "true" : "false");
    moment(out, "ended", last.wall_ns, true);
    text(out, "error", last.why);
    vg_buf_char(out, '}');
}

static void write_service(const struct vg_observed *o, struct vg_buf *out)
{
    static const char *const states[] = { [VG_STATE_STARTING] = "starting",
                                          [VG_STATE_RUNNING] = "running",
                                          [VG_STATE_DEGRADED] = "running",
                                          [VG_STATE_CLOSING] = "stopping" };

    text(out, "pipeline", o->config->service.name);
    text(out, "version", VG_VERSION);
    text(out, "config", o->config->hash);
    write_reload(o, out);
    text(out, "state", states[atomic_load(&o->shared->state)]);
    write_reasons(o, out);
    write_troubles(o, out);
    moment(out, "started", o->began_wall_ns, true);
    moment(out, "now", vg_wall_ns(), true);
    count(out, "rows", vg_meter_get(&o->shared->rows));
    count(out, "dead_letters", vg_meter_get(&o->shared->dead_letters));
    count(out, "replay_mismatches", vg_meter_get(&o->shared->mismatches));
}

/* ---- the source ---- */

static void write_partition(const struct vg_observed *o, uint32_t shard, struct vg_buf *out)
{
    const struct vg_shard_shared *s = &o->shared->shard[shard];
    int64_t log_ns = atomic_load(&s->log_ns), lag = atomic_load(&s->lag);
    bool known = log_ns != VG_TIME_NONE;

    open_object(out);
    count(out, "partition", shard);
    text(out, "state", atomic_load(&s->live) ? "live" : "recovering");
    name(out, "lag_records");
    if (lag >= 0)
        vg_buf_printf(out, "%lld", (long long)lag);
    else
        vg_buf_str(out, "null");
    moment(out, "log_time", log_ns, known);
    seconds(out, "log_time_lag_s", known ? vg_wall_ns() - log_ns : 0, known);
    seconds(out, "mark_age_s", vg_mono_ns() - atomic_load(&s->mark_mono_ns), true);
    vg_buf_char(out, '}');
}

static void write_source(const struct vg_observed *o, struct vg_buf *out)
{
    uint32_t partitions = atomic_load(&o->shared->partitions);

    name(out, "source");
    vg_buf_char(out, '{');
    text(out, "type", o->config->source.ops->name);
    text(out, "topic", partitions ? o->shared->identity.topic : "");
    count(out, "records", vg_meter_get(&o->shared->meters.records));
    count(out, "partitions_of_topic", partitions);
    name(out, "partitions");
    vg_buf_char(out, '[');
    for (uint32_t i = 0; i < partitions; i++) {
        if (atomic_load(&o->shared->shard[i].owned))
            write_partition(o, i, out);
    }
    vg_buf_str(out, "]}");
}

/* ---- stages ---- */

static void write_stage(const struct vg_observed *o, uint32_t place, struct vg_buf *out)
{
    const struct vg_meters *m = &o->shared->meters;
    uint64_t in = 0, passed = 0, errors = 0, waiting = 0, patients = 0, bytes = 0;
    char stage[VG_NAME_SIZE];
    int64_t busy_ns = 0, now_ns = vg_mono_ns();

    for (uint32_t w = 0; w < m->workers; w++) {
        const struct vg_stage_meter *s = vg_meters_stage(m, w, place);

        in += vg_meter_get(&s->rows_in);
        passed += vg_meter_get(&s->rows_out);
        errors += vg_meter_get(&s->model_errors);
        busy_ns += vg_meters_busy_ns(s, now_ns);
        waiting += vg_meters_waiting(m, w, place);
        patients += vg_meter_get(&s->patients);
        bytes += vg_meter_get(&s->memory_bytes);
    }
    vg_observed_stage(o, place, stage);
    open_object(out);
    text(out, "name", stage);
    count(out, "rows_in", in);
    count(out, "rows_out", passed);
    count(out, "model_errors", errors);
    count(out, "waiting_frames", waiting);
    seconds(out, "busy_s", busy_ns, true);
    count(out, "patients", patients);
    count(out, "memory_bytes", bytes);
    vg_buf_char(out, '}');
}

static void write_chain(const struct vg_observed *o, struct vg_buf *out)
{
    const struct vg_meters *m = &o->shared->meters;
    uint64_t waiting = 0;

    count(out, "workers", m->workers);
    name(out, "stages");
    vg_buf_char(out, '[');
    for (uint32_t place = 0; place < m->stages; place++)
        write_stage(o, place, out);
    vg_buf_char(out, ']');
    for (uint32_t w = 0; w < m->workers; w++)
        waiting += vg_meters_waiting(m, w, m->stages);
    name(out, "commit");
    vg_buf_char(out, '{');
    count(out, "waiting_frames", waiting);
    seconds(out, "busy_s", (int64_t)vg_meter_get(&m->commit_busy_ns), true);
    vg_buf_char(out, '}');
}

/* ---- sinks ---- */

static void write_subscribers(const struct vg_delivery_figures *f, struct vg_buf *out)
{
    name(out, "subscribers");
    if (!atomic_load(&f->subscribed)) {
        vg_buf_str(out, "null");
        return;
    }
    vg_buf_char(out, '{');
    count(out, "connected", atomic_load(&f->connected));
    count(out, "registered", atomic_load(&f->registered));
    count(out, "late", atomic_load(&f->late));
    vg_buf_char(out, '}');
}

static void write_sink(const struct vg_observed *o, uint32_t sink, struct vg_buf *out)
{
    const struct vg_sink_config *c = &o->config->sinks[sink];
    const struct vg_delivery_figures *f = &o->feed[sink].figures;

    open_object(out);
    text(out, "name", c->name);
    text(out, "type", c->ops->name);
    name(out, "needed");
    vg_buf_str(out, vg_observed_needs_sink(o, sink) ? "true" : "false");
    text(out, "state", atomic_load(&f->off) ? "off" : atomic_load(&f->failing) ? "failing" : "ok");
    count(out, "delivered", vg_meter_get(&f->delivered));
    count(out, "retried", vg_meter_get(&f->retried));
    count(out, "refused", vg_meter_get(&f->quarantined));
    count(out, "passed_over", vg_meter_get(&f->passed_over));
    count(out, "waiting", vg_observed_waiting(o, sink));
    seconds(out, "oldest_waiting_s", vg_observed_oldest_ns(o, sink), true);
    write_subscribers(f, out);
    vg_buf_char(out, '}');
}

static void write_alerts(const struct vg_observed *o, struct vg_outbox_reader *reader,
                         struct vg_buf *out)
{
    struct vg_active active;
    bool known = vg_active_count(reader, &o->config->site, &active);

    name(out, "active_alerts");
    vg_buf_char(out, '{');
    for (int p = 0; p < VG_PRIORITY_COUNT && known; p++) {
        uint64_t n = 0;

        for (uint32_t w = 0; w < active.wards; w++)
            n += active.n[w][p];
        count(out, vg_priority_name(p), n);
    }
    vg_buf_char(out, '}');
    vg_active_done(&active);
}

static void write_storage(const struct vg_observed *o, struct vg_buf *out)
{
    const struct vg_meters *m = &o->shared->meters;
    int64_t when_ns = atomic_load(&m->snapshot_mono_ns);
    struct vg_storage disk;

    vg_storage_look(o, &disk);
    name(out, "storage");
    vg_buf_char(out, '{');
    count(out, "outbox_bytes", disk.outbox_bytes);
    count(out, "free_bytes", disk.free_bytes);
    count(out, "snapshots", vg_meter_get(&o->shared->snapshots));
    seconds(out, "snapshot_age_s", vg_mono_ns() - when_ns, when_ns != 0);
    vg_buf_char(out, '}');
}

static void write_memory(const struct vg_observed *o, struct vg_buf *out)
{
    const uint32_t workers = o->shared->meters.workers;
    struct vg_process process;
    uint64_t frames = 0;

    vg_process_look(&process);
    for (uint32_t w = 0; w < workers; w++)
        frames += vg_pool_out(o->pool[w]);
    name(out, "memory");
    vg_buf_char(out, '{');
    count(out, "resident_bytes", process.resident_bytes);
    count(out, "frames", frames);
    count(out, "frames_max", (uint64_t)workers * o->frames_budget);
    count(out, "frame_bytes", o->watches->layout->tail);
    vg_buf_char(out, '}');
}

void vg_status_write(const struct vg_observed *o, struct vg_outbox_reader *reader,
                     struct vg_buf *out)
{
    vg_buf_char(out, '{');
    write_service(o, out);
    write_source(o, out);
    write_chain(o, out);
    name(out, "sinks");
    vg_buf_char(out, '[');
    for (uint32_t i = 0; i < o->config->sinks_n; i++)
        write_sink(o, i, out);
    vg_buf_char(out, ']');
    write_alerts(o, reader, out);
    write_storage(o, out);
    write_memory(o, out);
    name(out, "rates");
    vg_rates_write(o, out);
    vg_buf_str(out, "}\n");
}

/* ---- the configuration ---- */

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void write_node(const struct vg_document *doc, const struct vg_node *node,
                       struct vg_buf *out)
{
    bool map = node->kind == VG_NODE_MAPPING;

    if (node->kind == VG_NODE_SCALAR) {
        bool hidden = node->secret || vg_document_hides(doc, node->at);

        vg_buf_json_str(out, hidden ? "***" : node->text);
        return;
    }
    vg_buf_char(out, map ? '{' : '[');
    for (const struct vg_node *c = node->child; c; c = c->next) {
        if (map) {
            name(out, c->key);
        } else if (c != node->child) {
            vg_buf_char(out, ',');
        }
        write_node(doc, c, out);
    }
    vg_buf_char(out, map ? '}' : ']');
}

void vg_status_write_config(const struct vg_config *config, struct vg_buf *out)
{
    const struct vg_document *doc = config->document;

    write_node(doc, doc->root, out);
    vg_buf_char(out, '\n');
}
