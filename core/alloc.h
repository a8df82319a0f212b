/* alloc.h - memory that is there, or the program ends. */
#ifndef VG_CORE_ALLOC_H
#define VG_CORE_ALLOC_H

#include <stdlib.h>

#include "core/base.h"

/** Zeroed room for `n` things of `size` bytes, for free(); never NULL, also when n is 0. For sizes
 *  that were bounded before: nothing can be done any more where there is no memory for them. */
static inline void *vg_zeros(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);

    VG_CHECK(p);
    return p;
}

#endif
