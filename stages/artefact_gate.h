/* artefact_gate.h - the files of the artefact stage among themselves.
 *
 * A rule looks at one kind of disturbance and has a few bytes of memory per patient. Whether the
 * rest of the patient changed with a measurement is asked of `recent`: means of the last two
 * minutes, in bins of five seconds of event time.
 *
 * Rules after Du et al. (PMC7015776, table 1) for the shape of pressures, 7.4 mm[Hg] for each 10 cm
 * of a transducer's height (PMC9762921), the rest by clinical reason; each is weakened where it
 * would hide an emergency: what an arrest, a tamponade, a haemorrhage or an atrial fibrillation
 * looks like is never more than suspect.
 */
#ifndef VG_STAGES_ARTEFACT_GATE_H
#define VG_STAGES_ARTEFACT_GATE_H

#include "core/stage.h"

/* ---- the last two minutes ---- */

enum vg_gate_signal {
    VG_GATE_HR,
    VG_GATE_PULSE,
    VG_GATE_SPO2,
    VG_GATE_RR,
    VG_GATE_CO2,
    VG_GATE_MAP,
    VG_GATE_PP, /**< pulse pressure: systolic less diastolic */
    VG_GATE_SIGNALS,
};

enum { VG_GATE_BIN_S = 5, VG_GATE_BINS = 24 };

struct vg_gate_bin {
    float sum[VG_GATE_SIGNALS];
    uint8_t n[VG_GATE_SIGNALS];
    uint8_t unused;
};

struct vg_gate_recent {
    int64_t newest; /**< number of the newest bin since 1970 */
    int32_t at;     /**< where it lies; those before it lie before it, in a ring */
    int32_t unused;
    struct vg_gate_bin bin[VG_GATE_BINS];
};

/** A moment of the patient: means, and bit i of `known` when signal i was measured. */
struct vg_gate_moment {
    float mean[VG_GATE_SIGNALS];
    uint32_t known;
};

/** Moves on to the bin of this time; what lies more than the bins back is forgotten. */
void vg_gate_advance(struct vg_gate_recent *r, int64_t event_ns);
/** Adds to the newest bin. */
void vg_gate_learn(struct vg_gate_recent *r, enum vg_gate_signal signal, float value);
/** Begins anew with a signal whose past says nothing about what comes. */
void vg_gate_forget(struct vg_gate_recent *r, enum vg_gate_signal signal);
/** Mean of the bins from `from` to before `to`, counted back from the newest, which is 0. */
bool vg_gate_mean(const struct vg_gate_recent *r, enum vg_gate_signal signal, int from, int to,
                  float *ret);
void vg_gate_look(const struct vg_gate_recent *r, int from, int to, struct vg_gate_moment *ret);
/** The last seconds: the newest bin, with the one before it while it holds less than two values. */
bool vg_gate_now(const struct vg_gate_recent *r, enum vg_gate_signal signal, float *ret);

/** now - then; 0 when either is not known. */
float vg_gate_change(const struct vg_gate_recent *r, const struct vg_gate_moment *then,
                     enum vg_gate_signal signal);

/* ---- memory ---- */

enum vg_gate_line_state {
    VG_LINE_FREE,
    VG_LINE_STEP,   /**< moved as a whole, alone; may be the transducer */
    VG_LINE_HEIGHT, /**< and the patient has not answered */
    VG_LINE_DAMPED,
    VG_LINE_FLAT,
};

/** An arterial line. */
struct vg_gate_line {
    struct vg_gate_moment before; /**< the patient before the state began */
    int64_t since_ns;             /**< event time of that */
    int64_t learned_ns;           /**< event time at which the running means last learned */
    int64_t back_ns;              /**< since when the pressure is as before; 0: it is not */
    float offset; /**< of the newest step of the mean, mm[Hg]; 0: it has been taken back */
    float usual_map, usual_pp, usual_hr, usual_rr; /**< running means over about an hour */
    float usual_s;                                 /**< seconds that went into them */
    uint8_t state;
    uint8_t fell; /**< FLAT: the pressure was falling before */
    uint8_t unused[2];
};

enum { VG_GATE_TEMP_MIN = 10 };

struct vg_gate_memory {
    struct vg_gate_recent recent;
    struct vg_gate_line line;
    struct {
        int64_t minute; /**< of the newest entry */
        int64_t since_ns;
        float value[VG_GATE_TEMP_MIN]; /**< newest of each minute, by minute % 10; 0: none */
        float before;                  /**< it slipped */
        uint8_t slipped;
        uint8_t unused[3];
    } temp;
    struct {
        int64_t newest_ns;                 /**< event time of `newest`; 0: none */
        int64_t until_ns;                  /**< marked until */
        int64_t unlike_ns, unlike_last_ns; /**< since when pulse and HR differ, and when last */
        int64_t jumped_ns;                 /**< when SpO2 last jumped; 0: never */
        float newest;
        uint8_t reason; /**< of the marks, enum vg_reason */
        uint8_t unused[3];
    } finger;
    struct {
        int64_t since_ns; /**< 0: not doubled */
    } beats;
    struct {
        float believed, odd; /**< mean of the newest reading that was believed, and that was not */
        uint8_t has_believed, has_odd;
        uint8_t unused[6];
    } cuff;
};

/** One row. */
struct vg_gate {
    struct vg_gate_memory *m;
    struct vg_row *row;
    float flush_map; /**< mean pressure that no patient with a narrow one has */
    bool pulseless;  /**< flow without a pulse: nothing is concluded from pulse pressure */
    bool doubled;    /**< beats are counted twice in this row */
};

/* ---- rules; each may lower qualities of the row and learn from it ---- */

void vg_gate_beats(struct vg_gate *g);  /**< HR counted twice */
void vg_gate_finger(struct vg_gate *g); /**< SpO2 and pulse of a finger that moves */
void vg_gate_airway(struct vg_gate *g); /**< EtCO2 of a line that is not connected */
void vg_gate_temp(struct vg_gate *g);   /**< a temperature probe that slips */
void vg_gate_line(struct vg_gate *g);   /**< arterial pressures; after those above have learned */
void vg_gate_cuff(struct vg_gate *g);   /**< readings of the cuff; after the line */

/** Marks a GOOD value; the device's own doubt or ours of before stays. */
void vg_gate_suspect(struct vg_gate *g, int channel, enum vg_reason reason);

#endif
