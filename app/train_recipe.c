/* train_recipe.c - how a model is made: option tables, and the file that they read. */
#include "app/train_recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/document_options.h"

enum { KEY_WIDTH = 30 };

static const char *const optimizers[] = { "adam", "sgd", NULL };
static const char *const schedules[] = { "constant", "step", "cosine", NULL };
static const char *const skips[] = { "persistence", "ridge", "median", "none", NULL };
static const char *const losses[] = { "mse", "pinball", NULL };
static const char *const window_losses[] = { "mse", "bce", NULL };
static const char *const targets_at[] = { "all", "last", NULL };
static const char *const kinds[] = { "ridge", "pca", "logistic", NULL };

/* clang-format off */
#define R struct vg_recipe
static const struct vg_option common[] = {
    VG_OPT_FLOAT(R, split.train, "split.train", "0.7", 0.01, 1, "", 0,
                 "Share of patients to learn from."),
    VG_OPT_FLOAT(R, split.validation, "split.validation", "0.15", 0, 0.9, "", 0,
                 "Share of patients who say when to stop."),
    VG_OPT_STRING(R, split.salt, "split.salt", "vigil", 0,
                  "Another text, other patients in each part."),
    VG_OPT_END,
};

static const struct vg_option fit[] = {
    VG_OPT_ENUM(R, fit.optimizer, "fit.optimizer", "adam", optimizers, 0, "adam or sgd."),
    VG_OPT_FLOAT(R, fit.rate, "fit.rate", "0.001", 1e-9, 100, "", 0, "Learning rate."),
    VG_OPT_FLOAT(R, fit.beta1, "fit.beta1", "0.9", 0, 0.9999, "", 0, "Of adam."),
    VG_OPT_FLOAT(R, fit.beta2, "fit.beta2", "0.999", 0, 0.99999, "", 0, "Of adam."),
    VG_OPT_FLOAT(R, fit.epsilon, "fit.epsilon", "1e-8", 1e-12, 1, "", 0, "Of adam."),
    VG_OPT_FLOAT(R, fit.momentum, "fit.momentum", "0.9", 0, 0.9999, "", 0, "Of sgd."),
    VG_OPT_FLOAT(R, fit.weight_decay, "fit.weight_decay", "0", 0, 1, "", 0,
                 "Decoupled, as AdamW."),
    VG_OPT_FLOAT(R, fit.clip, "fit.clip", "0", 0, 1e6, "", 0,
                 "Greatest norm of the whole gradient; 0: none."),
    VG_OPT_ENUM(R, fit.schedule, "fit.schedule", "constant", schedules, 0,
                "How the rate falls."),
    VG_OPT_FLOAT(R, fit.factor, "fit.factor", "0", 0, 1, "", 0,
                 "Of the schedule: step multiplies by it, cosine ends at it."),
    VG_OPT_INT(R, fit.every, "fit.every", "1", 1, 10000, "epochs", 0, "Of schedule step."),
    VG_OPT_INT(R, fit.epochs, "fit.epochs", "10", 1, 100000, "", 0, "At most."),
    VG_OPT_INT(R, fit.patience, "fit.patience", "0", 0, 100000, "epochs", 0,
               "Epochs without a better validation loss before the end; 0: all of them."),
    VG_OPT_INT(R, fit.batch, "fit.batch", "32", 1, 4096, "sequences", 0, "Learned from together."),
    VG_OPT_INT(R, fit.window, "fit.window", "0", 0, 100000, "ticks", 0,
               "Of truncated back-propagation, state carried on; 0: whole sequences."),
    VG_OPT_INT(R, fit.shards, "fit.shards", "8", 1, 16, "", 0,
               "Parts of a batch whose gradients are summed in order; workers share them."),
    VG_OPT_FLOAT(R, fit.dropout, "fit.dropout", "0", 0, 0.95, "", 0,
                 "Share of the last layer's inputs left out."),
    VG_OPT_FLOAT(R, fit.drop, "fit.drop", "0", 0, 0.95, "", 0,
                 "Share of observed inputs hidden, to learn what is robust."),
    VG_OPT_FLOAT(R, fit.noise, "fit.noise", "0", 0, 10, "standard deviations", 0,
                 "Added to the inputs that are left."),
    VG_OPT_END,
};

