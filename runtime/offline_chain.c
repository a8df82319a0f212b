/* offline_chain.c - a configuration that is nothing but stages, from a list in the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/load.h"
#include "runtime/document.h"
#include "runtime/offline.h"
#include "runtime/registry.h"

enum { STAGE_TEXT = 256 };

static vg_status set_option(struct vg_stage_config *stage, char *word, struct vg_err *err)
{
    char *value = strchr(word, '=');
    const struct vg_option *option;

    if (value)
        *value++ = '\0';
    option = stage->ops->options ? vg_option_find(stage->ops->options, word) : NULL;
    if (!value || !option)
        return vg_fail(err, VG_E_CONFIG, "stage %s: \"%s\" is not one of its options with a value",
                       stage->ops->name, word);
    if (option->type == VG_OPT_LIST_ || option->type == VG_OPT_MAP_ ||
        option->type == VG_OPT_CHANNELS_)
        return vg_option_add(option, stage->self, NULL, value, err);
    return vg_option_set(option, stage->self, value, err);
}

static vg_status add_stage(struct vg_config *config, const char *text, struct vg_err *err)
{
    struct vg_stage_config *stage = &config->stages[config->stages_n];
    char words[STAGE_TEXT], *at = NULL;
    const char *type;
    vg_status st = VG_OK;

    snprintf(words, sizeof(words), "%s", text);
    type = strtok_r(words, " ", &at);
    stage->ops = type ? vg_stage_find(type) : NULL;
    if (!stage->ops)
        return vg_fail(err, VG_E_CONFIG,
                       "\"%.80s\": there is no such stage; `vigil list` shows them", text);
    stage->self = calloc(1, stage->ops->self_size ? stage->ops->self_size : 1);
    VG_CHECK(stage->self != NULL);
    config->stages_n++;
    if (stage->ops->options)
        vg_options_default(stage->ops->options, stage->self);
    for (char *word; st == VG_OK && (word = strtok_r(NULL, " ", &at)) != NULL;)
        st = set_option(stage, word, err);
    return st;
}

vg_status vg_offline_chain(const char *const *stages, struct vg_model *const *models,
                           uint32_t models_n, struct vg_config **ret, struct vg_err *err)
{
    struct vg_config *config = calloc(1, sizeof(*config));
    uint32_t n = 0;
    vg_status st = VG_OK;

    while (stages[n])
        n++;
    VG_CHECK(config != NULL);
    config->document = calloc(1, sizeof(struct vg_document));
    config->stages = calloc(n + 1, sizeof(*config->stages));
    config->models = calloc(models_n + 1, sizeof(struct vg_model *));
    VG_CHECK(config->document != NULL && config->stages != NULL && config->models != NULL);
    vg_options_default(vg_ingest_options, &config->source.ingest);
    config->models_n = models_n;
    for (uint32_t i = 0; i < models_n; i++)
        config->models[i] = models[i];
    st = vg_models_agree((const struct vg_model *const *)models, models_n, err);
    for (uint32_t i = 0; i < n && st == VG_OK; i++)
        st = add_stage(config, stages[i], err);
    *ret = st == VG_OK ? config : NULL;
    if (st != VG_OK)
        vg_config_free(config);
    return st;
}
