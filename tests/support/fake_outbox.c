/* fake_outbox.c - an outbox in memory and the thread of a sink, for tests of sinks and clients. */
#include "tests/support/fake_outbox.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EPISODES_MAX = 1 << 16,
    WARDS_MAX = 32,
    BATCH = 64,
    LOST_MAX = 64,
    TURN_MS = 20,
    CONFIRMED_MAX = 64,
    AUDITS_MAX = 4096,
    LINE_SIZE = 192
};

struct event {
    struct vg_delivery delivery;
    uint32_t episode;
    char ward[VG_WARD_SIZE];
    char *json;
};

struct fake_outbox {
    pthread_mutex_t lock;
    struct vg_sink_env env;
    char data_dir[256];
    struct event *events; /* [n], seq = index + 1 */
    size_t n, cap;
    uint64_t forgotten, kept;      /* events up to here are gone, but for one */
    uint64_t newest[EPISODES_MAX]; /* seq of the newest event of each episode */
    char wards[WARDS_MAX][VG_WARD_SIZE];
    size_t wards_n;
    struct vg_service_status status;
    struct vg_shard_status shards[VG_SHARDS_MAX];
    uint64_t lost[LOST_MAX];
    size_t lost_n;
    bool durable;
    uint64_t tickets;
    struct confirmed {
        char subscriber[VG_NAME_SIZE], ward[VG_WARD_SIZE];
        uint64_t seq;
    } confirmed[CONFIRMED_MAX];
    size_t confirmed_n;
    char notice[LINE_SIZE];
    size_t notices;
    struct vg_subscriber_count subscribers;
    char (*audit)[LINE_SIZE]; /* [AUDITS_MAX] */
    size_t audits;
    int wake_fd;
};

struct fake_sink {
    const struct vg_sink_ops *ops;
    void *self;
    struct fake_outbox *o;
    uint64_t cursor, repeat_until;
    pthread_t thread;
    atomic_bool stop, frozen, reload;
};

static bool in_ward(const struct event *e, const char *ward)
{
    return !ward || !*ward || strcmp(e->ward, ward) == 0;
}

static void add_ward(struct fake_outbox *o, const char *ward)
{
    for (size_t i = 0; i < o->wards_n; i++) {
        if (strcmp(o->wards[i], ward) == 0)
            return;
    }
    VG_CHECK(o->wards_n < WARDS_MAX);
    snprintf(o->wards[o->wards_n++], VG_WARD_SIZE, "%s", ward);
}

static bool is_held(const struct fake_outbox *o, size_t i)
{
    return i >= o->forgotten || i + 1 == o->kept;
}

static vg_status read_events(void *ctx, const char *ward, uint64_t after, size_t max,
                             vg_event_fn fn, void *arg, struct vg_err *err)
{
    struct fake_outbox *o = ctx;
    vg_status st = VG_OK;

    (void)err;
    pthread_mutex_lock(&o->lock);
    for (size_t i = after; i < o->n && max > 0 && st == VG_OK; i++) {
        if (is_held(o, i) && in_ward(&o->events[i], ward)) {
            st = fn(arg, &o->events[i].delivery);
            max--;
        }
    }
    pthread_mutex_unlock(&o->lock);
    return st;
}

static bool is_newest_of_open(const struct fake_outbox *o, size_t i)
{
    return o->newest[o->events[i].episode] == i + 1 && o->events[i].delivery.phase != VG_PHASE_END;
}

static vg_status open_episodes(void *ctx, const char *ward, vg_event_fn fn, void *arg,
                               uint64_t *ret_as_of, struct vg_err *err)
{
    struct fake_outbox *o = ctx;
    vg_status st = VG_OK;

    (void)err;
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n && st == VG_OK; i++) {
        if (in_ward(&o->events[i], ward) && is_newest_of_open(o, i))
            st = fn(arg, &o->events[i].delivery);
    }
    *ret_as_of = o->n;
    pthread_mutex_unlock(&o->lock);
    return st;
}

static void extent(void *ctx, const char *ward, uint64_t *ret_last, uint64_t *ret_oldest)
{
    struct fake_outbox *o = ctx;

    *ret_last = *ret_oldest = 0;
    pthread_mutex_lock(&o->lock);
    for (size_t i = o->n; i > 0 && !*ret_last; i--) {
        if (is_held(o, i - 1) && in_ward(&o->events[i - 1], ward))
            *ret_last = i;
    }
    for (size_t i = 0; i < o->n && !*ret_oldest; i++) {
        if (is_held(o, i) && in_ward(&o->events[i], ward))
            *ret_oldest = i + 1;
    }
    pthread_mutex_unlock(&o->lock);
}

