/* audit.c - writing the audit log. */
#include "runtime/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "core/clock.h"
#include "runtime/audit_files.h"
#include "runtime/secret.h"
#include "runtime/thread.h"

enum { SEAL_RECORDS = 1000, SEED_DIGITS = 2 * crypto_sign_SEEDBYTES };

static const int64_t SYNC_NS = VG_NS_PER_S;
static const int64_t SEAL_NS = 60 * VG_NS_PER_S;

struct vg_audit {
    int dir;              /* the folder, on which the lock between processes is */
    uint8_t *secret;      /* sodium_malloc: locked, in no core, overwritten when freed */
    pthread_mutex_t lock; /* for all below */
    int fd;
    uint32_t file; /* number of the one that is open */
    off_t size;
    struct vg_audit_end end, sealed;
    uint64_t lost;     /* records that could not be written and are not told of yet */
    char failure[256]; /* "": all is well */
    bool dirty;
    uint32_t unsealed;
    int64_t synced_ns, unsealed_ns; /* monotonic */
    struct vg_buf line;
};

/* ---- keys ---- */

static bool write_whole(int fd, const char *text, size_t n)
{
    return write(fd, text, n) == (ssize_t)n;
}

static vg_status make_file(int dir, const char *name, mode_t mode, const char *text,
                           struct vg_err *err)
{
    char other[64];
    int fd;
    bool ok;

    snprintf(other, sizeof(other), "%s.new", name);
    (void)unlinkat(dir, other, 0);
    fd = openat(dir, other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    ok = fd >= 0 && write_whole(fd, text, strlen(text)) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!ok || renameat(dir, other, dir, name) != 0)
        return vg_fail(err, VG_E_IO, "cannot make audit/%s: %s", name, strerror(errno));
    return VG_OK;
}

/* The public half is written first: a crash between leaves no key that was never told. */
static vg_status make_keys(int dir, struct vg_err *err)
{
    uint8_t seed[crypto_sign_SEEDBYTES], open_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    char digits[SEED_DIGITS + 1], text[SEED_DIGITS + 2];
    vg_status st;

    if (faccessat(dir, "seal.key", F_OK, 0) == 0)
        return VG_OK;
    randombytes_buf(seed, sizeof(seed));
    crypto_sign_seed_keypair(open_key, secret, seed);
    sodium_bin2hex(digits, sizeof(digits), open_key, sizeof(open_key));
    snprintf(text, sizeof(text), "%s\n", digits);
    st = make_file(dir, "seal.pub", 0644, text, err);
    sodium_bin2hex(digits, sizeof(digits), seed, sizeof(seed));
    snprintf(text, sizeof(text), "%s\n", digits);
    if (st == VG_OK)
        st = make_file(dir, "seal.key", 0600, text, err);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(digits, sizeof(digits));
    sodium_memzero(text, sizeof(text));
    return st;
}

static vg_status read_key(struct vg_audit *a, const char *folder, struct vg_err *err)
{
    uint8_t open_key[crypto_sign_PUBLICKEYBYTES], seed[crypto_sign_SEEDBYTES];
    struct vg_buf text = VG_BUF_INIT;
    vg_status st;
    char *path;

    VG_CHECK(asprintf(&path, "%s/seal.key", folder) >= 0);
    st = vg_secret_file(path, &text, err);
    if (st == VG_OK && !vg_audit_key_read(text.data, seed))
        st = vg_fail(err, VG_E_CONFIG, "%s: expected the 64 digits of a key", path);
    if (st == VG_OK)
        crypto_sign_seed_keypair(open_key, a->secret, seed);
    sodium_memzero(seed, sizeof(seed));
    if (text.data)
        sodium_memzero(text.data, text.cap);
    vg_buf_done(&text);
    free(path);
    return st;
}

/* ---- finding the end ---- */

