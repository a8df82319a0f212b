/* train_stays.c - `vigil train risk` for recorded stays. */
#include "app/train_stays.h"

#include <stdio.h>

#include "app/progress.h"
#include "app/risk_train.h"
#include "app/train_show.h"
#include "models/gemm.h"
#include "runtime/hash.h"

enum { STEPS = 1000 };

struct session {
    struct vg_train_show show; /* takes the signals */
    struct vg_progress bar;
};

static bool tell(void *ctx, const char *what, double done)
{
    struct session *s = ctx;

    s->bar.what = what;
    vg_progress_update(&s->bar, (uint64_t)(done * STEPS));
    return !vg_train_show_stopped();
}

static void print(const struct vg_train_options *o, const char *sha256, const struct vg_buf *table)
{
    struct vg_buf json = VG_BUF_INIT;

    if (!o->json) {
        printf("%s\nsha256 %s\n%s", o->out, sha256, table->data);
        return;
    }
    vg_buf_str(&json, "{\"model\":");
    vg_buf_json_str(&json, o->out);
    vg_buf_printf(&json, ",\"sha256\":\"%s\",\"table\":", sha256);
    vg_buf_json_strn(&json, table->data, table->len);
    printf("%s}\n", json.data);
    vg_buf_done(&json);
}

static vg_status train(const struct vg_train_options *o, struct vg_buf *table,
                       struct vg_buf *diagnostics, struct vg_err *err)
{
    struct session s;
    vg_status st;

    vg_train_show_begin(&s.show, VG_PROGRESS_NONE);
    vg_progress_begin(&s.bar, o->progress, "reading", "per mille", STEPS);
    st = vg_risk_train(&(struct vg_risk_training){ .recipe = o->config,
                                                   .data = o->data,
                                                   .out = o->out,
                                                   .workers = vg_train_workers(o->workers),
                                                   .progress = tell,
                                                   .ctx = &s },
                       table, diagnostics, err);
    s.bar.what = "risk";
    vg_progress_end(&s.bar, st == VG_OK ? STEPS : 0);
    vg_train_show_end(&s.show);
    return st;
}

static vg_status run(const struct vg_train_options *o, struct vg_err *err)
{
    struct vg_buf table = VG_BUF_INIT, diagnostics = VG_BUF_INIT;
    char sha256[VG_SHA256_HEX_SIZE];
    vg_status st = vg_gemm_open(err);

    if (st == VG_OK)
        st = train(o, &table, &diagnostics, err);
    if (diagnostics.len)
        fputs(diagnostics.data, stderr);
    if (st == VG_OK)
        st = vg_sha256_file(o->out, sha256, err);
    if (st == VG_OK)
        print(o, sha256, &table);
    vg_buf_done(&table);
    vg_buf_done(&diagnostics);
    return st;
}

int vg_train_stays(const struct vg_command *command, const struct vg_train_options *o)
{
    struct vg_err err;

    if (!o->data)
        return vg_command_usage(command, "the recipe is for recorded stays: --data "
                                         "stays=FILE,outcomes=FILE");
    if (o->resume || o->set.n)
        return vg_command_usage(command, "a recipe for recorded stays knows neither --resume nor "
                                         "--set");
    return run(o, &err) == VG_OK ? 0 : vg_command_failed(command, &err);
}
