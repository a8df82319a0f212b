/* train_identity.c - digests of a fit's options and of its data. */
#include "models/train_identity.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/buf.h"
#include "models/train_trainee.h"

enum { CHUNK = 64 }; /* steps */

static void begin(crypto_generichash_state *hash)
{
    VG_CHECK(crypto_generichash_init(hash, NULL, 0, (VG_DIGEST_SIZE - 1) / 2) == 0);
}

static void add(crypto_generichash_state *hash, const void *bytes, size_t n)
{
    VG_CHECK(crypto_generichash_update(hash, bytes, n) == 0);
}

static void end(crypto_generichash_state *hash, char *ret)
{
    uint8_t digest[(VG_DIGEST_SIZE - 1) / 2];

    VG_CHECK(crypto_generichash_final(hash, digest, sizeof(digest)) == 0);
    sodium_bin2hex(ret, VG_DIGEST_SIZE, digest, sizeof(digest));
}

/* ---- data ---- */

/* Steps as they are read: x, target, mask, base and weight of each side by side. */
struct probe {
    size_t inputs, targets, size; /* of a step */
    vg_real *steps;               /* [CHUNK, size] */
};

static void add_steps(crypto_generichash_state *hash, const struct vg_train_set *set,
                      size_t sequence, uint32_t from, uint32_t n, const struct probe *p)
{
    vg_real *target = p->steps + p->inputs, *weight = target + 3 * p->targets;
    const struct vg_train_rows rows = {
        .x = p->steps,
        .target = target,
        .mask = target + p->targets,
        .base = target + 2 * p->targets,
        .weight = weight,
        .x_stride = p->size,
        .target_stride = p->size,
        .mask_stride = p->size,
        .base_stride = p->size,
        .weight_stride = p->size,
    };

    memset(p->steps, 0, n * p->size * sizeof(*p->steps));
    for (uint32_t t = 0; t < n; t++)
        weight[t * p->size] = 1;
    set->read(set->self, sequence, from, n, &rows);
    add(hash, p->steps, n * p->size * sizeof(*p->steps));
}

static void add_set(crypto_generichash_state *hash, const struct vg_train_set *set,
                    const struct probe *p)
{
    const uint64_t sequences = set ? set->sequences : 0;

    add(hash, &sequences, sizeof(sequences));
    for (size_t i = 0; i < sequences; i++) {
        const uint32_t steps = set->steps(set->self, i);

        add(hash, &steps, sizeof(steps));
        for (uint32_t from = 0; from < steps; from += CHUNK)
            add_steps(hash, set, i, from, steps - from < CHUNK ? steps - from : CHUNK, p);
    }
}

static void digest_data(const struct vg_trainee *t, const struct vg_train_set *train,
                        const struct vg_train_set *validation, char *ret)
{
    struct probe p = { .inputs = t->network.layer[0].inputs, .targets = t->net.targets };
    crypto_generichash_state hash;

    p.size = p.inputs + 3 * p.targets + 1;
    p.steps = vg_real_alloc(CHUNK * p.size);
    begin(&hash);
    add_set(&hash, train, &p);
    add_set(&hash, validation, &p);
    end(&hash, ret);
    free(p.steps);
}

/* ---- options ---- */

/* Workers, the checkpoint's place and progress change no byte. */
static void digest_options(const struct vg_trainee *t, const struct vg_fit *f, uint32_t shards,
                           char *ret)
{
    const struct vg_objective *o = &t->objective;
    crypto_generichash_state hash;
    struct vg_buf text = VG_BUF_INIT;

    vg_network_format(&t->network, &text);
    vg_buf_printf(&text, " %u %d", t->network.layer[0].inputs, (int)o->loss);
    for (uint32_t i = 0; i < o->quantiles; i++)
        vg_buf_printf(&text, " %a", (double)o->quantile[i]);
    vg_buf_printf(&text, " %d %a %a %a %a %a %a %a %d %a %u %u %u %u %u %u %d %a %a %a %u %d",
                  (int)f->optimizer, f->rate, f->beta1, f->beta2, f->epsilon, f->momentum,
                  f->weight_decay, f->clip, (int)f->schedule, f->factor, f->every, f->epochs,
                  f->patience, f->batch, f->window, shards, (int)f->in_order, f->dropout, f->drop,
                  f->noise, f->noise_values, (int)f->noise_masks);
    begin(&hash);
    add(&hash, text.data, text.len);
    end(&hash, ret);
    vg_buf_done(&text);
}

void vg_fit_identify(const struct vg_trainee *t, const struct vg_fit *fit, uint32_t shards,
                     const struct vg_train_set *train, const struct vg_train_set *validation,
                     struct vg_fit_identity *ret)
{
    digest_options(t, fit, shards, ret->options);
    digest_data(t, train, validation, ret->data);
    ret->seed = t->seed;
}
