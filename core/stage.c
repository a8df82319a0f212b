/* stage.c - how stages agree on columns while the chain is planned. */
#include "core/stage.h"

#include <string.h>

#include "core/text.h"

enum { CANDIDATES_MAX = 16 };

vg_status vg_plan_add_column(struct vg_plan *plan, const char *name, uint32_t width,
                             const struct vg_model *model, int *ret_column, struct vg_err *err)
{
    int column = vg_layout_find(plan->layout, name);

    if (column != VG_ROW_NONE)
        return vg_fail(err, VG_E_CONFIG,
                       "stage %s would add the column \"%s\", which stage %s already adds; "
                       "a chain can have only one of them",
                       plan->stage, name, plan->column_stage[column]);
    column = vg_layout_add(plan->layout, name, width);
    if (column == VG_ROW_NONE)
        return vg_fail(err, VG_E_CONFIG, "stage %s: a chain can have at most %d columns",
                       plan->stage, VG_COLUMNS_MAX);
    plan->column_model[column] = model;
    plan->column_stage[column] = plan->stage;
    *ret_column = column;
    return VG_OK;
}

/* Which stage of Vigil's own fills a column: only to make the error say what to do. */
static const char *usual_stage(const char *column)
{
    static const struct {
        const char *column, *stage;
    } usual[] = {
        { "age", "resample" },
        { "z", "normalize" },
        { "baseline", "normalize" },
        { "forecast", "forecast" },
        { "forecast_valid", "forecast" },
        { "anomaly_score", "detect" },
        { "anomaly_valid", "detect" },
        { "contribution", "detect" },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(usual); i++) {
        if (strcmp(usual[i].column, column) == 0)
            return usual[i].stage;
    }
    return NULL;
}

vg_status vg_plan_need_column(struct vg_plan *plan, const char *name, int *ret_column,
                              struct vg_err *err)
{
    const char *usual = usual_stage(name);
    int column = vg_layout_find(plan->layout, name);

    if (column == VG_ROW_NONE)
        return vg_fail(err, VG_E_CONFIG,
                       "stage %s needs the column \"%s\", which no stage before it adds%s%s%s",
                       plan->stage, name, usual ? "; put a stage of type " : "", usual ? usual : "",
                       usual ? " before it" : "");
    *ret_column = column;
    return VG_OK;
}

const struct vg_model *vg_plan_model(const struct vg_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->models_n; i++) {
        if (strcmp(plan->models[i]->name, name) == 0)
            return plan->models[i];
    }
    return NULL;
}

static vg_status no_such_model(const struct vg_plan *plan, const char *option, const char *name,
                               struct vg_err *err)
{
    const char *names[CANDIDATES_MAX], *near;
    size_t n = 0;

    if (plan->models_n == 0)
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "there is no model \"%s\"; the configuration has no \"models:\"",
                              name);
    while (n < plan->models_n && n < CANDIDATES_MAX) {
        names[n] = plan->models[n]->name;
        n++;
    }
    near = vg_did_you_mean(name, names, n);
    return vg_fail_option(err, VG_E_CONFIG, option,
                          "there is no model \"%s\" in \"models:\"; %s \"%s\"", name,
                          near ? "did you mean" : "there is", near ? near : names[0]);
}

vg_status vg_plan_need_model(struct vg_plan *plan, const char *option, const char *name,
                             const struct vg_model **ret, struct vg_err *err)
{
    char has[VG_DURATION_TEXT_SIZE], wants[VG_DURATION_TEXT_SIZE];
    const struct vg_model *model = vg_plan_model(plan, name);

    if (!model)
        return no_such_model(plan, option, name, err);
    if (plan->tick_ns == 0)
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "stage %s steps a model once per tick, and no ticks reach it; put a "
                              "stage of type resample before it",
                              plan->stage);
    vg_format_duration(model->tick_ns, wants);
    vg_format_duration(plan->tick_ns, has);
    if (model->tick_ns != plan->tick_ns)
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "model %s was trained on a tick of %s, but the chain's tick is %s; "
                              "set the tick of resample to %s",
                              name, wants, has, wants);
    *ret = model;
    return VG_OK;
}
