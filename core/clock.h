/* clock.h - the machine's clocks. Not for stages and models: what they say depends on log time alone
 * (tests/unit/check_layers.py). */
#ifndef VG_CORE_CLOCK_H
#define VG_CORE_CLOCK_H

#include <stdint.h>

int64_t vg_mono_ns(void);       /**< monotonic clock */
int64_t vg_wall_ns(void);       /**< since 1970 */
int64_t vg_thread_cpu_ns(void); /**< that the calling thread has run on a processor */

#endif
