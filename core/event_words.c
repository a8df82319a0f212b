/* event_words.c - the words of alert events: names of phases, kinds and states, ids as text, and the
 * two members of canonical JSON that others look for. */
#include "core/event.h"

#include <stdio.h>
#include <string.h>

static const char *const phase_names[] = {
#define NAME(id, name) name,
    VG_PHASES(NAME)
};

static const char *const kind_names[] = { VG_ALERT_KINDS(NAME) };

static const char *const state_names[] = { VG_ALERT_STATES(NAME) };

static const char *const signal_names[] = { VG_SIGNALS(NAME) };

const char *const vg_priority_names[] = {
    VG_PRIORITIES(NAME)
#undef NAME
        NULL,
};

const char *vg_phase_name(int phase)
{
    VG_CHECK(phase >= 0 && phase < VG_PHASE_COUNT);
    return phase_names[phase];
}

const char *vg_alert_kind_name(int kind)
{
    VG_CHECK(kind >= 0 && kind < VG_ALERT_KIND_COUNT);
    return kind_names[kind];
}

const char *vg_priority_name(int priority)
{
    VG_CHECK(priority >= 0 && priority < VG_PRIORITY_COUNT);
    return vg_priority_names[priority];
}

const char *vg_alert_state_name(int state)
{
    VG_CHECK(state >= 0 && state < VG_ALERT_STATE_COUNT);
    return state_names[state];
}

const char *vg_signal_name(int signal)
{
    VG_CHECK(signal >= 0 && signal < VG_SIGNAL_COUNT);
    return signal_names[signal];
}

void vg_episode_text(const uint8_t id[16], char out[VG_EPISODE_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = hex[id[i] >> 4];
        out[2 * i + 1] = hex[id[i] & 15];
    }
    out[32] = '\0';
}

/* Canonical ids have small letters only; another spelling is another text. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void vg_event_id_text(const uint8_t episode_id[16], uint32_t number,
                      char out[VG_EVENT_ID_TEXT_SIZE])
{
    vg_episode_text(episode_id, out);
    snprintf(out + VG_EPISODE_TEXT_SIZE - 1, VG_EVENT_ID_TEXT_SIZE - VG_EPISODE_TEXT_SIZE + 1,
             ".%u", number);
}

bool vg_episode_parse(const char *text, uint8_t id[16])
{
    uint8_t bytes[16];

    if (strlen(text) != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(id, bytes, sizeof(bytes));
    return true;
}

/* In canonical JSON a quote inside of a text has a backslash before it, so only the member matches. */
static void read_text(const char *json, size_t len, const char *member, char *ret, size_t size)
{
    const char *at = memmem(json, len, member, strlen(member)), *end = json + len;
    size_t n = 0;

    /* A damaged outbox may end anywhere. */
    for (at = at ? at + strlen(member) : end; at < end && *at != '"' && n + 1 < size; at++) {
        at += *at == '\\' && at + 1 < end; /* only quote and backslash have one here */
        ret[n++] = *at;
    }
    ret[n] = '\0';
}

void vg_event_rule(const char *json, size_t len, char ret[VG_NAME_SIZE])
{
    read_text(json, len, ",\"rule\":\"", ret, VG_NAME_SIZE);
}

void vg_event_patient(const char *json, size_t len, char ret[VG_PATIENT_SIZE])
{
    read_text(json, len, ",\"patient\":\"", ret, VG_PATIENT_SIZE);
}
