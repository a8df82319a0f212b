/* validate_env.c - whether what a configuration talks to is there. */
#include "app/validate_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/folder.h"
#include "core/clock.h"
#include "runtime/outbox.h"
#include "sinks/stream.h"

enum { WAIT_S = 5, ADDRESS_SIZE = 300, TEXT_SIZE = 400 };

struct env {
    const struct vg_config *config;
    vg_env_tell *tell;
    void *arg;
};

static void tell_status(const struct env *e, const char *what, vg_status st, const char *well,
                        const struct vg_err *err)
{
    e->tell(e->arg, what, st == VG_OK ? VG_ENV_OK : VG_ENV_FAILED, st == VG_OK ? well : err->msg);
}

/* ---- folders ---- */

/* Whether files can be made below `path`: in it, or in what exists of the folders above it. */
static vg_status check_folder(const char *path, struct vg_err *err)
{
    char *folder = vg_folder_existing(path);
    vg_status st = VG_OK;

    if (access(folder, W_OK | X_OK) != 0)
        st = vg_fail(err, VG_E_IO, "%s cannot be written: %s", folder, strerror(errno));
    free(folder);
    return st;
}

/* ---- the source ---- */

/* What run would refuse: the state in data_dir is of another log. */
static vg_status check_log(const struct env *e, const struct vg_source_info *info,
                           struct vg_err *err)
{
    const struct vg_service_config *service = &e->config->service;
    struct vg_outbox_reader *reader = NULL;
    vg_status st = VG_OK;
    char *path;

    VG_CHECK(asprintf(&path, "%s/outbox.db", service->data_dir) >= 0);
    if (!service->fresh_on_new_cluster && access(path, F_OK) == 0)
        st = vg_outbox_reader_open(path, &reader, err);
    if (st == VG_OK && reader)
        st = vg_outbox_check_log(reader, service->data_dir, info->cluster, info->shards, err);
    vg_outbox_reader_close(reader);
    free(path);
    return st;
}

static void try_source(const struct env *e, struct vg_source_config *source)
{
    const struct vg_source_env env = { .service = e->config->service.name, .until_end = true };
    struct vg_source_info info = { 0 };
    struct vg_err err;
    vg_status st = source->ops->open(source->self, &env, &info, &err);
    char well[TEXT_SIZE] = "";

    if (st == VG_OK)
        st = check_log(e, &info, &err);
    if (st == VG_OK)
        snprintf(well, sizeof(well), "topic %s has %u partition%s", info.topic, info.shards,
                 info.shards == 1 ? "" : "s");
    tell_status(e, "source", st, well, &err);
    source->ops->close(source->self);
}

/* ---- receivers ---- */

static vg_status connect_to(const char *address, struct vg_err *err)
{
    char copy[ADDRESS_SIZE];
    const struct vg_stream_options options = { .address = copy, .insecure = true };
    struct vg_stream *stream = NULL;
    struct vg_err why;
    vg_status st;

    snprintf(copy, sizeof(copy), "%s", address);
    st = vg_stream_check(&options, &why);
    if (st == VG_OK)
        st = vg_stream_open(&options, &stream, &why);
    if (st == VG_OK)
        st = vg_stream_connect(stream, vg_mono_ns() + WAIT_S * VG_NS_PER_S, &why);
    vg_stream_close(stream);
    return st == VG_OK ? VG_OK : vg_fail(err, st, "%s: %s", address, why.msg);
}

