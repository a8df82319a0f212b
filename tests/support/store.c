/* store.c - an outbox for tests. */
#include "tests/support/store.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store store;

void store_init(void)
{
    strcpy(store.dir, "/tmp/vigil-outbox-XXXXXX");
    cr_assert_not_null(mkdtemp(store.dir));
    STORE_OK(vg_outbox_open(store.dir, "icu", true, &store.outbox, &store.err));
    STORE_OK(vg_outbox_reader_open(vg_outbox_path(store.outbox), &store.reader, &store.err));
}

void store_done(void)
{
    char command[128];

    vg_outbox_reader_close(store.reader);
    vg_outbox_close(store.outbox);
    vg_buf_done(&store.seen);
    snprintf(command, sizeof(command), "rm -rf %s", store.dir);
    cr_assert_eq(system(command), 0);
}

void store_reopen(void)
{
    vg_outbox_reader_close(store.reader);
    vg_outbox_close(store.outbox);
    store.reader = NULL;
    STORE_OK(vg_outbox_open(store.dir, "icu", false, &store.outbox, &store.err));
    STORE_OK(vg_outbox_reader_open(vg_outbox_path(store.outbox), &store.reader, &store.err));
}

enum vg_put store_put(uint32_t shard, uint64_t n, uint8_t episode, uint32_t number, int phase,
                      const char *ward, const char *body)
{
    struct vg_item_event item = {
        .episode_id = { episode },
        .number = number,
        .phase = (uint8_t)phase,
        .kind = VG_ALERT_TECHNICAL,
        .priority = VG_PRIORITY_LOW,
        .time_ns = 1000 + (int64_t)n,
        .json_len = (uint32_t)strlen(body),
        .patient = "p-1",
    };
    enum vg_put what;
    uint64_t seq;

    snprintf(item.ward, sizeof(item.ward), "%s", ward);
    STORE_OK(vg_outbox_put_event(store.outbox, shard, n, &item, body, 7, &what, &seq, &store.err));
    cr_assert_eq(seq == 0, what == VG_PUT_DIFFERENT);
    return what;
}

void store_begin(void)
{
    STORE_OK(vg_outbox_begin(store.outbox, &store.err));
}

void store_commit(void)
{
    STORE_OK(vg_outbox_commit(store.outbox, &store.err));
}

vg_status store_note_event(void *arg, const struct vg_delivery *e)
{
    (void)arg;
    cr_assert_eq(e->json[e->len], '\0');
    cr_assert_eq(strlen(e->json), e->len);
    vg_buf_printf(&store.seen, "%llu<%llu %s %s\n", (unsigned long long)e->seq,
                  (unsigned long long)e->prev_seq, e->ward, e->json);
    return VG_OK;
}

const char *store_read_all(const char *ward, uint64_t after, size_t max)
{
    vg_buf_clear(&store.seen);
    vg_buf_str(&store.seen, "");
    STORE_OK(vg_outbox_read(store.reader, ward, after, max, store_note_event, NULL, &store.err));
    return store.seen.data;
}

void store_expect_error(vg_status st, vg_status expected, const char *part)
{
    cr_assert_eq(st, expected, "got %d: %s", st, store.err.msg);
    cr_assert(strstr(store.err.msg, part), "\"%s\" does not say \"%s\"", store.err.msg, part);
}

void store_execute(const char *statement)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(vg_outbox_path(store.outbox), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}
