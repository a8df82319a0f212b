/* audit_line.c - one line of the audit log.
 *
 * A line is taken apart by what Vigil writes and not by a JSON parser: any byte that is otherwise
 * is a change, also one that leaves the meaning as it is.
 */
#include "runtime/audit_line.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/text.h"

enum {
    DIGITS = VG_AUDIT_HASH_SIZE - 1,
    SIGNATURE_DIGITS = 2 * crypto_sign_BYTES,
    TIME_LEN = VG_TIME_TEXT_SIZE - 1,
    SIGNED_MAX = 128,
};

static const char seal_context[] = "vigil audit seal ";

/* Where the parts of a line begin. */
struct parts {
    uint64_t n;
    const char *kind, *prev, *hash, *signature; /* signature: NULL but for seals */
    size_t kind_len, hashed_len;
};

void vg_audit_line_init(void)
{
    VG_CHECK(sodium_init() >= 0);
}

void vg_audit_end_none(struct vg_audit_end *ret)
{
    ret->n = 0;
    memset(ret->hash, '0', DIGITS);
    ret->hash[DIGITS] = '\0';
}

static void hash_text(const char *bytes, size_t n, char out[VG_AUDIT_HASH_SIZE])
{
    uint8_t hash[32];

    crypto_generichash(hash, sizeof(hash), (const uint8_t *)bytes, n, NULL, 0);
    sodium_bin2hex(out, VG_AUDIT_HASH_SIZE, hash, sizeof(hash));
}

static size_t signed_text(const char *hash, char out[SIGNED_MAX])
{
    return (size_t)snprintf(out, SIGNED_MAX, "%s%.*s", seal_context, DIGITS, hash);
}

static void add_signature(const char *hash, const uint8_t *secret, struct vg_buf *out)
{
    char text[SIGNED_MAX], digits[SIGNATURE_DIGITS + 1];
    uint8_t signature[crypto_sign_BYTES];
    size_t n = signed_text(hash, text);

    crypto_sign_detached(signature, NULL, (const uint8_t *)text, n, secret);
    sodium_bin2hex(digits, sizeof(digits), signature, sizeof(signature));
    vg_buf_printf(out, ",\"signature\":\"%s\"", digits);
}

void vg_audit_line_make(struct vg_audit_end *end, int64_t wall_ns, const char *kind,
                        const char *members, const uint8_t *secret, struct vg_buf *out)
{
    char time[VG_TIME_TEXT_SIZE];
    size_t begin = out->len;

    vg_format_time(wall_ns, time);
    vg_buf_printf(out, "{\"n\":%llu,\"time\":\"%s\",\"kind\":\"%s\"%s,\"prev\":\"%s\"",
                  (unsigned long long)++end->n, time, kind, members, end->hash);
    hash_text(out->data + begin, out->len - begin, end->hash);
    vg_buf_printf(out, ",\"hash\":\"%s\"", end->hash);
    if (secret)
        add_signature(end->hash, secret, out);
    vg_buf_str(out, "}\n");
}

/* ---- taking apart ---- */

/* Moves *at behind `text` if that stands there. */
static bool skip(const char **at, const char *end, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(end - *at) < n || memcmp(*at, text, n) != 0)
        return false;
    *at += n;
    return true;
}

static bool read_number(const char **at, const char *end, uint64_t *ret)
{
    const char *begin = *at;

    *ret = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && *ret < UINT64_MAX / 16; (*at)++)
        *ret = *ret * 10 + (uint64_t)(**at - '0');
    return *at > begin && *begin != '0';
}

static bool read_head(const char *line, const char *end, struct parts *p)
{
    const char *at = line;

    if (!skip(&at, end, "{\"n\":") || !read_number(&at, end, &p->n) ||
        !skip(&at, end, ",\"time\":\"") || end - at < TIME_LEN)
        return false;
    at += TIME_LEN;
    if (!skip(&at, end, "\",\"kind\":\""))
        return false;
    p->kind = at;
    while (at < end && ((*at >= 'a' && *at <= 'z') || *at == '_'))
        at++;
    p->kind_len = (size_t)(at - p->kind);
    return p->kind_len > 0 && at < end && *at == '"';
}

/* `text` and then `digits` of them before *end, which moves to where `text` begins. */
static const char *read_tail(const char *line, const char **end, const char *text, size_t digits)
{
    size_t n = strlen(text) + digits + 1;
    const char *at;

    if ((size_t)(*end - line) < n || (*end)[-1] != '"')
        return NULL;
    at = *end - n;
    if (memcmp(at, text, strlen(text)) != 0)
        return NULL;
    *end = at;
    return at + strlen(text);
}

