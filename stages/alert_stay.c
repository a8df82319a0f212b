/* alert_stay.c - the patient's stay: there, on standby or discharged, and what was set for it.
 *
 * What expires at T is over for the first row or timer at T or later, before that looks at anything
 * else.
 */
#include "stages/alert_stay.h"

#include <string.h>

#include "stages/alert_episode.h"
#include "stages/alert_life.h"
#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"

/* ---- limits of this patient ---- */

const struct vg_stay_limit *vg_stay_limit(const struct vg_stay *stay, int channel)
{
    for (int i = 0; i < VG_STAY_LIMITS; i++) {
        const struct vg_stay_limit *own = &stay->limit[i];

        if (own->until_ns != 0 && own->channel == channel)
            return own;
    }
    return NULL;
}

static bool limit_now(struct vg_look *l, const struct vg_watch *w, float *ret)
{
    return vg_look_movable(w) && vg_episode_open(vg_watch_episode(l, w)) &&
           vg_look_bound(l, w, &w->rule->bound, ret);
}

/* The limits of all watches are remembered; then, when something has changed, each open alert whose
 * limit is another one is told of. */
static void note_limits(struct vg_look *l)
{
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        struct vg_limit_before *before = &l->alert->before[i];

        before->value = 0;
        before->present = limit_now(l, &l->alert->watch[i], &before->value);
    }
}

static void tell_limits(struct vg_look *l, const struct vg_order *order)
{
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];
        const struct vg_limit_before *before = &l->alert->before[i];
        struct vg_buf *words = vg_look_words(l);
        float now;

        /* Where there is none any more, the next value ends the alert. */
        if (!limit_now(l, w, &now) || (before->present && before->value == now))
            continue;
        vg_buf_printf(words, "%s limit is now ", vg_channels[w->channel].title);
        vg_text_value(words, w->channel, now);
        vg_watch_tell(l, w,
                      &(struct vg_saying){ .phase = VG_PHASE_UPDATE,
                                           .reason = "limit",
                                           .words = words->data,
                                           .order = order });
    }
}

/* ---- mutes ---- */

/* The place of the first watch of the rule stands for all of them. */
static uint32_t first_place(const struct vg_alert *a, const struct vg_rule *rule)
{
    uint32_t i = 0;

    while (i < a->watches && a->watch[i].rule != rule)
        i++;
    return i;
}

int64_t vg_stay_muted_ns(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_stay *stay = &l->memory->stay;

    for (int i = 0; i < VG_STAY_MUTES; i++) {
        const struct vg_stay_mute *mute = &stay->mute[i];

        if (mute->until_ns != 0 && l->alert->watch[mute->place].rule == w->rule)
            return mute->until_ns;
    }
    return 0;
}

static void unmute(struct vg_look *l, struct vg_stay_mute *mute, const struct vg_order *order)
{
    const struct vg_rule *rule = l->alert->watch[mute->place].rule;

    memset(mute, 0, sizeof(*mute));
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        if (l->alert->watch[i].rule == rule)
            vg_signal_unmute(l, &l->alert->watch[i], order);
    }
}

/* ---- what expires ---- */

static void sooner(int64_t *expire_ns, int64_t at_ns)
{
    if (at_ns != 0 && (*expire_ns == 0 || at_ns < *expire_ns))
        *expire_ns = at_ns;
}

void vg_stay_find_next(struct vg_look *l)
{
    struct vg_stay *stay = &l->memory->stay;

    stay->expire_ns = 0;
    stay->limits = 0;
    if (stay->standing == VG_STANDING_STANDBY)
        sooner(&stay->expire_ns, stay->standby_until_ns);
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (stay->probes_off >> c & 1)
            sooner(&stay->expire_ns, stay->off_until_ns[c]);
    }
    for (int i = 0; i < VG_STAY_LIMITS; i++) {
        sooner(&stay->expire_ns, stay->limit[i].until_ns);
        if (stay->limit[i].until_ns != 0)
            stay->limits = 1;
    }
    for (int i = 0; i < VG_STAY_MUTES; i++)
        sooner(&stay->expire_ns, stay->mute[i].until_ns);
    for (int c = VG_MEASURED; c < VG_CHANNELS; c++) {
        if (vg_look_noted(l, c))
            sooner(&stay->expire_ns, vg_look_noted(l, c)->until_ns);
    }
}

