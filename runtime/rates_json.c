/* rates_json.c - windows as the state tells them (../docs/http.md): a second's worth of each count, and shares
 * of time. What is not known is null. */
#include "runtime/rates.h"

static const struct {
    const char *name;
    int64_t ns;
} windows[] = { { "10s", 10 * VG_NS_PER_S }, { "1m", 60 * VG_NS_PER_S } };

static void real(struct vg_buf *out, const char *key, double value, bool known)
{
    if (known)
        vg_buf_printf(out, "\"%s\":%.6f,", key, value);
    else
        vg_buf_printf(out, "\"%s\":null,", key);
}

/* Of the last member. */
static void end(struct vg_buf *out, const char *bracket)
{
    if (out->data[out->len - 1] == ',')
        out->len--;
    vg_buf_str(out, bracket);
}

static double per_second(const struct vg_rates_window *w, uint64_t n)
{
    return w->ns > 0 ? (double)n * 1e9 / (double)w->ns : 0;
}

static void write_whole(const struct vg_rates_window *w, struct vg_buf *out)
{
    static const struct {
        enum vg_rate rate;
        const char *key;
    } counts[] = { { VG_RATE_RECORDS, "records" },
                   { VG_RATE_ROWS, "rows" },
                   { VG_RATE_EVENTS, "events" },
                   { VG_RATE_LETTERS, "dead_letters" } };

    real(out, "seconds", (double)w->ns / 1e9, true);
    for (size_t i = 0; i < VG_ARRAY_LEN(counts); i++)
        real(out, counts[i].key, per_second(w, w->whole[counts[i].rate]), w->ns > 0);
    real(out, "cpu", per_second(w, w->whole[VG_RATE_CPU_NS]) / 1e9, w->ns > 0);
    real(out, "commit_busy", per_second(w, w->whole[VG_RATE_COMMIT_NS]) / 1e9, w->ns > 0);
}

static void write_delays(const struct vg_rates_window *w, struct vg_buf *out)
{
    vg_buf_str(out, "\"delays\":{");
    for (int hop = 0; hop < VG_HOP_COUNT; hop++) {
        const int64_t half_ns = vg_delays_quantile_ns(w->hop[hop], 0.5);
        const int64_t most_ns = vg_delays_quantile_ns(w->hop[hop], 0.99);

        vg_buf_printf(out, "\"%s\":{", vg_hop_name(hop));
        real(out, "p50_s", (double)half_ns / 1e9, half_ns >= 0);
        real(out, "p99_s", (double)most_ns / 1e9, most_ns >= 0);
        end(out, "},");
    }
    end(out, "},");
}

static uint64_t busy_ns(const struct vg_observed *o, const struct vg_rates_window *w)
{
    uint64_t sum = w->whole[VG_RATE_COMMIT_NS];

    for (uint32_t i = 0; i < o->config->stages_n; i++)
        sum += w->stage[i][VG_RATE_BUSY_NS];
    return sum;
}

static void write_stages(const struct vg_observed *o, const struct vg_rates_window *w,
                         struct vg_buf *out)
{
    const double workers = o->shared->meters.workers, all_ns = (double)busy_ns(o, w);

    vg_buf_str(out, "\"stages\":[");
    for (uint32_t i = 0; i < o->config->stages_n; i++) {
        const double busy = (double)w->stage[i][VG_RATE_BUSY_NS];
        char name[VG_NAME_SIZE];

        vg_observed_stage(o, i, name);
        vg_buf_str(out, "{\"name\":");
        vg_buf_json_str(out, name);
        vg_buf_char(out, ',');
        real(out, "rows_in", per_second(w, w->stage[i][VG_RATE_IN]), w->ns > 0);
        real(out, "rows_out", per_second(w, w->stage[i][VG_RATE_OUT]), w->ns > 0);
        real(out, "busy", w->ns > 0 ? busy / ((double)w->ns * workers) : 0, w->ns > 0);
        real(out, "share", all_ns > 0 ? busy / all_ns : 0, all_ns > 0);
        end(out, "},");
    }
    end(out, "],");
}

static void write_sinks(const struct vg_observed *o, const struct vg_rates_window *w,
                        struct vg_buf *out)
{
    vg_buf_str(out, "\"sinks\":[");
    for (uint32_t i = 0; i < o->config->sinks_n; i++) {
        vg_buf_str(out, "{\"name\":");
        vg_buf_json_str(out, o->config->sinks[i].name);
        vg_buf_char(out, ',');
        real(out, "delivered", per_second(w, w->delivered[i]), w->ns > 0);
        end(out, "},");
    }
    end(out, "]");
}

void vg_rates_write(const struct vg_observed *o, struct vg_buf *out)
{
    vg_buf_char(out, '{');
    for (size_t i = 0; i < VG_ARRAY_LEN(windows); i++) {
        struct vg_rates_window w;

        vg_rates_window(o->rates, windows[i].ns, &w);
        vg_buf_printf(out, "%s\"%s\":{", i ? "," : "", windows[i].name);
        write_whole(&w, out);
        write_delays(&w, out);
        write_stages(o, &w, out);
        write_sinks(o, &w, out);
        vg_buf_char(out, '}');
        vg_rates_window_done(&w);
    }
    vg_buf_char(out, '}');
}
