/* commit_frame.c - what is in a frame, put into the transaction. */
#include "runtime/commit_frame.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/log.h"

static vg_status put_event(struct vg_commit *c, const struct vg_frame *f,
                           const struct vg_item_event *item, struct vg_err *err)
{
    struct vg_commit_shard *s = &c->shard[f->shard];
    enum vg_put put;
    uint64_t seq;
    vg_status st;

    if (s->building > 0)
        return VG_OK;
    st = vg_outbox_put_event(c->outbox, f->shard, ++s->n, item, (const char *)(item + 1),
                             vg_wall_ns(), &put, &seq, err);
    if (st != VG_OK)
        return st;
    if (put == VG_PUT_NEW) {
        c->news = true;
        vg_commit_tally_event(&c->tally, item);
    } else if (put == VG_PUT_DIFFERENT) {
        c->mismatches++;
        vg_log(VG_LOG_ERROR, "commit",
               "shard %u: event %llu is not what the outbox holds; the stored one stays", f->shard,
               (unsigned long long)s->n);
    }
    return VG_OK;
}

/* From the change of configuration on, events count; it is recorded where the numbers go on. */
static vg_status pass_config(struct vg_commit *c, const struct vg_frame *f,
                             const struct vg_item_command *command, struct vg_err *err)
{
    struct vg_commit_shard *s = &c->shard[f->shard];
    struct vg_config_switch change = { .shard = f->shard,
                                       .ordinal = command->ordinal,
                                       .next_offset = command->next_offset,
                                       .n = s->n };

    if (s->building > 0)
        s->building--;
    if (s->building > 0)
        return VG_OK;
    snprintf(change.config, sizeof(change.config), "%s", c->shared->identity.config);
    return vg_outbox_put_config_switch(c->outbox, &change, err);
}

/* Whoever asks again, under the same name, is answered the same. */
static vg_status put_answer(struct vg_commit *c, const struct vg_item_command *command,
                            struct vg_err *err)
{
    const struct vg_order *order = (const void *)(command + 1);
    struct vg_answered answered;

    if (order->command_id[0] == '\0')
        return VG_OK;
    vg_answered_set(&answered, (enum vg_answer)command->answer);
    return vg_outbox_put_answer(c->outbox, order->command_id, &answered, err);
}

static vg_status put_retried(struct vg_commit *c, const struct vg_frame *f,
                             const struct vg_item_command *command, struct vg_err *err)
{
    const struct vg_retried *again = (const void *)(command + 1);

    return vg_outbox_put_letter_retried(c->outbox, f->shard, again->offset, again->index,
                                        again->attempts, err);
}

static vg_status put_command(struct vg_commit *c, const struct vg_frame *f,
                             const struct vg_item_command *command, struct vg_err *err)
{
    vg_status st = VG_OK;

    if (vg_command_begins_config(command))
        st = pass_config(c, f, command, err);
    if (st == VG_OK)
        st = vg_outbox_put_command(c->outbox, f->shard, command, command + 1, command->size, err);
    if (st == VG_OK && command->kind == VG_COMMAND_ORDER)
        st = put_answer(c, command, err);
    if (st == VG_OK && command->kind == VG_COMMAND_RETRY)
        st = put_retried(c, f, command, err);
    if (command->ticket != 0 && c->tickets < VG_COMMIT_FRAMES) {
        c->ticket[c->tickets] = command->ticket;
        c->answer[c->tickets++] = (enum vg_answer)command->answer;
    }
    return st;
}

static vg_status put_dead_letter(struct vg_commit *c, const struct vg_frame *f,
                                 const struct vg_item *item, struct vg_err *err)
{
    const struct vg_item_dead_letter *letter = (const void *)(item + 1);
    bool is_new = false;
    vg_status st =
        vg_outbox_put_dead_letter(c->outbox, f->shard, letter, letter + 1,
                                  item->size - sizeof(*letter), vg_wall_ns(), &is_new, err);

    if (st == VG_OK && is_new)
        vg_commit_tally_letter(&c->tally, letter);
    return st;
}

