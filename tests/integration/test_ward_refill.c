/* test_ward_refill.c - what is read back for the ward page: which rows, how far, and how it ends. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/ward_refill.h"

enum { SHARDS = 3, RECORDS = 100, SPO2 = VG_CHANNEL_spo2, HR = VG_CHANNEL_hr };

static const int64_t START = INT64_C(1767225600) * VG_NS_PER_S;

/* ---- a log of RECORDS records in each shard, one row each ---- */

struct log {
    char *start; /* option */
    uint32_t next;
    bool paused[SHARDS], told[SHARDS], opened;
};

static char began_at[64];
static bool fails, closed;

static const struct vg_option log_options[] = {
    VG_OPT_STRING(struct log, start, "start", "latest", 0, "Where it begins."),
    VG_OPT_END,
};

static vg_status log_open(void *self, const struct vg_source_env *env, struct vg_source_info *ret,
                          struct vg_err *err)
{
    struct log *l = self;

    cr_expect(env->until_end && !env->assigned, "it joins nothing and says nothing of positions");
    if (fails)
        return vg_fail(err, VG_E_UNAVAILABLE, "no broker");
    snprintf(began_at, sizeof(began_at), "%s", l->start);
    l->opened = true;
    *ret = (struct vg_source_info){ .shards = SHARDS };
    return VG_OK;
}

static vg_status log_start(void *self, struct vg_err *err)
{
    (void)self;
    (void)err;
    return VG_OK;
}

static enum vg_poll log_poll(void *self, int timeout_ms, struct vg_record *record,
                             struct vg_err *err)
{
    struct log *l = self;

    (void)timeout_ms;
    (void)err;
    for (; l->next < SHARDS * RECORDS; l->next++) {
        uint32_t shard = l->next % SHARDS;

        if (l->paused[shard])
            continue;
        *record = (struct vg_record){ .shard = shard,
                                      .offset = l->next / SHARDS,
                                      .time_ns = START + l->next / SHARDS * VG_NS_PER_S };
        l->next++;
        return VG_POLL_RECORD;
    }
    for (uint32_t i = 0; i < SHARDS; i++) {
        if (l->told[i])
            continue;
        l->told[i] = true;
        record->shard = i;
        return VG_POLL_REACHED;
    }
    return VG_POLL_NOTHING;
}

static void log_pause(void *self, uint32_t shard)
{
    ((struct log *)self)->paused[shard] = true;
}

static void log_close(void *self)
{
    (void)self;
    closed = true;
}

static const struct vg_source_ops log_ops = {
    .name = "log",
    .options = log_options,
    .self_size = sizeof(struct log),
    .open = log_open,
    .start = log_start,
    .poll = log_poll,
    .pause = log_pause,
    .close = log_close,
};

static vg_status decode(void *self, const struct vg_message *message,
                        const struct vg_decoded **rows, size_t *n, struct vg_fault *fault)
{
    static struct vg_decoded row;

    (void)self;
    (void)message;
    (void)fault;
    row = (struct vg_decoded){ .usable = true, .time = VG_DECODED_TIME_NONE };
    strcpy(row.patient, "p-1");
    strcpy(row.bed, "icu-a/01");
    row.value[HR] = 80;
    row.quality[HR] = VG_Q_GOOD;
    row.value[SPO2] = 0;
    row.quality[SPO2] = VG_Q_GOOD;
    *rows = &row;
    *n = 1;
    return VG_OK;
}

static const struct vg_decoder_ops decoder_ops = { .name = "plain", .decode = decode };

/* ---- a service that runs ---- */

static struct vg_config config;
static struct vg_shared shared;
static struct vg_observed what;
static struct log source;

