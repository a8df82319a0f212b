/* summary.h - a history of one variable in a few numbers, for logistic regression.
 *
 * Kept as running sums, so a summary may be asked for at any time and is the same whether it was
 * built at once or value by value. What has never been measured has no summary but `count` and
 * `seen`: missing is a mask, not a number.
 */
#ifndef VG_MODELS_SUMMARY_H
#define VG_MODELS_SUMMARY_H

#include "core/err.h"

enum vg_summary_kind {
    VG_SUMMARY_FIRST,
    VG_SUMMARY_LAST,
    VG_SUMMARY_MIN,
    VG_SUMMARY_MAX,
    VG_SUMMARY_MEAN,
    VG_SUMMARY_SLOPE, /**< least squares, per hour; 0 below three values or within an hour */
    VG_SUMMARY_COUNT, /**< log(1 + values) */
    VG_SUMMARY_SEEN,  /**< 1 or 0 */
    VG_SUMMARY_TOTAL, /**< log(1 + sum of amounts), amounts not below 0 */
    VG_SUMMARY_KINDS,
};

/** One variable of one patient; all zero before the first value. */
struct vg_summary {
    uint64_t n;
    double first, last, min, max;
    double mean;                 /* by Welford, as are the next two */
    double hours_mean, hours_m2; /* of the times */
    double hours_first, hours_last;
    double covariance_n; /* sum of products of deviations */
    double amounts;
};

/** Adds a value at `hours`, not before the one added last; `amount` is what TOTAL adds up (0 for a
 *  variable that is none). */
void vg_summary_add(struct vg_summary *s, double hours, double value, double amount);

/** False where there is none. */
bool vg_summary_get(const struct vg_summary *s, enum vg_summary_kind kind, double *ret);

/** "first", "last", ...; as configurations name them. */
const char *vg_summary_name(enum vg_summary_kind kind);
/** VG_SUMMARY_KINDS when there is none of that name. */
enum vg_summary_kind vg_summary_find(const char *name);

#endif
