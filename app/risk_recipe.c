/* risk_recipe.c - how a risk model is made: its members, and what they are measured against. */
#include "app/risk_recipe.h"

#include <stdio.h>
#include <string.h>

#include "app/mapping_file.h"
#include "core/text.h"
#include "models/network.h"
#include "runtime/document_options.h"

static const char *const types[] = { "logistic", "dense", "sequence", NULL };
static const char *const sights[] = { "values", "masks", "time", NULL };

/* clang-format off */
#define R struct vg_risk_recipe
static const struct vg_option recipe_options[] = {
    VG_OPT_STRING(R, map, "map", NULL, VG_OPT_REQUIRED | VG_OPT_PATH, "what the files mean"),
    VG_OPT_STRING(R, salt, "salt", "vigil", 0, "of the hash that gives a stay its fold"),
    VG_OPT_INT(R, folds, "folds", "5", 2, 20, "", 0, "parts of cross-validation"),
    VG_OPT_INT(R, seed, "seed", "1", 0, 1e9, "", 0, "of networks' parameters"),
    VG_OPT_END,
};
#undef R

#define L struct vg_risk_learner
static const struct vg_option learner_options[] = {
    VG_OPT_ENUM(L, type, "type", "logistic", types, 0, "what learns"),
    VG_OPT_ENUM(L, sees, "sees", "values", sights, 0,
                "masks: only whether and how often something was measured; time: not even that"),
    VG_OPT_LIST(L, summaries, "summaries", 0, "what is summed up of every variable"),
    VG_OPT_LIST(L, bends, "bends", 0, "where lines may bend, in standard deviations"),
    VG_OPT_LIST(L, bent, "bent", 0, "summaries whose lines may bend"),
    VG_OPT_FLOAT(L, clip, "clip", "4", 1, 100, "", 0, "greatest standardised value"),
    VG_OPT_FLOAT(L, penalty, "penalty", "100", 1e-6, 1e9, "", 0, "of the squared weights"),
    VG_OPT_STRING(L, network, "network", NULL, 0, "layers; the last is dense:1:sigmoid"),
    VG_OPT_INT(L, seeds, "seeds", "1", 1, VG_RISK_SEEDS_MAX, "", 0, "networks whose mean counts"),
    VG_OPT_FLOAT(L, every_hour, "every_hour", "0", 0, 1, "", 0,
                 "share of the loss that lies on all hours alike, not on the last"),
    VG_OPT_INT(L, epochs, "epochs", "10", 1, 10000, "", 0, "times through the data"),
    VG_OPT_INT(L, batch, "batch", "64", 1, 4096, "", 0, "stays learned from together"),
    VG_OPT_FLOAT(L, rate, "rate", "1e-3", 1e-7, 1, "", 0, "of Adam; falls along half a cosine"),
    VG_OPT_FLOAT(L, weight_decay, "weight_decay", "0", 0, 10, "", 0, "decoupled"),
    VG_OPT_FLOAT(L, clip_gradient, "clip_gradient", "1", 0, 1e6, "", 0, "greatest norm; 0: none"),
    VG_OPT_FLOAT(L, dropout, "dropout", "0", 0, 0.95, "", 0, "of what the last layer sees"),
    VG_OPT_FLOAT(L, drop, "drop", "0", 0, 0.95, "", 0, "share of inputs hidden in learning"),
    VG_OPT_END,
};
#undef L
/* clang-format on */

/* ---- one learner ---- */

static void read_kinds(struct vg_risk_learner *l, struct vg_document *doc,
                       const struct vg_node *node)
{
    const char *names[VG_SUMMARY_KINDS];

    for (int k = 0; k < VG_SUMMARY_KINDS; k++)
        names[k] = vg_summary_name((enum vg_summary_kind)k);
    for (size_t i = 0; i < l->summaries.n; i++) {
        enum vg_summary_kind kind = vg_summary_find(l->summaries.value[i]);

        if (kind == VG_SUMMARY_KINDS)
            vg_document_unknown(doc, node->at, "summary", l->summaries.value[i], names,
                                VG_SUMMARY_KINDS);
        else if (l->spec.kinds < VG_SUMMARY_KINDS)
            l->spec.kind[l->spec.kinds++] = kind;
    }
    for (size_t i = 0; i < l->bent.n; i++) {
        enum vg_summary_kind kind = vg_summary_find(l->bent.value[i]);

        if (kind == VG_SUMMARY_KINDS)
            vg_document_unknown(doc, node->at, "summary", l->bent.value[i], names,
                                VG_SUMMARY_KINDS);
        else
            l->may_bend[kind] = true;
    }
}

