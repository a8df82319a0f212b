/* metrics.c - reads what the threads of a service have counted.
 *
 * Families are told one after the other, so each function here tells one, or a few that look at the same
 * thing.
 */
#include "runtime/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "models/kernel.h"
#include "runtime/health.h"
#include "runtime/host_state.h"
#include "runtime/link.h"
#include "runtime/metrics_private.h"

/* ---- what runs ---- */

static void tell_reload(const struct vg_observed *o, struct vg_exposition *x)
{
    struct vg_reloaded last;

    vg_shared_reloaded(o->shared, &last);
    vg_expose_family(x, VG_METRIC_CONFIG_GENERATION);
    vg_expose_count(x, NULL, last.generation);
    vg_expose_family(x, VG_METRIC_CONFIG_RELOAD_OK);
    vg_expose_count(x, NULL, last.ok);
    vg_expose_family(x, VG_METRIC_CONFIG_RELOAD_TIME);
    vg_expose_ns(x, NULL, last.wall_ns);
    vg_expose_family(x, VG_METRIC_CONFIG_RELOAD_GOOD);
    vg_expose_ns(x, NULL, last.good_wall_ns);
}

static void tell_info(const struct vg_observed *o, struct vg_exposition *x)
{
    vg_expose_family(x, VG_METRIC_BUILD_INFO);
    vg_expose_count(x, (const char *[]){ VG_VERSION, vg_kernel_id() }, 1);
    vg_expose_family(x, VG_METRIC_CONFIG_INFO);
    vg_expose_count(x, (const char *[]){ o->config->service.name, o->config->hash }, 1);
    tell_reload(o, x);
    vg_expose_family(x, VG_METRIC_MODEL_INFO);
    for (uint32_t i = 0; i < o->config->models_n; i++) {
        const struct vg_model *m = o->config->models[i];

        vg_expose_count(x, (const char *[]){ m->name, m->ops->name, m->sha256 }, 1);
    }
}

static void tell_health(const struct vg_observed *o, struct vg_exposition *x)
{
    static const char *const what[] = {
        [VG_TROUBLE_SOURCE] = "source",     [VG_TROUBLE_DISK] = "disk",
        [VG_TROUBLE_SNAPSHOT] = "snapshot", [VG_TROUBLE_SINK] = "sink",
        [VG_TROUBLE_LETTERS] = "letters",   [VG_TROUBLE_SILENCE] = "silence",
        [VG_TROUBLE_AUDIT] = "audit",       [VG_TROUBLE_OVERLAP] = "overlap",
    };
    struct vg_health ready;

    vg_health_ready(o, &ready);
    vg_expose_family(x, VG_METRIC_READY);
    vg_expose_count(x, NULL, ready.reasons == 0);
    vg_expose_family(x, VG_METRIC_TROUBLE);
    for (int i = 0; i < VG_TROUBLE_COUNT; i++) {
        bool there;

        pthread_mutex_lock(&o->shared->lock);
        there = o->shared->trouble[i][0] != '\0';
        pthread_mutex_unlock(&o->shared->lock);
        vg_expose_count(x, &what[i], there);
    }
}

/* ---- components ---- */

static void tell_messages(const struct vg_observed *o, struct vg_exposition *x, bool sent)
{
    const struct vg_meters *m = &o->shared->meters;
    const char *source = o->config->source.ops->name;

    vg_expose_family(x, sent ? VG_METRIC_SENT : VG_METRIC_RECEIVED);
    vg_expose_count(x, (const char *[]){ "source", "source", source },
                    sent ? vg_meter_get(&o->shared->rows) : vg_meter_get(&m->records));
    for (uint32_t place = 0; place < m->stages; place++) {
        char name[VG_NAME_SIZE];
        uint64_t rows = 0;

        for (uint32_t w = 0; w < m->workers; w++) {
            const struct vg_stage_meter *s = vg_meters_stage(m, w, place);

            rows += vg_meter_get(sent ? &s->rows_out : &s->rows_in);
        }
        vg_observed_stage(o, place, name);
        vg_expose_count(x, (const char *[]){ name, "stage", o->config->stages[place].ops->name },
                        rows);
    }
}

static void tell_errors(const struct vg_observed *o, struct vg_exposition *x)
{
    const struct vg_meters *m = &o->shared->meters;

    vg_expose_family(x, VG_METRIC_ERRORS);
    vg_expose_count(x, (const char *[]){ "source", "source", "source" },
                    vg_meter_get(&m->source_errors));
    for (uint32_t place = 0; place < m->stages; place++) {
        char name[VG_NAME_SIZE];
        uint64_t errors = 0;

        for (uint32_t w = 0; w < m->workers; w++)
            errors += vg_meter_get(&vg_meters_stage(m, w, place)->model_errors);
        vg_observed_stage(o, place, name);
        vg_expose_count(x, (const char *[]){ name, "stage", "model" }, errors);
    }
}

