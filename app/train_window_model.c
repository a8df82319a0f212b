/* train_window_model.c - learns to reconstruct windows: autoencoders, and PCA as their measure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/random.h"
#include "app/train_model.h"
#include "app/train_windows.h"
#include "models/kernel.h"
#include "models/train_linear.h"

/* ---- what the network sees ---- */

struct task {
    const struct vg_windows *windows;
    size_t first; /* of windows->at */
    bool with_mask;
    bool scaled; /* to 0..1 */
    uint64_t seed;
};

static uint32_t one_step(const void *self, size_t sequence)
{
    (void)self;
    (void)sequence;
    return 1;
}

static float to_unit(const struct vg_recipe *r, float z)
{
    float span = r->high - r->low;
    float u = span > 0.0f ? (z - r->low) / span : z;

    if (u > 1.0f)
        return 1.0f;
    return u < 0.0f ? 0.0f : u;
}

/* Moves each channel of the window by an amount of its own, which is the same whenever the window is
 * read. Without it a narrow network is enough to copy a window, usual or not; with it the network
 * has to know which levels occur together. */
static void shift_channels(const struct task *t, size_t window, float *x)
{
    const struct vg_windows *w = t->windows;
    struct vg_random random = vg_random_stream(t->seed, window);
    const uint32_t channels = w->data->channels;
    const float *mask = x + w->entries;
    float shift[VG_CHANNELS];

    for (uint32_t c = 0; c < channels; c++)
        shift[c] = w->recipe->shift * (float)vg_random_normal(&random);
    for (uint32_t tick = 0; tick < w->recipe->window; tick++, x += channels, mask += channels) {
        for (uint32_t c = 0; c < channels; c++)
            x[c] += mask[c] * shift[c];
    }
}

static void read_window(const void *self, size_t sequence, uint32_t from, uint32_t n,
                        const struct vg_train_rows *rows)
{
    const struct task *t = self;
    const struct vg_windows *w = t->windows;
    const struct vg_window_at *at = &w->at[t->first + sequence];
    const size_t half = w->entries * sizeof(float);
    float x[2 * VG_LAYER_WIDTH_MAX];

    (void)from;
    (void)n;
    vg_view_window(at->view, at->tick, (uint32_t)w->recipe->window, x);
    memcpy(rows->target, x, half);
    memcpy(rows->mask, x + w->entries, half);
    if (w->recipe->shift > 0.0f)
        shift_channels(t, t->first + sequence, x);
    if (t->scaled) {
        for (uint32_t i = 0; i < w->entries; i++) {
            x[i] = to_unit(w->recipe, x[i]);
            rows->target[i] = to_unit(w->recipe, rows->target[i]);
        }
    }
    memcpy(rows->x, x, t->with_mask ? 2 * half : half);
}

/* ---- the network ---- */

static vg_status parse_network(const struct vg_windows *w, const struct task *t,
                               struct vg_network *network, struct vg_err *err)
{
    const struct vg_recipe *r = w->recipe;
    const uint32_t inputs = t->with_mask ? 2 * w->entries : w->entries;
    struct vg_err why;

    if (2 * w->entries > VG_LAYER_WIDTH_MAX)
        return vg_fail(err, VG_E_CONFIG, "window: %lld ticks of %u channels are too many",
                       (long long)r->window, w->data->channels);
    if (strcmp(r->features, "z") != 0 && strcmp(r->features, "z,mask") != 0)
        return vg_fail(err, VG_E_CONFIG, "features: expected \"z\" or \"z,mask\", not \"%.40s\"",
                       r->features);
    if (vg_network_parse(network, r->network, inputs, &why) != VG_OK)
        return vg_fail(err, VG_E_CONFIG, "network: %.400s", why.msg);
    if (vg_network_outputs(network) != w->entries)
        return vg_fail(err, VG_E_CONFIG,
                       "network: its last layer has %u outputs, expected %u: %lld ticks of %u "
                       "channels",
                       vg_network_outputs(network), w->entries, (long long)r->window,
                       w->data->channels);
    if (r->low > r->high || (r->low == r->high && r->low != 0.0f))
        return vg_fail(err, VG_E_CONFIG, "low: must be below high");
    if (r->loss == 1 && !t->scaled)
        return vg_fail(err, VG_E_CONFIG,
                       "loss: bce is of values from 0 to 1; expected low and "
                       "high, such as -6 and 6");
    if (t->scaled && r->fit.drop > 0.0f)
        return vg_fail(err, VG_E_CONFIG,
                       "fit.drop: what is hidden would be seen as low, not as "
                       "missing; leave it 0 with low and high");
    return VG_OK;
}

