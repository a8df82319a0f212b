/* shared.c - the little state that threads share. */
#include "runtime/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/thread.h"

void vg_shared_init(struct vg_shared *s, const struct vg_config *config)
{
    const int64_t now_ns = vg_wall_ns();

    memset(s, 0, sizeof(*s));
    s->config = s->in_force = config;
    s->generation = 1;
    s->reloaded = (struct vg_reloaded){
        .generation = 1, .ok = true, .wall_ns = now_ns, .good_wall_ns = now_ns
    };
    pthread_rwlock_init(&s->config_lock, NULL);
    s->shard = calloc(VG_SHARDS_MAX, sizeof(*s->shard));
    VG_CHECK(s->shard != NULL);
    for (uint32_t i = 0; i < VG_SHARDS_MAX; i++) {
        atomic_init(&s->shard[i].log_ns, VG_TIME_NONE);
        atomic_init(&s->shard[i].lag, -1);
        atomic_init(&s->shard[i].snapshot_offset, -1);
    }
    vg_notices_init(&s->notices);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    atomic_init(&s->state, VG_STATE_STARTING);
}

void vg_shared_done(struct vg_shared *s)
{
    free(s->shard);
    vg_meters_done(&s->meters);
    vg_notices_done(&s->notices);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    pthread_rwlock_destroy(&s->config_lock);
}

const struct vg_config *vg_shared_look_at_config(struct vg_shared *s)
{
    pthread_rwlock_rdlock(&s->config_lock);
    return s->in_force;
}

void vg_shared_leave_config(struct vg_shared *s)
{
    pthread_rwlock_unlock(&s->config_lock);
}

void vg_shared_reloaded(struct vg_shared *s, struct vg_reloaded *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->reloaded;
    pthread_mutex_unlock(&s->lock);
}

void vg_shared_set_reloaded(struct vg_shared *s, const struct vg_reloaded *reloaded)
{
    int64_t good_ns;

    pthread_mutex_lock(&s->lock);
    good_ns = reloaded->ok ? reloaded->wall_ns : s->reloaded.good_wall_ns;
    s->reloaded = *reloaded;
    s->reloaded.good_wall_ns = good_ns;
    pthread_mutex_unlock(&s->lock);
}

bool vg_shared_trouble(struct vg_shared *s, enum vg_trouble which, const char *text)
{
    bool changed;

    pthread_mutex_lock(&s->lock);
    /* As far as it is kept: a longer text must not look new each time. */
    changed = strncmp(s->trouble[which], text, sizeof(s->trouble[which]) - 1) != 0;
    snprintf(s->trouble[which], sizeof(s->trouble[which]), "%s", text);
    pthread_mutex_unlock(&s->lock);
    return changed;
}

/* "sink a fails", "sinks a, b fail"; as many names as there is room for. */
static void name_failing(const struct vg_shared *s, char text[96])
{
    bool many = (s->failing_sinks & (s->failing_sinks - 1)) != 0;
    size_t len;

    text[0] = '\0';
    if (s->failing_sinks == 0)
        return;
    len = (size_t)snprintf(text, 96, many ? "sinks" : "sink");
    for (uint32_t i = 0; i < s->config->sinks_n; i++) {
        if (!(s->failing_sinks >> i & 1))
            continue;
        len += (size_t)snprintf(text + len, 96 - len, "%s %.40s", len > 5 ? "," : "",
                                s->config->sinks[i].name);
        if (len > 96 - 48)
            break;
    }
    snprintf(text + len, 96 - len, many ? " fail" : " fails");
}

void vg_shared_sink_fails(struct vg_shared *s, uint32_t sink, bool fails)
{
    pthread_mutex_lock(&s->lock);
    s->failing_sinks = (s->failing_sinks & ~(UINT64_C(1) << sink)) | (uint64_t)fails << sink;
    name_failing(s, s->trouble[VG_TROUBLE_SINK]);
    pthread_mutex_unlock(&s->lock);
}

static void shard_status(struct vg_shared *s, uint32_t shard, int64_t now_ns,
                         struct vg_service_status *ret)
{
    struct vg_shard_status *to = &ret->shards[ret->shards_n++];

    to->shard = shard;
    to->log_ns = atomic_load(&s->shard[shard].log_ns);
    to->wall_age_ms = (now_ns - atomic_load(&s->shard[shard].mark_mono_ns)) / VG_NS_PER_MS;
}

static void audit_status(struct vg_shared *s, struct vg_service_status *ret)
{
    struct vg_audit_end sealed = { .n = 0 };

    if (s->audit)
        vg_audit_sealed(s->audit, &sealed);
    ret->seal = sealed.n;
    memcpy(ret->seal_hash, sealed.hash, sizeof(ret->seal_hash));
}

