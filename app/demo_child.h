/* demo_child.h - this program again, with another verb, for as long as the demo lasts. */
#ifndef VG_APP_DEMO_CHILD_H
#define VG_APP_DEMO_CHILD_H

#include <sys/types.h>

/** Starts this program with another verb and one or two arguments (`second` may be NULL); it dies with
 *  this process. `out` and `talk`: where its standard output and error go; -1: here. Negative when
 *  there is no process. */
pid_t vg_demo_start(const char *verb, const char *first, const char *second, int out, int talk);

/** Waits at most timeout_s for a child; its exit code, or -1. *pid becomes 0 when it has ended. */
int vg_demo_reap(pid_t *pid, int timeout_s);

/** Ends a child at once, if there is one. */
void vg_demo_kill(pid_t *pid);

#endif
