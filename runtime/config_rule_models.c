/* config_rule_models.c - what alert rules want of the models of a configuration. */
#include <string.h>

#include "runtime/config_rule.h"

static bool has_channel(const struct vg_model *model, int channel)
{
    for (uint32_t c = 0; c < model->channels; c++) {
        if (model->channel[c] == channel)
            return true;
    }
    return false;
}

/* Why `model` cannot serve the forecast rule, or NULL. */
static const char *forecast_lacks(const struct vg_model *model, const struct vg_rule *rule)
{
    const float wanted = rule->probability > 0 ? 0.5f : rule->quantile;
    bool quantile = false, horizon = false;

    for (uint32_t q = 0; q < model->quantiles; q++)
        quantile |= model->quantile[q] == wanted;
    for (uint32_t h = 0; h < model->horizons; h++)
        horizon |= model->horizon_ns[h] <= rule->within_ns;
    if (!has_channel(model, rule->channel))
        return "forecast";
    if (!quantile)
        return "quantile";
    return horizon ? NULL : "within";
}

static void check_forecast(struct vg_load *l, const struct vg_rule *rule,
                           const struct vg_node *when)
{
    const char *lacks = NULL;
    const struct vg_model *best = NULL;

    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const struct vg_model *model = l->config->models[i];

        if (model->horizons == 0)
            continue;
        best = model;
        lacks = forecast_lacks(model, rule);
        if (!lacks)
            return;
    }
    if (!best)
        vg_document_error(l->doc, when->key_at,
                          "a rule with \"forecast\" needs a forecasting model in \"models\"");
    else
        vg_document_error(l->doc,
                          vg_node_find(when, lacks) ? vg_node_find(when, lacks)->at : when->key_at,
                          "model \"%s\" has no such %s", best->name,
                          strcmp(lacks, "forecast") == 0 ? "channel"
                          : strcmp(lacks, "within") == 0 ? "horizon"
                                                         : "quantile");
}

static void check_anomaly(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *when)
{
    const struct vg_node *models = vg_node_find(l->doc->root, "models");
    const struct vg_node *at = vg_node_find(when, "anomaly");
    const char *names[32];
    size_t n = 0;

    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const struct vg_model *model = l->config->models[i];

        if (strcmp(model->name, rule->model) == 0) {
            if (model->window == 0 && model->threshold <= 0.0f)
                vg_document_error(l->doc, at->at, "model \"%s\" gives no anomaly score",
                                  model->name);
            return;
        }
        if (n < VG_ARRAY_LEN(names))
            names[n++] = model->name;
    }
    /* One that is there but could not be loaded has its own problem. */
    if (!vg_node_find(models, rule->model))
        vg_document_unknown(l->doc, at->at, "model", rule->model, names, n);
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void check_models(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *when,
                         bool all_loaded)
{
    const struct vg_node *list =
        rule->join ? vg_node_find(when, vg_rule_joins[rule->join].key) : NULL;
    const struct vg_node *part = rule->join == VG_JOIN_NOT ? list : list ? list->child : NULL;

    if (rule->rule == VG_RULE_FORECAST && rule->channel != VG_CHANNEL_NONE && all_loaded)
        check_forecast(l, rule, when);
    else if (rule->rule == VG_RULE_ANOMALY && rule->model[0])
        check_anomaly(l, rule, when);
    for (uint32_t i = 0; i < rule->parts && part; i++, part = part->next)
        check_models(l, &rule->part[i], part, all_loaded);
}

void vg_load_check_rules(struct vg_load *l)
{
    const struct vg_node *rules = vg_node_find(l->doc->root, "alert_rules");
    const struct vg_node *models = vg_node_find(l->doc->root, "models");
    uint32_t listed = models ? models->children : 0;

    for (uint32_t i = 0; i < l->config->site.rules_n; i++) {
        const struct vg_rule *rule = &l->config->site.rules[i];

        check_models(l, rule, vg_node_find(vg_node_find(rules, rule->name), "when"),
                     l->config->models_n == listed);
    }
}
