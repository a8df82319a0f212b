/* hl7_message.c - an alert event as the HL7 v2 message of IHE PCD-04 (ORU^R40^ORU_R40).
 *
 * A code stands here only where it is known for sure: a receiver that acts on a wrong code is worse off
 * than one that reads a text. So limits that are passed have events of IEEE 11073, and everything else
 * is the general "alarm" with the rule's name.
 */
#include "sinks/hl7_message.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/channel.h"
#include "core/text.h"

#define DEVICE "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC"
#define ALARM  "196616^MDC_EVT_ALARM^MDC"

/* Every facet hangs on the one metric of the one device: MDS.VMD.CHANNEL.METRIC.FACET. */
enum {
    FACET_EVENT = 1,
    FACET_SOURCE,
    FACET_PHASE,
    FACET_STATE,
    FACET_SIGNAL,
    FACET_PRIORITY,
    FACET_TYPE
};

struct message {
    const struct vg_hl7_names *names;
    const struct vg_delivery *delivery;
    const json_t *event;
    const char *id;    /* event_id */
    const char *first; /* event_id of the first of the episode */
    int channel;       /* or VG_CHANNEL_NONE */
    struct vg_buf *out;
};

/* ---- text ---- */

bool vg_hl7_hd_valid(const char *text)
{
    int components = 1;

    if (!*text || *text == '^')
        return false;
    for (; *text; text++) {
        components += *text == '^';
        if ((unsigned char)*text < ' ' || *text == 0x7f || strchr("|~\\&", *text))
            return false;
    }
    return components == 1 || components == 3;
}

enum { TIME_SIZE = 24 };

/* Where all digits and letters of a UTC time are, "20260301120010.000+0000". */
static void write_time(int64_t ns, char out[TIME_SIZE])
{
    char text[VG_TIME_TEXT_SIZE];

    vg_format_time(ns, text);
    snprintf(out, TIME_SIZE, "%.4s%.2s%.2s%.2s%.2s%.2s%.4s+0000", text, text + 5, text + 8,
             text + 11, text + 14, text + 17, text + 19);
}

/* What would be read as a delimiter is escaped; so is what would end a segment or a frame. */
static void add_text(struct vg_buf *out, const char *text)
{
    static const char delimiters[] = "|^&~\\", letters[] = "FSTRE";

    for (; text && *text; text++) {
        const char *found = strchr(delimiters, *text);

        if (found)
            vg_buf_printf(out, "\\%c\\", letters[found - delimiters]);
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            vg_buf_printf(out, "\\X%02X\\", (unsigned)(unsigned char)*text);
        else
            vg_buf_char(out, *text);
    }
}

/* An HD one level down, where components are parted by '&'. */
static void add_inner_hd(struct vg_buf *out, const char *hd)
{
    for (; *hd; hd++)
        vg_buf_add(out, *hd == '^' ? "&" : hd, 1);
}

