/* fuzz_zap.c - any bytes as the frames of a ZAP request and as a key file: understood, or refused.
 *
 * A request's frames stand one after the other, each behind a byte that says how long it is.
 */
#include <stdlib.h>
#include <string.h>

#include "sinks/zeromq_zap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static size_t split(const uint8_t *bytes, size_t n, struct vg_zap_frame frame[VG_ZAP_FRAMES_MAX])
{
    size_t frames = 0;

    while (n > 0 && frames < VG_ZAP_FRAMES_MAX) {
        size_t size = bytes[0] < n - 1 ? bytes[0] : n - 1;

        frame[frames++] = (struct vg_zap_frame){ bytes + 1, size };
        bytes += 1 + size;
        n -= 1 + size;
    }
    return frames;
}

static void try_request(const uint8_t *bytes, size_t n)
{
    struct vg_zap_frame frame[VG_ZAP_FRAMES_MAX] = { { NULL, 0 } };
    struct vg_zap_request r;
    size_t frames = split(bytes, n, frame);

    if (!vg_zap_parse(frame, frames, &r))
        return;
    VG_CHECK(frames >= 6 && strlen(r.domain) == frame[2].size &&
             strlen(r.address) == frame[3].size && r.id_len == frame[1].size);
    VG_CHECK(!r.has_key || memcmp(r.key, frame[6].data, VG_KEY_BYTES) == 0);
}

static void try_key_file(const uint8_t *bytes, size_t n)
{
    struct vg_key_file k;
    struct vg_err err;

    if (vg_key_file_parse((const char *)bytes, n, &k, &err) != VG_OK) {
        VG_CHECK(err.msg[0] && k.name[0] == '\0' && k.secret_text[0] == '\0');
        return;
    }
    VG_CHECK(vg_client_name_valid(k.name, strlen(k.name)) && strlen(k.public_text) == 40);
    for (uint32_t i = 0; i < k.wards; i++)
        VG_CHECK(vg_client_name_valid(k.ward[i], strlen(k.ward[i])));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    try_request(bytes, n);
    try_key_file(bytes, n);
    return 0;
}
