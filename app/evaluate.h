/* evaluate.h - what `vigil evaluate WHAT` calls: one line here and one function for each. */
#ifndef VG_APP_EVALUATE_H
#define VG_APP_EVALUATE_H

/* name, summary */
#define VG_EVALUATIONS(X)                                                                          \
    X(alerts, "the alerts of a configuration: how many, which are false, and what they see")       \
    X(anomaly, "what a detector sees of simulated troubles, and how many of its alerts are false") \
    X(forecast, "errors, intervals and coverage of forecasts, beside simple ones")                 \
    X(risk, "probabilities of an outcome from recorded stays, in cross-validation")

/* What evaluations on the populations of vg_sim_study_population() are asked: for options tables of a
 * struct T with members normals, per_group, seed, workers, artefact_rate, json, report and progress. */
/* clang-format off */
#define VG_STUDY_OPTIONS(T, least_patients)                                                        \
    VG_OPT_INT(T, normals, "normals", "200", 1, VG_SIM_BEDS_MAX, "patients", 0,                    \
               "without trouble, watched for a day each"),                                         \
    VG_OPT_INT(T, per_group, "patients", "200", least_patients, VG_SIM_BEDS_MAX, "", 0,            \
               "of each group of scenarios"),                                                      \
    VG_OPT_INT(T, seed, "seed", "900", 0, 1e9, "", 0,                                              \
               "of the patients; not one that anything was trained or calibrated on"),             \
    VG_OPT_FLOAT(T, artefact_rate, "artefact_rate", "1", 0, 1000, "", 0,                           \
                 "artefacts as a multiple of what is usual"),                                      \
    VG_OPT_INT(T, workers, "workers", "0", 0, 64, "threads", 0,                                    \
               "0: as many as processors; changes no figure"),                                     \
    VG_OPT_BOOL(T, json, "json", "false", 0, "print one object of JSON instead of tables"),        \
    VG_CLI_STRING(T, report, "report", "FILE.html", NULL, 0, "write a page with tables and drawings"), \
    VG_OPT_ENUM(T, progress, "progress", "auto", vg_progress_modes, 0,                             \
                "how far it is, on standard error")
/* clang-format on */

#define VG_EVALUATION_DECLARE(name, summary) int vg_evaluate_##name(int argc, char **argv);
VG_EVALUATIONS(VG_EVALUATION_DECLARE)
#undef VG_EVALUATION_DECLARE

#endif
