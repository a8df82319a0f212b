/* postgres_connection.c - a connection to PostgreSQL on which nothing waits longer than a deadline. */
#include "sinks/postgres_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/host.h"

enum { VALUES_MAX = 8 };

/* ---- checking ---- */

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val ? options->val : NULL;
    }
    return NULL;
}

/* One host of a list; a socket's folder is here, too. */
static bool is_here(const char *host, size_t n)
{
    return n == 0 || host[0] == '/' || host[0] == '@' || vg_host_is_loopback(host, n);
}

static bool all_here(const char *hosts)
{
    while (hosts) {
        size_t n = strcspn(hosts, ",");

        if (!is_here(hosts, n))
            return false;
        hosts = hosts[n] == ',' ? hosts + n + 1 : NULL;
    }
    return true;
}

static vg_status check_options(const struct vg_postgres *p, const PQconninfoOption *options,
                               struct vg_err *err)
{
    const char *sslmode = value_of(options, "sslmode");
    /* What the string leaves open, libpq takes from the environment and from a service's file. */
    const char *host = value_of(options, "host"), *address = value_of(options, "hostaddr");
    bool service = value_of(options, "service") || getenv("PGSERVICE");

    if (value_of(options, "password"))
        return vg_fail_option(err, VG_E_CONFIG, "connection",
                              "a password does not belong here, where it would be printed: use the "
                              "option password, or passfile");
    if (!p->insecure &&
        (service || !all_here(host ? host : getenv("PGHOST")) ||
         !all_here(address ? address : getenv("PGHOSTADDR"))) &&
        !(sslmode && strcmp(sslmode, "verify-full") == 0))
        return vg_fail_option(err, VG_E_CONFIG, "connection",
                              "alerts would go to another machine, and nobody would know to which: "
                              "set sslmode=verify-full (and sslrootcert), or insecure: true");
    return VG_OK;
}

vg_status vg_postgres_check(const struct vg_postgres *p, struct vg_err *err)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(p->connection, &why);
    vg_status st;

    if (!options) {
        size_t n = why ? strcspn(why, "\n") : 0;

        st = vg_fail_option(err, VG_E_CONFIG, "connection",
                            "%.*s; expected a URI (postgresql://USER@HOST/DATABASE) or "
                            "\"host=... dbname=... user=...\"",
                            (int)n, why ? why : "");
        PQfreemem(why);
        return st;
    }
    st = check_options(p, options, err);
    PQconninfoFree(options);
    return st;
}

/* ---- connecting ---- */

/* libpq ends its messages with a newline and puts details in further lines. */
static vg_status unavailable(struct vg_postgres *p, const char *what, struct vg_err *err)
{
    const char *why = PQerrorMessage(p->conn);
    vg_status st = vg_fail(err, VG_E_UNAVAILABLE, "%s: %.*s", what, (int)strcspn(why, "\n"), why);

    vg_postgres_close(p);
    return st;
}

static vg_status too_slow(struct vg_postgres *p, const char *what, struct vg_err *err)
{
    vg_postgres_close(p);
    return vg_fail(err, VG_E_UNAVAILABLE, "PostgreSQL did not %s within %lld ms", what,
                   (long long)(p->timeout_ns / VG_NS_PER_MS));
}

/* False once the deadline has passed. */
static bool wait_for(const PGconn *conn, short events, int64_t deadline_ns)
{
    struct pollfd f = { .fd = PQsocket(conn), .events = events };
    int n;

    do {
        int64_t left_ns = deadline_ns - vg_mono_ns();

        if (left_ns <= 0)
            return false;
        n = poll(&f, 1, (int)((left_ns + VG_NS_PER_MS - 1) / VG_NS_PER_MS));
    } while (n == 0 || (n < 0 && errno == EINTR));
    return true;
}

/* Notices ("already exists, skipping") would go to stderr, between the lines of the log. */
static void ignore_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

static PGconn *start(const struct vg_postgres *p)
{
    /* Later ones replace what the string says, but for those that are empty. */
    const char *const keys[] = { "dbname", "fallback_application_name", "client_encoding",
                                 p->password ? "password" : NULL, NULL };
    const char *const values[] = { p->connection, p->name, "UTF8", p->password, NULL };

    return PQconnectStartParams(keys, values, 1);
}

