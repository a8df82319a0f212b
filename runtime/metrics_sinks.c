/* metrics_sinks.c - the families about sinks: what each has delivered, what waits, who listens. */
#include "runtime/metrics_private.h"

/* Its buckets count whole milliseconds below 2^b: what is up to a bound is one less. */
static void tell_delay(const struct vg_delivery_figures *f, const char *sink,
                       struct vg_exposition *x)
{
    int64_t bound_ns[VG_DELAY_BUCKETS - 1];
    uint64_t count[VG_DELAY_BUCKETS];
    struct vg_exposed_delays view = { VG_DELAY_BUCKETS - 1, bound_ns, count,
                                      vg_meter_get(&f->delay_ms) * VG_NS_PER_MS };

    for (unsigned i = 0; i < VG_DELAY_BUCKETS - 1; i++)
        bound_ns[i] = (INT64_C(1) << i) * VG_NS_PER_MS;
    for (unsigned i = 0; i < VG_DELAY_BUCKETS; i++)
        count[i] = vg_meter_get(&f->delay[i]);
    vg_expose_delays(x, &sink, &view);
}

/* Of sinks to which nobody subscribes there is nothing to tell. */
static void tell_subscribers(const struct vg_delivery_figures *f, const atomic_uint *n,
                             const char *const *label, struct vg_exposition *x)
{
    if (atomic_load(&f->subscribed))
        vg_expose_count(x, label, atomic_load_explicit(n, memory_order_relaxed));
}

static void tell_sink(const struct vg_observed *o, uint32_t sink, enum vg_metric_id id,
                      struct vg_exposition *x)
{
    const struct vg_delivery_figures *f = &o->feed[sink].figures;
    const struct vg_sink_config *c = &o->config->sinks[sink];
    const char *label[] = { c->name, c->ops->name };

    switch ((int)id) {
    case VG_METRIC_SINK_DELIVERED:
        vg_expose_count(x, label, vg_meter_get(&f->delivered));
        break;
    case VG_METRIC_SINK_RETRIES:
        vg_expose_count(x, label, vg_meter_get(&f->retried));
        break;
    case VG_METRIC_SINK_REFUSED:
        vg_expose_count(x, label, vg_meter_get(&f->quarantined));
        break;
    case VG_METRIC_SINK_PASSED_OVER:
        vg_expose_count(x, label, vg_meter_get(&f->passed_over));
        break;
    case VG_METRIC_SINK_FILTERED:
        vg_expose_count(x, label, vg_meter_get(&f->filtered));
        break;
    case VG_METRIC_SINK_WAITING:
        vg_expose_count(x, label, vg_observed_waiting(o, sink));
        break;
    case VG_METRIC_SINK_OLDEST:
        vg_expose_ns(x, label, vg_observed_oldest_ns(o, sink));
        break;
    case VG_METRIC_SINK_UP:
        vg_expose_count(x, label, !atomic_load(&f->failing) && !atomic_load(&f->off));
        break;
    case VG_METRIC_SUBSCRIBERS:
        tell_subscribers(f, &f->connected, label, x);
        break;
    case VG_METRIC_SUBSCRIBERS_REGISTERED:
        tell_subscribers(f, &f->registered, label, x);
        break;
    case VG_METRIC_SUBSCRIBERS_LATE:
        tell_subscribers(f, &f->late, label, x);
        break;
    case VG_METRIC_SINK_DELAY:
        tell_delay(f, c->name, x);
        break;
    default:
        vg_metrics_delays(&f->whole, c->name, x);
    }
}

void vg_metrics_sinks(const struct vg_observed *o, struct vg_exposition *x)
{
    for (int id = VG_METRIC_SINK_DELIVERED; id <= VG_METRIC_END_TO_END; id++) {
        vg_expose_family(x, (enum vg_metric_id)id);
        for (uint32_t i = 0; i < o->config->sinks_n; i++)
            tell_sink(o, i, (enum vg_metric_id)id, x);
    }
}
