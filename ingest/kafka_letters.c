/* kafka_letters.c - dead letters of the Kafka source to a topic of their own.
 *
 * A letter goes as it came: key, value and headers, and behind those why it is one and where it was
 * read, as Kafka Connect does. The time of the record is a header too: the letter's own is when it was
 * written, or the topic's retention would delete old ones at once.
 *
 * What the brokers have not confirmed in time is taken back and comes again with a new client. An
 * outage in which nothing could be sent makes no copies; one in which only answers were lost may.
 */
#include "ingest/kafka_letters.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kafka_options.h"
#include "core/text.h"
#include "ingest/kafka_conf.h"

enum { CONFIRM_MS = 10000, OUR_HEADERS = 9 };

struct outcome {
    bool answered;
    rd_kafka_resp_err_t error;
};

struct writer {
    struct vg_kafka_letters_to to;
    rd_kafka_t *rk;
    struct outcome outcome[VG_LETTERS_MAX];
    char complaint[160];
};

vg_status vg_kafka_letters_check(const char *origin, const char *topic, struct vg_err *err)
{
    vg_status st = vg_kafka_check_topic(topic, err);

    if (st == VG_OK && strcmp(origin, topic) == 0)
        st = vg_fail(err, VG_E_CONFIG,
                     "%s is the topic that is read: each dead letter would come again", topic);
    if (st != VG_OK)
        snprintf(err->option, sizeof(err->option), "dead_letters");
    return st;
}

/* ---- headers ---- */

static void pack(struct vg_buf *ret, const char *name, const void *value, size_t len)
{
    uint32_t name_len = (uint32_t)strlen(name);
    int32_t value_len = value ? (int32_t)len : -1;

    vg_buf_add(ret, &name_len, sizeof(name_len));
    vg_buf_add(ret, &value_len, sizeof(value_len));
    vg_buf_add(ret, name, name_len);
    if (value)
        vg_buf_add(ret, value, len);
}

void vg_kafka_pack_headers(const rd_kafka_message_t *message, struct vg_buf *ret)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;

    if (!message || rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        pack(ret, name, value, len);
}

/* Bytes that are no headers (another source's, a damaged file) end the list. */
static void unpack(rd_kafka_headers_t *headers, const char *at, size_t left)
{
    while (left >= 8) {
        uint32_t name_len;
        int32_t value_len;
        size_t used;

        memcpy(&name_len, at, sizeof(name_len));
        memcpy(&value_len, at + 4, sizeof(value_len));
        used = 8 + (size_t)name_len + (value_len > 0 ? (size_t)value_len : 0);
        if (used > left)
            return;
        rd_kafka_header_add(headers, at + 8, (ssize_t)name_len,
                            value_len < 0 ? NULL : at + 8 + name_len, value_len);
        at += used;
        left -= used;
    }
}

static void VG_PRINTF(3, 4)
    add(rd_kafka_headers_t *headers, const char *name, const char *format, ...)
{
    char text[192];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    rd_kafka_header_add(headers, name, -1, text, -1);
}

static rd_kafka_headers_t *make_headers(const struct writer *w, const struct vg_dead_letter *l)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(OUR_HEADERS);

    unpack(headers, l->headers, l->headers_len);
    add(headers, "vs.error.stage", "ingest");
    add(headers, "vs.error.reason", "%s", l->reason);
    add(headers, "vs.error.detail", "%s", l->detail);
    add(headers, "vs.error.offset", "%" PRIu32, l->byte_offset);
    rd_kafka_header_add(headers, "vs.origin.topic", -1, w->to.origin, -1);
    add(headers, "vs.origin.partition", "%" PRIu32, l->shard);
    add(headers, "vs.origin.offset", "%" PRId64, l->offset);
    if (l->index != UINT32_MAX)
        add(headers, "vs.origin.row", "%" PRIu32, l->index);
    if (l->record_ns != VG_TIME_NONE)
        add(headers, "vs.origin.timestamp", "%" PRId64, l->record_ns / VG_NS_PER_MS);
    return headers;
}

