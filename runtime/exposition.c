/* exposition.c - families, samples, and the few places where the two formats differ. */
#include "runtime/exposition.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"

const struct vg_metric vg_metrics[VG_METRICS] = {
#define VG_METRIC(id, type, name, labels, help) \
    [VG_METRIC_##id] = { name, VG_METRIC_##type, labels, help },
#include "runtime/metrics.def"
#undef VG_METRIC
};

const char *vg_metric_type_name(enum vg_metric_type type)
{
    static const char *const names[] = { "counter", "gauge", "histogram" };

    return names[type];
}

/* ---- which format ---- */

static double quality_of(const char *parameters, size_t n)
{
    const char *q = memmem(parameters, n, "q=", 2);
    char text[8];
    size_t len;
    double ret;

    if (!q)
        return 1;
    q += 2;
    len = strspn(q, "0123456789.");
    if (len >= sizeof(text))
        return 0;
    memcpy(text, q, len);
    text[len] = '\0';
    return vg_parse_double(text, &ret) ? ret : 0;
}

/* Prometheus asks for both and prefers by quality; a plain text/plain or anything gets the older. */
bool vg_exposition_wants_openmetrics(const char *accept)
{
    static const char wanted[] = "application/openmetrics-text";
    double open = 0, plain = 0;

    for (const char *at = accept; at && *at; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ","), name = strcspn(at, ",; ");
        double q = quality_of(at + name, n - name);

        if (name == sizeof(wanted) - 1 && strncasecmp(at, wanted, name) == 0)
            open = q;
        else if (name == strlen("text/plain") && strncasecmp(at, "text/plain", name) == 0)
            plain = q;
        at += n;
    }
    return open > 0 && open >= plain;
}

const char *vg_exposition_type(bool openmetrics)
{
    return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- families ---- */

static void escaped(struct vg_buf *out, const char *text, bool quotes)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\\' || (*c == '"' && quotes))
            vg_buf_char(out, '\\');
        if (*c == '\n')
            vg_buf_str(out, "\\n");
        else
            vg_buf_char(out, *c);
    }
}

static bool ends_with(const char *name, size_t n, const char *end)
{
    size_t len = strlen(end);

    return n > len && memcmp(name + n - len, end, len) == 0;
}

/* In OpenMetrics a family of counters is named without the _total of its samples. */
static int family_len(const struct vg_exposition *x, const struct vg_metric *m)
{
    size_t n = strlen(m->name);

    if (x->openmetrics && m->type == VG_METRIC_COUNTER && ends_with(m->name, n, "_total"))
        n -= strlen("_total");
    return (int)n;
}

void vg_expose_family(struct vg_exposition *x, enum vg_metric_id id)
{
    static const char *const units[] = { "seconds", "bytes" };
    const struct vg_metric *m = &vg_metrics[id];
    int n = family_len(x, m);

    x->family = id;
    vg_buf_printf(x->out, "# HELP %.*s ", n, m->name);
    escaped(x->out, m->help, x->openmetrics);
    vg_buf_printf(x->out, "\n# TYPE %.*s %s\n", n, m->name, vg_metric_type_name(m->type));
    for (size_t i = 0; i < VG_ARRAY_LEN(units) && x->openmetrics; i++) {
        if (ends_with(m->name, (size_t)n, units[i]))
            vg_buf_printf(x->out, "# UNIT %.*s %s\n", n, m->name, units[i]);
    }
}

/* ---- samples ---- */

static void sample_name(struct vg_exposition *x, const char *end, const char *const *label,
                        const char *le)
{
    const struct vg_metric *m = &vg_metrics[x->family];
    const char *before = "{";

    vg_buf_printf(x->out, "%s%s", m->name, end);
    for (const char *at = m->labels; *at; at += strspn(at, ",")) {
        size_t n = strcspn(at, ",");

        vg_buf_printf(x->out, "%s%.*s=\"", before, (int)n, at);
        escaped(x->out, *label++, true);
        vg_buf_char(x->out, '"');
        before = ",";
        at += n;
    }
    if (le)
        vg_buf_printf(x->out, "%sle=\"%s\"", before, le);
    if (le || m->labels[0])
        vg_buf_char(x->out, '}');
    vg_buf_char(x->out, ' ');
}

/* Exact, and without the zeros behind. */
static void seconds_text(char out[32], int64_t ns)
{
    uint64_t abs = ns < 0 ? (uint64_t)-ns : (uint64_t)ns;
    int n =
        snprintf(out, 32, "%s%llu.%09llu", ns < 0 ? "-" : "",
                 (unsigned long long)(abs / VG_NS_PER_S), (unsigned long long)(abs % VG_NS_PER_S));

    while (n > 2 && out[n - 1] == '0' && out[n - 2] != '.')
        out[--n] = '\0';
}

void vg_expose_count(struct vg_exposition *x, const char *const *label, uint64_t value)
{
    sample_name(x, "", label, NULL);
    vg_buf_printf(x->out, "%llu\n", (unsigned long long)value);
}

void vg_expose_ns(struct vg_exposition *x, const char *const *label, int64_t ns)
{
    char text[32];

    seconds_text(text, ns);
    sample_name(x, "", label, NULL);
    vg_buf_printf(x->out, "%s\n", text);
}

void vg_expose_delays(struct vg_exposition *x, const char *const *label,
                      const struct vg_exposed_delays *d)
{
    uint64_t sum = 0;
    char text[32];

    for (unsigned i = 0; i <= d->n; i++) {
        if (i < d->n)
            seconds_text(text, d->bound_ns[i]);
        sum += d->count[i];
        sample_name(x, "_bucket", label, i < d->n ? text : "+Inf");
        vg_buf_printf(x->out, "%llu\n", (unsigned long long)sum);
    }
    seconds_text(text, (int64_t)d->sum_ns);
    sample_name(x, "_sum", label, NULL);
    vg_buf_printf(x->out, "%s\n", text);
    sample_name(x, "_count", label, NULL);
    vg_buf_printf(x->out, "%llu\n", (unsigned long long)sum);
}

void vg_expose_end(struct vg_exposition *x)
{
    if (x->openmetrics)
        vg_buf_str(x->out, "# EOF\n");
}
