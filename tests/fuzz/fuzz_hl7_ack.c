/* fuzz_hl7_ack.c - any bytes as what an HL7 receiver answers: a frame with an acknowledgement, or refused.
 *
 * Whatever pieces the bytes come in, the same is read.
 */
#include <string.h>

#include "sinks/hl7_ack.h"
#include "sinks/mllp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Feeds pieces of at most `size` bytes until a frame is complete; false when it is none. */
static bool feed(struct vg_mllp_reader *r, const char *bytes, size_t n, size_t size)
{
    while (n > 0 && !r->complete) {
        size_t piece = n < size ? n : size, used;

        if (!vg_mllp_feed(r, bytes, piece, &used))
            return false;
        VG_CHECK(used == piece || r->complete);
        bytes += used;
        n -= used;
    }
    return true;
}

static void try_ack(const char *bytes, size_t n)
{
    struct vg_hl7_ack ack;
    struct vg_err err;

    if (n == 0 || !vg_hl7_ack_parse(bytes, n, &ack))
        return;
    VG_CHECK(strlen(ack.code) == 2 && ack.id[0] && strlen(ack.id) < VG_HL7_ID_SIZE);
    VG_CHECK(vg_hl7_ack_judge(&ack, "", &err) == VG_E_UNAVAILABLE);
    VG_CHECK((vg_hl7_ack_judge(&ack, ack.id, &err) == VG_OK) == (ack.code[1] == 'A'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct vg_mllp_reader whole = { 0 }, pieces = { 0 };
    bool ok = feed(&whole, (const char *)bytes, n, n ? n : 1);

    VG_CHECK(feed(&pieces, (const char *)bytes, n, 3) == ok);
    VG_CHECK(whole.complete == pieces.complete && whole.message.len == pieces.message.len &&
             whole.message.len <= VG_MLLP_ANSWER_MAX);
    if (whole.message.len > 0) {
        VG_CHECK(memcmp(whole.message.data, pieces.message.data, whole.message.len) == 0);
        try_ack(whole.message.data, whole.message.len);
    }
    try_ack((const char *)bytes, n);
    vg_mllp_done(&whole);
    vg_mllp_done(&pieces);
    return 0;
}