static void expire_limits(struct vg_look *l)
{
    struct vg_stay *stay = &l->memory->stay;

    note_limits(l);
    for (int i = 0; i < VG_STAY_LIMITS; i++) {
        struct vg_stay_limit *own = &stay->limit[i];

        if (own->until_ns != 0 && l->out->log_ns >= own->until_ns)
            memset(own, 0, sizeof(*own));
    }
    tell_limits(l, NULL);
}

void vg_stay_expire(struct vg_look *l)
{
    struct vg_stay *stay = &l->memory->stay;
    int64_t now_ns = l->out->log_ns;

    if (stay->expire_ns == 0 || now_ns < stay->expire_ns)
        return;
    if (stay->standing == VG_STANDING_STANDBY && now_ns >= stay->standby_until_ns)
        stay->standing = VG_STANDING_ADMITTED;
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (now_ns >= stay->off_until_ns[c])
            stay->probes_off &= ~(UINT32_C(1) << c);
    }
    expire_limits(l);
    for (int i = 0; i < VG_STAY_MUTES; i++) {
        if (stay->mute[i].until_ns != 0 && now_ns >= stay->mute[i].until_ns)
            unmute(l, &stay->mute[i], NULL);
    }
    vg_note_expire(l);
    vg_stay_find_next(l);
}

int64_t vg_stay_due(const struct vg_look *l, int64_t after_ns)
{
    int64_t due_ns = l->memory->stay.expire_ns;

    return due_ns > after_ns ? due_ns : VG_TIME_NONE;
}

/* ---- rows ---- */

static bool any_usable(const struct vg_row *row)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (vg_usable(row->quality[c]))
            return true;
    }
    return false;
}

/* A value that is valid: somebody is connected, whatever was said. */
static void come_back(struct vg_look *l)
{
    struct vg_stay *stay = &l->memory->stay;

    l->readmitted = stay->standing == VG_STANDING_DISCHARGED;
    if (stay->standing == VG_STANDING_STANDBY)
        stay->standby_until_ns = l->out->log_ns;
    stay->standing = VG_STANDING_ADMITTED;
    for (int c = 0; stay->probes_off != 0 && c < VG_CHANNELS; c++) {
        if (stay->probes_off >> c & 1 && vg_usable(l->row->quality[c])) {
            stay->probes_off &= ~(UINT32_C(1) << c);
            stay->off_until_ns[c] = 0;
        }
    }
}

static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

static void tell_move(struct vg_look *l, const struct vg_watch *w, const char *reason,
                      const char *ward)
{
    struct vg_buf *words = vg_look_words(l);

    vg_buf_printf(words, "Goes on in bed %s", l->out->patient->bed);
    vg_watch_tell(
        l, w,
        &(struct vg_saying){
            .phase = VG_PHASE_UPDATE, .reason = reason, .words = words->data, .ward = ward });
}

/* The alerts of a patient go along to another bed; the limits there hold from this row on. Who
 * watches the ward that is left has to know, too. */
static void move(struct vg_look *l)
{
    const struct vg_stay *stay = &l->memory->stay;
    bool leaves = strcmp(stay->ward, l->out->patient->ward) != 0;

    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];
        float limit;

        if (!vg_episode_open(vg_watch_episode(l, w)))
            continue;
        if (leaves)
            tell_move(l, w, "left_ward", stay->ward);
        /* Where the bed has no such limit, the next value ends the alert. Told all the same in a ward
         * that knows nothing of it. */
        if (leaves || !vg_look_movable(w) || limit_now(l, w, &limit))
            tell_move(l, w, "bed", leaves ? l->out->patient->ward : NULL);
    }
}

static void note_bed(struct vg_look *l)
{
    struct vg_stay *stay = &l->memory->stay;
    uint64_t bed = hash(l->out->patient->bed);

    if (bed == stay->bed)
        return;
    if (stay->bed != 0)
        move(l);
    stay->bed = bed;
    memcpy(stay->ward, l->out->patient->ward, sizeof(stay->ward));
}

