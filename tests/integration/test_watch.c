/* test_watch.c - rows as they pass a stage: what a reader gets, loses and cannot disturb. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/watch.h"

enum { STAGES = 3, ROWS_MAX = 16, WIDTH = 2, PATIENTS = 4 };

/* clean adds nothing, resample an age for each tick, alert a number for each tick. */
static struct vg_layout layout;
static struct vg_planned_stage stage[STAGES];
static struct vg_watches watches;
static struct vg_slots *slots;
static struct vg_frame *frame;
static int64_t next_offset;

static const struct vg_watch_wish everything = { .kinds = UINT32_MAX,
                                                 .columns = UINT32_MAX,
                                                 .every = 1,
                                                 .shard = VG_WATCH_ANY,
                                                 .slot = VG_WATCH_ANY };

static void setup(void)
{
    vg_layout_init(&layout);
    stage[0] =
        (struct vg_planned_stage){ .rows = VG_ROW_SAMPLE, .first_column = VG_COL_BASE_COUNT };
    stage[1] = (struct vg_planned_stage){
        .rows = VG_ROW_SAMPLE, .emits_ticks = true, .first_column = VG_COL_BASE_COUNT, .columns = 1
    };
    stage[2] = (struct vg_planned_stage){ .rows = VG_ROW_TICK,
                                          .first_column = VG_COL_BASE_COUNT + 1,
                                          .columns = 1 };
    vg_layout_add(&layout, "age", WIDTH);
    vg_layout_add(&layout, "told", 1);
    vg_layout_finish(&layout, ROWS_MAX);
    vg_watches_init(&watches, &layout, stage, 1, STAGES);
    slots = vg_slots_new(0);
    for (uint32_t i = 1; i <= PATIENTS; i++) {
        struct vg_item_patient who = { .slot = i, .ward = "icu-a" };

        snprintf(who.id, sizeof(who.id), "p%u", i);
        snprintf(who.bed, sizeof(who.bed), "icu-a/%u", i);
        vg_slots_name(slots, &who);
    }
    frame = vg_frame_new(&layout, 0);
    next_offset = 0;
}

static void teardown(void)
{
    vg_frame_free(frame);
    vg_slots_free(slots);
    vg_watches_done(&watches);
}

TestSuite(watch, .init = setup, .fini = teardown, .timeout = 60);

static void add_row(uint8_t kind, uint32_t slot)
{
    uint32_t i = vg_frame_add_row(frame, &layout);
    float *age = vg_frame_at(frame, &layout, VG_COL_BASE_COUNT, i);
    float *told = vg_frame_at(frame, &layout, VG_COL_BASE_COUNT + 1, i);
    struct vg_row row;

    *(uint8_t *)vg_frame_at(frame, &layout, VG_COL_KIND, i) = kind;
    *(uint32_t *)vg_frame_at(frame, &layout, VG_COL_SLOT, i) = slot;
    *(int64_t *)vg_frame_at(frame, &layout, VG_COL_OFFSET, i) = next_offset;
    *(int64_t *)vg_frame_at(frame, &layout, VG_COL_EVENT, i) = next_offset * VG_NS_PER_S;
    vg_row_view(&row, frame, &layout, i);
    for (int c = 0; c < VG_CHANNELS; c++) {
        row.value[c] = (float)(next_offset % 1000);
        row.quality[c] = VG_Q_GOOD;
    }
    age[0] = age[1] = (float)(next_offset % 1000) + 0.5f;
    *told = 7;
    next_offset++;
}

static void pass(uint32_t place)
{
    struct vg_watch *w = vg_watches_at(&watches, 0, place);

    if (vg_watch_on(w))
        vg_watch_frame(w, frame, slots);
    vg_frame_reset(frame, VG_FRAME_ROWS, 0);
}

static void pass_row(uint32_t place, uint8_t kind, uint32_t slot)
{
    add_row(kind, slot);
    pass(place);
}

static struct vg_watcher *open_at(uint32_t place, const struct vg_watch_wish *wish)
{
    struct vg_watcher *r = vg_watch_open(vg_watches_at(&watches, 0, place), wish);

    cr_assert(r != NULL);
    return r;
}

/* The offsets of the rows that wait. */
static const char *offsets(struct vg_watcher *r)
{
    static char text[256];
    const struct vg_watched *row;

    text[0] = '\0';
    while ((row = vg_watcher_next(r)))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld ", (long long)row->offset);
    return text;
}

