/* train.h - what `vigil train WHAT` calls: one line here and one function for each. */
#ifndef VG_APP_TRAIN_H
#define VG_APP_TRAIN_H

/* name, summary */
#define VG_TRAININGS(X)                                                             \
    X(forecast, "forecasters: a recurrent network beside a skip")                   \
    X(autoencoder, "autoencoders of windows")                                       \
    X(detector, "detectors: scores of other models, calibrated to an alarm budget") \
    X(risk, "risk of an outcome, from stays or from simulated patients")            \
    X(baseline, "what every network is measured against: ridge, PCA, logistic")

#define VG_TRAINING_DECLARE(name, summary) int vg_train_##name(int argc, char **argv);
VG_TRAININGS(VG_TRAINING_DECLARE)
#undef VG_TRAINING_DECLARE

#endif
