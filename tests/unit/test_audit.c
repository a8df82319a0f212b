/* test_audit.c - the audit log: any change of it is found and named, and a crash is not one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/audit.h"
#include "runtime/thread.h"

enum { TEXT_MAX = 64 * 1024 };

static char folder[] = "/tmp/vigil-test-audit-XXXXXX";
static char text[TEXT_MAX];
static size_t text_len;
static struct vg_audit *audit;
static struct vg_err err;
static struct vg_audit_verdict verdict;

static void make_folder(void)
{
    cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = { "000001.ndjson", "000002.ndjson", "seal.key", "seal.pub" };
    char path[128];

    vg_audit_close(audit);
    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/audit/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/audit", folder);
    rmdir(path);
    rmdir(folder);
}

TestSuite(audit, .init = make_folder, .fini = remove_folder);

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/audit/%s", folder, name);
}

static void open_audit(void)
{
    vg_audit_close(audit);
    cr_assert_eq(vg_audit_open(folder, &audit, &err), VG_OK, "%s", err.msg);
}

static void read_log(void)
{
    char path[128];
    FILE *f;

    path_of("000001.ndjson", path);
    f = fopen(path, "re");
    cr_assert(f);
    text_len = fread(text, 1, sizeof(text) - 1, f);
    text[text_len] = '\0';
    fclose(f);
}

static void write_log(const char *bytes, size_t n)
{
    char path[128];
    FILE *f;

    path_of("000001.ndjson", path);
    f = fopen(path, "we");
    cr_assert(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

static void verify(const struct vg_audit_end *seal)
{
    cr_assert_eq(vg_audit_verify(folder, NULL, seal, &verdict, &err), VG_OK, "%s", err.msg);
}

/* Six records: start, seal, accepted, order, stop, seal. */
static void write_six(void)
{
    const struct vg_audit_run run = { "1", "unit", "c0", "news2 ab" };

    open_audit();
    vg_audit_start(audit, &run);
    vg_audit_note(audit, "accepted", "who", "display", "why", "\"quoted\"\n", NULL);
    vg_audit_note(audit, "order", "by", "nurse", "command_id", "1", NULL);
    vg_audit_note(audit, "stop", "why", "signal 15", NULL);
    vg_audit_seal(audit);
    read_log();
}

static size_t line_of(size_t byte)
{
    size_t line = 1;

    for (size_t i = 0; i < byte; i++)
        line += text[i] == '\n';
    return line;
}

/* Where line `n`, from 1, begins. */
static char *line_at(size_t n)
{
    char *at = text;

    while (--n > 0)
        at = strchr(at, '\n') + 1;
    return at;
}

Test(audit, what_was_written_is_right_and_the_keys_are_for_their_owner_alone)
{
    char path[128];
    struct stat s;

    write_six();
    verify(NULL);
    cr_assert_str_empty(verdict.file, "%s", verdict.why);
    cr_assert_eq(verdict.records, 6);
    cr_assert_eq(verdict.sealed.n, 6);
    path_of("seal.key", path);
    cr_assert_eq(stat(path, &s), 0);
    cr_assert_eq(s.st_mode & 0777, 0600);
    path_of("000001.ndjson", path);
    cr_assert_eq(stat(path, &s), 0);
    cr_assert_eq(s.st_mode & 0777, 0600);
    cr_assert(strstr(text, "{\"n\":3,"));
    cr_assert(
        strstr(text, "\"kind\":\"accepted\",\"who\":\"display\",\"why\":\"\\\"quoted\\\"\\n\""));
}

Test(audit, a_changed_byte_is_found_wherever_it_is_and_its_record_named)
{
    write_six();
    for (size_t i = 0; i < text_len; i++) {
        size_t line = line_of(i);
        char was = text[i];

        for (int bit = 0; bit < 8; bit += i % 7 ? 5 : 1) {
            text[i] = (char)(was ^ 1 << bit);
            write_log(text, text_len);
            verify(NULL);
            cr_assert_str_eq(verdict.file, "000001.ndjson", "byte %zu bit %d", i, bit);
            cr_assert_eq(verdict.line, line, "byte %zu bit %d: line %zu: %s", i, bit,
                         (size_t)verdict.line, verdict.why);
        }
        text[i] = was;
    }
}

