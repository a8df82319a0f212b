/* alerts_endpoints.c - which pipelines `vigil alerts` talks to. */
#include "app/alerts_endpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

/* tcp://HOST:PORT -> tcp://HOST:PORT+1 */
static bool next_port(const char *publish, char out[VG_ADDRESS_SIZE])
{
    const char *colon = strrchr(publish, ':');
    int64_t port;

    if (strncmp(publish, "tcp://", 6) != 0 || !vg_parse_int(colon + 1, &port))
        return false;
    return snprintf(out, VG_ADDRESS_SIZE, "%.*s:%" PRId64, (int)(colon - publish), publish,
                    port + 1) < VG_ADDRESS_SIZE;
}

static int read_keys(const struct vg_command *command, const struct vg_endpoint_options *o,
                     struct vg_endpoints *ret)
{
    struct vg_err err;

    if (o->server_key.n == 0 && !o->key)
        return VG_COMMAND_GO;
    if (o->server_key.n == 0 || !o->key)
        return vg_command_usage(command, "--server-key and --key go together");
    if (o->server_key.n != 1 && o->server_key.n != ret->n)
        return vg_command_usage(command, "%zu --server-key: expected one, or %zu", o->server_key.n,
                                ret->n);
    if (vg_key_pair_read(o->key, &ret->key, &err) != VG_OK)
        return vg_command_failed(command, &err);
    for (size_t i = 0; i < ret->n; i++) {
        const char *path = o->server_key.value[o->server_key.n == 1 ? 0 : i];

        if (vg_key_public_read(path, &ret->server[i], &err) != VG_OK)
            return vg_command_failed(command, &err);
        ret->at[i].server_key = ret->server[i].public_text;
        ret->at[i].public_key = ret->key.public_text;
        ret->at[i].secret_key = ret->key.secret_text;
    }
    return VG_COMMAND_GO;
}

int vg_endpoints_read(const struct vg_command *command, const struct vg_endpoint_options *options,
                      struct vg_endpoints *ret)
{
    const struct vg_strings *publish = &options->publish, *control = &options->control;
    static char default_address[] = "tcp://127.0.0.1:5557";
    static char *default_list[] = { default_address };
    size_t n = publish->n ? publish->n : 1;
    char *const *address = publish->n ? publish->value : default_list;

    if (n > VG_ENDPOINTS_MAX)
        return vg_command_usage(command, "at most %d instances", VG_ENDPOINTS_MAX);
    if (control->n && control->n != n)
        return vg_command_usage(command, "%zu --connect and %zu --control: expected as many", n,
                                control->n);
    for (size_t i = 0; i < n; i++) {
        if (!control->n && !next_port(address[i], ret->control[i]))
            return vg_command_usage(command, "--connect %s needs its --control", address[i]);
        ret->at[i] = (struct vigil_endpoint){
            .publish = address[i],
            .control = control->n ? control->value[i] : ret->control[i],
        };
    }
    ret->n = n;
    return read_keys(command, options, ret);
}

void vg_endpoints_done(struct vg_endpoints *endpoints)
{
    explicit_bzero(&endpoints->key, sizeof(endpoints->key));
}

int vg_endpoints_unreachable(const struct vg_endpoints *endpoints)
{
    fprintf(stderr,
            "vigil alerts: no connection to %s within the time given: is `vigil run` running, and "
            "has its configuration a zeromq sink with this address?\n",
            endpoints->at[0].publish);
    return vg_status_exit(VG_E_UNAVAILABLE);
}