Test(watch, nobody_is_there_until_a_place_is_opened_and_after_it_was_closed)
{
    struct vg_watch *w = vg_watches_at(&watches, 0, 0);
    struct vg_watcher *r;

    cr_assert(!vg_watch_on(w));
    r = open_at(0, &everything);
    cr_assert(vg_watch_on(w));
    cr_assert(!vg_watch_on(vg_watches_at(&watches, 0, 1)));
    vg_watcher_close(r);
    cr_assert(!vg_watch_on(w));
    vg_watcher_close(NULL);
}

Test(watch, a_row_comes_with_its_patient_values_and_times)
{
    struct vg_watcher *r = open_at(0, &everything);
    const struct vg_watched *row;

    next_offset = 41;
    pass_row(0, VG_ROW_SAMPLE, 2);
    row = vg_watcher_next(r);
    cr_assert(row != NULL);
    cr_assert_str_eq(row->patient.id, "p2");
    cr_assert_str_eq(row->patient.bed, "icu-a/2");
    cr_assert_eq(row->slot, 2);
    cr_assert_eq(row->kind, VG_ROW_SAMPLE);
    cr_assert_eq(row->offset, 41);
    cr_assert_eq(row->event_ns, 41 * VG_NS_PER_S);
    cr_assert_eq(row->value[VG_CHANNEL_spo2], 41.0f);
    cr_assert_eq(row->quality[VG_CHANNEL_spo2], VG_Q_GOOD);
    cr_assert(vg_watcher_next(r) == NULL);
}

Test(watch, a_column_is_there_behind_its_stage_and_in_its_kind_of_row_only)
{
    const int age = VG_COL_BASE_COUNT, told = VG_COL_BASE_COUNT + 1;
    struct vg_watcher *before = open_at(0, &everything), *middle = open_at(1, &everything);
    const struct vg_watched *row;

    add_row(VG_ROW_TICK, 1);
    add_row(VG_ROW_SAMPLE, 1);
    vg_watch_frame(vg_watches_at(&watches, 0, 0), frame, slots);
    pass(1);
    row = vg_watcher_next(before);
    cr_assert(vg_watcher_column(before, row, age) == NULL);
    row = vg_watcher_next(middle);
    cr_assert_eq(vg_watcher_column(middle, row, age)[1], 0.5f);
    cr_assert(vg_watcher_column(middle, row, told) == NULL, "of a later stage");
    cr_assert(vg_watcher_column(middle, row, VG_COL_VALUE) == NULL, "not an added one");
    row = vg_watcher_next(middle);
    cr_assert_eq(row->kind, VG_ROW_SAMPLE);
    cr_assert(vg_watcher_column(middle, row, age) == NULL, "whatever lay there");
}

Test(watch, only_columns_that_are_wanted_are_copied)
{
    struct vg_watch_wish wish = everything;
    struct vg_watcher *r;
    const struct vg_watched *row;

    wish.columns = UINT32_C(1) << (VG_COL_BASE_COUNT + 1);
    r = open_at(2, &wish);
    pass_row(2, VG_ROW_TICK, 1);
    row = vg_watcher_next(r);
    cr_assert(vg_watcher_column(r, row, VG_COL_BASE_COUNT) == NULL);
    cr_assert_eq(*vg_watcher_column(r, row, VG_COL_BASE_COUNT + 1), 7.0f);
}

Test(watch, a_ring_that_is_full_loses_rows_counts_them_and_goes_on_when_it_is_read)
{
    struct vg_watcher *r = open_at(0, &everything);
    const struct vg_watched *row;

    for (uint32_t i = 0; i < watches.rows + 5; i++)
        pass_row(0, VG_ROW_SAMPLE, 1);
    cr_assert_eq(vg_watcher_seen(r), watches.rows + 5);
    cr_assert_eq(vg_watcher_lost(r), 5);
    for (uint32_t i = 0; i < watches.rows; i++) {
        row = vg_watcher_next(r);
        cr_assert_eq(row->offset, i);
    }
    cr_assert(vg_watcher_next(r) == NULL);
    pass_row(0, VG_ROW_SAMPLE, 1);
    row = vg_watcher_next(r);
    cr_assert_eq(row->offset, watches.rows + 5);
    cr_assert_eq(vg_watcher_lost(r), 5);
}

