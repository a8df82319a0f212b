/* json_private.h - what the files of the parser share, and nobody else includes. */
#ifndef VG_INGEST_JSON_PRIVATE_H
#define VG_INGEST_JSON_PRIVATE_H

#include "ingest/json.h"

static inline bool vg_json_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/** Fails at `at`: with `detail`, or because nothing more is there. */
bool vg_json_malformed(struct vg_json *j, const uint8_t *at, const char *detail);

/** The first byte that is a quote, a backslash, a control character or not ASCII; `end` if none. */
const uint8_t *vg_json_plain_end(const uint8_t *p, const uint8_t *end);

/** Reads a string that needs decoding or a closer look; j->at is behind its opening quote. */
bool vg_json_read_decoded(struct vg_json *j, struct vg_json_text *ret);

#endif
