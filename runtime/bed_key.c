/* bed_key.c - a short keyed hash, with a secret that lives as long as the process. */
#include "runtime/bed_key.h"

#include <pthread.h>
#include <string.h>

#include <sodium.h>

#include "core/base.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned char secret[crypto_shorthash_KEYBYTES];

static void make_secret(void)
{
    VG_CHECK(sodium_init() >= 0);
    crypto_shorthash_keygen(secret);
}

void vg_bed_key(const char *patient, char ret[VG_BED_KEY_SIZE])
{
    unsigned char hash[crypto_shorthash_BYTES];

    ret[0] = '\0';
    if (!patient[0])
        return;
    pthread_once(&once, make_secret);
    crypto_shorthash(hash, (const unsigned char *)patient, strlen(patient), secret);
    sodium_bin2hex(ret, VG_BED_KEY_SIZE, hash, sizeof(hash));
}