static void setup(void)
{
    static char name[] = "test", start[] = "latest";

    source = (struct log){ .start = start };
    config.service.name = name;
    config.service.http_refill_ns = 3600 * VG_NS_PER_S;
    config.source.ops = &log_ops;
    config.source.self = &source;
    config.source.decoder = &decoder_ops;
    config.source.decoder_self = name;
    vg_shared_init(&shared, &config);
    what = (struct vg_observed){ .config = &config, .shared = &shared };
    atomic_store(&shared.partitions, SHARDS);
    for (uint32_t i = 0; i < SHARDS; i++) {
        atomic_store(&shared.shard[i].owned, true);
        atomic_store(&shared.shard[i].live, true);
    }
}

static void teardown(void)
{
    vg_shared_done(&shared);
}

TestSuite(ward_refill, .init = setup, .fini = teardown, .timeout = 30);

static struct vg_ward_refill *begin(void)
{
    struct vg_ward_refill *r = vg_ward_refill_start(&what);

    cr_assert_not_null(r);
    return r;
}

/* All rows, until it has ended; `last` is the newest of them. */
static int take_all(struct vg_ward_refill *r, struct vg_refilled *last)
{
    int n = 0;

    for (bool ended = false; !ended;) {
        const struct vg_refilled *row;

        ended = vg_ward_refill_ended(r);
        for (; (row = vg_ward_refill_next(r)); n++)
            *last = *row;
        if (!ended)
            vg_thread_sleep(VG_NS_PER_MS);
    }
    return n;
}

Test(ward_refill, rows_come_up_to_the_end_and_nobody_has_judged_them)
{
    struct vg_refilled last;
    struct vg_ward_refill *r = begin();
    int n;

    atomic_store(&shared.state, VG_STATE_RUNNING);
    n = take_all(r, &last);
    cr_expect_eq(n, SHARDS * RECORDS, "%d rows", n);
    cr_expect_eq(last.log_ns, START + (RECORDS - 1) * VG_NS_PER_S);
    cr_expect_eq(last.event_ns, last.log_ns);
    cr_expect_str_eq(last.patient.ward, "icu-a");
    cr_expect_eq(last.quality[HR], VG_Q_SUSPECT);
    cr_expect_eq(last.quality[SPO2], VG_Q_INVALID, "0 %% is a probe that is off");
    cr_expect(closed);
    cr_expect_not(source.opened, "the chain's own source is untouched");
    cr_expect_str_neq(began_at, "latest");
    vg_ward_refill_stop(r);
}

Test(ward_refill, partitions_of_other_instances_are_left_alone)
{
    struct vg_refilled last;
    struct vg_ward_refill *r;

    atomic_store(&shared.shard[1].owned, false);
    r = begin();
    atomic_store(&shared.state, VG_STATE_RUNNING);
    cr_expect_eq(take_all(r, &last), (SHARDS - 1) * RECORDS);
    vg_ward_refill_stop(r);
}

Test(ward_refill, it_waits_for_recovery_and_ends_with_the_service)
{
    struct vg_ward_refill *r;

    atomic_store(&shared.shard[2].live, false);
    atomic_store(&shared.state, VG_STATE_RUNNING);
    r = begin();
    for (int i = 0; i < 20; i++) {
        cr_assert_null(vg_ward_refill_next(r));
        vg_thread_sleep(5 * VG_NS_PER_MS);
    }
    cr_expect_str_eq(began_at, "");
    atomic_store(&shared.stop, true);
    vg_ward_refill_stop(r);
}

Test(ward_refill, a_source_that_is_away_leaves_a_gap_and_no_harm)
{
    struct vg_refilled last;
    struct vg_ward_refill *r;

    fails = true;
    r = begin();
    atomic_store(&shared.state, VG_STATE_RUNNING);
    cr_expect_eq(take_all(r, &last), 0);
    cr_expect(closed);
    vg_ward_refill_stop(r);
}

Test(ward_refill, a_reader_that_takes_nothing_holds_it_up_and_not_its_end)
{
    struct vg_ward_refill *r = begin();

    atomic_store(&shared.state, VG_STATE_RUNNING);
    vg_ward_refill_stop(r);
}

Test(ward_refill, none_is_started_when_nothing_is_to_be_read_back)
{
    config.service.http_refill_ns = 0;
    cr_expect_null(vg_ward_refill_start(&what));
}
