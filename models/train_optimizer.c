/* train_optimizer.c - Adam and SGD, each one pass over the parameters. */
#include "models/train_optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "models/elementary.h"
#include "models/train_loops.h"

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

double vg_optimizer_step(struct vg_optimizer_state *s, const struct vg_fit *fit, double rate,
                         const vg_real *gradient, double weight, vg_real *parameter)
{
    const struct vg_train_loops *loops = vg_train_loops();
    double norm = sqrt(loops->square_sum(s->parameters, gradient)) / weight;
    /* The small term is PyTorch's (torch.nn.utils.clip_grad_norm_). */
    double clipped = fit->clip > 0.0 ? fit->clip / (norm + 1e-6) : 1.0;
    struct vg_adam a = {
        .decay = (vg_real)(1.0 - rate * fit->weight_decay),
        .gradient = (vg_real)((clipped < 1.0 ? clipped : 1.0) / weight),
    };

    if (!isfinite(norm))
        return norm;
    s->steps++;
    if (fit->optimizer == VG_SGD) {
        a.beta1 = (vg_real)fit->momentum;
        a.rate = (vg_real)rate;
        loops->sgd(s->parameters, &a, gradient, s->m, parameter);
        return norm;
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
    loops->adam(s->parameters, &a, gradient, s->m, s->v, parameter);
    return norm;
}
