/* config.c - reads a configuration file, section by section, and plans the chain that it asks for.
 *
 * Every mapping of the file is read by an option table: the table knows types, ranges, defaults and
 * help, and this file knows where a value stands. Two names of options mean something here: an
 * option `model` names one of `models`, and an option `rules` lists some of `alert_rules`.
 */
#include "runtime/config_check.h"
#include "runtime/config_private.h"
#include "runtime/document_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/datagram.h"
#include "core/text.h"
#include "models/calibration.h"
#include "models/load.h"
#include "runtime/hash.h"
#include "runtime/registry.h"
#include "runtime/secret.h"
#include "runtime/ward.h"

/* ---- options of the sections that are no components ---- */

static const char *const worker_words[] = { "auto", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", "journald", NULL };
static const char *const cluster_choices[] = { "refuse", "fresh", NULL };
static const char *const clock_choices[] = { "device", "record", NULL };

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

const struct vg_option vg_ingest_options[] = {
    VG_OPT_INT(struct vg_ingest_config, max_patients, "max_patients", "1000", 1, 100000, "patients",
               VG_OPT_EVENTS,
               "Most patients in a shard; rows of a further one become dead letters."),
    VG_OPT_ENUM(struct vg_ingest_config, clock, "clock", "device", clock_choices, VG_OPT_EVENTS,
                "Whose time a row has: the device's, or the record's for sites with bad clocks."),
    VG_OPT_DURATION(struct vg_ingest_config, max_ahead_ns, "max_ahead", "5s", 0, 86400,
                    VG_OPT_EVENTS,
                    "How far a device clock may be ahead before the record's time is used."),
    VG_OPT_DURATION(struct vg_ingest_config, late_after_ns, "late_after", "30s", 0, 86400,
                    VG_OPT_EVENTS,
                    "How far a device clock may be behind before that is reported. With clock: "
                    "device its rows then reach no limit."),
    VG_OPT_STRING(struct vg_ingest_config, cluster, "cluster", NULL, VG_OPT_EVENTS,
                  "Name of the log in ids, in place of the identity that the log gives itself."),
    { .type = VG_OPT_NODE_,
      .name = "decoder",
      .unit = "name of a decoder, or a mapping with its type and options",
      .help = "What makes rows of a message.",
      .def = "json",
      .shape = &vg_shape_decoder },
    VG_OPT_END,
};

struct model_options {
    char *file, *sha256;
};

const struct vg_option vg_model_options[] = {
    VG_OPT_STRING(struct model_options, file, "file", NULL, VG_OPT_REQUIRED | VG_OPT_PATH,
                  "The model file, relative to the configuration file."),
    VG_OPT_STRING(struct model_options, sha256, "sha256", NULL, 0,
                  "SHA-256 that the file must have, 64 hexadecimal digits."),
    VG_OPT_END,
};

/* Keys of features that this version does not have; whoever read about them should learn that,
 * rather than look for a spelling mistake. */
static const char *const later_keys[] = {
    "endpoint",
    "endpoints",
    "include",
    NULL,
};

/* ---- entries of a mapping ---- */

bool vg_name_valid(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    return n > 0 && n < VG_NAME_SIZE && s[n] == '\0';
}

bool vg_load_is_name(struct vg_load *l, const struct vg_node *node)
{
    if (vg_name_valid(node->key))
        return true;
    vg_document_error(l->doc, node->key_at,
                      "\"%.80s\" is no name; expected 1 to 64 letters, digits, \"_\", \"-\", \".\"",
                      node->key);
    return false;
}

/* ---- components ---- */

enum { COMPONENTS_MAX = 64 };

/* The names of a kind's components, for near misses. */
#define NAMES_OF(kind)                                            \
    static size_t kind##_names(const char *names[COMPONENTS_MAX]) \
    {                                                             \
        size_t n = 0;                                             \
                                                                  \
        for (; n < COMPONENTS_MAX && vg_##kind##s[n]; n++)        \
            names[n] = vg_##kind##s[n]->name;                     \
        return n;                                                 \
    }

NAMES_OF(source)
NAMES_OF(decoder)
NAMES_OF(stage)
NAMES_OF(model)
NAMES_OF(sink)

typedef size_t names_fn(const char *names[COMPONENTS_MAX]);

/* The name in `node`, of one of the components that `names_of` lists; else NULL. */
static const char *component_name(struct vg_load *l, const struct vg_node *node, const char *kind,
                                  names_fn *names_of)
{
    const char *names[COMPONENTS_MAX];
    size_t n = names_of(names);

    /* Before anything else: a plain null is no value in YAML, and the name of a sink. */
    for (size_t i = 0; i < n && node->kind == VG_NODE_SCALAR; i++) {
        if (strcmp(names[i], node->text) == 0)
            return names[i];
    }
    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(l->doc, node->at, "expected the name of a %s, not %s", kind,
                          vg_node_what(node));
        return NULL;
    }
    vg_document_unknown(l->doc, node->at, kind, node->text, names, n);
    return NULL;
}

static const char *component_type(struct vg_load *l, const struct vg_node *map, const char *kind,
                                  names_fn *names_of)
{
    const struct vg_node *type = vg_node_find(map, "type");

    if (type)
        return component_name(l, type, kind, names_of);
    vg_document_error(l->doc, map->key_at, "\"type\" is missing: which kind of %s this is", kind);
    return NULL;
}

static const char *const type_key[] = { "type", NULL };

static const struct vg_option no_options[] = { VG_OPT_END };

static const struct vg_option *table_of(const struct vg_option *options)
{
    return options ? options : no_options;
}

/* A component's struct with its defaults. */
static void *self_new(size_t size, const struct vg_option *options)
{
    void *self = calloc(1, size ? size : 1);

    VG_CHECK(self);
    vg_options_default(table_of(options), self);
    return self;
}

static void self_free(void *self, const struct vg_option *options)
{
    if (self)
        vg_options_done(table_of(options), self);
    free(self);
}

/* Notes what a component said, at the option it named, else at the component. */
static void note_component(struct vg_load *l, const struct vg_node *node, const struct vg_err *err)
{
    const struct vg_node *option = err->option[0] ? vg_node_find(node, err->option) : NULL;

    if (option)
        vg_document_error(l->doc, option->at, "%s", err->msg);
    else
        vg_document_error(l->doc, node->key ? node->key_at : node->at, "%s", err->msg);
}

/* ---- service ---- */

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
        note_component(l, node, &err);
}

