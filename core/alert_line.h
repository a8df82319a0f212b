/* alert_line.h - an alert event as one line for people.
 *
 *     12:00:10  HIGH    start        icu-a/07  SpO2 below limit — SpO2 86 % below 90 % for 10 s
 *
 * The console sink and `vigil alerts` print the same line from the same canonical JSON.
 */
#ifndef VG_CORE_ALERT_LINE_H
#define VG_CORE_ALERT_LINE_H

#include "core/buf.h"

/**
 * Appends the line of the event in `json` (`len` bytes) to `out`, with a newline. Members that
 * are absent leave their place empty; text that is no JSON object gives a line that says so.
 * Control characters never reach `out`, so an event cannot command a terminal. With `colour` the
 * priority is set in ANSI colours.
 */
void vg_alert_line(const char *json, size_t len, bool colour, struct vg_buf *out);

#endif