static void use_file(struct vg_audit *a, uint32_t number)
{
    char name[VG_AUDIT_FILE_SIZE];

    if (a->fd >= 0)
        close(a->fd);
    vg_audit_file_name(number, name);
    a->file = number;
    a->fd = openat(a->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    a->size = a->fd >= 0 ? lseek(a->fd, 0, SEEK_END) : 0;
}

/* What a file ends with: its last whole record, and how many bytes of half a line are behind. */
static bool end_of(const struct vg_buf *text, struct vg_audit_end *ret, size_t *ret_torn)
{
    const char *line, *last = NULL;
    size_t at = 0, len, last_len = 0;
    bool whole;

    *ret_torn = 0;
    while ((line = vg_audit_file_line(text, &at, &len, &whole))) {
        if (!whole) {
            *ret_torn = len;
            break;
        }
        last = line;
        last_len = len;
    }
    return last && vg_audit_line_end(last, last_len, ret);
}

static vg_status find_end(struct vg_audit *a, size_t *ret_torn, bool *ret_broken,
                          struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    uint32_t newest = vg_audit_file_newest(a->dir), number = newest;
    vg_status st = VG_OK;
    bool found = false;

    *ret_torn = 0;
    *ret_broken = false;
    vg_audit_end_none(&a->end);
    /* A crash may leave a file that has no record yet. */
    for (; st == VG_OK && number > 0 && !found && !*ret_broken; number--) {
        size_t torn;

        vg_buf_clear(&text);
        st = vg_audit_file_read(a->dir, number, &text, err);
        if (st != VG_OK)
            break;
        found = end_of(&text, &a->end, &torn);
        if (number == newest)
            *ret_torn = torn;
        *ret_broken = !found && text.len > torn;
    }
    vg_buf_done(&text);
    if (st == VG_E_DECODE) { /* not Vigil's: it stays as it is, for who verifies */
        *ret_broken = true;
        st = VG_OK;
    }
    if (st != VG_OK)
        return st;
    use_file(a, newest + (newest == 0 || *ret_broken));
    if (a->fd < 0)
        return vg_fail(err, VG_E_IO, "cannot write the audit log: %s", strerror(errno));
    return VG_OK;
}

/* ---- writing ---- */

static void fail(struct vg_audit *a, const char *what)
{
    snprintf(a->failure, sizeof(a->failure), "the audit log: %s: %s", what, strerror(errno));
}

/* Another process may have written since. Under both locks. */
static bool catch_up(struct vg_audit *a)
{
    struct vg_err err;
    struct stat s;
    size_t torn;
    bool broken;

    if (a->fd >= 0 && fstat(a->fd, &s) == 0 && s.st_size == a->size &&
        !vg_audit_file_exists(a->dir, a->file + 1))
        return true;
    if (find_end(a, &torn, &broken, &err) != VG_OK)
        return false;
    if (torn > 0 && ftruncate(a->fd, a->size - (off_t)torn) == 0)
        a->size -= (off_t)torn;
    return true;
}

static void put_line(struct vg_audit *a)
{
    if (a->size >= VG_AUDIT_FILE_BYTES)
        use_file(a, a->file + 1);
    if (a->fd >= 0 && write_whole(a->fd, a->line.data, a->line.len)) {
        a->size += (off_t)a->line.len;
        return;
    }
    fail(a, "cannot write");
    a->lost++;
    if (a->fd >= 0)
        (void)!ftruncate(a->fd, a->size);
}

/* Returns whether it is written; then the chain goes on behind it. */
static bool put_one(struct vg_audit *a, const char *kind, const char *members, bool seal)
{
    const struct vg_audit_end before = a->end;
    uint64_t lost = a->lost;

    if (strlen(members) > VG_AUDIT_LINE_MAX - 1024)
        members = ",\"what\":\"too long to be recorded\"";
    vg_buf_clear(&a->line);
    vg_audit_line_make(&a->end, vg_wall_ns(), kind, members, seal ? a->secret : NULL, &a->line);
    put_line(a);
    if (a->lost > lost) {
        a->end = before;
        return false;
    }
    a->dirty = true;
    if (a->unsealed++ == 0)
        a->unsealed_ns = vg_mono_ns();
    return true;
}

static bool put(struct vg_audit *a, const char *kind, const char *members, bool seal)
{
    char lost[64];
    bool written = false;

    while (flock(a->dir, LOCK_EX) != 0 && errno == EINTR)
        continue;
    if (!catch_up(a)) {
        fail(a, "cannot read");
        a->lost++;
    } else {
        snprintf(lost, sizeof(lost), ",\"records\":\"%llu\"", (unsigned long long)a->lost);
        /* A failure counts the record that it stands before. */
        if (a->lost == 0 || put_one(a, "lost", lost, false)) {
            a->lost = 0;
            written = put_one(a, kind, members, seal);
            if (written)
                a->failure[0] = '\0';
        }
    }
    (void)flock(a->dir, LOCK_UN);
    return written;
}

void vg_audit_note(struct vg_audit *a, const char *kind, ...)
{
    struct vg_buf members = VG_BUF_INIT;
    const char *name, *value;
    va_list ap;

    if (!a)
        return;
    va_start(ap, kind);
    while ((name = va_arg(ap, const char *)) && (value = va_arg(ap, const char *))) {
        vg_buf_printf(&members, ",\"%s\":", name);
        vg_buf_json_strn(&members, value, strlen(value));
    }
    va_end(ap);
    vg_buf_str(&members, "");
    pthread_mutex_lock(&a->lock);
    put(a, kind, members.data, false);
    pthread_mutex_unlock(&a->lock);
    vg_buf_done(&members);
}

/* Not under the lock: a disk that is slow must not hold up a sink that notes something. */
static bool sync_records(struct vg_audit *a)
{
    int fd = -1;
    bool synced = true;

    pthread_mutex_lock(&a->lock);
    if (a->dirty && a->fd >= 0)
        fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 3);
    a->dirty = false;
    a->synced_ns = vg_mono_ns();
    pthread_mutex_unlock(&a->lock);
    if (fd < 0)
        return true;
    if (fdatasync(fd) != 0) {
        pthread_mutex_lock(&a->lock);
        fail(a, "not on the disk");
        pthread_mutex_unlock(&a->lock);
        synced = false;
    }
    close(fd);
    return synced;
}