/* Of the mapping `service`. */
static void check_http(struct vg_load *l, const struct vg_node *map,
                       const struct vg_http_options *http)
{
    const struct vg_node *node = vg_node_find(map, "http");
    struct vg_err err;

    if (node && vg_http_options_check(http, &err) != VG_OK)
        note_component(l, node, &err);
}

static void load_service(struct vg_load *l)
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

static void service_done(struct vg_service_config *service)
{
    struct service_options o = { .service = *service };

    vg_options_done(vg_service_options, &o);
}

/* ---- source and decoder ---- */

static void load_decoder(struct vg_load *l, const struct vg_node *node)
{
    struct vg_source_config *source = &l->config->source;
    const char *name;

    if (!node) {
        source->decoder = vg_decoder_find(vg_option_find(vg_ingest_options, "decoder")->def);
    } else {
        name = node->kind == VG_NODE_MAPPING ? component_type(l, node, "decoder", decoder_names)
                                             : component_name(l, node, "decoder", decoder_names);
        source->decoder = name ? vg_decoder_find(name) : NULL;
    }
    if (!source->decoder)
        return;
    source->decoder_self = self_new(source->decoder->self_size, source->decoder->options);
    if (node && node->kind == VG_NODE_MAPPING) {
        struct vg_target target = { source->decoder->options, source->decoder_self };

        vg_document_options(l->doc, node, &target, 1, type_key);
    }
}