bool vg_stay_row(struct vg_look *l)
{
    const struct vg_row *row = l->row;

    if (row->kind == VG_ROW_SHARD)
        return true;
    if (row->kind == VG_ROW_SAMPLE && !(row->flags & VG_ROW_LATE) && any_usable(row))
        come_back(l);
    if (l->memory->stay.standing == VG_STANDING_DISCHARGED)
        return false;
    note_bed(l);
    return true;
}

bool vg_stay_quiet(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_stay *stay = &l->memory->stay;

    if (w->rule->kind != VG_ALERT_TECHNICAL)
        return false;
    return stay->standing != VG_STANDING_ADMITTED ||
           (w->channel != VG_CHANNEL_NONE && stay->probes_off >> w->channel & 1);
}

int64_t vg_stay_told_from_ns(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_stay *stay = &l->memory->stay;
    int64_t from_ns = stay->standby_until_ns;

    if (w->channel != VG_CHANNEL_NONE && stay->off_until_ns[w->channel] > from_ns)
        from_ns = stay->off_until_ns[w->channel];
    return from_ns;
}

/* ---- orders ---- */

/* Technical alerts about what somebody has just explained. */
static void end_quiet(struct vg_look *l, const char *reason, const char *words,
                      const struct vg_order *order)
{
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];

        if (!vg_stay_quiet(l, w))
            continue;
        if (vg_episode_open(vg_watch_episode(l, w)))
            vg_watch_end(l, w, reason, words, order);
        vg_watch_forget(l, w);
    }
}

enum vg_answer vg_stay_standby(struct vg_look *l, const struct vg_order *order)
{
    struct vg_stay *stay = &l->memory->stay;

    if (stay->standing == VG_STANDING_DISCHARGED)
        return VG_ANSWER_DISCHARGED;
    stay->standing = VG_STANDING_STANDBY;
    stay->standby_until_ns = order->given_ns + order->for_ns;
    vg_stay_find_next(l);
    end_quiet(l, "standby", "The patient is on standby", order);
    return VG_ANSWER_OK;
}

enum vg_answer vg_stay_probe_off(struct vg_look *l, const struct vg_order *order)
{
    struct vg_stay *stay = &l->memory->stay;

    if (stay->standing == VG_STANDING_DISCHARGED)
        return VG_ANSWER_DISCHARGED;
    stay->probes_off |= UINT32_C(1) << order->channel;
    stay->off_until_ns[order->channel] = order->given_ns + order->for_ns;
    vg_stay_find_next(l);
    end_quiet(l, "probe_off", "The probe was taken off", order);
    return VG_ANSWER_OK;
}

enum vg_answer vg_stay_admit(struct vg_look *l)
{
    struct vg_stay *stay = &l->memory->stay;

    if (stay->standing == VG_STANDING_STANDBY)
        stay->standby_until_ns = l->out->log_ns;
    stay->standing = VG_STANDING_ADMITTED;
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (stay->probes_off >> c & 1)
            stay->off_until_ns[c] = l->out->log_ns;
    }
    stay->probes_off = 0;
    vg_stay_find_next(l);
    return VG_ANSWER_OK;
}

enum vg_answer vg_stay_discharge(struct vg_look *l, const struct vg_order *order)
{
    const struct vg_stay stay = l->memory->stay;

    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];

        if (vg_episode_open(vg_watch_episode(l, w)))
            vg_watch_end(l, w, "discharged", "The patient was discharged", order);
    }
    memset(l->memory, 0, l->alert->memory_size);
    l->memory->stay.bed = stay.bed;
    memcpy(l->memory->stay.ward, stay.ward, sizeof(stay.ward));
    l->memory->stay.standing = VG_STANDING_DISCHARGED;
    return VG_ANSWER_OK;
}

/* The entry of the channel, or a free one; NULL when all are taken. */
static struct vg_stay_limit *limit_entry(struct vg_stay *stay, int channel)
{
    struct vg_stay_limit *found = NULL;

