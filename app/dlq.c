/* dlq.c - `vigil dlq`: what could not be read, and what sinks refused.
 *
 * Nothing here prints who a patient is unless it is asked to (--show-payload), and an export, which
 * holds what came as it came, goes into a file for its owner alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "app/dlq_args.h"
#include "app/family.h"
#include "app/verbs.h"
#include "core/event.h"
#include "core/text.h"

enum { ID_SIZE = VG_NAME_SIZE + 40 };

static const char *const states[] = {
    [VG_LETTER_KEPT] = "kept", [VG_LETTER_ASKED] = "to be tried", [VG_LETTER_DONE] = "done"
};

static void print_id(const struct vg_letter *l, char out[ID_SIZE])
{
    if (l->delivery)
        snprintf(out, ID_SIZE, "%s:%llu", l->sink, (unsigned long long)l->seq);
    else if (l->index == UINT32_MAX)
        snprintf(out, ID_SIZE, "%u/%lld", l->shard, (long long)l->offset);
    else
        snprintf(out, ID_SIZE, "%u/%lld/%u", l->shard, (long long)l->offset, l->index);
}

static void print_time(int64_t ns, char out[VG_TIME_TEXT_SIZE])
{
    if (ns > 0)
        vg_format_time(ns, out);
    else
        snprintf(out, VG_TIME_TEXT_SIZE, "-");
}

/* Calls fn for every letter of every set. */
static int each(struct vg_dlq *d, vg_letter_fn fn, void *arg)
{
    struct vg_letter_filter filter;
    struct vg_err err;

    while (vg_dlq_next(d, &filter, &err)) {
        if (vg_letters_each(d->letters, &filter, fn, arg, &err) != VG_OK)
            break;
    }
    return err.status == VG_OK ? 0 : vg_command_failed(d->command, &err);
}

/* ---- list ---- */

struct list_options {
    struct vg_dlq_options which;
};

static const struct vg_option list_options[] = { VG_DLQ_ROWS(struct list_options), VG_OPT_END };

static const struct vg_command list_command = {
    .name = "dlq list",
    .summary = "Lists messages that could not be read and events that sinks refused",
    .arguments = "[ID...]",
    .arguments_max = 1000,
    .options = list_options,
    .notes =
        "One line each: ID, when it was stored, state, attempts, priority of an event, reason.\n",
};

static vg_status list_one(void *arg, const struct vg_letter *l)
{
    uint64_t *count = arg;
    char id[ID_SIZE], time[VG_TIME_TEXT_SIZE];

    print_id(l, id);
    print_time(l->wall_ns, time);
    printf("%-24s  %-24s  %-11s  %3u  %-6s  %s%s%s\n", id, time, states[l->state], l->attempts,
           l->delivery ? vg_priority_name(l->priority) : "-", l->reason,
           !l->delivery && l->detail[0] ? ": " : "", l->delivery ? "" : l->detail);
    (*count)++;
    return VG_OK;
}

static int list(int argc, char **argv)
{
    struct list_options o = { .which = { 0 } };
    uint64_t count = 0;
    struct vg_dlq d = { 0 };
    char **args;
    int code = vg_command_parse(&list_command, argc, argv, &o, &args);

    if (code == VG_COMMAND_GO)
        code = vg_dlq_open(&d, &list_command, &o.which, args, false);
    if (code == VG_COMMAND_GO) {
        code = each(&d, list_one, &count);
        fprintf(stderr, "%llu in all\n", (unsigned long long)count);
    }
    vg_dlq_close(&d);
    vg_options_done(list_options, &o);
    return code;
}

/* ---- show ---- */

struct show_options {
    struct vg_dlq_options which;
    bool show_payload;
};

static const struct vg_option show_options[] = {
    VG_DLQ_ROWS(struct show_options),
    VG_OPT_BOOL(struct show_options, show_payload, "show_payload", "false", 0,
                "also the bytes that came, or the event: they may say who a patient is"),
    VG_OPT_END,
};

static const struct vg_command show_command = {
    .name = "dlq show",
    .summary = "Shows all that is known of letters",
    .arguments = "[ID...]",
    .arguments_max = 1000,
    .options = show_options,
};

/* Bytes of whoever sent them must not command a terminal. */
static void print_payload(const struct vg_letter *l)
{
    const unsigned char *at = l->bytes;

    printf("payload: ");
    for (size_t i = 0; i < l->len; i++) {
        if (at[i] >= ' ' && at[i] < 0x7f)
            putchar(at[i]);
        else
            printf("\\x%02x", at[i]);
    }
    putchar('\n');
}

