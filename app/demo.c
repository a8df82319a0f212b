/* demo.c - `vigil demo`: a whole ward, its pipeline and its alerts in one terminal.
 *
 * The broker and the pipeline are processes of their own, as on a real site: `vigil mock-broker`
 * and `vigil run`. This process plays the ward, faster than real, and is the subscriber. It is also
 * the demo's test: it knows what must happen and fails when an alert does not come.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/command.h"
#include "app/demo_child.h"
#include "app/demo_page.h"
#include "app/demo_promises.h"
#include "app/produce.h"
#include "app/verbs.h"
#include "app/ward.h"
#include "client/vigil_client.h"
#include "core/alert_line.h"
#include "core/clock.h"

enum {
    WARD_S = VG_WARD_DEMO_MIN * 60,
    SETTLE_S = 12, /* of the time asked for: to start, and to stop in good order */
    START_TIMEOUT_S = 20,
    STOP_TIMEOUT_S = 15,
    LATENCIES_MAX = 65536,
    TURN_MS = 50,
};

struct options {
    int64_t seconds, seed;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_OPT_INT(O, seconds, "seconds", "60", 20, 3600, "s", 0, "how long the demo takes"),
    VG_OPT_INT(O, seed, "seed", "4", 0, 1e15, "", 0, "another seed, another ward"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "demo",
    .summary =
        "Plays a ward of twelve beds against a pipeline and shows its alerts; needs no Kafka",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes = "CONFIG is configs/demo.yaml or a copy of it. Everything lives in a temporary folder "
             "and is\ngone afterwards. Exit code 1 when an alert that must come did not.\n",
};

/* The same in every demo, so that the patients have the same day and the alerts the same ids. */
static const int64_t ward_start_ns = INT64_C(1772366400) * VG_NS_PER_S; /* 2026-03-01T12:00:00Z */

struct demo {
    const struct options *options;
    char folder[64], publish[96], control[96], bootstrap[128], page[96];
    pid_t broker, pipeline;
    int broker_out;
    struct vg_sim *sim;
    struct vg_producer *producer;
    struct vigil_client *client;
    bool linked, synced;
    int64_t start_ns;     /* of the ward's time */
    int64_t play_mono_ns; /* when that was */
    double speed;
    uint64_t rows, alerts;
    struct vg_demo_promises promises;
    double latency_ms[LATENCIES_MAX];
    size_t latencies;
    struct vg_buf line;
    bool colour;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

/* ---- processes ---- */

static vg_status start_broker(struct demo *d, struct vg_err *err)
{
    static const char key[] = "bootstrap.servers=";
    char said[128];
    ssize_t n;
    /* It says how to end it, which is not the reader's task here. */
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) != 0)
        return vg_fail(err, VG_E_IO, "no pipe: %s", strerror(errno));
    d->broker = vg_demo_start("mock-broker", "--topic", "vitals.raw:4", fd[1], quiet);
    close(fd[1]);
    if (quiet >= 0)
        close(quiet);
    d->broker_out = fd[0];
    /* Its first line is its address, written at once. */
    n = read(fd[0], said, sizeof(said) - 1);
    said[n > 0 ? n : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    if (strncmp(said, key, sizeof(key) - 1) != 0)
        return vg_fail(
            err, VG_E_UNAVAILABLE,
            "the mock broker did not start; why: vigil mock-broker --topic vitals.raw:4");
    snprintf(d->bootstrap, sizeof(d->bootstrap), "%s", said + sizeof(key) - 1);
    return VG_OK;
}

static vg_status start_pipeline(struct demo *d, const char *config, struct vg_err *err)
{
    snprintf(d->publish, sizeof(d->publish), "ipc://%s/publish", d->folder);
    snprintf(d->control, sizeof(d->control), "ipc://%s/control", d->folder);
    setenv("KAFKA_BROKERS", d->bootstrap, 1);
    setenv("VIGIL_DEMO_DATA", d->folder, 1);
    setenv("VIGIL_DEMO_PUBLISH", d->publish, 1);
    setenv("VIGIL_DEMO_CONTROL", d->control, 1);
    if (vg_demo_page_choose(d->page, err) != VG_OK)
        return err->status;
    d->pipeline = vg_demo_start("run", config, NULL, -1, -1);
    if (d->pipeline < 0)
        return vg_fail(err, VG_E_IO, "no process: %s", strerror(errno));
    return VG_OK;
}

static vg_status check_pipeline(struct demo *d, struct vg_err *err)
{
    int status;

    if (waitpid(d->pipeline, &status, WNOHANG) != d->pipeline)
        return VG_OK;
    d->pipeline = 0;
    return vg_fail(err, VG_E_FAILED, "the pipeline ended by itself (%s %d); what it said is above",
                   WIFEXITED(status) ? "exit code" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* ---- the subscriber ---- */

/* From the moment an alert was due to this one. */
static void note_delay(struct demo *d, int64_t time_ns)
{
    int64_t due_ns = time_ns - d->start_ns;

    if (d->latencies < LATENCIES_MAX && due_ns >= 0 && due_ns < WARD_S * VG_NS_PER_S)
        d->latency_ms[d->latencies++] =
            (double)(vg_mono_ns() - d->play_mono_ns - (int64_t)((double)due_ns / d->speed)) / 1e6;
}

static void show(struct demo *d, const struct vigil_item *item)
{
    vg_buf_clear(&d->line);
    vg_alert_line(item->event.json, item->event.json_len, d->colour, &d->line);
    fwrite(d->line.data, 1, d->line.len, stdout);
    fflush(stdout);
    d->alerts++;
    note_delay(d, vg_demo_promises_see(&d->promises, item->event.json, item->event.json_len));
}

/* Takes what has come, waiting at most timeout_ms for the first. */
static void follow(struct demo *d, int timeout_ms)
{
    struct vigil_item item;

    for (; vigil_client_next(d->client, timeout_ms, &item) > 0; timeout_ms = 0) {
        if (item.type == VIGIL_EVENT) {
            show(d, &item);
            continue;
        }
        d->linked |= item.type == VIGIL_NOTICE && item.notice.kind == VIGIL_LINK_UP;
        d->synced |= item.type == VIGIL_NOTICE && item.notice.kind == VIGIL_SYNCED;
    }
}

static vg_status connect_subscriber(struct demo *d, struct vg_err *err)
{
    struct vigil_endpoint endpoint = { .publish = d->publish, .control = d->control };
    struct vigil_options client = { .endpoints = &endpoint, .endpoints_n = 1 };
    int64_t until_ns = vg_mono_ns() + START_TIMEOUT_S * VG_NS_PER_S;
    char message[256];
    vg_status st = VG_OK;

    if (vigil_client_new(&client, &d->client, message, sizeof(message)) < 0)
        return vg_fail(err, VG_E_FAILED, "%s", message);
    while (st == VG_OK && !stopped && !(d->linked && d->synced)) {
        follow(d, TURN_MS);
        st = check_pipeline(d, err);
        if (st == VG_OK && vg_mono_ns() > until_ns)
            st = vg_fail(err, VG_E_UNAVAILABLE, "the pipeline sent no heartbeat within %d s",
                         START_TIMEOUT_S);
    }
    return st;
}

/* ---- the ward ---- */

static vg_status make_ward(struct demo *d, struct vg_err *err)
{
    struct vg_sim_config config = {
        .beds = VG_WARD_DEMO_BEDS,
        .ward = "icu-a",
        .seed = (uint64_t)d->options->seed,
    };

    d->start_ns = config.start_ns = ward_start_ns;
    d->sim = vg_sim_new(&config);
    d->speed = (double)WARD_S / (double)(d->options->seconds - SETTLE_S);
    return vg_ward_play(d->sim, VG_WARD_SCRIPT_DEMO, err);
}

static int64_t due_mono_ns(const struct demo *d, int64_t record_ns)
{
    return d->play_mono_ns + (int64_t)((double)(record_ns - d->start_ns) / d->speed);
}

static vg_status play(struct demo *d, struct vg_err *err)
{
    struct vg_buf json = VG_BUF_INIT;
    struct vg_sim_row row;
    vg_status st = VG_OK;

    d->play_mono_ns = vg_mono_ns();
    while (st == VG_OK && !stopped) {
        int64_t wait_ns;

        vg_sim_next(d->sim, &row);
        if (row.record_ns >= d->start_ns + WARD_S * VG_NS_PER_S)
            break;
        while ((wait_ns = due_mono_ns(d, row.record_ns) - vg_mono_ns()) > 0 && !stopped)
            follow(d, (int)(wait_ns / VG_NS_PER_MS) + 1);
        if (row.silent)
            continue;
        vg_buf_clear(&json);
        vg_ward_row(&row, &json);
        st = vg_producer_send(d->producer, row.patient, json.data, json.len, row.record_ns, err);
        vg_producer_poll(d->producer, 0);
        d->rows++;
        if (st == VG_OK && d->rows % 256 == 0)
            st = check_pipeline(d, err);
    }
    vg_buf_done(&json);
    return st == VG_OK ? vg_producer_flush(d->producer, err) : st;
}

/* The pipeline says that it closes once everything is delivered. */
static vg_status stop(struct demo *d, struct vg_err *err)
{
    int64_t until_ns = vg_mono_ns() + STOP_TIMEOUT_S * VG_NS_PER_S;
    int code;

    kill(d->pipeline, SIGTERM);
    while (vg_mono_ns() < until_ns &&
           !(vigil_client_closing(d->client) && vigil_client_complete(d->client)))
        follow(d, TURN_MS);
    code = vg_demo_reap(&d->pipeline, STOP_TIMEOUT_S);
    if (code != 0)
        return vg_fail(err, VG_E_FAILED, "the pipeline did not stop in good order (exit code %d)",
                       code);
    return VG_OK;
}

/* ---- the end ---- */

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double quantile(struct demo *d, double q)
{
    if (d->latencies == 0)
        return 0;
    qsort(d->latency_ms, d->latencies, sizeof(*d->latency_ms), by_size);
    return d->latency_ms[(size_t)(q * (double)(d->latencies - 1))];
}

static void how_to_go_on(const char *config)
{
    const char *vigil = program_invocation_name;

    printf("\nHow to go on:\n"
           "  %s demo %s --seed 2\n"
           "      the same ward with other patients\n"
           "  %s\n"
           "      its limits and rules: change one and look again; `%s describe alert` explains\n"
           "  configs/minimal.yaml\n"
           "      begin with a Kafka of your own\n"
           "Vigil is not a medical device.\n",
           vigil, config, config, vigil);
}

static vg_status summary(struct demo *d, const char *config, struct vg_err *err)
{
    double played_s = (double)WARD_S / d->speed;
    int missing;

    printf("\n%d beds, %d min of ward time in %.0f s: %llu rows (%.0f rows/s), %llu alert events, "
           "p50 %.0f ms, p99 %.0f ms\nfrom the moment an alert was due to its subscriber\n\n",
           VG_WARD_DEMO_BEDS, VG_WARD_DEMO_MIN, played_s, (unsigned long long)d->rows,
           (double)d->rows / played_s, (unsigned long long)d->alerts, quantile(d, 0.5),
           quantile(d, 0.99));
    missing = vg_demo_promises_tell(&d->promises);
    how_to_go_on(config);
    if (missing)
        return vg_fail(err, VG_E_FAILED, "%d of %d promised alerts did not come", missing,
                       VG_DEMO_PROMISES);
    return VG_OK;
}

static vg_status run(struct demo *d, const char *config, struct vg_err *err)
{
    vg_status st;

    if (!mkdtemp(d->folder))
        return vg_fail(err, VG_E_IO, "%s: %s", d->folder, strerror(errno));
    st = start_broker(d, err);
    if (st == VG_OK)
        st = start_pipeline(d, config, err);
    if (st == VG_OK)
        st = make_ward(d, err);
    if (st == VG_OK)
        st = vg_producer_open(d->bootstrap, "vitals.raw", &d->producer, err);
    if (st == VG_OK)
        st = connect_subscriber(d, err);
    if (st == VG_OK) {
        printf("A simulated ward of %d beds, %d min in %.0f s. Its alerts as a subscriber receives "
               "them, in ward time (UTC):\n\n",
               VG_WARD_DEMO_BEDS, VG_WARD_DEMO_MIN, WARD_S / d->speed);
        fflush(stdout);
        fprintf(stderr, "The ward in a browser: %s\n\n", d->page);
        st = play(d, err);
    }
    if (st == VG_OK)
        st = stop(d, err);
    if (st == VG_OK && stopped)
        st = vg_fail(err, VG_E_TEMPORARY, "interrupted");
    return st == VG_OK ? summary(d, config, err) : st;
}

static void remove_folder(const char *folder)
{
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

int vg_verb_demo(int argc, char **argv)
{
    static struct demo d = {
        .folder = "/tmp/vigil-demo-XXXXXX",
        .broker_out = -1,
    };
    const struct sigaction action = { .sa_handler = on_signal };
    struct options o = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    d.options = &o;
    d.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    exit = run(&d, args[0], &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    vigil_client_free(d.client);
    vg_producer_free(d.producer);
    vg_demo_kill(&d.pipeline);
    vg_demo_kill(&d.broker);
    if (d.broker_out >= 0)
        close(d.broker_out);
    vg_sim_free(d.sim);
    vg_buf_done(&d.line);
    remove_folder(d.folder);
    vg_options_done(options, &o);
    return exit;
}
