/* fuzz_tap.c - any bytes as a question to a tap: refused with a reason, or answered by rows that are JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "runtime/tap.h"

enum { ROWS = 8, PATIENTS = 2 };

static const char text[] = "version: 1\n"
                           "service: {name: fuzz, data_dir: /nowhere}\n"
                           "source: {type: kafka, brokers: \"127.0.0.1:9092\", topic: vitals.raw,\n"
                           "         decoder: json, start: latest}\n"
                           "stages:\n"
                           "  - {type: clean}\n"
                           "  - {type: resample, tick: 5s}\n"
                           "  - {type: alert}\n"
                           "alert_rules:\n"
                           "  hr_low: {title: low, priority: high,\n"
                           "           when: {channel: hr, below: \"40 /min\"}}\n"
                           "sinks:\n"
                           "  file: {type: file, path: alerts.ndjson}\n";

static struct vg_observed observed;
static struct vg_layout layout;
static struct vg_watches watches;
static struct vg_planned_stage *stage; /* what it has lives as long as the process */
static struct vg_slots *slots;
static struct vg_frame *frame;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void load(void)
{
    struct vg_buf talk = VG_BUF_INIT;
    struct vg_config *config;
    struct vg_err err = { 0 };
    char path[32];
    int fd = memfd_create("config", MFD_CLOEXEC);

    VG_CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (vg_config_load(path, &config, &talk, &err) != VG_OK)
        fputs(talk.data, stderr);
    VG_CHECK(config);
    observed.config = config;
    vg_buf_done(&talk);
    close(fd);
}

static void begin(void)
{
    struct vg_err err;

    load();
    stage = calloc(observed.config->stages_n, sizeof(*stage));
    VG_CHECK(stage && vg_config_plan(observed.config, &layout, stage, &err) == VG_OK);
    vg_layout_finish(&layout, ROWS);
    vg_watches_init(&watches, &layout, stage, 1, observed.config->stages_n);
    observed.watches = &watches;
    slots = vg_slots_new(0);
    for (uint32_t i = 1; i <= PATIENTS; i++) {
        struct vg_item_patient who = { .slot = i, .ward = "icu-a" };

        snprintf(who.id, sizeof(who.id), "p%u", i);
        snprintf(who.bed, sizeof(who.bed), "icu-a/%u\"", i);
        vg_slots_name(slots, &who);
    }
    frame = vg_frame_new(&layout, 0);
}

/* Rows of all kinds, with values that are no JSON. */
static void pass(uint32_t place)
{
    static const uint8_t kinds[] = { VG_ROW_SAMPLE, VG_ROW_TICK, VG_ROW_COMMAND, VG_ROW_CLOCK };
    static const float values[] = { 80.0f, 0.0f, NAN, INFINITY, -1e30f };

    vg_frame_reset(frame, VG_FRAME_ROWS, 0);
    for (uint32_t r = 0; r < ROWS; r++) {
        uint32_t i = vg_frame_add_row(frame, &layout);
        struct vg_row row;

        *(uint8_t *)vg_frame_at(frame, &layout, VG_COL_KIND, i) = kinds[r % VG_ARRAY_LEN(kinds)];
        *(uint32_t *)vg_frame_at(frame, &layout, VG_COL_SLOT, i) = 1 + r % PATIENTS;
        vg_row_view(&row, frame, &layout, i);
        for (int c = 0; c < VG_CHANNELS; c++) {
            row.value[c] = values[(r + (uint32_t)c) % VG_ARRAY_LEN(values)];
            row.quality[c] = (uint8_t)((r + (uint32_t)c) % (VG_Q_MISSING + 1));
        }
    }
    vg_watch_frame(vg_watches_at(&watches, 0, place), frame, slots);
}

/* Each event is one line of JSON. */
static void check_events(char *said)
{
    static const char mark[] = "data: ";
    char *rest = NULL;

    for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *json;

        if (strncmp(line, mark, sizeof(mark) - 1) != 0)
            continue;
        json = json_loads(line + sizeof(mark) - 1, JSON_REJECT_DUPLICATES, NULL);
        VG_CHECK(json_is_object(json));
        json_decref(json);
    }
}

static void listen_in(struct vg_http_answer *answer)
{
    struct vg_buf out = VG_BUF_INIT;

    for (int64_t turn = 1; turn <= 3; turn++) {
        for (uint32_t place = 0; place < watches.stages; place++)
            pass(place);
        VG_CHECK(answer->stream->more(answer->state, turn * 20 * VG_NS_PER_S, &out));
    }
    VG_CHECK(out.len > 0);
    check_events(out.data);
    vg_buf_done(&out);
    answer->stream->end(answer->state);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct vg_http_answer answer = { .status = 200 };
    char *body = calloc(1, n + 1);
    const struct vg_http_request request = { .body = body, .body_len = n };

    if (!observed.config)
        begin();
    VG_CHECK(body);
    memcpy(body, bytes, n);
    vg_tap_answer(&observed, &request, &answer);
    if (answer.stream)
        listen_in(&answer);
    else
        VG_CHECK(answer.status == 400 && answer.body.len > 0);
    vg_buf_done(&answer.body);
    free(body);
    return 0;
}
