/* zeromq_private.h - the parts of the ZeroMQ sink and what they share. All in the sink's thread.
 *
 * One sink serves one group of wards: it has a pair of sockets, a context and a gate of its own. PUB
 * cannot tell subscribers apart, so who may not see a ward must not get to a socket that carries it.
 */
#ifndef VG_SINKS_ZEROMQ_PRIVATE_H
#define VG_SINKS_ZEROMQ_PRIVATE_H

#include "core/sink.h"
#include "sinks/zeromq_address.h"
#include "sinks/zeromq_command.h"
#include "sinks/zeromq_request.h"
#include "sinks/zeromq_zap.h"

enum {
    VG_PEER_MAX = 255, /**< bytes of a ZeroMQ routing id */
    VG_PENDING_MAX = 256,
};

/** The ROUTER's name for a client. */
struct vg_peer {
    size_t n;
    uint8_t id[VG_PEER_MAX];
};

/** A request that is answered when something is durable. */
struct vg_pending {
    bool used;
    bool is_confirmation;
    struct vg_peer peer;
    char id[VG_REQUEST_ID_SIZE];
    uint64_t ticket;
    char subscriber[VG_CLIENT_NAME_SIZE], ward[VG_WARD_SIZE]; /**< confirmation */
    uint64_t seq;
    int64_t give_up_ns;
};

/** Open episodes of a ward as of its event `last`: counted again only when there was a new one. */
struct vg_active_count {
    char ward[VG_WARD_SIZE];
    bool counted;
    uint64_t last;
    uint32_t n;
};

struct vg_answers;
struct vg_subscribers;

/** Connections to the socket that publishes, by the numbers that libzmq has for them. */
struct vg_connections {
    uint32_t *number;
    uint32_t n, cap;
};

/** What was noted of late, so that who knocks a thousand times does not fill the audit. */
struct vg_noted {
    int64_t window_ns; /**< when it began */
    uint32_t said, unsaid;
    const char *what; /**< of the last that was not said */
};

struct vg_zeromq {
    char *publish;                 /**< option */
    char *control;                 /**< option */
    int64_t heartbeat_ns;          /**< option */
    struct vg_strings wards;       /**< option; none: all */
    char *keys;                    /**< option: folder, or NULL: no CURVE */
    char *server_key;              /**< option: file */
    struct vg_strings subscribers; /**< option: name -> "10s WARD..." */

    struct vg_sink_env env;
    void *context, *pub, *router;
    void *watch[2]; /**< monitors of pub and (with keys) router */
    struct vg_connections connections;
    struct vg_zap zap;
    struct vg_key_file pair; /**< of the server */
    struct vg_allow_list allowed;
    struct vg_noted refused, asked;
    struct vg_zeromq_claim publish_claim, control_claim;
    struct vg_service_status status;
    bool bound, closing;
    char key[VG_COMMAND_KEY_SIZE]; /**< that commands must carry without CURVE */
    int64_t next_heartbeat_ns;
    struct vg_active_count *active;
    size_t active_n;
    struct vg_pending pending[VG_PENDING_MAX];
    size_t pending_n;
    struct vg_answers *answers;
    struct vg_subscribers *registered;
    struct vg_buf shards; /**< the part of a heartbeat that all wards share */
    struct vg_buf text;   /**< of the message being built */
};

/** Whether the sink carries this ward; NULL and "" are "none". */
VG_NODISCARD bool vg_zeromq_carries(const struct vg_zeromq *z, const char *ward);
/** Calls fn for every ward that the sink carries: configured, seen, or listed. */
void vg_zeromq_each_ward(const struct vg_zeromq *z, void (*fn)(void *arg, const char *ward),
                         void *arg);

/* ---- zeromq_socket.c ---- */

/**
 * Opens the gate if there are keys, tests it, and binds both sockets. VG_E_CONFIG when a stranger is
 * let in, VG_E_UNAVAILABLE when an address is taken.
 */
VG_NODISCARD vg_status vg_zeromq_sockets_open(struct vg_zeromq *z, struct vg_err *err);
/** Ends every connection at once; the addresses stay claimed. */
void vg_zeromq_sockets_close(struct vg_zeromq *z, int linger_ms);

/* ---- zeromq_gate.c ---- */

/** Reads the server's pair and the allow-list; VG_E_CONFIG. */
VG_NODISCARD vg_status vg_zeromq_gate_read(struct vg_zeromq *z, struct vg_err *err);
/** Reads the allow-list again. Whether somebody who could be connected may not be any more. Files
 *  that are wrong let nobody in, and fail with VG_E_CONFIG after all others were read; a folder
 *  that is wrong changes nothing. */
VG_NODISCARD vg_status vg_zeromq_gate_reread(struct vg_zeromq *z, bool *ret_removed,
                                             struct vg_err *err);
