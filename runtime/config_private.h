/* config_private.h - what the files of the configuration loader share, and nobody else includes.
 *
 * config.c walks the sections, each of which has a file of its own: config_service.c, config_source.c,
 * config_models.c, config_stages.c, config_sinks.c; config_site.c reads whom it watches, config_rule*.c
 * what it tells of, config_tests.c its tests. config_plan.c plans the chain, and config_hash.c makes
 * hashes of what was read. Every function here notes what is wrong as a problem of the document and
 * goes on, so that one run shows all of it.
 */
#ifndef VG_RUNTIME_CONFIG_PRIVATE_H
#define VG_RUNTIME_CONFIG_PRIVATE_H

#include "runtime/config.h"
#include "runtime/config_shape.h"
#include "runtime/document_options.h"

struct vg_load {
    struct vg_config *config;
    struct vg_document *doc;
    struct vg_buf files; /**< reports about other files that the configuration names */
};

/** Whether the key of `node` may name a rule, sink, model or profile. */
bool vg_load_is_name(struct vg_load *l, const struct vg_node *node);

bool vg_name_valid(const char *s); /**< [A-Za-z0-9_.-]{1,64} */

/* ---- components (config_component.c) ---- */

enum vg_load_kind { VG_KIND_SOURCE, VG_KIND_DECODER, VG_KIND_STAGE, VG_KIND_MODEL, VG_KIND_SINK };

/** The name in `node`, which must be that of a component of this kind. NULL after noting a problem. */
const char *vg_load_name(struct vg_load *l, const struct vg_node *node, enum vg_load_kind kind);
/** The same of the key `type` in `map`, which must be there. */
const char *vg_load_type(struct vg_load *l, const struct vg_node *map, enum vg_load_kind kind);
extern const char *const vg_load_type_key[]; /**< "type", for vg_document_options() */

/** A component's options; an empty table for those without any. */
const struct vg_option *vg_load_table(const struct vg_option *options);
/** A component's struct with its defaults, for vg_load_self_free(), which takes NULL too. */
void *vg_load_self_new(size_t size, const struct vg_option *options);
void vg_load_self_free(void *self, const struct vg_option *options);

/** Notes what a component said, at the option that it named, else at the component. */
void vg_load_note(struct vg_load *l, const struct vg_node *node, const struct vg_err *err);

/* ---- sections ---- */

void vg_load_service(struct vg_load *l);
void vg_load_service_done(struct vg_service_config *service);
void vg_load_source(struct vg_load *l);
void vg_load_source_done(struct vg_source_config *source);
void vg_load_models(struct vg_load *l);
/** After the site and the models. */
void vg_load_stages(struct vg_load *l);
/** After the rules. */
void vg_load_sinks(struct vg_load *l);
void vg_load_sink_done(struct vg_sink_config *sink);

/** Warn of models and alert rules that no stage uses, once the stages are loaded. */
void vg_load_warn_models(struct vg_load *l);
void vg_load_warn_rules(struct vg_load *l);

/** The node of stage `i`. */
const struct vg_node *vg_load_stage_node(const struct vg_config *config, uint32_t i);
/** Plans a chain on a scratch copy, for what the plan finds wrong and for the hashes; when all else is
 *  right. */
void vg_load_try_plan(struct vg_load *l);

/** Sections profiles and wards into config->site. */
void vg_load_site(struct vg_load *l);
/** Warns of limits of beds that no rule looks at, once rules are loaded. */
void vg_load_check_beds(struct vg_load *l);
/** Section scores into config->site, after vg_load_site(). */
void vg_load_scores(struct vg_load *l);
/** Section alert_rules into config->site, after vg_load_site() and vg_load_scores(). */
void vg_load_rules(struct vg_load *l);
/** The comparison of a rule that `map` makes with `below` or `above`. False after noting a problem. */
bool vg_load_bound(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *map,
                   const char *below, const char *above, struct vg_bound *ret);
/** What rules need of the models, once those are loaded. */
void vg_load_check_rules(struct vg_load *l);
/** Section tests into config->tests; after the site. */
void vg_load_tests(struct vg_load *l);
/** An entry of `input`; `patient` and `bed` are those of rows that name none. */
void vg_load_test_input(struct vg_load *l, const struct vg_node *node, const char *patient,
                        const char *bed, struct vg_test_input *in);
extern const struct vg_option vg_test_input_options[];
/** An entry of `commands`; `patient` is the one of orders that name none. */
void vg_load_test_command(struct vg_load *l, const struct vg_node *map, const char *patient,
                          struct vg_test_command *ret);
