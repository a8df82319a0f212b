/* record_play.h - a recording (runtime/record_file.h) through chains, offline.
 *
 * Every record and every command at its place, as ingest would have put them in; the events are those
 * of a live pipeline with that configuration, byte for byte. A change of configuration that was
 * recorded is passed over: here one configuration holds from the beginning to the end.
 */
#ifndef VG_APP_RECORD_PLAY_H
#define VG_APP_RECORD_PLAY_H

#include "app/progress.h"
#include "runtime/offline.h"
#include "runtime/record_file.h"

/** Plays everything that is left into each of `chains` and lets out what waits. Tells each of them
 *  which log this is first. VG_E_IO for a damaged file, after which events of its first part may have
 *  been told. */
VG_NODISCARD vg_status vg_record_play(struct vg_record_reader *reader,
                                      struct vg_offline *const *chains, size_t n,
                                      struct vg_progress *progress, struct vg_err *err);

/** `vigil run --recording`: prints the events of a recording as NDJSON to standard output, and what
 *  was done to standard error. */
VG_NODISCARD vg_status vg_record_print_events(const struct vg_config *config, const char *path,
                                              struct vg_err *err);

#endif