#define FEATURES(d) \
    VG_OPT_STRING(R, features, "features", d, 0, "Inputs of each tick, models/features.h."), \
    VG_OPT_DURATION(R, baseline_ns, "baseline", "4h", 60, 30 * 86400.0, 0, \
                    "Time constant of the personal baseline, as in stage normalize.")
#define NETWORK \
    VG_OPT_STRING(R, network, "network", NULL, VG_OPT_REQUIRED, \
                  "Layers, such as \"lstm:64,lstm:64,dense:120\"; models/network.h.")
#define FORECASTS \
    VG_OPT_LIST(R, horizons, "horizons", 0, "How far ahead (default: 1m, 5m, 10m, 30m, 60m)."), \
    VG_OPT_LIST(R, quantiles, "quantiles", 0, "0.5 among them (default: 0.05, 0.5, 0.95)."), \
    VG_OPT_FLOAT(R, penalty, "penalty", "0", 0, 1e9, "", 0, \
                 "Of a regression's squared weights; 0: 1 for means, 30 for medians.")
#define AHEAD \
    VG_OPT_DURATION(R, ahead_ns, "ahead", "30m", 1, 86400, 0, \
                    "Trouble that begins within this, or goes on, counts as foreseen.")
#define WINDOWS \
    VG_OPT_INT(R, window, "window", "16", 1, 256, "ticks", 0, "Of the reconstruction."), \
    VG_OPT_INT(R, every, "every", "4", 1, 100000, "ticks", 0, "From one window to the next.")

const struct vg_option vg_forecast_recipe[] = {
    FEATURES("z,mask,age,baseline"),
    NETWORK,
    FORECASTS,
    VG_OPT_ENUM(R, skip, "skip", "persistence", skips, 0,
                "What the network corrects: the last value, a ridge regression, a regression for "
                "the median, nothing."),
    VG_OPT_ENUM(R, loss, "loss", "pinball", losses, 0, "mse forecasts one number, without skip."),
    VG_OPT_INT(R, sequence.ticks, "sequence.ticks", "0", 0, 100000, "ticks", 0,
               "Of a stretch that begins with empty memory; 0: the whole patient."),
    VG_OPT_INT(R, sequence.every, "sequence.every", "0", 0, 100000, "ticks", 0,
               "From one stretch to the next; 0: no two overlap."),
    VG_OPT_INT(R, sequence.most, "sequence.most", "0", 0, 1e9, "", 0,
               "Stretches at most, evenly chosen; 0: all."),
    VG_OPT_ENUM(R, sequence.target, "sequence.target", "all", targets_at, 0,
                "Whether every tick of a stretch counts or its last alone."),
    VG_OPT_END,
};

const struct vg_option vg_autoencoder_recipe[] = {
    VG_OPT_STRING(R, features, "features", "z,mask", 0,
                  "What the network sees of a window: \"z\" or \"z,mask\"."),
    NETWORK,
    WINDOWS,
    VG_OPT_ENUM(R, loss, "loss", "mse", window_losses, 0,
                "mse, or bce for values scaled to 0..1 (low, high)."),
    VG_OPT_FLOAT(R, low, "low", "0", -100, 100, "standard deviations", 0,
                 "With high: the network sees (z - low) / (high - low), clipped to 0..1."),
    VG_OPT_FLOAT(R, high, "high", "0", -100, 100, "standard deviations", 0, "See low."),
    VG_OPT_FLOAT(R, shift, "shift", "0", 0, 10, "standard deviations", 0,
                 "Each channel of a window is shifted at random before the network sees it, so that "
                 "it must know which levels occur together."),
    VG_OPT_END,
};

const struct vg_option vg_risk_simulated_recipe[] = {
    FEATURES("z,baseline,ewma:5m,ewma:1h"),
    NETWORK,
    AHEAD,
    VG_OPT_INT(R, every, "every", "10", 1, 100000, "ticks", 0, "From one row to the next."),
    VG_OPT_END,
};

const struct vg_option vg_baseline_recipe[] = {
    VG_OPT_ENUM(R, kind, "kind", NULL, kinds, VG_OPT_REQUIRED,
                "ridge (a forecaster), pca (of windows) or logistic (of simulated trouble)."),
    VG_OPT_ENUM(R, skip, "skip", "ridge", skips, 0,
                "Of kind ridge: ridge is a line for the mean, median one for the median."),
    FEATURES("z,ewma:5m,ewma:1h,ewma:4h"),
    FORECASTS,
    WINDOWS,
    VG_OPT_INT(R, components, "components", "16", 1, 1024, "", 0, "Of a pca."),
    AHEAD,
    VG_OPT_END,
};
#undef R
/* clang-format on */

