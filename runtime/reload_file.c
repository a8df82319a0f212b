/* reload_file.c - what became of a reload, as a file. */
#include "runtime/reload_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *vg_reload_what(int what)
{
    static const char *const names[] = { [VG_RELOAD_STARTED] = "started",
                                         [VG_RELOAD_CHANGED] = "changed",
                                         [VG_RELOAD_UNCHANGED] = "unchanged",
                                         [VG_RELOAD_REFUSED] = "refused" };

    return names[what];
}

static void put_text(struct vg_buf *out, const char *key, const char *text)
{
    vg_buf_printf(out, ",\n  \"%s\": ", key);
    vg_buf_json_str(out, text);
}

static void print(const struct vg_reload_outcome *o, struct vg_buf *out)
{
    vg_buf_printf(out, "{\n  \"outcome\": \"%s\",\n  \"exit\": %d,\n  \"generation\": %u",
                  vg_reload_what(o->what), o->exit, o->generation);
    put_text(out, "path", o->path);
    put_text(out, "config", o->hash);
    vg_buf_printf(out, ",\n  \"began_mono_ns\": %lld,\n  \"ended\": ", (long long)o->began_ns);
    vg_buf_json_time(out, o->ended_wall_ns);
    vg_buf_str(out, ",\n  \"changes\": [");
    for (size_t i = 0; i < o->changes->n; i++) {
        vg_buf_str(out, i ? ", " : "");
        vg_buf_json_str(out, o->changes->value[i]);
    }
    vg_buf_char(out, ']');
    put_text(out, "error", o->error);
    put_text(out, "diagnostics", o->diagnostics);
    vg_buf_str(out, "\n}\n");
}

static bool write_all(const char *path, const struct vg_buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len;

    return fd >= 0 && close(fd) == 0 && done;
}

vg_status vg_reload_file_write(const char *data_dir, const struct vg_reload_outcome *o,
                               struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    char *path, *unfinished;
    vg_status st = VG_OK;

    VG_CHECK(asprintf(&path, "%s/reload.json", data_dir) >= 0 &&
             asprintf(&unfinished, "%s.tmp", path) >= 0);
    print(o, &text);
    if (!write_all(unfinished, &text) || rename(unfinished, path) != 0)
        st = vg_fail(err, VG_E_IO, "cannot write %s: %s", path, strerror(errno));
    vg_buf_done(&text);
    free(path);
    free(unfinished);
    return st;
}
