/* config_service.c - reads section `service`. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/datagram.h"
#include "runtime/config_private.h"
#include "runtime/ward.h"

static const char *const worker_words[] = { "auto", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", "journald", NULL };
static const char *const cluster_choices[] = { "refuse", "fresh", NULL };

struct service_options {
    struct vg_service_config service;
    int on_new_cluster;
};

const struct vg_option vg_service_options[] = {
    VG_OPT_STRING(struct service_options, service.name, "name", NULL,
                  VG_OPT_REQUIRED | VG_OPT_EVENTS,
                  "Name of this pipeline. Part of every id: do not change it on a running site."),
    VG_OPT_STRING(struct service_options, service.data_dir, "data_dir", "vigil-data", 0,
                  "Folder of the outbox, snapshots and dead letters, relative to the working "
                  "directory."),
    { .type = VG_OPT_INT_,
      .name = "workers",
      .unit = "",
      .help = "Chains that run side by side; auto (or 0): one less than there are processors.",
      .offset = VG_FIELD_(struct service_options, service.workers, int64_t),
      .def = "auto",
      .max = VG_WORKERS_MAX,
      .choices = worker_words },
    VG_OPT_INT(struct service_options, service.frame_rows, "frame_rows", "64", 1, 4096, "rows", 0,
               "Most rows that travel together between stages."),
    VG_OPT_INT(struct service_options, service.in_flight_rows, "in_flight_rows", "20000", 64,
               10000000, "rows", 0,
               "Most rows between the source and the outbox before the source pauses."),
    VG_OPT_ENUM(struct service_options, service.log.level, "log.level", "info", log_levels, 0,
                "How much is logged."),
    VG_OPT_ENUM(struct service_options, service.log.format, "log.format", "text", log_formats, 0,
                "Form of the log: lines of text or of JSON on standard error, or entries of the "
                "journal with fields such as VIGIL_COMPONENT."),
    VG_OPT_STRING(struct service_options, service.log.socket, "log.socket", NULL, 0,
                  "Where the journal listens, for format: journald. Default: " VG_JOURNAL_SOCKET
                  "."),
    VG_OPT_STRING(struct service_options, service.http.listen, "http.listen", NULL, 0,
                  "Address and port of the HTTP server, such as \"127.0.0.1:8480\"; unset: there "
                  "is none. What other machines can reach needs http.token and, since nothing here "
                  "encrypts, http.insecure."),
    VG_OPT_STRING(struct service_options, service.http.token, "http.token", NULL, VG_OPT_SECRET,
                  "Secret of those who may read state and, from other machines, metrics; at least "
                  "16 characters, best as ${file:PATH} or ${credential:NAME}."),
    VG_OPT_STRING(
        struct service_options, service.http.acknowledge_token, "http.acknowledge_token", NULL,
        VG_OPT_SECRET,
        "Secret of those who may acknowledge alerts and pause their sound, and read; unset: "
        "nobody may here."),
    VG_OPT_STRING(struct service_options, service.http.command_token, "http.command_token", NULL,
                  VG_OPT_SECRET,
                  "Secret of those who may give every command, and read; unset: nobody may here."),
    VG_OPT_LIST(
        struct service_options, service.http.hosts, "http.hosts", 0,
        "Names that browsers call the HTTP server by, without a port, such as the name of a "
        "server with TLS in front of it; its address is always one."),
    VG_OPT_BOOL(
        struct service_options, service.http.insecure, "http.insecure", "false", 0,
        "Other machines may reach the HTTP server, and everything, the token too, goes there "
        "unencrypted."),
    VG_OPT_INT(
        struct service_options, service.http_beds, "http.beds", "128", 0, VG_WARD_BEDS_MAX, "beds",
        0,
        "Most patients that the ward page shows at a time, each with its last hour and day in "
        "memory (`vigil validate` says how much); 0: there is no ward page."),
    VG_OPT_DURATION(struct service_options, service.http_refill_ns, "http.refill", "1h", 0, 86400,
                    0,
                    "How much of the topic is read back for the ward page after a start, by a "
                    "consumer of its own without a group; 0: nothing, and the page begins empty."),
    VG_OPT_DURATION(struct service_options, service.snapshot_every_ns, "snapshot.every", "5s", 0.05,
                    3600, 0, "Time between two snapshots of a shard."),
    VG_OPT_INT(struct service_options, service.snapshot_keep, "snapshot.keep", "3", 1, 100, "files",
               0, "Snapshots that are kept of each shard."),
    VG_OPT_DURATION(struct service_options, service.keep_events_ns, "retention.events", "90d", 0,
                    315360000, 0,
                    "How long events, and the commands of before, are kept in the outbox; 0: for "
                    "ever. What a required sink (or, where none is, any sink) has not delivered, "
                    "and what a restart needs, is kept longer."),
    VG_OPT_DURATION(struct service_options, service.keep_letters_ns, "retention.letters", "90d", 0,
                    315360000, 0,
                    "How long dead letters and refused events are kept; 0: for ever."),
    VG_OPT_DURATION(struct service_options, service.drain_timeout_ns, "shutdown.drain_timeout",
                    "10s", 0.1, 600, 0, "How long a stop waits until everything is delivered."),
    VG_OPT_SIZE(struct service_options, service.patient_memory, "patient_memory", "10KiB", 1024,
                UINT64_C(1) << 20, 0,
                "Most memory that the stages together may keep of a patient; a chain that needs "
                "more is refused. A shard keeps as much for each of its max_patients."),
    VG_OPT_ENUM(struct service_options, on_new_cluster, "on_new_cluster", "refuse", cluster_choices,
                0,
                "What to do when the log is not the one that the snapshots are of: refuse to "
                "start, or begin afresh."),
    VG_OPT_END,
};

static void set_workers(struct vg_service_config *service)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (service->workers == 0)
        service->workers = processors > 2 ? processors - 1 : 1;
    if (service->workers > VG_WORKERS_MAX)
        service->workers = VG_WORKERS_MAX;
}

static void set_data_dir(struct vg_service_config *service)
{
    char *cwd, *path;

    if (service->data_dir[0] == '/')
        return;
    cwd = getcwd(NULL, 0);
    VG_CHECK(cwd);
    VG_CHECK(asprintf(&path, "%s/%s", cwd, service->data_dir) >= 0);
    free(cwd);
    free(service->data_dir);
    service->data_dir = path;
}

static void check_log(struct vg_load *l, const struct vg_node *map,
                      const struct vg_log_options *log)
{
    const struct vg_node *node = vg_node_find(map, "log");
    struct vg_err err;

    if (node && log->socket && vg_datagram_check(log->socket, "socket", &err) != VG_OK)
        vg_load_note(l, node, &err);
}

/* Of the mapping `service`. */
static void check_http(struct vg_load *l, const struct vg_node *map,
                       const struct vg_http_options *http)
{
    const struct vg_node *node = vg_node_find(map, "http");
    struct vg_err err;

    if (node && vg_http_options_check(http, &err) != VG_OK)
        vg_load_note(l, node, &err);
}

void vg_load_service(struct vg_load *l)
{
    struct service_options o = { 0 };
    const struct vg_target target = { vg_service_options, &o };
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "service");
    const struct vg_node *name = vg_node_find(map, "name");

    vg_options_default(vg_service_options, &o);
    if (map)
        vg_document_options(l->doc, map, &target, 1, NULL);
    if (o.service.name && name && !vg_name_valid(o.service.name))
        vg_document_error(l->doc, name->at,
                          "name: expected 1 to 64 letters, digits, \"_\", \"-\", \".\"");
    check_log(l, map, &o.service.log);
    check_http(l, map, &o.service.http);
    set_workers(&o.service);
    set_data_dir(&o.service);
    o.service.fresh_on_new_cluster = o.on_new_cluster == 1;
    l->config->service = o.service;
}

void vg_load_service_done(struct vg_service_config *service)
{
    struct service_options o = { .service = *service };

    vg_options_done(vg_service_options, &o);
}