static void wards(void *ctx, void (*fn)(void *arg, const char *ward), void *arg)
{
    struct fake_outbox *o = ctx;
    char copy[WARDS_MAX][VG_WARD_SIZE];
    size_t n;

    pthread_mutex_lock(&o->lock);
    memcpy(copy, o->wards, sizeof(copy));
    n = o->wards_n;
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 0; i < n; i++)
        fn(arg, copy[i]);
}

static void status(void *ctx, struct vg_service_status *ret)
{
    struct fake_outbox *o = ctx;
    struct vg_shard_status *shards = ret->shards;

    pthread_mutex_lock(&o->lock);
    *ret = o->status;
    ret->shards = shards;
    memcpy(shards, o->shards, o->status.shards_n * sizeof(shards[0]));
    pthread_mutex_unlock(&o->lock);
}

static void episode_id(uint32_t episode, uint8_t id[16])
{
    memset(id, 0xab, 16);
    memcpy(id + 12, &episode, sizeof(episode));
}

void fake_outbox_episode(uint32_t episode, char out[VG_EPISODE_TEXT_SIZE])
{
    uint8_t id[16];

    episode_id(episode, id);
    vg_episode_text(id, out);
}

static bool may_know(const struct vg_strings *only, const char *ward)
{
    for (size_t i = 0; only && i < only->n; i++) {
        if (strcmp(only->value[i], ward) == 0)
            return true;
    }
    return !only;
}

/* What is about a patient is obeyed without an event; an episode's order gives one. */
static vg_status order(void *ctx, const struct vg_order *what, const char *patient,
                       const struct vg_strings *only, uint64_t *ret_ticket, struct vg_answered *ret,
                       struct vg_err *err)
{
    struct fake_outbox *o = ctx;
    const struct event *newest = NULL;
    uint32_t episode, number = 0;
    char ward[VG_WARD_SIZE];

    (void)ret;
    pthread_mutex_lock(&o->lock);
    if (patient[0]) {
        *ret_ticket = ++o->tickets;
        pthread_mutex_unlock(&o->lock);
        return VG_OK;
    }
    for (size_t i = 0; i < o->n; i++) {
        if (memcmp(o->events[i].delivery.episode_id, what->episode_id, 16) == 0)
            newest = &o->events[i];
    }
    if (newest && !may_know(only, newest->ward))
        newest = NULL;
    if (!newest || newest->delivery.phase == VG_PHASE_END) {
        pthread_mutex_unlock(&o->lock);
        return vg_fail_option(err, VG_E_RANGE, newest ? "already_ended" : "unknown_episode",
                              "no such open episode");
    }
    episode = newest->episode;
    number = newest->delivery.number + 1;
    snprintf(ward, sizeof(ward), "%s", newest->ward);
    *ret_ticket = ++o->tickets;
    pthread_mutex_unlock(&o->lock);
    fake_outbox_add(o, ward, episode, number,
                    what->kind == VG_ORDER_KIND_ACKNOWLEDGE ? VG_PHASE_ACKNOWLEDGE
                                                            : VG_PHASE_UPDATE);
    return VG_OK;
}

static bool answered(void *ctx, uint64_t ticket, struct vg_answered *ret)
{
    struct fake_outbox *o = ctx;
    bool durable;

    pthread_mutex_lock(&o->lock);
    VG_CHECK(ticket <= o->tickets);
    vg_answered_set(ret, VG_ANSWER_OK);
    durable = o->durable;
    pthread_mutex_unlock(&o->lock);
    return durable;
}

static void notify(void *ctx, enum vg_notice notice, const char *subject, const char *text)
{
    struct fake_outbox *o = ctx;

    (void)notice;
    (void)subject;
    pthread_mutex_lock(&o->lock);
    snprintf(o->notice, sizeof(o->notice), "%s", text ? text : "");
    o->notices++;
    pthread_mutex_unlock(&o->lock);
}

size_t fake_outbox_notices(struct fake_outbox *o, char *out, size_t size)
{
    size_t n;

    pthread_mutex_lock(&o->lock);
    snprintf(out, size, "%s", o->notice);
    n = o->notices;
    pthread_mutex_unlock(&o->lock);
    return n;
}

static struct confirmed *find_confirmed(struct fake_outbox *o, const char *subscriber,
                                        const char *ward)
{
    for (size_t i = 0; i < o->confirmed_n; i++) {
        if (strcmp(o->confirmed[i].subscriber, subscriber) == 0 &&
            strcmp(o->confirmed[i].ward, ward) == 0)
            return &o->confirmed[i];
    }
    return NULL;
}

