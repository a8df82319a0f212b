/* host_state.c - active alerts, the disk, and the process. */
#include "runtime/host_state.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* ---- active alerts ---- */

struct counting {
    const struct vg_site *site;
    struct vg_active *active;
};

static vg_status count_active(void *arg, const struct vg_delivery *event)
{
    const struct counting *c = arg;

    if (event->priority < VG_PRIORITY_COUNT)
        c->active->n[vg_site_ward_place(c->site, event->ward)][event->priority]++;
    return VG_OK;
}

bool vg_active_count(struct vg_outbox_reader *reader, const struct vg_site *site,
                     struct vg_active *ret)
{
    struct counting c = { site, ret };
    struct vg_err err;
    uint64_t as_of;

    ret->wards = vg_site_ward_places(site);
    ret->n = calloc(ret->wards, sizeof(*ret->n));
    VG_CHECK(ret->n != NULL);
    return reader && vg_outbox_open_episodes(reader, NULL, count_active, &c, &as_of, &err) == VG_OK;
}

void vg_active_done(struct vg_active *active)
{
    free(active->n);
}

/* ---- the disk ---- */

static uint64_t file_size(const char *path, const char *end)
{
    struct stat st;
    char *name;
    bool known;

    VG_CHECK(asprintf(&name, "%s%s", path, end) >= 0);
    known = stat(name, &st) == 0;
    free(name);
    return known ? (uint64_t)st.st_size : 0;
}

void vg_storage_look(const struct vg_observed *o, struct vg_storage *ret)
{
    struct statvfs fs = { 0 };

    ret->outbox_bytes = file_size(o->outbox, "") + file_size(o->outbox, "-wal");
    ret->free_bytes =
        statvfs(o->config->service.data_dir, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}

/* ---- the process ---- */

static uint64_t open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (!dir)
        return 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the folder is this thread's own */
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* the folder itself */
}

static uint64_t resident_bytes(void)
{
    unsigned long long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
    if (fscanf(f, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

int64_t vg_process_cpu_ns(void)
{
    struct timespec cpu = { 0 };

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return cpu.tv_sec * VG_NS_PER_S + cpu.tv_nsec;
}

void vg_process_look(struct vg_process *ret)
{
    struct rlimit files = { 0 };

    getrlimit(RLIMIT_NOFILE, &files);
    ret->cpu_ns = vg_process_cpu_ns();
    ret->resident_bytes = resident_bytes();
    ret->open_fds = open_fds();
    ret->max_fds = files.rlim_cur;
}
