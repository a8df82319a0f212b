/* seal.c - BLAKE2b-256 over a file without its own digits. */
#include "models/seal.h"

#include <string.h>

#include <sodium.h>

enum { DIGITS = VG_SEAL_SIZE - 1 };

_Static_assert(DIGITS == 2 * crypto_generichash_BYTES, "two digits per byte");

void vg_seal(const uint8_t *bytes, size_t n, size_t at, char ret[VG_SEAL_SIZE])
{
    crypto_generichash_state state;
    uint8_t digest[crypto_generichash_BYTES], zeros[DIGITS];

    VG_CHECK(sodium_init() >= 0 && at <= n && n - at >= DIGITS);
    memset(zeros, '0', sizeof(zeros));
    crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    crypto_generichash_update(&state, bytes, at);
    crypto_generichash_update(&state, zeros, sizeof(zeros));
    crypto_generichash_update(&state, bytes + at + DIGITS, n - at - DIGITS);
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_bin2hex(ret, VG_SEAL_SIZE, digest, sizeof(digest));
}
