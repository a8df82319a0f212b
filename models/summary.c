/* summary.c - a history of one variable in a few numbers, for logistic regression. */
#include "models/summary.h"

#include <string.h>

#include "models/elementary.h"

enum { SLOPE_VALUES_MIN = 3 };

static const char *const names[VG_SUMMARY_KINDS] = {
    [VG_SUMMARY_FIRST] = "first", [VG_SUMMARY_LAST] = "last", [VG_SUMMARY_MIN] = "min",
    [VG_SUMMARY_MAX] = "max",     [VG_SUMMARY_MEAN] = "mean", [VG_SUMMARY_SLOPE] = "slope",
    [VG_SUMMARY_COUNT] = "count", [VG_SUMMARY_SEEN] = "seen", [VG_SUMMARY_TOTAL] = "total",
};

void vg_summary_add(struct vg_summary *s, double hours, double value, double amount)
{
    double n = (double)++s->n;
    double from_mean = value - s->mean;
    double hours_from_mean = hours - s->hours_mean;

    if (s->n == 1) {
        s->first = s->min = s->max = value;
        s->hours_first = hours;
    }
    s->last = value;
    s->hours_last = hours;
    s->min = value < s->min ? value : s->min;
    s->max = value > s->max ? value : s->max;
    s->mean += from_mean / n;
    s->hours_mean += hours_from_mean / n;
    s->hours_m2 += hours_from_mean * (hours - s->hours_mean);
    s->covariance_n += hours_from_mean * (value - s->mean);
    s->amounts += amount;
}

/* Values of one hour say nothing about a trend: the monitor's noise would. */
static double slope(const struct vg_summary *s)
{
    if (s->n < SLOPE_VALUES_MIN || s->hours_last - s->hours_first < 1.0)
        return 0.0;
    return s->covariance_n / s->hours_m2;
}

bool vg_summary_get(const struct vg_summary *s, enum vg_summary_kind kind, double *ret)
{
    switch (kind) {
    case VG_SUMMARY_COUNT:
        *ret = vg_log1p((double)s->n);
        return true;
    case VG_SUMMARY_SEEN:
        *ret = s->n ? 1.0 : 0.0;
        return true;
    case VG_SUMMARY_TOTAL:
        *ret = vg_log1p(s->amounts);
        return s->n > 0;
    case VG_SUMMARY_FIRST:
        *ret = s->first;
        return s->n > 0;
    case VG_SUMMARY_LAST:
        *ret = s->last;
        return s->n > 0;
    case VG_SUMMARY_MIN:
        *ret = s->min;
        return s->n > 0;
    case VG_SUMMARY_MAX:
        *ret = s->max;
        return s->n > 0;
    case VG_SUMMARY_MEAN:
        *ret = s->mean;
        return s->n > 0;
    case VG_SUMMARY_SLOPE:
        *ret = slope(s);
        return s->n > 0;
    case VG_SUMMARY_KINDS:
        break;
    }
    VG_CHECK(kind < VG_SUMMARY_KINDS);
    return false;
}

const char *vg_summary_name(enum vg_summary_kind kind)
{
    return names[kind];
}

enum vg_summary_kind vg_summary_find(const char *name)
{
    int kind = 0;

    while (kind < VG_SUMMARY_KINDS && strcmp(names[kind], name) != 0)
        kind++;
    return (enum vg_summary_kind)kind;
}