static void load_source(struct vg_load *l)
{
    struct vg_source_config *source = &l->config->source;
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "source");
    struct vg_target targets[2];
    uint32_t errors = l->doc->count[VG_ERROR];
    struct vg_err err;
    const char *type;

    vg_options_default(vg_ingest_options, &source->ingest);
    if (!map)
        return;
    load_decoder(l, vg_node_find(map, "decoder"));
    type = component_type(l, map, "source", source_names);
    if (!type)
        return;
    source->ops = vg_source_find(type);
    source->self = self_new(source->ops->self_size, source->ops->options);
    targets[0] = (struct vg_target){ source->ops->options, source->self };
    targets[1] = (struct vg_target){ vg_ingest_options, &source->ingest };
    vg_document_options(l->doc, map, targets, 2, type_key);
    if (source->ops->check && l->doc->count[VG_ERROR] == errors &&
        source->ops->check(source->self, &err) != VG_OK)
        note_component(l, map, &err);
}

/* ---- models ---- */

static vg_status check_digest(const struct model_options *o, struct vg_err *err)
{
    char actual[VG_SHA256_HEX_SIZE];
    vg_status st = vg_sha256_file(o->file, actual, err);

    if (st != VG_OK)
        return st;
    if (!o->sha256 || strcasecmp(o->sha256, actual) == 0)
        return VG_OK;
    if (strlen(o->sha256) != 64 || strspn(o->sha256, "0123456789abcdefABCDEF") != 64)
        return vg_fail_option(err, VG_E_MODEL, "sha256", "sha256: expected 64 hexadecimal digits");
    return vg_fail_option(err, VG_E_MODEL, "sha256",
                          "sha256: the file is another one; its SHA-256 is %s", actual);
}

/* A file that knows no digest of itself may be another one tomorrow. */
static void check_seal(struct vg_load *l, const struct vg_node *node, const struct model_options *o,
                       const struct vg_model *model)
{
    const struct vg_node *file = vg_node_find(node, "file");

    if (!model->sealed && !o->sha256 && file)
        vg_document_warn(
            l->doc, file->at,
            "the file carries no digest of itself, so a change would go unnoticed; pin "
            "it with sha256: \"%s\"",
            model->sha256);
}

static void load_model(struct vg_load *l, const struct vg_node *node)
{
    struct vg_config *config = l->config;
    struct model_options o = { 0 };
    const struct vg_target target = { vg_model_options, &o };
    uint32_t errors = l->doc->count[VG_ERROR];
    struct vg_model *model = NULL;
    struct vg_err err = { 0 };
    const char *type;

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    type = component_type(l, node, "model", model_names);
    vg_document_options(l->doc, node, &target, 1, type_key);
    if (type && l->doc->count[VG_ERROR] == errors) {
        /* The digest comes first, so that no parser sees a file that was tampered with. */
        if (check_digest(&o, &err) != VG_OK ||
            vg_model_find(type)->load(o.file, &model, &err) != VG_OK) {
            if (!err.option[0])
                snprintf(err.option, sizeof(err.option), "file");
            note_component(l, node, &err);
        } else {
            snprintf(model->name, sizeof(model->name), "%s", node->key);
            check_seal(l, node, &o, model);
            config->models[config->models_n++] = model;
        }
    }
    vg_options_done(vg_model_options, &o);
}

static void check_agreement(struct vg_load *l, const struct vg_node *map,
                            const struct vg_model *first, const struct vg_model *other)
{
    const char *what = vg_model_disagreement(first, other);

    if (what)
        vg_document_error(l->doc, vg_node_find(map, other->name)->key_at,
                          "model \"%s\" has other %s than model \"%s\" in line %u; models of one "
                          "chain must agree on channels, scales and tick",
                          other->name, what, first->name,
                          vg_node_find(map, first->name)->key_at.line);
}

static void load_models(struct vg_load *l)
{
    struct vg_config *config = l->config;
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "models");

    if (!map)
        return;
    config->models = calloc(map->children + 1, sizeof(struct vg_model *));
    VG_CHECK(config->models);
    for (const struct vg_node *c = map->child; c; c = c->next)
        load_model(l, c);
    for (uint32_t i = 1; i < config->models_n; i++)
        check_agreement(l, map, config->models[0], config->models[i]);
}