static void tell_busy(const struct vg_observed *o, struct vg_exposition *x)
{
    const struct vg_meters *m = &o->shared->meters;
    int64_t now_ns = vg_mono_ns();

    vg_expose_family(x, VG_METRIC_BUSY);
    for (uint32_t place = 0; place < m->stages; place++) {
        char name[VG_NAME_SIZE];
        int64_t ns = 0;

        for (uint32_t w = 0; w < m->workers; w++)
            ns += vg_meters_busy_ns(vg_meters_stage(m, w, place), now_ns);
        vg_observed_stage(o, place, name);
        vg_expose_ns(x, &(const char *){ name }, ns);
    }
    vg_expose_ns(x, &(const char *){ "commit" }, (int64_t)vg_meter_get(&m->commit_busy_ns));
}

/* ---- what waits ---- */

/* Both ends of a link have a queue. */
static const uint64_t QUEUE_FRAMES = UINT64_C(2) * VG_LINK_HWM;

static void tell_queues(const struct vg_observed *o, struct vg_exposition *x, bool capacity)
{
    const struct vg_meters *m = &o->shared->meters;

    vg_expose_family(x, capacity ? VG_METRIC_QUEUE_CAPACITY : VG_METRIC_QUEUE);
    for (uint32_t place = 0; place <= m->stages; place++) {
        char name[VG_NAME_SIZE] = "commit";
        uint64_t frames = 0;

        for (uint32_t w = 0; w < m->workers; w++)
            frames += capacity ? QUEUE_FRAMES : vg_meters_waiting(m, w, place);
        if (place < m->stages)
            vg_observed_stage(o, place, name);
        vg_expose_count(x, &(const char *){ name }, frames);
    }
}

static void tell_in_flight(const struct vg_observed *o, struct vg_exposition *x)
{
    uint32_t workers = o->shared->meters.workers;
    uint64_t out = 0;

    for (uint32_t w = 0; w < workers; w++)
        out += vg_pool_out(o->pool[w]);
    vg_expose_family(x, VG_METRIC_IN_FLIGHT);
    vg_expose_count(x, NULL, out);
    vg_expose_family(x, VG_METRIC_IN_FLIGHT_CAPACITY);
    vg_expose_count(x, NULL, (uint64_t)workers * o->frames_budget);
}

/* ---- partitions ---- */

static bool is_owned(const struct vg_observed *o, uint32_t shard)
{
    return atomic_load(&o->shared->shard[shard].owned);
}

static void tell_owned(const struct vg_observed *o, uint32_t partitions, struct vg_exposition *x)
{
    uint64_t live = 0, recovering = 0;

    for (uint32_t i = 0; i < partitions; i++) {
        bool is_live = atomic_load(&o->shared->shard[i].live);

        live += is_owned(o, i) && is_live;
        recovering += is_owned(o, i) && !is_live;
    }
    vg_expose_family(x, VG_METRIC_PARTITIONS);
    vg_expose_count(x, &(const char *){ "live" }, live);
    vg_expose_count(x, &(const char *){ "recovering" }, recovering);
}

static void tell_lag(const struct vg_observed *o, uint32_t partitions, struct vg_exposition *x)
{
    vg_expose_family(x, VG_METRIC_LAG);
    for (uint32_t i = 0; i < partitions; i++) {
        int64_t lag = atomic_load(&o->shared->shard[i].lag);
        char number[16];

        snprintf(number, sizeof(number), "%u", i);
        if (is_owned(o, i) && lag >= 0)
            vg_expose_count(x, (const char *[]){ "source", o->shared->identity.topic, number },
                            (uint64_t)lag);
    }
}

static void tell_log_lag(const struct vg_observed *o, uint32_t partitions, struct vg_exposition *x)
{
    int64_t now_ns = vg_wall_ns();

    vg_expose_family(x, VG_METRIC_LOG_LAG);
    for (uint32_t i = 0; i < partitions; i++) {
        int64_t log_ns = atomic_load(&o->shared->shard[i].log_ns);
        char number[16];

        snprintf(number, sizeof(number), "%u", i);
        if (is_owned(o, i) && log_ns != VG_TIME_NONE)
            vg_expose_ns(x, (const char *[]){ o->shared->identity.topic, number }, now_ns - log_ns);
    }
}

