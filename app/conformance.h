/* conformance.h - the parts of `vigil alerts conformance`: scenarios, an outbox in memory, a publisher.
 *
 * A scenario is a list of steps. They are gone through twice: once to say what a right client reports,
 * and once to do it. Both make the same events, from the seed. Everything is for one thread.
 */
#ifndef VG_APP_CONFORMANCE_H
#define VG_APP_CONFORMANCE_H

#include "app/random.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"

/* id, what its number says. A step that waits fails after a time. */
#define VG_CONFORMANCE_STEPS(X)                                                        \
    X(WAIT_SYNCED) /* for a snapshot that was answered to its end */                   \
    X(WAIT_TOLD)   /* until all events were sent, live or in a replay */               \
    X(WAIT_TRUNCATED)                                                                  \
    X(WAIT_REFUSED) /* for a client that was turned away and has come again */         \
    X(WAIT_ACKNOWLEDGED)                                                               \
    X(WAIT_UNKNOWN) /* for an acknowledgement of an episode that is not there */       \
    X(ADD)          /* n events, published */                                          \
    X(BURST)        /* as many as the user says, one of 16 not published */            \
    X(LOSE)         /* n events that only heartbeats and replays show */               \
    X(REPEAT)       /* publishes the newest n once more */                             \
    X(FORGET)       /* nothing so far is held any longer */                            \
    X(RENEW)        /* another outbox */                                               \
    X(AGAIN)        /* the first n events of the old outbox are in the new one, too */ \
    X(RUBBISH)      /* frames that no client understands */                            \
    X(TEAR)         /* the second event of the next replay does not get through */     \
    X(SILENT)       /* no heartbeat for n ms */                                        \
    X(BEAT)         /* heartbeats for n ms */                                          \
    X(AGE)          /* wall_age_ms of all shards is n */                               \
    X(UNCOVER)      /* nobody processes shard n */                                     \
    X(COVER)                                                                           \
    X(ADMIT)  /* the key is no longer refused */                                       \
    X(EXPECT) /* the client reports the notice `text`; of shard n, if n > 0 */

enum vg_conformance_act {
#define VG_CONFORMANCE_ENUM(id) VG_CONFORMANCE_##id,
    VG_CONFORMANCE_STEPS(VG_CONFORMANCE_ENUM)
#undef VG_CONFORMANCE_ENUM
};

enum { VG_CONFORMANCE_STEPS_MAX = 16, VG_CONFORMANCE_WARDS = 2, VG_CONFORMANCE_SHARDS = 4 };

struct vg_conformance_step {
    enum vg_conformance_act act;
    uint32_t n;
    const char *text;
};

struct vg_conformance_scenario {
    const char *name, *about;
    bool curve; /**< with keys, the client's refused at first */
    uint32_t steps;
    struct vg_conformance_step step[VG_CONFORMANCE_STEPS_MAX];
};

extern const struct vg_conformance_scenario vg_conformance_scenarios[];
extern const size_t vg_conformance_scenarios_n;
/** NULL: there is none of that name. */
const struct vg_conformance_scenario *vg_conformance_find(const char *name);

/* ---- conformance_outbox.c ---- */

extern const char *const vg_conformance_wards[VG_CONFORMANCE_WARDS];

struct vg_conformance_event {
    uint64_t seq, prev_seq;
    uint32_t ward;
    bool begins;   /**< opens its episode; the next one of the ward ends it */
    bool told;     /**< was sent, live or in an answer, or cannot be had any more */
    bool optional; /**< cannot be had any more, but a snapshot may hold it */
    bool again;    /**< an outbox before this one had it */
    uint8_t episode[16];
    uint32_t number;
    char *json;
    size_t len;
};

struct vg_conformance_outbox {
    struct vg_random random;
    uint8_t uuid[16];
    struct vg_conformance_event *event; /**< seq is its place + 1 */
    size_t n, cap;
    uint64_t forgotten; /**< newest seq that is not held */
    uint64_t last[VG_CONFORMANCE_WARDS];
    struct vg_conformance_event *old; /**< of the outbox before it */
    size_t old_n;
};

