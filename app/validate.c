/* validate.c - `vigil validate`: a configuration is checked as run would, by the same loader. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/validate_env.h"
#include "app/verbs.h"
#include "runtime/config_check.h"
#include "runtime/ward.h"

struct options {
    bool json, deny_warnings, env;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_OPT_BOOL(O, json, "json", "false", 0,
                "print what was found as JSON, on standard output"),
    VG_OPT_BOOL(O, deny_warnings, "deny_warnings", "false", 0, "a warning is an error"),
    VG_OPT_BOOL(O, env, "env", "false", 0,
                "also try the connections: whether the source answers and has its topic, whether sinks "
                "can be reached and folders written; nothing is sent"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "validate",
    .summary = "Checks a configuration as run would, without touching the network",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes = "Exit code 78 when run would refuse the configuration, or a warning is denied; with "
             "--env 69\n"
             "when a connection fails.\n",
};

/* ---- what is wrong ---- */

/* What is printed of a configuration, as text or as JSON. */
struct said {
    bool json;
    struct vg_buf problems; /* of a list in JSON */
    struct vg_buf others;   /* reports about other files, as text */
    uint32_t errors, warnings;
};

/* What was expected, in the words of the message; NULL: it says no more than what is wrong. */
static const char *expected_of(const char *message)
{
    const char *at = strstr(message, "expected ");
    const char *near = strstr(message, "did you mean ");

    return near ? near : at;
}

static void add_problem(const struct vg_document *doc, const struct vg_problem *p,
                        struct vg_buf *out)
{
    const char *expected = expected_of(p->text);

    vg_buf_str(out, out->len ? ",\n  {\"file\":" : "\n  {\"file\":");
    vg_buf_json_str(out, doc->path);
    if (p->at.line > 0)
        vg_buf_printf(out, ",\"line\":%u,\"column\":%u", p->at.line, p->at.column);
    vg_buf_printf(
        out, ",\"severity\":\"%s\",\"message\":", p->severity == VG_ERROR ? "error" : "warning");
    vg_buf_json_str(out, p->text);
    if (expected) {
        vg_buf_str(out, ",\"expected\":");
        vg_buf_json_str(out, expected);
    }
    vg_buf_char(out, '}');
}

static void see(void *arg, const struct vg_document *doc, const char *others)
{
    struct said *s = arg;
    struct vg_buf text = VG_BUF_INIT;

    s->errors = doc->count[VG_ERROR];
    s->warnings = doc->count[VG_WARNING];
    for (size_t i = 0; i < doc->problems_n; i++)
        add_problem(doc, &doc->problems[i], &s->problems);
    vg_buf_str(&s->others, others);
    if (s->json)
        return;
    vg_document_report(doc, &text);
    fprintf(stderr, "%s%s", text.len ? text.data : "", others);
    vg_buf_done(&text);
}

/* ---- what is right ---- */

static void print_memory(const struct vg_config *config)
{
    printf("  memory of a patient: %zu bytes:", vg_config_patient_memory(config));
    for (uint32_t i = 0; i < config->stages_n; i++)
        printf("%s %s %zu", i ? "," : "", config->stages[i].ops->name,
               config->stages[i].memory_size);
    printf("\n");
}

static void print_ward(const struct vg_config *config)
{
    const size_t each = vg_ward_bed_planned(config), beds = (size_t)config->service.http_beds;

    if (config->service.http.listen && beds > 0)
        printf("  memory of the ward page: at most %zu bytes a bed, %zu MiB for %zu beds\n", each,
               (each * beds + (1 << 20) - 1) >> 20, beds);
}

