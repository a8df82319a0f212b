/* outbox.h - the durable store of a pipeline: events, commands, positions, dead letters, cursors.
 *
 * One SQLite file, `<data_dir>/outbox.db` (WAL, synchronous=FULL), and one process that writes it,
 * held by a lock on `<data_dir>/lock`; only letters are marked and deleted by others, too
 * (runtime/letters.h). What is committed survives a power cut. The committer's
 * thread writes through one struct vg_outbox; every other thread reads through a struct
 * vg_outbox_reader of its own and never waits for the writer.
 *
 * Errors: VG_E_TEMPORARY when the same transaction may succeed later (a disk that is full or read-only;
 * the message says so), VG_E_IO when the file is damaged or the disk fails, VG_E_BUG for what cannot be.
 */
#ifndef VG_RUNTIME_OUTBOX_H
#define VG_RUNTIME_OUTBOX_H

#include "core/err.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/order.h"
#include "core/sink.h"

enum { VG_OUTBOX_SCHEMA = 5, VG_CLUSTER_SIZE = 64, VG_CONFIG_HASH_SIZE = 72 };

/** How far a shard's log was worked through. */
struct vg_position {
    uint32_t shard;
    uint32_t ordinal;                 /**< commands applied at next_offset */
    int64_t next_offset;              /**< first record not yet read */
    uint64_t n;                       /**< number of the shard's last event; 0: none yet */
    int64_t log_ns;                   /**< log time there, or VG_TIME_NONE */
    int64_t wall_ns;                  /**< wall clock when ingest sent it */
    char config[VG_CONFIG_HASH_SIZE]; /**< configuration in force: "sha256:..." */
};

/** A change of configuration in a shard: from event n + 1 on, `config` is in force. */
struct vg_config_switch {
    uint32_t shard;
    uint32_t ordinal;
    int64_t next_offset;
    uint64_t n;
    char config[VG_CONFIG_HASH_SIZE];
};

/** Where an episode stands after its newest event. */
struct vg_outbox_episode {
    uint8_t episode_id[16];
    uint32_t shard;
    uint32_t number; /**< of the newest event */
    uint64_t newest_seq;
    bool open;
    bool acknowledged; /**< and not escalated since */
    char ward[VG_WARD_SIZE];
    char patient[VG_PATIENT_SIZE]; /**< "" for the shard itself */
};

/** What became of an event that was put. */
enum vg_put {
    VG_PUT_NEW,       /**< stored, with the next seq */
    VG_PUT_SAME,      /**< stored before with the same bytes: a replay */
    VG_PUT_DIFFERENT, /**< stored before with other bytes (or as another number of the shard); what
                           was stored stays. To be counted: it must never happen */
};

/* ---- opening ---- */

struct vg_outbox;

/**
 * Opens the outbox of `data_dir`; with `create`, makes folder and file when there are none. Fails
 * with VG_E_UNAVAILABLE when another process holds data_dir, VG_E_CONFIG when the outbox belongs to
 * another pipeline, VG_E_IO when the file is no outbox or from a newer version. Any thread; then one
 * thread at a time.
 */
VG_NODISCARD vg_status vg_outbox_open(const char *data_dir, const char *pipeline, bool create,
                                      struct vg_outbox **ret, struct vg_err *err);

/** Rolls back what is not committed and releases data_dir. NULL is fine. */
void vg_outbox_close(struct vg_outbox *o);

/**
 * Ties the outbox to a log: the first call stores `cluster` and `partitions`, later ones compare.
 * Another log: VG_E_CONFIG, with a message that names both and says what to do.
 */
VG_NODISCARD vg_status vg_outbox_bind_log(struct vg_outbox *o, const char *cluster,
                                          uint32_t partitions, struct vg_err *err);

/**
 * Moves the outbox and the snapshots of another log aside (`outbox-UUID.db`, `snapshots-UUID`) and
 * begins an empty outbox with a new UUID, still tied to no log. Outside a transaction, and before
 * any reader is opened.
 */
VG_NODISCARD vg_status vg_outbox_fresh(struct vg_outbox *o, struct vg_err *err);

const uint8_t *vg_outbox_uuid(const struct vg_outbox *o); /**< [16] */
uint64_t vg_outbox_last_seq(const struct vg_outbox *o);   /**< with what is not committed yet */
const char *vg_outbox_path(const struct vg_outbox *o);    /**< of the file, for readers */

/* ---- writing: begin, put ..., commit. No allocation per call. ----
 *
 * After any failure the transaction is rolled back: begin again and put everything again. */

VG_NODISCARD vg_status vg_outbox_begin(struct vg_outbox *o, struct vg_err *err);