Test(audit, a_record_that_is_taken_out_is_missed_where_the_next_one_stands)
{
    write_six();
    for (size_t n = 1; n < 6; n++) {
        char copy[TEXT_MAX];
        const char *from = line_at(n), *to = line_at(n + 1);
        size_t head = (size_t)(from - text);

        memcpy(copy, text, head);
        memcpy(copy + head, to, text_len - (size_t)(to - text));
        write_log(copy, text_len - (size_t)(to - from));
        verify(NULL);
        cr_assert_eq(verdict.line, n);
        cr_assert(strstr(verdict.why, "is expected"), "%s", verdict.why);
    }
}

Test(audit, records_in_another_order_are_found)
{
    char copy[TEXT_MAX];
    const char *third, *fourth, *fifth;
    size_t head;

    write_six();
    third = line_at(3);
    fourth = line_at(4);
    fifth = line_at(5);
    head = (size_t)(third - text);
    memcpy(copy, text, text_len);
    memcpy(copy + head, fourth, (size_t)(fifth - fourth));
    memcpy(copy + head + (fifth - fourth), third, (size_t)(fourth - third));
    write_log(copy, text_len);
    verify(NULL);
    cr_assert_eq(verdict.line, 3);
}

Test(audit, a_record_made_anew_with_a_right_hash_does_not_fit_or_breaks_the_seal)
{
    uint8_t another[VG_AUDIT_SECRET_BYTES] = { 1 };
    struct vg_buf log = VG_BUF_INIT;
    struct vg_audit_end end;

    write_six();
    cr_assert(vg_audit_line_end(line_at(2), (size_t)(line_at(3) - line_at(2)) - 1, &end));
    vg_buf_add(&log, text, (size_t)(line_at(3) - text));
    vg_audit_line_make(&end, 0, "accepted", ",\"who\":\"nobody\"", NULL, &log);
    vg_buf_str(&log, line_at(4));
    write_log(log.data, log.len);
    verify(NULL);
    cr_assert_eq(verdict.line, 4);
    cr_assert(strstr(verdict.why, "does not belong behind"), "%s", verdict.why);

    vg_buf_clear(&log);
    cr_assert(vg_audit_line_end(line_at(5), (size_t)(line_at(6) - line_at(5)) - 1, &end));
    vg_buf_add(&log, text, (size_t)(line_at(6) - text));
    vg_audit_line_make(&end, 0, "seal", "", another, &log);
    write_log(log.data, log.len);
    verify(NULL);
    cr_assert_eq(verdict.line, 6);
    cr_assert(strstr(verdict.why, "this pipeline's key"), "%s", verdict.why);
    vg_buf_done(&log);
}

Test(audit, a_tail_that_is_cut_shows_against_a_seal)
{
    struct vg_audit_end seal;

    write_six();
    vg_audit_sealed(audit, &seal);
    cr_assert_eq(seal.n, 6);
    verify(&seal);
    cr_assert_str_empty(verdict.file, "%s", verdict.why);
    for (size_t n = 1; n <= 6; n++) {
        write_log(text, (size_t)(line_at(n) - text));
        verify(NULL);
        cr_assert_eq(verdict.file[0] != '\0', n == 1, "%s", verdict.why);
        verify(&seal);
        cr_assert_str_eq(verdict.file, "(end)");
        cr_assert(strstr(verdict.why, "record 6 was sealed"), "%s", verdict.why);
    }
    write_log(text, text_len);
    seal.hash[5] ^= 1;
    verify(&seal);
    cr_assert_eq(verdict.line, 6);
    cr_assert(strstr(verdict.why, "written anew"), "%s", verdict.why);
}

/* Wherever a crash cuts: the next start mends it, and what follows is right. */
Test(audit, half_a_line_is_cut_off_and_recorded)
{
    write_six();
    for (size_t cut = (size_t)(line_at(5) - text); cut < text_len; cut += 7) {
        bool half = text[cut - 1] != '\n';

        vg_audit_close(audit);
        audit = NULL;
        write_log(text, cut);
        verify(NULL);
        cr_assert_eq(verdict.file[0] != '\0', half);
        open_audit();
        vg_audit_note(audit, "stop", "why", "x", NULL);
        verify(NULL);
        cr_assert_str_empty(verdict.file, "cut %zu: %s", cut, verdict.why);
        cr_assert_eq(verdict.records, line_of(cut) - 1 + half + 1);
    }
    read_log();
    cr_assert(
        strstr(text, "\"kind\":\"recovered\",\"what\":\"half a line, cut off\",\"bytes\":\""));
}