extern const struct vg_option vg_test_command_options[];
/** An entry of `expect`. */
void vg_load_test_expect(struct vg_load *l, const struct vg_node *node, struct vg_test_expect *ret);
extern const struct vg_option vg_test_expect_options[];
/** The name of a rule, or of a technical condition; "" or another name after noting the problem. */
void vg_load_test_rule(struct vg_load *l, const struct vg_node *node, char rule[VG_NAME_SIZE]);
/** A value of a channel as tests write it; ABSENT after noting a problem. */
struct vg_test_value vg_load_test_value(struct vg_load *l, const struct vg_node *node, int channel);
/** Copies `text`, the value of `key` in `map` if that is there, into `ret`; notes what does not fit
 *  or cannot be a patient's pseudonym. */
void vg_load_test_label(struct vg_load *l, const struct vg_node *map, const char *key,
                        const char *text, size_t size, char *ret);
/** The index of the profile that `node` names; -1 after noting the problem. */
int vg_load_profile(struct vg_load *l, const struct vg_node *node);
/** Names of all rules; the caller frees the array. */
const char **vg_load_rule_names(const struct vg_load *l);

/* ---- scores (config_scores.c) ---- */

struct vg_spo2_scale {
    int64_t use;
    char *author, *reason;
};

/** What a rule says of a score; of the first two 0 is nothing, of the last NULL. */
struct vg_score_when {
    int64_t at_least, single;
    const char *level;
};

/** Key spo2_scale of the profile at `profile`. */
void vg_load_spo2_scale(struct vg_load *l, struct vg_profile *p, const struct vg_node *profile);
/** Fills in what `when` says of the score `name`. */
void vg_load_score_rule(struct vg_load *l, const struct vg_node *when, const char *name,
                        const struct vg_score_when *o, struct vg_rule *rule);
/** Reads a total as one side of a comparison. False after noting a problem. */
VG_NODISCARD bool vg_load_score_points(struct vg_load *l, const struct vg_node *at,
                                       const char *text, struct vg_bound *ret);
/** Whether the priority of a rule about a score fits; `node` is the rule's. */
void vg_load_check_score(struct vg_load *l, const struct vg_node *node, const struct vg_rule *rule);

/* ---- values that belong to a channel ---- */

/** The channel that `text` names; VG_CHANNEL_NONE after noting the problem. `also` is one more word
 *  that may stand there, or NULL. */
int vg_load_channel(struct vg_load *l, struct vg_place at, const char *what, const char *text,
                    const char *also);
/** Reads "90 %" into the unit of `channel`. False after noting the problem. */
bool vg_load_quantity(struct vg_load *l, struct vg_place at, int channel, const char *text,
                      float *ret);
/** Whether the channel can have the value. False after noting that it cannot. */
bool vg_load_plausible(struct vg_load *l, struct vg_place at, int channel, float value);

/* ---- option tables that the reference lists beside those of rules (config_site.c) ---- */

extern const struct vg_option vg_profile_options[], vg_profile_limit_options[], vg_ward_options[],
    vg_bed_options[], vg_bed_limits_options[], vg_profile_scale_options[], vg_scores_options[];

/* ---- shapes, each beside its tables ---- */

extern const struct vg_shape vg_shape_decoder;                  /**< config_shape.c */
extern const struct vg_shape vg_shape_profiles, vg_shape_wards; /**< config_site.c */
extern const struct vg_shape vg_shape_scores;                   /**< config_scores.c */
extern const struct vg_shape vg_shape_spo2_scale;
extern const struct vg_shape vg_shape_rules;        /**< config_rule_options.c */
extern const struct vg_shape vg_shape_tests;        /**< config_tests.c */
extern const struct vg_shape vg_shape_test_input;   /**< config_tests_input.c */
extern const struct vg_shape vg_shape_test_command; /**< config_tests_command.c */
extern const struct vg_shape vg_shape_test_expect;  /**< config_tests_expect.c */

/** What a name of rules, sinks, models, profiles and scores is made of, as a regular expression. */
#define VG_NAME_PATTERN "^[A-Za-z0-9_.-]{1,64}$"

/** Fills config->hash, and the identity of each of config->stages, from what was read and from a
 *  chain planned with it. */
void vg_config_make_hashes(struct vg_config *config, const struct vg_planned_stage *stages);

/** Checks the options that every sink has; `node` is the sink's. After the rules. */
void vg_load_delivery(struct vg_load *l, const struct vg_node *node,
                      const struct vg_sink_config *sink);
/** Warns when no sink tells anybody; `sinks` is the section. */
void vg_load_heard(struct vg_load *l, const struct vg_node *sinks);

#endif
