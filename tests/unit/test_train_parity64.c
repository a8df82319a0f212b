/* The same tests in double: linked with vg_train64, which brings VG_TRAIN_DOUBLE. */
#include "tests/unit/test_train_parity.c"
