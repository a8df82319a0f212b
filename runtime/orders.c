/* orders.c - what people order, on its way to ingest and back as an answer. */
#include "runtime/orders.h"

#include <stdio.h>
#include <string.h>

/* An episode or a patient of another ward does not exist for who may not know of it. */
static bool is_of(const struct vg_strings *wards, const char *ward)
{
    for (size_t i = 0; wards && i < wards->n; i++) {
        if (strcmp(wards->value[i], ward) == 0)
            return true;
    }
    return !wards;
}

/* Which shard and patient an episode belongs to; VG_E_RANGE when it is not open. */
static vg_status find_episode(struct vg_outbox_reader *reader, struct vg_request *request,
                              struct vg_err *err)
{
    struct vg_outbox_episode episode;
    vg_status st = vg_outbox_episode(reader, request->order.episode_id, &episode, err);

    if (st == VG_E_RANGE || (st == VG_OK && !is_of(request->wards, episode.ward)))
        return vg_fail_option(err, VG_E_RANGE, vg_answer_code(VG_ANSWER_UNKNOWN_EPISODE), "%s",
                              vg_answer_message(VG_ANSWER_UNKNOWN_EPISODE));
    if (st != VG_OK)
        return st;
    if (!episode.open)
        return vg_fail_option(err, VG_E_RANGE, vg_answer_code(VG_ANSWER_ALREADY_ENDED), "%s",
                              vg_answer_message(VG_ANSWER_ALREADY_ENDED));
    request->shard = episode.shard;
    memcpy(request->patient, episode.patient, sizeof(request->patient));
    return VG_OK;
}

static bool takes_orders(const struct vg_shared *shared, uint32_t shard)
{
    return shard == VG_SHARDS_MAX ||
           (atomic_load(&shared->shard[shard].owned) && atomic_load(&shared->shard[shard].live));
}

vg_status vg_orders_ask(struct vg_shared *shared, struct vg_outbox_reader *reader,
                        const struct vg_order *order, const char *patient,
                        const struct vg_strings *wards, uint64_t *ret_ticket,
                        struct vg_answered *ret, struct vg_err *err)
{
    struct vg_request request = { .shard = VG_SHARDS_MAX, .wards = wards, .order = *order };
    bool known = false;
    vg_status st = VG_OK;

    *ret_ticket = 0;
    if (order->command_id[0])
        st = vg_outbox_answer(reader, order->command_id, ret, &known, err);
    if (st != VG_OK || known)
        return st;
    if (vg_order_says((enum vg_order_kind)order->kind) & VG_ORDER_EPISODE)
        st = find_episode(reader, &request, err);
    else
        snprintf(request.patient, sizeof(request.patient), "%s", patient);
    if (st != VG_OK)
        return st;
    if (!takes_orders(shared, request.shard) || !vg_shared_request(shared, &request))
        return vg_fail_option(err, VG_E_AGAIN, vg_answer_code(VG_ANSWER_BUSY), "%s",
                              vg_answer_message(VG_ANSWER_BUSY));
    *ret_ticket = request.ticket;
    return VG_OK;
}

bool vg_orders_answered(struct vg_shared *shared, uint64_t ticket, struct vg_answered *ret)
{
    enum vg_answer answer;

    if (!vg_shared_answered(shared, ticket, &answer))
        return false;
    vg_answered_set(ret, answer);
    return true;
}