static bool is_fitted(const struct vg_option *table)
{
    return table != vg_baseline_recipe;
}

void vg_recipe_init(struct vg_recipe *r, const struct vg_option *table)
{
    *r = (struct vg_recipe){ 0 };
    vg_dataset_spec_init(&r->data);
    vg_options_default(common, r);
    vg_options_default(fit, r);
    vg_options_default(table, r);
}

void vg_recipe_done(struct vg_recipe *r, const struct vg_option *table)
{
    vg_dataset_spec_done(&r->data);
    vg_options_done(common, r);
    vg_options_done(table, r);
}

/* ---- the file ---- */

static void read_data(struct vg_recipe *r, struct vg_document *doc)
{
    const struct vg_target target = { vg_dataset_options, &r->data };
    const struct vg_node *map = vg_document_mapping(doc, doc->root, "data");
    const struct vg_node *first = map ? map->child : NULL;

    if (!first)
        return;
    if (first->next)
        vg_document_error(doc, first->next->key_at,
                          "data: one source at a time; expected simulator, csv or kafka");
    r->data.source = vg_dataset_source(first->key, strlen(first->key));
    vg_document_options(doc, map, &target, 1, NULL);
}

static void read_recipe(struct vg_recipe *r, const struct vg_option *table, struct vg_document *doc)
{
    static const char *const others[] = { "version", "data", NULL };
    const struct vg_target targets[] = {
        { vg_grid_options, &r->data },
        { common, r },
        { table, r },
        { is_fitted(table) ? fit : NULL, r },
    };
    const struct vg_node *version = vg_node_find(doc->root, "version");

    if (!vg_document_is_mapping(doc, doc->root))
        return;
    if (!version || version->kind != VG_NODE_SCALAR || strcmp(version->text, "1") != 0)
        vg_document_error(doc, version ? version->at : doc->root->at,
                          "\"version: 1\" is missing: it says how this file is to be read");
    vg_document_options(doc, doc->root, targets, VG_ARRAY_LEN(targets), others);
    read_data(r, doc);
}

vg_status vg_recipe_read(struct vg_recipe *r, const struct vg_option *table, const char *path,
                         struct vg_buf *diagnostics, struct vg_err *err)
{
    struct vg_document doc = { 0 };
    vg_status st = vg_document_read(&doc, path, err);

    if (st == VG_OK)
        read_recipe(r, table, &doc);
    vg_document_report(&doc, diagnostics);
    st = vg_document_verdict(&doc, st, err);
    vg_document_done(&doc);
    return st;
}

/* Where a key stands that an error names: as it is, with its block ("fit.dropout"), or in a block that
 * the error leaves out, as the library does that knows no recipe. */
static const struct vg_node *find_key(const struct vg_node *root, const char *key)
{
    static const char *const blocks[] = { "fit", "sequence", "split" };
    const char *dot = strchr(key, '.');
    const struct vg_node *found = vg_node_find(root, key);
    char block[VG_NAME_SIZE];

    if (dot && !found) {
        snprintf(block, sizeof(block), "%.*s", (int)(dot - key), key);
        found = vg_node_find(vg_node_find(root, block), dot + 1);
    }
    for (size_t i = 0; i < VG_ARRAY_LEN(blocks) && !found; i++)
        found = vg_node_find(vg_node_find(root, blocks[i]), key);
    return found;
}

void vg_recipe_locate(const char *path, struct vg_err *err)
{
    struct vg_document doc = { 0 };
    const struct vg_node *found = NULL;
    struct vg_err whole = *err, unread;
    char key[VG_NAME_SIZE];

    snprintf(key, sizeof(key), "%.*s", (int)strcspn(err->msg, ": "), err->msg);
    if (vg_document_read(&doc, path, &unread) == VG_OK)
        found = find_key(doc.root, key);
    if (found)
        vg_fail(err, whole.status, "%s:%" PRIu32 ":%" PRIu32 ": %.400s", path, found->key_at.line,
                found->key_at.column, whole.msg);
    vg_document_done(&doc);
}