/* ---- stages ---- */

static void check_reference(struct vg_load *l, const struct vg_node *node, const char *what,
                            const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], node->text) == 0)
            return;
    }
    vg_document_unknown(l->doc, node->at, what, node->text, names, n);
}

/* Options `model` and `rules` name entries of other sections. */
static void check_references(struct vg_load *l, const struct vg_node *stage)
{
    const struct vg_node *models = vg_document_mapping(l->doc, l->doc->root, "models");
    const struct vg_node *model = vg_node_find(stage, "model");
    const struct vg_node *rules = vg_node_find(stage, "rules");
    const char **names = calloc(models ? models->children + 1 : 1, sizeof(*names));
    size_t n = 0;

    VG_CHECK(names);
    for (const struct vg_node *c = models ? models->child : NULL; c; c = c->next)
        names[n++] = c->key;
    if (model && model->kind == VG_NODE_SCALAR)
        check_reference(l, model, "model", names, n);
    free(names);

    names = vg_load_rule_names(l);
    for (const struct vg_node *c = rules ? rules->child : NULL; c; c = c->next) {
        if (c->kind == VG_NODE_SCALAR)
            check_reference(l, c, "alert rule", names, l->config->site.rules_n);
    }
    free(names);
}

static void load_stage(struct vg_load *l, const struct vg_node *node)
{
    struct vg_config *config = l->config;
    struct vg_stage_config *stage = &config->stages[config->stages_n];
    struct vg_target target;
    const char *type;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    type = component_type(l, node, "stage", stage_names);
    if (!type)
        return;
    config->stages_n++;
    stage->ops = vg_stage_find(type);
    stage->self = self_new(stage->ops->self_size, stage->ops->options);
    target = (struct vg_target){ stage->ops->options, stage->self };
    vg_document_options(l->doc, node, &target, 1, type_key);
    check_references(l, node);
}

static void load_stages(struct vg_load *l)
{
    const struct vg_node *list = vg_node_find(l->doc->root, "stages");

    if (!list || vg_node_empty(list))
        return;
    if (list->kind != VG_NODE_SEQUENCE || list->children == 0) {
        vg_document_error(
            l->doc, list->at,
            "\"stages\" must be a list of stages, such as \"- {type: clean}\", not %s",
            list->kind == VG_NODE_SEQUENCE ? "an empty one" : vg_node_what(list));
        return;
    }
    l->config->stages = calloc(list->children, sizeof(*l->config->stages));
    VG_CHECK(l->config->stages);
    for (const struct vg_node *c = list->child; c; c = c->next)
        load_stage(l, c);
}

/* The node of stage `i`. */
static const struct vg_node *stage_node(const struct vg_config *config, uint32_t i)
{
    const struct vg_document *doc = config->document;
    const struct vg_node *c = vg_node_find(doc->root, "stages")->child;

    while (i-- > 0)
        c = c->next;
    return c;
}

static vg_status check_tick(const struct vg_config *config, const struct vg_plan *plan,
                            struct vg_err *err)
{
    const struct vg_document *doc = config->document;
    const struct vg_node *models = vg_node_find(doc->root, "models");
    const struct vg_model *model = config->models_n > 0 ? config->models[0] : NULL;
    const struct vg_node *entry; /* none in a chain that was not read from a file */
    char ours[VG_DURATION_TEXT_SIZE], theirs[VG_DURATION_TEXT_SIZE];

    if (!plan->emits_ticks || !model || plan->tick_ns == model->tick_ns)
        return VG_OK;
    vg_format_duration(plan->tick_ns, ours);
    vg_format_duration(model->tick_ns, theirs);
    entry = vg_node_find(models, model->name);
    return vg_fail_option(err, VG_E_CONFIG, "tick",
                          "tick: model \"%s\" in line %u was made for a tick of %s, not %s",
                          model->name, entry ? entry->key_at.line : 0, theirs, ours);
}

