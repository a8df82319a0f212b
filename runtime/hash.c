/* hash.c - SHA-256 and BLAKE2b of libsodium, and the ids made of them. */
#include "runtime/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

static void hex(const uint8_t hash[VG_SHA256_SIZE], char out[VG_SHA256_HEX_SIZE])
{
    sodium_bin2hex(out, VG_SHA256_HEX_SIZE, hash, VG_SHA256_SIZE);
}

void vg_sha256(const void *bytes, size_t n, uint8_t out[VG_SHA256_SIZE])
{
    crypto_hash_sha256(out, bytes, n);
}

void vg_sha256_hex(const void *bytes, size_t n, char out[VG_SHA256_HEX_SIZE])
{
    uint8_t hash[VG_SHA256_SIZE];

    vg_sha256(bytes, n, hash);
    hex(hash, out);
}

vg_status vg_sha256_file(const char *path, char out[VG_SHA256_HEX_SIZE], struct vg_err *err)
{
    crypto_hash_sha256_state state;
    uint8_t hash[VG_SHA256_SIZE];
    uint8_t bytes[16 * 1024];
    struct stat info;
    size_t n;
    FILE *f;
    bool failed;

    /* A device or a pipe may have no end. */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return vg_fail(err, VG_E_IO, "cannot read %s: not a regular file", path);
    f = fopen(path, "re");
    if (!f)
        return vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    crypto_hash_sha256_init(&state);
    while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        crypto_hash_sha256_update(&state, bytes, n);
    failed = ferror(f) != 0;
    if (failed)
        vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    (void)fclose(f);
    if (failed)
        return VG_E_IO;
    crypto_hash_sha256_final(&state, hash);
    hex(hash, out);
    return VG_OK;
}

/* Integers go in big-endian, so that an id is the same on every machine. */
static void store(uint8_t *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static void add(crypto_generichash_state *state, const void *bytes, size_t n)
{
    uint8_t len[4];

    store(len, n, sizeof(len));
    crypto_generichash_update(state, len, sizeof(len));
    crypto_generichash_update(state, bytes, n);
}

static void add_text(crypto_generichash_state *state, const char *s)
{
    add(state, s, strlen(s));
}

static void add_int(crypto_generichash_state *state, int64_t value)
{
    uint8_t bytes[8];

    store(bytes, (uint64_t)value, sizeof(bytes));
    add(state, bytes, sizeof(bytes));
}

void vg_episode_id(const char *pipeline, const char *cluster, const char *topic, uint32_t partition,
                   const struct vg_origin *origin, const char *rule, int channel,
                   const char *patient, uint8_t out[16])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, 16);
    add_text(&state, pipeline);
    add_text(&state, cluster);
    add_text(&state, topic);
    add_int(&state, partition);
    if (origin->has_due) {
        add_text(&state, "due");
        add_text(&state, patient);
        add_int(&state, origin->due_ns);
    } else {
        add_text(&state, origin->ordered ? "command" : "row");
        add_int(&state, origin->offset);
        add_int(&state, origin->index);
    }
    add_text(&state, rule);
    add_text(&state, channel == VG_CHANNEL_NONE ? "" : vg_channels[channel].name);
    crypto_generichash_final(&state, out, 16);
}
