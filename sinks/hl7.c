/* hl7.c - sends every event to an HL7 v2 receiver by MLLP, as an alert of IHE PCD-04.
 *
 * Each message is acknowledged before the next one goes out: an event counts as delivered when the
 * receiver says that it has it. The event_id is the message's control id, so that a receiver can drop
 * what it knows.
 */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/sink.h"
#include "sinks/hl7_ack.h"
#include "sinks/hl7_message.h"
#include "sinks/mllp.h"
#include "sinks/stream.h"

struct hl7 {
    struct vg_stream_options to;
    char *sending_application, *sending_facility; /* options */
    char *receiving_application, *receiving_facility;
    char *patient_authority;

    struct vg_hl7_names names;
    int64_t timeout_ns;
    struct vg_stream *stream;
    struct vg_buf message, frame;
    struct vg_mllp_reader answer;
};

static const struct vg_option options[] = {
    VG_STREAM_OPTIONS(struct hl7, to, "Where the receiver listens for MLLP: HOST:PORT."),
    VG_OPT_STRING(struct hl7, patient_authority, "patient_authority", NULL, VG_OPT_REQUIRED,
                  "Who gives out the identifiers that rows name patients by (PID-3.4): NAME, or "
                  "NAME^ID^TYPE."),
    VG_OPT_STRING(struct hl7, sending_application, "sending_application", "VIGIL", 0,
                  "MSH-3, and what makes ids of alerts unique: NAME, or NAME^ID^TYPE as in "
                  "\"VIGIL^0011223344556677^EUI-64\"."),
    VG_OPT_STRING(struct hl7, sending_facility, "sending_facility", NULL, 0, "MSH-4."),
    VG_OPT_STRING(struct hl7, receiving_application, "receiving_application", NULL, 0, "MSH-5."),
    VG_OPT_STRING(struct hl7, receiving_facility, "receiving_facility", NULL, 0, "MSH-6."),
    VG_OPT_END,
};

static vg_status hl7_check(void *self, struct vg_err *err)
{
    const struct hl7 *h = self;
    const char *const names[][2] = {
        { "patient_authority", h->patient_authority },
        { "sending_application", h->sending_application },
        { "sending_facility", h->sending_facility },
        { "receiving_application", h->receiving_application },
        { "receiving_facility", h->receiving_facility },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++) {
        if (names[i][1] && !vg_hl7_hd_valid(names[i][1]))
            return vg_fail_option(err, VG_E_CONFIG, names[i][0],
                                  "\"%s\" cannot stand there; expected NAME or NAME^ID^TYPE, "
                                  "without any of | ~ \\ &",
                                  names[i][1]);
    }
    return vg_stream_check(&h->to, err);
}

/* ---- delivering ---- */

/* An answer that cannot be understood, or is for another message, leaves a connection on which the
 * next answer could be taken for the wrong message. */
static vg_status judge(struct hl7 *h, const struct vg_delivery *event, struct vg_err *err)
{
    char id[VG_EVENT_ID_TEXT_SIZE];
    struct vg_hl7_ack ack;
    vg_status st;

    vg_event_id_text(event->episode_id, event->number, id);
    if (h->answer.message.len > 0 &&
        vg_hl7_ack_parse(h->answer.message.data, h->answer.message.len, &ack))
        st = vg_hl7_ack_judge(&ack, id, err);
    else
        st = vg_fail(err, VG_E_UNAVAILABLE, "what the receiver answers is no acknowledgement");
    if (st == VG_E_UNAVAILABLE)
        vg_stream_drop(h->stream);
    return st;
}

static vg_status send_event(struct hl7 *h, const struct vg_delivery *event, struct vg_err *err)
{
    int64_t deadline_ns = vg_mono_ns() + h->timeout_ns;
    vg_status st = vg_hl7_message(&h->names, event, vg_wall_ns(), &h->message, err);

    if (st == VG_OK)
        st = vg_mllp_exchange(h->stream, &h->message, &h->frame, &h->answer, deadline_ns, err);
    return st == VG_OK ? judge(h, event, err) : st;
}

static vg_status hl7_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                             struct vg_err *err)
{
    struct hl7 *h = self;
    vg_status st = VG_OK;

    *done = 0;
    while (*done < n && st == VG_OK) {
        st = send_event(h, &events[*done], err);
        *done += st == VG_OK;
    }
    return st;
}

static vg_status hl7_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct hl7 *h = self;

    h->names = (struct vg_hl7_names){
        .sending_application = h->sending_application,
        .sending_facility = h->sending_facility,
        .receiving_application = h->receiving_application,
        .receiving_facility = h->receiving_facility,
        .patient_authority = h->patient_authority,
        .pipeline = env->pipeline,
    };
    h->timeout_ns = env->timeout_ns;
    return vg_stream_open(&h->to, &h->stream, err);
}

static vg_status hl7_reload(void *self, struct vg_err *err)
{
    struct hl7 *h = self;

    return vg_stream_reload(h->stream, err);
}

static void hl7_close(void *self)
{
    struct hl7 *h = self;

    vg_stream_close(h->stream);
    h->stream = NULL;
    vg_buf_done(&h->message);
    vg_buf_done(&h->frame);
    vg_mllp_done(&h->answer);
}

const struct vg_sink_ops vg_sink_hl7 = {
    .name = "hl7",
    .summary = "Sends every event to an HL7 v2 receiver by MLLP, as an alert of IHE PCD-04.",
    .options = options,
    .self_size = sizeof(struct hl7),
    .check = hl7_check,
    .open = hl7_open,
    .deliver = hl7_deliver,
    .reload = hl7_reload,
    .close = hl7_close,
};
