/* model.h - the members of `vigil model`. */
#ifndef VG_APP_MODEL_H
#define VG_APP_MODEL_H

int vg_model_verb_describe(int argc, char **argv);
int vg_model_verb_step(int argc, char **argv);

#endif