static void confirm(void *ctx, const char *subscriber, const char *ward, uint64_t seq)
{
    struct fake_outbox *o = ctx;
    struct confirmed *c;

    pthread_mutex_lock(&o->lock);
    c = find_confirmed(o, subscriber, ward);
    if (!c) {
        VG_CHECK(o->confirmed_n < CONFIRMED_MAX);
        c = &o->confirmed[o->confirmed_n++];
        snprintf(c->subscriber, sizeof(c->subscriber), "%s", subscriber);
        snprintf(c->ward, sizeof(c->ward), "%s", ward);
    }
    c->seq = seq;
    pthread_mutex_unlock(&o->lock);
}

uint64_t fake_outbox_confirmed(struct fake_outbox *o, const char *subscriber, const char *ward)
{
    const struct confirmed *c;
    uint64_t seq;

    pthread_mutex_lock(&o->lock);
    c = find_confirmed(o, subscriber, ward);
    seq = c && o->durable ? c->seq : 0;
    pthread_mutex_unlock(&o->lock);
    return seq;
}

static uint64_t confirmed(void *ctx, const char *subscriber, const char *ward)
{
    return fake_outbox_confirmed(ctx, subscriber, ward);
}

static void subscribers(void *ctx, const struct vg_subscriber_count *count)
{
    struct fake_outbox *o = ctx;

    pthread_mutex_lock(&o->lock);
    o->subscribers = *count;
    pthread_mutex_unlock(&o->lock);
}

struct vg_subscriber_count fake_outbox_subscribers(struct fake_outbox *o)
{
    struct vg_subscriber_count count;

    pthread_mutex_lock(&o->lock);
    count = o->subscribers;
    pthread_mutex_unlock(&o->lock);
    return count;
}

static void audit(void *ctx, const char *what, const char *who, const char *why)
{
    struct fake_outbox *o = ctx;

    pthread_mutex_lock(&o->lock);
    if (o->audits < AUDITS_MAX)
        snprintf(o->audit[o->audits++], LINE_SIZE, "%s %s: %s", what, who, why);
    pthread_mutex_unlock(&o->lock);
}

size_t fake_outbox_audits(struct fake_outbox *o, const char *part)
{
    size_t n = 0;

    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->audits; i++)
        n += strstr(o->audit[i], part) != NULL;
    pthread_mutex_unlock(&o->lock);
    return n;
}

struct fake_outbox *fake_outbox_new(uint8_t uuid, const char *data_dir)
{
    struct fake_outbox *o = calloc(1, sizeof(*o));
    pthread_mutexattr_t recursive;

    VG_CHECK(o);
    o->audit = calloc(AUDITS_MAX, sizeof(o->audit[0]));
    VG_CHECK(o->audit);
    /* An fn may ask for the extent while it is called from read(). */
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&o->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    snprintf(o->data_dir, sizeof(o->data_dir), "%s", data_dir ? data_dir : ".");
    o->env = (struct vg_sink_env){
        .ctx = o,
        .name = "test",
        .pipeline = "icu-a-gateway",
        .version = "0.1.0",
        .data_dir = o->data_dir,
        .timeout_ns = 200 * VG_NS_PER_MS,
        .read = read_events,
        .open_episodes = open_episodes,
        .extent = extent,
        .wards = wards,
        .status = status,
        .order = order,
        .answered = answered,
        .notify = notify,
        .confirm = confirm,
        .confirmed = confirmed,
        .subscribers = subscribers,
        .audit = audit,
    };
    memset(o->env.outbox, uuid, sizeof(o->env.outbox));
    o->durable = true;
    o->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    add_ward(o, "none");
    fake_outbox_status(o, VG_STATE_RUNNING, 2, 2, INT64_C(1772366409) * VG_NS_PER_S, 41);
    return o;
}