static void add_hd(struct vg_buf *out, const char *hd)
{
    vg_buf_char(out, '|');
    vg_buf_str(out, hd ? hd : "");
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static void add_member_time(struct vg_buf *out, const char *time)
{
    char text[TIME_SIZE];
    int64_t ns;

    if (!vg_parse_time(time, strlen(time), &ns))
        return;
    write_time(ns, text);
    vg_buf_str(out, text);
}

/* ---- the segments before the facets ---- */

static void add_msh(const struct message *m, int64_t sent_ns)
{
    char sent[TIME_SIZE];

    write_time(sent_ns, sent);
    vg_buf_str(m->out, "MSH|^~\\&");
    add_hd(m->out, m->names->sending_application);
    add_hd(m->out, m->names->sending_facility);
    add_hd(m->out, m->names->receiving_application);
    add_hd(m->out, m->names->receiving_facility);
    /* AL, NE: always acknowledge that it is stored, never what was done with it. */
    vg_buf_printf(m->out,
                  "|%s||ORU^R40^ORU_R40|%s|P|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_ACM_001^IHE "
                  "PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO\r",
                  sent, m->id);
}

/* The name is not known here, and no other place says so. */
static void add_patient(const struct message *m)
{
    const char *patient = member(m->event, "patient"), *bed = member(m->event, "bed");
    char ward[VG_WARD_SIZE];
    size_t skip = 0;

    if (!*patient)
        return;
    vg_buf_str(m->out, "PID|||");
    add_text(m->out, patient);
    vg_buf_str(m->out, "^^^");
    add_inner_hd(m->out, m->names->patient_authority);
    vg_buf_str(m->out, "^PI||^^^^^^U\r");
    if (!*bed)
        return;
    vg_ward_of_bed(bed, ward);
    vg_buf_str(m->out, "PV1||I|");
    if (strncmp(bed, ward, strlen(ward)) == 0 && bed[strlen(ward)] == '/') {
        add_text(m->out, ward);
        skip = strlen(ward) + 1;
    }
    vg_buf_str(m->out, "^^");
    add_text(m->out, bed + skip);
    vg_buf_char(m->out, '\r');
}

/* OBR-29 is an EIP, whose second component names the filler's: the first message of the episode. */
static void add_obr(const struct message *m)
{
    char time[TIME_SIZE];

    write_time(m->delivery->time_ns, time);
    vg_buf_printf(m->out, "OBR|1||%s^%s|" ALARM "|||%s", m->id, m->names->sending_application,
                  time);
    if (m->delivery->number > 0) {
        vg_buf_printf(m->out, "||||||||||||||||||||||^%s&", m->first);
        add_inner_hd(m->out, m->names->sending_application);
    }
    vg_buf_char(m->out, '\r');
}

/* What a person has said, and who it was. */
static void add_note(const struct message *m)
{
    const char *note = member(m->event, "note"), *by = member(m->event, "acknowledged_by");

    if (!*by)
        by = member(m->event, "by");
    if (!*note && !*by)
        return;
    vg_buf_str(m->out, "NTE|1||");
    add_text(m->out, note);
    vg_buf_str(m->out, "||");
    add_text(m->out, by);
    vg_buf_char(m->out, '\r');
}

static void add_device(const struct message *m)
{
    vg_buf_str(m->out, "OBX|1||" DEVICE "|1.0.0.0|||||||X|||||||");
    add_text(m->out, m->names->pipeline);
    vg_buf_printf(m->out, "^%s\r", m->names->sending_application);
}

/* ---- facets ---- */

static const char *phase_text(int phase)
{
    /* IHE has no phase for it: the alert goes on, and its inactivation state is another. */
    return phase == VG_PHASE_ACKNOWLEDGE ? "update" : vg_phase_name(phase);
}

static const char *state_text(const char *state)
{
    /* An alert goes on while its data are lost. */
    return strcmp(state, "data-lost") == 0 ? "active" : state;
}

static const char *signal_text(const char *signal)
{
    return strcmp(signal, "acknowledged") == 0 ? "alert-acknowledged" : signal;
}

static const char *priority_text(int priority)
{
    static const char *const names[VG_PRIORITY_COUNT] = {
        [VG_PRIORITY_HIGH] = "PH",
        [VG_PRIORITY_MEDIUM] = "PM",
        [VG_PRIORITY_LOW] = "PL",
        [VG_PRIORITY_NONE] = "PN",
    };

    return names[priority];
}

/* What nobody has to respond to is no alarm, whatever it is about. */
static const char *type_text(const struct vg_delivery *d)
{
    static const char *const names[VG_ALERT_KIND_COUNT] = {
        [VG_ALERT_PHYSIOLOGICAL] = "SP",
        [VG_ALERT_TECHNICAL] = "ST",
        [VG_ALERT_ADVISORY] = "SA",
    };

    return d->priority == VG_PRIORITY_NONE ? "SA" : names[d->kind];
}

/* An event of 11073 for a limit that a value has passed; NULL for all else. */
static const char *limit_event(const struct message *m)
{
    const json_t *limit = json_object_get(m->event, "limit");

    if (m->delivery->kind != VG_ALERT_PHYSIOLOGICAL || !limit)
        return NULL;
    return json_object_get(limit, "high") ? "196648^MDC_EVT_HI^MDC" : "196670^MDC_EVT_LO^MDC";
}

/* OBX-3 and OBX-5 say what happened; OBX-8 repeats what many receivers sort by. */
static void add_event_facet(const struct message *m)
{
    const char *event = limit_event(m);
    const char *abnormal = "A";
    char time[TIME_SIZE];

    if (event)
        abnormal = strstr(event, "_HI^") ? "H" : "L";
    vg_buf_printf(m->out, "OBX|2|%s|%s|1.1.1.1.%d|", event ? "ST" : "CWE", event ? event : ALARM,
                  FACET_EVENT);
    if (!event) {
        add_text(m->out, member(m->event, "rule"));
        vg_buf_char(m->out, '^');
        add_text(m->out, member(m->event, "title"));
        vg_buf_str(m->out, "^99VGL^^^^^^");
    }
    add_text(m->out, member(m->event, "text"));
    write_time(m->delivery->time_ns, time);
    vg_buf_printf(m->out, "|||%s~%s~%s|||R|||%s\r", abnormal, priority_text(m->delivery->priority),
                  type_text(m->delivery), time);
}

static void add_channel(const struct message *m)
{
    const struct vg_channel *c = &vg_channels[m->channel];

    if (c->mdc_code > 0)
        vg_buf_printf(m->out, "%u^%s^MDC", (unsigned)c->mdc_code, c->mdc);
    else if (c->loinc[0])
        vg_buf_printf(m->out, "%s^%s^LN", c->loinc, c->title);
    else
        vg_buf_printf(m->out, "%s^%s^99VGL", c->name, c->title);
}

static void add_unit(const struct message *m)
{
    static const struct {
        const char *ucum, *mdc;
    } units[] = {
        { "/min", "264864^MDC_DIM_BEAT_PER_MIN" },
        { "%", "262688^MDC_DIM_PERCENT" },
        { "mm[Hg]", "266016^MDC_DIM_MMHG" },
        { "Cel", "268192^MDC_DIM_DEGC" },
    };
    const char *ucum = vg_channels[m->channel].ucum, *mdc = NULL;

    for (size_t i = 0; i < VG_ARRAY_LEN(units); i++) {
        if (strcmp(units[i].ucum, ucum) == 0)
            mdc = units[i].mdc;
    }
    if (m->channel == VG_CHANNEL_rr)
        mdc = "264928^MDC_DIM_RESP_PER_MIN";
    if (mdc)
        vg_buf_printf(m->out, "%s^MDC^", mdc);
    vg_buf_printf(m->out, "%s^%s^UCUM", ucum, ucum);
}

static void add_value(const struct message *m, const json_t *value)
{
    float x = (float)json_number_value(value);

    if (vg_channel_words(m->channel) > 0)
        add_text(m->out, vg_channel_word_text(m->channel, x));
    else
        vg_buf_float(m->out, x);
}

/* The limit that was passed: nothing is known of the other one. */
static void add_limit(const struct message *m)
{
    const json_t *limit = json_object_get(m->event, "limit");
    const json_t *low = json_object_get(limit, "low"), *high = json_object_get(limit, "high");

    if (!low && !high)
        return;
    vg_buf_char(m->out, low ? '>' : '<');
    add_value(m, low ? low : high);
}

/* OBX-8 and OBX-11, as PCD-01 tells the validity of a value. */
static const char *validity(const json_t *value, const char *quality)
{
    if (strcmp(quality, vg_quality_name(VG_Q_INVALID)) == 0)
        return "INV|||X";
    if (!value)
        return "NAV|||X";
    return strcmp(quality, vg_quality_name(VG_Q_GOOD)) == 0 ? "|||R" : "QUES|||R";
}

static void add_measurement(const struct message *m, const json_t *observed)
{
    const json_t *value = json_object_get(observed, "value");

    vg_buf_printf(m->out, "OBX|3|%s|", vg_channel_words(m->channel) > 0 ? "ST" : "NM");
    add_channel(m);
    vg_buf_printf(m->out, "|1.1.1.1.%d|", FACET_SOURCE);
    if (value)
        add_value(m, value);
    vg_buf_char(m->out, '|');
    add_unit(m);
    vg_buf_char(m->out, '|');
    add_limit(m);
    vg_buf_printf(m->out, "|%s|||", validity(value, member(observed, "quality")));
    add_member_time(m->out, member(observed, "time"));
    vg_buf_char(m->out, '\r');
}

static void add_source_facet(const struct message *m)
{
    const json_t *observed = json_object_get(m->event, "observed");

    if (observed && m->channel != VG_CHANNEL_NONE) {
        add_measurement(m, observed);
        return;
    }
    vg_buf_printf(m->out, "OBX|3|CWE|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.1.1.1.%d|", FACET_SOURCE);
    if (m->channel != VG_CHANNEL_NONE)
        add_channel(m);
    else
        vg_buf_str(m->out, DEVICE);
    vg_buf_str(m->out, "||||||R\r");
}

static void add_facet(const struct message *m, int facet, const char *code, const char *text)
{
    vg_buf_printf(m->out, "OBX|%d|ST|%s^MDC|1.1.1.1.%d|%s||||||R\r", facet + 1, code, facet, text);
}

static void add_facets(const struct message *m)
{
    const struct vg_delivery *d = m->delivery;
    const char *signal = member(json_object_get(m->event, "signal"), "is");

    add_event_facet(m);
    add_source_facet(m);
    add_facet(m, FACET_PHASE, "68481^MDC_ATTR_EVENT_PHASE", phase_text(d->phase));
    add_facet(m, FACET_STATE, "68482^MDC_ATTR_ALARM_STATE", state_text(member(m->event, "state")));
    add_facet(m, FACET_SIGNAL, "68483^MDC_ATTR_ALARM_INACTIVATION_STATE", signal_text(signal));
    add_facet(m, FACET_PRIORITY, "68484^MDC_ATTR_ALARM_PRIORITY", priority_text(d->priority));
    add_facet(m, FACET_TYPE, "68485^MDC_ATTR_ALERT_TYPE", type_text(d));
}

vg_status vg_hl7_message(const struct vg_hl7_names *names, const struct vg_delivery *delivery,
                         int64_t sent_ns, struct vg_buf *out, struct vg_err *err)
{
    char id[VG_EVENT_ID_TEXT_SIZE], first[VG_EVENT_ID_TEXT_SIZE];
    json_t *event = json_loadb(delivery->json, delivery->len, 0, NULL);
    const struct message m = {
        .names = names,
        .delivery = delivery,
        .event = event,
        .id = id,
        .first = first,
        .channel = vg_channel_find(member(event, "channel")),
        .out = out,
    };

    vg_buf_clear(out);
    if (!event)
        return vg_fail(err, VG_E_DECODE, "the event is no JSON");
    vg_event_id_text(delivery->episode_id, delivery->number, id);
    vg_event_id_text(delivery->episode_id, 0, first);
    add_msh(&m, sent_ns);
    add_patient(&m);
    add_obr(&m);
    add_note(&m);
    add_device(&m);
    add_facets(&m);
    json_decref(event);
    return VG_OK;
}
