/* alerts.h - an alert stage with rules made in memory, and its events in short.
 *
 * Times are seconds of log time. What happened is compared as text like
 *
 *     "10 start spo2_low\n22 update spo2_low data_lost\n47 end spo2_low\n"
 */
#ifndef VG_TESTS_ALERTS_H
#define VG_TESTS_ALERTS_H

#include "tests/support/capture.h"

enum { ALERTS_RULES = 8 };

struct alerts {
    struct vg_site site;
    struct vg_profile profile[2]; /**< adult: spo2 90.., hr 50..130; copd: spo2 85.. */
    struct vg_bed_config bed[2];  /**< icu-a/01 adult, icu-a/02 copd; others adult */
    struct vg_rule rule[ALERTS_RULES];
    struct capture *c;
    uint32_t orders; /**< given so far */
    struct vg_buf brief;
};

int64_t alerts_ns(double s);

/** A site with two profiles and no rule, and a stage that has not been started. */
void alerts_init(struct alerts *a);
void alerts_done(struct alerts *a);
/** Adds a rule: `update_every` 30 s, priority medium, the rest 0. To be filled in before the
 *  start. */
struct vg_rule *alerts_rule(struct alerts *a, const char *name, enum vg_rule_kind kind,
                            int channel);
/** spo2_low of the sample configuration: below profile.low for 10 s, clear above profile.low + 2
 *  for 15 s, keep_firing_for 20 s. */
struct vg_rule *alerts_spo2_low(struct alerts *a);
void alerts_start(struct alerts *a);

/** One sample row of patient p-1 with one GOOD value. */
void alerts_value(struct alerts *a, double s, int channel, float value);
/** `n` of them from `s`, one each second. */
void alerts_values(struct alerts *a, double s, uint32_t n, int channel, float value);
/** One sample row of patient p-1 with one unusable cell. */
void alerts_quality(struct alerts *a, double s, int channel, enum vg_quality quality,
                    enum vg_reason reason);
/** Gives an order of nurse-7 about p-1, or about the episode of the newest event. Of two at one time
 *  each has a place of its own in the log. */
enum vg_answer alerts_order(struct alerts *a, double s, struct vg_order order);
/** The stage is closed and another one goes on with what it has kept; events so far are gone. */
void alerts_restart(struct alerts *a);
/** Only time passes: timers due before `s` fire. */
void alerts_clock(struct alerts *a, double s);

/** All events so far in short; the built-in rules' too. Valid until the next call. */
const char *alerts_brief(struct alerts *a);

#endif
