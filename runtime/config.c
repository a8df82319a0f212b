/* config.c - loads a configuration file: its sections one after the other, then the chain as a whole.
 *
 * Every mapping of the file is read by an option table: the table knows types, ranges, defaults and
 * help, and the file of a section (config_service.c, config_sinks.c, ...) knows where a value stands.
 */
#include "runtime/config_check.h"
#include "runtime/config_private.h"
#include "runtime/config_version.h"
#include "runtime/document_secret.h"

#include <stdlib.h>
#include <string.h>

/* Keys of features that this version does not have; whoever read about them should learn that,
 * rather than look for a spelling mistake. */
static const char *const later_keys[] = {
    "endpoint",
    "endpoints",
    "include",
    NULL,
};

/* ---- names ---- */

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

/* ---- the sections ---- */

enum { SECTIONS_MAX = 16 };

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
    if (!vg_config_version_check(l->doc))
        return;
    check_sections(l);
    vg_load_service(l);
    vg_load_site(l);
    vg_load_scores(l);
    vg_load_rules(l);
    vg_load_check_beds(l);
    vg_load_models(l);
    vg_load_check_rules(l);
    vg_load_source(l);
    vg_load_stages(l);
    vg_load_sinks(l);
    vg_load_tests(l);
    /* What a plan says about a chain that is wrong already would only mislead. */
    if (l->doc->count[VG_ERROR] > 0)
        return;
    vg_load_warn_models(l);
    vg_load_warn_rules(l);
    vg_load_try_plan(l);
}

/* ---- from outside ---- */

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
    st = vg_document_verdict(doc, st, err);
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
        vg_load_sink_done(&config->sinks[i]);
    for (uint32_t i = 0; i < config->stages_n; i++)
        vg_load_self_free(config->stages[i].self, config->stages[i].ops->options);
    for (uint32_t i = 0; i < config->models_n; i++)
        config->models[i]->ops->free(config->models[i]);
    vg_load_source_done(&config->source);
    vg_load_service_done(&config->service);
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
