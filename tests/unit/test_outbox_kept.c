/* test_outbox_kept.c - what the durable store keeps beside events: commands, positions, dead letters, cursors. */
#include <criterion/criterion.h>
#include <string.h>

#include "runtime/letters.h"
#include "tests/support/store.h"

TestSuite(outbox_kept, .init = store_init, .fini = store_done, .timeout = 60);

static void put_command(uint32_t shard, int64_t next_offset, uint32_t ordinal, const char *payload)
{
    struct vg_item_command c = {
        .kind = VG_COMMAND_ACKNOWLEDGE,
        .ordinal = ordinal,
        .next_offset = next_offset,
        .log_ns = VG_TIME_NONE,
        .patient = "p-1",
    };

    STORE_OK(vg_outbox_put_command(store.outbox, shard, &c, payload, strlen(payload), &store.err));
}

static vg_status note_command(void *arg, const struct vg_item_command *c, const void *payload,
                              size_t len)
{
    (void)arg;
    cr_assert_eq(c->kind, VG_COMMAND_ACKNOWLEDGE);
    cr_assert_eq(c->log_ns, VG_TIME_NONE);
    cr_assert_str_eq(c->patient, "p-1");
    vg_buf_printf(&store.seen, "%lld.%u=%.*s,", (long long)c->next_offset, c->ordinal, (int)len,
                  len ? (const char *)payload : "");
    return VG_OK;
}

Test(outbox_kept, commands_come_back_in_order_behind_a_position)
{
    store_begin();
    put_command(0, 100, 2, "b");
    put_command(0, 100, 1, "a");
    put_command(0, 9, 1, "");
    put_command(1, 50, 1, "other shard");
    put_command(0, 200, 1, "c");
    put_command(0, 100, 1, "replayed");
    store_commit();
    STORE_OK(vg_outbox_commands(store.reader, 0, 0, 0, note_command, NULL, &store.err));
    cr_assert_str_eq(store.seen.data, "9.1=,100.1=a,100.2=b,200.1=c,");
    vg_buf_clear(&store.seen);
    STORE_OK(vg_outbox_commands(store.reader, 0, 100, 1, note_command, NULL, &store.err));
    cr_assert_str_eq(store.seen.data, "100.2=b,200.1=c,");
}

static vg_status note_order(void *arg, const struct vg_item_command *c, const void *payload,
                            size_t len)
{
    (void)arg;
    (void)payload;
    (void)len;
    cr_assert_eq(c->kind, VG_COMMAND_ORDER);
    vg_buf_printf(&store.seen, "%lld.%u,", (long long)c->next_offset, c->ordinal);
    return VG_OK;
}

Test(outbox_kept, orders_come_back_without_what_lies_between_them)
{
    struct vg_item_command order = { .kind = VG_COMMAND_ORDER, .log_ns = 7, .patient = "p-1" };

    store_begin();
    for (int64_t at = 1; at <= 40; at++) {
        put_command(0, at, 1, "");
        order.next_offset = at;
        order.ordinal = 2;
        if (at % 20 == 0)
            STORE_OK(vg_outbox_put_command(store.outbox, 0, &order, "x", 1, &store.err));
    }
    store_commit();
    STORE_OK(vg_outbox_orders(store.reader, 0, -1, 0, note_order, NULL, &store.err));
    cr_assert_str_eq(store.seen.data, "20.2,40.2,");
    vg_buf_clear(&store.seen);
    STORE_OK(vg_outbox_orders(store.reader, 0, 20, 2, note_order, NULL, &store.err));
    cr_assert_str_eq(store.seen.data, "40.2,");
}

Test(outbox_kept, a_position_never_moves_back)
{
    struct vg_position p = { .shard = 2,
                             .next_offset = 100,
                             .ordinal = 3,
                             .n = 7,
                             .log_ns = 11,
                             .wall_ns = 12,
                             .config = "sha256:aa" };
    struct vg_position got;
    bool known;

    STORE_OK(vg_outbox_position(store.reader, 2, &got, &known, &store.err));
    cr_assert_not(known);
    store_begin();
    STORE_OK(vg_outbox_put_position(store.outbox, &p, &store.err));
    p.next_offset = 99;
    p.ordinal = 9;
    p.n = 1;
    STORE_OK(vg_outbox_put_position(store.outbox, &p, &store.err));
    p.next_offset = 100;
    p.ordinal = 2;
    STORE_OK(vg_outbox_put_position(store.outbox, &p, &store.err));
    store_commit();
    STORE_OK(vg_outbox_position(store.reader, 2, &got, &known, &store.err));
    cr_assert(known);
    cr_assert_eq(got.shard, 2);
    cr_assert_eq(got.next_offset, 100);
    cr_assert_eq(got.ordinal, 3);
    cr_assert_eq(got.n, 7);
    cr_assert_eq(got.log_ns, 11);
    cr_assert_eq(got.wall_ns, 12);
    cr_assert_str_eq(got.config, "sha256:aa");
    store_begin();
    p.ordinal = 4;
    p.n = 8;
    STORE_OK(vg_outbox_put_position(store.outbox, &p, &store.err));
    store_commit();
    STORE_OK(vg_outbox_position(store.reader, 2, &got, &known, &store.err));
    cr_assert_eq(got.n, 8);
}

