/* intake.c - a decoded row into a frame. */
#include "runtime/intake.h"

#include <string.h>

struct times {
    int64_t event_ns, device_ns;
    uint8_t flags;
};

/* Which clock to believe. A row is never turned away for its clock. */
static struct times choose_times(const struct vg_ingest_config *c, const struct vg_decoded *row,
                                 int64_t record_ns)
{
    struct times t = { .event_ns = record_ns, .device_ns = VG_TIME_NONE };

    if (row->time == VG_DECODED_TIME_NONE) {
        t.flags = VG_ROW_NO_TIME | VG_ROW_TIME_SUSPECT;
        return t;
    }
    t.device_ns = row->time_ns;
    if (t.device_ns - record_ns > c->max_ahead_ns) {
        t.flags = VG_ROW_AHEAD | VG_ROW_TIME_SUSPECT;
        return t;
    }
    if (record_ns - t.device_ns > c->late_after_ns)
        t.flags = c->clock == VG_CLOCK_DEVICE ? VG_ROW_BEHIND | VG_ROW_LATE : VG_ROW_BEHIND;
    if (c->clock == VG_CLOCK_DEVICE)
        t.event_ns = t.device_ns;
    else
        t.flags |= t.flags & VG_ROW_BEHIND ? VG_ROW_TIME_SUSPECT : 0;
    return t;
}

uint32_t vg_intake_row(struct vg_frame *f, const struct vg_layout *l, enum vg_row_kind kind,
                       uint32_t slot, int64_t log_ns)
{
    uint32_t i = vg_frame_add_row(f, l);

    *(uint8_t *)vg_frame_at(f, l, VG_COL_KIND, i) = (uint8_t)kind;
    *(uint32_t *)vg_frame_at(f, l, VG_COL_SLOT, i) = slot;
    *(int64_t *)vg_frame_at(f, l, VG_COL_LOG, i) = log_ns;
    *(int64_t *)vg_frame_at(f, l, VG_COL_RECORD, i) = log_ns;
    *(int64_t *)vg_frame_at(f, l, VG_COL_EVENT, i) = log_ns;
    *(int64_t *)vg_frame_at(f, l, VG_COL_DEVICE, i) = VG_TIME_NONE;
    return i;
}

int64_t vg_intake_record_time(int64_t record_ns, int64_t log_ns)
{
    if (record_ns != VG_TIME_NONE && record_ns <= VG_RECORD_TIME_MAX_NS)
        return record_ns;
    return log_ns == VG_TIME_NONE ? 0 : log_ns;
}

bool vg_intake_is_news(int64_t before_ns, int64_t log_ns, bool commanded)
{
    return before_ns == VG_TIME_NONE || commanded ||
           before_ns / VG_NS_PER_S != log_ns / VG_NS_PER_S;
}

bool vg_intake_is_heard(const struct vg_site *site)
{
    for (uint32_t i = 0; i < site->rules_n; i++) {
        if (site->rules[i].source)
            return true;
    }
    return false;
}

uint8_t vg_intake_letter_flags(const char *reason)
{
    return strcmp(reason, "identity_mismatch") == 0 ? VG_ROW_DEAD_LETTER | VG_ROW_KEY_MISMATCH
                                                    : VG_ROW_DEAD_LETTER;
}

void vg_intake_notice(struct vg_frame *f, const struct vg_layout *l,
                      const struct vg_intake_place *at, uint32_t index, uint8_t flag)
{
    uint32_t i = vg_intake_row(f, l, VG_ROW_SHARD, 0, at->log_ns);

    *(uint8_t *)vg_frame_at(f, l, VG_COL_FLAGS, i) = flag;
    *(uint32_t *)vg_frame_at(f, l, VG_COL_INDEX, i) = index;
    *(int64_t *)vg_frame_at(f, l, VG_COL_OFFSET, i) = at->offset;
}

uint32_t vg_intake_again_index(const struct vg_item_command *command, uint32_t i)
{
    return UINT32_C(0x80000000) | (command->ordinal & 0x7ffff) << 12 | (i & 0xfff);
}

/* Its device's clock was right or wrong when it came; now it is only old. What is older than late_after
 * must not look as if it were the case now. */
static void make_old(const struct vg_ingest_config *c, const struct vg_intake_place *at,
                     struct times *t)
{
    t->flags &= (uint8_t) ~(VG_ROW_AHEAD | VG_ROW_BEHIND | VG_ROW_NO_TIME);
    if (at->log_ns - t->event_ns > c->late_after_ns)
        t->flags |= VG_ROW_LATE;
}

void vg_intake_sample(struct vg_frame *f, const struct vg_layout *l,
                      const struct vg_ingest_config *c, const struct vg_intake_place *at,
                      const struct vg_decoded *row)
{
    struct times t = choose_times(c, row, at->record_ns);
    uint32_t i = vg_intake_row(f, l, VG_ROW_SAMPLE, at->slot, at->log_ns);

    if (at->again)
        make_old(c, at, &t);
    *(uint8_t *)vg_frame_at(f, l, VG_COL_FLAGS, i) = t.flags | at->flags;
    *(uint32_t *)vg_frame_at(f, l, VG_COL_INDEX, i) = row->index;
    *(int64_t *)vg_frame_at(f, l, VG_COL_OFFSET, i) = at->offset;
    *(int64_t *)vg_frame_at(f, l, VG_COL_RECORD, i) = at->record_ns;
    *(int64_t *)vg_frame_at(f, l, VG_COL_EVENT, i) = t.event_ns;
    *(int64_t *)vg_frame_at(f, l, VG_COL_DEVICE, i) = t.device_ns;
    memcpy(vg_frame_at(f, l, VG_COL_VALUE, i), row->value, sizeof(row->value));
    memcpy(vg_frame_at(f, l, VG_COL_QUALITY, i), row->quality, sizeof(row->quality));
    memcpy(vg_frame_at(f, l, VG_COL_REASON, i), row->reason, sizeof(row->reason));
}
