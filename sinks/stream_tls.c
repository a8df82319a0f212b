/* stream_tls.c - TLS over a socket that does not block, for stream.c. */
#include "sinks/stream_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct vg_tls_files {
    SSL_CTX *context;
};

struct vg_tls {
    SSL *ssl;
};

/* ---- files ---- */

static vg_status fail_file(struct vg_err *err, const char *option, const char *path)
{
    ERR_clear_error();
    return vg_fail_option(err, VG_E_CONFIG, option, "%s cannot be read, or is not what %s expects",
                          path, option);
}

static vg_status load(SSL_CTX *context, const char *ca, const char *certificate, const char *key,
                      struct vg_err *err)
{
    if (ca && SSL_CTX_load_verify_file(context, ca) != 1)
        return fail_file(err, "ca", ca);
    if (!ca)
        VG_CHECK(SSL_CTX_set_default_verify_paths(context) == 1);
    if (certificate && SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return fail_file(err, "certificate", certificate);
    if (key && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return fail_file(err, "key", key);
    return VG_OK;
}

/* An encrypted key would ask for its passphrase on a terminal, which a service does not have. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

vg_status vg_tls_files_read(const char *ca, const char *certificate, const char *key,
                            struct vg_tls_files **ret, struct vg_err *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    vg_status st;

    VG_CHECK(context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    st = load(context, ca, certificate, key, err);
    *ret = NULL;
    if (st != VG_OK) {
        SSL_CTX_free(context);
        return st;
    }
    *ret = malloc(sizeof(**ret));
    VG_CHECK(*ret);
    (*ret)->context = context;
    return VG_OK;
}

void vg_tls_files_free(struct vg_tls_files *files)
{
    if (files)
        SSL_CTX_free(files->context);
    free(files);
}

/* ---- a connection ---- */

struct vg_tls *vg_tls_new(struct vg_tls_files *files, int fd, const char *host)
{
    struct vg_tls *t = malloc(sizeof(*t));
    SSL *ssl = SSL_new(files->context);
    X509_VERIFY_PARAM *verify;

    VG_CHECK(t && ssl && SSL_set_fd(ssl, fd) == 1);
    verify = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(verify, host) != 1) {
        ERR_clear_error();
        VG_CHECK(SSL_set1_host(ssl, host) == 1);
        /* NOLINTNEXTLINE(clang-diagnostic-cast-qual): the cast is in OpenSSL's macro */
        VG_CHECK(SSL_set_tlsext_host_name(ssl, host) == 1);
    }
    SSL_set_connect_state(ssl);
    t->ssl = ssl;
    return t;
}

void vg_tls_free(struct vg_tls *t)
{
    if (t)
        SSL_free(t->ssl);
    free(t);
    ERR_clear_error();
}

static enum vg_tls_result result_of(const struct vg_tls *t, int code)
{
    if (code > 0)
        return VG_TLS_DONE;
    switch (SSL_get_error(t->ssl, code)) {
    case SSL_ERROR_WANT_READ:
        return VG_TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return VG_TLS_WANTS_WRITE;
    default:
        return VG_TLS_FAILED;
    }
}

enum vg_tls_result vg_tls_handshake(struct vg_tls *t)
{
    ERR_clear_error();
    return result_of(t, SSL_do_handshake(t->ssl));
}

enum vg_tls_result vg_tls_write(struct vg_tls *t, const char *bytes, size_t n, size_t *ret)
{
    *ret = 0;
    ERR_clear_error();
    return result_of(t, SSL_write_ex(t->ssl, bytes, n, ret));
}

enum vg_tls_result vg_tls_read(struct vg_tls *t, char *bytes, size_t size, size_t *ret)
{
    *ret = 0;
    ERR_clear_error();
    return result_of(t, SSL_read_ex(t->ssl, bytes, size, ret));
}

void vg_tls_why(const struct vg_tls *t, char *out, size_t size)
{
    long verified = SSL_get_verify_result(t->ssl);
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    if (verified != X509_V_OK)
        snprintf(out, size, "TLS: %s", X509_verify_cert_error_string(verified));
    else
        snprintf(out, size, "TLS: %s", reason ? reason : "the receiver closed the connection");
    ERR_clear_error();
}
