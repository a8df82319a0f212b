/* conformance_outbox.c - an outbox of invented events in memory. */
#include <stdlib.h>
#include <string.h>

#include "app/conformance.h"

const char *const vg_conformance_wards[VG_CONFORMANCE_WARDS] = { "icu-a", "icu-b" };

static void random_bytes(struct vg_random *r, uint8_t out[16])
{
    uint64_t bits[2] = { vg_random_bits(r), vg_random_bits(r) };

    memcpy(out, bits, sizeof(bits));
}

void vg_conformance_outbox_init(struct vg_conformance_outbox *o, uint64_t seed)
{
    *o = (struct vg_conformance_outbox){ .random = vg_random_stream(seed, 0) };
    random_bytes(&o->random, o->uuid);
}

static void free_events(struct vg_conformance_event *event, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(event[i].json);
    free(event);
}

void vg_conformance_outbox_done(struct vg_conformance_outbox *o)
{
    free_events(o->event, o->n);
    free_events(o->old, o->old_n);
    *o = (struct vg_conformance_outbox){ 0 };
}

static struct vg_conformance_event *append(struct vg_conformance_outbox *o, uint32_t ward)
{
    struct vg_conformance_event *e;

    if (o->n == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 64;
        o->event = realloc(o->event, o->cap * sizeof(o->event[0]));
        VG_CHECK(o->event);
    }
    e = &o->event[o->n++];
    *e = (struct vg_conformance_event){ .seq = o->n, .prev_seq = o->last[ward], .ward = ward };
    o->last[ward] = e->seq;
    return e;
}

static void write_json(struct vg_conformance_event *e, const char *phase, const char *by)
{
    char id[VG_EVENT_ID_TEXT_SIZE], episode[VG_EPISODE_TEXT_SIZE];
    const char *ward = vg_conformance_wards[e->ward];
    struct vg_buf b = VG_BUF_INIT;

    vg_event_id_text(e->episode, e->number, id);
    vg_episode_text(e->episode, episode);
    vg_buf_printf(&b,
                  "{\"event_id\":\"%s\",\"episode_id\":\"%s\",\"phase\":\"%s\","
                  "\"kind\":\"physiological\",\"priority\":\"high\",\"state\":\"%s\","
                  "\"signal\":{\"is\":\"%s\"},\"rule\":\"spo2_low\",\"title\":\"SpO2 below limit\","
                  "\"text\":\"invented: \\\"SpO2\\\" \xc2\xb7 86 %%\",\"patient\":\"p-invented\","
                  "\"bed\":\"%s/07\",\"ward\":\"%s\",\"time\":\"2026-03-01T12:00:10.000Z\","
                  "\"onset\":\"2026-03-01T12:00:00.000Z\",\"channel\":\"spo2\"",
                  id, episode, phase, strcmp(phase, "end") == 0 ? "inactive" : "active",
                  by ? "acknowledged" : "enabled", ward, ward);
    if (by) {
        vg_buf_str(&b, ",\"acknowledged_by\":");
        vg_buf_json_str(&b, by);
    }
    vg_buf_str(&b, ",\"config\":\"sha256:0\"}");
    e->json = b.data;
    e->len = b.len;
}

struct vg_conformance_event *vg_conformance_add(struct vg_conformance_outbox *o)
{
    uint32_t ward = (uint32_t)(vg_random_bits(&o->random) % VG_CONFORMANCE_WARDS);
    const struct vg_conformance_event *open = vg_conformance_open(o, ward);
    uint64_t before = open ? open->seq : 0;
    struct vg_conformance_event *e = append(o, ward);

    if (before) {
        const struct vg_conformance_event *begun = &o->event[before - 1];

        memcpy(e->episode, begun->episode, sizeof(e->episode));
        e->number = begun->number + 1;
    } else {
        random_bytes(&o->random, e->episode);
        e->begins = true;
    }
    write_json(e, e->begins ? "start" : "end", NULL);
    return e;
}

struct vg_conformance_event *vg_conformance_acknowledge(struct vg_conformance_outbox *o,
                                                        const uint8_t episode[16], const char *by)
{
    for (uint32_t ward = 0; ward < VG_CONFORMANCE_WARDS; ward++) {
        const struct vg_conformance_event *open = vg_conformance_open(o, ward);
        struct vg_conformance_event *e;
        uint64_t before;

        if (!open || memcmp(open->episode, episode, sizeof(open->episode)) != 0)
            continue;
        before = open->seq;
        e = append(o, ward);
        memcpy(e->episode, episode, sizeof(e->episode));
        e->number = o->event[before - 1].number + 1;
        e->begins = true; /* it goes on */
        write_json(e, "acknowledge", by);
        return e;
    }
    return NULL;
}

void vg_conformance_renew(struct vg_conformance_outbox *o)
{
    free_events(o->old, o->old_n);
    o->old = o->event;
    o->old_n = o->n;
    o->event = NULL;
    o->n = o->cap = 0;
    o->forgotten = 0;
    memset(o->last, 0, sizeof(o->last));
    random_bytes(&o->random, o->uuid);
}

struct vg_conformance_event *vg_conformance_again(struct vg_conformance_outbox *o, size_t i)
{
    const struct vg_conformance_event *from = &o->old[i];
    struct vg_conformance_event *e = append(o, from->ward);

    e->again = true;
    e->begins = from->begins;
    memcpy(e->episode, from->episode, sizeof(e->episode));
    e->number = from->number;
    e->json = strndup(from->json, from->len);
    e->len = from->len;
    VG_CHECK(e->json);
    return e;
}

struct vg_conformance_event *vg_conformance_open(struct vg_conformance_outbox *o, uint32_t ward)
{
    struct vg_conformance_event *e = o->last[ward] ? &o->event[o->last[ward] - 1] : NULL;

    return e && e->begins ? e : NULL;
}

const struct vg_conformance_event *vg_conformance_untold(const struct vg_conformance_outbox *o,
                                                         uint32_t ward, uint64_t up_to)
{
    for (size_t i = 0; i < o->n && o->event[i].seq <= up_to; i++) {
        const struct vg_conformance_event *e = &o->event[i];

        if (!e->told && (ward == VG_CONFORMANCE_WARDS || e->ward == ward))
            return e;
    }
    return NULL;
}
