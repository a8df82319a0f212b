/* config_models.c - reads section `models`, and the files that it names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/calibration.h"
#include "models/load.h"
#include "runtime/config_private.h"
#include "runtime/hash.h"
#include "runtime/registry.h"

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
    type = vg_load_type(l, node, VG_KIND_MODEL);
    vg_document_options(l->doc, node, &target, 1, vg_load_type_key);
    if (type && l->doc->count[VG_ERROR] == errors) {
        /* The digest comes first, so that no parser sees a file that was tampered with. */
        if (check_digest(&o, &err) != VG_OK ||
            vg_model_find(type)->load(o.file, &model, &err) != VG_OK) {
            if (!err.option[0])
                snprintf(err.option, sizeof(err.option), "file");
            vg_load_note(l, node, &err);
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

void vg_load_models(struct vg_load *l)
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

/* ---- models that nobody uses ---- */

static bool a_stage_names(const struct vg_node *stages, const char *name)
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
                a_stage_names(stages, l->config->models[i]->name))
                return true;
        }
    }
    return false;
}

void vg_load_warn_models(struct vg_load *l)
{
    const struct vg_node *stages = vg_node_find(l->doc->root, "stages");

    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const char *name = l->config->models[i]->name;
        const struct vg_node *models = vg_node_find(l->doc->root, "models");

        if (!a_stage_names(stages, name) && !detector_needs_model(l, stages, l->config->models[i]))
            vg_document_warn(l->doc, vg_node_find(models, name)->key_at,
                             "no stage uses model \"%s\"", name);
    }
}
