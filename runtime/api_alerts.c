/* api_alerts.c - the alerts of the outbox as pages have them. */
#include "runtime/api_alerts.h"

#include <string.h>

#include "core/clock.h"
#include "runtime/ward.h"

enum { BAD_REQUEST = 400, UNAVAILABLE = 503 };
enum { LIMIT = 200, LIMIT_MAX = 500 };

struct list {
    struct vg_buf *out;
    int64_t n;
    uint64_t last; /* seq of the one written last */
};

static vg_status write_alert(void *arg, const struct vg_delivery *event)
{
    struct list *l = arg;

    vg_buf_str(l->out, l->n++ ? "," : "");
    vg_ward_write_alert(event, l->out);
    l->last = event->seq;
    return VG_OK;
}

static vg_status write_active(struct vg_outbox_reader *reader, struct vg_buf *out,
                              struct vg_err *err)
{
    struct list l = { .out = out };
    uint64_t as_of = 0;
    vg_status st;

    vg_buf_str(out, "\"alerts\":[");
    st = vg_outbox_open_episodes(reader, NULL, write_alert, &l, &as_of, err);
    vg_buf_printf(out, "],\"seq\":%llu", (unsigned long long)as_of);
    return st;
}

static vg_status write_all(struct vg_outbox_reader *reader, int64_t before, int64_t limit,
                           struct vg_buf *out, struct vg_err *err)
{
    struct list l = { .out = out };
    uint64_t last = 0, oldest;
    vg_status st = vg_outbox_extent(reader, NULL, &last, &oldest, err);

    vg_buf_str(out, "\"alerts\":[");
    if (st == VG_OK)
        st = vg_outbox_newest_events(reader, (uint64_t)before, (size_t)limit, write_alert, &l, err);
    vg_buf_printf(out, "],\"seq\":%llu,\"next\":", (unsigned long long)last);
    if (l.n == limit)
        vg_buf_printf(out, "%llu", (unsigned long long)l.last);
    else
        vg_buf_str(out, "null");
    return st;
}

void vg_api_alerts(struct vg_outbox_reader *reader, const struct vg_http_request *request,
                   struct vg_http_answer *ret)
{
    const char *state = vg_http_query(request, "state");
    bool all = state && strcmp(state, "all") == 0;
    int64_t limit, before;
    struct vg_err err;
    vg_status st;

    if ((state && !all && strcmp(state, "active") != 0) ||
        !vg_http_query_int(request, "limit", 1, LIMIT_MAX, LIMIT, &limit) ||
        !vg_http_query_int(request, "before", 1, INT64_MAX, INT64_MAX, &before)) {
        vg_http_refuse(ret, BAD_REQUEST,
                       "expected state=active or state=all, limit from 1 to %d, before=SEQ",
                       LIMIT_MAX);
        return;
    }
    if (!reader) {
        vg_http_refuse(ret, UNAVAILABLE, "the pipeline starts; ask again");
        return;
    }
    ret->type = "application/json";
    vg_buf_printf(&ret->body, "{\"now\":%lld,", (long long)(vg_wall_ns() / VG_NS_PER_MS));
    st = all ? write_all(reader, before, limit, &ret->body, &err)
             : write_active(reader, &ret->body, &err);
    vg_buf_str(&ret->body, "}\n");
    if (st != VG_OK)
        vg_http_refuse(ret, UNAVAILABLE, "the outbox cannot be read now; ask again");
}
