/* text.h - strict parsing of numbers, durations, sizes and times, and near misses.
 *
 * Nothing is guessed and nothing is left over: "12abc", " 1", "1e400" and "NaN" are refused. All
 * functions return false and leave *ret alone when the text is not exactly what they read.
 */
#ifndef VG_CORE_TEXT_H
#define VG_CORE_TEXT_H

#include "core/base.h"

VG_NODISCARD bool vg_parse_int(const char *s, int64_t *ret);
VG_NODISCARD bool vg_parse_double(const char *s, double *ret); /**< finite only */
VG_NODISCARD bool vg_parse_bool(const char *s, bool *ret);     /**< true, false */

/** "250ms", "10s", "1.5m", "4h", "2d", "100us", "5ns", "-2s", "0"; whole nanoseconds. A unit is
 *  required but for 0. */
VG_NODISCARD bool vg_parse_duration(const char *s, int64_t *ret_ns);

/** "512", "64KiB", "4MiB", "1GiB"; bytes. */
VG_NODISCARD bool vg_parse_size(const char *s, uint64_t *ret);

/** RFC 3339 with an offset ("2026-03-01T12:00:00.5Z", "...+01:00"), at most nine fractional digits;
 *  `n` bytes, not NUL-terminated. Years 1970..2261. Leap second 60 is refused. */
VG_NODISCARD bool vg_parse_time(const char *s, size_t n, int64_t *ret_ns);

enum { VG_TIME_TEXT_SIZE = 25 };
/** "2026-03-01T12:00:10.000Z"; truncated (not rounded) to milliseconds. */
void vg_format_time(int64_t ns, char out[VG_TIME_TEXT_SIZE]);

enum { VG_DURATION_TEXT_SIZE = 32 };
/** The shortest exact form that vg_parse_duration() reads: "90s", "250ms", "4h". */
void vg_format_duration(int64_t ns, char out[VG_DURATION_TEXT_SIZE]);

enum { VG_UUID_TEXT_SIZE = 37 };
/** "5d0c....-....": 32 lower-case hexadecimal digits with hyphens after 8, 12, 16 and 20. */
void vg_format_uuid(const uint8_t uuid[16], char out[VG_UUID_TEXT_SIZE]);

/** Of `n` candidates, the one that `word` is most likely a misspelling of, or NULL. */
const char *vg_did_you_mean(const char *word, const char *const *candidates, size_t n);

/** The ward of a bed label: what stands before its first '/', if that is [a-z0-9-]{1,32}; else
 *  (also without a '/') "none". */
void vg_ward_of_bed(const char *bed, char ward[VG_WARD_SIZE]);

/** Whether `s` (n bytes) may be a patient pseudonym: 1..64 printable ASCII bytes, no space. */
bool vg_patient_valid(const char *s, size_t n);

#endif
