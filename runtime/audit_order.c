/* audit_order.c - what people ordered, as the audit log keeps it. */
#include "runtime/audit_order.h"

#include <stdio.h>

#include "core/event.h"
#include "core/order.h"

enum { NUMBER_SIZE = 24, PLACE_SIZE = 72, VALUES_SIZE = 96 };

/* "low 88, high 100, for 3600 s": what a limit or a note says, and how long an order holds. */
static void print_values(const struct vg_order *o, char out[VALUES_SIZE])
{
    struct vg_buf b = VG_BUF_INIT;

    vg_buf_str(&b, o->clear ? "cleared" : "");
    if (o->low_set) {
        vg_buf_str(&b, "low ");
        vg_buf_float(&b, o->low);
    }
    if (o->high_set) {
        vg_buf_str(&b, b.len ? ", high " : "high ");
        vg_buf_float(&b, o->high);
    }
    if (o->for_ns > 0)
        vg_buf_printf(&b, "%sfor %lld s", b.len ? ", " : "", (long long)(o->for_ns / VG_NS_PER_S));
    snprintf(out, VALUES_SIZE, "%s", b.data);
    vg_buf_done(&b);
}

static void note_order(struct vg_audit *a, uint32_t shard, const struct vg_item_command *command)
{
    const struct vg_order *o = (const void *)(command + 1);
    bool of_episode = vg_order_says((enum vg_order_kind)o->kind) & VG_ORDER_EPISODE;
    char episode[64] = "", place[PLACE_SIZE], values[VALUES_SIZE];
    const char *code = vg_answer_code((enum vg_answer)command->answer);

    if (of_episode)
        vg_episode_text(o->episode_id, episode);
    snprintf(place, sizeof(place), "%u/%lld/%u", shard, (long long)command->next_offset,
             command->ordinal);
    print_values(o, values);
    vg_audit_note(a, "order", "order", vg_order_name((enum vg_order_kind)o->kind), "command_id",
                  o->command_id, "by", o->by, "episode_id", episode, "rule", o->rule, "channel",
                  o->channel >= 0 && o->channel < VG_CHANNELS ? vg_channels[o->channel].name : "",
                  "says", values, "answer", code[0] ? code : "ok", "place", place, NULL);
}

bool vg_audit_orders(struct vg_audit *a, struct vg_frame *f, const struct vg_layout *layout)
{
    struct vg_item *item = NULL;
    bool any = false;

    if (!a || f->kind != VG_FRAME_ROWS)
        return false;
    while ((item = vg_frame_next_item(f, layout, item)) != NULL) {
        const struct vg_item_command *command = vg_item_body(item);

        if (item->kind != VG_ITEM_COMMAND || command->kind != VG_COMMAND_ORDER ||
            command->ticket == 0)
            continue;
        note_order(a, f->shard, command);
        any = true;
    }
    return any;
}
