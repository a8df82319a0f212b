/* json.h - a strict, bounded pull parser of JSON (RFC 8259) over a message that is wholly there.
 *
 * The caller asks for what comes next and so decides what it is worth; nothing is built. A function
 * that returns false (or VG_JSON_ERROR) has filled the fault that was given to vg_json_start(), and
 * the message is lost: no other function may be called until the next vg_json_start(). After init
 * nothing allocates. One thread at a time.
 *
 * Stricter than the RFC demands: UTF-8 without byte order mark, surrogates only in pairs, no key
 * twice in an object, and the bounds below.
 */
#ifndef VG_INGEST_JSON_H
#define VG_INGEST_JSON_H

#include "core/decoder.h"

enum {
    VG_JSON_DEPTH = 16,    /**< objects and arrays in each other, the outermost included */
    VG_JSON_MEMBERS = 256, /**< of one object */
};

/** Bytes of a string with its escapes decoded; UTF-8, may hold NUL. Valid until the next start. */
struct vg_json_text {
    const char *s;
    uint32_t n;
    uint32_t start; /**< offset of its opening quote */
};

enum vg_json_kind {
    VG_JSON_STRING,
    VG_JSON_NUMBER,
    VG_JSON_OBJECT,
    VG_JSON_ARRAY,
    VG_JSON_TRUE,
    VG_JSON_FALSE,
    VG_JSON_NULL,
};

/** A number in parts. mantissa * 10^exp10 is the number when digits <= VG_JSON_DIGITS. */
struct vg_json_number {
    uint64_t mantissa;
    uint32_t digits; /**< as written, zeros included */
    int32_t exp10;
    bool negative;
    bool whole; /**< written without fraction and exponent */
};

enum { VG_JSON_DIGITS = 19 }; /**< as many fit any uint64_t */

struct vg_json_value {
    enum vg_json_kind kind;
    uint32_t start, len;          /**< its bytes in the message */
    struct vg_json_text text;     /**< of a string */
    struct vg_json_number number; /**< of a number */
};

/** What vg_json_next_member() and vg_json_next_element() found. */
enum vg_json_step {
    VG_JSON_ERROR,
    VG_JSON_END,  /**< the end of the object or array, which is left */
    VG_JSON_ITEM, /**< a value, which must be read (or entered and left) before the next step */
};

/** An object or array that was entered and not left. */
struct vg_json_level {
    bool object;
    uint32_t items;     /**< begun so far */
    uint32_t first_key; /**< index in keys of the first that vg_json_unique() remembers */
};

struct vg_json {
    const uint8_t *begin, *at, *end;
    struct vg_fault *fault;
    uint32_t depth;
    struct vg_json_level level[VG_JSON_DEPTH];
    uint32_t n_keys;
    struct vg_json_text *keys; /**< [VG_JSON_DEPTH * VG_JSON_MEMBERS] */
    char *decoded;             /**< [max_bytes + 1], strings that had to be decoded */
    size_t n_decoded;
    size_t max_bytes;
    void *c_locale; /**< strtod() would read the decimal point of the user's */
};

/** For messages of at most `max_bytes`. Owns memory until vg_json_done(), also when it fails. */
VG_NODISCARD vg_status vg_json_init(struct vg_json *j, size_t max_bytes, struct vg_err *err);

/** A zeroed struct is fine. */
void vg_json_done(struct vg_json *j);

/** Starts on `n` bytes, which must outlive the reading. Fails beyond max_bytes ("limits"). */
VG_NODISCARD bool vg_json_start(struct vg_json *j, const uint8_t *bytes, size_t n,
                                struct vg_fault *fault);

/** Skips white space; the byte that follows, or -1 at the end of the message. */
int vg_json_skip_space(struct vg_json *j);

/** The same; most messages hold no white space. */
static inline int vg_json_peek(struct vg_json *j)
{
    return j->at<j->end && * j->at> ' ' ? *j->at : vg_json_skip_space(j);
}

/** Enters the object or array that begins at the byte that vg_json_peek() returned. */
VG_NODISCARD bool vg_json_enter(struct vg_json *j);

/** Does not look whether the key is new: the caller does, or calls vg_json_unique(). */
VG_NODISCARD enum vg_json_step vg_json_next_member(struct vg_json *j, struct vg_json_text *key);
VG_NODISCARD enum vg_json_step vg_json_next_element(struct vg_json *j);

/** Remembers a key of the innermost object; fails ("duplicate_key") when it was there before. */
VG_NODISCARD bool vg_json_unique(struct vg_json *j, const struct vg_json_text *key);

/** Reads a whole value. Of an object or array only kind, start and len are told. */
VG_NODISCARD bool vg_json_read(struct vg_json *j, struct vg_json_value *ret);

/** Fails ("malformed") when anything but white space is left. */
VG_NODISCARD bool vg_json_finish(struct vg_json *j);

/** The double nearest to a number of this message; an infinity when it is too large. */
double vg_json_double(struct vg_json *j, const struct vg_json_value *v);

/** Fills the fault for a rule of the caller's and returns false. `reason` is static text. */
bool vg_json_fail(struct vg_json *j, const char *reason, uint32_t offset, const char *detail);

static inline uint32_t vg_json_offset(const struct vg_json *j)
{
    return (uint32_t)(j->at - j->begin);
}

static inline bool vg_json_text_is(const struct vg_json_text *t, const char *s)
{
    return t->n == __builtin_strlen(s) && __builtin_memcmp(t->s, s, __builtin_strlen(s)) == 0;
}

#endif
