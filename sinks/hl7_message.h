/* hl7_message.h - an alert event as the HL7 v2 message of IHE PCD-04 (ORU^R40^ORU_R40).
 *
 * One event is one message: who sent it (MSH), about whom (PID, PV1), which alert (OBR), by which
 * system (an OBX), and seven facets of the alert (OBX) in a fixed order. The mapping, member by member,
 * is in docs/sinks/hl7.md; its sources are IHE PCD TF-2 (transaction PCD-04) and IEEE 11073-10101.
 */
#ifndef VG_SINKS_HL7_MESSAGE_H
#define VG_SINKS_HL7_MESSAGE_H

#include "core/buf.h"
#include "core/err.h"
#include "core/sink.h"

/** Whom a message is from and for. Each is an HD: NAME, or NAME^UNIVERSAL-ID^TYPE; NULL: none. */
struct vg_hl7_names {
    const char *sending_application, *sending_facility;
    const char *receiving_application, *receiving_facility;
    const char *patient_authority; /**< that gives out the patients' identifiers */
    const char *pipeline;          /**< any text */
};

/** Whether `text` is an HD that can be written as it is: a name, or name^id^type, printable. */
bool vg_hl7_hd_valid(const char *text);

/**
 * Writes the message of `event` to `out` (cleared first), segments ending in CR, in UTF-8. Its control
 * id (MSH-10) is the event_id; all of it but MSH-7, which is `sent_ns`, follows from the event and
 * `names`. VG_E_DECODE when the event's JSON cannot be read.
 */
VG_NODISCARD vg_status vg_hl7_message(const struct vg_hl7_names *names,
                                      const struct vg_delivery *event, int64_t sent_ns,
                                      struct vg_buf *out, struct vg_err *err);

#endif
