/* hl7_ack.h - what a receiver answers to an HL7 v2 message: the segments MSA and ERR.
 *
 * Nothing in it is trusted: any bytes are read, or refused. No text of it is kept, since a receiver may
 * quote the patient.
 */
#ifndef VG_SINKS_HL7_ACK_H
#define VG_SINKS_HL7_ACK_H

#include "core/err.h"

enum { VG_HL7_ID_SIZE = 64 };

struct vg_hl7_ack {
    char code[3];            /**< MSA-1: AA AE AR CA CE CR */
    char id[VG_HL7_ID_SIZE]; /**< MSA-2: the control id of the message it answers */
    int error;               /**< ERR-3, a code of HL7 table 0357 (100 to 299); 0: none was given */
};

/** Reads an acknowledgement; false when it is none. Segments may end in CR, LF or both. */
VG_NODISCARD bool vg_hl7_ack_parse(const char *bytes, size_t n, struct vg_hl7_ack *ret);

/**
 * What it means for message `id`. VG_OK: the receiver has it. VG_E_RANGE: the receiver refuses this
 * message for ever. VG_E_TEMPORARY: not now. VG_E_UNAVAILABLE: it answers another message, so that
 * nothing more can be read from this connection.
 */
VG_NODISCARD vg_status vg_hl7_ack_judge(const struct vg_hl7_ack *ack, const char *id,
                                        struct vg_err *err);

#endif