static void tell_marks(const struct vg_observed *o, uint32_t partitions, struct vg_exposition *x)
{
    int64_t now_ns = vg_mono_ns();

    vg_expose_family(x, VG_METRIC_MARK_AGE);
    for (uint32_t i = 0; i < partitions; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%u", i);
        if (is_owned(o, i))
            vg_expose_ns(x, &(const char *){ number },
                         now_ns - atomic_load(&o->shared->shard[i].mark_mono_ns));
    }
}

/* ---- delays ---- */

void vg_metrics_delays(const struct vg_delays *d, const char *label, struct vg_exposition *x)
{
    int64_t bound_ns[VG_DELAY_BOUNDS];
    uint64_t count[VG_DELAY_BOUNDS + 1];
    struct vg_exposed_delays view = { VG_DELAY_BOUNDS, bound_ns, count, vg_meter_get(&d->sum_ns) };

    for (unsigned i = 0; i < VG_DELAY_BOUNDS; i++)
        bound_ns[i] = vg_delays_bound_ns(i);
    for (unsigned i = 0; i <= VG_DELAY_BOUNDS; i++)
        count[i] = vg_meter_get(&d->bucket[i]);
    vg_expose_delays(x, &label, &view);
}

static void tell_delays(const struct vg_observed *o, struct vg_exposition *x)
{
    vg_expose_family(x, VG_METRIC_DELAY);
    for (int hop = 0; hop < VG_HOP_COUNT; hop++)
        vg_metrics_delays(&o->shared->meters.hop[hop], vg_hop_name(hop), x);
}

/* What a stage takes at a stretch, all workers together. */
static void tell_work(const struct vg_observed *o, struct vg_exposition *x)
{
    const struct vg_meters *m = &o->shared->meters;

    vg_expose_family(x, VG_METRIC_WORK);
    for (uint32_t place = 0; place < m->stages; place++) {
        struct vg_delays all = { .sum_ns = 0 };
        char name[VG_NAME_SIZE];

        for (uint32_t w = 0; w < m->workers; w++)
            vg_delays_add(&all, &vg_meters_stage(m, w, place)->work);
        vg_observed_stage(o, place, name);
        vg_metrics_delays(&all, name, x);
    }
}

/* ---- beds ---- */

static void tell_presence(const struct vg_site *site, uint32_t ward, const uint32_t *n,
                          struct vg_exposition *x)
{
    for (int p = 0; p < VG_PRESENCES; p++)
        vg_expose_count(
            x, (const char *[]){ vg_site_ward_name(site, ward), vg_ward_presence_name(p) }, n[p]);
}

static void tell_beds(const struct vg_site *site, const struct vg_ward *ward,
                      struct vg_exposition *x)
{
    uint32_t wards = vg_site_ward_places(site);
    uint32_t(*n)[VG_PRESENCES] = calloc(wards, sizeof(*n));

    VG_CHECK(n != NULL);
    if (ward)
        vg_ward_count(ward, vg_wall_ns(), n);
    vg_expose_family(x, VG_METRIC_BEDS);
    for (uint32_t w = 0; ward && w < wards; w++)
        tell_presence(site, w, n[w], x);
    vg_expose_family(x, VG_METRIC_WARD_LOST);
    if (ward)
        vg_expose_count(x, NULL, vg_ward_lost_rows(ward));
    free(n);
}

/* ---- alerts and letters ---- */

static void tell_tally(const struct vg_tally *t, enum vg_metric_id id, struct vg_exposition *x)
{
    uint32_t used = vg_tally_used(t);

    vg_expose_family(x, id);
    for (uint32_t i = 0; i < used; i++) {
        const char *label[VG_TALLY_LABELS];

        for (uint32_t l = 0; l < t->labels; l++)
            label[l] = t->entry[i].label[l];
        vg_expose_count(x, label, vg_meter_get(&t->entry[i].n));
    }
}

static void tell_active(struct vg_outbox_reader *reader, const struct vg_site *site,
                        struct vg_exposition *x)
{
    struct vg_active active;
    bool known = vg_active_count(reader, site, &active);

    vg_expose_family(x, VG_METRIC_ALERTS_ACTIVE);
    for (uint32_t w = 0; w < active.wards && known; w++) {
        for (int p = 0; p < VG_PRIORITY_COUNT; p++)
            vg_expose_count(x, (const char *[]){ vg_site_ward_name(site, w), vg_priority_name(p) },
                            active.n[w][p]);
    }
    vg_active_done(&active);
}

/* ---- snapshots, the disk, this server, the process ---- */

