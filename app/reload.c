/* reload.c - `vigil reload`: a running pipeline reads its configuration again.
 *
 * By a signal and a file, so that it works without the HTTP server and for whom the system lets: the
 * process that holds the lock of the data folder gets SIGHUP, and writes what became of it into
 * reload.json (runtime/reload_file.h). What began before the signal was sent is not the answer to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/verbs.h"
#include "core/clock.h"
#include "runtime/thread.h"

struct options {
    bool wait, json;
    int64_t timeout_ns;
};

static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, wait, "wait", "false", 0,
                "Wait for the outcome, and print it; the exit code says it too."),
    VG_OPT_BOOL(struct options, json, "json", "false", 0,
                "The outcome as JSON (docs/reload.md); implies --wait."),
    VG_OPT_DURATION(struct options, timeout_ns, "timeout", "60s", 1, 3600, 0,
                    "How long to wait for it."),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "reload",
    .summary = "Has a running pipeline take over its changed configuration, whole or not at all",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "CONFIG is the file that the pipeline was started with, or its service.data_dir. Rules,\n"
        "profiles, wards, scores, models and the options of stages are taken over; what needs a\n"
        "restart is refused with all the rest, and said. SIGHUP does the same.\n"
        "Exit code 0: it is in force, or nothing had changed; 78: refused; 75: try again; 69: no\n"
        "pipeline runs there.\n",
};

static const int64_t LOOK_NS = 20 * VG_NS_PER_MS;

/* ---- who runs ---- */

static char *beside(const char *data_dir, const char *name)
{
    char *path;

    VG_CHECK(asprintf(&path, "%s/%s", data_dir, name) >= 0);
    return path;
}

static vg_status find_folder(const char *path, char **ret, struct vg_err *err)
{
    struct vg_config *config = NULL;
    struct stat at;
    vg_status st = VG_OK;

    if (stat(path, &at) == 0 && S_ISDIR(at.st_mode)) {
        *ret = strdup(path);
    } else {
        st = vg_config_load_aloud(path, &config, err);
        *ret = st == VG_OK ? strdup(config->service.data_dir) : NULL;
    }
    VG_CHECK(st != VG_OK || *ret != NULL);
    vg_config_free(config);
    return st;
}

/* The process that has the lock; 0: nobody has. */
static pid_t holder(const char *data_dir)
{
    char *path = beside(data_dir, "lock");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[24] = "";
    long pid = 0;

    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && pread(fd, text, sizeof(text) - 1, 0) > 0)
        pid = strtol(text, NULL, 10);
    if (fd >= 0)
        close(fd);
    free(path);
    return pid > 1 ? (pid_t)pid : 0;
}

static vg_status ask(const char *data_dir, pid_t *ret_pid, struct vg_err *err)
{
    *ret_pid = holder(data_dir);
    if (*ret_pid == 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "no pipeline runs in service.data_dir %s", data_dir);
    if (kill(*ret_pid, SIGHUP) != 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "cannot signal process %ld: %s", (long)*ret_pid,
                       strerror(errno));
    return VG_OK;
}

/* ---- what becomes of it ---- */

/* The outcome of what began at `after_ns` or later; NULL: there is none yet. */
static json_t *outcome(const char *data_dir, int64_t after_ns)
{
    char *path = beside(data_dir, "reload.json");
    json_t *ret = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

    if (json_integer_value(json_object_get(ret, "began_mono_ns")) < after_ns) {
        json_decref(ret);
        ret = NULL;
    }
    free(path);
    return ret;
}

static vg_status wait_for(const char *data_dir, int64_t after_ns, const struct options *o,
                          json_t **ret, struct vg_err *err)
{
    while ((*ret = outcome(data_dir, after_ns)) == NULL) {
        if (holder(data_dir) == 0)
            return vg_fail(err, VG_E_UNAVAILABLE, "the pipeline has ended meanwhile");
        if (vg_mono_ns() - after_ns > o->timeout_ns)
            return vg_fail(err, VG_E_TEMPORARY,
                           "the pipeline has not said within %lld s what became of it; its log "
                           "will",
                           (long long)(o->timeout_ns / VG_NS_PER_S));
        vg_thread_sleep(LOOK_NS);
    }
    return VG_OK;
}

static const char *text(const json_t *of, const char *key)
{
    const char *value = json_string_value(json_object_get(of, key));

    return value ? value : "";
}

static void print(const json_t *said)
{
    const char *what = text(said, "outcome");
    long long generation = (long long)json_integer_value(json_object_get(said, "generation"));
    const json_t *change;
    size_t i;

    if (strcmp(what, "changed") == 0)
        printf("generation %lld of %s is in force:\n", generation, text(said, "path"));
    else if (strcmp(what, "unchanged") == 0)
        printf("nothing to take over from %s; generation %lld stays\n", text(said, "path"),
               generation);
    if (strcmp(what, "changed") == 0)
        json_array_foreach(json_object_get(said, "changes"), i, change)
            printf("  %s\n", json_string_value(change));
    if (strcmp(what, "refused") == 0)
        fprintf(stderr, "%svigil reload: refused, generation %lld stays: %s\n",
                text(said, "diagnostics"), generation, text(said, "error"));
}

static vg_status reload(const char *path, const struct options *o, int *ret_exit,
                        struct vg_err *err)
{
    int64_t after_ns = vg_mono_ns();
    json_t *said = NULL;
    char *data_dir = NULL;
    pid_t pid;
    vg_status st = find_folder(path, &data_dir, err);

    if (st == VG_OK)
        st = ask(data_dir, &pid, err);
    if (st == VG_OK && !o->wait && !o->json)
        fprintf(stderr, "vigil reload: process %ld was asked; --wait tells what becomes of it\n",
                (long)pid);
    else if (st == VG_OK)
        st = wait_for(data_dir, after_ns, o, &said, err);
    if (said && o->json) {
        json_dumpf(said, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (said) {
        print(said);
    }
    if (said)
        *ret_exit = (int)json_integer_value(json_object_get(said, "exit"));
    json_decref(said);
    free(data_dir);
    return st;
}

int vg_verb_reload(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO) {
        exit = 0;
        if (reload(args[0], &o, &exit, &err) != VG_OK)
            exit = vg_command_failed(&command, &err);
    }
    vg_options_done(options, &o);
    return exit;
}
