/* apply_event.c - the events that a stage emits, with their ids and their canonical bytes. */
#include <stdio.h>
#include <string.h>

#include "runtime/apply_private.h"
#include "runtime/hash.h"

void vg_apply_episode_id(struct vg_out *out, const struct vg_origin *origin, const char *rule,
                         int channel, uint8_t id[16])
{
    struct vg_apply_out *o = vg_apply_self(out);
    const struct vg_identity *who = o->apply->identity;

    vg_episode_id(who->pipeline, who->cluster, who->topic, o->shard, origin, rule, channel,
                  out->patient->id, id);
}

static const char *model_sha256(const struct vg_config *config, const char *name)
{
    for (uint32_t i = 0; name && i < config->models_n; i++) {
        if (strcmp(config->models[i]->name, name) == 0)
            return config->models[i]->sha256;
    }
    return NULL;
}

void vg_apply_event(struct vg_out *out, const struct vg_event *said)
{
    struct vg_apply_out *o = vg_apply_self(out);
    struct vg_apply *a = o->apply;
    const struct vg_patient *who = out->patient;
    struct vg_event event = *said;
    struct vg_event_context context = {
        .topic = a->identity->topic,
        .partition = o->shard,
        .config = a->identity->config,
        .model_sha256 = model_sha256(a->config, said->model),
    };
    struct vg_item_event head = { .number = said->number,
                                  .phase = said->phase,
                                  .kind = said->kind,
                                  .priority = said->priority,
                                  .time_ns = said->time_ns };

    event.patient = who->id[0] ? who->id : NULL;
    event.bed = who->bed[0] ? who->bed : NULL;
    event.ward = said->in_ward ? said->in_ward : who->ward;
    vg_apply_episode_id(out, &said->origin, said->rule, said->channel, context.episode_id);
    vg_buf_clear(&a->json);
    vg_event_write(&event, &context, &a->json);

    memcpy(head.episode_id, context.episode_id, sizeof(head.episode_id));
    snprintf(head.ward, sizeof(head.ward), "%s", event.ward);
    memcpy(head.patient, who->id, sizeof(head.patient));
    head.json_len = (uint32_t)a->json.len;
    vg_buf_add(&a->events, &head, sizeof(head));
    vg_buf_add(&a->events, a->json.data, a->json.len);
}

/* Events wait beside the frame while a stage runs, because adding an item may move the frame under
 * the row that the stage is looking at. */
void vg_apply_append_events(struct vg_apply *a, struct vg_frame **f)
{
    const char *at = a->events.data, *end = at + a->events.len;

    while (at < end) {
        struct vg_item_event head;
        size_t size;

        memcpy(&head, at, sizeof(head));
        size = sizeof(head) + head.json_len;
        memcpy(vg_frame_add_item(f, a->layout, VG_ITEM_EVENT, size), at, size);
        at += size;
    }
    vg_buf_clear(&a->events);
}
