/* null.c - takes every event and drops it: what remains are the figures that the runtime keeps of each
 * sink. For measuring what is before the sinks, and for trying rules that nobody is to hear of. */
#include "core/sink.h"

static const struct vg_option options[] = { VG_OPT_END };

static vg_status null_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    (void)self;
    (void)env;
    (void)err;
    return VG_OK;
}

static vg_status null_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                              struct vg_err *err)
{
    (void)self;
    (void)events;
    (void)err;
    *done = n;
    return VG_OK;
}

static void null_close(void *self)
{
    (void)self;
}

const struct vg_sink_ops vg_sink_null = {
    .name = "null",
    .summary = "Counts every event and drops it: for measurements and trials.",
    .options = options,
    .drops = true,
    .open = null_open,
    .deliver = null_deliver,
    .close = null_close,
};
