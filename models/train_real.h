/* train_real.h - the number type of training: float, and double for tests of gradients.
 *
 * The training sources are compiled twice. vg_train has float and is what `vigil train` uses;
 * vg_train64 (VG_TRAIN_DOUBLE) shows in tests that the gradients are right to 1e-6 by finite
 * differences, which float could not resolve. A program links one of them.
 */
#ifndef VG_MODELS_TRAIN_REAL_H
#define VG_MODELS_TRAIN_REAL_H

#ifdef VG_TRAIN_DOUBLE
typedef double vg_real;
#else
typedef float vg_real;
#endif

#endif