void vg_conformance_outbox_init(struct vg_conformance_outbox *o, uint64_t seed);
void vg_conformance_outbox_done(struct vg_conformance_outbox *o);
/** The next event of a ward that the seed chooses. Valid until the next one is added. */
struct vg_conformance_event *vg_conformance_add(struct vg_conformance_outbox *o);
/** The acknowledgement of the newest event of its episode; NULL: it is not open. */
struct vg_conformance_event *vg_conformance_acknowledge(struct vg_conformance_outbox *o,
                                                        const uint8_t episode[16], const char *by);
void vg_conformance_renew(struct vg_conformance_outbox *o);
/** Event `i` of the outbox before, as the next of this one. */
struct vg_conformance_event *vg_conformance_again(struct vg_conformance_outbox *o, size_t i);
/** The newest event of the open episode of a ward; NULL: none is open. */
struct vg_conformance_event *vg_conformance_open(struct vg_conformance_outbox *o, uint32_t ward);
/** The oldest event with seq <= `up_to` that was not told; `ward` VG_CONFORMANCE_WARDS: of all. */
const struct vg_conformance_event *vg_conformance_untold(const struct vg_conformance_outbox *o,
                                                         uint32_t ward, uint64_t up_to);

/* ---- conformance_publish.c ---- */

enum { VG_CONFORMANCE_ADDRESS_SIZE = 256, VG_CONFORMANCE_KEY_SIZE = 41 };

struct vg_conformance_publisher;

/** Says whether something that a client did was right: a line on standard output. */
typedef void (*vg_conformance_check_fn)(void *arg, const char *check, bool ok, const char *text);

/** What clients did so far. */
struct vg_conformance_seen {
    bool subscribed;                /**< somebody is, now */
    bool came;                      /**< somebody ever was */
    uint32_t synced;                /**< snapshots, and replays that ended with next >= last */
    uint32_t truncated;             /**< answers that said so */
    uint32_t refused;               /**< connections turned away */
    uint32_t acknowledged, unknown; /**< acknowledgements with ok; those of no open episode */
};

/** `publish` may end with ":*", a free port; the other socket is then on another one. Keys and
 *  addresses are filled in. Fails with VG_E_UNAVAILABLE. */
VG_NODISCARD vg_status vg_conformance_open_sockets(struct vg_conformance_publisher **ret,
                                                   struct vg_conformance_outbox *outbox,
                                                   const char *publish, const char *control,
                                                   bool curve, vg_conformance_check_fn check,
                                                   void *arg, struct vg_err *err);
void vg_conformance_close(struct vg_conformance_publisher *p);

struct vg_conformance_addresses {
    char publish[VG_CONFORMANCE_ADDRESS_SIZE], control[VG_CONFORMANCE_ADDRESS_SIZE];
    char server_key[VG_CONFORMANCE_KEY_SIZE]; /**< "" without keys */
    char public_key[VG_CONFORMANCE_KEY_SIZE], secret_key[VG_CONFORMANCE_KEY_SIZE];
};

const struct vg_conformance_addresses *
vg_conformance_addresses(const struct vg_conformance_publisher *p);
const struct vg_conformance_seen *vg_conformance_seen(const struct vg_conformance_publisher *p);

/** Answers, and sends heartbeats, for at most `ms`, or until a message was worked off. */
void vg_conformance_serve(struct vg_conformance_publisher *p, int64_t ms);
void vg_conformance_publish(struct vg_conformance_publisher *p,
                            const struct vg_conformance_event *e, bool repeat);
void vg_conformance_rubbish(struct vg_conformance_publisher *p);

/** What heartbeats say, and the next answer. */
struct vg_conformance_state {
    bool silent, closing, tear, admit;
    uint32_t age_ms;
    uint32_t uncovered; /**< shard; 0: none */
};

struct vg_conformance_state *vg_conformance_state(struct vg_conformance_publisher *p);

/* ---- conformance.c ---- */

/** `vigil alerts conformance`; argv[0] is "conformance". Returns the exit code. */
int vg_alerts_conformance(int argc, char **argv);

#endif