static vg_status note_switch(void *arg, const struct vg_config_switch *s)
{
    vg_buf_printf(arg, "%u:%lld.%u n=%llu %s,", s->shard, (long long)s->next_offset, s->ordinal,
                  (unsigned long long)s->n, s->config);
    return VG_OK;
}

Test(outbox_kept, changes_of_configuration_come_back_in_order)
{
    struct vg_config_switch s = {
        .shard = 1, .next_offset = 20, .ordinal = 1, .n = 5, .config = "sha256:bb"
    };

    store_begin();
    STORE_OK(vg_outbox_put_config_switch(store.outbox, &s, &store.err));
    s.next_offset = 10;
    s.n = 4;
    STORE_OK(vg_outbox_put_config_switch(store.outbox, &s, &store.err));
    store_commit();
    STORE_OK(
        vg_outbox_config_switches(store.reader, 1, 0, 0, note_switch, &store.seen, &store.err));
    cr_assert_str_eq(store.seen.data, "1:10.1 n=4 sha256:bb,1:20.1 n=5 sha256:bb,");
}

Test(outbox_kept, a_dead_letter_is_stored_once_with_its_bytes)
{
    struct vg_item_dead_letter d = { .offset = 17,
                                     .index = UINT32_MAX,
                                     .byte_offset = 3,
                                     .record_ns = VG_TIME_NONE,
                                     .reason = "malformed",
                                     .detail = "expected a value" };
    uint64_t n = 99;
    bool new;

    STORE_OK(vg_outbox_dead_letters(store.reader, &n, &store.err));
    cr_assert_eq(n, 0);
    store_begin();
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 1, &d, "{\0}", 3, 5, &new, &store.err));
    cr_assert(new);
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 1, &d, "{\0}", 3, 5, &new, &store.err));
    cr_assert_not(new);
    d.index = 0;
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 1, &d, NULL, 0, 5, &new, &store.err));
    cr_assert(new);
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 2, &d, NULL, 0, 5, &new, &store.err));
    cr_assert(new);
    store_commit();
    STORE_OK(vg_outbox_dead_letters(store.reader, &n, &store.err));
    cr_assert_eq(n, 3);
    store_execute("CREATE TABLE proof AS SELECT 1 / (count(*) = 1) FROM dead_letter"
                  " WHERE idx = 4294967295 AND bytes = x'7b007d' AND byte_offset = 3"
                  " AND reason = 'malformed' AND \"offset\" = 17 AND partition = 1");
}

Test(outbox_kept, a_dead_letter_keeps_its_key_and_headers_and_the_rows_of_its_message_share_them)
{
    struct vg_item_dead_letter d = {
        .offset = 17, .index = UINT32_MAX, .key_len = 2, .headers_len = 3, .reason = "malformed"
    };
    bool new;

    store_begin();
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 1, &d, "bodykyhhh", 9, 5, &new, &store.err));
    d = (struct vg_item_dead_letter){ .offset = 17, .index = 2, .reason = "schema" };
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 1, &d, "row", 3, 5, &new, &store.err));
    store_commit();
    store_execute("CREATE TABLE proof AS SELECT 1 / (count(*) = 2) FROM dead_letter"
                  " WHERE bytes = CASE idx WHEN 2 THEN x'726f77' ELSE x'626f6479' END"
                  " AND key = x'6b79' AND headers = x'686868' AND number = 1 + (idx = 2)");
}

static vg_status note_number(void *arg, uint64_t number, const struct vg_dead_letter *letter)
{
    vg_buf_printf(arg, "%llu:%lld ", (unsigned long long)number, (long long)letter->offset);
    return VG_OK;
}

/* Rowids would be given again, and who is behind the old one would miss the new letter. */
Test(outbox_kept, the_number_of_a_dead_letter_that_is_purged_is_not_given_again)
{
    struct vg_item_dead_letter d = { .offset = 1, .index = UINT32_MAX, .reason = "malformed" };
    struct vg_letters *letters;
    struct vg_buf numbers = VG_BUF_INIT;
    bool new;

    store_begin();
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    d.offset = 2;
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    store_commit();
    store_execute("DELETE FROM dead_letter");
    store_begin();
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    d.offset = 3;
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    store_commit();
    STORE_OK(vg_letters_open(vg_outbox_path(store.outbox), &letters, &store.err));
    STORE_OK(vg_letters_out(letters, 2, 10, note_number, &numbers, &store.err));
    vg_letters_close(letters);
    cr_assert_str_eq(numbers.data, "3:2 4:3 ");
    vg_buf_done(&numbers);
}

Test(outbox_kept, a_cursor_never_moves_back)
{
    uint64_t seq = 99;

    STORE_OK(vg_outbox_cursor(store.reader, "file", &seq, &store.err));
    cr_assert_eq(seq, 0);
    store_begin();
    STORE_OK(vg_outbox_put_cursor(store.outbox, "file", 5, &store.err));
    STORE_OK(vg_outbox_put_cursor(store.outbox, "file", 3, &store.err));
    STORE_OK(vg_outbox_put_cursor(store.outbox, "console", 1, &store.err));
    store_commit();
    STORE_OK(vg_outbox_cursor(store.reader, "file", &seq, &store.err));
    cr_assert_eq(seq, 5);
    STORE_OK(vg_outbox_cursor(store.reader, "console", &seq, &store.err));
    cr_assert_eq(seq, 1);
}
