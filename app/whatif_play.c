/* whatif_play.c - a recording through two chains at once, and the episodes that each tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/record_play.h"
#include "app/whatif.h"

struct taking {
    struct vg_whatif *w;
    struct vg_whatif_side *side;
};

/* ---- episodes by id ---- */

static uint32_t hash(const uint8_t id[16])
{
    uint32_t h;

    memcpy(&h, id, sizeof(h)); /* ids are hashes */
    return h;
}

/* Where the episode's number (plus one) stands or would stand. */
static uint32_t *slot_of(const struct vg_whatif_side *s, const uint8_t id[16])
{
    uint32_t i = hash(id) % s->slots;

    while (s->slot[i] && memcmp(s->episode[s->slot[i] - 1].id, id, 16) != 0)
        i = (i + 1) % s->slots;
    return &s->slot[i];
}

static void grow(struct vg_whatif_side *s)
{
    s->room = s->room ? 2 * s->room : 256;
    s->episode = reallocarray(s->episode, s->room, sizeof(*s->episode));
    free(s->slot);
    s->slots = 4 * s->room;
    s->slot = calloc(s->slots, sizeof(*s->slot));
    VG_CHECK(s->episode != NULL && s->slot != NULL);
    for (uint32_t i = 0; i < s->episodes; i++)
        *slot_of(s, s->episode[i].id) = i + 1;
}

static void copy(const json_t *json, const char *member, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(json, member));

    snprintf(ret, size, "%s", text ? text : "");
}

static void begin_episode(struct vg_whatif_side *s, const struct vg_item_event *head,
                          const char *text, size_t len)
{
    json_t *json = json_loadb(text, len, 0, NULL);
    struct vg_whatif_episode *e;
    char channel[VG_NAME_SIZE];

    VG_CHECK(json != NULL);
    if (s->episodes == s->room)
        grow(s);
    e = &s->episode[s->episodes];
    *e = (struct vg_whatif_episode){ .priority = head->priority,
                                     .kind = head->kind,
                                     .open = true,
                                     .start_ns = head->time_ns,
                                     .pair = VG_WHATIF_ALONE };
    memcpy(e->id, head->episode_id, sizeof(e->id));
    copy(json, "rule", e->rule, sizeof(e->rule));
    copy(json, "patient", e->patient, sizeof(e->patient));
    copy(json, "bed", e->bed, sizeof(e->bed));
    copy(json, "channel", channel, sizeof(channel));
    e->channel = vg_channel_find(channel);
    json_decref(json);
    *slot_of(s, e->id) = ++s->episodes;
}

/* ---- what the chains say ---- */

static void take_event(void *ctx, uint32_t patient, const struct vg_item_event *head,
                       const char *json, size_t len)
{
    struct taking *t = ctx;
    struct vg_whatif_side *s = t->side;
    uint32_t known;

    (void)patient;
    if (head->phase == VG_PHASE_START) {
        begin_episode(s, head, json, len);
        return;
    }
    known = s->slots ? *slot_of(s, head->episode_id) : 0;
    if (head->phase != VG_PHASE_END || !known)
        return;
    s->episode[known - 1].end_ns = head->time_ns;
    s->episode[known - 1].open = false;
}

static void note_patient(struct vg_whatif_side *s, uint32_t patient, int64_t log_ns)
{
    while (patient >= s->patients) {
        uint32_t more = s->patients ? 2 * s->patients : 64;

        s->span = reallocarray(s->span, more, sizeof(*s->span));
        VG_CHECK(s->span != NULL);
        for (uint32_t i = s->patients; i < more; i++)
            s->span[i] = (struct vg_whatif_span){ VG_TIME_NONE, VG_TIME_NONE };
        s->patients = more;
    }
    if (s->span[patient].first_ns == VG_TIME_NONE)
        s->span[patient].first_ns = log_ns;
    s->span[patient].last_ns = log_ns;
}

