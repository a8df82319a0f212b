/* seal.h - the digest by which a file knows itself unchanged; models/safetensors_write.h has it
 * in full. */
#ifndef VG_MODELS_SEAL_H
#define VG_MODELS_SEAL_H

#include "core/base.h"

enum { VG_SEAL_SIZE = 65 }; /**< 64 hexadecimal digits and the NUL */

/** The digest of a file of `n` bytes whose own digits stand at byte `at`: whatever stands there, it
 *  counts as 64 times '0'. */
void vg_seal(const uint8_t *bytes, size_t n, size_t at, char ret[VG_SEAL_SIZE]);

#endif
