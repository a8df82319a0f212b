/* running.h - the pipeline of a configuration as it runs, for verbs that ask it over HTTP. */
#ifndef VG_APP_RUNNING_H
#define VG_APP_RUNNING_H

#include <jansson.h>

#include "runtime/config.h"

/** The option that all of them have. */
#define VG_RUNNING_AT(T)                                \
    VG_CLI_STRING(T, at, "at", "ADDRESS:PORT", NULL, 0, \
                  "where the pipeline is reached, instead of its service.http.listen")

struct vg_running {
    struct vg_config *config;
    const char *address, *token; /**< of the configuration, or the address that was given instead */
};

/** Reads where it is from the configuration at `path`, which tells on standard error what is wrong with it;
 *  `at` (NULL: none) is used instead. VG_E_CONFIG when it has no server or no token. */
VG_NODISCARD vg_status vg_running_find(const char *path, const char *at, struct vg_running *ret,
                                       struct vg_err *err);
/** Also after a failure; of a zeroed struct, too. */
void vg_running_done(struct vg_running *r);

/** Its state (../docs/http.md), as text and as JSON, to be freed by json_decref(). VG_E_UNAVAILABLE when
 *  it does not answer. `text` may be NULL. */
VG_NODISCARD vg_status vg_running_state(const struct vg_running *r, struct vg_buf *text,
                                        json_t **ret, struct vg_err *err);

/* Members of the state: "" or 0 where there is none. */
const char *vg_state_text(const json_t *of, const char *key);
long long vg_state_number(const json_t *of, const char *key);
double vg_state_real(const json_t *of, const char *key);
enum { VG_STATE_SECONDS = 24 };
/** A number of seconds as people say it, "3 ms", "41.0 s", "12 min", "30 h", "266 days"; "-" for null. */
const char *vg_state_seconds(const json_t *value, char out[VG_STATE_SECONDS]);
/** The entry of that name in a list of objects; NULL: there is none. */
const json_t *vg_state_named(const json_t *list, const char *name);
/** Seconds since it was started. */
double vg_state_uptime_s(const json_t *state);

#endif
