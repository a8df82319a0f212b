/* config_test_report.c - what tests of configurations found: for people, as JSON, as JUnit's XML.
 *
 * No wall time in any of them: the same configurations give the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_test.h"
#include "core/text.h"

/* ---- which rules are covered ---- */

static bool starts_as_expected(const struct vg_test_suite *s, const char *rule)
{
    for (uint32_t i = 0; i < s->outcomes; i++) {
        const struct vg_test_outcome *o = &s->outcome[i];

        for (uint32_t k = 0; k < o->events; k++) {
            if (o->event[k].met && o->event[k].phase == VG_PHASE_START &&
                strcmp(o->event[k].rule, rule) == 0)
                return true;
        }
    }
    return false;
}

void vg_test_suite_cover(struct vg_test_suite *s)
{
    const struct vg_site *site = &s->config->site;

    s->started = calloc(site->rules_n + 1, sizeof(*s->started));
    VG_CHECK(s->started != NULL);
    s->rules_started = 0;
    for (uint32_t i = 0; i < site->rules_n; i++) {
        s->started[i] = starts_as_expected(s, site->rules[i].name);
        s->rules_started += s->started[i];
    }
}

/* ---- for people ---- */

static void print_line(const struct vg_test_line *line, FILE *out)
{
    char at[VG_DURATION_TEXT_SIZE];

    vg_format_duration(line->at_ns, at);
    fprintf(out, "      %c %10s  %s", line->mark, at, line->text);
    if (line->mark == '-')
        fprintf(out, "  (line %u)", line->line);
    fputc('\n', out);
    if (line->why)
        fprintf(out, "                    %s\n", line->why);
}

static void print_failure(const struct vg_test_outcome *o, FILE *out)
{
    fprintf(out,
            "      -: expected and missing, +: too much, else as expected or not asked about\n");
    for (uint32_t i = 0; i < o->lines; i++)
        print_line(&o->line[i], out);
}

static void print_rules(const struct vg_test_suite *s, FILE *out)
{
    const struct vg_site *site = &s->config->site;
    const char *comma = "; not: ";

    fprintf(out, "  rules: tests see %u of %u start", s->rules_started, site->rules_n);
    for (uint32_t i = 0; i < site->rules_n; i++) {
        if (s->started[i])
            continue;
        fprintf(out, "%s%s", comma, site->rules[i].name);
        comma = ", ";
    }
    fputc('\n', out);
}

void vg_test_suite_print(const struct vg_test_suite *s, FILE *out)
{
    fprintf(out, "%s\n", s->path);
    for (uint32_t i = 0; i < s->outcomes; i++) {
        const struct vg_test_outcome *o = &s->outcome[i];

        fprintf(out, "  %s  %s", o->failures ? "FAIL" : "ok  ", o->test->name);
        if (o->failures)
            fprintf(out, " (line %u)", o->test->line);
        fputc('\n', out);
        if (o->failures)
            print_failure(o, out);
    }
    if (s->outcomes == 0)
        fprintf(out, "  no test ran\n");
    print_rules(s, out);
}

/* ---- JSON ---- */

static void json_seconds(struct vg_buf *out, const char *key, int64_t ns)
{
    vg_buf_printf(out, "\"%s\":%.9g", key, (double)ns / (double)VG_NS_PER_S);
}

static void json_line(struct vg_buf *out, const struct vg_test_line *line)
{
    vg_buf_printf(out, "{\"what\":\"%s\",",
                  line->mark == '-'   ? "missing"
                  : line->mark == '+' ? "surplus"
                                      : "as expected");
    json_seconds(out, "at_s", line->at_ns);
    if (line->line)
        vg_buf_printf(out, ",\"line\":%u", line->line);
    vg_buf_str(out, ",\"text\":");
    vg_buf_json_str(out, line->text);
    if (line->why) {
        vg_buf_str(out, ",\"why\":");
        vg_buf_json_str(out, line->why);
    }
    vg_buf_char(out, '}');
}

static void json_test(struct vg_buf *out, const struct vg_test_outcome *o)
{
    vg_buf_str(out, "{\"name\":");
    vg_buf_json_str(out, o->test->name);
    vg_buf_printf(out, ",\"line\":%u,\"passed\":%s,\"events\":[", o->test->line,
                  o->failures ? "false" : "true");
    for (uint32_t i = 0; i < o->events; i++) {
        const struct vg_test_event *e = &o->event[i];
        char *text = json_dumps(e->json, JSON_COMPACT | JSON_REAL_PRECISION(9));

        VG_CHECK(text != NULL);
        vg_buf_str(out, i ? ",{" : "{");
        json_seconds(out, "at_s", e->at_ns);
        vg_buf_printf(out, ",\"event\":%s}", text);
        free(text);
    }
    vg_buf_str(out, "],\"failures\":[");
    for (uint32_t i = 0, n = 0; i < o->lines; i++) {
        if (o->line[i].mark == ' ')
            continue;
        vg_buf_str(out, n++ ? "," : "");
        json_line(out, &o->line[i]);
    }
    vg_buf_str(out, "]}");
}

