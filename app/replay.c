/* replay.c - `vigil replay`: recorded CSV to Kafka with its original times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/outlet.h"
#include "app/recording.h"
#include "app/replay_verify.h"
#include "app/verbs.h"
#include "core/text.h"

struct options {
    struct vg_outlet_options outlet;
    char *csv, *map, *start, *patients;
    char *verify, *config, *outbox;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, csv, "csv", "FILE", NULL, 0,
                  "the recording, plain or .gz, with a header line"),
    VG_CLI_STRING(O, map, "map", "MAP.yaml", NULL, 0,
                  "which column is what; see configs/maps/"),
    VG_OUTLET_ROWS(O),
    VG_CLI_STRING(O, start, "start", "TIME", "2026-01-01T00:00:00Z", 0,
                  "when second 0 of the recording is, RFC 3339"),
    VG_CLI_STRING(O, patients, "patients", "A,B", NULL, 0, "only these patients"),
    VG_CLI_STRING(O, verify, "verify", "FILE", NULL, 0,
                  "instead of all that: play this recording (`vigil record`) again and compare its "
                  "events, byte for byte, with those that the pipeline stored"),
    VG_CLI_STRING(O, config, "config", "CONFIG", NULL, 0, "with --verify: the configuration"),
    VG_CLI_STRING(O, outbox, "outbox", "OUTBOX", NULL, 0,
                  "with --verify: the outbox of the pipeline, DATA_DIR/outbox.db"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "replay",
    .summary = "Writes a recorded CSV to Kafka, all patients side by side by record time, with the "
               "record times as Kafka timestamps and the patient as key",
    .arguments = "",
    .options = options,
    .notes = "A broker keeps old timestamps only with log.retention.ms=-1, and future ones only "
             "with a\ngreat log.message.timestamp.after.max.ms. `vigil mock-broker` holds 5 MiB a "
             "partition.\n\nexample:\n"
             "  vigil replay --csv sedation_1hz.csv.gz --map configs/maps/sedation_capno.yaml \\\n"
             "    --brokers localhost:9092 --topic vitals.raw --speed 60\n"
             "  vigil replay --verify night.vrec --config ward.yaml --outbox "
             "/var/lib/vigil/outbox.db\n\n"
             "Exit code 1 when --verify finds a difference. It looks at all events of the outbox: "
             "the\nrecording has to be of all that the pipeline read.\n",
};

static void split(const char *list, struct vg_strings *ret)
{
    static const struct vg_option entry = { .type = VG_OPT_LIST_, .name = "patients" };
    struct vg_err err;

    while (list && *list) {
        size_t n = strcspn(list, ",");
        char *one = strndup(list, n);

        VG_CHECK(one && vg_option_add(&entry, ret, NULL, one, &err) == VG_OK);
        free(one);
        list += n + (list[n] == ',');
    }
}

static vg_status read_all(const struct options *o, struct vg_recording *rec, struct vg_err *err)
{
    static const struct vg_option table[] = { { .type = VG_OPT_LIST_, .name = "patients" },
                                              VG_OPT_END };
    struct vg_strings patients = { 0 };
    int64_t start_ns;
    vg_status st;

    if (!vg_parse_time(o->start, strlen(o->start), &start_ns))
        return vg_fail(err, VG_E_USAGE,
                       "--start \"%s\": expected a time such as 2026-03-01T12:00:00Z", o->start);
    split(o->patients, &patients);
    st = vg_recording_read_aloud(rec, o->csv, o->map, &patients, start_ns, err);
    vg_options_done(table, &patients);
    if (st == VG_OK && rec->charted.orders > 0)
        fprintf(stderr,
                "vigil replay: the %zu orders of the recording are left out: a topic has none; "
                "`vigil record --csv` keeps them\n",
                rec->charted.orders);
    return st;
}

static vg_status write_all(const struct vg_recording *rec, struct vg_outlet *out,
                           struct vg_err *err)
{
    vg_status st = VG_OK;

    for (size_t i = 0; i < rec->rows_n && st == VG_OK && !vg_outlet_stopped(); i++) {
        const struct vg_recorded *row = &rec->rows[i];

        st = vg_outlet_write(out, rec->patients[row->patient], vg_recorded_json(rec, row), row->len,
                             1, row->record_ns, err);
    }
    return st == VG_OK ? vg_outlet_finish(out, err) : st;
}

static int verify(const struct options *o)
{
    struct vg_verified v;
    struct vg_err err;

    if (!o->config || !o->outbox)
        return vg_command_usage(&command, "--verify needs --config and --outbox");
    if (vg_replay_verify(o->config, o->verify, o->outbox, &v, &err) != VG_OK)
        return vg_command_failed(&command, &err);
    printf("%llu events stored; of the recording again %llu differ, %llu are missing, %llu are "
           "new, %llu are in another order\n",
           (unsigned long long)v.events, (unsigned long long)v.different,
           (unsigned long long)v.missing, (unsigned long long)v.extra,
           (unsigned long long)v.misplaced);
    return v.different || v.missing || v.extra || v.misplaced ? vg_status_exit(VG_E_FAILED) : 0;
}

int vg_verb_replay(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_recording rec = { 0 };
    struct vg_outlet out = { 0 };
    struct vg_err err;
    char **args;
    vg_status st;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO && o.verify) {
        exit = verify(&o);
    } else if (exit == VG_COMMAND_GO && (!o.csv || !o.map)) {
        exit = vg_command_usage(&command, "--csv and --map are required, or --verify");
    } else if (exit == VG_COMMAND_GO) {
        st = read_all(&o, &rec, &err);
        if (st == VG_OK)
            st = vg_outlet_open(&out, &o.outlet, "replay", rec.rows_n, &err);
        if (st == VG_OK)
            st = write_all(&rec, &out, &err);
        exit = st == VG_OK ? 0 : vg_command_failed(&command, &err);
    }
    vg_outlet_close(&out);
    vg_recording_done(&rec);
    vg_options_done(options, &o);
    return exit;
}
