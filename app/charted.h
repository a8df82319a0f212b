/* charted.h - limits that were charted at the bedside, as the orders that they are.
 *
 * Each entry says one side of one limit. What is charted of a channel at one moment is one order; a
 * side that is not charted with the other stays as it was, as it does on a monitor. An entry that no
 * limit can be is refused with its reason, and what was in force before it stays in force. Where it is a
 * number it is an order all the same, behind the others of its moment: the pipeline refuses and tells it.
 */
#ifndef VG_APP_CHARTED_H
#define VG_APP_CHARTED_H

#include "app/replay_map.h"
#include "core/order.h"

struct vg_charted_entry {
    int64_t at_ns;
    uint64_t line; /**< of the file */
    uint32_t patient;
    int channel;
    enum vg_side side;
    char text[24]; /**< the cell; what is longer is cut, and no number */
};

struct vg_charted_order {
    int64_t at_ns;
    uint64_t line; /**< of its first entry */
    uint32_t patient;
    bool refused;          /**< no limit can be so: its entries are among the refusals already */
    struct vg_order order; /**< passes vg_order_check(); given_ns is at_ns */
};

struct vg_charted_refusal {
    struct vg_charted_entry entry; /**< text "": the order as a whole */
    char why[160];
};

/** Zeroed to begin with. */
struct vg_charted {
    struct vg_charted_entry *entry;
    size_t entries, entries_cap;
    struct vg_charted_order *order; /**< by time */
    size_t orders;
    struct vg_charted_refusal *refused;
    size_t refusals;
};

/** Notes an entry. An empty cell says nothing. */
void vg_charted_add(struct vg_charted *c, const struct vg_charted_entry *entry, const char *cell);
/** Makes orders of all entries, of patients below `patients`. */
void vg_charted_conclude(struct vg_charted *c, const struct vg_order_map *map, uint32_t patients);
/** Notes that order number `i` was not obeyed, unless it is noted already. */
void vg_charted_refuse(struct vg_charted *c, size_t i, const char *why);
void vg_charted_done(struct vg_charted *c);

#endif