/** `n` counts the events of a shard from 1; `json` has item->json_len bytes. *ret_seq is the seq of
 *  the event as stored (0 when DIFFERENT, and when it is no longer kept, which is SAME). */
VG_NODISCARD vg_status vg_outbox_put_event(struct vg_outbox *o, uint32_t shard, uint64_t n,
                                           const struct vg_item_event *item, const char *json,
                                           int64_t wall_ns, enum vg_put *ret, uint64_t *ret_seq,
                                           struct vg_err *err);

/** A command at its position; `len` bytes of payload. Stored once, a replay is ignored. */
VG_NODISCARD vg_status vg_outbox_put_command(struct vg_outbox *o, uint32_t shard,
                                             const struct vg_item_command *command,
                                             const void *payload, size_t len, struct vg_err *err);

/** What an order was answered. Stored once, a replay is ignored. */
VG_NODISCARD vg_status vg_outbox_put_answer(struct vg_outbox *o, const char *command_id,
                                            const struct vg_answered *answered, struct vg_err *err);

/** The cursor of dead letters that are written out; no sink can have the name. */
#define VG_LETTERS_CURSOR "dead letters"

/** A dead letter with the `len` bytes that follow it in a frame. Stored once for (shard, offset,
 *  index); *ret_new says whether this was the first time, or the first since it was retried. */
VG_NODISCARD vg_status vg_outbox_put_dead_letter(struct vg_outbox *o, uint32_t shard,
                                                 const struct vg_item_dead_letter *letter,
                                                 const void *bytes, size_t len, int64_t wall_ns,
                                                 bool *ret_new, struct vg_err *err);

/** A dead letter was given to the decoder once more, for the time number `attempts`. Before what came
 *  of it. */
VG_NODISCARD vg_status vg_outbox_put_letter_retried(struct vg_outbox *o, uint32_t shard,
                                                    int64_t offset, uint32_t index,
                                                    uint32_t attempts, struct vg_err *err);

/** What became of a dead letter, or of an event that a sink refused. Numbers are stored. */
enum vg_letter_state {
    VG_LETTER_KEPT,  /**< waits for somebody to look at it */
    VG_LETTER_ASKED, /**< is to be tried again */
    VG_LETTER_DONE,  /**< went through at last */
};

/** An event that a sink refused for ever; or one that it took when it was asked again. */
struct vg_set_aside {
    uint64_t seq;
    int64_t wall_ns;
    enum vg_letter_state state; /**< KEPT or DONE */
    char reason[160];
};
VG_NODISCARD vg_status vg_outbox_put_set_aside(struct vg_outbox *o, const char *sink,
                                               const struct vg_set_aside *what, struct vg_err *err);

/** What a sink passed over as old news and has to tell: `events` of them, `urgent` of priority high, the
 *  newest `seq`. */
struct vg_passed_over {
    uint64_t seq, events, urgent;
};
VG_NODISCARD vg_status vg_outbox_put_passed_over(struct vg_outbox *o, const char *sink,
                                                 const struct vg_passed_over *what,
                                                 struct vg_err *err);

/** How far a shard is stored. A position before the stored one is ignored: during a replay the
 *  outbox is ahead. */
VG_NODISCARD vg_status vg_outbox_put_position(struct vg_outbox *o, const struct vg_position *p,
                                              struct vg_err *err);

VG_NODISCARD vg_status vg_outbox_put_config_switch(struct vg_outbox *o,
                                                   const struct vg_config_switch *s,
                                                   struct vg_err *err);

/** Everything up to `seq` is delivered by `sink` for good. Never moves back. */
VG_NODISCARD vg_status vg_outbox_put_cursor(struct vg_outbox *o, const char *sink, uint64_t seq,
                                            struct vg_err *err);

/** Makes the transaction durable: when it returns VG_OK, a power cut loses none of it. */
VG_NODISCARD vg_status vg_outbox_commit(struct vg_outbox *o, struct vg_err *err);

/** Forgets what was put since begin. */
void vg_outbox_rollback(struct vg_outbox *o);

/* ---- reading ----
 *
 * Callbacks must not use the reader that calls them. What they return other than VG_OK ends the
 * call and is returned. */

struct vg_outbox_reader;

/** Opens an outbox file for reading, also one that another process writes or wrote. */
VG_NODISCARD vg_status vg_outbox_reader_open(const char *path, struct vg_outbox_reader **ret,
                                             struct vg_err *err);
void vg_outbox_reader_close(struct vg_outbox_reader *r); /**< NULL is fine */

/** The log that the outbox is tied to; "" when it is tied to none yet. */
VG_NODISCARD vg_status vg_outbox_cluster(struct vg_outbox_reader *r, char ret[VG_CLUSTER_SIZE],
                                         struct vg_err *err);

