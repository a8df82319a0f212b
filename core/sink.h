/* sink.h - a place that alert events are delivered to: the interface of a sink.
 *
 * Each sink has a thread, reads the outbox with its own durable cursor, and can hold up nobody.
 * All calls come from that thread, except check(). The same event may come twice after a crash;
 * event_id tells.
 *
 * What every sink has in common is the runtime's, and no sink does it itself: waiting between
 * attempts, setting refused events aside, max_age, filter, the alert when it fails for long, and
 * figures (runtime/delivery.h, ../docs/delivery.md).
 */
#ifndef VG_CORE_SINK_H
#define VG_CORE_SINK_H

#include "core/err.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/notice.h"
#include "core/option.h"
#include "core/order.h"

/** An event as the outbox holds it. Valid during the call. */
struct vg_delivery {
    uint64_t seq;      /**< in the whole outbox, from 1 */
    uint64_t prev_seq; /**< of the event before it in the same ward; 0 for the first */
    uint32_t shard;
    uint32_t number; /**< of the event in its episode */
    uint8_t episode_id[16];
    uint8_t phase, kind, priority;
    bool repeat;     /**< may have been delivered before a restart */
    int64_t time_ns; /**< log time at which it holds */
    int64_t wall_ns; /**< wall clock when it was stored; not part of the event */
    const char *ward;
    const char *json; /**< canonical bytes, `len` of them, NUL behind */
    size_t len;
};

/** One shard as the heartbeat shows it. */
struct vg_shard_status {
    uint32_t shard;
    int64_t log_ns;      /**< has passed the whole chain; VG_TIME_NONE before the first record */
    int64_t wall_age_ms; /**< how long ago a mark of any kind passed the whole chain */
};

enum { VG_SHARDS_MAX = 1024 };

/** Who listens to a sink that others subscribe to. */
struct vg_subscriber_count {
    uint32_t connected;  /**< connections for events, also those that are not let in yet */
    uint32_t registered; /**< that the configuration names, and that must confirm */
    uint32_t late;       /**< of these: those that have not confirmed in time */
};

enum vg_service_state {
    VG_STATE_STARTING,
    VG_STATE_RUNNING,
    VG_STATE_DEGRADED,
    VG_STATE_CLOSING,
};

struct vg_service_status {
    enum vg_service_state state;
    char reasons[7][96];            /**< why degraded; "" where unused */
    uint32_t partitions;            /**< 0 before the source is known */
    uint32_t shards_n;              /**< of this instance */
    uint64_t seal;                  /**< last seal of the audit log; 0: none yet ... */
    char seal_hash[65];             /**< ... and its hash, in hexadecimal digits */
    struct vg_shard_status *shards; /**< room for VG_SHARDS_MAX, the caller's */
};

typedef vg_status (*vg_event_fn)(void *arg, const struct vg_delivery *event);

/** What the runtime offers a sink; may be used from the sink's thread only. */
struct vg_sink_env {
    void *ctx;
    const char *name; /**< of this sink in the configuration */
    const char *pipeline;
    const char *version;
    const char *data_dir;
    uint8_t outbox[16]; /**< UUID of the outbox */
    int64_t timeout_ns; /**< option `timeout`: for an answer to one attempt */