static vg_status finish_connecting(struct vg_postgres *p, struct vg_err *err)
{
    int64_t deadline_ns = vg_mono_ns() + p->timeout_ns;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED || PQstatus(p->conn) == CONNECTION_BAD)
            return unavailable(p, "cannot connect", err);
        if (!wait_for(p->conn, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ns))
            return too_slow(p, "accept a connection", err);
        next = PQconnectPoll(p->conn);
    }
    return VG_OK;
}

vg_status vg_postgres_connect(struct vg_postgres *p, struct vg_err *err)
{
    vg_status st;

    vg_postgres_close(p);
    p->conn = start(p);
    VG_CHECK(p->conn);
    PQsetNoticeReceiver(p->conn, ignore_notice, NULL);
    st = finish_connecting(p, err);
    if (st == VG_OK && PQsetnonblocking(p->conn, 1) != 0)
        st = unavailable(p, "cannot connect", err);
    return st;
}

void vg_postgres_close(struct vg_postgres *p)
{
    PQfinish(p->conn);
    p->conn = NULL;
}

/* ---- statements ---- */

static vg_status send_all(struct vg_postgres *p, int64_t deadline_ns, struct vg_err *err)
{
    int left;

    while ((left = PQflush(p->conn)) != 0) {
        if (left < 0)
            return unavailable(p, "the connection broke", err);
        /* The server may have something to say before it takes more. */
        if (!wait_for(p->conn, POLLIN | POLLOUT, deadline_ns))
            return too_slow(p, "take a statement", err);
        if (PQconsumeInput(p->conn) != 1)
            return unavailable(p, "the connection broke", err);
    }
    return VG_OK;
}

static vg_status receive(struct vg_postgres *p, int64_t deadline_ns, PGresult **ret,
                         struct vg_err *err)
{
    PGresult *more;

    while (PQisBusy(p->conn)) {
        if (!wait_for(p->conn, POLLIN, deadline_ns))
            return too_slow(p, "answer", err);
        if (PQconsumeInput(p->conn) != 1)
            return unavailable(p, "the connection broke", err);
    }
    *ret = PQgetResult(p->conn);
    if (!*ret)
        return unavailable(p, "no answer", err);
    /* One statement has one result; libpq wants to be asked until there is none. */
    while (PQstatus(p->conn) == CONNECTION_OK && (more = PQgetResult(p->conn)) != NULL)
        PQclear(more);
    return VG_OK;
}

/* Whether it is the values that the server does not want. */
static bool is_data(const char *sqlstate)
{
    return sqlstate && (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0 ||
                        strcmp(sqlstate, "P0001") == 0);
}

static vg_status judge(struct vg_postgres *p, const PGresult *result, struct vg_err *err)
{
    ExecStatusType status = PQresultStatus(result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    /* Not the detail, which repeats values. */
    const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return VG_OK;
    if (PQstatus(p->conn) != CONNECTION_OK)
        return unavailable(p, "the connection broke", err);
    return vg_fail(err, is_data(state) ? VG_E_RANGE : VG_E_TEMPORARY, "PostgreSQL: %s (%s)",
                   why ? why : "no message", state ? state : "no SQLSTATE");
}

vg_status vg_postgres_run(struct vg_postgres *p, const char *sql, size_t n,
                          const char *const *values, char **ret_first, struct vg_err *err)
{
    int64_t deadline_ns = vg_mono_ns() + p->timeout_ns;
    PGresult *result = NULL;
    vg_status st;

    VG_CHECK(n <= VALUES_MAX);
    if (ret_first)
        *ret_first = NULL;
    if (PQsendQueryParams(p->conn, sql, (int)n, NULL, values, NULL, NULL, 0) != 1)
        return unavailable(p, "the connection broke", err);
    st = send_all(p, deadline_ns, err);
    if (st == VG_OK)
        st = receive(p, deadline_ns, &result, err);
    if (st == VG_OK)
        st = judge(p, result, err);
    if (st == VG_OK && ret_first && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0)) {
        *ret_first = strdup(PQgetvalue(result, 0, 0));
        VG_CHECK(*ret_first);
    }
    PQclear(result);
    return st;
}