static void json_suite(struct vg_buf *out, const struct vg_test_suite *s)
{
    const struct vg_site *site = &s->config->site;

    vg_buf_str(out, "{\"config\":");
    vg_buf_json_str(out, s->path);
    vg_buf_printf(out, ",\"hash\":\"%s\",\"tests\":[", s->config->hash);
    for (uint32_t i = 0; i < s->outcomes; i++) {
        vg_buf_str(out, i ? "," : "");
        json_test(out, &s->outcome[i]);
    }
    vg_buf_str(out, "],\"rules\":{");
    for (uint32_t i = 0; i < site->rules_n; i++)
        vg_buf_printf(out, "%s\"%s\":%s", i ? "," : "", site->rules[i].name,
                      s->started[i] ? "true" : "false");
    vg_buf_str(out, "}}");
}

void vg_test_suites_json(const struct vg_test_suite *suites, size_t n, struct vg_buf *out)
{
    uint32_t tests = 0, failed = 0;

    vg_buf_str(out, "{\"configs\":[");
    for (size_t i = 0; i < n; i++) {
        vg_buf_str(out, i ? "," : "");
        json_suite(out, &suites[i]);
        tests += suites[i].outcomes;
        failed += suites[i].failed;
    }
    vg_buf_printf(out, "],\"tests\":%u,\"failed\":%u}\n", tests, failed);
}

/* ---- JUnit ---- */

/* Text in an attribute or an element; XML 1.0 has no other control characters. */
static void xml_text(struct vg_buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            vg_buf_str(out, "&lt;");
            break;
        case '>':
            vg_buf_str(out, "&gt;");
            break;
        case '&':
            vg_buf_str(out, "&amp;");
            break;
        case '"':
            vg_buf_str(out, "&quot;");
            break;
        default:
            vg_buf_add(out, (unsigned char)*text < ' ' && *text != '\n' ? " " : text, 1);
        }
    }
}

/* The line that says most in one sentence: the first with a reason, else the first that differs. */
static const char *headline(const struct vg_test_outcome *o)
{
    const char *first = NULL;

    for (uint32_t i = 0; i < o->lines; i++) {
        if (o->line[i].why)
            return o->line[i].why;
        if (!first && o->line[i].mark != ' ')
            first = o->line[i].text;
    }
    return first ? first : "";
}

static void junit_failure(struct vg_buf *out, const struct vg_test_outcome *o)
{
    char *told = NULL;
    size_t len;
    FILE *f = open_memstream(&told, &len);

    VG_CHECK(f != NULL);
    print_failure(o, f);
    VG_CHECK(fclose(f) == 0);
    vg_buf_str(out, "      <failure message=\"");
    xml_text(out, headline(o));
    vg_buf_str(out, "\">");
    xml_text(out, told);
    vg_buf_str(out, "</failure>\n");
    free(told);
}

static void junit_suite(struct vg_buf *out, const struct vg_test_suite *s)
{
    vg_buf_str(out, "  <testsuite name=\"");
    xml_text(out, s->path);
    vg_buf_printf(out, "\" tests=\"%u\" failures=\"%u\">\n", s->outcomes, s->failed);
    for (uint32_t i = 0; i < s->outcomes; i++) {
        const struct vg_test_outcome *o = &s->outcome[i];

        vg_buf_str(out, "    <testcase classname=\"");
        xml_text(out, s->path);
        vg_buf_str(out, "\" name=\"");
        xml_text(out, o->test->name);
        vg_buf_printf(out, "\" line=\"%u\"%s>\n", o->test->line, o->failures ? "" : "/");
        if (o->failures) {
            junit_failure(out, o);
            vg_buf_str(out, "    </testcase>\n");
        }
    }
    vg_buf_str(out, "  </testsuite>\n");
}

void vg_test_suites_junit(const struct vg_test_suite *suites, size_t n, struct vg_buf *out)
{
    vg_buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < n; i++)
        junit_suite(out, &suites[i]);
    vg_buf_str(out, "</testsuites>\n");
}
