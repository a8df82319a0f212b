/* evaluate.h - what `vigil evaluate WHAT` calls: one line here and one function for each. */
#ifndef VG_APP_EVALUATE_H
#define VG_APP_EVALUATE_H

/* name, summary */
#define VG_EVALUATIONS(X)                                                                          \
    X(alerts, "the alerts of a configuration: how many, which are false, and what they see")       \
    X(anomaly, "what a detector sees of simulated troubles, and how many of its alerts are false") \
    X(forecast, "errors, intervals and coverage of forecasts, beside simple ones")                 \
    X(risk, "probabilities of an outcome from recorded stays, in cross-validation")

#define VG_EVALUATION_DECLARE(name, summary) int vg_evaluate_##name(int argc, char **argv);
VG_EVALUATIONS(VG_EVALUATION_DECLARE)
#undef VG_EVALUATION_DECLARE

#endif
