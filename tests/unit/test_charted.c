/* test_charted.c - a chart as a recording: a line for each value, dates, and limits as orders. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/recording_play.h"

static char folder[64], csv[96], map_path[96];
static struct vg_err err;
static struct vg_buf said; /* what was played, or what is wrong with the map */
static struct vg_recording rec;

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/vigil-charted-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(csv, sizeof(csv), "%s/data.csv", folder);
    snprintf(map_path, sizeof(map_path), "%s/map.yaml", folder);
}

static void remove_folder(void)
{
    vg_buf_done(&said);
    vg_recording_done(&rec);
    unlink(csv);
    unlink(map_path);
    rmdir(folder);
}

TestSuite(charted, .timeout = 30, .init = make_folder, .fini = remove_folder);

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static vg_status say_row(void *ctx, const struct vg_recorded *row, const struct vg_record *record,
                         struct vg_err *unused)
{
    (void)ctx;
    (void)row;
    (void)unused;
    vg_buf_printf(&said, "%lld #%lld %.*s\n", (long long)(record->time_ns / VG_NS_PER_S),
                  (long long)record->offset, (int)record->message.len, record->message.value);
    return VG_OK;
}

static vg_status say_order(void *ctx, const struct vg_item_command *command,
                           const struct vg_order *o, struct vg_err *unused)
{
    (void)ctx;
    (void)unused;
    vg_buf_printf(&said, "%lld #%lld.%u %s %s", (long long)(command->log_ns / VG_NS_PER_S),
                  (long long)command->next_offset, command->ordinal, command->patient,
                  vg_channels[o->channel].name);
    if (o->low_set)
        vg_buf_printf(&said, " low %g", (double)o->low);
    if (o->high_set)
        vg_buf_printf(&said, " high %g", (double)o->high);
    vg_buf_printf(&said, " for %lld by %s\n", (long long)(o->for_ns / VG_NS_PER_S), o->by);
    return VG_OK;
}

static vg_status read_chart(const char *map_yaml, const char *text)
{
    static const struct vg_recording_player player = { NULL, say_row, say_order };
    const struct vg_strings all = { 0 };
    struct vg_replay_map map;
    vg_status st;

    write_file(map_path, map_yaml);
    write_file(csv, text);
    vg_buf_reserve(&said, 1);
    st = vg_replay_map_read(&map, map_path, &said, &err);
    if (st == VG_OK)
        st = vg_recording_read(&rec, csv, &map, &all, 0, &err);
    if (st == VG_OK)
        st = vg_recording_play(&rec, &player, &err);
    vg_replay_map_done(&map);
    return st;
}

#define LONG                                     \
    "version: 1\npatient: who\nrecord_time: t\n" \
    "variable: what\nvalue: v\nchannels: {hr: pulse_ecg, rr: breaths}\n"
#define ORDERS "orders: {by: nurse, for: 1h, limits: {hr: {low: lo, high: hi}}}\n"

Test(charted, lines_of_one_patient_and_time_are_a_row)
{
    cr_assert_eq(read_chart(LONG, "who,t,what,v\n"
                                  "A,60,pulse_ecg,70\nA,60,other,5\nA,60,breaths,\n"
                                  "B,60,breaths,12\nA,60,pulse_ecg,71\nA,0,breaths,14.50\n"),
                 VG_OK, "%s", err.msg);
    cr_assert_str_eq(
        said.data,
        "0 #0 {\"patient\":\"A\",\"time\":\"1970-01-01T00:00:00.000Z\",\"rr\":14.50}\n"
        "60 #1 {\"patient\":\"A\",\"time\":\"1970-01-01T00:01:00.000Z\",\"hr\":70,\"rr\":null}\n"
        "60 #2 {\"patient\":\"A\",\"time\":\"1970-01-01T00:01:00.000Z\",\"hr\":71}\n"
        "60 #3 {\"patient\":\"B\",\"time\":\"1970-01-01T00:01:00.000Z\",\"rr\":12}\n");
}

