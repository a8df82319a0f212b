/* bench_disk.c - what the disk alone takes: a commit, a snapshot written, a snapshot read back.
 *
 *   bench_disk DATA_DIR SNAPSHOT_BYTES
 *
 * Every alert waits for one commit, so this is the part of its latency that no program can take
 * away. DATA_DIR must not exist and should be where the pipeline's own is. The bare write with
 * fdatasync() shows how much of a commit is SQLite's. Lines: NAME COUNT P50 P99 MAX, in ms.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench/quantiles.h"
#include "core/clock.h"
#include "runtime/outbox.h"
#include "runtime/snapshot.h"
#include "runtime/thread.h"

enum { COMMITS = 400, BATCH = 32, PAGE = 4096, SNAPSHOTS = 7 };

static const struct vg_snapshot_head snapshot_head = {
    .pipeline = "bench",
    .cluster = "bench",
    .partitions = 1,
    .position = { .next_offset = 1000, .config = "sha256:0" },
    .kernel = "bench",
};

static void must(vg_status st, const struct vg_err *err)
{
    if (st == VG_OK)
        return;
    fprintf(stderr, "bench_disk: %s\n", err->msg);
    exit(1);
}

static void bare_writes(const char *folder)
{
    static int64_t took_ns[COMMITS];
    char path[512], page[PAGE];
    int fd;

    memset(page, 7, sizeof(page));
    snprintf(path, sizeof(path), "%s/bare", folder);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    for (int i = 0; i < COMMITS; i++) {
        int64_t start_ns = vg_mono_ns();

        if (pwrite(fd, page, PAGE, (off_t)i * PAGE) != PAGE || fdatasync(fd) != 0) {
            perror(path);
            exit(1);
        }
        took_ns[i] = vg_mono_ns() - start_ns;
    }
    close(fd);
    unlink(path);
    print_quantiles("write_4k", took_ns, COMMITS);
}

static void put_event(struct vg_outbox *o, uint64_t n)
{
    struct vg_item_event item = {
        .number = (uint32_t)n, .priority = VG_PRIORITY_HIGH, .ward = "icu-a", .patient = "p-0001"
    };
    char json[600];
    enum vg_put put;
    struct vg_err err;
    uint64_t seq;

    memset(json, 'x', sizeof(json));
    memcpy(item.episode_id, &n, sizeof(n));
    item.json_len = sizeof(json);
    must(vg_outbox_put_event(o, 0, n, &item, json, 0, &put, &seq, &err), &err);
}

static void commits(struct vg_outbox *o, const char *name, uint32_t batch, uint64_t *n)
{
    static int64_t took_ns[COMMITS];
    struct vg_err err;

    for (int i = 0; i < COMMITS; i++) {
        struct vg_position position = { .next_offset = (int64_t)*n + batch, .n = *n + batch };
        int64_t start_ns = vg_mono_ns();

        must(vg_outbox_begin(o, &err), &err);
        for (uint32_t k = 0; k < batch; k++)
            put_event(o, ++*n);
        must(vg_outbox_put_position(o, &position, &err), &err);
        must(vg_outbox_commit(o, &err), &err);
        took_ns[i] = vg_mono_ns() - start_ns;
    }
    print_quantiles(name, took_ns, COMMITS);
}

static void snapshots(const char *folder, size_t bytes)
{
    static int64_t wrote_ns[SNAPSHOTS], read_ns[SNAPSHOTS];
    const struct vg_snapshot_want want = {
        .pipeline = "bench", .cluster = "bench", .partitions = 1, .upto_offset = 1000
    };
    size_t len = bytes / 8 * 8;
    char *items = malloc(len + 1);
    struct vg_err err;

    if (!items)
        exit(71);
    for (size_t i = 0; i < len; i++)
        items[i] = (char)(i * 2654435761U >> 13);
    for (int i = 0; i < SNAPSHOTS; i++) {
        struct vg_snapshot loaded;
        int64_t start_ns = vg_mono_ns();

        must(vg_snapshot_write(folder, &snapshot_head, items, len, 1, &err), &err);
        wrote_ns[i] = vg_mono_ns() - start_ns;
        start_ns = vg_mono_ns();
        must(vg_snapshot_load(folder, &want, NULL, NULL, &loaded, &err), &err);
        read_ns[i] = vg_mono_ns() - start_ns;
        if (loaded.len != len) {
            fprintf(stderr, "bench_disk: a snapshot of %zu bytes came back with %zu\n", len,
                    loaded.len);
            exit(1);
        }
        vg_snapshot_done(&loaded);
    }
    free(items);
    print_quantiles("snapshot_write", wrote_ns, SNAPSHOTS);
    print_quantiles("snapshot_read", read_ns, SNAPSHOTS);
}

int main(int argc, char **argv)
{
    struct vg_outbox *o;
    struct vg_err err;
    uint64_t n = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: bench_disk DATA_DIR SNAPSHOT_BYTES\n");
        return 2;
    }
    must(vg_outbox_open(argv[1], "bench", true, &o, &err), &err);
    bare_writes(argv[1]);
    commits(o, "commit_1", 1, &n);
    commits(o, "commit_32", BATCH, &n);
    snapshots(argv[1], strtoul(argv[2], NULL, 10));
    vg_outbox_close(o);
    return 0;
}