/* ---- one more word ---- */

static const struct vg_option *find(struct vg_recipe *r, const struct vg_option *table,
                                    const char *name, void **ret_self)
{
    const struct vg_option *const own[] = { table, common, is_fitted(table) ? fit : NULL };
    const struct vg_option *found = NULL;

    *ret_self = r;
    for (size_t i = 0; i < VG_ARRAY_LEN(own) && !found; i++)
        found = own[i] ? vg_option_find(own[i], name) : NULL;
    if (found)
        return found;
    *ret_self = &r->data;
    if (strncmp(name, "data.", 5) == 0)
        return vg_option_find(vg_dataset_options, name + 5);
    return vg_option_find(vg_grid_options, name);
}

static vg_status set_list(const struct vg_option *option, void *self, const char *text,
                          struct vg_err *err)
{
    const struct vg_option one[] = { *option, VG_OPT_END };
    char *words = strdup(text), *at = NULL;
    vg_status st = VG_OK;

    VG_CHECK(words != NULL);
    vg_options_done(one, self);
    for (char *word = strtok_r(words, ",", &at); word && st == VG_OK;
         word = strtok_r(NULL, ",", &at))
        st = vg_option_add(option, self, NULL, word, err);
    free(words);
    return st;
}

vg_status vg_recipe_set(struct vg_recipe *r, const struct vg_option *table, const char *assignment,
                        struct vg_err *err)
{
    const char *equals = strchr(assignment, '=');
    const struct vg_option *option;
    char name[VG_NAME_SIZE];
    struct vg_err why;
    void *self;
    vg_status st;

    if (!equals || (size_t)(equals - assignment) >= sizeof(name))
        return vg_fail(err, VG_E_USAGE, "\"%.80s\": expected KEY=VALUE, such as fit.epochs=3",
                       assignment);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
    option = find(r, table, name, &self);
    if (!option)
        return vg_fail(err, VG_E_USAGE, "\"%.80s\": there is no key \"%s\"", assignment, name);
    st = option->type == VG_OPT_LIST_ ? set_list(option, self, equals + 1, &why)
                                      : vg_option_set(option, self, equals + 1, &why);
    return st == VG_OK ? VG_OK : vg_fail(err, VG_E_USAGE, "%.300s", why.msg);
}

/* ---- help ---- */

static void help_table(const struct vg_option *table, const char *prefix, struct vg_buf *out)
{
    for (const struct vg_option *o = table; o->type != VG_OPT_END_; o++) {
        vg_buf_printf(out, "  %s%-*s  %s", prefix, KEY_WIDTH - (int)strlen(prefix), o->name,
                      o->help);
        if (o->flags & VG_OPT_REQUIRED)
            vg_buf_str(out, " Required.");
        else if (o->def)
            vg_buf_printf(out, " [%s]", o->def);
        vg_buf_char(out, '\n');
    }
}

void vg_recipe_help(const struct vg_option *table, struct vg_buf *out)
{
    vg_buf_str(out, "keys of the recipe, with their defaults:\n");
    help_table(vg_grid_options, "", out);
    help_table(vg_dataset_options, "data.", out);
    help_table(common, "", out);
    help_table(table, "", out);
    if (is_fitted(table))
        help_table(fit, "", out);
}

struct vg_fit vg_recipe_fit(const struct vg_fit_recipe *r)
{
    struct vg_fit f = vg_fit_default();

    f.optimizer = (enum vg_optimizer)r->optimizer;
    f.schedule = (enum vg_schedule)r->schedule;
    f.rate = (double)r->rate;
    f.beta1 = (double)r->beta1;
    f.beta2 = (double)r->beta2;
    f.epsilon = (double)r->epsilon;
    f.momentum = (double)r->momentum;
    f.weight_decay = (double)r->weight_decay;
    f.clip = (double)r->clip;
    f.factor = (double)r->factor;
    f.every = (uint32_t)r->every;
    f.epochs = (uint32_t)r->epochs;
    f.patience = (uint32_t)r->patience;
    f.batch = (uint32_t)r->batch;
    f.window = (uint32_t)r->window;
    f.shards = (uint32_t)r->shards;
    f.dropout = (double)r->dropout;
    f.drop = (double)r->drop;
    f.noise = (double)r->noise;
    return f;
}
