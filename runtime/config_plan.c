/* config_plan.c - plans the chain that a configuration asks for, once to check it and again for each
 * that runs. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"

static vg_status check_tick(const struct vg_config *config, const struct vg_plan *plan,
                            struct vg_err *err)
{
    const struct vg_document *doc = config->document;
    const struct vg_node *models = vg_node_find(doc->root, "models");
    const struct vg_model *model = config->models_n > 0 ? config->models[0] : NULL;
    const struct vg_node *entry; /* none in a chain that was not read from a file */
    char ours[VG_DURATION_TEXT_SIZE], theirs[VG_DURATION_TEXT_SIZE];

    if (!plan->emits_ticks || !model || plan->tick_ns == model->tick_ns)
        return VG_OK;
    vg_format_duration(plan->tick_ns, ours);
    vg_format_duration(model->tick_ns, theirs);
    entry = vg_node_find(models, model->name);
    return vg_fail_option(err, VG_E_CONFIG, "tick",
                          "tick: model \"%s\" in line %u was made for a tick of %s, not %s",
                          model->name, entry ? entry->key_at.line : 0, theirs, ours);
}

static vg_status plan_stage(const struct vg_config *config, const struct vg_stage_config *stage,
                            struct vg_plan *plan, struct vg_planned_stage *ret, struct vg_err *err)
{
    const struct vg_stage_ops *ops = stage->ops;
    vg_status st;

    VG_CHECK(ops);
    *ret = (struct vg_planned_stage){ .ops = ops, .identity = stage->identity };
    ret->self = malloc(ops->self_size ? ops->self_size : 1);
    VG_CHECK(ret->self);
    memcpy(ret->self, stage->self, ops->self_size);
    ret->first_column = plan->layout->columns;
    plan->stage = ops->name;
    plan->memory_size = 0;
    plan->rows = 0;
    plan->emits_ticks = false;
    st = ops->plan(ret->self, plan, err);
    if (st == VG_OK)
        st = check_tick(config, plan, err);
    ret->columns = plan->layout->columns - ret->first_column;
    ret->model = ret->columns > 0 ? plan->column_model[ret->first_column] : NULL;
    ret->memory_size = plan->memory_size;
    ret->rows = plan->rows;
    ret->emits_ticks = plan->emits_ticks;
    return st;
}

/* Plans stage by stage; *ret_n says how many instances there are, the failed one being the last. */
static vg_status plan_chain(const struct vg_config *config, struct vg_layout *layout,
                            struct vg_planned_stage *stages, uint32_t *ret_n, struct vg_err *err)
{
    struct vg_plan plan = { .site = &config->site,
                            .models = (const struct vg_model *const *)config->models,
                            .models_n = config->models_n,
                            .layout = layout };
    vg_status st = VG_OK;
    uint32_t n = 0;

    vg_layout_init(layout);
    for (; n < config->stages_n && st == VG_OK; n++)
        st = plan_stage(config, &config->stages[n], &plan, &stages[n], err);
    *ret_n = n;
    return st;
}

vg_status vg_config_plan(const struct vg_config *config, struct vg_layout *layout,
                         struct vg_planned_stage *stages, struct vg_err *err)
{
    uint32_t n;
    vg_status st = plan_chain(config, layout, stages, &n, err);

    while (st != VG_OK && n > 0)
        vg_planned_stage_done(&stages[--n]);
    return st;
}

void vg_planned_stage_done(struct vg_planned_stage *stage)
{
    if (stage->self && stage->ops->close)
        stage->ops->close(stage->self);
    free(stage->self);
    *stage = (struct vg_planned_stage){ 0 };
}

static void take_memory(struct vg_config *config, const struct vg_planned_stage *stages)
{
    for (uint32_t i = 0; i < config->stages_n; i++)
        config->stages[i].memory_size = stages[i].memory_size;
}

size_t vg_config_patient_memory(const struct vg_config *config)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < config->stages_n; i++)
        sum += config->stages[i].memory_size;
    return sum;
}

/* What one patient costs is decided where the chain is, and paid for by every bed. */
static void check_memory(struct vg_load *l)
{
    const struct vg_config *config = l->config;
    const size_t needed = vg_config_patient_memory(config);
    struct vg_buf parts = VG_BUF_INIT;

    if (config->service.patient_memory == 0 || needed <= config->service.patient_memory)
        return;
    for (uint32_t i = 0; i < config->stages_n; i++)
        vg_buf_printf(&parts, "%s%s %zu", i ? ", " : "", config->stages[i].ops->name,
                      config->stages[i].memory_size);
    vg_document_error(
        l->doc, vg_node_find(l->doc->root, "stages")->key_at,
        "a patient would need %zu bytes of memory (%s), and service.patient_memory is "
        "%llu; take models with less state or shorter windows, fewer rules, or more "
        "memory: \"patient_memory: %zuKiB\"",
        needed, parts.data, (unsigned long long)config->service.patient_memory,
        (needed + 1023) / 1024);
    vg_buf_done(&parts);
}

void vg_load_try_plan(struct vg_load *l)
{
    struct vg_config *config = l->config;
    struct vg_planned_stage *stages = calloc(config->stages_n + 1, sizeof(*stages));
    struct vg_layout layout;
    struct vg_err err;
    uint32_t n;

    VG_CHECK(stages);
    if (plan_chain(config, &layout, stages, &n, &err) == VG_OK) {
        take_memory(config, stages);
        check_memory(l);
        vg_config_make_hashes(config, stages);
    } else {
        vg_load_note(l, vg_load_stage_node(config, n - 1), &err);
    }
    while (n > 0)
        vg_planned_stage_done(&stages[--n]);
    free(stages);
}