Test(charted, dates_are_read_as_databases_write_them)
{
    cr_assert_eq(read_chart(LONG, "who,t,what,v\n"
                                  "A,1970-01-01 00:01:00,breaths,12\n"
                                  "A,1970-01-01T00:02:00Z,breaths,13\n"
                                  "A,1970-01-01T01:03:00+01:00,breaths,14\n"),
                 VG_OK, "%s", err.msg);
    cr_assert(strncmp(said.data, "60 #0 ", 6) == 0 && strstr(said.data, "\n120 #1 ") &&
                  strstr(said.data, "\n180 #2 "),
              "%s", said.data);
}

Test(charted, shifted_dates_begin_together)
{
    cr_assert_eq(read_chart(LONG "shifted: true\n" ORDERS, "who,t,what,v\n"
                                                           "A,2201-03-01 10:01:00,breaths,12\n"
                                                           "A,2201-03-01 10:00:00,lo,50\n"
                                                           "B,2107-01-31 23:59:30,breaths,13\n"
                                                           "B,2107-02-01 00:00:00,breaths,14\n"),
                 VG_OK, "%s", err.msg);
    cr_assert_str_eq(said.data,
                     "0 #0.1 A hr low 50 for 3600 by nurse\n"
                     "0 #0 {\"patient\":\"B\",\"time\":\"1970-01-01T00:00:00.000Z\",\"rr\":13}\n"
                     "30 #1 {\"patient\":\"B\",\"time\":\"1970-01-01T00:00:30.000Z\",\"rr\":14}\n"
                     "60 #2 {\"patient\":\"A\",\"time\":\"1970-01-01T00:01:00.000Z\",\"rr\":12}\n");
}

Test(charted, a_date_that_no_log_can_have_is_an_error_that_names_the_way_out)
{
    cr_assert_eq(read_chart(LONG, "who,t,what,v\nA,2201-03-01 10:01:00,breaths,12\n"), VG_E_DECODE);
    cr_assert(strstr(err.msg, ":2: column t: \"2201-03-01 10:01:00\" is not a time after 1970 and "
                              "before 2200 (\"shifted: true\""),
              "%s", err.msg);
}

Test(charted, seconds_are_no_shifted_dates)
{
    cr_assert_eq(read_chart(LONG "shifted: true\n", "who,t,what,v\nA,60,breaths,12\n"),
                 VG_E_DECODE);
    cr_assert(strstr(err.msg, ":2: column t: \"60\" is not a date"), "%s", err.msg);
}

Test(charted, limits_stand_before_the_row_of_their_time_and_a_side_stays_until_it_is_charted)
{
    cr_assert_eq(read_chart(LONG ORDERS, "who,t,what,v\n"
                                         "A,0,breaths,12\nA,0,hi,120\nA,0,lo,50\n"
                                         "A,60,lo,45\nA,60,hi,\nA,60,breaths,13\n"
                                         "A,3700,hi,110\n"),
                 VG_OK, "%s", err.msg);
    cr_assert_str_eq(
        said.data,
        "0 #0.1 A hr low 50 high 120 for 3600 by nurse\n"
        "0 #0 {\"patient\":\"A\",\"time\":\"1970-01-01T00:00:00.000Z\",\"rr\":12}\n"
        "60 #1.1 A hr low 45 high 120 for 3600 by nurse\n"
        "60 #1 {\"patient\":\"A\",\"time\":\"1970-01-01T00:01:00.000Z\",\"rr\":13}\n"
        "3700 #2.1 A hr high 110 for 3600 by nurse\n"); /* what was charted before is over */
    cr_assert_eq(rec.charted.refusals, 0);
}

Test(charted, limits_may_be_columns)
{
    cr_assert_eq(read_chart("version: 1\npatient: who\nrecord_time: t\nchannels: {hr: beats}\n"
                            "orders: {limits: {hr: {low: lo, high: hi}}}\n",
                            "who,t,beats,lo,hi\nA,0,70,,\nA,60,71,50,120\nA,120,72,,\n"),
                 VG_OK, "%s", err.msg);
    cr_assert(strstr(said.data, "\n60 #1.1 A hr low 50 high 120 for 604800 by chart\n60 #1 {"),
              "%s", said.data);
    cr_assert_eq(rec.charted.orders, 1);
}

struct refusal {
    char rows[96];
    uint32_t orders;
    uint64_t line[2];
    char why[64];
};

