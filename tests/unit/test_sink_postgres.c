/* test_sink_postgres.c - where the postgres sink may connect to. With a server:
 * tests/scenarios/test_sink_sql.py. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_postgres;

struct place {
    char connection[96];
    char insecure[8];
    char says[64]; /* "" where it is accepted */
};

ParameterizedTestParameters(sink_postgres, a_connection_is_checked_before_it_is_made)
{
    static struct place places[] = {
        { "postgresql:///vigil", "false", "" },
        { "host=/run/postgresql dbname=vigil", "false", "" },
        { "postgresql://vigil@localhost/vigil", "false", "" },
        { "host=127.0.0.1,::1 dbname=vigil", "false", "" },
        { "postgresql://vigil@db.example/vigil?sslmode=verify-full", "false", "" },
        { "postgresql://vigil@db.example/vigil", "true", "" },
        { "postgresql://vigil@db.example/vigil", "false", "sslmode=verify-full" },
        { "postgresql://vigil@db.example/vigil?sslmode=require", "false", "sslmode=verify-full" },
        { "host=localhost,db.example dbname=vigil", "false", "another machine" },
        { "hostaddr=192.0.2.7 dbname=vigil", "false", "another machine" },
        { "postgresql://vigil:secret@localhost/vigil", "false", "a password does not belong here" },
        { "host=localhost passwort=x", "false", "expected a URI" },
        { "db.example", "false", "expected a URI" },
    };

    return cr_make_param_array(struct place, places, VG_ARRAY_LEN(places));
}

ParameterizedTest(struct place *p, sink_postgres, a_connection_is_checked_before_it_is_made)
{
    void *self = fake_sink_self(&vg_sink_postgres);
    struct vg_err err = { .msg = "" };

    fake_sink_set(&vg_sink_postgres, self, "connection", p->connection);
    fake_sink_set(&vg_sink_postgres, self, "insecure", p->insecure);
    if (p->says[0] == '\0') {
        cr_expect_eq(vg_sink_postgres.check(self, &err), VG_OK, "%s: %s", p->connection, err.msg);
    } else {
        cr_expect_eq(vg_sink_postgres.check(self, &err), VG_E_CONFIG, "%s", p->connection);
        cr_expect_str_eq(err.option, "connection");
        cr_expect(strstr(err.msg, p->says), "%s: %s", p->connection, err.msg);
        cr_expect(!strstr(err.msg, "secret"), "%s", err.msg);
    }
    vg_options_done(vg_sink_postgres.options, self);
    free(self);
}
