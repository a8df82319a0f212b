/* shared.h - what the threads of one service share.
 *
 * Everything here is atomic or behind the one lock; frames never are: they are handed over. Frames
 * carry what must be in log order, this carries what is only looked at: how far each shard is, what
 * state the service is in, and requests on their way to ingest.
 */
#ifndef VG_RUNTIME_SHARED_H
#define VG_RUNTIME_SHARED_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/sink.h"
#include "runtime/audit.h"
#include "runtime/config.h"
#include "runtime/identity.h"
#include "runtime/meters.h"
#include "runtime/notices.h"

/** Something that lasts and that the heartbeat and /readyz tell. */
enum vg_trouble {
    VG_TROUBLE_SOURCE,   /**< the source reports errors */
    VG_TROUBLE_DISK,     /**< the outbox cannot be written */
    VG_TROUBLE_SNAPSHOT, /**< snapshots cannot be written */
    VG_TROUBLE_SINK,     /**< a sink fails */
    VG_TROUBLE_LETTERS,  /**< dead letters do not get out */
    VG_TROUBLE_SILENCE,  /**< no record has come in any shard for long */
    VG_TROUBLE_AUDIT,    /**< the audit log cannot be written */
    VG_TROUBLE_OVERLAP,  /**< one patient in two shards, one bed in two; see runtime/overlap.h */
    VG_TROUBLE_COUNT,
};

/** Points that ingest waits for. */
enum vg_gate {
    VG_GATE_GO,      /**< the chains, the committer and the sinks are there */
    VG_GATE_DRAINED, /**< everything read is committed, snapshots are written, sinks are done */
    VG_GATE_COUNT,
};

struct vg_shard_shared {
    atomic_bool owned;
    atomic_bool live;                /**< behind what was recovered: commands may arise */
    atomic_bool dropping;            /**< given back; what is on its way is not on disk yet */
    _Atomic int64_t log_ns;          /**< has passed the whole chain */
    _Atomic int64_t mark_mono_ns;    /**< when anything last passed the whole chain */
    _Atomic int64_t lag;             /**< records that were not read yet; -1: not known */
    _Atomic int64_t snapshot_offset; /**< next offset of the newest snapshot on disk, or -1 */
};

/** An order on its way to ingest. */
struct vg_request {
    uint64_t ticket;
    uint32_t shard; /**< VG_SHARDS_MAX: that of the patient, which ingest knows */
    char patient[VG_PATIENT_SIZE];
    const struct vg_strings *wards; /**< who asks may know of these; NULL: all. Lives on */
    struct vg_order order;
};

/** What was asked of late, and what was answered. */
struct vg_asked {
    uint64_t ticket;
    bool answered;
    enum vg_answer answer;
    char command_id[VG_COMMAND_ID_SIZE];
};

/** What became of the last reload. */
struct vg_reloaded {
    uint32_t generation; /**< of the configuration in force; the one of the start is 1 */
    bool ok;         /**< it, or the one before it, is in force as the file says; at first true */
    int64_t wall_ns; /**< when it ended; of the start at first */
    int64_t good_wall_ns; /**< when the last one that was not refused ended; set by the callee */
    char why[256];        /**< of one that was refused; "" */
};

enum { VG_REQUESTS_MAX = 256, VG_TICKETS_KEPT = 1024, VG_WARDS_MAX = 256 };

struct vg_shared {
    const struct vg_config
        *config;                 /**< of the start: its sections `service`, `source` and `sinks` */
    struct vg_identity identity; /**< complete once partitions is not 0; `config` is ingest's */
    atomic_uint partitions;
    struct vg_shard_shared *shard; /**< [VG_SHARDS_MAX] */
    atomic_int state;              /**< enum vg_service_state */
    atomic_uint reloads;           /**< times that keys are to be read again (SIGHUP) */
    atomic_bool stop;              /**< ingest shall end its shards and finish */
    atomic_bool disk_full;         /**< or read-only: nothing more is to be read */
    atomic_ulong committed_seq;    /**< newest event that is durable */
    atomic_ulong rows, dead_letters, mismatches, clocks, snapshots, restored; /**< since start */

    pthread_rwlock_t config_lock;
    const struct vg_config *in_force; /**< behind config_lock ... */
    uint32_t generation;              /**< ... as is its number; that of the start is 1 */

    struct vg_meters meters; /**< empty until vg_meters_init() */
    struct vg_notices notices;
    struct vg_audit *audit; /**< the service's; NULL where there is none. Has its own lock */

    pthread_mutex_t lock; /**< for all below */
    pthread_cond_t changed;
    bool gate[VG_GATE_COUNT];
    char trouble[VG_TROUBLE_COUNT][96]; /**< "" when all is well */
    struct vg_request request[VG_REQUESTS_MAX];
    uint32_t requests;
    uint64_t failing_sinks;                 /**< bit i: that of place i */
    uint64_t tickets;                       /**< last one given, from 1 */
    struct vg_asked asked[VG_TICKETS_KEPT]; /**< of ticket t at t mod VG_TICKETS_KEPT */
    int wake_fd[VG_SINKS_MAX + 1];          /**< eventfds of the sinks and of the HTTP server */
    uint32_t wakes;
    char ward[VG_WARDS_MAX][VG_WARD_SIZE]; /**< seen in rows */
    uint32_t wards;
    struct vg_reloaded reloaded;
};

void vg_shared_init(struct vg_shared *s, const struct vg_config *config);
void vg_shared_done(struct vg_shared *s);

/**
 * The configuration in force, which may be another at the next look. It stays until
 * vg_shared_leave_config(), which must come soon: a reload waits for it.
 */
const struct vg_config *vg_shared_look_at_config(struct vg_shared *s);
void vg_shared_leave_config(struct vg_shared *s);

/** Sets or (text "") clears a trouble; returns whether that changed anything. */
bool vg_shared_trouble(struct vg_shared *s, enum vg_trouble which, const char *text);
/** Says whether a sink fails (by its place in the configuration): all that do are one trouble. */
void vg_shared_sink_fails(struct vg_shared *s, uint32_t sink, bool fails);
void vg_shared_status(struct vg_shared *s, struct vg_service_status *ret);

/** Queues a request and sets its ticket; that of the same command_id, if it was asked before. False
 *  when too many wait. */
bool vg_shared_request(struct vg_shared *s, struct vg_request *request);
/** Takes the oldest request. */
bool vg_shared_take(struct vg_shared *s, struct vg_request *ret);
void vg_shared_answer(struct vg_shared *s, uint64_t ticket, enum vg_answer answer);
bool vg_shared_answered(struct vg_shared *s, uint64_t ticket, enum vg_answer *ret);

/** Notes a ward that rows name; calls fn for every one noted (under the lock). */
void vg_shared_note_ward(struct vg_shared *s, const char *ward);
void vg_shared_wards(struct vg_shared *s, void (*fn)(void *arg, const char *ward), void *arg);

void vg_shared_reloaded(struct vg_shared *s, struct vg_reloaded *ret);
void vg_shared_set_reloaded(struct vg_shared *s, const struct vg_reloaded *reloaded);

/** Wakes every sink, and the HTTP server. */
void vg_shared_wake(struct vg_shared *s);
/** Registers an eventfd, which lives as long as others may wake. */
void vg_shared_add_wake(struct vg_shared *s, int fd);

void vg_shared_open(struct vg_shared *s, enum vg_gate gate);
void vg_shared_wait(struct vg_shared *s, enum vg_gate gate);

#endif