static vg_status show_one(void *arg, const struct vg_letter *l)
{
    const struct show_options *o = arg;
    char id[ID_SIZE], time[VG_TIME_TEXT_SIZE];

    print_id(l, id);
    print_time(l->wall_ns, time);
    printf("%s\nstored: %s\nstate: %s\nattempts: %u\nreason: %s\n", id, time, states[l->state],
           l->attempts, l->reason);
    if (l->delivery) {
        printf("sink: %s\nevent_id: %s\npriority: %s\n", l->sink, l->event_id,
               vg_priority_name(l->priority));
    } else {
        print_time(l->record_ns, time);
        printf("detail: %s\nat byte: %u\nof bytes: %zu\nrecord: %s\n", l->detail, l->byte_offset,
               l->len, time);
    }
    if (o->show_payload)
        print_payload(l);
    putchar('\n');
    return VG_OK;
}

static int show(int argc, char **argv)
{
    struct show_options o = { .which = { 0 } };
    struct vg_dlq d = { 0 };
    char **args;
    int code = vg_command_parse(&show_command, argc, argv, &o, &args);

    if (code == VG_COMMAND_GO)
        code = vg_dlq_open(&d, &show_command, &o.which, args, false);
    if (code == VG_COMMAND_GO)
        code = each(&d, show_one, &o);
    vg_dlq_close(&d);
    vg_options_done(show_options, &o);
    return code;
}

/* ---- retry and purge ---- */

struct change_options {
    struct vg_dlq_options which;
    bool all, yes;
};

static const struct vg_option retry_options[] = {
    VG_DLQ_ROWS(struct change_options),
    VG_OPT_BOOL(struct change_options, all, "all", "false", 0,
                "everything, where neither an ID nor a filter says what"),
    VG_OPT_END,
};

static const struct vg_command retry_command = {
    .name = "dlq retry",
    .summary = "Has messages decoded and events delivered once more",
    .arguments = "[ID...]",
    .arguments_max = 1000,
    .options = retry_options,
    .notes =
        "The running pipeline does it within seconds, one that is not running at its next start.\n"
        "A message enters its partition where that is by then: a command that is recorded, so\n"
        "that a replay does the same. Its rows are as old as they are: older than late_after they\n"
        "reach no limit. What cannot be read again waits here again. A message whose key named\n"
        "another patient is left.\n",
};

static const struct vg_option purge_options[] = {
    VG_DLQ_ROWS(struct change_options),
    VG_OPT_BOOL(struct change_options, all, "all", "false", 0,
                "everything, where neither an ID nor a filter says what"),
    VG_OPT_BOOL(struct change_options, yes, "yes", "false", 0, "required: it cannot be undone"),
    VG_OPT_END,
};

static const struct vg_command purge_command = {
    .name = "dlq purge",
    .summary = "Deletes letters for good, and records that",
    .arguments = "[ID...]",
    .arguments_max = 1000,
    .options = purge_options,
    .notes = "Events themselves stay in the outbox: only that a sink refused them is forgotten.\n",
};

typedef vg_status (*change_fn)(struct vg_letters *l, const struct vg_letter_filter *filter,
                               struct vg_letter_counts *ret, struct vg_err *err);

static vg_status change_all(struct vg_dlq *d, const char *action, change_fn fn, struct vg_err *err)
{
    struct vg_letter_counts sum = { 0 }, one;
    struct vg_letter_filter filter;
    vg_status st = VG_OK;

    while (st == VG_OK && vg_dlq_next(d, &filter, err)) {
        st = fn(d->letters, &filter, &one, err);
        sum.letters += one.letters;
        sum.deliveries += one.deliveries;
    }
    if (st == VG_OK)
        st = err->status;
    printf("%llu messages, %llu events\n", (unsigned long long)sum.letters,
           (unsigned long long)sum.deliveries);
    if (sum.letters + sum.deliveries > 0) {
        struct vg_err record;

        if (vg_dlq_record(d, action, &sum, &record) != VG_OK && st == VG_OK) {
            *err = record;
            st = record.status;
        }
    }
    return st;
}

static int change(const struct vg_command *command, int argc, char **argv, const char *action,
                  change_fn fn)
{
    struct change_options o = { .which = { 0 } };
    struct vg_dlq d = { 0 };
    struct vg_err err;
    char **args;
    int code = vg_command_parse(command, argc, argv, &o, &args);

    if (code == VG_COMMAND_GO && !o.all && !vg_dlq_narrowed(&o.which, args))
        code = vg_command_usage(command, "expected an ID, a filter such as --reason, or --all");
    if (code == VG_COMMAND_GO && command == &purge_command && !o.yes)
        code = vg_command_usage(command, "what is purged is gone; say --yes");
    if (code == VG_COMMAND_GO)
        code = vg_dlq_open(&d, command, &o.which, args, true);
    if (code == VG_COMMAND_GO)
        code = change_all(&d, action, fn, &err) == VG_OK ? 0 : vg_command_failed(command, &err);
    vg_dlq_close(&d);
    vg_options_done(command->options, &o);
    return code;
}

