/* zeromq_answer.c - snapshots and replays, in turns.
 *
 * They cost reading, and one who asks for many must not delay what others wait for. So each peer has
 * a queue and one answer of it in work; peers take turns, a turn is one snapshot or a part of a
 * replay, and after a few milliseconds live events and heartbeats come first again. Snapshots are the
 * dear ones: a peer has so many of them a second.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/text.h"
#include "sinks/zeromq_private.h"

enum {
    QUEUE_MAX = 64,   /* requests that a peer may have waiting */
    PEERS_MAX = 4096, /* that have something waiting, or had a snapshot of late */
    PART = 256,       /* events read in one turn of a replay */
    SNAPSHOTS_BURST = 64,
    SNAPSHOTS_PER_S = 16,
    RETRY_MS = 20,
};

static const int64_t turn_ns = 2 * VG_NS_PER_MS;
static const int64_t forget_ns = 60 * VG_NS_PER_S;

/* A request that is being answered. */
struct job {
    struct job *next;
    enum vg_request_kind kind;
    char id[VG_REQUEST_ID_SIZE];
    char ward[VG_WARD_SIZE];
    uint64_t after;    /* as asked */
    uint64_t next_seq; /* what the next part reads after */
    uint32_t credit;   /* left */
    bool sent;         /* an event of it was answered */
};

struct asker {
    struct asker *next; /* in the ring */
    struct vg_peer peer;
    struct job *first, *last;
    unsigned jobs;
    double tokens; /* snapshots that it may have now */
    int64_t tokens_ns;
};

struct vg_answers {
    struct asker *ring; /* the one whose turn it is comes first */
    size_t n;
    bool starved; /* of what waits, nothing may go on now */
};

/* What the callbacks of a read work on. */
struct turn {
    struct vg_zeromq *z;
    struct asker *a;
    struct job *job;
    size_t read;
    bool gone, truncated;
};

struct vg_answers *vg_answers_new(void)
{
    struct vg_answers *a = calloc(1, sizeof(*a));

    VG_CHECK(a);
    return a;
}

static void drop_job(struct asker *a)
{
    struct job *job = a->first;

    a->first = job->next;
    if (!a->first)
        a->last = NULL;
    a->jobs--;
    free(job);
}

void vg_answers_clear(struct vg_answers *answers)
{
    while (answers->ring) {
        struct asker *a = answers->ring;

        answers->ring = a->next;
        while (a->first)
            drop_job(a);
        free(a);
    }
    answers->n = 0;
}

void vg_answers_free(struct vg_answers *a)
{
    if (!a)
        return;
    vg_answers_clear(a);
    free(a);
}

static void refill(struct asker *a, int64_t now)
{
    double more = (double)(now - a->tokens_ns) / (double)VG_NS_PER_S * SNAPSHOTS_PER_S;

    a->tokens = a->tokens + more > SNAPSHOTS_BURST ? SNAPSHOTS_BURST : a->tokens + more;
    a->tokens_ns = now;
}

static bool same_peer(const struct vg_peer *a, const struct vg_peer *b)
{
    return a->n == b->n && memcmp(a->id, b->id, a->n) == 0;
}

/* The newcomer goes to the end of the ring. */
static struct asker *find_asker(struct vg_answers *answers, const struct vg_peer *peer)
{
    struct asker **at = &answers->ring;

    for (; *at; at = &(*at)->next) {
        if (same_peer(&(*at)->peer, peer))
            return *at;
    }
    if (answers->n == PEERS_MAX)
        return NULL;
    *at = calloc(1, sizeof(**at));
    VG_CHECK(*at);
    (*at)->peer = *peer;
    (*at)->tokens = SNAPSHOTS_BURST;
    (*at)->tokens_ns = vg_mono_ns();
    answers->n++;
    return *at;
}

