/* utf8.h - where characters of UTF-8 end. */
#ifndef VG_CORE_UTF8_H
#define VG_CORE_UTF8_H

#include "core/base.h"

/** Length of the well-formed sequence at the beginning of the `n` > 0 bytes at `p` (Unicode, table 3-7): no
 *  surrogates, nothing overlong. 0: there is none. */
size_t vg_utf8_length(const uint8_t *p, size_t n);

#endif
