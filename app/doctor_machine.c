/* doctor_machine.c - the machine that a pipeline runs on: kernel, processor, limits, clock, disk. */
#include "app/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/folder.h"
#include "core/clock.h"
#include "models/kernel.h"

enum {
    KERNEL_MAJOR = 4,     /* the oldest that has what is used: memfd, eventfd, O_TMPFILE */
    FILES_WANTED = 65536, /* run.c asks for as many: connections of strangers are files, too */
    WRITES = 32,
    WRITE_BYTES = 4096,
    SLOW_MS = 50, /* a commit is one such write, and an alert waits for it */
    VERY_SLOW_MS = 500,
    SPACE_MIB = 1024,
    CLOCK_OFF_MS = 500,
};

/* ---- kernel, processor, limits ---- */

static void look_at_kernel(struct vg_doctor *doctor)
{
    struct utsname name;
    long major;

    if (uname(&name) != 0)
        return;
    major = strtol(name.release, NULL, 10);
    vg_doctor_tell(doctor, major >= KERNEL_MAJOR ? VG_FINDING_OK : VG_FINDING_WARNING, "kernel",
                   major >= KERNEL_MAJOR ? "" : "Vigil is tested on Linux 6.1 (Debian 12)",
                   "%s %s, %s", name.sysname, name.release, name.machine);
}

static void look_at_processor(struct vg_doctor *doctor)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const char *form = vg_kernel()->name;
    bool slow = vg_kernel_form(1) == NULL;

    vg_doctor_tell(doctor, VG_FINDING_OK, "processors", "",
                   "%ld; workers: auto takes %ld of them for chains", processors,
                   processors > 2 ? processors - 1 : 1);
    vg_doctor_tell(doctor, slow ? VG_FINDING_NOTE : VG_FINDING_OK, "inference",
                   slow ? "models take several times as long as with AVX2; the answers are the same"
                        : "",
                   "%s form", form);
}

static void look_at_limits(struct vg_doctor *doctor)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    if (files.rlim_max >= FILES_WANTED)
        vg_doctor_tell(doctor, VG_FINDING_OK, "open files", "", "up to %llu",
                       (unsigned long long)files.rlim_max);
    else
        vg_doctor_tell(doctor, VG_FINDING_WARNING, "open files",
                       "LimitNOFILE=65536 in the unit of systemd, or ulimit -Hn 65536: connections "
                       "that say nothing must not use up what the outbox needs",
                       "up to %llu only", (unsigned long long)files.rlim_max);
}

/* ---- the clock ---- */

static void look_at_clock(struct vg_doctor *doctor)
{
    struct timex t = { 0 };
    int state = adjtimex(&t);

    if (state < 0)
        vg_doctor_tell(doctor, VG_FINDING_NOTE, "clock", "", "the kernel does not say: %s",
                       strerror(errno));
    else if (state == TIME_ERROR || t.status & STA_UNSYNC)
        vg_doctor_tell(doctor, VG_FINDING_WARNING, "clock",
                       "run systemd-timesyncd or chrony (`timedatectl status` shows which): what "
                       "is late or ahead is told by this clock",
                       "not synchronised");
    else if (t.maxerror > CLOCK_OFF_MS * 1000L)
        vg_doctor_tell(doctor, VG_FINDING_WARNING, "clock", "look at the time servers",
                       "synchronised, and may be %.1f s off", (double)t.maxerror / 1e6);
    else
        vg_doctor_tell(doctor, VG_FINDING_OK, "clock", "", "synchronised, at most %.0f ms off",
                       (double)t.maxerror / 1e3);
}

void vg_doctor_machine(struct vg_doctor *doctor)
{
    look_at_kernel(doctor);
    look_at_processor(doctor);
    look_at_limits(doctor);
    look_at_clock(doctor);
}

/* ---- the disk ---- */

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Writes as the outbox does: a little, and on the disk before anything else happens. */
static vg_status measure(int fd, int64_t took_ns[WRITES], struct vg_err *err)
{
    static const char bytes[WRITE_BYTES];

    for (int i = 0; i < WRITES; i++) {
        int64_t begin_ns = vg_mono_ns();

        if (write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) || fdatasync(fd) != 0)
            return vg_fail(err, VG_E_IO, "a write fails: %s", strerror(errno));
        took_ns[i] = vg_mono_ns() - begin_ns;
    }
    qsort(took_ns, WRITES, sizeof(*took_ns), by_value);
    return VG_OK;
}