void vg_answers_add(struct vg_zeromq *z, const struct vg_peer *peer, const struct vg_request *r)
{
    struct asker *a = find_asker(z->answers, peer);
    struct job *job;

    if (!a || a->jobs == QUEUE_MAX) {
        vg_zeromq_reply_error(z, peer, r->id, "busy",
                              "too many requests wait; ask again when one is answered");
        return;
    }
    job = calloc(1, sizeof(*job));
    VG_CHECK(job);
    job->kind = r->kind;
    memcpy(job->id, r->id, sizeof(job->id));
    memcpy(job->ward, r->ward, sizeof(job->ward));
    job->after = job->next_seq = r->seq;
    job->credit = r->credit;
    if (a->last)
        a->last->next = job;
    else
        a->first = job;
    a->last = job;
    a->jobs++;
    z->answers->starved = false;
}

/* ---- snapshot ---- */

static vg_status answer_open(void *arg, const struct vg_delivery *event)
{
    struct turn *t = arg;
    struct vg_zeromq *z = t->z;

    if (!vg_zeromq_carries(z, event->ward))
        return VG_OK;
    vg_zeromq_begin(z, t->job->id);
    vg_buf_str(&z->text, ",\"event\":");
    vg_buf_add(&z->text, event->json, event->len);
    vg_buf_char(&z->text, '}');
    t->gone = !vg_zeromq_reply(z, &t->a->peer);
    return t->gone ? VG_E_AGAIN : VG_OK;
}

static void reply_unreadable(struct vg_zeromq *z, const struct turn *t)
{
    vg_zeromq_reply_error(z, &t->a->peer, t->job->id, "busy",
                          "the outbox cannot be read now; ask again");
}

static void snapshot(struct turn *t)
{
    struct vg_zeromq *z = t->z;
    char outbox[VG_UUID_TEXT_SIZE];
    uint64_t as_of = 0;
    struct vg_err err;
    vg_status st = z->env.open_episodes(z->env.ctx, t->job->ward, answer_open, t, &as_of, &err);

    if (t->gone)
        return;
    if (st != VG_OK) {
        reply_unreadable(z, t);
        return;
    }
    vg_format_uuid(z->env.outbox, outbox);
    vg_zeromq_begin(z, t->job->id);
    vg_buf_printf(&z->text, ",\"done\":true,\"as_of\":%llu,\"outbox\":\"%s\"}",
                  (unsigned long long)as_of, outbox);
    vg_zeromq_reply(z, &t->a->peer);
}

/* ---- replay ---- */

/* Whether events between what was answered so far and this one existed and are held no more. Retention
 * leaves single old events behind, so the oldest that is held says nothing of those after it. */
static bool is_truncated(const struct turn *t, const struct vg_delivery *event)
{
    return t->job->ward[0] ? event->prev_seq > t->job->next_seq : event->seq > t->job->next_seq + 1;
}

static void reply_truncated(struct turn *t, const struct vg_delivery *event)
{
    vg_zeromq_begin(t->z, t->job->id);
    vg_buf_printf(&t->z->text, ",\"truncated\":true,\"oldest\":%llu}",
                  (unsigned long long)event->seq);
    vg_zeromq_reply(t->z, &t->a->peer);
    t->truncated = true;
}

static vg_status answer_replay(void *arg, const struct vg_delivery *event)
{
    struct turn *t = arg;
    struct vg_zeromq *z = t->z;

    t->read++;
    if (is_truncated(t, event)) {
        /* It comes as the only answer: who has had events already is told when he asks on. */
        if (t->job->sent)
            t->job->credit = 0;
        else
            reply_truncated(t, event);
        return VG_E_AGAIN;
    }
    if (!vg_zeromq_carries(z, event->ward)) {
        t->job->next_seq = event->seq;
        return VG_OK;
    }
    t->job->sent = true;
    vg_zeromq_begin(z, t->job->id);
    vg_buf_printf(&z->text,
                  ",\"seq\":%llu,\"prev_seq\":%llu,\"event\":", (unsigned long long)event->seq,
                  (unsigned long long)event->prev_seq);
    vg_buf_add(&z->text, event->json, event->len);
    vg_buf_char(&z->text, '}');
    t->gone = !vg_zeromq_reply(z, &t->a->peer);
    t->job->next_seq = event->seq;
    /* Out of credit: the rest of what is read belongs to the next request. */
    return t->gone || --t->job->credit == 0 ? VG_E_AGAIN : VG_OK;
}