/** Whether vg_outbox_bind_log() would take this log, and fails as it does. */
VG_NODISCARD vg_status vg_outbox_check_log(struct vg_outbox_reader *r, const char *data_dir,
                                           const char *cluster, uint32_t partitions,
                                           struct vg_err *err);

/** As vg_sink_env.read, .open_episodes and .extent; `repeat` of a delivery is always false. */
VG_NODISCARD vg_status vg_outbox_read(struct vg_outbox_reader *r, const char *ward, uint64_t after,
                                      size_t max, vg_event_fn fn, void *arg, struct vg_err *err);
VG_NODISCARD vg_status vg_outbox_open_episodes(struct vg_outbox_reader *r, const char *ward,
                                               vg_event_fn fn, void *arg, uint64_t *ret_as_of,
                                               struct vg_err *err);
/** The newest event of each episode, ended or not, with seq < before; at most `max`, the newest
 *  first. */
VG_NODISCARD vg_status vg_outbox_newest_events(struct vg_outbox_reader *r, uint64_t before,
                                               size_t max, vg_event_fn fn, void *arg,
                                               struct vg_err *err);
VG_NODISCARD vg_status vg_outbox_extent(struct vg_outbox_reader *r, const char *ward,
                                        uint64_t *ret_last, uint64_t *ret_oldest,
                                        struct vg_err *err);

/** Every ward that has an event, in order of name. */
VG_NODISCARD vg_status vg_outbox_wards(struct vg_outbox_reader *r,
                                       void (*fn)(void *arg, const char *ward), void *arg,
                                       struct vg_err *err);

/** VG_OK and *ret, or VG_E_RANGE when there is no such episode. */
VG_NODISCARD vg_status vg_outbox_episode(struct vg_outbox_reader *r, const uint8_t episode_id[16],
                                         struct vg_outbox_episode *ret, struct vg_err *err);

typedef vg_status (*vg_episode_fn)(void *arg, const struct vg_outbox_episode *episode);
/** The open episodes of a shard, in order of their newest seq. */
VG_NODISCARD vg_status vg_outbox_shard_episodes(struct vg_outbox_reader *r, uint32_t shard,
                                                vg_episode_fn fn, void *arg, struct vg_err *err);

/** `payload` has `len` bytes and lives during the call. */
typedef vg_status (*vg_command_fn)(void *arg, const struct vg_item_command *command,
                                   const void *payload, size_t len);
/** The commands of a shard behind (next_offset, ordinal), in order. */
VG_NODISCARD vg_status vg_outbox_commands(struct vg_outbox_reader *r, uint32_t shard,
                                          int64_t next_offset, uint32_t ordinal, vg_command_fn fn,
                                          void *arg, struct vg_err *err);

/** The same of VG_COMMAND_ORDER alone: marks of a silent shard, one a second, cost nothing. */
VG_NODISCARD vg_status vg_outbox_orders(struct vg_outbox_reader *r, uint32_t shard,
                                        int64_t next_offset, uint32_t ordinal, vg_command_fn fn,
                                        void *arg, struct vg_err *err);

/** The VG_COMMAND_NOTICE of a shard, in order. */
VG_NODISCARD vg_status vg_outbox_notices(struct vg_outbox_reader *r, uint32_t shard,
                                         vg_command_fn fn, void *arg, struct vg_err *err);

/** What was answered under that command_id; *ret_known false when nothing was. */
VG_NODISCARD vg_status vg_outbox_answer(struct vg_outbox_reader *r, const char *command_id,
                                        struct vg_answered *ret, bool *ret_known,
                                        struct vg_err *err);

typedef vg_status (*vg_switch_fn)(void *arg, const struct vg_config_switch *s);
/** The changes of configuration of a shard behind (next_offset, ordinal), in order. */
VG_NODISCARD vg_status vg_outbox_config_switches(struct vg_outbox_reader *r, uint32_t shard,
                                                 int64_t next_offset, uint32_t ordinal,
                                                 vg_switch_fn fn, void *arg, struct vg_err *err);

/** How far a shard is stored; *ret_known false (and *ret zeroed) when it is not known. */
VG_NODISCARD vg_status vg_outbox_position(struct vg_outbox_reader *r, uint32_t shard,
                                          struct vg_position *ret, bool *ret_known,
                                          struct vg_err *err);

/** 0 for a sink that never delivered. */
VG_NODISCARD vg_status vg_outbox_cursor(struct vg_outbox_reader *r, const char *sink, uint64_t *ret,
                                        struct vg_err *err);

/** How many dead letters are stored. */
VG_NODISCARD vg_status vg_outbox_dead_letters(struct vg_outbox_reader *r, uint64_t *ret,
                                              struct vg_err *err);

#endif
