/* letters.h - dead letters and refused events, as people and the runtime look at them.
 *
 * A dead letter is a message or row that could not be read; a delivery here is an event that one sink
 * refused for ever. What a sink passed over as old news is only counted. Both lie in the outbox until somebody lets them be tried again or purges them.
 * The committer writes them; whoever opens this for writing marks and deletes them in short
 * transactions of its own, which the committer waits for (SQLite's write lock).
 *
 * One thread at a time. Errors as runtime/outbox.h.
 */
#ifndef VG_RUNTIME_LETTERS_H
#define VG_RUNTIME_LETTERS_H

#include "core/source.h"
#include "runtime/outbox.h"

struct vg_letters;

/** Opens the letters of an outbox file for reading. Fails for an outbox of an older version. */
VG_NODISCARD vg_status vg_letters_open(const char *path, struct vg_letters **ret,
                                       struct vg_err *err);
/** The same for marking and deleting. */
VG_NODISCARD vg_status vg_letters_open_writable(const char *path, struct vg_letters **ret,
                                                struct vg_err *err);
void vg_letters_close(struct vg_letters *l); /**< NULL is fine */

/* ---- for the runtime ---- */

/** Events that `sink` is asked to take once more, in order of seq, up to `max`. */
VG_NODISCARD vg_status vg_letters_asked(struct vg_letters *l, const char *sink, uint64_t *seq,
                                        size_t max, size_t *ret_n, struct vg_err *err);
/** Whether an event of priority high is among those that `sink` refused and has not taken since. */
VG_NODISCARD vg_status vg_letters_urgent(struct vg_letters *l, const char *sink, bool *ret,
                                         struct vg_err *err);

/** What `sink` passed over and has to tell; zeroed when it is nothing. */
VG_NODISCARD vg_status vg_letters_passed_over(struct vg_letters *l, const char *sink,
                                              struct vg_passed_over *ret, struct vg_err *err);

/** A dead letter that is to be decoded once more; `bytes` live during the call. */
struct vg_letter_again {
    int64_t offset, record_ns;
    uint32_t index, attempts;
    const void *bytes;
    size_t len;
};
typedef vg_status (*vg_letter_again_fn)(void *arg, const struct vg_letter_again *letter);
/** Those of a shard that are asked for, in the order of the log, behind (offset, index), up to `max`. */
VG_NODISCARD vg_status vg_letters_again(struct vg_letters *l, uint32_t shard, size_t max,
                                        vg_letter_again_fn fn, void *arg, struct vg_err *err);

typedef vg_status (*vg_letter_out_fn)(void *arg, uint64_t number,
                                      const struct vg_dead_letter *letter);
/** Dead letters as they are written out, in the order of their numbers, behind `after`, up to `max`. */
VG_NODISCARD vg_status vg_letters_out(struct vg_letters *l, uint64_t after, size_t max,
                                      vg_letter_out_fn fn, void *arg, struct vg_err *err);

/* ---- for people ---- */

struct vg_letter_filter {
    bool letters, deliveries; /**< which of the two */
    bool done;                /**< also those that went through at last */
    int64_t shard;            /**< -1: any */
    int64_t offset;           /**< -1: any */
    int64_t index;            /**< -1: any; UINT32_MAX: the whole message */
    int64_t seq;              /**< -1: any */
    const char *sink;         /**< NULL: any */
    const char *reason;       /**< a part of it; NULL: any */
    int64_t since_ns;         /**< wall time of storing; 0: any */
};

/** Strings live during the call that gets it. */
struct vg_letter {
    bool delivery;
    enum vg_letter_state state;
    uint32_t attempts;
    int64_t wall_ns; /**< when it was stored; 0: not known */
    const char *reason;
    /* a dead letter */
    uint32_t shard, index, byte_offset;
    int64_t offset, record_ns;
    const char *detail;
    /* a delivery */
    const char *sink, *event_id;
    uint64_t seq;
    uint8_t priority;
    /* its payload: the bytes that came, or the event */
    const void *bytes;
    size_t len;
};

typedef vg_status (*vg_letter_fn)(void *arg, const struct vg_letter *letter);
/** Dead letters in the order of the log, then deliveries by sink and seq. */
VG_NODISCARD vg_status vg_letters_each(struct vg_letters *l, const struct vg_letter_filter *filter,
                                       vg_letter_fn fn, void *arg, struct vg_err *err);

struct vg_letter_counts {
    uint64_t letters, deliveries;
};
/** Asks for those that are kept to be tried again. Letters whose key named another patient are left:
 *  without their key that could not be checked again. */
VG_NODISCARD vg_status vg_letters_ask(struct vg_letters *l, const struct vg_letter_filter *filter,
                                      struct vg_letter_counts *ret, struct vg_err *err);
/** Deletes them, a few at a time. */
VG_NODISCARD vg_status vg_letters_purge(struct vg_letters *l, const struct vg_letter_filter *filter,
                                        struct vg_letter_counts *ret, struct vg_err *err);
/** Records who did what with how many: action "retry", "purge" or "export". */
VG_NODISCARD vg_status vg_letters_record(struct vg_letters *l, const char *action,
                                         const struct vg_letter_counts *counts, struct vg_err *err);

#endif
