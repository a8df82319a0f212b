/* dataset_private.h - what the files that build data sets share, and nobody else includes. */
#ifndef VG_APP_DATASET_PRIVATE_H
#define VG_APP_DATASET_PRIVATE_H

#include "app/dataset.h"
#include "runtime/offline.h"

/** Ticks of a patient so far. */
struct vg_collect_patient {
    char id[VG_PATIENT_SIZE];
    int64_t first_ns;
    uint32_t ticks, room;
    float *value;     /**< [room, C] */
    uint8_t *quality; /**< [room, C] */
    float *age_s;     /**< [room, C] */
};

/** Rows on their way through a chain into a data set. One thread. */
struct vg_collect {
    struct vg_dataset *data;
    struct vg_config *config;
    struct vg_offline *offline;
    int age; /**< column [VG_CHANNELS] */
    int64_t lateness_ns;
    struct vg_collect_patient *patient; /**< by number of the chain */
    uint32_t patients, room;
};

/** Makes the chain; rows go to c->offline. vg_collect_done() follows in every case. */
VG_NODISCARD vg_status vg_collect_begin(struct vg_collect *c, const struct vg_dataset_spec *spec,
                                        struct vg_dataset *data, struct vg_err *err);
/** Closes every tick up to `end_ns` and adds the entries to the data set, in the order in which the
 *  patients came. */
void vg_collect_end(struct vg_collect *c, int64_t end_ns);
void vg_collect_done(struct vg_collect *c);

/** The sources: each fills `d`, which is empty. */
VG_NODISCARD vg_status vg_dataset_simulate(const struct vg_dataset_spec *spec, uint32_t workers,
                                           vg_dataset_progress_fn *progress, void *ctx,
                                           struct vg_dataset *d, struct vg_err *err);
VG_NODISCARD vg_status vg_dataset_read_csv(const struct vg_dataset_spec *spec,
                                           vg_dataset_progress_fn *progress, void *ctx,
                                           struct vg_dataset *d, struct vg_err *err);
VG_NODISCARD vg_status vg_dataset_read_kafka(const struct vg_dataset_spec *spec,
                                             vg_dataset_progress_fn *progress, void *ctx,
                                             struct vg_dataset *d, struct vg_err *err);

#endif
