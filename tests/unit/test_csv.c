/* test_csv.c - reading CSV strictly, and a recording as messages in record order. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "app/csv.h"
#include "app/recording.h"

static char folder[] = "/tmp/vigil-csv-XXXXXX";
static char path[64];
static struct vg_err err;

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/vigil-csv-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/data.csv", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(csv, .timeout = 30, .init = make_folder, .fini = remove_folder);
TestSuite(recording, .timeout = 30, .init = make_folder, .fini = remove_folder);

static void write_bytes(const char *bytes, size_t n)
{
    FILE *f = fopen(path, "w");

    cr_assert(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void write_text(const char *text)
{
    write_bytes(text, strlen(text));
}

/* All cells as "a|b;c|d;"; the status of what went wrong, if anything did. */
static vg_status read_cells(char *out, size_t size)
{
    struct vg_csv csv;
    bool row = true;
    vg_status st = vg_csv_open(&csv, path, &err);

    out[0] = '\0';
    while (st == VG_OK && row) {
        st = vg_csv_next(&csv, &row, &err);
        for (uint32_t c = 0; st == VG_OK && row && c < csv.columns; c++)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", csv.cell[c],
                     c + 1 < csv.columns ? "|" : ";");
    }
    vg_csv_close(&csv);
    return st;
}

struct good {
    char text[96], cells[96];
};

