/* config_tests_expect.c - reads an entry of `expect`: an event that a test waits for.
 *
 * Members of events are read by hand: their names are those of the events themselves (core/event.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"

static const char *const phases[] = {
#define PHASE(id, name) name,
    VG_PHASES(PHASE)
#undef PHASE
        NULL,
};

struct expect_options {
    int64_t at_ns, tolerance_ns;
    char *rule, *onset;
    int phase;
};

const struct vg_option vg_test_expect_options[] = {
    VG_OPT_DURATION(struct expect_options, at_ns, "at", NULL, 0, VG_TEST_SECONDS_MAX,
                    VG_OPT_REQUIRED, "When the event holds, from the beginning of the test."),
    VG_OPT_DURATION(struct expect_options, tolerance_ns, "tolerance", "0", 0, 86400, 0,
                    "How much earlier or later it may be."),
    VG_OPT_STRING(struct expect_options, rule, "rule", NULL, VG_OPT_REQUIRED,
                  "A rule of alert_rules, or a technical condition."),
    VG_OPT_ENUM(struct expect_options, phase, "event", "start", phases, 0, "Phase of the event."),
    VG_OPT_STRING(struct expect_options, onset, "onset", NULL, 0,
                  "When the condition began to hold, from the beginning of the test; with the same "
                  "tolerance."),
    VG_OPT_END,
};

const struct vg_shape vg_shape_test_expect = { .kind = VG_SHAPE_KEYS,
                                               .name = "test_expect",
                                               .table = { vg_test_expect_options },
                                               .anything = vg_event_members };

static void add_member(struct vg_load *l, const struct vg_node *node, const char *path,
                       struct vg_test_expect *e)
{
    struct vg_test_member *m;

    if (node->kind == VG_NODE_SEQUENCE) {
        vg_document_error(l->doc, node->at, "%s: expected a value, not a list", path);
        return;
    }
    e->member = reallocarray(e->member, e->members + 1, sizeof(*e->member));
    VG_CHECK(e->member);
    m = &e->member[e->members++];
    m->line = node->key_at.line;
    m->path = strdup(path);
    m->want = vg_node_empty(node) ? NULL : strdup(node->text);
    VG_CHECK(m->path && (m->want || vg_node_empty(node)));
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void read_member(struct vg_load *l, const struct vg_node *node, const char *path,
                        struct vg_test_expect *e)
{
    if (node->kind != VG_NODE_MAPPING) {
        add_member(l, node, path, e);
        return;
    }
    for (const struct vg_node *c = node->child; c; c = c->next) {
        char *longer;

        VG_CHECK(asprintf(&longer, "%s.%s", path, c->key) >= 0);
        read_member(l, c, longer, e);
        free(longer);
    }
}

static void read_onset(struct vg_load *l, const struct vg_node *node, const char *text,
                       struct vg_test_expect *e)
{
    e->onset_ns = VG_TIME_NONE;
    if (text && !vg_parse_duration(text, &e->onset_ns))
        vg_document_error(l->doc, vg_node_find(node, "onset")->at,
                          "onset: \"%.40s\" is no duration; expected one, such as 10s", text);
}

/* What an event has and no option reads; NULL-terminated, to be freed. */
static const char **free_members(void)
{
    const char **others = NULL;
    size_t n = 0;

    for (const char *const *m = vg_event_members; *m; m++)
        n++;
    others = calloc(n + 1, sizeof(*others));
    VG_CHECK(others);
    n = 0;
    for (const char *const *m = vg_event_members; *m; m++) {
        if (!vg_option_find(vg_test_expect_options, *m))
            others[n++] = *m;
    }
    return others;
}

void vg_load_test_expect(struct vg_load *l, const struct vg_node *node, struct vg_test_expect *e)
{
    struct expect_options o = { 0 };
    const struct vg_target target = { vg_test_expect_options, &o };
    const char **others;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    others = free_members();
    e->line = node->at.line;
    vg_options_default(vg_test_expect_options, &o);
    vg_document_options(l->doc, node, &target, 1, others);
    free(others);
    e->at_ns = o.at_ns;
    e->tolerance_ns = o.tolerance_ns;
    e->phase = o.phase;
    if (o.rule)
        vg_load_test_rule(l, vg_node_find(node, "rule"), e->rule);
    read_onset(l, node, o.onset, e);
    for (const struct vg_node *c = node->child; c; c = c->next) {
        if (!vg_option_find(vg_test_expect_options, c->key))
            read_member(l, c, c->key, e);
    }
    vg_options_done(vg_test_expect_options, &o);
}