static void take_row(void *ctx, uint32_t patient, const struct vg_row *row)
{
    struct taking *t = ctx;

    if (t->w->first_ns == VG_TIME_NONE || row->log_ns < t->w->first_ns)
        t->w->first_ns = row->log_ns;
    if (row->log_ns > t->w->last_ns)
        t->w->last_ns = row->log_ns;
    if (row->kind != VG_ROW_SAMPLE || patient == UINT32_MAX)
        return;
    t->side->rows++;
    note_patient(t->side, patient, row->log_ns);
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (row->quality[c] != VG_Q_ABSENT)
            t->side->channels_seen |= UINT32_C(1) << c;
    }
}

/* ---- the whole ---- */

static void conclude(struct vg_whatif *w)
{
    const struct vg_whatif_side *a = &w->side[VG_WHATIF_A];

    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        struct vg_whatif_side *s = &w->side[k];

        for (uint32_t i = 0; i < s->episodes; i++) {
            if (s->episode[i].open)
                s->episode[i].end_ns = w->last_ns;
        }
    }
    for (uint32_t i = 0; i < a->patients; i++) {
        if (a->span[i].first_ns != VG_TIME_NONE)
            w->patient_days += (double)(a->span[i].last_ns - a->span[i].first_ns) / 1e9 / 86400;
    }
}

static vg_status open_chains(struct vg_whatif *w, struct taking taking[VG_WHATIF_SIDES],
                             struct vg_offline *chain[VG_WHATIF_SIDES], struct vg_err *err)
{
    vg_status st = VG_OK;

    for (int k = 0; k < VG_WHATIF_SIDES && st == VG_OK; k++) {
        const struct vg_offline_sink sink = { .ctx = &taking[k],
                                              .row = take_row,
                                              .event = take_event };

        taking[k] = (struct taking){ w, &w->side[k] };
        st = vg_offline_new(w->side[k].config, &sink, &chain[k], err);
    }
    return st;
}

static vg_status play(struct vg_whatif *w, struct vg_record_reader *reader, int progress_mode,
                      struct vg_err *err)
{
    struct vg_offline *chain[VG_WHATIF_SIDES] = { NULL };
    struct taking taking[VG_WHATIF_SIDES];
    struct vg_progress progress;
    vg_status st = open_chains(w, taking, chain, err);

    if (st == VG_OK) {
        vg_progress_begin(&progress, progress_mode, "whatif", "bytes",
                          vg_record_reader_size(reader));
        st = vg_record_play(reader, chain, VG_WHATIF_SIDES, &progress, err);
        vg_progress_end(&progress, vg_record_reader_at(reader));
    }
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        if (chain[k])
            w->side[k].dead_letters = vg_offline_dead_letters(chain[k]);
        vg_offline_free(chain[k]);
    }
    return st;
}

vg_status vg_whatif_play(struct vg_whatif *w, const char *record,
                         const struct vg_config *const config[VG_WHATIF_SIDES], int progress_mode,
                         struct vg_err *err)
{
    struct vg_record_reader *reader = NULL;
    vg_status st;

    w->record = record;
    w->first_ns = w->last_ns = VG_TIME_NONE;
    for (int k = 0; k < VG_WHATIF_SIDES; k++)
        w->side[k].config = config[k];
    st = vg_record_reader_open(record, &reader, err);
    if (st != VG_OK)
        return st;
    w->head = *vg_record_reader_head(reader);
    st = play(w, reader, progress_mode, err);
    w->counts = vg_record_reader_counts(reader);
    vg_record_reader_close(reader);
    for (int k = 0; k < VG_WHATIF_SIDES && st == VG_OK; k++) {
        if (w->side[k].rows == 0)
            st = vg_fail(err, VG_E_FAILED,
                         "not a row of %s can be read with %s; is its decoder that of the topic?",
                         record, w->side[k].config->path);
    }
    if (st == VG_OK)
        conclude(w);
    return st;
}

void vg_whatif_done(struct vg_whatif *w)
{
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        free(w->side[k].episode);
        free(w->side[k].slot);
        free(w->side[k].span);
    }
    free(w->rules.tally);
    free(w->beds.tally);
    free(w->hours.tally);
}