void vg_commit_position(const struct vg_commit *c, const struct vg_frame *f,
                        struct vg_position *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->shard = f->shard;
    ret->ordinal = f->ordinal;
    ret->next_offset = f->next_offset;
    ret->n = c->shard[f->shard].n;
    ret->log_ns = f->log_ns;
    ret->wall_ns = f->wall_ns;
    snprintf(ret->config, sizeof(ret->config), "%s", c->shared->identity.config);
}

static vg_status put_position(struct vg_commit *c, const struct vg_frame *f, struct vg_err *err)
{
    struct vg_position position;

    if (c->shard[f->shard].building > 0)
        return VG_OK;
    vg_commit_position(c, f, &position);
    return vg_outbox_put_position(c->outbox, &position, err);
}

/* The first barrier of a shard says where its log began for this outbox. */
static vg_status put_barrier(struct vg_commit *c, struct vg_frame *f, struct vg_err *err)
{
    struct vg_commit_shard *s = &c->shard[f->shard];
    struct vg_config_switch start = {
        .shard = f->shard, .ordinal = f->ordinal, .next_offset = f->next_offset, .n = s->n
    };
    vg_status st = VG_OK;

    /* What follows in the same transaction moves the numbers on; the snapshot wants these. */
    f->events = s->n;
    f->building = s->building;
    if (!s->known) {
        snprintf(start.config, sizeof(start.config), "%s", c->shared->identity.config);
        st = vg_outbox_put_config_switch(c->outbox, &start, err);
        s->known = true;
    }
    return st == VG_OK ? put_position(c, f, err) : st;
}

static vg_status put_rows(struct vg_commit *c, struct vg_frame *f, struct vg_err *err)
{
    struct vg_commit_shard *s = &c->shard[f->shard];
    bool any = false;
    vg_status st = VG_OK;

    /* Behind the region every event is new. Should the region have given fewer than are stored, the
     * new ones must not be taken for those. */
    if (f->live && s->n < s->stored)
        s->n = s->stored;
    for (struct vg_item *item = NULL;
         st == VG_OK && (item = vg_frame_next_item(f, c->layout, item)) != NULL;) {
        switch ((enum vg_item_kind)item->kind) {
        case VG_ITEM_EVENT:
            st = put_event(c, f, vg_item_body(item), err);
            any = true;
            break;
        case VG_ITEM_COMMAND:
            st = put_command(c, f, vg_item_body(item), err);
            any = true;
            break;
        case VG_ITEM_DEAD_LETTER:
            st = put_dead_letter(c, f, item, err);
            any = true;
            break;
        case VG_ITEM_PATIENT:
        case VG_ITEM_SLAB:
            break;
        }
    }
    return st == VG_OK && any ? put_position(c, f, err) : st;
}

vg_status vg_commit_put_frame(struct vg_commit *c, struct vg_frame *f, struct vg_err *err)
{
    switch ((enum vg_frame_kind)f->kind) {
    case VG_FRAME_ROWS:
        return put_rows(c, f, err);
    case VG_FRAME_BARRIER:
        return put_barrier(c, f, err);
    case VG_FRAME_RESTORE:
        c->shard[f->shard] = (struct vg_commit_shard){ .known = f->next_offset >= 0,
                                                       .building = f->building,
                                                       .n = f->events,
                                                       .stored = f->stored };
        return VG_OK;
    case VG_FRAME_CHANGE:
        c->site = &vg_change_config(c->change)->site;
        return VG_OK;
    case VG_FRAME_DROP:
    case VG_FRAME_END:
        return VG_OK;
    }
    return VG_OK;
}

bool vg_commit_needs_disk(struct vg_commit *c, struct vg_frame *f)
{
    struct vg_item *item = NULL;

    if (f->kind == VG_FRAME_BARRIER)
        return true;
    if (f->kind != VG_FRAME_ROWS)
        return false;
    while ((item = vg_frame_next_item(f, c->layout, item)) != NULL) {
        if (item->kind != VG_ITEM_PATIENT)
            return true;
    }
    return false;
}