static void print_chain(const struct vg_config *config)
{
    printf("%s: ok\n  %s -> %s", config->path, config->source.ops->name,
           config->source.decoder->name);
    for (uint32_t i = 0; i < config->stages_n; i++)
        printf(" -> %s", config->stages[i].ops->name);
    printf("\n");
    print_memory(config);
    print_ward(config);
    for (uint32_t i = 0; i < config->models_n; i++)
        printf("  model %s: %s, sha256 %.12s...\n", config->models[i]->name,
               config->models[i]->ops->name, config->models[i]->sha256);
    printf("  rules:");
    for (uint32_t i = 0; i < config->site.rules_n; i++)
        printf("%s %s", i ? "," : "", config->site.rules[i].name);
    printf("\n  sinks:");
    for (uint32_t i = 0; i < config->sinks_n; i++)
        printf("%s %s (%s)", i ? "," : "", config->sinks[i].name, config->sinks[i].ops->name);
    printf("\n  config %s\n", config->hash);
}

/* ---- connections ---- */

struct tried {
    bool json;
    struct vg_buf list;
    uint32_t failures;
};

static void tell(void *arg, const char *what, enum vg_env_result result, const char *text)
{
    static const char *const words[] = { "ok", "failed", "not tried" };
    struct tried *t = arg;

    t->failures += result == VG_ENV_FAILED;
    if (!t->json) {
        printf("  %s: %s%s%s\n", what, words[result], text[0] ? ": " : "", text);
        return;
    }
    vg_buf_str(&t->list, t->list.len ? ",\n  {\"what\":" : "\n  {\"what\":");
    vg_buf_json_str(&t->list, what);
    vg_buf_printf(&t->list, ",\"result\":\"%s\",\"message\":", words[result]);
    vg_buf_json_str(&t->list, text);
    vg_buf_char(&t->list, '}');
}

/* ---- the verb ---- */

static void print_json(const char *path, const struct vg_config *config, const struct said *s,
                       const struct tried *t)
{
    struct vg_buf name = VG_BUF_INIT;

    vg_buf_json_str(&name, path);
    printf("{\"file\":%s,\"valid\":%s,\"errors\":%u,\"warnings\":%u", name.data,
           config ? "true" : "false", s->errors, s->warnings);
    if (config)
        printf(",\"config\":\"%s\"", config->hash);
    if (s->others.len) {
        vg_buf_clear(&name);
        vg_buf_json_str(&name, s->others.data);
        printf(",\"other_files\":%s", name.data);
    }
    printf(",\"problems\":[%s],\"connections\":[%s]}\n", s->problems.len ? s->problems.data : "",
           t->list.len ? t->list.data : "");
    vg_buf_done(&name);
}

static int denied(const struct said *s)
{
    fprintf(stderr, "vigil validate: %u warning%s, denied by --deny-warnings\n", s->warnings,
            s->warnings == 1 ? "" : "s");
    return vg_status_exit(VG_E_CONFIG);
}

static int validate(const char *path, const struct options *o)
{
    struct said s = { .json = o->json };
    struct tried t = { .json = o->json };
    struct vg_config *config = NULL;
    struct vg_err err;
    vg_status st = vg_config_check(path, &config, see, &s, &err);
    int exit = 0;

    if (st == VG_E_IO) { /* a file that cannot be read is a wrong configuration, too */
        err.status = VG_E_CONFIG;
        s.errors = 1;
    }
    if (st == VG_OK && !o->json)
        print_chain(config);
    if (st == VG_OK && o->env)
        vg_env_try(config, tell, &t);
    if (o->json)
        print_json(path, config, &s, &t);
    if (st != VG_OK)
        exit = vg_command_failed(&command, &err);
    else if (o->deny_warnings && s.warnings > 0)
        exit = denied(&s);
    else if (t.failures > 0)
        exit = vg_status_exit(VG_E_UNAVAILABLE);
    vg_config_free(config);
    vg_buf_done(&s.problems);
    vg_buf_done(&s.others);
    vg_buf_done(&t.list);
    return exit;
}

int vg_verb_validate(int argc, char **argv)
{
    struct options o = { 0 };
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    return exit == VG_COMMAND_GO ? validate(args[0], &o) : exit;
}
