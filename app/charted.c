/* charted.c - limits that were charted at the bedside, as the orders that they are. */
#include "app/charted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

/* What is in force for a channel of a patient, by the entries so far. */
struct in_force {
    bool set[VG_SIDES];
    float value[VG_SIDES];
    int64_t until_ns;
};

void vg_charted_add(struct vg_charted *c, const struct vg_charted_entry *entry, const char *cell)
{
    struct vg_charted_entry *to;

    if (cell[0] == '\0')
        return;
    if (c->entries == c->entries_cap) {
        c->entries_cap = c->entries_cap ? 2 * c->entries_cap : 256;
        c->entry = reallocarray(c->entry, c->entries_cap, sizeof(*c->entry));
        VG_CHECK(c->entry);
    }
    to = &c->entry[c->entries++];
    *to = *entry;
    snprintf(to->text, sizeof(to->text), "%s", cell);
}

/* ---- one order ---- */

static struct vg_order order_of(const struct vg_order_map *map, const struct vg_charted_entry *e)
{
    struct vg_order o = { .kind = VG_ORDER_KIND_LIMIT,
                          .channel = e->channel,
                          .for_ns = map->for_ns,
                          .given_ns = e->at_ns };

    snprintf(o.by, sizeof(o.by), "%s", map->by);
    snprintf(o.note, sizeof(o.note), "%s", map->reason);
    return o;
}

static void set_side(struct vg_order *o, enum vg_side side, float value)
{
    if (side == VG_SIDE_LOW) {
        o->low = value;
        o->low_set = 1;
    } else {
        o->high = value;
        o->high_set = 1;
    }
}

static void refuse(struct vg_charted *c, const struct vg_charted_entry *e, const char *why)
{
    struct vg_charted_refusal *to;

    c->refused = reallocarray(c->refused, c->refusals + 1, sizeof(*c->refused));
    VG_CHECK(c->refused);
    to = &c->refused[c->refusals++];
    to->entry = *e;
    snprintf(to->why, sizeof(to->why), "%s", why);
}

static void add_order(struct vg_charted *c, const struct vg_charted_entry *e,
                      const struct vg_order *order, bool refused)
{
    c->order = reallocarray(c->order, c->orders + 1, sizeof(*c->order));
    VG_CHECK(c->order);
    c->order[c->orders++] = (struct vg_charted_order){ .at_ns = e->at_ns,
                                                       .line = e->line,
                                                       .patient = e->patient,
                                                       .refused = refused,
                                                       .order = *order };
}

/* The entry by itself, as an order. */
static bool read_entry(const struct vg_order_map *map, const struct vg_charted_entry *e,
                       struct vg_order *ret, struct vg_err *err)
{
    double value;

    *ret = order_of(map, e);
    if (strlen(e->text) + 1 == sizeof(e->text) || !vg_parse_double(e->text, &value)) {
        (void)vg_fail(err, VG_E_RANGE, "not a number");
        return false;
    }
    set_side(ret, e->side, (float)value);
    return vg_order_check(ret, err) == VG_OK;
}

/* Of `n` entries of one moment those that are no limit by themselves: each an order of its own, if a
 * monitor could have been given it. */
static void refuse_impossible(struct vg_charted *c, const struct vg_order_map *map,
                              const struct vg_charted_entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct vg_order order;
        struct vg_err err;
        bool read = read_entry(map, &e[i], &order, &err);

        if (read && vg_order_judge_limits(&order, &err) == VG_ANSWER_OK)
            continue;
        refuse(c, &e[i], err.msg);
        if (read)
            add_order(c, &e[i], &order, true);
    }
}

/* Those that are limits by themselves, with what is in force beside them. */
static void order_possible(struct vg_charted *c, const struct vg_order_map *map,
                           const struct vg_charted_entry *e, size_t n, struct in_force *force)
{
    const struct vg_charted_entry *said[VG_SIDES] = { NULL };
    struct in_force next = { 0 };
    struct vg_order order = order_of(map, e);
    struct vg_err err;

    if (e->at_ns < force->until_ns)
        next = *force;
    next.until_ns = e->at_ns + map->for_ns;
    for (size_t i = 0; i < n; i++) {
        struct vg_order one;

        if (!read_entry(map, &e[i], &one, &err) ||
            vg_order_judge_limits(&one, &err) != VG_ANSWER_OK)
            continue;
        said[e[i].side] = &e[i];
        next.set[e[i].side] = true;
        next.value[e[i].side] = e[i].side == VG_SIDE_LOW ? one.low : one.high;
    }
    if (!said[VG_SIDE_LOW] && !said[VG_SIDE_HIGH])
        return;
    for (int side = 0; side < VG_SIDES; side++) {
        if (next.set[side])
            set_side(&order, (enum vg_side)side, next.value[side]);
    }
    if (vg_order_judge_limits(&order, &err) == VG_ANSWER_OK) {
        add_order(c, e, &order, false);
        *force = next;
        return;
    }
    /* Nobody can know which of two that cross was meant. */
    for (int side = 0; side < VG_SIDES; side++) {
        if (said[side])
            refuse(c, said[side], err.msg);
    }
    add_order(c, said[VG_SIDE_LOW] ? said[VG_SIDE_LOW] : said[VG_SIDE_HIGH], &order, true);
}

/* What is charted of a channel of a patient at one moment: `n` entries at `e`. */
static void conclude_one(struct vg_charted *c, const struct vg_order_map *map,
                         const struct vg_charted_entry *e, size_t n, struct in_force *force)
{
    order_possible(c, map, e, n, force);
    refuse_impossible(c, map, e, n);
}

/* ---- all ---- */

static int compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static bool same_order(const struct vg_charted_entry *a, const struct vg_charted_entry *b)
{
    return a->at_ns == b->at_ns && a->patient == b->patient && a->channel == b->channel;
}

static int by_order(const void *x, const void *y)
{
    const struct vg_charted_entry *a = x, *b = y;

    if (a->at_ns != b->at_ns)
        return compare(a->at_ns, b->at_ns);
    if (a->patient != b->patient)
        return compare(a->patient, b->patient);
    if (a->channel != b->channel)
        return compare(a->channel, b->channel);
    if (a->line != b->line)
        return compare((int64_t)a->line, (int64_t)b->line);
    return compare(a->side, b->side);
}

void vg_charted_conclude(struct vg_charted *c, const struct vg_order_map *map, uint32_t patients)
{
    struct in_force *force = calloc((size_t)patients * VG_CHANNELS + 1, sizeof(*force));

    VG_CHECK(force);
    if (c->entries)
        qsort(c->entry, c->entries, sizeof(*c->entry), by_order);
    for (size_t i = 0, n; i < c->entries; i += n) {
        const struct vg_charted_entry *e = &c->entry[i];

        for (n = 1; i + n < c->entries && same_order(e, &e[n]);)
            n++;
        conclude_one(c, map, e, n, &force[(size_t)e->patient * VG_CHANNELS + (size_t)e->channel]);
    }
    free(force);
}

void vg_charted_refuse(struct vg_charted *c, size_t i, const char *why)
{
    const struct vg_charted_order *o = &c->order[i];
    const struct vg_charted_entry entry = {
        .at_ns = o->at_ns, .line = o->line, .patient = o->patient, .channel = o->order.channel
    };

    if (!o->refused)
        refuse(c, &entry, why);
}

void vg_charted_done(struct vg_charted *c)
{
    free(c->entry);
    free(c->order);
    free(c->refused);
    *c = (struct vg_charted){ 0 };
}
