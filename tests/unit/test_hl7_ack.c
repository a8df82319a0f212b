/* test_hl7_ack.c - what an acknowledgement of a receiver means, and frames that come in pieces. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "sinks/hl7_ack.h"
#include "sinks/mllp.h"

#define HEADER "MSH|^~\\&|EMR|HOSP|VIGIL||20260301||ACK^R40^ACK|1|P|2.6\r"

enum verdict { NONE, DELIVERED, LATER, REFUSED, ANOTHER };

static const vg_status status_of[] = { [DELIVERED] = VG_OK,
                                       [LATER] = VG_E_TEMPORARY,
                                       [REFUSED] = VG_E_RANGE,
                                       [ANOTHER] = VG_E_UNAVAILABLE };

static struct row {
    char text[160];
    int verdict;
} rows[] = {
    { HEADER "MSA|AA|e1.0\r", DELIVERED },
    { HEADER "MSA|CA|e1.0\r", DELIVERED },
    { HEADER "MSA|CA|e1.0", DELIVERED },
    { HEADER "\nSFT|x\r\nMSA|CA|e1.0|stored\r\n", DELIVERED },
    { "MSH#*~\\&#EMR\nMSA#CA#e1.0\n", DELIVERED },
    { HEADER "MSA|AE|e1.0\r", LATER },
    { HEADER "MSA|CE|e1.0\r", LATER },
    { HEADER "MSA|AR|e1.0\r", REFUSED },
    { HEADER "MSA|CR|e1.0\r", REFUSED },
    { HEADER "MSA|AE|e1.0\rERR|||100^x\r", REFUSED },
    { HEADER "MSA|AE|e1.0\rERR|||103\r", REFUSED },
    { HEADER "ERR|||101\rMSA|CE|e1.0\r", REFUSED },
    { HEADER "MSA|AE|e1.0\rERR|||204\r", LATER },
    { HEADER "MSA|AR|e1.0\rERR|||204\r", REFUSED },
    { HEADER "MSA|AR|e1.0\rERR|||200\r", LATER },
    { HEADER "MSA|CR|e1.0\rERR|||203\r", LATER },
    { HEADER "MSA|AR|e1.0\rERR|||206\r", LATER },
    { HEADER "MSA|AR|e1.0\rERR|||207^x\r", LATER },
    { HEADER "MSA|AR|e1.0\rERR|||2070\r", REFUSED },
    { HEADER "MSA|CA|e1.0\rERR|||207\r", DELIVERED },
    { HEADER "MSA|CA|e1.1\r", ANOTHER },
    { HEADER "MSA|AR|e1\r", ANOTHER },
    { HEADER "MSA|CA|e1.0x\r", ANOTHER },
    { HEADER "MSA|CA|\r", NONE },
    { HEADER "MSA|CA\r", NONE },
    { HEADER "MSA|ca|e1.0\r", NONE },
    { HEADER "MSA|CAA|e1.0\r", NONE },
    { HEADER "MSA||e1.0\r", NONE },
    { HEADER "MSA|CA|e1.0\rMSA|CA|e1.0\r", NONE },
    { HEADER "XMSA|CA|e1.0\r", NONE },
    { HEADER, NONE },
    { "MSA|CA|e1.0\r", NONE },
    { "MSH|", NONE },
    { "", NONE },
};

ParameterizedTestParameters(hl7_ack, says_what_becomes_of_the_event)
{
    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct row *row, hl7_ack, says_what_becomes_of_the_event)
{
    struct vg_hl7_ack ack;
    struct vg_err err;

    cr_assert_eq(vg_hl7_ack_parse(row->text, strlen(row->text), &ack), row->verdict != NONE, "%s",
                 row->text);
    if (row->verdict != NONE)
        cr_expect_eq(vg_hl7_ack_judge(&ack, "e1.0", &err), status_of[row->verdict], "%s",
                     row->text);
}

Test(mllp, a_frame_is_the_same_in_whatever_pieces_it_comes)
{
    static const char stream[] = "\r\n\x0bone\rtwo\r\x1c\r\n\x0bthree\x1c";

    for (size_t size = 1; size < sizeof(stream); size++) {
        struct vg_mllp_reader r = { 0 };
        size_t at = 0, frames = 0;

        while (at < sizeof(stream) - 1) {
            size_t n = sizeof(stream) - 1 - at < size ? sizeof(stream) - 1 - at : size, used;

            cr_assert(vg_mllp_feed(&r, stream + at, n, &used));
            at += used;
            if (r.complete) {
                cr_assert_str_eq(r.message.data, frames++ ? "three" : "one\rtwo\r");
                vg_mllp_next(&r);
            }
        }
        cr_assert_eq(frames, 2);
        vg_mllp_done(&r);
    }
}

Test(mllp, what_is_no_frame_and_what_has_no_end_is_refused)
{
    static char flood[VG_MLLP_ANSWER_MAX + 2];
    struct vg_mllp_reader r = { 0 };
    size_t used;

    cr_expect(!vg_mllp_feed(&r, "HTTP", 4, &used));
    cr_expect(!vg_mllp_feed(&r, "\x0bMSH\x0b", 5, &used));
    vg_mllp_next(&r);
    memset(flood, 'x', sizeof(flood));
    flood[0] = 0x0b;
    cr_expect(vg_mllp_feed(&r, flood, sizeof(flood) - 1, &used));
    cr_expect(!vg_mllp_feed(&r, "x", 1, &used));
    vg_mllp_done(&r);
}