ParameterizedTestParameters(charted, what_no_limit_can_be_is_refused_with_line_and_reason)
{
    static struct refusal rows[] = {
        { "A,0,lo,580\nA,0,hi,120\n", 2, { 2, 0 }, "expected a limit from 0 to 350 /min" },
        { "A,0,lo,-1\n", 1, { 2, 0 }, "expected a limit from 0 to 350 /min" },
        { "A,0,hi,ON\n", 0, { 2, 0 }, "not a number" },
        { "A,0,hi,100000000000000000000000\n", 0, { 2, 0 }, "not a number" },
        { "A,0,lo,80\nA,0,hi,30\n", 1, { 2, 3 }, "the low limit must lie below the high one" },
        { "A,0,hi,80\nA,60,lo,80\n", 2, { 3, 0 }, "the low limit must lie below the high one" },
    };
    return cr_make_param_array(struct refusal, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct refusal *row, charted,
                  what_no_limit_can_be_is_refused_with_line_and_reason, .init = make_folder,
                  .fini = remove_folder)
{
    char text[160];

    snprintf(text, sizeof(text), "who,t,what,v\n%s", row->rows);
    cr_assert_eq(read_chart(LONG ORDERS, text), VG_OK, "%s", err.msg);
    cr_assert_eq(rec.charted.orders, row->orders, "%zu orders", rec.charted.orders);
    cr_assert_eq(rec.charted.refusals, row->line[1] ? 2 : 1);
    for (size_t i = 0; i < rec.charted.refusals; i++) {
        cr_assert_eq(rec.charted.refused[i].entry.line, row->line[i]);
        cr_assert_str_eq(rec.charted.refused[i].why, row->why);
    }
}

Test(charted, what_no_limit_can_be_is_ordered_behind_what_is_one_and_told_once)
{
    cr_assert_eq(read_chart(LONG ORDERS, "who,t,what,v\nA,0,lo,580\nA,0,hi,120\n"), VG_OK, "%s",
                 err.msg);
    cr_assert_str_eq(said.data, "0 #0.1 A hr high 120 for 3600 by nurse\n"
                                "0 #0.2 A hr low 580 for 3600 by nurse\n");
    vg_charted_refuse(&rec.charted, 0, "the stage knows why");
    vg_charted_refuse(&rec.charted, 1, "the stage says so, too");
    cr_assert_eq(rec.charted.refusals, 2);
    cr_assert_str_eq(rec.charted.refused[0].why, "expected a limit from 0 to 350 /min");
    cr_assert_str_eq(rec.charted.refused[1].why, "the stage knows why");
}

struct bad_map {
    char text[160], message[96];
};

ParameterizedTestParameters(charted, a_map_that_cannot_be_right_is_refused_with_its_place)
{
    static struct bad_map rows[] = {
        { "variable: what\n", "\"value\" is missing: the name of a column" },
        { "value: v\n", ":6:8: error: \"variable\" is missing" },
        { "shifted: perhaps\n", ":6:10: error: \"perhaps\" is neither true nor false" },
        { "orders: {by: nurse}\n", "\"limits\" is missing" },
        { "orders: {limits: {hart: {low: a}}}\n", "unknown channel \"hart\"" },
        { "orders: {limits: {hr: {lower: a}}}\n", "unknown side of a limit \"lower\"" },
        { "orders: {limits: {hr: {}}}\n", "expected columns" },
        { "orders: {limits: {hr: {low: }}}\n", "low is nothing; expected the name of a column" },
        { "orders: {for: 8d, limits: {hr: {low: a}}}\n", "for" },
        { "orders: {by: \"\", limits: {hr: {low: a}}}\n", "\"by\" must have 1 to 63 bytes" },
    };
    return cr_make_param_array(struct bad_map, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad_map *row, charted,
                  a_map_that_cannot_be_right_is_refused_with_its_place, .init = make_folder,
                  .fini = remove_folder)
{
    char map[320];

    snprintf(map, sizeof(map),
             "version: 1\npatient: who\nrecord_time: t\nchannels: {hr: beats}\n"
             "bed: x\n%s",
             row->text);
    cr_assert_eq(read_chart(map, "who,t,beats\n"), VG_E_CONFIG, "%s", row->text);
    cr_assert(strstr(said.data, row->message), "%s", said.data);
}