ParameterizedTestParameters(csv, cells_are_read)
{
    static struct good rows[] = {
        { "a,b\n1,2\n3,4\n", "1|2;3|4;" },
        { "a,b\n1,2\n3,4", "1|2;3|4;" },
        { "a,b\r\n1,2\r\n", "1|2;" },
        { "a,b\n,\n", "|;" },
        { "a,b\n\n1,2\n\n", "1|2;" },
        { "a,b\n\"x,y\",\"say \"\"so\"\"\"\n", "x,y|say \"so\";" },
        { "a,b\n\"\",1\n", "|1;" },
        { "\xef\xbb\xbf"
          "a\n5\n",
          "5;" },
        { "a\n", "" },
    };
    return cr_make_param_array(struct good, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct good *row, csv, cells_are_read)
{
    char cells[256];

    write_text(row->text);
    cr_assert_eq(read_cells(cells, sizeof(cells)), VG_OK, "%s", err.msg);
    cr_assert_str_eq(cells, row->cells);
}

struct bad {
    char text[96], message[64];
};

ParameterizedTestParameters(csv, what_is_no_csv_is_refused_with_its_line)
{
    static struct bad rows[] = {
        { "", ": empty; expected a header line" },
        { "a,b\n1,2\n3\n", ":3: 1 cells, but the header has 2" },
        { "a,b\n1,2,3\n", ":2: more than 2 cells" },
        { "a,b\n1,\"2\n", ":2: cell 2: expected a closing quote" },
        { "a,b\n\"1\"x,2\n", ":2: cell 1: expected a closing quote" },
    };
    return cr_make_param_array(struct bad, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad *row, csv, what_is_no_csv_is_refused_with_its_line)
{
    char cells[256];

    write_text(row->text);
    cr_assert_eq(read_cells(cells, sizeof(cells)), VG_E_DECODE);
    cr_assert(strstr(err.msg, row->message), "%s", err.msg);
}

Test(csv, a_nul_byte_is_refused)
{
    char cells[64];

    write_bytes("a,b\n1,\0002\n", 9);
    cr_assert_eq(read_cells(cells, sizeof(cells)), VG_E_DECODE);
    cr_assert(strstr(err.msg, ":2: a NUL byte"), "%s", err.msg);
}

Test(csv, a_line_without_end_is_refused)
{
    size_t n = VG_CSV_LINE_MAX + 512 * 1024;
    char *text = malloc(n), cells[64];

    cr_assert(text);
    memset(text, 'x', n);
    memcpy(text, "a\n", 2);
    write_bytes(text, n);
    cr_assert_eq(read_cells(cells, sizeof(cells)), VG_E_DECODE);
    cr_assert(strstr(err.msg, ":2: the line is longer"), "%s", err.msg);
    free(text);
}

Test(csv, a_missing_file_is_an_error)
{
    char cells[64];

    cr_assert_eq(read_cells(cells, sizeof(cells)), VG_E_IO);
    cr_assert(strstr(err.msg, "cannot be opened: No such file"), "%s", err.msg);
}

static void write_gzip(int rows)
{
    gzFile f = gzopen(path, "wb");

    cr_assert(f);
    gzprintf(f, "n,square\n");
    for (int i = 0; i < rows; i++)
        gzprintf(f, "%d,%d\n", i, (i % 1000) * (i % 1000) % 1000);
    gzclose(f);
}

Test(csv, gzip_is_read_across_blocks)
{
    enum { ROWS = 200000 };
    struct vg_csv csv;
    bool row = true;
    int n = 0;

    write_gzip(ROWS);
    cr_assert_eq(vg_csv_open(&csv, path, &err), VG_OK, "%s", err.msg);
    for (; vg_csv_next(&csv, &row, &err) == VG_OK && row; n++)
        cr_assert_eq(atoi(csv.cell[0]), n);
    cr_assert(!row);
    cr_assert_eq(n, ROWS);
    cr_assert_eq(csv.line, ROWS + 1);
    vg_csv_close(&csv);
}

Test(csv, a_gzip_that_ends_too_early_is_an_error)
{
    enum { ROWS = 50000 };
    struct vg_csv csv;
    bool row = true;
    vg_status st;
    FILE *f;
    long size;

    write_gzip(ROWS);
    f = fopen(path, "r");
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    fclose(f);
    cr_assert_eq(truncate(path, size / 2), 0);
    st = vg_csv_open(&csv, path, &err);
    while (st == VG_OK && row)
        st = vg_csv_next(&csv, &row, &err);
    cr_assert_eq(st, VG_E_IO);
    cr_assert(strstr(err.msg, "cannot be read after line"), "%s", err.msg);
    vg_csv_close(&csv);
}

Test(csv, an_unknown_column_has_a_suggestion)
{
    struct vg_csv csv;
    uint32_t column;

    write_text("patient,spo2_pct\n");
    cr_assert_eq(vg_csv_open(&csv, path, &err), VG_OK);
    cr_assert_eq(vg_csv_column(&csv, "spo2_pct", &column, &err), VG_OK);
    cr_assert_eq(column, 1);
    cr_assert_eq(vg_csv_column(&csv, "spo2_pc", &column, &err), VG_E_DECODE);
    cr_assert(strstr(err.msg, "did you mean \"spo2_pct\"?"), "%s", err.msg);
    vg_csv_close(&csv);
}

/* ---- recordings ---- */

static const char map_text[] = "version: 1\n"
                               "patient: who\n"
                               "record_time: t\n"
                               "device_time: clock\n"
                               "bed: \"ward/{room}\"\n"
                               "channels: {spo2: sat, pulse: beats}\n";
static const char header[] = "who,room,t,clock,sat,beats\n";

/* Record times in ms and rows, one a line. */
static vg_status read_recording(const char *map_yaml, const char *rows,
                                const struct vg_strings *only, struct vg_buf *out)
{
    char map_path[64];
    struct vg_buf diagnostics = VG_BUF_INIT;
    struct vg_recording rec = { 0 };
    struct vg_replay_map map;
    struct vg_strings all = { 0 };
    vg_status st;
    FILE *f;

    snprintf(map_path, sizeof(map_path), "%s/map.yaml", folder);
    f = fopen(map_path, "w");
    cr_assert(f);
    fputs(map_yaml, f);
    fclose(f);
    f = fopen(path, "w");
    cr_assert(f);
    fprintf(f, "%s%s", header, rows);
    fclose(f);
    st = vg_replay_map_read(&map, map_path, &diagnostics, &err);
    if (st == VG_OK)
        st = vg_recording_read(&rec, path, &map, only ? only : &all, 0, &err);
    else
        vg_buf_str(out, diagnostics.data ? diagnostics.data : "");
    for (size_t i = 0; st == VG_OK && i < rec.rows_n; i++)
        vg_buf_printf(out, "%lld %s %.*s\n", (long long)(rec.rows[i].record_ns / VG_NS_PER_MS),
                      rec.patients[rec.rows[i].patient], (int)rec.rows[i].len,
                      vg_recorded_json(&rec, &rec.rows[i]));
    vg_recording_done(&rec);
    vg_replay_map_done(&map);
    vg_buf_done(&diagnostics);
    unlink(map_path);
    return st;
}

Test(recording, patients_run_side_by_side_by_record_time)
{
    struct vg_buf out = VG_BUF_INIT;

    cr_assert_eq(read_recording(map_text,
                                "A,1,0,0,98,60\nA,1,1,3,97.50,\nA,1,2,2,,61\n"
                                "B,2,0.5,,90,70\nB,2,2,2,91,71\n",
                                NULL, &out),
                 VG_OK, "%s", err.msg);
    cr_assert_str_eq(out.data,
                     "0 A {\"patient\":\"A\",\"bed\":\"ward/1\",\"time\":"
                     "\"1970-01-01T00:00:00.000Z\",\"pulse\":60,\"spo2\":98}\n"
                     "500 B {\"patient\":\"B\",\"bed\":\"ward/2\",\"time\":null,\"pulse\":70,"
                     "\"spo2\":90}\n"
                     "1000 A {\"patient\":\"A\",\"bed\":\"ward/1\",\"time\":"
                     "\"1970-01-01T00:00:03.000Z\",\"pulse\":null,\"spo2\":97.50}\n"
                     "2000 A {\"patient\":\"A\",\"bed\":\"ward/1\",\"time\":"
                     "\"1970-01-01T00:00:02.000Z\",\"pulse\":61,\"spo2\":null}\n"
                     "2000 B {\"patient\":\"B\",\"bed\":\"ward/2\",\"time\":"
                     "\"1970-01-01T00:00:02.000Z\",\"pulse\":71,\"spo2\":91}\n");
    vg_buf_done(&out);
}

Test(recording, times_may_be_in_hours)
{
    struct vg_buf out = VG_BUF_INIT;

    cr_assert_eq(read_recording("version: 1\npatient: who\nrecord_time: t\ntime_unit: 1h\n"
                                "channels: {spo2: sat}\n",
                                "A,1,1.5,0,98,60\n", NULL, &out),
                 VG_OK, "%s", err.msg);
    cr_assert_str_eq(out.data, "5400000 A {\"patient\":\"A\",\"time\":"
                               "\"1970-01-01T01:30:00.000Z\",\"spo2\":98}\n");
    vg_buf_done(&out);
}

Test(recording, only_the_patients_asked_for_are_kept)
{
    char b[] = "B", *ids[] = { b };
    struct vg_strings only = { .n = 1, .value = ids };
    struct vg_buf out = VG_BUF_INIT;

    cr_assert_eq(read_recording(map_text, "A,1,0,0,98,60\nB,2,0,0,90,70\n", &only, &out), VG_OK);
    cr_assert(strncmp(out.data, "0 B {", 5) == 0, "%s", out.data);
    cr_assert_null(strchr(out.data, 'A'));
    vg_buf_done(&out);
}

Test(recording, a_patient_that_the_file_lacks_is_an_error)
{
    char z[] = "Z", *ids[] = { z };
    struct vg_strings only = { .n = 1, .value = ids };
    struct vg_buf out = VG_BUF_INIT;

    cr_assert_eq(read_recording(map_text, "A,1,0,0,98,60\n", &only, &out), VG_E_USAGE);
    cr_assert(strstr(err.msg, "no row of patient \"Z\""), "%s", err.msg);
    vg_buf_done(&out);
}

struct bad_row {
    char row[48], message[80];
};

ParameterizedTestParameters(recording, a_bad_cell_is_refused_with_line_and_column)
{
    static struct bad_row rows[] = {
        { "A,1,0,0,98%,60\n", ":2: column sat: \"98%\" is not a number" },
        { "A,1,0,0,098,60\n", ":2: column sat: \"098\" is not a number" },
        { "A,1,0,0,.5,60\n", ":2: column sat: \".5\" is not a number" },
        { "A,1,0,0,5.,60\n", ":2: column sat: \"5.\" is not a number" },
        { "A,1,0,0,nan,60\n", ":2: column sat: \"nan\" is not a number" },
        { "A,1,,0,98,60\n", ":2: column t: \"\" is not a time" },
        { "A,1,0,noon,98,60\n", ":2: column clock: \"noon\" is not a time" },
        { "A,1,-5,0,98,60\n", ":2: column t: \"-5\" is not a time after 1970" },
        { "A B,1,0,0,98,60\n", ":2: column who: \"A B\" is not a patient" },
        { ",1,0,0,98,60\n", ":2: column who: \"\" is not a patient" },
    };
    return cr_make_param_array(struct bad_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad_row *row, recording, a_bad_cell_is_refused_with_line_and_column)
{
    struct vg_buf out = VG_BUF_INIT;

    cr_assert_eq(read_recording(map_text, row->row, NULL, &out), VG_E_DECODE);
    cr_assert(strstr(err.msg, row->message), "%s", err.msg);
    vg_buf_done(&out);
}

struct bad_map {
    char map[128], message[96];
};

ParameterizedTestParameters(recording, a_bad_map_is_refused_with_its_place)
{
    static struct bad_map rows[] = {
        { "version: 1\npatient: who\nrecord_tim: t\nchannels: {spo2: sat}\n",
          "map.yaml:3:1: error: unknown key \"record_tim\"; did you mean \"record_time\"?" },
        { "version: 2\npatient: who\nrecord_time: t\nchannels: {spo2: sat}\n",
          "map.yaml:1:10: error: expected \"version: 1\"" },
        { "version: 1\npatient: who\nrecord_time: t\nchannels: {sp2: sat}\n",
          "map.yaml:4:12: error: unknown channel \"sp2\"; did you mean \"spo2\"?" },
        { "version: 1\npatient: who\nrecord_time: t\n", "\"channels\" must be a mapping" },
        { "version: 1\npatient: [who]\nrecord_time: t\nchannels: {spo2: sat}\n",
          "\"patient\" is a list; expected text" },
        { "version: 1\npatient: who\nrecord_time: t\ntime_unit: h\nchannels: {spo2: sat}\n",
          "map.yaml:4:12: error: \"h\" is not a duration" },
    };
    return cr_make_param_array(struct bad_map, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad_map *row, recording, a_bad_map_is_refused_with_its_place)
{
    struct vg_buf out = VG_BUF_INIT;

    cr_assert_eq(read_recording(row->map, "A,1,0,0,98,60\n", NULL, &out), VG_E_CONFIG);
    cr_assert(strstr(out.data, row->message), "%s", out.data);
    vg_buf_done(&out);
}
