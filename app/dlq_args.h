/* dlq_args.h - which letters a `vigil dlq` command is about, and in which outbox. */
#ifndef VG_APP_DLQ_ARGS_H
#define VG_APP_DLQ_ARGS_H

#include "app/command.h"
#include "runtime/audit.h"
#include "runtime/letters.h"

/** What the command line says; the first member of a command's options. */
struct vg_dlq_options {
    char *config, *data_dir, *sink, *reason, *since;
    int64_t shard;
    bool done, all;
};

/* clang-format off */
/** The rows of these options in the table of a command whose struct has them as `which`. */
#define VG_DLQ_ROWS(T) \
    VG_CLI_STRING(T, which.config, "config", "FILE", NULL, 0, \
                  "the configuration of the pipeline, for its service.data_dir"), \
    VG_CLI_STRING(T, which.data_dir, "data_dir", "DIR", NULL, 0, \
                  "the pipeline's service.data_dir, instead of --config"), \
    VG_CLI_STRING(T, which.sink, "sink", "NAME", NULL, 0, \
                  "only events that this sink refused"), \
    VG_CLI_STRING(T, which.reason, "reason", "TEXT", NULL, 0, \
                  "only those with this in their reason"), \
    VG_CLI_STRING(T, which.since, "since", "DURATION", NULL, 0, \
                  "only those stored within the last 10m, 2h, 3d ..."), \
    VG_OPT_INT(T, which.shard, "shard", "-1", -1, 1023, "", 0, \
               "only of this partition; -1: of any"), \
    VG_OPT_BOOL(T, which.done, "done", "false", 0, \
                "also those that went through when they were tried again")
/* clang-format on */

/** One set of letters after another: the filter of the options, narrowed by one ID each. */
struct vg_dlq {
    const struct vg_command *command;
    struct vg_letters *letters;
    struct vg_audit *audit; /**< of those that change something; else NULL */
    struct vg_letter_filter filter;
    char *const *id; /**< what is left of the arguments; NULL-terminated */
    char sink[VG_NAME_SIZE];
    bool first;
};

/**
 * Opens the outbox that the options name. Returns VG_COMMAND_GO, or an exit code after a message. IDs
 * are PARTITION/OFFSET, PARTITION/OFFSET/ROW and SINK:SEQ, as `list` prints them.
 */
int vg_dlq_open(struct vg_dlq *d, const struct vg_command *command,
                const struct vg_dlq_options *options, char *const *ids, bool writable);
void vg_dlq_close(struct vg_dlq *d);

/** Records who did what with how many, beside the letters and in the audit log: action "retry",
 *  "purge" or "export". */
VG_NODISCARD vg_status vg_dlq_record(struct vg_dlq *d, const char *action,
                                     const struct vg_letter_counts *counts, struct vg_err *err);

/** The next set; without IDs there is one. False at the end, with VG_E_USAGE in *err for an ID that is
 *  none. */
VG_NODISCARD bool vg_dlq_next(struct vg_dlq *d, struct vg_letter_filter *ret, struct vg_err *err);

/** Whether the options or IDs leave any letter out. */
bool vg_dlq_narrowed(const struct vg_dlq_options *options, char *const *ids);

#endif