void vg_audit_sync(struct vg_audit *a)
{
    if (a)
        (void)sync_records(a);
}

/* Also when only a record is missing: the next that can be written says so. A seal that fails is itself
 * no record that anybody misses. It is told once it is on the disk: a seal that a power cut takes away
 * would make of an honest log one that was cut. */
void vg_audit_seal(struct vg_audit *a)
{
    struct vg_audit_end fresh = { .n = 0 };

    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    if (a->unsealed > 0 || a->lost > 0) {
        if (put(a, "seal", "", true)) {
            fresh = a->end;
            a->unsealed = 0;
        } else {
            a->lost--;
        }
    }
    pthread_mutex_unlock(&a->lock);
    if (!sync_records(a) || fresh.n == 0)
        return;
    pthread_mutex_lock(&a->lock);
    a->sealed = fresh;
    pthread_mutex_unlock(&a->lock);
}

vg_status vg_audit_look(struct vg_audit *a, int64_t mono_ns, struct vg_err *err)
{
    bool sync, seal;
    vg_status st = VG_OK;

    pthread_mutex_lock(&a->lock);
    sync = a->dirty && mono_ns - a->synced_ns > SYNC_NS;
    seal = a->unsealed >= SEAL_RECORDS || (a->unsealed > 0 && mono_ns - a->unsealed_ns > SEAL_NS) ||
           a->lost > 0;
    if (a->failure[0])
        st = vg_fail(err, VG_E_IO, "%s", a->failure);
    pthread_mutex_unlock(&a->lock);
    if (seal)
        vg_audit_seal(a);
    else if (sync)
        vg_audit_sync(a);
    return st;
}

void vg_audit_sealed(struct vg_audit *a, struct vg_audit_end *ret)
{
    pthread_mutex_lock(&a->lock);
    *ret = a->sealed;
    pthread_mutex_unlock(&a->lock);
}

/* ---- opening ---- */

static vg_status open_folder(struct vg_audit *a, const char *folder, struct vg_err *err)
{
    if ((mkdir(folder, 0700) != 0 && errno != EEXIST) ||
        (a->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return vg_fail(err, VG_E_IO, "cannot make %s: %s", folder, strerror(errno));
    return VG_OK;
}

/* Under the lock between processes: another one's line must not be taken for torn. */
static vg_status open_log(struct vg_audit *a, const char *folder, struct vg_err *err)
{
    char bytes[24];
    size_t torn = 0;
    bool broken = false;
    vg_status st;

    while (flock(a->dir, LOCK_EX) != 0 && errno == EINTR)
        continue;
    st = make_keys(a->dir, err);
    if (st == VG_OK)
        st = read_key(a, folder, err);
    if (st == VG_OK)
        st = find_end(a, &torn, &broken, err);
    if (st == VG_OK && torn > 0 && !broken && ftruncate(a->fd, a->size - (off_t)torn) == 0)
        a->size -= (off_t)torn;
    (void)flock(a->dir, LOCK_UN);
    if (st != VG_OK)
        return st;
    (void)fsync(a->dir);
    snprintf(bytes, sizeof(bytes), "%zu", torn);
    if (broken)
        vg_audit_note(a, "recovered", "what", "the file before ends with what is no record", NULL);
    else if (torn > 0)
        vg_audit_note(a, "recovered", "what", "half a line, cut off", "bytes", bytes, NULL);
    return VG_OK;
}

vg_status vg_audit_open(const char *data_dir, struct vg_audit **ret, struct vg_err *err)
{
    struct vg_audit *a = calloc(1, sizeof(*a));
    char *whole = realpath(data_dir, NULL);
    char *folder = NULL;
    vg_status st;

    VG_CHECK(a && pthread_mutex_init(&a->lock, NULL) == 0);
    *ret = NULL;
    a->dir = a->fd = -1;
    vg_audit_line_init();
    vg_audit_end_none(&a->end);
    vg_audit_end_none(&a->sealed);
    a->secret = sodium_malloc(VG_AUDIT_SECRET_BYTES);
    VG_CHECK(a->secret != NULL);
    VG_CHECK(asprintf(&folder, "%s/audit", whole ? whole : data_dir) >= 0);
    st = open_folder(a, folder, err);
    if (st == VG_OK)
        st = open_log(a, folder, err);
    free(folder);
    free(whole);
    if (st == VG_OK)
        *ret = a;
    else
        vg_audit_close(a);
    return st;
}

void vg_audit_close(struct vg_audit *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    if (a->dir >= 0)
        close(a->dir);
    sodium_free(a->secret);
    vg_buf_done(&a->line);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

int vg_audit_folder(const struct vg_audit *a)
{
    return a->dir;
}
