/* ingest_parts.h - the files of ingest among themselves.
 *
 *   ingest.c            the thread: the source, the loop, and what is due by time
 *   ingest_shards.c     shards come and go: what recovery found becomes a shard's state
 *   ingest_rows.c       a record becomes rows and dead letters
 *   ingest_commands.c   a command enters the log order, a new one or a recorded one
 *   ingest_new.c        where new commands come from
 *   ingest_change.c     another configuration takes over
 *   ingest_frames.c     frames are filled and leave, or wait
 *
 * All of it runs in the thread of ingest. A `shard` is a number below shared->partitions.
 */
#ifndef VG_RUNTIME_INGEST_PARTS_H
#define VG_RUNTIME_INGEST_PARTS_H

#include "runtime/ingest.h"
#include "runtime/patients.h"

struct vg_ingest_shard {
    bool owned, paused;
    bool doubted; /* no sign of life since the source told of a trouble */
    struct vg_patients *patients;
    struct vg_frame *frame; /* being filled, or NULL */
    struct vg_recovery recovery;
    uint32_t replayed;   /* commands of the recovery injected so far */
    bool in_region;      /* still in what the outbox knows already */
    int64_t next_offset; /* VG_START_CONFIGURED until the first record */
    uint32_t ordinal;
    int64_t log_ns;
    bool at_end;               /* everything in the log was read */
    int64_t anchor_log_ns;     /* log time ... */
    int64_t anchor_mono_ns;    /* ... at this moment; CLOCK counts from here */
    int64_t sent_mono_ns;      /* when the last frame left */
    int64_t barrier_ns;        /* when the next barrier is due */
    bool moved;                /* anything since the last barrier */
    int64_t committed;         /* next offset told to the log */
    bool together;             /* what goes into frames now belongs together */
    struct vg_retried retried; /* the first of the dead letters that are on their way again */
};

struct vg_ingest_worker {
    struct vg_link link;
    struct vg_frame **waiting; /* frames that did not fit into the link, oldest first */
    uint32_t n, cap;
    int64_t full_ns; /* since when the budget is used up; 0: it is not */
    bool paused;
};

/* ---- ingest.c ---- */

/** Ends the loop; the first failure is the one that is told. */
void vg_ingest_fail(struct vg_ingest *in, const struct vg_err *err);

/* ---- ingest_shards.c ---- */

/** As vg_source_env.assigned and .revoked; `ctx` is the struct vg_ingest. */
int64_t vg_ingest_assigned(void *ctx, uint32_t shard);
void vg_ingest_revoked(void *ctx, uint32_t shard, bool lost);
/** Frees what is known of the shard. Also when it is not owned. */
void vg_ingest_forget(struct vg_ingest_shard *s);

/* ---- ingest_rows.c ---- */

/** Takes the next record of its shard, and repeats the commands that are recorded behind it. One that
 *  was read before, or of a shard that is not owned, is passed over. */
void vg_ingest_take_record(struct vg_ingest *in, const struct vg_record *rec);
/** Takes what was a dead letter once more, at the position of a command. Its key is not known any more. */
void vg_ingest_take_again(struct vg_ingest *in, uint32_t shard, const struct vg_item_command *head,
                          const void *payload);
/** Notes whether other shards of this instance know the patient, or the bed by another one. Not in the
 *  log order: nothing of it becomes an event. */
void vg_ingest_look_elsewhere(struct vg_ingest *in, uint32_t shard, uint32_t slot);

/* ---- ingest_commands.c ---- */

/** Puts a new command behind all that the shard has taken; fills in where that is in `head`. `payload`
 *  has head->size bytes, or is NULL when that is 0. */
void vg_ingest_inject(struct vg_ingest *in, uint32_t shard, struct vg_item_command *head,
                      const void *payload);
/** Repeats the recorded commands of this position, and notices when the region ends. */
void vg_ingest_replay(struct vg_ingest *in, uint32_t shard);
/** From here on another configuration is in force: tells the alert stage, from what the shard's recovery
 *  says, what subscribers believe to be open and what people have set. */
void vg_ingest_announce_config(struct vg_ingest *in, uint32_t shard);

/* ---- ingest_change.c ---- */

/** Takes up a configuration that is offered, if now is the time for it. Between two records. */
void vg_ingest_look_for_change(struct vg_ingest *in);

/* ---- ingest_new.c ---- */

/** Obeys or answers what people have asked for since. */
void vg_ingest_take_requests(struct vg_ingest *in);
/** What only this instance knows enters the log. Not in a run that repeats another: that has its
 *  notices. */
void vg_ingest_tell_notices(struct vg_ingest *in, int64_t now_ns);
/** Tries the dead letters again that are to be. Not in a run that repeats another: that has its
 *  retries. */
void vg_ingest_retry_letters(struct vg_ingest *in);
/** All of the shard's log was read: from now on time passes by the clock. The time while Vigil was down
 *  counts too. */
void vg_ingest_reach_end(struct vg_ingest_shard *s, int64_t now_ns);
/** Sends a CLOCK mark, or only a sign of life, into a shard that is silent. */
void vg_ingest_tick(struct vg_ingest *in, uint32_t shard, int64_t now_ns);

/* ---- ingest_frames.c ---- */

static inline uint32_t vg_ingest_worker_of(const struct vg_ingest *in, uint32_t shard)
{
    return shard % in->workers;
}

/** Makes room for the shard's next row: s->frame is a frame that takes it, and is returned. */
struct vg_frame *vg_ingest_room(struct vg_ingest *in, uint32_t shard);
/** Adds who has that slot to the frame, which may move. */
void vg_ingest_name_patient(const struct vg_ingest *in, struct vg_frame **f,
                            const struct vg_patients *patients, uint32_t slot);
/** Sends what was filled so far, if there is anything; of one shard, or of all. */
void vg_ingest_flush(struct vg_ingest *in, uint32_t shard);
void vg_ingest_flush_all(struct vg_ingest *in);
/** Sends a frame of that kind without rows, at the shard's present position. */
void vg_ingest_mark(struct vg_ingest *in, uint32_t shard, enum vg_frame_kind kind);
/** The same for a kind that belongs to no shard. */
void vg_ingest_mark_worker(struct vg_ingest *in, uint32_t worker, enum vg_frame_kind kind);
/** Sends what was filled and a barrier behind it, if the shard moved since the last one. */
void vg_ingest_barrier(struct vg_ingest *in, uint32_t shard, int64_t now_ns);
/** Tells every worker that nothing more comes; waits until the links have taken everything. */
void vg_ingest_send_ends(struct vg_ingest *in);
/** Sends of what waits for the worker's link as much as that takes. */
void vg_ingest_push(struct vg_ingest_worker *w);
/** Whether 80 % of the worker's budget are in flight, or nothing could become durable. */
bool vg_ingest_is_full(const struct vg_ingest *in, uint32_t worker);
/** Sends what waits, and pauses or resumes the shards of workers that are full for long, or no more. */
void vg_ingest_hold_back(struct vg_ingest *in, int64_t now_ns);
/** Whether records would have nowhere to go. The shards of a paused worker send none. */
bool vg_ingest_must_wait(const struct vg_ingest *in);

#endif