static vg_status plan_stage(const struct vg_config *config, const struct vg_stage_config *stage,
                            struct vg_plan *plan, struct vg_planned_stage *ret, struct vg_err *err)
{
    const struct vg_stage_ops *ops = stage->ops;
    vg_status st;

    VG_CHECK(ops);
    *ret = (struct vg_planned_stage){ .ops = ops, .identity = stage->identity };
    ret->self = malloc(ops->self_size ? ops->self_size : 1);
    VG_CHECK(ret->self);
    memcpy(ret->self, stage->self, ops->self_size);
    ret->first_column = plan->layout->columns;
    plan->stage = ops->name;
    plan->memory_size = 0;
    plan->rows = 0;
    plan->emits_ticks = false;
    st = ops->plan(ret->self, plan, err);
    if (st == VG_OK)
        st = check_tick(config, plan, err);
    ret->columns = plan->layout->columns - ret->first_column;
    ret->model = ret->columns > 0 ? plan->column_model[ret->first_column] : NULL;
    ret->memory_size = plan->memory_size;
    ret->rows = plan->rows;
    ret->emits_ticks = plan->emits_ticks;
    return st;
}

/* Plans stage by stage; *ret_n says how many instances there are, the failed one being the last. */
static vg_status plan_chain(const struct vg_config *config, struct vg_layout *layout,
                            struct vg_planned_stage *stages, uint32_t *ret_n, struct vg_err *err)
{
    struct vg_plan plan = { .site = &config->site,
                            .models = (const struct vg_model *const *)config->models,
                            .models_n = config->models_n,
                            .layout = layout };
    vg_status st = VG_OK;
    uint32_t n = 0;

    vg_layout_init(layout);
    for (; n < config->stages_n && st == VG_OK; n++)
        st = plan_stage(config, &config->stages[n], &plan, &stages[n], err);
    *ret_n = n;
    return st;
}

vg_status vg_config_plan(const struct vg_config *config, struct vg_layout *layout,
                         struct vg_planned_stage *stages, struct vg_err *err)
{
    uint32_t n;
    vg_status st = plan_chain(config, layout, stages, &n, err);

    while (st != VG_OK && n > 0)
        vg_planned_stage_done(&stages[--n]);
    return st;
}

void vg_planned_stage_done(struct vg_planned_stage *stage)
{
    if (stage->self && stage->ops->close)
        stage->ops->close(stage->self);
    free(stage->self);
    *stage = (struct vg_planned_stage){ 0 };
}

static void take_memory(struct vg_config *config, const struct vg_planned_stage *stages)
{
    for (uint32_t i = 0; i < config->stages_n; i++)
        config->stages[i].memory_size = stages[i].memory_size;
}

size_t vg_config_patient_memory(const struct vg_config *config)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < config->stages_n; i++)
        sum += config->stages[i].memory_size;
    return sum;
}

/* What one patient costs is decided where the chain is, and paid for by every bed. */
static void check_memory(struct vg_load *l)
{
    const struct vg_config *config = l->config;
    const size_t needed = vg_config_patient_memory(config);
    struct vg_buf parts = VG_BUF_INIT;

    if (config->service.patient_memory == 0 || needed <= config->service.patient_memory)
        return;
    for (uint32_t i = 0; i < config->stages_n; i++)
        vg_buf_printf(&parts, "%s%s %zu", i ? ", " : "", config->stages[i].ops->name,
                      config->stages[i].memory_size);
    vg_document_error(
        l->doc, vg_node_find(l->doc->root, "stages")->key_at,
        "a patient would need %zu bytes of memory (%s), and service.patient_memory is "
        "%llu; take models with less state or shorter windows, fewer rules, or more "
        "memory: \"patient_memory: %zuKiB\"",
        needed, parts.data, (unsigned long long)config->service.patient_memory,
        (needed + 1023) / 1024);
    vg_buf_done(&parts);
}

