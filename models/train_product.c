/* train_product.c - which form of the products: that of the kernel. */
#include "models/train_product.h"

#include <string.h>

#include "models/kernel.h"
#include "models/train_product_private.h"

static const struct {
    const char *name; /* of the kernel */
    void (*multiply)(const struct vg_real_product *p);
} forms[] = {
    { "portable", vg_product_form_portable },
#if defined(__x86_64__)
    { "fma", vg_product_form_fma },
    { "avx2", vg_product_form_avx2 },
    { "avx512", vg_product_form_avx512 },
#endif
};

void vg_product(const struct vg_real_product *p)
{
    const char *name = vg_kernel()->name;
    size_t i = 0;

    VG_CHECK(p->parts > 0 && p->part[0].k > 0);
    while (strcmp(forms[i].name, name) != 0)
        VG_CHECK(++i < VG_ARRAY_LEN(forms));
    forms[i].multiply(p);
}
