/* hl7_ack.c - what a receiver answers to an HL7 v2 message: the segments MSA and ERR. */
#include "sinks/hl7_ack.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct piece {
    const char *at;
    size_t n;
};

/* Cuts what stands before any of `ends` off `from`, and that byte with it; all of it when there is none. */
static struct piece take(struct piece *from, const char *ends)
{
    struct piece ret = { from->at, 0 };

    while (ret.n < from->n && (ret.at[ret.n] == '\0' || !strchr(ends, ret.at[ret.n])))
        ret.n++;
    from->at += ret.n;
    from->n -= ret.n;
    if (from->n > 0) {
        from->at++;
        from->n--;
    }
    return ret;
}

/* Field `number` of a segment; 0 is its name. */
static struct piece field(struct piece segment, char separator, int number)
{
    const char ends[] = { separator, '\0' };
    struct piece ret = { segment.at, 0 };

    for (int i = 0; i <= number; i++)
        ret = take(&segment, ends);
    return ret;
}

static bool is(struct piece p, const char *text)
{
    return p.n == strlen(text) && memcmp(p.at, text, p.n) == 0;
}

static bool read_msa(struct piece segment, char separator, struct vg_hl7_ack *ret)
{
    static const char *const codes[] = { "AA", "AE", "AR", "CA", "CE", "CR" };
    struct piece code = field(segment, separator, 1), id = field(segment, separator, 2);

    if (id.n == 0 || id.n >= sizeof(ret->id) || memchr(id.at, '\0', id.n))
        return false;
    for (size_t i = 0; i < VG_ARRAY_LEN(codes); i++) {
        if (is(code, codes[i])) {
            memcpy(ret->code, codes[i], sizeof(ret->code));
            memcpy(ret->id, id.at, id.n);
            ret->id[id.n] = '\0';
            return true;
        }
    }
    return false;
}

/* ERR-3.1, of as many digits as table 0357 has. */
static int read_error(struct piece segment, char separator, char component)
{
    struct piece p = field(segment, separator, 3);
    const char ends[] = { component, '\0' };
    int ret = 0;

    p = take(&p, ends);
    if (p.n != 3)
        return 0;
    for (size_t i = 0; i < p.n; i++) {
        if (!isdigit((unsigned char)p.at[i]))
            return 0;
        ret = 10 * ret + (p.at[i] - '0');
    }
    return ret >= 100 && ret < 300 ? ret : 0;
}

bool vg_hl7_ack_parse(const char *bytes, size_t n, struct vg_hl7_ack *ret)
{
    struct piece rest = { bytes, n };
    bool found = false;
    char separator, component;

    memset(ret, 0, sizeof(*ret));
    if (n < 8 || memcmp(bytes, "MSH", 3) != 0 || !ispunct((unsigned char)bytes[3]) ||
        !ispunct((unsigned char)bytes[4]))
        return false;
    separator = bytes[3];
    component = bytes[4];
    while (rest.n > 0) {
        struct piece segment = take(&rest, "\r\n");
        struct piece name = field(segment, separator, 0);

        if (is(name, "MSA")) {
            /* Two of them would say two things. */
            if (found || !read_msa(segment, separator, ret))
                return false;
            found = true;
        } else if (is(name, "ERR") && ret->error == 0) {
            ret->error = read_error(segment, separator, component);
        }
    }
    return found;
}

/* Whether it is this message that is wrong: by the error if one was given, else by the code. Errors of
 * the 100s are about the content. Those from 200 to 203 are about messages of this kind, which is for
 * people to set right at the receiver, and 206 and 207 are its own trouble. */
static bool is_refused(const struct vg_hl7_ack *ack)
{
    if (ack->error >= 100 && ack->error < 200)
        return true;
    if ((ack->error >= 200 && ack->error <= 203) || ack->error == 206 || ack->error == 207)
        return false;
    return ack->code[1] == 'R';
}

vg_status vg_hl7_ack_judge(const struct vg_hl7_ack *ack, const char *id, struct vg_err *err)
{
    char error[24] = "";

    if (strcmp(ack->id, id) != 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "the receiver acknowledges another message");
    if (ack->code[1] == 'A')
        return VG_OK;
    if (ack->error > 0)
        snprintf(error, sizeof(error), " (error %d)", ack->error);
    if (is_refused(ack))
        return vg_fail(err, VG_E_RANGE, "the receiver refuses it with %s%s", ack->code, error);
    return vg_fail(err, VG_E_TEMPORARY, "the receiver cannot take it now: %s%s", ack->code, error);
}
