/* kafka_trouble.c - what librdkafka complains of: collected here, returned by poll(). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "core/clock.h"
#include "ingest/kafka_parts.h"

static const int64_t quiet_ns = 10 * VG_NS_PER_S;
static const int64_t probe_every_ns = VG_NS_PER_S;

static bool is_quiet(struct kafka *k, int code)
{
    int64_t now_ns = vg_mono_ns();
    struct trouble_kind *slot = &k->kinds[0];

    for (size_t i = 0; i < TROUBLE_KINDS; i++) {
        struct trouble_kind *kind = &k->kinds[i];

        if (kind->code == code && now_ns < kind->quiet_until_ns)
            return true;
        if (kind->code == code || kind->quiet_until_ns < slot->quiet_until_ns)
            slot = kind;
        if (kind->code == code)
            break;
    }
    *slot = (struct trouble_kind){ code, now_ns + quiet_ns };
    return false;
}

void vg_kafka_trouble(struct kafka *k, rd_kafka_resp_err_t code, const char *text)
{
    for (uint32_t i = 0; i < k->shards_n; i++)
        k->shards[i].doubted = true;
    k->probe_ns = vg_mono_ns() + probe_every_ns;
    if (is_quiet(k, code) || k->troubles_n == TROUBLES)
        return;
    vg_fail(&k->troubles[k->troubles_n++], VG_E_UNAVAILABLE, "Kafka: %s (%s)", text,
            rd_kafka_err2name(code));
}

/* A partition that was read to its end says nothing when its broker is back. Fetched anew, it says that
 * it is at its end, which only a broker can know. */
static bool probe_shard(struct kafka *k, uint32_t shard)
{
    const struct kafka_shard *s = &k->shards[shard];

    if (!s->doubted || s->paused || s->ended)
        return false;
    if (!s->behind) {
        vg_kafka_set_fetching(k, shard, false);
        vg_kafka_set_fetching(k, shard, true);
    }
    return true;
}

void vg_kafka_probe(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *mine;
    int64_t now_ns = vg_mono_ns();
    bool doubted = false;

    if (now_ns < k->probe_ns || rd_kafka_assignment(k->rk, &mine) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (int i = 0; i < mine->cnt; i++)
        doubted |= probe_shard(k, (uint32_t)mine->elems[i].partition);
    rd_kafka_topic_partition_list_destroy(mine);
    k->probe_ns = doubted ? now_ns + probe_every_ns : 0;
}

void vg_kafka_keep_failure(struct kafka *k, const struct vg_err *err)
{
    if (!k->failed)
        k->failure = *err;
    k->failed = true;
}

/* ---- failures ---- */

vg_status vg_kafka_fail_fatal(const struct kafka *k, struct vg_err *err)
{
    char why[256] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(k->rk, why, sizeof(why));

    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return vg_fail_option(err, VG_E_CONFIG, "instance",
                              "another process joined group %s with the same instance id and has "
                              "taken over; stop one of them, or set another `instance`",
                              k->group);
    return vg_fail(err, VG_E_TEMPORARY, "the Kafka client cannot go on: %s (%s); restart Vigil",
                   why, rd_kafka_err2name(code));
}

vg_status vg_kafka_fail_lost(const struct kafka *k, uint32_t shard, int64_t offset, int64_t low,
                             struct vg_err *err)
{
    return vg_fail(
        err, VG_E_IO,
        "data lost: %s/%" PRIu32 " offset %" PRId64 " is no longer held (first is %" PRId64
        "). Records were deleted before Vigil read them: lengthen the topic's retention; "
        "to go on without them, remove the snapshots of partition %" PRIu32
        ", and `start` decides where it begins",
        k->topic, shard, offset, low, shard);
}

vg_status vg_kafka_fail_beyond(const struct kafka *k, uint32_t shard, int64_t offset, int64_t high,
                               struct vg_err *err)
{
    return vg_fail(err, VG_E_IO,
                   "%s/%" PRIu32 " ends at offset %" PRId64 ", before offset %" PRId64
                   " where Vigil would go on: the topic was made anew or the brokers lost its end. "
                   "Is this the right cluster? To begin anew, remove the snapshots of partition "
                   "%" PRIu32,
                   k->topic, shard, high, offset, shard);
}

/* ---- callbacks ---- */

void vg_kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    struct vg_err err;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        vg_kafka_fail_fatal(k, &err);
        vg_kafka_keep_failure(k, &err);
        return;
    }
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        snprintf(k->last_error, sizeof(k->last_error), "%s", reason);
        k->last_code = code;
    }
    vg_kafka_trouble(k, code, reason);
}

void vg_kafka_on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    /* FAIL and ERROR lines repeat what vg_kafka_on_error() is told. */
    if (level > LOG_WARNING || strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0)
        return;
    vg_kafka_trouble(rd_kafka_opaque(rk), RD_KAFKA_RESP_ERR__FAIL, text);
}