    /** Calls fn for up to `max` events with seq > after of `ward` (NULL or "": all), in order.
     *  What fn returns other than VG_OK ends it and is returned. */
    vg_status (*read)(void *ctx, const char *ward, uint64_t after, size_t max, vg_event_fn fn,
                      void *arg, struct vg_err *err);
    /** Calls fn for the newest event of every open episode of `ward`, in order of seq. */
    vg_status (*open_episodes)(void *ctx, const char *ward, vg_event_fn fn, void *arg,
                               uint64_t *ret_as_of, struct vg_err *err);
    /** Last seq of `ward` ("" or NULL: of the outbox), and the oldest still held. 0: none. */
    void (*extent)(void *ctx, const char *ward, uint64_t *ret_last, uint64_t *ret_oldest);
    /** Calls fn for every ward that is configured or was seen, and "none". */
    void (*wards)(void *ctx, void (*fn)(void *arg, const char *ward), void *arg);
    void (*status)(void *ctx, struct vg_service_status *ret);
    /**
     * Asks for an order to be obeyed; about a patient, or ("") about the episode it names. Whoever
     * asks may know of these wards alone (NULL: of all): another's episode or patient is unknown. The
     * list must live as long as the service. *ret_ticket is a number that answered() answers later, or 0: it was asked before, under the same
     * command_id, and *ret is the answer that was given then. Fails with VG_E_RANGE and a code in
     * err->option ("unknown_episode", "already_ended") or VG_E_AGAIN ("busy").
     */
    vg_status (*order)(void *ctx, const struct vg_order *order, const char *patient,
                       const struct vg_strings *wards, uint64_t *ret_ticket,
                       struct vg_answered *ret, struct vg_err *err);
    /** Whether the request of that ticket is answered, and durable, now. */
    bool (*answered)(void *ctx, uint64_t ticket, struct vg_answered *ret);
    /**
     * Says that something is the case with `subject` (a name, never a patient), or (text NULL) no
     * longer: it becomes a technical alert. Saying the same again does nothing, so text must not hold
     * what changes all the time. Bounded: of too many subjects only the first are named. What is
     * still said when the service stops is over soon after its next start, unless it is said again.
     * That the sink itself fails, and that it refused an event, the runtime says by itself.
     */
    void (*notify)(void *ctx, enum vg_notice notice, const char *subject, const char *text);
    /** Stores that a subscriber has confirmed a ward's events up to `seq`, and up to where that is
     *  durable (0: nowhere). Subscribers and wards of the configuration alone: both are kept. */
    void (*confirm)(void *ctx, const char *subscriber, const char *ward, uint64_t seq);
    uint64_t (*confirmed)(void *ctx, const char *subscriber, const char *ward);
    /** Says how many listen; a sink to which others subscribe says it at each turn. */
    void (*subscribers)(void *ctx, const struct vg_subscriber_count *count);
    /** Notes who was let in or refused, and why; `who` is a name or an address, never a patient. */
    void (*audit)(void *ctx, const char *what, const char *who, const char *why);
};

struct vg_sink_ops {
    const char *name; /**< `type:` in the configuration */
    const char *summary;
    const struct vg_option *options;
    size_t self_size;
    /** Its receivers prove that nothing is missing: `filter` and `max_age` are refused. */
    bool complete;
    /** Nobody hears of what it is given: not alone in a configuration, without a warning. */
    bool drops;
    /** Checks options without touching anything (used by `vigil validate`). May be NULL. */
    vg_status (*check)(void *self, struct vg_err *err);
    /** Fails only for what no waiting helps: a server that is away is for deliver() to find. */
    vg_status (*open)(void *self, const struct vg_sink_env *env, struct vg_err *err);
    /**
     * Delivers n events in order; *done says how many are delivered for good, also on failure.
     * RETRY: the rest again, later, without end: refused connections, a full disk, HTTP 401, 403,
     * 404, 429 and 5xx. DATA: events[*done] itself is refused for ever; it is set aside, and the
     * rest comes again. FATAL: the sink is off until the next start (HTTP 410, a contract that
     * cannot be kept). err->msg is shown to people: never a secret, never a patient.
     */
    vg_status (*deliver)(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                         struct vg_err *err);
    /** Waits for at most timeout_ms, or until wake_fd is readable, and serves its sockets
     *  meanwhile. NULL: the runtime waits. */
    void (*serve)(void *self, int wake_fd, int timeout_ms);
    /** SIGHUP: reads keys and secrets again, and ends what they no longer allow. A failure is logged,
     *  and the sink goes on. NULL: there is nothing to read. */
    vg_status (*reload)(void *self, struct vg_err *err);
    /** The service stops; everything was delivered that could be. Also when open failed. */
    void (*close)(void *self);
};

#endif
