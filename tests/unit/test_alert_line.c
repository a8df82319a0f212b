/* test_alert_line.c - the readable line of an event. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/alert_line.h"

static struct vg_buf line;

static void teardown(void)
{
    vg_buf_done(&line);
}

static const char *show(const char *json)
{
    vg_buf_clear(&line);
    vg_alert_line(json, strlen(json), false, &line);
    return line.data;
}

TestSuite(alert_line, .fini = teardown, .timeout = 10);

Test(alert_line, a_limit_alert_reads_as_in_the_manual)
{
    cr_assert_str_eq(show("{\"event_id\":\"5d.0\",\"phase\":\"start\",\"priority\":\"high\","
                          "\"title\":\"SpO2 below limit\","
                          "\"text\":\"SpO2 86 % below 90 % for 10 s\",\"patient\":\"p-7f3a\","
                          "\"bed\":\"icu-a/07\",\"time\":\"2026-03-01T12:00:10.000Z\"}"),
                     "12:00:10  HIGH    start        icu-a/07   "
                     "SpO2 below limit — SpO2 86 % below 90 % for 10 s\n");
}

Test(alert_line, colour_surrounds_the_priority_only)
{
    static const char json[] = "{\"event_id\":\"5d.0\",\"phase\":\"start\",\"priority\":\"high\"}";

    vg_alert_line(json, strlen(json), true, &line);
    cr_assert(strstr(line.data, "\033[1;31mHIGH  \033[0m  start"), "%s", line.data);
}

Test(alert_line, a_forecast_without_a_text_says_when_the_limit_is_passed)
{
    cr_assert(strstr(show("{\"event_id\":\"5d.0\",\"title\":\"HR likely to rise\","
                          "\"forecast\":{\"channel\":\"hr\",\"quantiles\":[{\"q\":0.5}],"
                          "\"limit\":130,\"crossing_s\":480}}"),
                     "HR likely to rise (limit in 8 min)\n"));
    cr_assert(strstr(show("{\"event_id\":\"5d.0\",\"forecast\":{\"crossing_s\":30}}"),
                     "(limit in 30 s)"));
}

Test(alert_line, an_anomaly_without_a_text_names_its_three_largest_contributions)
{
    cr_assert(
        strstr(show("{\"event_id\":\"5d.0\",\"title\":\"Unusual\",\"anomaly\":{\"score\":9,"
                    "\"threshold\":4,\"contributions\":["
                    "{\"channel\":\"spo2\",\"share\":0.61},{\"channel\":\"hr\",\"share\":0.2},"
                    "{\"channel\":\"rr\",\"share\":0.1},{\"channel\":\"temp\",\"share\":0.09}"
                    "]}}"),
               "Unusual [SpO2 61 %, HR 20 %, RR 10 %]\n"));
}

Test(alert_line, an_end_says_why_and_an_acknowledgement_who)
{
    cr_assert(strstr(show("{\"event_id\":\"5d.3\",\"title\":\"T\",\"reason\":\"cleared\","
                          "\"acknowledged_by\":\"nurse 4\"}"),
                     "T (cleared) (acknowledged by nurse 4)\n"));
}

Test(alert_line, without_a_bed_the_pseudonym_is_shown_and_without_both_a_dash)
{
    cr_assert(strstr(show("{\"event_id\":\"5d.0\",\"patient\":\"p-7f3a\",\"title\":\"T\"}"),
                     "  p-7f3a     T\n"));
    cr_assert(strstr(show("{\"event_id\":\"5d.0\",\"title\":\"T\"}"), "  -          T\n"));
}

Test(alert_line, an_event_cannot_command_the_terminal)
{
    const char *shown = show("{\"event_id\":\"5d.0\",\"title\":\"a\\u001b[2Jb\x1b[31mc\xc2\x9bmd "
                             "\\\"q\\\"\"}");

    cr_assert(strstr(shown, "a?[2Jb?[31mc?md \"q\""), "%s", shown);
    cr_assert_null(strchr(shown, '\x1b'));
}

Test(alert_line, text_that_is_no_event_makes_a_line_that_says_so)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"event_id\"",
        "{\"event_id\":",
        "{\"event_id\":}",
        "{\"a\":\"\\",
        "{\"a\":[[[",
        "\"event_id\"",
        "{\"x\":\"event_id\"}",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        cr_assert(strstr(show(texts[i]), "not an alert event"), "%s", texts[i]);
}

Test(alert_line, no_prefix_of_an_event_reads_past_its_end)
{
    static const char json[] =
        "{\"event_id\":\"5d.0\",\"title\":\"a\\u00e9\",\"time\":\"2026-03-01T12:00:10.000Z\","
        "\"anomaly\":{\"contributions\":[{\"channel\":\"hr\",\"share\":0.5}]}}";

    for (size_t n = 0; n < sizeof(json); n++) {
        char *exact = malloc(n ? n : 1);

        memcpy(exact, json, n);
        vg_alert_line(exact, n, true, &line);
        free(exact);
    }
    cr_assert_gt(line.len, sizeof(json));
}