static bool is_seal(const struct parts *p)
{
    return p->kind_len == 4 && memcmp(p->kind, "seal", 4) == 0;
}

static bool take_apart(const char *line, size_t len, struct parts *p)
{
    const char *end = line + len;

    *p = (struct parts){ 0 };
    if (len > VG_AUDIT_LINE_MAX || !read_head(line, end, p) || end[-1] != '}')
        return false;
    end--;
    if (is_seal(p) &&
        !(p->signature = read_tail(line, &end, ",\"signature\":\"", SIGNATURE_DIGITS)))
        return false;
    p->hash = read_tail(line, &end, ",\"hash\":\"", DIGITS);
    if (!p->hash)
        return false;
    p->hashed_len = (size_t)(end - line);
    p->prev = read_tail(line, &end, ",\"prev\":\"", DIGITS);
    return p->prev && end > p->kind;
}

static bool hash_is_right(const char *line, const struct parts *p)
{
    char hash[VG_AUDIT_HASH_SIZE];

    hash_text(line, p->hashed_len, hash);
    return memcmp(hash, p->hash, DIGITS) == 0;
}

/* One text for each signature: capital letters would be a change that goes unnoticed. */
static bool signature_is_right(const struct vg_audit_check *c, const struct parts *p)
{
    char text[SIGNED_MAX], again[SIGNATURE_DIGITS + 1];
    uint8_t signature[crypto_sign_BYTES];
    size_t n = signed_text(p->hash, text), got;

    if (sodium_hex2bin(signature, sizeof(signature), p->signature, SIGNATURE_DIGITS, NULL, &got,
                       NULL) != 0 ||
        got != sizeof(signature))
        return false;
    sodium_bin2hex(again, sizeof(again), signature, sizeof(signature));
    return memcmp(again, p->signature, SIGNATURE_DIGITS) == 0 &&
           crypto_sign_verify_detached(signature, (const uint8_t *)text, n, c->key) == 0;
}

static void move_on(struct vg_audit_end *end, const struct parts *p)
{
    end->n = p->n;
    memcpy(end->hash, p->hash, DIGITS);
    end->hash[DIGITS] = '\0';
}

vg_status vg_audit_check_line(struct vg_audit_check *c, const char *line, size_t len,
                              struct vg_err *err)
{
    struct parts p;

    if (!take_apart(line, len, &p))
        return vg_fail(err, VG_E_DECODE, "is no record of an audit log");
    if (!hash_is_right(line, &p))
        return vg_fail(err, VG_E_DECODE, "was changed: its hash is not that of its text");
    if (p.n != c->end.n + 1)
        return vg_fail(
            err, VG_E_DECODE,
            "has number %llu where %llu is expected: records are missing, twice there or "
            "in another order",
            (unsigned long long)p.n, (unsigned long long)c->end.n + 1);
    if (memcmp(p.prev, c->end.hash, DIGITS) != 0)
        return vg_fail(err, VG_E_DECODE,
                       "does not belong behind the record before it: that, or this "
                       "one, was put in place of another");
    if (is_seal(&p) && c->has_key && !signature_is_right(c, &p))
        return vg_fail(err, VG_E_DECODE, "is a seal that was not made with this pipeline's key");
    move_on(&c->end, &p);
    if (is_seal(&p))
        c->sealed = c->end;
    return VG_OK;
}

bool vg_audit_line_end(const char *line, size_t len, struct vg_audit_end *ret)
{
    struct parts p;

    if (!take_apart(line, len, &p) || !hash_is_right(line, &p))
        return false;
    move_on(ret, &p);
    return true;
}

bool vg_audit_line_is(const char *line, size_t len, const char *kind)
{
    struct parts p;

    return take_apart(line, len, &p) && p.kind_len == strlen(kind) &&
           memcmp(p.kind, kind, p.kind_len) == 0;
}

bool vg_audit_key_read(const char *text, uint8_t ret[VG_AUDIT_KEY_BYTES])
{
    size_t got;

    return strlen(text) == VG_AUDIT_KEY_SIZE - 1 &&
           sodium_hex2bin(ret, VG_AUDIT_KEY_BYTES, text, strlen(text), NULL, &got, NULL) == 0 &&
           got == VG_AUDIT_KEY_BYTES;
}