/* Plans a chain on a scratch copy, for what the plan finds wrong and for the hashes. */
static void try_plan(struct vg_load *l)
{
    struct vg_config *config = l->config;
    struct vg_planned_stage *stages = calloc(config->stages_n + 1, sizeof(*stages));
    struct vg_layout layout;
    struct vg_err err;
    uint32_t n;

    VG_CHECK(stages);
    if (plan_chain(config, &layout, stages, &n, &err) == VG_OK) {
        take_memory(config, stages);
        check_memory(l);
        vg_config_make_hashes(config, stages);
    } else {
        note_component(l, stage_node(config, n - 1), &err);
    }
    while (n > 0)
        vg_planned_stage_done(&stages[--n]);
    free(stages);
}

/* ---- sinks ---- */

static void load_sink(struct vg_load *l, const struct vg_node *node)
{
    struct vg_config *config = l->config;
    struct vg_sink_config *sink = &config->sinks[config->sinks_n];
    uint32_t errors = l->doc->count[VG_ERROR];
    struct vg_target targets[2];
    struct vg_err err;
    const char *type;

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    type = component_type(l, node, "sink", sink_names);
    if (!type)
        return;
    config->sinks_n++;
    snprintf(sink->name, sizeof(sink->name), "%s", node->key);
    sink->ops = vg_sink_find(type);
    sink->self = self_new(sink->ops->self_size, sink->ops->options);
    vg_options_default(vg_delivery_options, &sink->delivery);
    targets[0] = (struct vg_target){ sink->ops->options, sink->self };
    targets[1] = (struct vg_target){ vg_delivery_options, &sink->delivery };
    vg_document_options(l->doc, node, targets, 2, type_key);
    vg_load_delivery(l, node, sink);
    if (sink->ops->check && l->doc->count[VG_ERROR] == errors &&
        sink->ops->check(sink->self, &err) != VG_OK)
        note_component(l, node, &err);
}

static void sink_done(struct vg_sink_config *sink)
{
    self_free(sink->self, sink->ops->options);
    vg_options_done(vg_delivery_options, &sink->delivery);
}

/* Options that name something which only one sink can have. */
static const char *const exclusive[] = { "path", "publish", "control" };

static const char *exclusive_value(const struct vg_sink_config *sink, size_t i)
{
    const struct vg_option *opt;
    const char *value;

    VG_CHECK(sink->ops);
    opt = vg_option_find(table_of(sink->ops->options), exclusive[i]);
    if (!opt || opt->type != VG_OPT_STRING_)
        return NULL;
    value = *(char *const *)((const char *)sink->self + opt->offset);
    /* "tcp://127.0.0.1:*" is another port each time. */
    return value && value[0] && value[strlen(value) - 1] != '*' ? value : NULL;
}

static void check_clash(struct vg_load *l, const struct vg_node *map,
                        const struct vg_sink_config *first, const struct vg_sink_config *other)
{
    const struct vg_node *there = vg_node_find(map, first->name);
    const struct vg_node *here = vg_node_find(map, other->name);

    for (size_t i = 0; i < VG_ARRAY_LEN(exclusive) * VG_ARRAY_LEN(exclusive); i++) {
        size_t j = i / VG_ARRAY_LEN(exclusive);
        const char *a = exclusive_value(first, i % VG_ARRAY_LEN(exclusive));
        const char *b = exclusive_value(other, j);
        const struct vg_node *at = vg_node_find(here, exclusive[j]);

        if (a && b && strcmp(a, b) == 0)
            vg_document_error(
                l->doc, at ? at->at : here->key_at,
                "%s: \"%s\" is also that of sink \"%s\" in line %u; each needs its own",
                exclusive[j], b, first->name, there->key_at.line);
    }
}

static void load_sinks(struct vg_load *l)
{
    struct vg_config *config = l->config;
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "sinks");

    if (!map)
        return;
    if (map->children == 0)
        vg_document_error(l->doc, map->at, "\"sinks\" needs at least one sink");
    if (map->children > VG_SINKS_MAX)
        vg_document_error(l->doc, map->at, "at most %d sinks are possible", VG_SINKS_MAX);
    config->sinks = calloc(map->children + 1, sizeof(*config->sinks));
    VG_CHECK(config->sinks);
    for (const struct vg_node *c = map->child; c; c = c->next)
        load_sink(l, c);
    for (uint32_t i = 0; i < config->sinks_n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (config->sinks[i].ops == config->sinks[j].ops)
                check_clash(l, map, &config->sinks[j], &config->sinks[i]);
        }
    }
    vg_load_heard(l, map);
}

