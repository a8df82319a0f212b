/* risk_data.h - stays in intensive care with an outcome: what risk models learn from.
 *
 * A stay is a list of measurements, each a variable, a time and a value: as sparse as medicine is.
 * A map file says which variables there are and how their file is laid out:
 *
 *     version: 1
 *     layout: long              # one row per measurement, or hourly: one file per stay
 *     window: 48h               # what a model sees of a stay
 *     stay: RecordID            # (long) names of columns
 *     time: Time                # (long) "HH:MM" since admission, or hours as a number
 *     variable: Parameter       # (long)
 *     value: Value              # (long)
 *     ignore: [RecordID]        # names under `variable` that are no variable
 *     outcome:                  # (long) columns of a file of its own, one row per stay
 *       stay: RecordID
 *       label: In-hospital_death    # 0 or 1
 *       score: SAPS-I               # may be left out: a bedside score to compare with; -1 unknown
 *     label: SepsisLabel        # (hourly) column with 0 or 1 of each hour
 *     variables:
 *       HR: {low: 10, high: 300}
 *       Creatinine: {low: 0.1, high: 30, scale: log}
 *       Urine: {low: 0, high: 2000, scale: log1p, amount: true}
 *       Gender: {low: 0, high: 1, descriptor: true}
 *       ICUType: {categories: [1, 2, 3, 4], descriptor: true}
 *
 * A value outside low..high (or of no category) is missing, and so is an empty cell or NaN in the
 * hourly layout; -1, which says unknown in descriptors, lies outside. A row that cannot be read is
 * an error with its line. Errors name no stay.
 *
 * Letters: S stays, V variables, T hours.
 */
#ifndef VG_APP_RISK_DATA_H
#define VG_APP_RISK_DATA_H

#include "core/err.h"
#include "runtime/document.h"

enum {
    VG_RISK_VARIABLES_MAX = 96,
    VG_RISK_HOURS_MAX = 24 * 366,
    VG_RISK_NAME_SIZE = 32,
};

/** How the learners see a value: medicine counts creatinine in doublings. */
enum vg_risk_scale { VG_RISK_LINEAR, VG_RISK_LOG, VG_RISK_LOG1P };

struct vg_risk_variable {
    char name[VG_RISK_NAME_SIZE]; /**< "HR"; of a category "ICUType.2" */
    char column[VG_RISK_NAME_SIZE];
    double low, high; /**< plausible, inclusive */
    enum vg_risk_scale scale;
    bool amount;     /**< values of an hour add up (urine); others are averaged */
    bool descriptor; /**< of the stay as a whole (age, sex): one value, valid throughout */
    bool is_category;
    double category; /**< then the value is 1 where the column has this, else 0 */
};

/** One measurement. Those of a stay are ordered by time, equal times as in the file. */
struct vg_risk_sample {
    float hours;       /**< since admission, below the window */
    uint32_t variable; /**< index */
    double value;      /**< as in the file; 0 or 1 of a category */
};

struct vg_risk_stay {
    char id[VG_PATIENT_SIZE];
    size_t first, samples; /**< into vg_risk_data.sample */
    uint32_t hours;        /**< T: a model is asked at the end of each (hourly) or of the last */
    size_t first_label;    /**< into vg_risk_data.label: [T] (hourly) or one (long) */
    double score;          /**< the bedside score */
    bool scored;
};

struct vg_risk_data {
    bool hourly; /**< a label for each hour; else one for the stay */
    uint32_t window_hours;
    uint32_t variables;
    struct vg_risk_variable variable[VG_RISK_VARIABLES_MAX]; /**< descriptors last */
    uint32_t stays;
    struct vg_risk_stay *stay; /**< [S], by id */
    struct vg_risk_sample *sample;
    size_t samples;
    uint8_t *label;
    size_t labels;
    size_t implausible; /**< values left out because they lie outside low..high */
    char sha256[65];    /**< of variables, stays, samples and labels, in hexadecimal */
};

/** Which files: "stays=set-a.csv.gz,outcomes=Outcomes-a.csv", or "stays=DIR" with one .psv file per
 *  stay. */
struct vg_risk_source {
    char stays[512];
    char outcomes[512]; /**< "": none */
};

/** Reads that text. Fails with VG_E_USAGE. */
VG_NODISCARD vg_status vg_risk_source_parse(struct vg_risk_source *ret, const char *text,
                                            struct vg_err *err);

/**
 * Reads the map and the files it describes. What is wrong with the map goes to `diagnostics` as
 * text for people. VG_E_CONFIG (map), VG_E_IO, VG_E_DECODE (data, with file and line). *ret is
 * freed by vg_risk_data_free().
 */
VG_NODISCARD vg_status vg_risk_data_read(const char *map, const struct vg_risk_source *source,
                                         struct vg_buf *diagnostics, struct vg_risk_data **ret,
                                         struct vg_err *err);
void vg_risk_data_free(struct vg_risk_data *d); /**< NULL is fine */

/** A value on the variable's scale: what is learned from. */
double vg_risk_scaled(const struct vg_risk_variable *variable, double value);

#endif
