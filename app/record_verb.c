/* record_verb.c - `vigil record`: keeps what entered a pipeline, and looks at what was kept. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/record_csv.h"
#include "app/record_source.h"
#include "app/verbs.h"
#include "core/text.h"

struct options {
    char *to, *from, *until, *outbox, *show, *csv, *map, *start;
    bool no_commands, overwrite;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, to, "to", "FILE", NULL, 0, "the recording to write"),
    VG_CLI_STRING(O, from, "from", "TIME", NULL, 0,
                  "of each partition, only what comes from its first record of this time or later; "
                  "else from its start"),
    VG_CLI_STRING(O, until, "until", "TIME", NULL, 0,
                  "of each partition, only what comes before its first record of this time or "
                  "later; else up to the end that the source has now"),
    VG_CLI_STRING(O, outbox, "outbox", "OUTBOX", NULL, 0,
                  "take the commands from this outbox; else from DATA_DIR/outbox.db of the "
                  "configuration, if it is there"),
    VG_OPT_BOOL(O, no_commands, "no_commands", "false", 0,
                "records alone: no clock marks, no acknowledgements"),
    VG_CLI_STRING(O, csv, "csv", "FILE.csv", NULL, 0,
                  "instead of the source, a recorded CSV, plain or .gz, and the limits that were "
                  "charted in it"),
    VG_CLI_STRING(O, map, "map", "MAP.yaml", NULL, 0, "which column of it is what"),
    VG_CLI_STRING(O, start, "start", "TIME", "2026-01-01T00:00:00Z", 0,
                  "when second 0 of the CSV is, RFC 3339"),
    VG_OPT_BOOL(O, overwrite, "overwrite", "false", 0, "replace a file that is there"),
    VG_CLI_STRING(O, show, "show", "FILE", NULL, 0,
                  "check a recording to its last byte and say what is in it"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far the work is, on standard error"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "record",
    .summary =
        "Writes the records of the configured source and the commands of its pipeline to one "
        "file",
    .arguments = "[CONFIG]",
    .arguments_max = 1,
    .options = options,
    .notes =
        "The file (docs/recordings.md) holds data of patients: only its owner may read it. A\n"
        "running pipeline does not notice that it is recorded. Ctrl-C ends in good order.\n\n"
        "    vigil record ward.yaml --to night.vrec --from 2026-03-01T22:00:00Z\n"
        "    vigil record --show night.vrec\n"
        "    vigil record configs/charted.yaml --csv chart.csv --map chart.yaml --to chart.vrec\n"
        "    vigil run ward.yaml --recording night.vrec > events.ndjson\n"
        "    vigil whatif --record night.vrec --config ward.yaml --config other.yaml\n\n"
        "Exit code 69: no broker; 74: a file cannot be read or written, or is damaged.\n",
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static bool stopped(void)
{
    return stop != 0;
}

static void take_signals(void)
{
    const struct sigaction action = { .sa_handler = on_signal };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- making one ---- */

static vg_status read_time(const char *option, const char *text, int64_t *ret, struct vg_err *err)
{
    *ret = VG_TIME_NONE;
    if (!text || vg_parse_time(text, strlen(text), ret))
        return VG_OK;
    return vg_fail(err, VG_E_USAGE, "--%s \"%s\": expected a time such as 2026-03-01T12:00:00Z",
                   option, text);
}

/* The outbox to take commands from; NULL for none. To be freed. */
static char *find_outbox(const struct options *o, const struct vg_config *config)
{
    char *path;

    if (o->no_commands)
        return NULL;
    if (o->outbox)
        path = strdup(o->outbox);
    else if (asprintf(&path, "%s/outbox.db", config->service.data_dir) < 0)
        path = NULL;
    VG_CHECK(path != NULL);
    if (o->outbox || access(path, F_OK) == 0)
        return path;
    fprintf(
        stderr,
        "vigil record: no outbox at %s: records alone, no clock marks and no acknowledgements\n",
        path);
    free(path);
    return NULL;
}

static vg_status record_live(const struct options *o, const struct vg_config *config,
                             struct vg_progress *progress, struct vg_record_counts *counts,
                             struct vg_err *err)
{
    struct vg_record_wish wish = { .path = o->to, .stopped = stopped };
    char *outbox;
    vg_status st = read_time("from", o->from, &wish.from_ns, err);

    if (st == VG_OK)
        st = read_time("until", o->until, &wish.until_ns, err);
    if (st != VG_OK)
        return st;
    wish.outbox = outbox = find_outbox(o, config);
    take_signals();
    st = vg_record_source(config, &wish, progress, counts, err);
    free(outbox);
    return st;
}

static void tell_refused(const struct vg_charted *c)
{
    for (size_t i = 0; i < c->refusals; i++) {
        const struct vg_charted_entry *e = &c->refused[i].entry;

        fprintf(stderr, "record: line %llu: limit %s of %s refused: %s\n",
                (unsigned long long)e->line, e->text, vg_channels[e->channel].name,
                c->refused[i].why);
    }
}

static vg_status record_csv(const struct options *o, const struct vg_config *config,
                            struct vg_record_counts *counts, struct vg_err *err)
{
    const struct vg_strings everybody = { 0 };
    const char *name = strrchr(o->csv, '/');
    struct vg_recording rec = { 0 };
    int64_t start_ns;
    vg_status st = read_time("start", o->start, &start_ns, err);

    if (st == VG_OK)
        st = vg_recording_read_aloud(&rec, o->csv, o->map, &everybody, start_ns, err);
    if (st == VG_OK) {
        tell_refused(&rec.charted);
        st = vg_record_csv(config, &rec, name ? name + 1 : o->csv, o->to, counts, err);
    }
    vg_recording_done(&rec);
    return st;
}