static int retry(int argc, char **argv)
{
    return change(&retry_command, argc, argv, "retry", vg_letters_ask);
}

static int purge(int argc, char **argv)
{
    return change(&purge_command, argc, argv, "purge", vg_letters_purge);
}

/* ---- export ---- */

struct export_options {
    struct vg_dlq_options which;
    char *out;
};

static const struct vg_option export_options[] = {
    VG_DLQ_ROWS(struct export_options),
    VG_CLI_STRING(struct export_options, out, "out", "FILE", NULL, VG_OPT_REQUIRED,
                  "the file to make, readable by its owner alone"),
    VG_OPT_END,
};

static const struct vg_command export_command = {
    .name = "dlq export",
    .summary = "Writes letters with all their bytes to a file, one JSON object a line",
    .arguments = "[ID...]",
    .arguments_max = 1000,
    .options = export_options,
    .notes =
        "What came may say who a patient is: keep the file as you keep the data. The payload is\n"
        "base64. The export is recorded.\n",
};

struct exported {
    FILE *to;
    struct vg_letter_counts counts;
};

static void add_payload(struct vg_buf *line, const struct vg_letter *l)
{
    size_t size = sodium_base64_encoded_len(l->len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);

    VG_CHECK(text != NULL);
    sodium_bin2base64(text, size, l->bytes ? l->bytes : (const unsigned char *)"", l->len,
                      sodium_base64_VARIANT_ORIGINAL);
    vg_buf_printf(line, ",\"payload\":\"%s\"}\n", text);
    free(text);
}

static vg_status export_one(void *arg, const struct vg_letter *l)
{
    struct exported *e = arg;
    struct vg_buf line = VG_BUF_INIT;
    char id[ID_SIZE], time[VG_TIME_TEXT_SIZE];

    print_id(l, id);
    print_time(l->wall_ns, time);
    vg_buf_printf(&line, "{\"id\":\"%s\",\"kind\":\"%s\",\"stored\":\"%s\",\"state\":\"%s\"", id,
                  l->delivery ? "event" : "message", time, states[l->state]);
    vg_buf_printf(&line, ",\"attempts\":%u,\"reason\":", l->attempts);
    vg_buf_json_str(&line, l->reason);
    if (l->delivery) {
        vg_buf_printf(&line, ",\"event_id\":\"%s\"", l->event_id);
    } else {
        vg_buf_str(&line, ",\"detail\":");
        vg_buf_json_str(&line, l->detail);
    }
    add_payload(&line, l);
    fwrite(line.data, 1, line.len, e->to);
    vg_buf_done(&line);
    (*(l->delivery ? &e->counts.deliveries : &e->counts.letters))++;
    return VG_OK;
}

static int failed_to_write(const char *path)
{
    struct vg_err err;

    vg_fail(&err, VG_E_IO, "cannot write %s: %s", path, strerror(errno));
    return vg_command_failed(&export_command, &err);
}

static int export_to(struct vg_dlq *d, const char *path)
{
    struct exported e = { .to = NULL };
    struct vg_err err;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code;

    if (fd < 0 || !(e.to = fdopen(fd, "w")))
        return failed_to_write(path);
    code = each(d, export_one, &e);
    if (fflush(e.to) != 0 || fsync(fd) != 0 || fclose(e.to) != 0)
        return failed_to_write(path);
    if (code == 0 && vg_dlq_record(d, "export", &e.counts, &err) != VG_OK)
        code = vg_command_failed(&export_command, &err);
    printf("%llu messages, %llu events\n", (unsigned long long)e.counts.letters,
           (unsigned long long)e.counts.deliveries);
    return code;
}

static int export(int argc, char **argv)
{
    struct export_options o = { .which = { 0 } };
    struct vg_dlq d = { 0 };
    char **args;
    int code = vg_command_parse(&export_command, argc, argv, &o, &args);

    if (code == VG_COMMAND_GO)
        code = vg_dlq_open(&d, &export_command, &o.which, args, true);
    if (code == VG_COMMAND_GO)
        code = export_to(&d, o.out);
    vg_dlq_close(&d);
    vg_options_done(export_options, &o);
    return code;
}

/* ---- the family ---- */

static const struct vg_family_member members[] = {
    { "list", list, "list them" },
    { "show", show, "show all that is known of some" },
    { "retry", retry, "have them decoded or delivered once more" },
    { "export", export, "write them with their bytes to a file" },
    { "purge", purge, "delete them for good" },
};

static const struct vg_family family = {
    .name = "dlq",
    .summary = "Looks after messages that could not be read (dead letters) and events that a sink\n"
               "refused for ever. Vigil is not a medical device.\n",
    .member = members,
    .members = VG_ARRAY_LEN(members),
};

int vg_verb_dlq(int argc, char **argv)
{
    return vg_family_run(&family, argc, argv);
}
