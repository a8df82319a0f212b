/* notice.c - which alert a notice makes, and its name. */
#include "core/notice.h"

enum vg_notice_alert vg_notice_alert_of(enum vg_notice notice)
{
    static const enum vg_notice_alert alerts[] = {
#define VG_NOTICE_ALERT(id, alert) VG_NOTICE_ALERT_##alert,
        VG_NOTICES(VG_NOTICE_ALERT)
#undef VG_NOTICE_ALERT
    };

    return alerts[notice];
}

const char *vg_notice_alert_name(enum vg_notice_alert alert)
{
    static const char *const names[] = {
#define VG_NOTICE_ALERT_NAME(id, name) name,
        VG_NOTICE_ALERTS(VG_NOTICE_ALERT_NAME)
#undef VG_NOTICE_ALERT_NAME
    };

    return names[alert];
}