static void look_at_writes(struct vg_doctor *doctor, const char *folder)
{
    char *path;
    int64_t took_ns[WRITES] = { 0 };
    struct vg_err err;
    enum vg_finding finding = VG_FINDING_OK;
    double median_ms;
    int fd;

    VG_CHECK(asprintf(&path, "%s/doctor-XXXXXX", folder) >= 0);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        vg_doctor_tell(doctor, VG_FINDING_PROBLEM, "data_dir",
                       "make it writable for the user that Vigil runs as", "%s: %s", folder,
                       strerror(errno));
        free(path);
        return;
    }
    (void)unlink(path);
    free(path);
    if (measure(fd, took_ns, &err) != VG_OK) {
        vg_doctor_tell(doctor, VG_FINDING_PROBLEM, "disk", "look at the disk and its log", "%s",
                       err.msg);
    } else {
        const int64_t median_ns = took_ns[WRITES / 2];

        median_ms = (double)median_ns / 1e6;
        if (median_ms > VERY_SLOW_MS)
            finding = VG_FINDING_PROBLEM;
        else if (median_ms > SLOW_MS)
            finding = VG_FINDING_WARNING;
        vg_doctor_tell(doctor, finding, "disk",
                       finding == VG_FINDING_OK ? ""
                                                : "a local disk with a cache that survives a power "
                                                  "cut: each alert waits for such a write",
                       "a write of %d bytes is durable after %.2f ms (median; slowest of %d: %.2f "
                       "ms)",
                       WRITE_BYTES, median_ms, WRITES, (double)took_ns[WRITES - 1] / 1e6);
    }
    (void)close(fd);
}

/* SQLite's write-ahead log needs memory that processes share, which network file systems do not give. */
static void look_at_kind(struct vg_doctor *doctor, const char *folder)
{
    static const struct {
        long magic;
        const char *name;
        enum vg_finding finding;
        const char *advice;
    } kinds[] = {
        { 0x6969, "NFS", VG_FINDING_PROBLEM, "a local disk: the outbox cannot be on a network" },
        { 0xFF534D42, "CIFS", VG_FINDING_PROBLEM,
          "a local disk: the outbox cannot be on a network" },
        { 0x01021994, "tmpfs", VG_FINDING_WARNING, "a disk: alerts here are gone with the power" },
    };
    struct statfs fs;

    if (statfs(folder, &fs) != 0)
        return;
    for (size_t i = 0; i < VG_ARRAY_LEN(kinds); i++) {
        if ((long)fs.f_type == kinds[i].magic)
            vg_doctor_tell(doctor, kinds[i].finding, "data_dir", kinds[i].advice, "%s is %s",
                           folder, kinds[i].name);
    }
}

static void look_at_space(struct vg_doctor *doctor, const char *folder)
{
    struct statfs fs;
    uint64_t mib;

    if (statfs(folder, &fs) != 0)
        return;
    mib = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >> 20;
    vg_doctor_tell(doctor, mib >= SPACE_MIB ? VG_FINDING_OK : VG_FINDING_WARNING, "space",
                   mib >= SPACE_MIB ? ""
                                    : "make room, or shorten service.retention: a full disk pauses "
                                      "the pipeline",
                   "%llu MiB are free", (unsigned long long)mib);
}

/* Events have pseudonyms and vital signs in them. */
static void look_at_modes(struct vg_doctor *doctor, const char *folder)
{
    struct stat st;

    if (stat(folder, &st) != 0)
        return;
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        vg_doctor_tell(doctor, VG_FINDING_WARNING, "data_dir",
                       "chmod 700: alerts with pseudonyms and vital signs are in it",
                       "%s may be looked at by others (mode %03o)", folder,
                       (unsigned)st.st_mode & 0777U);
    else if (st.st_uid != geteuid())
        vg_doctor_tell(doctor, VG_FINDING_NOTE, "data_dir",
                       "run this as the user that Vigil runs as", "%s belongs to another user",
                       folder);
    else
        vg_doctor_tell(doctor, VG_FINDING_OK, "data_dir", "", "%s, for its user alone", folder);
}

void vg_doctor_disk(struct vg_doctor *doctor, const char *data_dir)
{
    char *folder = vg_folder_existing(data_dir);

    if (strcmp(folder, data_dir) == 0)
        look_at_modes(doctor, folder);
    else
        vg_doctor_tell(doctor, VG_FINDING_NOTE, "data_dir", "",
                       "%s will be made at the first start", data_dir);
    look_at_kind(doctor, folder);
    look_at_writes(doctor, folder);
    look_at_space(doctor, folder);
    free(folder);
}
