/* metrics_host.c - active alerts, the disk, and the process. */
#include "runtime/metrics_host.h"

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

/* Wards of the configuration, then "none" and "other". */
struct active {
    const struct vg_site *site;
    uint64_t (*n)[VG_PRIORITY_COUNT]; /* [wards_n + 2] */
};

static vg_status count_active(void *arg, const struct vg_delivery *event)
{
    struct active *a = arg;
    uint32_t ward = 0;

    while (ward < a->site->wards_n && strcmp(a->site->wards[ward], event->ward) != 0)
        ward++;
    if (ward == a->site->wards_n && strcmp(event->ward, "none") != 0)
        ward++;
    if (event->priority < VG_PRIORITY_COUNT)
        a->n[ward][event->priority]++;
    return VG_OK;
}

static void tell_ward(const struct active *a, uint32_t ward, const char *name,
                      struct vg_exposition *x)
{
    for (int p = 0; p < VG_PRIORITY_COUNT; p++)
        vg_expose_count(x, (const char *[]){ name, vg_priority_name(p) }, a->n[ward][p]);
}

void vg_metrics_active(struct vg_outbox_reader *reader, const struct vg_site *site,
                       struct vg_exposition *x)
{
    struct active a = { site, calloc(site->wards_n + 2, sizeof(*a.n)) };
    struct vg_err err;
    uint64_t as_of;

    VG_CHECK(a.n != NULL);
    vg_expose_family(x, VG_METRIC_ALERTS_ACTIVE);
    if (reader && vg_outbox_open_episodes(reader, NULL, count_active, &a, &as_of, &err) == VG_OK) {
        for (uint32_t i = 0; i < site->wards_n; i++)
            tell_ward(&a, i, site->wards[i], x);
        tell_ward(&a, site->wards_n, "none", x);
        tell_ward(&a, site->wards_n + 1, "other", x);
    }
    free(a.n);
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

void vg_metrics_disk(const struct vg_observed *o, struct vg_exposition *x)
{
    struct statvfs fs;

    vg_expose_family(x, VG_METRIC_OUTBOX_SIZE);
    vg_expose_count(x, NULL, file_size(o->outbox, "") + file_size(o->outbox, "-wal"));
    vg_expose_family(x, VG_METRIC_DISK_FREE);
    if (statvfs(o->config->service.data_dir, &fs) == 0)
        vg_expose_count(x, NULL, (uint64_t)fs.f_bavail * fs.f_frsize);
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

void vg_metrics_process(int64_t began_wall_ns, struct vg_exposition *x)
{
    struct timespec cpu = { 0 };
    struct rlimit files = { 0 };

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    getrlimit(RLIMIT_NOFILE, &files);
    vg_expose_family(x, VG_METRIC_CPU);
    vg_expose_ns(x, NULL, cpu.tv_sec * VG_NS_PER_S + cpu.tv_nsec);
    vg_expose_family(x, VG_METRIC_MEMORY);
    vg_expose_count(x, NULL, resident_bytes());
    vg_expose_family(x, VG_METRIC_FDS);
    vg_expose_count(x, NULL, open_fds());
    vg_expose_family(x, VG_METRIC_FDS_MAX);
    vg_expose_count(x, NULL, files.rlim_cur);
    vg_expose_family(x, VG_METRIC_START);
    vg_expose_ns(x, NULL, began_wall_ns);
}
