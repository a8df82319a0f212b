/* service_parts.h - the files of a service among themselves.
 *
 *   service.c         one run from its start to its end: signals, watching, the summary
 *   service_start.c   the parts are made and started, so that nothing moves before all are there
 *   service_stop.c    they are drained and taken down, in the direction of the data
 *   service_audit.c   what the service itself writes into the audit log
 *   service_reload.c  the configuration is read again
 *
 * All of it runs in the main thread, the supervisor, but for a reload, which has its own.
 */
#ifndef VG_RUNTIME_SERVICE_PARTS_H
#define VG_RUNTIME_SERVICE_PARTS_H

#include "runtime/commit.h"
#include "runtime/ingest.h"
#include "runtime/node.h"
#include "runtime/notify.h"
#include "runtime/observer.h"
#include "runtime/rates.h"
#include "runtime/service.h"

struct vg_service_chain {
    struct vg_planned_stage *stage; /* [stages]; the reload's thread's once it runs */
    struct vg_node *node;           /* [stages] */
};

struct vg_service_reload {
    struct vg_thread thread;
    pthread_mutex_t lock; /* for asked and ending */
    pthread_cond_t changed;
    bool asked, ending;
    struct vg_config *config; /* in force, unless that is the one of the start */
};

struct vg_service {
    const struct vg_config *config; /* of the start */
    struct vg_run_options options;
    struct vg_shared shared;
    struct vg_outbox *outbox;
    void *zmq;
    struct vg_layout layout;
    struct vg_watches watches;
    uint32_t workers;
    struct vg_pool **pool;
    struct vg_service_chain *chain; /* [workers] */
    char (*endpoint)[64];           /* [workers]: first link of each chain */
    struct vg_feed *feed;           /* [sinks] */
    struct vg_letter_feed letters;
    struct vg_writer writer;
    struct vg_commit commit;
    struct vg_ingest ingest;
    struct vg_change change;
    struct vg_service_reload reload;
    struct vg_observer observer;
    struct vg_notify notify; /* systemd */
    int wake_fd;             /* a thread has ended */
    int signal_fd;           /* SIGTERM, SIGINT, SIGHUP */
    bool stopping;
    int signal; /* that ended it; 0: none */
    uint64_t seal_told;
    int64_t deadline_ns;
    int64_t began_ns;
};

/* ---- service_start.c ---- */

/** Builds and starts everything; returns once it runs. */
VG_NODISCARD vg_status vg_service_start(struct vg_service *s, struct vg_err *err);

/* ---- service.c ---- */

/** From now on the service stops; service.shutdown.drain_timeout begins. Once. */
void vg_service_begin_stop(struct vg_service *s);
/** Handles signals, and looks after what is due. Waits for at most 100 ms. Fails when it is time to
 *  give up. */
VG_NODISCARD vg_status vg_service_watch(struct vg_service *s, struct vg_err *err);

/* ---- service_reload.c ---- */

/** Once everything runs. */
VG_NODISCARD vg_status vg_service_reload_start(struct vg_service *s, struct vg_err *err);
/** Has the configuration read again, soon. */
void vg_service_reload_ask(struct vg_service *s);
/** Has the thread end: what has not begun to take over is refused. */
void vg_service_reload_end(struct vg_service *s);
void vg_service_reload_done(struct vg_service *s);

/* ---- service_stop.c ---- */

/** Waits until everything that was read is durable and delivered, and every thread has ended. */
VG_NODISCARD vg_status vg_service_drain(struct vg_service *s, struct vg_err *err);
/** Frees what a drained service holds. */
void vg_service_done(struct vg_service *s);

/* ---- service_audit.c ---- */

/** Behind the outbox, whose lock says that no other process runs in this folder. */
VG_NODISCARD vg_status vg_service_audit_start(struct vg_service *s, struct vg_err *err);
void vg_service_audit_look(struct vg_service *s);
/** The last record, and a seal over all of them; `st` and `err` say how the service ended. */
void vg_service_audit_stop(struct vg_service *s, vg_status st, const struct vg_err *err);

#endif