static vg_status record(const struct options *o, const struct vg_config *config, struct vg_err *err)
{
    struct vg_record_counts counts = { 0 };
    struct vg_progress progress;
    vg_status st;

    if (!o->overwrite && access(o->to, F_OK) == 0)
        return vg_fail(err, VG_E_IO, "%s is there already; --overwrite replaces it", o->to);
    vg_progress_begin(&progress, o->progress, "record", "records", 0);
    st = o->csv ? record_csv(o, config, &counts, err)
                : record_live(o, config, &progress, &counts, err);
    vg_progress_end(&progress, counts.records);
    if (st == VG_OK)
        fprintf(stderr, "record: %llu records and %llu commands in %llu blocks to %s%s\n",
                (unsigned long long)counts.records, (unsigned long long)counts.commands,
                (unsigned long long)counts.blocks, o->to, stop ? ", stopped early" : "");
    return st;
}

/* ---- looking at one ---- */

struct seen {
    int64_t first_ns, last_ns; /* of records */
    uint64_t bytes;
    uint64_t *records; /* [partitions] */
};

static vg_status look(struct vg_record_reader *r, struct seen *seen, struct vg_progress *progress,
                      struct vg_err *err)
{
    bool end = false;

    for (;;) {
        struct vg_record_entry e;
        vg_status st = vg_record_reader_next(r, &e, &end, err);

        if (st != VG_OK || end)
            return st;
        vg_progress_update(progress, vg_record_reader_at(r));
        if (e.is_command)
            continue;
        seen->records[e.shard]++;
        seen->bytes += e.record.message.len;
        if (e.record.time_ns == VG_TIME_NONE)
            continue;
        if (seen->first_ns == VG_TIME_NONE || e.record.time_ns < seen->first_ns)
            seen->first_ns = e.record.time_ns;
        if (e.record.time_ns > seen->last_ns)
            seen->last_ns = e.record.time_ns;
    }
}

static void print_seen(const struct vg_record_reader *r, const struct seen *seen)
{
    const struct vg_record_head *h = vg_record_reader_head(r);
    struct vg_record_counts counts = vg_record_reader_counts(r);
    char from[VG_TIME_TEXT_SIZE] = "-", to[VG_TIME_TEXT_SIZE] = "-";

    if (seen->first_ns != VG_TIME_NONE) {
        vg_format_time(seen->first_ns, from);
        vg_format_time(seen->last_ns, to);
    }
    printf("recording of topic %s (log %s), by vigil %s\n", h->topic, h->cluster, h->vigil);
    printf("  pipeline   %s, config %s\n", h->pipeline, h->config);
    printf("  records    %llu, %llu bytes, from %s to %s\n", (unsigned long long)counts.records,
           (unsigned long long)seen->bytes, from, to);
    printf("  commands   %llu%s\n", (unsigned long long)counts.commands,
           h->commands ? "" : " (recorded without an outbox)");
    printf("  file       %llu bytes in %llu blocks, complete, all checksums right\n",
           (unsigned long long)vg_record_reader_at(r), (unsigned long long)counts.blocks);
    for (uint32_t i = 0; i < h->partitions; i++)
        printf("  partition %-4u %llu records\n", i, (unsigned long long)seen->records[i]);
}

static vg_status show(const struct options *o, struct vg_err *err)
{
    struct seen seen = { .first_ns = VG_TIME_NONE, .last_ns = VG_TIME_NONE };
    struct vg_record_reader *r = NULL;
    struct vg_progress progress;
    vg_status st = vg_record_reader_open(o->show, &r, err);

    if (st != VG_OK)
        return st;
    seen.records = calloc(vg_record_reader_head(r)->partitions, sizeof(*seen.records));
    VG_CHECK(seen.records != NULL);
    vg_progress_begin(&progress, o->progress, "record", "bytes", vg_record_reader_size(r));
    st = look(r, &seen, &progress, err);
    vg_progress_end(&progress, vg_record_reader_at(r));
    if (st == VG_OK)
        print_seen(r, &seen);
    free(seen.records);
    vg_record_reader_close(r);
    return st;
}

/* ---- the verb ---- */

static int check_usage(const struct options *o, const char *config)
{
    if (o->show && (config || o->to))
        return vg_command_usage(&command, "--show goes alone");
    if (!o->show && !config)
        return vg_command_usage(&command,
                                "the configuration is missing: whose source to record, or "
                                "which pipeline a CSV is for");
    if (!o->show && !o->to)
        return vg_command_usage(&command, "--to FILE is missing: where the recording goes");
    if (!o->csv != !o->map)
        return vg_command_usage(&command, "--csv and --map belong together");
    if (o->csv && (o->from || o->until || o->outbox || o->no_commands))
        return vg_command_usage(&command, "a CSV is recorded as a whole: --from, --until, --outbox "
                                          "and --no-commands are about the source");
    if (o->no_commands && o->outbox)
        return vg_command_usage(&command, "--outbox and --no-commands exclude each other");
    return 0;
}

int vg_verb_record(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_config *config = NULL;
    struct vg_err err;
    char **args;
    vg_status st = VG_OK;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = check_usage(&o, args[0]);
    else
        args = NULL;
    if (exit == 0 && args) {
        if (!o.show)
            st = vg_config_load_aloud(args[0], &config, &err);
        if (st == VG_OK)
            st = o.show ? show(&o, &err) : record(&o, config, &err);
        if (st != VG_OK)
            exit = vg_command_failed(&command, &err);
    }
    vg_config_free(config);
    vg_options_done(options, &o);
    return exit;
}