    for (int i = VG_STAY_LIMITS - 1; i >= 0; i--) {
        struct vg_stay_limit *own = &stay->limit[i];

        if (own->until_ns != 0 && own->channel == channel)
            return own;
        if (own->until_ns == 0)
            found = own;
    }
    return found;
}

enum vg_answer vg_stay_set_limit(struct vg_look *l, const struct vg_order *order)
{
    struct vg_stay *stay = &l->memory->stay;
    struct vg_stay_limit *own = limit_entry(stay, order->channel);
    enum vg_answer answer = VG_ANSWER_OK;

    if (stay->standing == VG_STANDING_DISCHARGED)
        return VG_ANSWER_DISCHARGED;
    if (!order->clear)
        answer = vg_refused_judge(l, order);
    if (answer == VG_ANSWER_OK && !own && !order->clear)
        answer = VG_ANSWER_LIMITS_FULL;
    if (answer != VG_ANSWER_OK)
        return answer;
    vg_refused_over(l, order);
    if (!own)
        return VG_ANSWER_OK;
    note_limits(l);
    memset(own, 0, sizeof(*own));
    if (!order->clear)
        *own = (struct vg_stay_limit){ .until_ns = order->given_ns + order->for_ns,
                                       .low = order->low,
                                       .high = order->high,
                                       .channel = (uint8_t)order->channel,
                                       .low_set = order->low_set,
                                       .high_set = order->high_set };
    vg_stay_find_next(l);
    tell_limits(l, order);
    return VG_ANSWER_OK;
}

/* The mute of that rule, or a free entry; NULL when all are taken. */
static struct vg_stay_mute *mute_entry(const struct vg_look *l, struct vg_stay *stay,
                                       const struct vg_rule *rule)
{
    struct vg_stay_mute *found = NULL;

    for (int i = VG_STAY_MUTES - 1; i >= 0; i--) {
        struct vg_stay_mute *mute = &stay->mute[i];

        if (mute->until_ns != 0 && l->alert->watch[mute->place].rule == rule)
            return mute;
        if (mute->until_ns == 0)
            found = mute;
    }
    return found;
}

static const struct vg_rule *watched_rule(const struct vg_alert *a, const char *name)
{
    /* The parts of a combination have its name, and are nobody's rule. */
    for (uint32_t i = 0; i < a->watches; i++) {
        if (!a->watch[i].quiet && strcmp(a->watch[i].rule->name, name) == 0)
            return a->watch[i].rule;
    }
    return NULL;
}

static void tell_mute(struct vg_look *l, const struct vg_rule *rule, const struct vg_order *order)
{
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];
        struct vg_episode *e = vg_watch_episode(l, w);

        if (w->rule != rule || !vg_episode_open(e) || e->held ||
            vg_signal_priority(w, e) == VG_PRIORITY_HIGH)
            continue;
        e->muted = true;
        vg_watch_tell(l, w,
                      &(struct vg_saying){ .phase = VG_PHASE_UPDATE,
                                           .reason = "muted",
                                           .words = "The rule is muted for this patient",
                                           .order = order });
    }
}

enum vg_answer vg_stay_set_mute(struct vg_look *l, const struct vg_order *order)
{
    struct vg_stay *stay = &l->memory->stay;
    const struct vg_rule *rule = watched_rule(l->alert, order->rule);
    struct vg_stay_mute *mute;

    if (stay->standing == VG_STANDING_DISCHARGED)
        return VG_ANSWER_DISCHARGED;
    if (!rule)
        return VG_ANSWER_UNKNOWN_RULE;
    if (rule->priority == VG_PRIORITY_HIGH)
        return VG_ANSWER_HIGH_MUTE;
    mute = mute_entry(l, stay, rule);
    if (!mute && !order->clear)
        return VG_ANSWER_MUTES_FULL;
    if (order->clear) {
        if (mute && mute->until_ns != 0)
            unmute(l, mute, order);
    } else {
        mute->until_ns = order->given_ns + order->for_ns;
        mute->place = first_place(l->alert, rule);
        tell_mute(l, rule, order);
    }
    vg_stay_find_next(l);
    return VG_ANSWER_OK;
}
