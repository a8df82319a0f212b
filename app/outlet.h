/* outlet.h - where simulate and replay write to: a Kafka topic or standard output, at some speed.
 *
 * A message is held until its record time has come: the first one at once, the others as long after
 * it as their record times say, divided by the speed. SIGINT and SIGTERM end the writing in good
 * order. One thread, one outlet in a process.
 */
#ifndef VG_APP_OUTLET_H
#define VG_APP_OUTLET_H

#include "app/command.h"
#include "app/produce.h"
#include "app/progress.h"

/** What the command line says; the first member of a verb's options. */
struct vg_outlet_options {
    char *brokers, *topic, *to, *speed;
    int progress;
};

/* clang-format off */
/** The rows of these options in the table of a verb whose struct has them as `outlet`. */
#define VG_OUTLET_ROWS(T) \
    VG_CLI_STRING(T, outlet.brokers, "brokers", "HOST:PORT", NULL, 0, \
                  "Kafka brokers to write to, comma-separated"), \
    VG_CLI_STRING(T, outlet.topic, "topic", "NAME", NULL, 0, "Kafka topic to write to"), \
    VG_CLI_STRING(T, outlet.to, "to", "-", NULL, 0, \
                  "write to standard output instead, one message a line"), \
    VG_CLI_STRING(T, outlet.speed, "speed", "SPEED", "max", 0, \
                  "real, max, or how many times faster than real (\"60\")"), \
    VG_OPT_ENUM(T, outlet.progress, "progress", "auto", vg_progress_modes, 0, \
                "how far the work is, on standard error")
/* clang-format on */

struct vg_outlet {
    struct vg_producer *producer; /* NULL: standard output */
    double speed;                 /* 0: max */
    int64_t first_record_ns, first_mono_ns;
    uint64_t rows, messages;
    struct vg_progress progress;
    char target[128]; /* for people */
};

/** Checks the options, connects, and takes the two signals. `what` names the work, `rows` is how
 *  many there will be (0: unknown). The caller calls vg_outlet_close() in every case. */
VG_NODISCARD vg_status vg_outlet_open(struct vg_outlet *out,
                                      const struct vg_outlet_options *options, const char *what,
                                      uint64_t rows, struct vg_err *err);

/** Writes one message of `rows` rows when its time has come. */
VG_NODISCARD vg_status vg_outlet_write(struct vg_outlet *out, const char *key, const char *message,
                                       size_t len, uint32_t rows, int64_t record_ns,
                                       struct vg_err *err);

/** A signal asked to stop. */
bool vg_outlet_stopped(void);

/** Waits until everything is delivered and says on standard error what was written. */
VG_NODISCARD vg_status vg_outlet_finish(struct vg_outlet *out, struct vg_err *err);

void vg_outlet_close(struct vg_outlet *out);

#endif
