/* stored.c - whether a command that was read from a file can be one that Vigil wrote. */
#include "runtime/stored.h"

#include <string.h>

#include "core/channel.h"
#include "core/event.h"
#include "core/notice.h"
#include "core/order.h"

/* A text that ends within its member. */
#define ENDS(member) (memchr((member), '\0', sizeof(member)) != NULL)

static bool channel_valid(int32_t channel)
{
    return channel >= VG_CHANNEL_NONE && channel < VG_CHANNELS;
}

/* A byte that a program reads as bool. */
static bool bool_valid(const uint8_t *payload, size_t at)
{
    return payload[at] <= 1;
}

static bool acknowledge_valid(const void *payload)
{
    struct vg_acknowledge said;

    memcpy(&said, payload, sizeof(said));
    return ENDS(said.by) && ENDS(said.note);
}

static bool order_valid(const void *payload)
{
    struct vg_order o;
    uint32_t says;

    memcpy(&o, payload, sizeof(o));
    if (o.kind >= VG_ORDER_KIND_COUNT || !channel_valid(o.channel))
        return false;
    says = vg_order_says((enum vg_order_kind)o.kind);
    if ((says & VG_ORDER_CHANNEL && o.channel == VG_CHANNEL_NONE) ||
        (says & VG_ORDER_VALUE && o.channel < VG_MEASURED))
        return false;
    return ENDS(o.command_id) && ENDS(o.rule) && ENDS(o.by) && ENDS(o.note);
}

static bool open_episode_valid(const void *payload)
{
    struct vg_open_episode e;

    if (!bool_valid(payload, offsetof(struct vg_open_episode, has_due)) ||
        !bool_valid(payload, offsetof(struct vg_open_episode, ordered)))
        return false;
    memcpy(&e, payload, sizeof(e));
    return e.kind < VG_ALERT_KIND_COUNT && e.priority < VG_PRIORITY_COUNT &&
           channel_valid(e.channel) && ENDS(e.rule) && ENDS(e.title);
}

static bool notice_valid(const void *payload)
{
    struct vg_noticed said;

    memcpy(&said, payload, sizeof(said));
    return ENDS(said.alert) && ENDS(said.text);
}

bool vg_stored_command_valid(const struct vg_item_command *command, const void *payload, size_t len)
{
    if (!ENDS(command->patient) || len > UINT32_MAX || (len > 0 && !payload))
        return false;
    switch (command->kind) {
    case VG_COMMAND_CLOCK:
        return len == 0;
    case VG_COMMAND_ACKNOWLEDGE:
        return len == sizeof(struct vg_acknowledge) && acknowledge_valid(payload);
    case VG_COMMAND_CONFIG:
        return len == 0 || (len == sizeof(struct vg_open_episode) && open_episode_valid(payload));
    case VG_COMMAND_ORDER:
        return len == sizeof(struct vg_order) && order_valid(payload);
    case VG_COMMAND_NOTICE:
        return len == sizeof(struct vg_noticed) && notice_valid(payload);
    case VG_COMMAND_RETRY:
        return len >= sizeof(struct vg_retried);
    default:
        return false;
    }
}
