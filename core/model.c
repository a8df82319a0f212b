/* model.c - finds what a model's file holds beside the model. */
#include "core/model.h"

#include <string.h>

const struct vg_calibration *vg_model_calibration(const struct vg_model *model, const char *name)
{
    for (uint32_t i = 0; i < model->calibrations; i++) {
        if (strcmp(model->calibration[i].name, name) == 0)
            return &model->calibration[i];
    }
    return NULL;
}
