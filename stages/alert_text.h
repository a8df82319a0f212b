/* alert_text.h - how alerts say values, times and counts to people. */
#ifndef VG_STAGES_ALERT_TEXT_H
#define VG_STAGES_ALERT_TEXT_H

#include <stdint.h>

#include "core/buf.h"

/** "86 %", "36.8 °C": a value to the tenth, with the unit as people write it. */
void vg_text_value(struct vg_buf *text, int channel, float value);
/** The same of a computed value, rounded to what a monitor shows: 1, or 0.1 where the channel's whole
 *  plausible range is short. */
void vg_text_rounded(struct vg_buf *text, int channel, float value);
/** "without a value for 10 s; the alert stays active", of `what` there was nothing for so long. */
void vg_text_lost(struct vg_buf *text, const char *what, int64_t ns);
/** "10 s", "90 s", "10 min", "4 h": rounded to what people say. */
void vg_text_duration(struct vg_buf *text, int64_t ns);
/** "Check patient, then probe: " before what is wrong with a measurement. */
void vg_text_check(struct vg_buf *text, int channel);
/** "3 messages", "1 message". */
void vg_text_count(struct vg_buf *text, float count, const char *one, const char *many);

#endif
