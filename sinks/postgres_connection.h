/* postgres_connection.h - a connection to PostgreSQL on which nothing waits longer than a deadline.
 *
 * libpq's simple calls wait for as long as a server that hangs lets them. Here the same calls are
 * made without waiting, under a deadline; whoever passes it loses the connection, because nobody
 * knows what the server still does with it. One thread.
 */
#ifndef VG_SINKS_POSTGRES_CONNECTION_H
#define VG_SINKS_POSTGRES_CONNECTION_H

#include <libpq-fe.h>

#include "core/err.h"

struct vg_postgres {
    const char *connection; /**< URI or key=value, as psql takes it; without a password */
    const char *password;   /**< or NULL */
    const char *name;       /**< as pg_stat_activity shows it */
    bool insecure;          /**< plain text and unverified servers are fine off this machine */
    int64_t timeout_ns;     /**< for connecting, and for each statement */
    PGconn *conn;           /**< NULL: not connected */
};

/**
 * Checks the connection string without connecting. VG_E_CONFIG names the option at fault: one that
 * does not parse, that holds a password, or that reaches another machine without TLS that verifies
 * the server (then sslmode has to be verify-full), unless `insecure`.
 */
VG_NODISCARD vg_status vg_postgres_check(const struct vg_postgres *p, struct vg_err *err);

/** Connects; VG_E_UNAVAILABLE when that fails or takes too long. */
VG_NODISCARD vg_status vg_postgres_connect(struct vg_postgres *p, struct vg_err *err);
void vg_postgres_close(struct vg_postgres *p);

/**
 * Runs a statement with `n` text parameters ($1 ...); *ret_first is the first column of its first
 * row (caller frees), or NULL when there is none. ret_first may be NULL.
 *
 * VG_E_RANGE: the server refuses these values (SQLSTATE classes 22 and 23, and P0001, which triggers
 * raise). VG_E_TEMPORARY: anything else; the connection is closed when it is no longer of use.
 */
VG_NODISCARD vg_status vg_postgres_run(struct vg_postgres *p, const char *sql, size_t n,
                                       const char *const *values, char **ret_first,
                                       struct vg_err *err);

#endif
