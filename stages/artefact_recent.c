/* artefact_recent.c - the last two minutes of a patient, in bins. */
#include <string.h>

#include "stages/artefact_gate.h"

/* The bin so many before the newest. */
static int place(const struct vg_gate_recent *r, int back)
{
    int at = r->at - back;

    return at < 0 ? at + VG_GATE_BINS : at;
}

void vg_gate_advance(struct vg_gate_recent *r, int64_t event_ns)
{
    int64_t bin = event_ns / (VG_GATE_BIN_S * VG_NS_PER_S);

    if (bin - r->newest >= VG_GATE_BINS || r->newest == 0) {
        memset(r, 0, sizeof(*r));
        r->newest = bin;
    }
    while (r->newest < bin) { /* a row that was overtaken falls into the newest bin */
        r->newest++;
        r->at = r->at + 1 < VG_GATE_BINS ? r->at + 1 : 0;
        memset(&r->bin[r->at], 0, sizeof(r->bin[0]));
    }
}

void vg_gate_learn(struct vg_gate_recent *r, enum vg_gate_signal signal, float value)
{
    struct vg_gate_bin *bin = &r->bin[r->at];

    if (bin->n[signal] == UINT8_MAX)
        return;
    bin->sum[signal] += value;
    bin->n[signal]++;
}

void vg_gate_forget(struct vg_gate_recent *r, enum vg_gate_signal signal)
{
    for (int i = 0; i < VG_GATE_BINS; i++) {
        r->bin[i].sum[signal] = 0;
        r->bin[i].n[signal] = 0;
    }
}

bool vg_gate_mean(const struct vg_gate_recent *r, enum vg_gate_signal signal, int from, int to,
                  float *ret)
{
    float sum = 0;
    int n = 0;

    for (int back = from; back < to; back++) {
        const struct vg_gate_bin *bin = &r->bin[place(r, back)];

        sum += bin->sum[signal];
        n += bin->n[signal];
    }
    *ret = n > 0 ? sum / (float)n : 0;
    return n > 0;
}

void vg_gate_look(const struct vg_gate_recent *r, int from, int to, struct vg_gate_moment *ret)
{
    ret->known = 0;
    for (int i = 0; i < VG_GATE_SIGNALS; i++) {
        if (vg_gate_mean(r, (enum vg_gate_signal)i, from, to, &ret->mean[i]))
            ret->known |= UINT32_C(1) << i;
    }
}

bool vg_gate_now(const struct vg_gate_recent *r, enum vg_gate_signal signal, float *ret)
{
    bool few = r->bin[r->at].n[signal] < 2;

    return vg_gate_mean(r, signal, 0, few ? 2 : 1, ret);
}

float vg_gate_change(const struct vg_gate_recent *r, const struct vg_gate_moment *then,
                     enum vg_gate_signal signal)
{
    float now;

    if (!(then->known >> signal & 1) || !vg_gate_now(r, signal, &now))
        return 0;
    return now - then->mean[signal];
}