void vg_shared_status(struct vg_shared *s, struct vg_service_status *ret)
{
    int64_t now_ns = vg_mono_ns();
    uint32_t reasons = 0;

    ret->state = (enum vg_service_state)atomic_load(&s->state);
    ret->partitions = atomic_load(&s->partitions);
    ret->shards_n = 0;
    for (uint32_t i = 0; i < ret->partitions; i++) {
        if (atomic_load(&s->shard[i].owned))
            shard_status(s, i, now_ns, ret);
    }
    memset(ret->reasons, 0, sizeof(ret->reasons));
    audit_status(s, ret);
    pthread_mutex_lock(&s->lock);
    for (int t = 0; t < VG_TROUBLE_COUNT && reasons < VG_ARRAY_LEN(ret->reasons); t++) {
        if (s->trouble[t][0])
            memcpy(ret->reasons[reasons++], s->trouble[t], sizeof(ret->reasons[0]));
    }
    pthread_mutex_unlock(&s->lock);
    if (reasons > 0 && ret->state == VG_STATE_RUNNING)
        ret->state = VG_STATE_DEGRADED;
}

/* The ticket of that command_id; 0 when it was not asked of late. */
static uint64_t asked_before(const struct vg_shared *s, const char *command_id)
{
    for (uint32_t i = 0; command_id[0] && i < VG_TICKETS_KEPT; i++) {
        if (strcmp(s->asked[i].command_id, command_id) == 0)
            return s->asked[i].ticket;
    }
    return 0;
}

static void queue(struct vg_shared *s, struct vg_request *request)
{
    struct vg_asked *asked;

    request->ticket = ++s->tickets;
    asked = &s->asked[request->ticket % VG_TICKETS_KEPT];
    memset(asked, 0, sizeof(*asked));
    asked->ticket = request->ticket;
    memcpy(asked->command_id, request->order.command_id, sizeof(asked->command_id));
    s->request[s->requests++] = *request;
}

bool vg_shared_request(struct vg_shared *s, struct vg_request *request)
{
    bool taken = true;

    pthread_mutex_lock(&s->lock);
    request->ticket = asked_before(s, request->order.command_id);
    if (request->ticket == 0 && s->requests < VG_REQUESTS_MAX)
        queue(s, request);
    else
        taken = request->ticket != 0;
    pthread_mutex_unlock(&s->lock);
    return taken;
}

bool vg_shared_take(struct vg_shared *s, struct vg_request *ret)
{
    bool any;

    pthread_mutex_lock(&s->lock);
    any = s->requests > 0;
    if (any) {
        *ret = s->request[0];
        s->requests--;
        memmove(s->request, s->request + 1, s->requests * sizeof(s->request[0]));
    }
    pthread_mutex_unlock(&s->lock);
    return any;
}

void vg_shared_answer(struct vg_shared *s, uint64_t ticket, enum vg_answer answer)
{
    struct vg_asked *asked = &s->asked[ticket % VG_TICKETS_KEPT];

    pthread_mutex_lock(&s->lock);
    if (asked->ticket == ticket) {
        asked->answered = true;
        asked->answer = answer;
        /* What never entered the log may be tried again under the same name. */
        if (answer == VG_ANSWER_BUSY || answer == VG_ANSWER_UNKNOWN_PATIENT)
            asked->command_id[0] = '\0';
    }
    pthread_mutex_unlock(&s->lock);
}

bool vg_shared_answered(struct vg_shared *s, uint64_t ticket, enum vg_answer *ret)
{
    const struct vg_asked *asked = &s->asked[ticket % VG_TICKETS_KEPT];
    bool answered;

    pthread_mutex_lock(&s->lock);
    answered = asked->ticket == ticket && asked->answered;
    *ret = asked->answer;
    pthread_mutex_unlock(&s->lock);
    return answered;
}

void vg_shared_note_ward(struct vg_shared *s, const char *ward)
{
    uint32_t i = 0;

    pthread_mutex_lock(&s->lock);
    while (i < s->wards && strcmp(s->ward[i], ward) != 0)
        i++;
    /* Beyond the room there is only no heartbeat of its own: events flow all the same. */
    if (i == s->wards && s->wards < VG_WARDS_MAX)
        snprintf(s->ward[s->wards++], VG_WARD_SIZE, "%s", ward);
    pthread_mutex_unlock(&s->lock);
}

void vg_shared_wards(struct vg_shared *s, void (*fn)(void *arg, const char *ward), void *arg)
{
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->wards; i++)
        fn(arg, s->ward[i]);
    pthread_mutex_unlock(&s->lock);
}

void vg_shared_wake(struct vg_shared *s)
{
    uint64_t one = 1;

    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->wakes; i++) {
        if (write(s->wake_fd[i], &one, sizeof(one)) < 0) {
            /* The counter is full: that sink is awake anyway. */
        }
    }
    pthread_mutex_unlock(&s->lock);
}

void vg_shared_add_wake(struct vg_shared *s, int fd)
{
    pthread_mutex_lock(&s->lock);
    VG_CHECK(s->wakes < VG_ARRAY_LEN(s->wake_fd));
    s->wake_fd[s->wakes++] = fd;
    pthread_mutex_unlock(&s->lock);
}

void vg_shared_open(struct vg_shared *s, enum vg_gate gate)
{
    pthread_mutex_lock(&s->lock);
    s->gate[gate] = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void vg_shared_wait(struct vg_shared *s, enum vg_gate gate)
{
    pthread_mutex_lock(&s->lock);
    while (!s->gate[gate])
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}