void fake_outbox_free(struct fake_outbox *o)
{
    for (size_t i = 0; i < o->n; i++)
        free(o->events[i].json);
    free(o->events);
    free(o->audit);
    close(o->wake_fd);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

const struct vg_sink_env *fake_outbox_env(struct fake_outbox *o)
{
    return &o->env;
}

/* The events move when the array grows, so their pointers are set anew. */
static struct event *append(struct fake_outbox *o)
{
    if (o->n == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 64;
        o->events = realloc(o->events, o->cap * sizeof(o->events[0]));
        VG_CHECK(o->events);
        for (size_t i = 0; i < o->n; i++)
            o->events[i].delivery.ward = o->events[i].ward;
    }
    memset(&o->events[o->n], 0, sizeof(o->events[0]));
    return &o->events[o->n++];
}

static uint64_t previous_in_ward(const struct fake_outbox *o, const char *ward)
{
    for (size_t i = o->n; i > 0; i--) {
        if (in_ward(&o->events[i - 1], ward))
            return i;
    }
    return 0;
}

static char *make_json(const char *ward, uint32_t episode, uint32_t number, enum vg_phase phase)
{
    char id[VG_EPISODE_TEXT_SIZE];
    char *json;

    fake_outbox_episode(episode, id);
    VG_CHECK(asprintf(&json,
                      "{\"event_id\":\"%s.%u\",\"episode_id\":\"%s\",\"phase\":\"%s\","
                      "\"kind\":\"physiological\",\"priority\":\"high\",\"state\":\"active\","
                      "\"signal\":{\"is\":\"enabled\"},\"rule\":\"spo2_low\","
                      "\"title\":\"SpO2 below limit\",\"text\":\"SpO2 86 %% below 90 %% for 10 s\","
                      "\"patient\":\"p-%u\",\"bed\":\"%s/07\",\"ward\":\"%s\","
                      "\"time\":\"2026-03-01T12:00:10.000Z\",\"observed\":{\"value\":0.1}}",
                      id, number, id, vg_phase_name(phase), episode, ward, ward) > 0);
    return json;
}

uint64_t fake_outbox_add(struct fake_outbox *o, const char *ward, uint32_t episode, uint32_t number,
                         enum vg_phase phase)
{
    uint64_t seq, prev;
    struct event *e;

    pthread_mutex_lock(&o->lock);
    prev = previous_in_ward(o, ward);
    e = append(o);
    seq = o->n;
    VG_CHECK(episode < EPISODES_MAX);
    o->newest[episode] = seq;
    e->episode = episode;
    snprintf(e->ward, sizeof(e->ward), "%s", ward);
    e->json = make_json(ward, episode, number, phase);
    e->delivery = (struct vg_delivery){
        .seq = seq,
        .prev_seq = prev,
        .number = number,
        .phase = (uint8_t)phase,
        .time_ns = INT64_C(1772366410) * VG_NS_PER_S,
        .ward = e->ward,
        .json = e->json,
        .len = strlen(e->json),
    };
    episode_id(episode, e->delivery.episode_id);
    add_ward(o, ward);
    pthread_mutex_unlock(&o->lock);
    VG_CHECK(eventfd_write(o->wake_fd, 1) == 0);
    return seq;
}

struct vg_delivery fake_outbox_delivery(struct fake_outbox *o, uint64_t seq)
{
    struct vg_delivery d;

    pthread_mutex_lock(&o->lock);
    VG_CHECK(seq >= 1 && seq <= o->n);
    d = o->events[seq - 1].delivery;
    pthread_mutex_unlock(&o->lock);
    return d;
}

void fake_outbox_ward(struct fake_outbox *o, const char *ward)
{
    pthread_mutex_lock(&o->lock);
    add_ward(o, ward);
    pthread_mutex_unlock(&o->lock);
}

void fake_outbox_forget(struct fake_outbox *o, uint64_t seq, uint64_t kept)
{
    pthread_mutex_lock(&o->lock);
    o->forgotten = seq;
    o->kept = kept;
    pthread_mutex_unlock(&o->lock);
}

void fake_outbox_status(struct fake_outbox *o, enum vg_service_state state, uint32_t partitions,
                        uint32_t shards_n, int64_t log_ns, int64_t wall_age_ms)
{
    pthread_mutex_lock(&o->lock);
    o->status.state = state;
    o->status.partitions = partitions;
    o->status.shards_n = shards_n;
    for (uint32_t i = 0; i < shards_n; i++)
        o->shards[i] = (struct vg_shard_status){ i, log_ns, wall_age_ms };
    pthread_mutex_unlock(&o->lock);
}

void fake_outbox_reason(struct fake_outbox *o, const char *reason)
{
    pthread_mutex_lock(&o->lock);
    snprintf(o->status.reasons[0], sizeof(o->status.reasons[0]), "%s", reason);
    pthread_mutex_unlock(&o->lock);
}

void fake_outbox_lose(struct fake_outbox *o, uint64_t seq)
{
    pthread_mutex_lock(&o->lock);
    VG_CHECK(o->lost_n < LOST_MAX);
    o->lost[o->lost_n++] = seq;
    pthread_mutex_unlock(&o->lock);
}

void fake_outbox_durable(struct fake_outbox *o, bool on)
{
    pthread_mutex_lock(&o->lock);
    o->durable = on;
    pthread_mutex_unlock(&o->lock);
}

void *fake_sink_self(const struct vg_sink_ops *ops)
{
    void *self = calloc(1, ops->self_size);

    VG_CHECK(self);
    vg_options_default(ops->options, self);
    return self;
}

void fake_sink_close(const struct vg_sink_ops *ops, void *self)
{
    if (ops->close)
        ops->close(self);
    vg_options_done(ops->options, self);
    free(self);
}

void fake_sink_set(const struct vg_sink_ops *ops, void *self, const char *option, const char *text)
{
    const struct vg_option *row = vg_option_find(ops->options, option);
    struct vg_err err;

    VG_CHECK(row && vg_option_set(row, self, text, &err) == VG_OK);
}

void fake_sink_add(const struct vg_sink_ops *ops, void *self, const char *option, const char *key,
                   const char *text)
{
    const struct vg_option *row = vg_option_find(ops->options, option);
    struct vg_err err;

    VG_CHECK(row && vg_option_add(row, self, key, text, &err) == VG_OK);
}

static bool is_lost(const struct fake_outbox *o, uint64_t seq)
{
    for (size_t i = 0; i < o->lost_n; i++) {
        if (o->lost[i] == seq)
            return true;
    }
    return false;
}

/* Copies, so that the sink does not see the array move. */
static size_t next_batch(struct fake_sink *s, struct vg_delivery batch[BATCH])
{
    struct fake_outbox *o = s->o;
    size_t n = 0;

    pthread_mutex_lock(&o->lock);
    while (n < BATCH && s->cursor + n < o->n) {
        batch[n] = o->events[s->cursor + n].delivery;
        batch[n].repeat = batch[n].seq <= s->repeat_until;
        batch[n].ward = strdup(batch[n].ward);
        n++;
    }
    pthread_mutex_unlock(&o->lock);
    return n;
}

static bool deliver_some(struct fake_sink *s)
{
    struct vg_delivery batch[BATCH];
    size_t n = next_batch(s, batch);
    struct vg_err err = { 0 };

    for (size_t i = 0; i < n; i++) {
        size_t done = 0;

        if (!is_lost(s->o, batch[i].seq))
            VG_CHECK(s->ops->deliver(s->self, &batch[i], 1, &done, &err) == VG_OK);
        free((char *)batch[i].ward);
    }
    s->cursor += n;
    return n > 0;
}

static void *run(void *arg)
{
    struct fake_sink *s = arg;
    struct vg_err err = { 0 };
    vg_status st = s->ops->open(s->self, &s->o->env, &err);

    if (st != VG_OK)
        fprintf(stderr, "open: %s\n", err.msg);
    VG_CHECK(st == VG_OK);
    while (!s->stop) {
        eventfd_t count;

        if (s->frozen) {
            poll(NULL, 0, TURN_MS);
            continue;
        }
        if (s->reload) {
            if (s->ops->reload(s->self, &err) != VG_OK)
                fprintf(stderr, "reload: %s\n", err.msg);
            s->reload = false;
        }
        (void)eventfd_read(s->o->wake_fd, &count);
        if (!deliver_some(s) && s->ops->serve)
            s->ops->serve(s->self, s->o->wake_fd, TURN_MS);
        else if (s->ops->serve)
            s->ops->serve(s->self, -1, 0);
    }
    while (!s->frozen && deliver_some(s))
        continue;
    s->ops->close(s->self);
    return NULL;
}

struct fake_sink *fake_sink_start(const struct vg_sink_ops *ops, void *self, struct fake_outbox *o,
                                  uint64_t cursor)
{
    struct fake_sink *s = calloc(1, sizeof(*s));

    VG_CHECK(s);
    s->ops = ops;
    s->self = self;
    s->o = o;
    s->cursor = cursor;
    s->repeat_until = cursor ? o->n : 0;
    VG_CHECK(pthread_create(&s->thread, NULL, run, s) == 0);
    return s;
}

void fake_sink_freeze(struct fake_sink *s, bool on)
{
    s->frozen = on;
}

void fake_sink_reload(struct fake_sink *s)
{
    s->reload = true;
    while (s->reload)
        poll(NULL, 0, 1);
}

void fake_sink_stop(struct fake_sink *s)
{
    s->stop = true;
    pthread_join(s->thread, NULL);
    vg_options_done(s->ops->options, s->self);
    free(s->self);
    free(s);
}

int fake_free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    VG_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    close(fd);
    return ntohs(address.sin_port);
}