static void tell_snapshots(const struct vg_observed *o, struct vg_exposition *x)
{
    const struct vg_meters *m = &o->shared->meters;
    int64_t when_ns = atomic_load(&m->snapshot_mono_ns);

    vg_expose_family(x, VG_METRIC_SNAPSHOTS);
    vg_expose_count(x, NULL, vg_meter_get(&o->shared->snapshots));
    vg_expose_family(x, VG_METRIC_SNAPSHOT_AGE);
    if (when_ns != 0)
        vg_expose_ns(x, NULL, vg_mono_ns() - when_ns);
    vg_expose_family(x, VG_METRIC_SNAPSHOT_SIZE);
    if (when_ns != 0)
        vg_expose_count(x, NULL, vg_meter_get(&m->snapshot_bytes));
    vg_expose_family(x, VG_METRIC_SNAPSHOT_DURATION);
    if (when_ns != 0)
        vg_expose_ns(x, NULL, (int64_t)vg_meter_get(&m->snapshot_ns));
}

static void tell_disk(const struct vg_observed *o, struct vg_exposition *x)
{
    struct vg_storage disk;

    vg_storage_look(o, &disk);
    vg_expose_family(x, VG_METRIC_OUTBOX_SIZE);
    vg_expose_count(x, NULL, disk.outbox_bytes);
    vg_expose_family(x, VG_METRIC_DISK_FREE);
    vg_expose_count(x, NULL, disk.free_bytes);
}

static void tell_process(int64_t began_wall_ns, struct vg_exposition *x)
{
    struct vg_process p;

    vg_process_look(&p);
    vg_expose_family(x, VG_METRIC_CPU);
    vg_expose_ns(x, NULL, p.cpu_ns);
    vg_expose_family(x, VG_METRIC_MEMORY);
    vg_expose_count(x, NULL, p.resident_bytes);
    vg_expose_family(x, VG_METRIC_FDS);
    vg_expose_count(x, NULL, p.open_fds);
    vg_expose_family(x, VG_METRIC_FDS_MAX);
    vg_expose_count(x, NULL, p.max_fds);
    vg_expose_family(x, VG_METRIC_START);
    vg_expose_ns(x, NULL, began_wall_ns);
}

static void tell_status(void *arg, unsigned status, uint64_t n)
{
    char code[8];

    snprintf(code, sizeof(code), "%u", status);
    vg_expose_count(arg, &(const char *){ code }, n);
}

static void tell_http(const struct vg_http *http, struct vg_exposition *x)
{
    static const char *const reasons[VG_HTTP_CUTS] = { "late", "room", "slow" };
    struct vg_http_figures figures;

    vg_http_look(http, &figures);
    vg_expose_family(x, VG_METRIC_HTTP_REQUESTS);
    vg_http_each_status(http, tell_status, x);
    vg_expose_family(x, VG_METRIC_HTTP_CONNECTIONS);
    vg_expose_count(x, NULL, figures.connections);
    vg_expose_family(x, VG_METRIC_HTTP_STREAMS);
    vg_expose_count(x, NULL, figures.streams);
    vg_expose_family(x, VG_METRIC_HTTP_CUT);
    for (int i = 0; i < VG_HTTP_CUTS; i++)
        vg_expose_count(x, &reasons[i], figures.cut[i]);
}

void vg_metrics_write(const struct vg_observed *o, struct vg_outbox_reader *reader,
                      const struct vg_ward *ward, const struct vg_http *http,
                      struct vg_exposition *x)
{
    uint32_t partitions = atomic_load(&o->shared->partitions);

    tell_info(o, x);
    tell_health(o, x);
    tell_owned(o, partitions, x);
    tell_messages(o, x, false);
    tell_messages(o, x, true);
    tell_errors(o, x);
    tell_busy(o, x);
    tell_queues(o, x, false);
    tell_queues(o, x, true);
    tell_in_flight(o, x);
    tell_lag(o, partitions, x);
    tell_log_lag(o, partitions, x);
    tell_marks(o, partitions, x);
    tell_delays(o, x);
    tell_work(o, x);
    tell_beds(&o->config->site, ward, x);
    tell_tally(&o->shared->meters.alerts, VG_METRIC_ALERTS, x);
    tell_active(reader, &o->config->site, x);
    tell_tally(&o->shared->meters.letters, VG_METRIC_DEAD_LETTERS, x);
    vg_expose_family(x, VG_METRIC_REPLAY_MISMATCH);
    vg_expose_count(x, NULL, vg_meter_get(&o->shared->mismatches));
    vg_metrics_sinks(o, x);
    tell_snapshots(o, x);
    tell_disk(o, x);
    tell_http(http, x);
    tell_process(o->began_wall_ns, x);
    vg_expose_end(x);
}
