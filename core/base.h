/* base.h - the few macros that every file may use. */
#ifndef VG_CORE_BASE_H
#define VG_CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VG_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define VG_NODISCARD     __attribute__((warn_unused_result))
#define VG_PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define VG_STRINGIFY_(x) #x
#define VG_STRINGIFY(x)  VG_STRINGIFY_(x)

/** Nanoseconds; every time and duration in Vigil is an int64_t of them, since 1970 in UTC. */
#define VG_NS_PER_MS INT64_C(1000000)
#define VG_NS_PER_S  INT64_C(1000000000)

/** "No time": a timer that is not armed, a clock that has not started. */
#define VG_TIME_NONE INT64_MIN
#define VG_TIME_MAX  INT64_MAX

/** Bounds of identifiers; longer ones are refused where they enter. The sizes include the NUL. */
enum {
    VG_PATIENT_SIZE = 65, /**< patient pseudonym: 1..64 printable ASCII bytes without space */
    VG_BED_SIZE = 65,     /**< bed label, "ward/bed" */
    VG_WARD_SIZE = 33,    /**< [a-z0-9-]{1,32} */
    VG_NAME_SIZE = 65,    /**< names in a configuration: rules, sinks, models, profiles */
};

/** Stops the program: a bug of ours was found. Stays on in release builds. */
#define VG_CHECK(cond)                                            \
    do {                                                          \
        if (__builtin_expect(!(cond), 0))                         \
            vg_check_failed(#cond, __FILE__, __LINE__, __func__); \
    } while (0)

__attribute__((noreturn, cold)) void vg_check_failed(const char *cond, const char *file, int line,
                                                     const char *func);

#endif