Test(watch, a_reader_gets_each_third_row_of_one_patient_and_kind)
{
    struct vg_watch_wish wish = everything;
    struct vg_watcher *r;

    wish.kinds = VG_ROW_SAMPLE;
    wish.every = 3;
    wish.shard = 0;
    wish.slot = 2;
    r = open_at(0, &wish);
    for (int i = 0; i < 8; i++) {
        add_row(VG_ROW_SAMPLE, 1);
        add_row(VG_ROW_SAMPLE, 2); /* 1, 4, ... */
    }
    pass(0);
    add_row(VG_ROW_TICK, 2);
    pass(0);
    cr_assert_str_eq(offsets(r), "1 7 13 ");
    cr_assert_eq(vg_watcher_seen(r), 8);
    wish.shard = 1;
    vg_watcher_wish(r, &wish);
    pass_row(0, VG_ROW_SAMPLE, 2);
    cr_assert_str_eq(offsets(r), "", "of another shard");
}

Test(watch, readers_at_one_place_have_rings_of_their_own_and_there_are_only_so_many)
{
    struct vg_watcher *r[VG_WATCHERS];

    for (int i = 0; i < VG_WATCHERS; i++)
        r[i] = open_at(0, &everything);
    cr_assert(vg_watch_open(vg_watches_at(&watches, 0, 0), &everything) == NULL);
    pass_row(0, VG_ROW_SAMPLE, 1);
    for (int i = 0; i < VG_WATCHERS; i++)
        cr_assert_str_eq(offsets(r[i]), "0 ");
}

Test(watch, who_takes_a_place_again_sees_nothing_of_before)
{
    struct vg_watcher *r = open_at(0, &everything);

    for (uint32_t i = 0; i < watches.rows + 1; i++)
        pass_row(0, VG_ROW_SAMPLE, 1);
    vg_watcher_next(r);
    vg_watcher_close(r);
    r = open_at(0, &everything);
    cr_assert_eq(vg_watcher_lost(r), 0);
    cr_assert_eq(vg_watcher_seen(r), 0);
    next_offset = 5;
    pass_row(0, VG_ROW_SAMPLE, 1);
    cr_assert_str_eq(offsets(r), "5 ");
}

enum { FRAMES = 5000 };

static void *write_frames(void *arg)
{
    (void)arg;
    for (uint32_t n = 0; n < FRAMES; n++) {
        for (uint32_t i = 0; i < ROWS_MAX; i++)
            add_row(VG_ROW_TICK, 1 + i % PATIENTS);
        pass(1);
    }
    return NULL;
}

/* What was copied while it was written would not agree with itself. */
static void check_whole(const struct vg_watcher *r, const struct vg_watched *row, int64_t after)
{
    float expected = (float)(row->offset % 1000);

    cr_assert_gt(row->offset, after);
    cr_assert_eq(row->patient.id[1], '1' + row->offset % ROWS_MAX % PATIENTS);
    cr_assert_eq(row->value[0], expected);
    cr_assert_eq(row->value[VG_CHANNELS - 1], expected);
    cr_assert_eq(vg_watcher_column(r, row, VG_COL_BASE_COUNT)[1], expected + 0.5f);
}

Test(watch, a_reader_beside_a_writer_sees_whole_rows_in_order_and_knows_how_many_it_missed)
{
    struct vg_watcher *r = open_at(1, &everything);
    const struct vg_watched *row;
    uint64_t got = 0;
    int64_t after = -1;
    pthread_t writer;

    pthread_create(&writer, NULL, write_frames, NULL);
    while (vg_watcher_seen(r) < FRAMES * ROWS_MAX ||
           got + vg_watcher_lost(r) < vg_watcher_seen(r)) {
        if (!(row = vg_watcher_next(r)))
            continue;
        check_whole(r, row, after);
        after = row->offset;
        got++;
    }
    pthread_join(writer, NULL);
    cr_assert_eq(got + vg_watcher_lost(r), (uint64_t)FRAMES * ROWS_MAX);
    cr_assert_gt(got, watches.rows / 2);
}

static atomic_bool finished;

static void *come_and_go(void *arg)
{
    (void)arg;
    while (!atomic_load(&finished)) {
        struct vg_watcher *r = vg_watch_open(vg_watches_at(&watches, 0, 1), &everything);
        int64_t after = -1;
        const struct vg_watched *row;

        for (int i = 0; r && i < 100; i++) {
            if ((row = vg_watcher_next(r))) {
                check_whole(r, row, after);
                after = row->offset;
            }
        }
        vg_watcher_close(r);
    }
    return NULL;
}

Test(watch, readers_come_and_go_beside_a_writer)
{
    pthread_t reader[VG_WATCHERS + 2];

    for (size_t i = 0; i < VG_ARRAY_LEN(reader); i++)
        pthread_create(&reader[i], NULL, come_and_go, NULL);
    write_frames(NULL);
    atomic_store(&finished, true);
    for (size_t i = 0; i < VG_ARRAY_LEN(reader); i++)
        pthread_join(reader[i], NULL);
}
