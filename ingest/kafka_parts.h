/* kafka_parts.h - the files of the Kafka source among themselves.
 *
 *   kafka.c          options, and what is asked about single partitions
 *   kafka_open.c     the consumer: made, started, closed
 *   kafka_begin.c    where a partition begins that is given to this instance
 *   kafka_read.c     records, one at each poll
 *   kafka_trouble.c  what is told instead of records
 *
 * One thread, and librdkafka's callbacks inside its polls.
 */
#ifndef VG_INGEST_KAFKA_PARTS_H
#define VG_INGEST_KAFKA_PARTS_H

#include <librdkafka/rdkafka.h>

#include "core/source.h"

enum {
    TROUBLES = 8,       /**< kept until poll() returns them; more at once say nothing new */
    TROUBLE_KINDS = 16, /**< kinds that are quiet for a while */
    WAIT_MAX_MS = 1000, /**< that a poll waits for an answer of a broker: all shards wait with it */
};

struct kafka_shard {
    int64_t end;  /* offset after the last record when reading began; -1: not known */
    int64_t next; /* offset after the last record returned; 0: none yet */
    bool behind;  /* ours, and there may be more: not yet told that the end is reached */
    bool paused;  /* by the caller; librdkafka may refetch when an unpaused partition is resumed */
    bool ended;   /* until_end: nothing more is returned */
    bool reached; /* to be returned by a coming poll() */
    bool doubted; /* no sign of life since a trouble */
};

struct trouble_kind {
    int code;
    int64_t quiet_until_ns; /* monotonic */
};

/* Partitions that are ours and not read yet: their brokers have not told what they hold. */
struct kafka_given {
    rd_kafka_topic_partition_list_t *list;               /* NULL: there are none */
    rd_kafka_topic_partition_list_t *low, *start, *high; /* what is held; NULL: not told yet */
    bool known;                                          /* the caller knew where each begins */
    int64_t until_ns;                                    /* monotonic: when to give up ... */
    int64_t next_ns;                                     /* ... and when to ask again, ... */
    int wait_ms;                                         /* ... waiting so long for the answer */
};

struct kafka {
    char *brokers, *topic, *group, *instance, *start, *dead_topic; /* options */
    struct vg_strings options;
    int64_t connect_timeout_ns;
    bool insecure;

    struct vg_source_env env;
    bool member; /* of the group; else all partitions are ours */
    rd_kafka_t *rk;
    rd_kafka_message_t *message; /* lent to the caller until the next poll */
    struct kafka_given given;
    struct kafka_shard *shards;
    uint32_t shards_n;
    uint32_t reached_n; /* shards with `reached` */
    bool failed;
    struct vg_err failure;
    struct vg_err troubles[TROUBLES];
    uint32_t troubles_n;
    struct trouble_kind kinds[TROUBLE_KINDS];
    int64_t probe_ns;     /* when doubted shards are asked for next; 0: none is doubted */
    uint32_t dry;         /* polls without a record while a shard was behind */
    size_t run;           /* bytes of records returned since the queue was seen empty */
    bool empty;           /* the queue was seen empty after the last record */
    char last_error[256]; /* newest complaint about a connection, for the message of open() */
    rd_kafka_resp_err_t last_code;
};

/** What option `start` says. */
struct beginning {
    enum { VG_START_LATEST, VG_START_EARLIEST, VG_START_AT_TIME } kind;
    int64_t time_ns;
};

static inline int vg_kafka_connect_timeout_ms(const struct kafka *k)
{
    return (int)(k->connect_timeout_ns / VG_NS_PER_MS);
}

/* ---- kafka_open.c: as struct vg_source_ops has them ---- */

vg_status vg_kafka_source_open(void *self, const struct vg_source_env *env,
                               struct vg_source_info *ret, struct vg_err *err);
vg_status vg_kafka_source_start(void *self, struct vg_err *err);
void vg_kafka_source_close(void *self);

/* ---- kafka_begin.c ---- */

/** False: it is no start. */
bool vg_kafka_parse_start(const char *text, struct beginning *ret);
/** Sets the offset of each partition in `list` to its first record's (OFFSET_BEGINNING), the one after
 *  its last (OFFSET_END), or that of the first record not older than a time in ms. */
rd_kafka_resp_err_t vg_kafka_look_up(const struct kafka *k, rd_kafka_topic_partition_list_t *list,
                                     int64_t mark, int timeout_ms);
/** Fetches the partitions of `list` from where each begins; from a later poll on, when their brokers
 *  do not tell at once what they hold. */
vg_status vg_kafka_take_over(struct kafka *k, const rd_kafka_topic_partition_list_t *list,
                             struct vg_err *err);
/** Goes on with a take-over that waits for its brokers, if it is time to. */
vg_status vg_kafka_go_on(struct kafka *k, struct vg_err *err);
/** Forgets it. Also when there is none. */
void vg_kafka_forget_given(struct kafka *k);
/** A coming poll() tells that the end of the shard is reached. */
void vg_kafka_say_reached(struct kafka *k, uint32_t shard);
/** Callback of librdkafka; `opaque` is the struct kafka. */
void vg_kafka_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *partitions, void *opaque);

/* ---- kafka_read.c ---- */

/** As vg_source_ops.poll. */
enum vg_poll vg_kafka_source_poll(void *self, int timeout_ms, struct vg_record *record,
                                  struct vg_err *err);
/** Lets librdkafka fetch a partition, or not. */
void vg_kafka_set_fetching(struct kafka *k, uint32_t shard, bool fetching);

/* ---- kafka_trouble.c ---- */

/** To be returned by a coming poll(), unless the same was lately. */
void vg_kafka_trouble(struct kafka *k, rd_kafka_resp_err_t code, const char *text);
/** Asks doubted shards that have nothing to say whether they can be read, once a second. Called when
 *  nothing has come. */
void vg_kafka_probe(struct kafka *k);
/** The source cannot go on. The first failure is the cause; what follows from it is not interesting. */
void vg_kafka_keep_failure(struct kafka *k, const struct vg_err *err);
/** Why librdkafka has given up. */
vg_status vg_kafka_fail_fatal(const struct kafka *k, struct vg_err *err);
/** An offset that the log no longer holds, or not yet. */
vg_status vg_kafka_fail_lost(const struct kafka *k, uint32_t shard, int64_t offset, int64_t low,
                             struct vg_err *err);
vg_status vg_kafka_fail_beyond(const struct kafka *k, uint32_t shard, int64_t offset, int64_t high,
                               struct vg_err *err);
/** Callbacks of librdkafka; the opaque is the struct kafka. */
void vg_kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque);
void vg_kafka_on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

#endif
