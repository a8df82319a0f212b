/* validate_env.h - whether what a configuration talks to is there. */
#ifndef VG_APP_VALIDATE_ENV_H
#define VG_APP_VALIDATE_ENV_H

#include "runtime/config.h"

enum vg_env_result { VG_ENV_OK, VG_ENV_FAILED, VG_ENV_NOT_TRIED };

/** `what`: "source", "sink NAME", "service.data_dir"; `text` says more, or "". Never a secret. */
typedef void vg_env_tell(void *arg, const char *what, enum vg_env_result result, const char *text);

/**
 * Tries each connection of a loaded configuration for a few seconds. The source is opened as run would,
 * without joining a group, which shows that a broker answers, that the topic exists, and that it is the one
 * whose state is in data_dir. Of a receiver
 * it is known afterwards that it takes a connection, not that it takes events. Nothing is sent, no file is
 * made, and nothing listens: what a running pipeline has open is no failure.
 */
void vg_env_try(struct vg_config *config, vg_env_tell *tell, void *arg);

#endif
