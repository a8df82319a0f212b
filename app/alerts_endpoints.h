/* alerts_endpoints.h - which pipelines `vigil alerts` talks to. */
#ifndef VG_APP_ALERTS_ENDPOINTS_H
#define VG_APP_ALERTS_ENDPOINTS_H

#include "app/command.h"
#include "client/vigil_client.h"
#include "sinks/zeromq_keys.h"

enum { VG_ENDPOINTS_MAX = 16, VG_ADDRESS_SIZE = 160 };

/** What the command line says of them: the member `at` of a verb's options. */
struct vg_endpoint_options {
    struct vg_strings publish, control, server_key;
    char *key;
};

struct vg_endpoints {
    struct vigil_endpoint at[VG_ENDPOINTS_MAX];
    char control[VG_ENDPOINTS_MAX][VG_ADDRESS_SIZE]; /**< where it is not given */
    struct vg_key_file server[VG_ENDPOINTS_MAX], key;
    size_t n;
};

/** Rows of the option table of a struct with a struct vg_endpoint_options `at`. */
#define VG_ENDPOINT_OPTIONS(O)                                                                     \
    VG_CLI_LIST(O, at.publish, "connect", "ADDRESS", 0,                                            \
                "`publish` address of the pipeline's zeromq sink (default tcp://127.0.0.1:5557); " \
                "one for each instance"),                                                          \
        VG_CLI_LIST(O, at.control, "control", "ADDRESS", 0,                                        \
                    "its `control` address, as many as --connect (default: the port after it)"),   \
        VG_CLI_LIST(O, at.server_key, "server_key", "FILE", 0,                                     \
                    "the pipeline's .pub file, for CURVE; one for all, or as many as --connect"),  \
        VG_CLI_STRING(O, at.key, "key", "FILE", NULL, 0,                                           \
                      "this client's .key file (`vigil keygen`), for CURVE")

/** Fills in *ret, which points into the lists and itself; returns VG_COMMAND_GO or an exit code. */
VG_NODISCARD int vg_endpoints_read(const struct vg_command *command,
                                   const struct vg_endpoint_options *options,
                                   struct vg_endpoints *ret);
/** Forgets the keys. */
void vg_endpoints_done(struct vg_endpoints *endpoints);
/** Says that none answers; returns the exit code. */
int vg_endpoints_unreachable(const struct vg_endpoints *endpoints);

#endif
