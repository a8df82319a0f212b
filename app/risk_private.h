/* risk_private.h - what app/risk_fit.c shares with the learners. */
#ifndef VG_APP_RISK_PRIVATE_H
#define VG_APP_RISK_PRIVATE_H

#include "app/risk_fit.h"
#include "core/model.h"

/** Summaries as learners see them: standardised, 0 where not known, bends behind. */
struct vg_risk_design {
    const struct vg_risk_job *job;
    struct vg_risk_standard standard; /* [K] of summaries */
    uint32_t columns;                 /* K and the bends */
    uint32_t *bent;                   /* [columns - K] which summary bends */
    float *bend;                      /* [columns - K] where */
    float *center;                    /* [columns - K] mean of the bend's values when learned */
};

void vg_risk_design_init(struct vg_risk_design *d, const struct vg_risk_job *job);
void vg_risk_design_done(struct vg_risk_design *d);
/** Row of a case; x [columns]. */
void vg_risk_design_row(const struct vg_risk_design *d, size_t row, float *x);
/** What a model file says about the columns. The caller frees *ret; names are within it. */
void vg_risk_design_variables(const struct vg_risk_design *d, struct vg_variable **ret);

/** The cases of a part of the stays, as rows of a design. */
struct vg_risk_rows {
    size_t n;
    uint32_t *list;             /* [n] cases */
    float *x, *target, *weight; /* [n, columns], [n], [n] */
};

/** Of the stays in `part` [S]. */
void vg_risk_rows_init(struct vg_risk_rows *r, const struct vg_risk_design *d, const bool *part);
void vg_risk_rows_done(struct vg_risk_rows *r);

VG_NODISCARD vg_status vg_risk_fit_dense(const struct vg_risk_job *job, struct vg_err *err);
VG_NODISCARD vg_status vg_risk_fit_sequence(const struct vg_risk_job *job, struct vg_err *err);

/** Cases of the stays in `part` [S], in order; the caller frees *ret. */
size_t vg_risk_cases_of(const struct vg_risk_study *s, const bool *part, uint32_t **ret);

#endif