static size_t count(const char *what)
{
    size_t n = 0;

    read_log();
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

Test(audit, a_start_says_what_is_not_as_it_was_and_that_a_run_had_no_end)
{
    struct vg_audit_run run = { "1", "unit", "c0", "news2 ab" };

    write_six();
    cr_assert_eq(count("\"kind\":\"recovered\""), 0);
    open_audit();
    vg_audit_start(audit, &run);
    cr_assert_eq(count("\"kind\":\"config\"") + count("\"kind\":\"model\""), 0);
    cr_assert_eq(count("\"kind\":\"recovered\""), 0);
    run.config = "c1";
    open_audit();
    vg_audit_start(audit, &run);
    cr_assert_eq(count("\"what\":\"the last run has no end"), 1);
    cr_assert_eq(count("\"kind\":\"config\",\"from\":\"c0\",\"to\":\"c1\""), 1);
    vg_audit_note(audit, "stop", "why", "x", NULL);
    run.models = "";
    open_audit();
    vg_audit_start(audit, &run);
    cr_assert_eq(count("\"what\":\"the last run has no end"), 1);
    cr_assert_eq(count("\"kind\":\"model\",\"from\":\"news2 ab\",\"to\":\"\""), 1);
    verify(NULL);
    cr_assert_str_empty(verdict.file, "%s", verdict.why);
}

Test(audit, two_who_write_at_the_same_time_make_one_chain)
{
    struct vg_audit *other;

    open_audit();
    cr_assert_eq(vg_audit_open(folder, &other, &err), VG_OK, "%s", err.msg);
    for (int i = 0; i < 50; i++) {
        vg_audit_note(audit, "accepted", "who", "a", NULL);
        vg_audit_note(other, "dlq", "who", "b", NULL);
    }
    vg_audit_close(other);
    verify(NULL);
    cr_assert_str_empty(verdict.file, "%s", verdict.why);
    cr_assert_eq(verdict.records, 100);
}

Test(audit, the_chain_goes_on_in_the_next_file)
{
    static char big[14 * 1024];
    char path[128];

    memset(big, 'x', sizeof(big) - 1);
    open_audit();
    for (int i = 0; i < 1300; i++)
        vg_audit_note(audit, "accepted", "who", big, NULL);
    open_audit();
    vg_audit_note(audit, "accepted", "who", "a", NULL);
    verify(NULL);
    cr_assert_str_empty(verdict.file, "%s", verdict.why);
    cr_assert_eq(verdict.records, 1301);
    path_of("000002.ndjson", path);
    cr_assert_eq(access(path, F_OK), 0);
    path_of("000001.ndjson", path);
    cr_assert_eq(unlink(path), 0);
    verify(NULL);
    cr_assert(strstr(verdict.why, "there is no record"), "%s", verdict.why);
}

Test(audit, seals_come_after_a_thousand_records_or_a_minute)
{
    struct vg_audit_end seal;
    int64_t now;

    open_audit();
    vg_audit_note(audit, "accepted", "who", "a", NULL);
    now = vg_mono_ns();
    cr_assert_eq(vg_audit_look(audit, now + 59 * VG_NS_PER_S, &err), VG_OK);
    vg_audit_sealed(audit, &seal);
    cr_assert_eq(seal.n, 0);
    cr_assert_eq(vg_audit_look(audit, now + 61 * VG_NS_PER_S, &err), VG_OK);
    vg_audit_sealed(audit, &seal);
    cr_assert_eq(seal.n, 2);
    for (int i = 0; i < 1000; i++)
        vg_audit_note(audit, "accepted", "who", "a", NULL);
    cr_assert_eq(vg_audit_look(audit, now, &err), VG_OK);
    vg_audit_sealed(audit, &seal);
    cr_assert_eq(seal.n, 1003);
    cr_assert_eq(vg_audit_look(audit, now + 200 * VG_NS_PER_S, &err), VG_OK);
    vg_audit_sealed(audit, &seal);
    cr_assert_eq(seal.n, 1003, "nothing was recorded since");
}

Test(audit, a_key_that_others_can_read_is_refused)
{
    char path[128];

    open_audit();
    vg_audit_close(audit);
    audit = NULL;
    path_of("seal.key", path);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(vg_audit_open(folder, &audit, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "chmod 600"), "%s", err.msg);
}
