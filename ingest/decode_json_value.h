/* decode_json_value.h - values of channels, between the two files of the decoder. */
#ifndef VG_INGEST_DECODE_JSON_VALUE_H
#define VG_INGEST_DECODE_JSON_VALUE_H

#include "ingest/json.h"

/** Reads the value of `channel` into the row: {"value":..,"unit":..,"quality":..}, or what would stand
 *  at "value". What cannot be read becomes INVALID and is noted. False when it is no JSON, and the
 *  message is lost. */
VG_NODISCARD bool vg_decode_json_channel(struct vg_json *j, struct vg_decoded *row, int channel);

/** The row goes on without the part at fault; the first fault of a row is told, as "SUBJECT: TEXT"
 *  with `word` behind it. (decode_json.c) */
__attribute__((cold)) void vg_decode_json_note(struct vg_decoded *row, const char *reason,
                                               uint32_t offset, const char *subject,
                                               const char *text, const char *word);

#endif
