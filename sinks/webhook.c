/* webhook.c - posts every event to an HTTP receiver, signed.
 *
 * The signature is that of Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature), for
 * which libraries exist in most languages. Two secrets can be live at once, so that one can be replaced
 * without a moment in which nothing is accepted. The event_id is the webhook-id: receivers drop what
 * they know.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/sink.h"
#include "sinks/http_post.h"

enum {
    SECRETS = 2,
    /* Bytes of a secret, as the standard says. */
    SECRET_MIN = 24,
    SECRET_MAX = 64,
    SIGNATURE_SIZE =
        sodium_base64_ENCODED_LEN(crypto_auth_hmacsha256_BYTES, sodium_base64_VARIANT_ORIGINAL),
    HEADER_SIZE = 256,
};

struct secret {
    size_t n; /* 0: none */
    uint8_t bytes[SECRET_MAX];
};

struct webhook {
    struct vg_http_options http;
    char *text[SECRETS]; /* options secret and old_secret */

    struct vg_http *connection;
    struct secret secret[SECRETS];
};

static const struct vg_option options[] = {
    VG_HTTP_OPTIONS(struct webhook, http, "Where events are posted: https://HOST/PATH."),
    VG_OPT_STRING(struct webhook, text[0], "secret", NULL, VG_OPT_REQUIRED | VG_OPT_SECRET,
                  "Signs every request: \"whsec_\" and base64 of 24 to 64 random bytes "
                  "(`openssl rand -base64 32`)."),
    VG_OPT_STRING(struct webhook, text[1], "old_secret", NULL, VG_OPT_SECRET,
                  "Signs, too, while receivers change over to `secret`."),
    VG_OPT_END,
};

static vg_status read_secret(const char *option, const char *text, struct secret *ret,
                             struct vg_err *err)
{
    static const char prefix[] = "whsec_";
    size_t skip = sizeof(prefix) - 1;

    if (strncmp(text, prefix, skip) != 0 ||
        sodium_base642bin(ret->bytes, sizeof(ret->bytes), text + skip, strlen(text) - skip, NULL,
                          &ret->n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        ret->n < SECRET_MIN)
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "expected \"whsec_\" and base64 of %d to %d bytes, as `openssl rand "
                              "-base64 32` makes them",
                              SECRET_MIN, SECRET_MAX);
    return VG_OK;
}

static vg_status read_secrets(const struct webhook *w, struct secret ret[SECRETS],
                              struct vg_err *err)
{
    vg_status st = read_secret("secret", w->text[0], &ret[0], err);

    if (st == VG_OK && w->text[1])
        st = read_secret("old_secret", w->text[1], &ret[1], err);
    return st;
}

static vg_status webhook_check(void *self, struct vg_err *err)
{
    const struct webhook *w = self;
    struct secret secret[SECRETS] = { 0 };
    vg_status st = vg_http_check(&w->http, err);

    if (st == VG_OK)
        st = read_secrets(w, secret, err);
    sodium_memzero(secret, sizeof(secret));
    return st;
}

/* ---- delivering ---- */

static void add_signature(const struct secret *secret, const char *id, const char *timestamp,
                          const struct vg_delivery *event, char header[HEADER_SIZE])
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char text[SIGNATURE_SIZE];
    size_t at = strlen(header);

    crypto_auth_hmacsha256_init(&state, secret->bytes, secret->n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)id, strlen(id));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)timestamp, strlen(timestamp));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)event->json, event->len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2base64(text, sizeof(text), mac, sizeof(mac), sodium_base64_VARIANT_ORIGINAL);
    snprintf(header + at, HEADER_SIZE - at, " v1,%s", text);
}

static vg_status post(struct webhook *w, const struct vg_delivery *event, struct vg_err *err)
{
    char id[VG_EVENT_ID_TEXT_SIZE], timestamp[24];
    char id_header[HEADER_SIZE], timestamp_header[HEADER_SIZE];
    char signature_header[HEADER_SIZE] = "webhook-signature:";
    const char *const headers[] = { "Content-Type: application/json", id_header, timestamp_header,
                                    signature_header, NULL };
    const struct vg_http_request request = {
        .method = "POST",
        .path = "",
        .headers = headers,
        .body = event->json,
        .len = event->len,
    };

    vg_event_id_text(event->episode_id, event->number, id);
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)time(NULL));
    snprintf(id_header, sizeof(id_header), "webhook-id: %s", id);
    snprintf(timestamp_header, sizeof(timestamp_header), "webhook-timestamp: %s", timestamp);
    for (size_t i = 0; i < SECRETS; i++) {
        if (w->secret[i].n > 0)
            add_signature(&w->secret[i], id, timestamp, event, signature_header);
    }
    return vg_http_send(w->connection, &request, err);
}

static vg_status webhook_deliver(void *self, const struct vg_delivery *events, size_t n,
                                 size_t *done, struct vg_err *err)
{
    struct webhook *w = self;
    vg_status st = VG_OK;

    *done = 0;
    while (*done < n && st == VG_OK) {
        st = post(w, &events[*done], err);
        *done += st == VG_OK;
    }
    return st;
}

static vg_status webhook_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct webhook *w = self;
    vg_status st = read_secrets(w, w->secret, err);

    if (st == VG_OK)
        st = vg_http_open(&w->http, env->version, env->timeout_ns, &w->connection, err);
    return st;
}

static void webhook_close(void *self)
{
    struct webhook *w = self;

    vg_http_close(w->connection);
    w->connection = NULL;
    sodium_memzero(w->secret, sizeof(w->secret));
}

const struct vg_sink_ops vg_sink_webhook = {
    .name = "webhook",
    .summary = "Posts every event to an HTTP receiver, signed.",
    .options = options,
    .self_size = sizeof(struct webhook),
    .check = webhook_check,
    .open = webhook_open,
    .deliver = webhook_deliver,
    .close = webhook_close,
};
