/* certificate.h - the files with which a connection over TLS is checked, and checks Vigil. */
#ifndef VG_SINKS_CERTIFICATE_H
#define VG_SINKS_CERTIFICATE_H

#include "core/err.h"
#include "core/option.h"

/** Options of a sink that may speak TLS; VG_CERTIFICATE_OPTIONS has their rows. */
struct vg_certificate_options {
    char *ca_file;           /**< or NULL: the system's */
    char *certificate, *key; /**< of Vigil, where the receiver asks for one */
};

/* clang-format off */
#define VG_CERTIFICATE_OPTIONS(T, field) \
    VG_OPT_STRING(T, field.ca_file, "ca", NULL, VG_OPT_PATH, \
                  "Certificates that the receiver's is checked against. Default: the system's."), \
    VG_OPT_STRING(T, field.certificate, "certificate", NULL, VG_OPT_PATH, \
                  "Vigil's own certificate, where the receiver asks for one."), \
    VG_OPT_STRING(T, field.key, "key", NULL, VG_OPT_PATH, "Private key of `certificate`.")
/* clang-format on */

/** VG_E_CONFIG when one of certificate and key is without the other. */
static inline vg_status vg_certificate_check(const struct vg_certificate_options *o,
                                             struct vg_err *err)
{
    if (!o->certificate == !o->key)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, o->key ? "key" : "certificate",
                          "certificate and key belong together: give both or neither");
}

/** The same, for a sink whose option `tls` says whether they are used: VG_E_CONFIG when they are not. */
static inline vg_status vg_certificate_check_tls(const struct vg_certificate_options *o, bool tls,
                                                 struct vg_err *err)
{
    if (vg_certificate_check(o, err) != VG_OK)
        return err->status;
    if (tls || (!o->ca_file && !o->certificate))
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, o->ca_file ? "ca" : "certificate",
                          "it is for TLS, which is off: use tls: true");
}

#endif