/* ---- the whole ---- */

static bool stage_names_model(const struct vg_node *stages, const char *name)
{
    for (const struct vg_node *c = stages ? stages->child : NULL; c; c = c->next) {
        const struct vg_node *model = vg_node_find(c, "model");

        if (model && model->kind == VG_NODE_SCALAR && strcmp(model->text, name) == 0)
            return true;
    }
    return false;
}

/* A detector that a stage names works with the models that it was calibrated with. */
static bool detector_needs_model(const struct vg_load *l, const struct vg_node *stages,
                                 const struct vg_model *model)
{
    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const struct vg_calibration *c = vg_detector_calibration(l->config->models[i]);

        for (int k = 0; c && k < VG_SCORES; k++) {
            if (strcmp(c->member[k], model->sha256) == 0 &&
                stage_names_model(stages, l->config->models[i]->name))
                return true;
        }
    }
    return false;
}

static void warn_unused_models(struct vg_load *l)
{
    const struct vg_node *stages = vg_node_find(l->doc->root, "stages");

    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const char *name = l->config->models[i]->name;
        const struct vg_node *models = vg_node_find(l->doc->root, "models");

        if (!stage_names_model(stages, name) &&
            !detector_needs_model(l, stages, l->config->models[i]))
            vg_document_warn(l->doc, vg_node_find(models, name)->key_at,
                             "no stage uses model \"%s\"", name);
    }
}

static bool stage_uses_rule(const struct vg_load *l, const char *name)
{
    for (uint32_t i = 0; i < l->config->stages_n; i++) {
        const struct vg_stage_ops *ops = l->config->stages[i].ops;
        const struct vg_node *rules = vg_node_find(stage_node(l->config, i), "rules");

        VG_CHECK(ops);
        if (!vg_option_find(table_of(ops->options), "rules"))
            continue;
        if (!rules)
            return true; /* a stage that lists none takes all */
        for (const struct vg_node *c = rules->child; c; c = c->next) {
            if (c->kind == VG_NODE_SCALAR && strcmp(c->text, name) == 0)
                return true;
        }
    }
    return false;
}

static void warn_unused_rules(struct vg_load *l)
{
    const struct vg_node *rules = vg_node_find(l->doc->root, "alert_rules");

    for (uint32_t i = 0; i < l->config->site.rules_n; i++) {
        const char *name = l->config->site.rules[i].name;

        if (!stage_uses_rule(l, name))
            vg_document_warn(l->doc, vg_node_find(rules, name)->key_at,
                             "no stage uses alert rule \"%s\"", name);
    }
}

enum { SECTIONS_MAX = 16 };

/* Whether the rest of the file may be read as version 1. */
static bool check_version(struct vg_load *l)
{
    const struct vg_node *version = vg_node_find(l->doc->root, "version");

    if (!version) {
        vg_document_error(l->doc, l->doc->root->at,
                          "\"version: 1\" is missing; it says which version of the format this is");
        return true;
    }
    if (version->kind == VG_NODE_SCALAR && strcmp(version->text, "1") == 0)
        return true;
    vg_document_error(l->doc, version->at,
                      "expected \"version: 1\", the only one that this Vigil reads");
    return false;
}

