/* audit_start.c - the record of a start, and what is not as it was at the one before. */
#include <stdio.h>
#include <string.h>

#include "runtime/audit_files.h"

/* What the last start said, and whether an end came after it. */
struct before {
    bool any, stopped;
    struct vg_buf config, models; /* as members have them, with their quotes */
};

/* The text of a member, with its quotes; what Vigil wrote has no such text inside another. */
static void member_of(const char *line, size_t len, const char *name, struct vg_buf *ret)
{
    char mark[32];
    const char *at, *end;

    vg_buf_clear(ret);
    vg_buf_str(ret, "");
    snprintf(mark, sizeof(mark), "\"%s\":\"", name);
    at = memmem(line, len, mark, strlen(mark));
    if (!at)
        return;
    at += strlen(mark);
    end = memchr(at, '"', len - (size_t)(at - line));
    if (end)
        vg_buf_add(ret, at, (size_t)(end - at));
}

static void look_for_start(const struct vg_buf *text, struct before *b)
{
    const char *line;
    size_t at = 0, len;
    bool whole;

    while ((line = vg_audit_file_line(text, &at, &len, &whole))) {
        if (vg_audit_line_is(line, len, "stop"))
            b->stopped = true;
        if (!vg_audit_line_is(line, len, "start"))
            continue;
        b->any = true;
        b->stopped = false;
        member_of(line, len, "config", &b->config);
        member_of(line, len, "models", &b->models);
    }
}

/* The newest file that has a start; ends in files behind it count, too. */
static void find_start(struct vg_audit *a, struct before *b)
{
    struct vg_buf text = VG_BUF_INIT;
    bool stopped = false;
    struct vg_err err;

    for (uint32_t i = vg_audit_file_newest(vg_audit_folder(a)); i > 0 && !b->any; i--) {
        vg_buf_clear(&text);
        b->stopped = false;
        if (vg_audit_file_read(vg_audit_folder(a), i, &text, &err) != VG_OK)
            continue;
        look_for_start(&text, b);
        stopped = stopped || b->stopped;
    }
    b->stopped = stopped;
    vg_buf_done(&text);
}

void vg_audit_start(struct vg_audit *a, const struct vg_audit_run *run)
{
    struct before b = { .any = false };

    find_start(a, &b);
    if (b.any && !b.stopped)
        vg_audit_note(a, "recovered", "what", "the last run has no end: it was killed, or fell",
                      NULL);
    vg_audit_note(a, "start", "version", run->version, "pipeline", run->pipeline, "config",
                  run->config, "models", run->models, NULL);
    if (b.any && strcmp(b.config.data, run->config) != 0)
        vg_audit_note(a, "config", "from", b.config.data, "to", run->config, NULL);
    if (b.any && strcmp(b.models.data, run->models) != 0)
        vg_audit_note(a, "model", "from", b.models.data, "to", run->models, NULL);
    vg_audit_seal(a);
    vg_buf_done(&b.config);
    vg_buf_done(&b.models);
}
