/* doctor.c - `vigil doctor`: whether this machine is fit for a pipeline, and what to do where it is not. */
#include "app/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "app/verbs.h"
#include "runtime/config_check.h"

struct options {
    bool json;
    char *data_dir;
};

/* clang-format off */
static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, json, "json", "false", 0, "print the findings as JSON"),
    VG_CLI_STRING(struct options, data_dir, "data_dir", "FOLDER", NULL, 0,
                  "the folder to look at, where no configuration says it"),
    VG_OPT_END,
};
/* clang-format on */

static const struct vg_command command = {
    .name = "doctor",
    .summary =
        "Looks whether this machine is fit for a pipeline, and says what to do where it is not",
    .arguments = "[CONFIG]",
    .arguments_max = 1,
    .options = options,
    .notes =
        "Exit code 1 when something will not work; warnings and notes are 0. Run it as the user\n"
        "that the pipeline runs as. `vigil validate --env CONFIG` tries the connections.\n",
};

/* ---- findings ---- */

/* Of the text: what is found stands behind two columns. */
enum { INDENT = 22, WIDTH = 80 };

/* As text or as JSON. */
struct report {
    struct vg_doctor doctor; /* first: a doctor is one */
    bool json;
    struct vg_buf list;
    uint32_t count[VG_FINDING_PROBLEM + 1];
};

static const char *const words[] = { "ok", "note", "warning", "problem" };

/* Goes on in lines of its own, below where it began. */
static void print_words(const char *text)
{
    int column = INDENT;
    bool begun = false;

    while (*text) {
        int n = (int)strcspn(text, " ");

        if (begun && column + n >= WIDTH) {
            printf("\n%*s", INDENT + 3, "");
            column = INDENT + 3;
            begun = false;
        }
        printf("%s%.*s", begun ? " " : "", n, text);
        column += n + (begun ? 1 : 0);
        begun = true;
        text += n;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void tell(struct vg_doctor *doctor, enum vg_finding finding, const char *what,
                 const char *found, const char *advice)
{
    struct report *r = (struct report *)doctor;

    r->count[finding]++;
    if (!r->json) {
        printf("%-8s %-12s ", words[finding], what);
        print_words(found);
        if (advice[0]) {
            printf("%*s-> ", INDENT, "");
            print_words(advice);
        }
        return;
    }
    vg_buf_printf(&r->list, "%s\n  {\"finding\":\"%s\",\"what\":", r->list.len ? "," : "",
                  words[finding]);
    vg_buf_json_str(&r->list, what);
    vg_buf_str(&r->list, ",\"found\":");
    vg_buf_json_str(&r->list, found);
    if (advice[0]) {
        vg_buf_str(&r->list, ",\"advice\":");
        vg_buf_json_str(&r->list, advice);
    }
    vg_buf_char(&r->list, '}');
}

void vg_doctor_tell(struct vg_doctor *doctor, enum vg_finding finding, const char *what,
                    const char *advice, const char *fmt, ...)
{
    char *found;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&found, fmt, ap);
    va_end(ap);
    VG_CHECK(n >= 0);
    doctor->tell(doctor, finding, what, found, advice);
    free(found);
}

/* ---- the configuration ---- */

static void see(void *arg, const struct vg_document *doc, const char *others)
{
    struct vg_doctor *doctor = arg;

    (void)others;
    if (doc->count[VG_ERROR] > 0)
        vg_doctor_tell(doctor, VG_FINDING_PROBLEM, "config",
                       "`vigil validate` shows each with its line", "%u errors in %s",
                       doc->count[VG_ERROR], doc->path);
    else if (doc->count[VG_WARNING] > 0)
        vg_doctor_tell(doctor, VG_FINDING_WARNING, "config",
                       "`vigil validate` shows each with its line", "%u warnings about %s",
                       doc->count[VG_WARNING], doc->path);
    else
        vg_doctor_tell(doctor, VG_FINDING_OK, "config", "", "%s is valid", doc->path);
}

/* Whoever can write it decides what is an alarm. */
static void look_at_mode(struct vg_doctor *doctor, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && st.st_mode & (S_IWGRP | S_IWOTH))
        vg_doctor_tell(doctor, VG_FINDING_WARNING, "config",
                       "chmod go-w: whoever can write it decides what is an alarm",
                       "%s may be changed by others", path);
}