struct newest {
    const struct vg_zeromq *z;
    uint64_t last;
};

static void add_newest(void *arg, const char *ward)
{
    struct newest *n = arg;
    uint64_t last, oldest;

    n->z->env.extent(n->z->env.ctx, ward, &last, &oldest);
    n->last = last > n->last ? last : n->last;
}

/* Newest seq of the wards asked for. */
static uint64_t newest_of(const struct vg_zeromq *z, const char *ward)
{
    struct newest n = { .z = z };

    if (ward[0] == '\0' && z->wards.n > 0)
        vg_zeromq_each_ward(z, add_newest, &n);
    else
        add_newest(&n, ward);
    return n.last;
}

static void finish_replay(struct turn *t)
{
    uint64_t last = newest_of(t->z, t->job->ward);

    vg_zeromq_begin(t->z, t->job->id);
    vg_buf_printf(&t->z->text, ",\"done\":true,\"next\":%llu,\"last\":%llu}",
                  (unsigned long long)t->job->next_seq, (unsigned long long)last);
    vg_zeromq_reply(t->z, &t->a->peer);
}

/* One part. Returns whether the replay is over. */
static bool replay(struct turn *t)
{
    struct vg_zeromq *z = t->z;
    struct vg_err err;
    vg_status st =
        z->env.read(z->env.ctx, t->job->ward, t->job->next_seq, PART, answer_replay, t, &err);

    if (t->gone || t->truncated)
        return true;
    if (t->job->credit == 0 || (st == VG_OK && t->read < PART)) {
        finish_replay(t);
        return true;
    }
    if (st != VG_OK)
        reply_unreadable(z, t);
    return st != VG_OK;
}

/* ---- turns ---- */

static bool may_go_on(const struct asker *a)
{
    return a->first && (a->first->kind != VG_REQUEST_SNAPSHOT || a->tokens >= 1);
}

static void work(struct vg_zeromq *z, struct asker *a)
{
    struct turn t = { .z = z, .a = a, .job = a->first };
    bool over = true;

    if (t.job->kind == VG_REQUEST_SNAPSHOT) {
        a->tokens -= 1;
        snapshot(&t);
    } else {
        over = replay(&t);
    }
    if (over)
        drop_job(a);
}

/* Takes the first of the ring out of it, to its end or, when it has not asked for long, for good. */
static struct asker *rotate(struct vg_answers *answers, int64_t now)
{
    struct asker *a = answers->ring;
    struct asker **end = &answers->ring;

    answers->ring = a->next;
    if (!a->first && now - a->tokens_ns > forget_ns) {
        free(a);
        answers->n--;
        return NULL;
    }
    while (*end)
        end = &(*end)->next;
    a->next = NULL;
    *end = a;
    return a;
}

void vg_answers_serve(struct vg_zeromq *z)
{
    struct vg_answers *answers = z->answers;
    int64_t begin = vg_mono_ns();
    int64_t now = begin;
    size_t idle = 0;

    while (answers->ring && idle < answers->n && now - begin < turn_ns) {
        struct asker *a = rotate(answers, now);

        if (!a)
            continue;
        if (a->first)
            refill(a, now);
        if (may_go_on(a)) {
            work(z, a);
            idle = 0;
        } else {
            idle++;
        }
        now = vg_mono_ns();
    }
    answers->starved = !answers->ring || idle >= answers->n;
}

int vg_answers_wait_ms(const struct vg_answers *answers)
{
    bool waits = false;

    for (const struct asker *a = answers->ring; a; a = a->next)
        waits |= a->first != NULL;
    if (!waits)
        return -1;
    return answers->starved ? RETRY_MS : 0;
}