/* HOST:PORT of "https://user@host:port/path"; `ret` is empty when there is none. */
static void address_of_url(const char *url, char ret[ADDRESS_SIZE])
{
    static const struct {
        const char *scheme;
        int port;
    } schemes[] = {
        { "https://", 443 }, { "http://", 80 }, { "postgresql://", 5432 }, { "postgres://", 5432 }
    };

    ret[0] = '\0';
    for (size_t i = 0; i < VG_ARRAY_LEN(schemes); i++) {
        const char *host = url + strlen(schemes[i].scheme);
        const char *user;
        size_t len;

        if (strncmp(url, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
            continue;
        user = memchr(host, '@', strcspn(host, "/?#"));
        host = user ? user + 1 : host;
        len = strcspn(host, "/?#");
        /* The colons of [IPV6] are no port's. */
        if (host[0] == '[' ? memmem(host, len, "]:", 2) : memchr(host, ':', len))
            snprintf(ret, ADDRESS_SIZE, "%.*s", (int)len, host);
        else if (len > 0)
            snprintf(ret, ADDRESS_SIZE, "%.*s:%d", (int)len, host, schemes[i].port);
        return;
    }
}

/* The value of a word of "host=a port=5432"; false when it is not there. */
static bool word_of(const char *text, const char *word, char *ret, size_t size)
{
    size_t n = strlen(word);

    for (const char *at = text; (at = strstr(at, word)); at += n) {
        if ((at == text || at[-1] == ' ') && at[n] == '=') {
            snprintf(ret, size, "%.*s", (int)strcspn(at + n + 1, " "), at + n + 1);
            return true;
        }
    }
    return false;
}

/* HOST:PORT of libpq's words. */
static void address_of_words(const char *connection, char ret[ADDRESS_SIZE])
{
    char host[200], port[16];

    ret[0] = '\0';
    if (!word_of(connection, "host", host, sizeof(host)) || host[0] == '/')
        return;
    if (!word_of(connection, "port", port, sizeof(port)))
        snprintf(port, sizeof(port), "5432");
    snprintf(ret, ADDRESS_SIZE, "%s:%s", host, port);
}

/* The first broker of a list that takes a connection. */
static vg_status connect_to_any(const char *brokers, struct vg_err *err)
{
    vg_status st = vg_fail(err, VG_E_CONFIG, "no broker is named");

    while (*brokers) {
        size_t len = strcspn(brokers, ",");
        char address[ADDRESS_SIZE];

        snprintf(address, sizeof(address), "%.*s", (int)len, brokers);
        st = connect_to(address, err);
        if (st == VG_OK)
            return VG_OK;
        brokers += len + (brokers[len] == ',');
    }
    return st;
}

static const char *option_text(const struct vg_sink_config *sink, const char *name)
{
    const struct vg_option *o =
        sink->ops->options ? vg_option_find(sink->ops->options, name) : NULL;

    return o && o->type == VG_OPT_STRING_ ? *(char *const *)((const char *)sink->self + o->offset)
                                          : NULL;
}

static void try_sink(const struct env *e, const struct vg_sink_config *sink)
{
    const char *brokers = option_text(sink, "brokers"), *path = option_text(sink, "path");
    const char *connection = option_text(sink, "connection"), *url = option_text(sink, "url");
    char address[ADDRESS_SIZE] = "", what[VG_NAME_SIZE + 8], well[ADDRESS_SIZE + 32];
    struct vg_err err = { 0 };

    snprintf(what, sizeof(what), "sink %s", sink->name);
    if (url || connection)
        address_of_url(url ? url : connection, address);
    if (connection && !address[0])
        address_of_words(connection, address);
    if (option_text(sink, "address"))
        snprintf(address, sizeof(address), "%s", option_text(sink, "address"));
    if (brokers) {
        tell_status(e, what, connect_to_any(brokers, &err), "a broker takes a connection", &err);
    } else if (address[0]) {
        vg_status st = connect_to(address, &err);

        snprintf(well, sizeof(well), "%s takes a connection", address);
        tell_status(e, what, st, well, &err);
    } else if (path && path[0] == '/') {
        tell_status(e, what, check_folder(path, &err), "can be written", &err);
    } else {
        e->tell(e->arg, what, VG_ENV_NOT_TRIED, "connects to nobody");
    }
}

void vg_env_try(struct vg_config *config, vg_env_tell *tell, void *arg)
{
    const struct env e = { config, tell, arg };
    struct vg_err err = { 0 };

    tell_status(&e, "service.data_dir", check_folder(config->service.data_dir, &err),
                "can be written", &err);
    try_source(&e, &config->source);
    for (uint32_t i = 0; i < config->sinks_n; i++)
        try_sink(&e, &config->sinks[i]);
}