/** Decides on a connection; a vg_zap_fn over a struct vg_zeromq. */
bool vg_zeromq_gate_decide(void *arg, const struct vg_zap_request *request,
                           char user[VG_CLIENT_NAME_SIZE]);
/** Notes that a request was refused. */
void vg_zeromq_note_refusal(struct vg_zeromq *z, const char *who, const char *why);
/** Notes that a snapshot ("subscribe") or a replay was asked for. `what` is a literal. */
void vg_zeromq_note_asked(struct vg_zeromq *z, const char *what, const char *who, const char *why);
/** Works off connections that wait at the gate. Says how many more were refused than were noted, once
 *  their minute is over. */
void vg_zeromq_gate_serve(struct vg_zeromq *z);
/** At the end: says what is not said yet. */
void vg_zeromq_gate_close(struct vg_zeromq *z);
/** ZAP domains of the two sockets. */
extern const char vg_zeromq_domain_publish[], vg_zeromq_domain_control[];

/* ---- zeromq_watch.c ---- */

/** Begins to watch both sockets, before anybody can reach them. */
void vg_zeromq_watch_open(struct vg_zeromq *z);
void vg_zeromq_watch_close(struct vg_zeromq *z); /**< also when it was not opened */
/** Counts those who listen, and notes who did not get to the gate. */
void vg_zeromq_watch_serve(struct vg_zeromq *z);

/* ---- zeromq_publish.c ---- */

VG_NODISCARD vg_status vg_zeromq_publish_event(const struct vg_zeromq *z,
                                               const struct vg_delivery *e, struct vg_err *err);
void vg_zeromq_heartbeats(struct vg_zeromq *z);
void vg_zeromq_heartbeats_when_due(struct vg_zeromq *z);

/* ---- zeromq_reply.c ---- */

/** Starts z->text with the id of a request. */
void vg_zeromq_begin(struct vg_zeromq *z, const char *id);
/** Sends z->text. False when the peer is gone or does not read: the rest of its replies is then
 *  dropped, and it asks again when it wants them. */
bool vg_zeromq_reply(struct vg_zeromq *z, const struct vg_peer *peer);
void vg_zeromq_reply_ok(struct vg_zeromq *z, const struct vg_peer *peer, const char *id);
void vg_zeromq_reply_error(struct vg_zeromq *z, const struct vg_peer *peer, const char *id,
                           const char *code, const char *message);

/* ---- zeromq_control.c ---- */

/** Serves requests that wait, a bounded number of them. Whether there may be more. */
bool vg_zeromq_control_serve(struct vg_zeromq *z);

/* ---- zeromq_order.c ---- */

/** An acknowledgement, or a command that may be given. */
void vg_zeromq_order(struct vg_zeromq *z, const struct vg_peer *peer, const struct vg_request *r);
/** A free entry for an answer that has to wait, or NULL after the answer "busy". */
struct vg_pending *vg_zeromq_pending_new(struct vg_zeromq *z, const struct vg_peer *peer,
                                         const char *id);
/** Answers what became durable. */
void vg_zeromq_pending_serve(struct vg_zeromq *z);

/* ---- zeromq_answer.c: snapshots and replays, in turns ---- */

struct vg_answers *vg_answers_new(void);
void vg_answers_free(struct vg_answers *a); /**< NULL is fine */
/** Forgets all peers and what they asked for. */
void vg_answers_clear(struct vg_answers *a);
/** Queues a snapshot or replay behind what this peer asked before; answers "busy" if that is much. */
void vg_answers_add(struct vg_zeromq *z, const struct vg_peer *peer, const struct vg_request *r);
/** Works for a few milliseconds at most, in turns by peer. */
void vg_answers_serve(struct vg_zeromq *z);
/** How long the thread may sleep: 0 while there is something to do, -1: for ever. */
VG_NODISCARD int vg_answers_wait_ms(const struct vg_answers *a);

/* ---- zeromq_subscribers.c: who must confirm ---- */

/** Checks the option; VG_E_CONFIG. */
VG_NODISCARD vg_status vg_subscribers_check(const struct vg_zeromq *z, struct vg_err *err);
struct vg_subscribers *vg_subscribers_new(const struct vg_zeromq *z);
void vg_subscribers_free(struct vg_subscribers *s); /**< NULL is fine */
/** An event is on its way to them. */
void vg_subscribers_note(struct vg_zeromq *z, const struct vg_delivery *event);
/** A request `confirm`. */
void vg_subscribers_confirm(struct vg_zeromq *z, const struct vg_peer *peer,
                            const struct vg_request *r);
/** How many there are, and of how many it is reported that they have not confirmed in time. */
void vg_subscribers_count(const struct vg_subscribers *s, uint32_t *ret_all, uint32_t *ret_late);
/** Reports who has not confirmed in time, and who has now. */
void vg_subscribers_serve(struct vg_zeromq *z);

#endif
