/* hl7_print.c - writes the HL7 message of each event on stdin (a line of canonical JSON) to stdout,
 * each behind a byte 0x0B: what the hl7 sink would send, without a network. MSH-7 is the event's time.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "sinks/hl7_message.h"

static const char *text(const json_t *event, const char *name)
{
    const char *ret = json_string_value(json_object_get(event, name));

    VG_CHECK(ret);
    return ret;
}

static uint8_t find(const char *wanted, const char *(*name)(int), int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name(i), wanted) == 0)
            return (uint8_t)i;
    }
    fprintf(stderr, "no such name: %s\n", wanted);
    exit(1);
}

static struct vg_delivery read_event(const json_t *event, const char *line, size_t len)
{
    struct vg_delivery d = {
        .seq = 1,
        .phase = find(text(event, "phase"), vg_phase_name, VG_PHASE_COUNT),
        .kind = find(text(event, "kind"), vg_alert_kind_name, VG_ALERT_KIND_COUNT),
        .priority = find(text(event, "priority"), vg_priority_name, VG_PRIORITY_COUNT),
        .ward = text(event, "ward"),
        .json = line,
        .len = len,
    };
    const char *time = text(event, "time"), *number = strchr(text(event, "event_id"), '.');

    VG_CHECK(number);
    d.number = (uint32_t)strtoul(number + 1, NULL, 10);
    VG_CHECK(vg_episode_parse(text(event, "episode_id"), d.episode_id));
    VG_CHECK(vg_parse_time(time, strlen(time), &d.time_ns));
    return d;
}

static void print(const char *line, size_t len, struct vg_buf *out)
{
    static const struct vg_hl7_names names = {
        .sending_application = "VIGIL^0011223344556677^EUI-64",
        .sending_facility = "WARD 1",
        .patient_authority = "HOSP^1.2.3^ISO",
        .pipeline = "gateway|1",
    };
    json_t *event = json_loadb(line, len, 0, NULL);
    struct vg_delivery d;
    struct vg_err err;

    VG_CHECK(event);
    d = read_event(event, line, len);
    VG_CHECK(vg_hl7_message(&names, &d, d.time_ns, out, &err) == VG_OK);
    putchar(0x0b);
    fwrite(out->data, 1, out->len, stdout);
    json_decref(event);
}

int main(void)
{
    struct vg_buf out = VG_BUF_INIT;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0)
        print(line, (size_t)n, &out);
    vg_buf_done(&out);
    free(line);
    return ferror(stdin) || fflush(stdout) != 0;
}
