/* train_optimizer.c - Adam and SGD, each one pass over the parameters, in parts. */
#include "models/train_optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "models/elementary.h"

enum { PART = 4096 };

static const double pi = 3.14159265358979323846;

void vg_optimizer_init(struct vg_optimizer_state *s, size_t parameters)
{
    s->parameters = parameters;
    s->m = vg_real_alloc(parameters);
    s->v = vg_real_alloc(parameters);
    s->steps = 0;
    s->beta1_power = s->beta2_power = 1.0;
}

void vg_optimizer_done(struct vg_optimizer_state *s)
{
    free(s->m);
    free(s->v);
}

double vg_optimizer_rate(const struct vg_fit *fit, uint32_t epoch, size_t done, size_t batches)
{
    double rate = fit->rate;

    if (fit->schedule == VG_STEP) {
        for (uint32_t i = 0; i < epoch / fit->every; i++)
            rate *= fit->factor;
    } else if (fit->schedule == VG_COSINE) {
        double part = ((double)epoch + (double)done / (double)batches) / (double)fit->epochs;

        rate *= fit->factor + (1.0 - fit->factor) * 0.5 * (1.0 + vg_cos(pi * part));
    }
    return rate;
}

uint32_t vg_optimizer_parts(size_t parameters)
{
    return (uint32_t)((parameters + PART - 1) / PART);
}

/* Entries of a part, which begins at part * PART. */
static size_t size_of(size_t parameters, uint32_t part)
{
    const size_t after = parameters - (size_t)part * PART;

    return after < PART ? after : PART;
}

double vg_optimizer_square_sum(size_t parameters, const vg_real *gradient, uint32_t part)
{
    return vg_train_loops()->square_sum(size_of(parameters, part), gradient + (size_t)part * PART);
}

struct vg_adam vg_optimizer_prepare(struct vg_optimizer_state *s, const struct vg_fit *fit,
                                    double rate, double norm, double weight)
{
    /* The small term is PyTorch's (torch.nn.utils.clip_grad_norm_). */
    double clipped = fit->clip > 0.0 ? fit->clip / (norm + 1e-6) : 1.0;
    struct vg_adam a = {
        .decay = (vg_real)(1.0 - rate * fit->weight_decay),
        .gradient = (vg_real)((clipped < 1.0 ? clipped : 1.0) / weight),
    };

    s->steps++;
    if (fit->optimizer == VG_SGD) {
        a.beta1 = (vg_real)fit->momentum;
        a.rate = (vg_real)rate;
        return a;
    }
    s->beta1_power *= fit->beta1;
    s->beta2_power *= fit->beta2;
    a.beta1 = (vg_real)fit->beta1;
    a.beta2 = (vg_real)fit->beta2;
    a.rest1 = (vg_real)(1.0 - fit->beta1);
    a.rest2 = (vg_real)(1.0 - fit->beta2);
    a.epsilon = (vg_real)fit->epsilon;
    a.rate = (vg_real)(rate / (1.0 - s->beta1_power));
    a.unbias = (vg_real)(1.0 / sqrt(1.0 - s->beta2_power));
    return a;
}

void vg_optimizer_step(struct vg_optimizer_state *s, const struct vg_fit *fit,
                       const struct vg_adam *a, const vg_real *gradient, uint32_t part,
                       vg_real *parameter)
{
    const struct vg_train_loops *loops = vg_train_loops();
    const size_t at = (size_t)part * PART, n = size_of(s->parameters, part);

    if (fit->optimizer == VG_SGD)
        loops->sgd(n, a, gradient + at, s->m + at, parameter + at);
    else
        loops->adam(n, a, gradient + at, s->m + at, s->v + at, parameter + at);
}