static void read_bends(struct vg_risk_learner *l, struct vg_document *doc,
                       const struct vg_node *node)
{
    if (l->bends.n > VG_RISK_BENDS_MAX)
        vg_document_error(doc, node->at, "more than %d bends", VG_RISK_BENDS_MAX);
    for (size_t i = 0; i < l->bends.n && i < VG_RISK_BENDS_MAX; i++) {
        double at;

        if (!vg_parse_double(l->bends.value[i], &at))
            vg_document_error(doc, node->at, "bend \"%s\": expected a number", l->bends.value[i]);
        else
            l->bend[l->bends_n++] = (float)at;
    }
}

/* The number of inputs is known with the data; here only the words are checked. */
static void check_network(const struct vg_risk_learner *l, struct vg_document *doc,
                          const struct vg_node *node)
{
    struct vg_network network;
    struct vg_err err;

    if (!l->network)
        vg_document_error(doc, node->at,
                          "\"network\" is missing: layers, such as dense:64:relu,"
                          "dense:1");
    else if (vg_network_parse(&network, l->network, 1, &err) != VG_OK)
        vg_document_error(doc, node->at, "%s", err.msg);
    else if (vg_network_outputs(&network) != 1 ||
             network.layer[network.layers - 1].kind != VG_LAYER_DENSE ||
             network.layer[network.layers - 1].activation != VG_SIGMOID)
        vg_document_error(doc, node->at, "the last layer of a risk network is dense:1:sigmoid");
}

static void check_learner(const struct vg_risk_learner *l, struct vg_document *doc,
                          const struct vg_node *node)
{
    if (l->type != VG_RISK_LOGISTIC)
        check_network(l, doc, node);
    if (l->type == VG_RISK_SEQUENCE && l->sees != VG_RISK_VALUES)
        vg_document_error(doc, node->at, "a sequence sees values");
    if (l->type != VG_RISK_SEQUENCE && l->sees != VG_RISK_TIME && !l->spec.kinds)
        vg_document_error(doc, node->at, "\"summaries\" is missing: such as [last, min, max]");
}

static void read_learner(struct vg_risk_learner *l, struct vg_document *doc,
                         const struct vg_node *node)
{
    if (strlen(node->key) >= VG_NAME_SIZE) {
        vg_document_error(doc, node->key_at, "a name has at most %d characters", VG_NAME_SIZE - 1);
        return;
    }
    if (!vg_document_is_mapping(doc, node))
        return;
    memcpy(l->name, node->key, strlen(node->key) + 1);
    vg_options_default(learner_options, l);
    vg_document_options(doc, node, &(struct vg_target){ learner_options, l }, 1, NULL);
    l->spec.masks_only = l->sees == VG_RISK_MASKS;
    l->spec.time_only = l->sees == VG_RISK_TIME;
    read_kinds(l, doc, node);
    read_bends(l, doc, node);
    check_learner(l, doc, node);
}

static uint32_t read_learners(struct vg_risk_learner *to, struct vg_document *doc, const char *key)
{
    const struct vg_node *all = vg_document_mapping(doc, doc->root, key);
    uint32_t n = 0;

    for (const struct vg_node *node = all ? all->child : NULL; node; node = node->next) {
        if (n == VG_RISK_LEARNERS_MAX) {
            vg_document_error(doc, node->key_at, "more than %d %s", VG_RISK_LEARNERS_MAX, key);
            break;
        }
        read_learner(&to[n++], doc, node);
    }
    return n;
}

/* ---- the file ---- */

static void read_root(void *ctx, struct vg_document *doc)
{
    struct vg_risk_recipe *r = ctx;
    static const char *const others[] = { "version", "members", "references", NULL };
    const struct vg_node *version = vg_node_find(doc->root, "version");

    if (!version || version->kind != VG_NODE_SCALAR || strcmp(version->text, "1") != 0)
        vg_document_error(doc, version ? version->at : doc->root->at, "expected \"version: 1\"");
    vg_options_default(recipe_options, r);
    vg_document_options(doc, doc->root, &(struct vg_target){ recipe_options, r }, 1, others);
    r->members = read_learners(r->member, doc, "members");
    r->references = read_learners(r->reference, doc, "references");
    if (!r->members)
        vg_document_error(doc, doc->root->at, "\"members\" is missing: names and what they are");
}

vg_status vg_risk_recipe_read(struct vg_risk_recipe *r, const char *path,
                              struct vg_buf *diagnostics, struct vg_err *err)
{
    struct vg_document doc;
    vg_status st;

    *r = (struct vg_risk_recipe){ 0 };
    st = vg_mapping_file_read(&doc, path, read_root, r, diagnostics, err);
    vg_document_done(&doc);
    return st;
}

void vg_risk_recipe_done(struct vg_risk_recipe *r)
{
    for (uint32_t i = 0; i < r->members; i++)
        vg_options_done(learner_options, &r->member[i]);
    for (uint32_t i = 0; i < r->references; i++)
        vg_options_done(learner_options, &r->reference[i]);
    vg_options_done(recipe_options, r);
}