/* Keys of sinks lie in files that no one else may read. The loader reads those that a configuration
 * refers to and refuses such a file; those that a sink opens by itself are looked at here. */
static void look_at_keys(struct vg_doctor *doctor, const struct vg_config *config)
{
    static const char *const secret_files[] = { "server_key", "key" };

    for (uint32_t i = 0; i < config->sinks_n * VG_ARRAY_LEN(secret_files); i++) {
        const struct vg_sink_config *sink = &config->sinks[i / VG_ARRAY_LEN(secret_files)];
        const char *name = secret_files[i % VG_ARRAY_LEN(secret_files)];
        const struct vg_option *o =
            sink->ops->options ? vg_option_find(sink->ops->options, name) : NULL;
        const char *path = o && o->type == VG_OPT_STRING_
                               ? *(char *const *)((const char *)sink->self + o->offset)
                               : NULL;
        struct stat st;

        if (!path)
            continue;
        if (stat(path, &st) != 0 || access(path, R_OK) != 0)
            vg_doctor_tell(doctor, VG_FINDING_PROBLEM, "keys",
                           "`vigil keygen` makes keys; the user of the pipeline must read it",
                           "%s of sink %s cannot be read: %s", name, sink->name, path);
        else if (st.st_mode & (S_IRWXG | S_IRWXO))
            vg_doctor_tell(doctor, VG_FINDING_PROBLEM, "keys", "chmod 600",
                           "%s of sink %s may be read by others: %s", name, sink->name, path);
        else
            vg_doctor_tell(doctor, VG_FINDING_OK, "keys", "", "%s of sink %s", name, sink->name);
    }
}

/* The loaded configuration, or NULL. */
static struct vg_config *look_at_config(struct vg_doctor *doctor, const char *path)
{
    struct vg_config *config = NULL;
    struct vg_err err;
    vg_status st = vg_config_check(path, &config, see, doctor, &err);

    if (st == VG_E_IO)
        vg_doctor_tell(doctor, VG_FINDING_PROBLEM, "config", "name a file that can be read", "%s",
                       err.msg);
    look_at_mode(doctor, path);
    if (config)
        look_at_keys(doctor, config);
    return config;
}

/* ---- the verb ---- */

static void print_json(const struct report *r)
{
    printf("{\"problems\":%u,\"warnings\":%u,\"findings\":[%s\n]}\n", r->count[VG_FINDING_PROBLEM],
           r->count[VG_FINDING_WARNING], r->list.data);
}

static int examine(const char *path, const struct options *o)
{
    struct report r = { .doctor = { tell }, .json = o->json };
    struct vg_config *config = path ? look_at_config(&r.doctor, path) : NULL;
    const char *data_dir = o->data_dir;

    if (!data_dir)
        data_dir = config ? config->service.data_dir : "vigil-data";
    vg_doctor_machine(&r.doctor);
    vg_doctor_disk(&r.doctor, data_dir);
    vg_doctor_libraries(&r.doctor);
    if (o->json)
        print_json(&r);
    else
        printf("\nproblems: %u, warnings: %u, notes: %u\n", r.count[VG_FINDING_PROBLEM],
               r.count[VG_FINDING_WARNING], r.count[VG_FINDING_NOTE]);
    vg_config_free(config);
    vg_buf_done(&r.list);
    return r.count[VG_FINDING_PROBLEM] > 0 ? vg_status_exit(VG_E_FAILED) : 0;
}

int vg_verb_doctor(int argc, char **argv)
{
    struct options o = { 0 };
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = examine(args[0], &o);
    vg_options_done(options, &o);
    return exit;
}