/* ---- the client ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct outcome *outcome = message->_private;

    (void)rk;
    (void)opaque;
    *outcome = (struct outcome){ true, message->err };
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct writer *w = opaque;

    (void)rk;
    (void)code;
    snprintf(w->complaint, sizeof(w->complaint), "%s", reason);
}

/* What matters comes by on_error() and on_delivery(). */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static vg_status make_client(struct writer *w, struct vg_err *err)
{
    rd_kafka_conf_t *conf = vg_kafka_conf_new_producer(w->to.brokers, w->to.options, err);
    char why[256];

    if (!conf)
        return err->status;
    rd_kafka_conf_set_opaque(conf, w);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (w->rk)
        return VG_OK;
    rd_kafka_conf_destroy(conf);
    return vg_fail_option(err, VG_E_CONFIG, "options",
                          "librdkafka refuses these options for a producer: %s", why);
}

static void drop_client(struct writer *w)
{
    if (w->rk) {
        rd_kafka_purge(w->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(w->rk);
    }
    w->rk = NULL;
}

vg_status vg_kafka_letters_open(const struct vg_kafka_letters_to *to, void **ret,
                                struct vg_err *err)
{
    struct writer *w = calloc(1, sizeof(*w));
    vg_status st;

    VG_CHECK(w != NULL);
    w->to = *to;
    st = make_client(w, err);
    if (st != VG_OK) {
        free(w);
        return st;
    }
    *ret = w;
    return VG_OK;
}

void vg_kafka_letters_close(void *writer)
{
    struct writer *w = writer;

    drop_client(w);
    free(w);
}

/* ---- writing ---- */

static void queue(struct writer *w, const struct vg_dead_letter *l, struct outcome *outcome)
{
    rd_kafka_headers_t *headers = make_headers(w, l);
    rd_kafka_error_t *error;
    void *key, *value; /* librdkafka copies what they point at */

    memcpy(&key, &l->message.key, sizeof(key));
    memcpy(&value, &l->message.value, sizeof(value));
    const rd_kafka_vu_t fields[] = {
        { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = w->to.topic },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { key, l->message.key_len } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { value, l->message.len } },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = outcome },
    };
    *outcome = (struct outcome){ false, RD_KAFKA_RESP_ERR_NO_ERROR };
    error = rd_kafka_produceva(w->rk, fields, VG_ARRAY_LEN(fields));
    if (!error)
        return;
    *outcome = (struct outcome){ true, rd_kafka_error_code(error) };
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers); /* taken over only when it is queued */
}

static bool is_data(rd_kafka_resp_err_t e)
{
    return e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || e == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           e == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE;
}

static vg_status judge(const struct writer *w, size_t n, size_t *done, struct vg_err *err)
{
    const struct outcome *first;

    while (*done < n && w->outcome[*done].answered && !w->outcome[*done].error)
        (*done)++;
    if (*done == n)
        return VG_OK;
    first = &w->outcome[*done];
    if (!first->answered)
        return vg_fail(err, VG_E_UNAVAILABLE, "topic %s: %zu letters are not confirmed%s%s",
                       w->to.topic, n - *done, w->complaint[0] ? ": " : "", w->complaint);
    return vg_fail(err, is_data(first->error) ? VG_E_RANGE : VG_E_TEMPORARY, "topic %s: %s",
                   w->to.topic, rd_kafka_err2str(first->error));
}

static vg_status write_together(struct writer *w, const struct vg_dead_letter *letters, size_t n,
                                size_t *done, struct vg_err *err)
{
    vg_status st = VG_OK;

    *done = 0;
    VG_CHECK(n <= VG_LETTERS_MAX);
    if (!w->rk)
        st = make_client(w, err);
    if (st != VG_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        queue(w, &letters[i], &w->outcome[i]);
    rd_kafka_flush(w->rk, CONFIRM_MS);
    st = judge(w, n, done, err);
    if (st != VG_OK)
        drop_client(w); /* what comes again must not meet what is still on its way */
    return st;
}

/* Brokers refuse a batch as a whole: singly, the others go through and the one that is wrong is found. */
vg_status vg_kafka_letters_write(void *writer, const struct vg_dead_letter *letters, size_t n,
                                 size_t *done, struct vg_err *err)
{
    struct writer *w = writer;
    vg_status st = write_together(w, letters, n, done, err);

    if (st != VG_E_RANGE || n == 1)
        return st;
    st = VG_OK;
    while (*done < n && st == VG_OK) {
        size_t one = 0;

        st = write_together(w, &letters[*done], 1, &one, err);
        *done += one;
    }
    return st;
}
