/* config_load.c - a configuration for a verb. */
#include "app/config_load.h"

#include <stdio.h>

vg_status vg_config_load_aloud(const char *path, struct vg_config **ret, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    vg_status st = vg_config_load(path, ret, &diagnostics, err);

    if (diagnostics.len)
        fputs(diagnostics.data, stderr);
    vg_buf_done(&diagnostics);
    if (st == VG_E_IO)
        st = err->status = VG_E_CONFIG;
    return st;
}
