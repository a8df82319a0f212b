/* service_audit.c - who started and stopped the service, and seals where logs are kept. */
#include <stdio.h>

#include "core/clock.h"
#include "runtime/log.h"
#include "runtime/service_parts.h"

/* Where logs are kept a seal is out of reach of who can write here: a cut tail shows. */
static void tell_seal(struct vg_service *s)
{
    struct vg_audit_end seal = { .n = 0 };

    if (s->shared.audit)
        vg_audit_sealed(s->shared.audit, &seal);
    if (seal.n == s->seal_told)
        return;
    s->seal_told = seal.n;
    vg_log(VG_LOG_INFO, "audit", "seal %llu:%s", (unsigned long long)seal.n, seal.hash);
}

void vg_service_audit_look(struct vg_service *s)
{
    struct vg_err err = { .msg = "" };
    vg_status st = vg_audit_look(s->shared.audit, vg_mono_ns(), &err);

    if (vg_shared_trouble(&s->shared, VG_TROUBLE_AUDIT, st == VG_OK ? "" : err.msg) && st != VG_OK)
        vg_log(VG_LOG_ERROR, "audit", "%s", err.msg);
    tell_seal(s);
}

vg_status vg_service_audit_start(struct vg_service *s, struct vg_err *err)
{
    struct vg_audit_run run = { .version = VG_VERSION,
                                .pipeline = s->config->service.name,
                                .config = s->config->hash };
    struct vg_buf models = VG_BUF_INIT;
    vg_status st = vg_audit_open(s->config->service.data_dir, &s->shared.audit, err);

    if (st != VG_OK)
        return st;
    vg_buf_str(&models, "");
    for (uint32_t i = 0; i < s->config->models_n; i++)
        vg_buf_printf(&models, "%s%s %s", i ? ", " : "", s->config->models[i]->name,
                      s->config->models[i]->sha256);
    run.models = models.data;
    vg_audit_start(s->shared.audit, &run);
    vg_buf_done(&models);
    return VG_OK;
}

void vg_service_audit_stop(struct vg_service *s, vg_status st, const struct vg_err *err)
{
    char signal[16];

    snprintf(signal, sizeof(signal), "signal %d", s->signal);
    vg_audit_note(s->shared.audit, "stop", "why",
                  st != VG_OK ? err->msg
                  : s->signal ? signal
                              : "the end of the log",
                  NULL);
    vg_audit_seal(s->shared.audit);
    tell_seal(s);
}