static vg_status fit(const struct vg_windows *w, const struct task *train,
                     const struct vg_train_how *how, const struct vg_network *network,
                     struct vg_trainee **ret_trainee, struct vg_train_outcome *ret,
                     struct vg_err *err)
{
    const struct vg_objective objective = { .loss =
                                                w->recipe->loss == 1 ? VG_LOSS_BCE : VG_LOSS_MSE };
    const struct vg_train_set learn = { train, w->train, one_step, read_window };
    struct task validation = *train;
    struct vg_train_set judge = { &validation, w->validation, one_step, read_window };
    struct vg_fit options = vg_recipe_fit(&w->recipe->fit);
    vg_status st = vg_trainee_new(network, &objective, how->seed, ret_trainee, err);

    if (st != VG_OK)
        return st;
    validation.first = w->train;
    vg_train_how_apply(how, &options);
    options.noise_values = w->entries;
    options.noise_masks = train->with_mask;
    ret->parameters = vg_trainee_parameter_count(*ret_trainee);
    ret->sequences = w->train;
    ret->validation_sequences = w->validation;
    return vg_trainee_fit(*ret_trainee, &options, &learn, w->validation ? &judge : NULL, &ret->fit,
                          err);
}

vg_status vg_train_autoencoder_model(const struct vg_recipe *r, const struct vg_dataset *data,
                                     const struct vg_train_how *how, const char *out,
                                     struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_windows w;
    struct task task = { .windows = &w,
                         .with_mask = strcmp(r->features, "z,mask") == 0,
                         .scaled = r->high > r->low,
                         .seed = how->seed };
    struct vg_trainee *trainee = NULL;
    struct vg_network network;
    struct vg_model about;
    vg_status st;

    vg_windows_init(&w, r, data);
    st = parse_network(&w, &task, &network, err);
    if (st == VG_OK && !how->check)
        st = vg_windows_load(&w, err);
    if (st == VG_OK && !how->check)
        st = fit(&w, &task, how, &network, &trainee, ret, err);
    if (st == VG_OK && !how->check) {
        struct vg_save parts = { .kind = "autoencoder",
                                 .network = &network,
                                 .parameters = vg_trainee_parameters(trainee),
                                 .low = r->low,
                                 .high = r->high };

        vg_windows_about(&w, &about);
        snprintf(about.features, sizeof(about.features), "%s", r->features);
        st = vg_windows_save(&w, &parts, &about, out, &ret->table, err);
    }
    vg_trainee_free(trainee);
    vg_windows_done(&w);
    return st;
}

/* ---- PCA ---- */

static void gather(const struct vg_windows *w, struct vg_covariance *c)
{
    const uint32_t length = (uint32_t)w->recipe->window;

    for (size_t i = 0; i < w->train; i++) {
        vg_view_window(w->at[i].view, w->at[i].tick, length, w->scratch);
        vg_covariance_add(c, 1, w->scratch, w->scratch + w->entries);
    }
}

static vg_status fit_pca(const struct vg_windows *w, uint32_t components, const char *out,
                         struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_covariance *covariance = vg_covariance_new(w->entries);
    float *center = calloc(w->entries, sizeof(float));
    float *component = calloc((size_t)components * w->entries, sizeof(float));
    struct vg_save parts = {
        .kind = "pca", .components_n = components, .center = center, .components = component
    };
    struct vg_model about;
    vg_status st;

    VG_CHECK(center != NULL && component != NULL);
    gather(w, covariance);
    vg_pca(covariance, components, center, component, NULL);
    vg_windows_about(w, &about);
    snprintf(about.features, sizeof(about.features), "z,mask");
    ret->parameters = (size_t)(components + 1) * w->entries;
    ret->sequences = w->train;
    ret->validation_sequences = w->validation;
    st = vg_windows_save(w, &parts, &about, out, &ret->table, err);
    vg_covariance_free(covariance);
    free(center);
    free(component);
    return st;
}

vg_status vg_train_pca_model(const struct vg_recipe *r, const struct vg_dataset *data,
                             const struct vg_train_how *how, const char *out,
                             struct vg_train_outcome *ret, struct vg_err *err)
{
    const uint32_t components = (uint32_t)r->components;
    struct vg_windows w;
    vg_status st = VG_OK;

    vg_windows_init(&w, r, data);
    if (components >= w.entries)
        st = vg_fail(err, VG_E_CONFIG, "components: expected fewer than the %u entries of a window",
                     w.entries);
    if (st == VG_OK && !how->check)
        st = vg_windows_load(&w, err);
    if (st == VG_OK && !how->check)
        st = fit_pca(&w, components, out, ret, err);
    vg_windows_done(&w);
    return st;
}
