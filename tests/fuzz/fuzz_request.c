/* fuzz_request.c - any bytes as a request of ALERT/1: understood, or refused with a code and a reason.
 */
#include <string.h>

#include "sinks/zeromq_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct vg_request r;
    struct vg_err err;

    if (!vg_request_parse((const char *)bytes, n, &r)) {
        VG_CHECK(r.code[0] && r.message[0] && r.id[0]);
        return 0;
    }
    if (r.kind == VG_REQUEST_COMMAND)
        VG_CHECK(vg_order_check(&r.order, &err) == VG_OK && r.order.command_id[0]);
    return 0;
}
