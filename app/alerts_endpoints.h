/* alerts_endpoints.h - which pipelines `vigil alerts` talks to. */
#ifndef VG_APP_ALERTS_ENDPOINTS_H
#define VG_APP_ALERTS_ENDPOINTS_H

#include "app/command.h"
#include "client/vigil_client.h"

enum { VG_ENDPOINTS_MAX = 16, VG_ADDRESS_SIZE = 160 };

struct vg_endpoints {
    struct vigil_endpoint at[VG_ENDPOINTS_MAX];
    char control[VG_ENDPOINTS_MAX][VG_ADDRESS_SIZE]; /**< where it is not given */
    size_t n;
};

/** Rows of the option table of a struct with the lists `publish` and `control`. */
#define VG_ENDPOINT_OPTIONS(O)                                                                     \
    VG_CLI_LIST(O, publish, "connect", "ADDRESS", 0,                                               \
                "`publish` address of the pipeline's zeromq sink (default tcp://127.0.0.1:5557); " \
                "one for each instance"),                                                          \
        VG_CLI_LIST(O, control, "control", "ADDRESS", 0,                                           \
                    "its `control` address, as many as --connect (default: the port after it)")

/** Fills in *ret, which points into the lists and itself; returns VG_COMMAND_GO or an exit code. */
VG_NODISCARD int vg_endpoints_read(const struct vg_command *command,
                                   const struct vg_strings *publish,
                                   const struct vg_strings *control, struct vg_endpoints *ret);
/** Says that none answers; returns the exit code. */
int vg_endpoints_unreachable(const struct vg_endpoints *endpoints);

#endif
