/* notice.c - names of notices. */
#include "core/notice.h"

const char *vg_notice_name(enum vg_notice notice)
{
    static const char *const names[] = {
#define VG_NOTICE_NAME(id, name) name,
        VG_NOTICES(VG_NOTICE_NAME)
#undef VG_NOTICE_NAME
    };

    return names[notice];
}