/* Sections that are missing are told of here, in words of their own. */
static void check_sections(struct vg_load *l)
{
    const char *names[SECTIONS_MAX + 1] = { NULL };
    size_t n = 0;

    for (const struct vg_option *o = vg_section_options; o->type != VG_OPT_END_; o++) {
        VG_CHECK(n < SECTIONS_MAX);
        names[n++] = o->name;
    }
    vg_document_options(l->doc, l->doc->root, NULL, 0, names);
    for (const struct vg_option *o = vg_section_options; o->type != VG_OPT_END_; o++) {
        const struct vg_node *node = vg_node_find(l->doc->root, o->name);

        if (!(o->flags & VG_OPT_REQUIRED) || strcmp(o->name, "version") == 0)
            continue;
        if (!node)
            vg_document_error(l->doc, l->doc->root->at, "section \"%s\" is missing", o->name);
        else if (vg_node_empty(node))
            vg_document_error(l->doc, node->key_at, "section \"%s\" is empty; expected a %s",
                              o->name, o->unit);
    }
}

static void load(struct vg_load *l)
{
    if (l->doc->root->kind != VG_NODE_MAPPING) {
        vg_document_error(l->doc, l->doc->root->at, "expected a mapping of sections, not %s",
                          vg_node_what(l->doc->root));
        return;
    }
    if (!check_version(l))
        return;
    check_sections(l);
    load_service(l);
    vg_load_site(l);
    vg_load_scores(l);
    vg_load_rules(l);
    vg_load_check_beds(l);
    load_models(l);
    vg_load_check_rules(l);
    load_source(l);
    load_stages(l);
    load_sinks(l);
    vg_load_tests(l);
    /* What a plan says about a chain that is wrong already would only mislead. */
    if (l->doc->count[VG_ERROR] > 0)
        return;
    warn_unused_models(l);
    warn_unused_rules(l);
    try_plan(l);
}

vg_status vg_config_check(const char *path, struct vg_config **ret, vg_config_see *see, void *arg,
                          struct vg_err *err)
{
    struct vg_config *config = calloc(1, sizeof(*config));
    struct vg_document *doc = calloc(1, sizeof(*doc));
    struct vg_load l = { .config = config, .doc = doc };
    vg_status st;

    VG_CHECK(config && doc);
    *ret = NULL;
    config->path = strdup(path);
    VG_CHECK(config->path);
    config->document = doc;
    st = vg_document_read(doc, path, err);
    doc->later = later_keys;
    if (st == VG_OK) {
        load(&l);
        vg_document_check_secrets(doc, doc->root);
    }
    if (st != VG_E_IO)
        see(arg, doc, l.files.len ? l.files.data : "");
    vg_buf_done(&l.files);
    if (st != VG_E_IO && doc->count[VG_ERROR] > 0)
        st = vg_fail(err, VG_E_CONFIG, "%s: %u problem%s", path, doc->count[VG_ERROR],
                     doc->count[VG_ERROR] == 1 ? "" : "s");
    if (st != VG_OK) {
        vg_config_free(config);
        return st;
    }
    *ret = config;
    return VG_OK;
}

static void report(void *arg, const struct vg_document *doc, const char *others)
{
    vg_document_report(doc, arg);
    vg_buf_str(arg, others);
}

vg_status vg_config_load(const char *path, struct vg_config **ret, struct vg_buf *diagnostics,
                         struct vg_err *err)
{
    return vg_config_check(path, ret, report, diagnostics, err);
}

void vg_config_free(struct vg_config *config)
{
    if (!config)
        return;
    for (uint32_t i = 0; i < config->sinks_n; i++)
        sink_done(&config->sinks[i]);
    for (uint32_t i = 0; i < config->stages_n; i++)
        self_free(config->stages[i].self, config->stages[i].ops->options);
    for (uint32_t i = 0; i < config->models_n; i++)
        config->models[i]->ops->free(config->models[i]);
    if (config->source.ops)
        self_free(config->source.self, config->source.ops->options);
    if (config->source.decoder)
        self_free(config->source.decoder_self, config->source.decoder->options);
    vg_options_done(vg_ingest_options, &config->source.ingest);
    service_done(&config->service);
    vg_site_done(&config->site);
    vg_config_tests_free(config->tests, config->tests_n);
    vg_document_done(config->document);
    free(config->document);
    free(config->sinks);
    free(config->models);
    free(config->stages);
    free(config->path);
    free(config);
}
