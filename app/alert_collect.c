/* alert_collect.c - events of a chain as episodes. */
#include "app/alert_collect.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const struct vg_rule *vg_alert_rule(const struct vg_config *config, uint32_t rule)
{
    return rule < config->site.rules_n ? &config->site.rules[rule] : NULL;
}

const char *vg_alert_rule_name(const struct vg_config *config, uint32_t rule)
{
    const struct vg_rule *own = vg_alert_rule(config, rule);
    uint32_t condition = rule - config->site.rules_n;

    if (own)
        return own->name;
    return condition < VG_CONDITION_COUNT ? vg_condition_name((enum vg_condition)condition) : NULL;
}

static uint32_t find_rule(const struct vg_config *config, const char *name)
{
    uint32_t i = 0;

    while (vg_alert_rule_name(config, i) && strcmp(vg_alert_rule_name(config, i), name) != 0)
        i++;
    VG_CHECK(vg_alert_rule_name(config, i));
    return i;
}

static struct vg_alert_open *find_open(struct vg_alert_collector *c,
                                       const struct vg_item_event *event)
{
    for (size_t i = 0; i < c->open_n; i++) {
        if (memcmp(c->open[i].id, event->episode_id, sizeof(event->episode_id)) == 0)
            return &c->open[i];
    }
    return NULL;
}

static void begin(struct vg_alert_collector *c, const struct vg_config *config,
                  const struct vg_item_event *event, const json_t *json)
{
    const char *channel = json_string_value(json_object_get(json, "channel"));

    c->list.seen = reallocarray(c->list.seen, c->list.n + 1, sizeof(*c->list.seen));
    c->open = reallocarray(c->open, c->open_n + 1, sizeof(*c->open));
    VG_CHECK(c->list.seen && c->open);
    memcpy(c->open[c->open_n].id, event->episode_id, sizeof(event->episode_id));
    c->open[c->open_n++].place = c->list.n;
    c->list.seen[c->list.n++] = (struct vg_alert_seen){
        .rule = find_rule(config, json_string_value(json_object_get(json, "rule"))),
        .kind = event->kind,
        .priority = event->priority,
        .channel = channel ? vg_channel_find(channel) : VG_CHANNEL_NONE,
        .start_ns = event->time_ns,
        .end_ns = VG_TIME_NONE,
        .urgent_ns = event->time_ns,
    };
}

static void go_on(struct vg_alert_collector *c, struct vg_alert_open *open,
                  const struct vg_item_event *event)
{
    struct vg_alert_seen *seen = &c->list.seen[open->place];

    if (event->priority < seen->priority) { /* HIGH is the first */
        seen->priority = event->priority;
        seen->urgent_ns = event->time_ns;
    }
    if (event->phase != VG_PHASE_END)
        return;
    seen->end_ns = event->time_ns;
    *open = c->open[--c->open_n];
}

void vg_alert_collect(struct vg_alert_collector *c, const struct vg_config *config,
                      const struct vg_item_event *event, const char *json, size_t len)
{
    struct vg_alert_open *open = find_open(c, event);
    json_t *root;

    if (open) {
        go_on(c, open, event);
        return;
    }
    root = json_loadb(json, len, 0, NULL);
    VG_CHECK(root);
    /* What was held back at first may be told later: from then on it counts. */
    if (event->phase != VG_PHASE_END && !json_object_get(root, "suppressed_by"))
        begin(c, config, event, root);
    json_decref(root);
}

void vg_alert_collect_done(struct vg_alert_collector *c)
{
    free(c->open);
    c->open = NULL;
    c->open_n = 0;
}

void vg_alert_list_end(struct vg_alert_list *list, int64_t until_ns)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->seen[i].end_ns == VG_TIME_NONE)
            list->seen[i].end_ns = until_ns;
    }
}
