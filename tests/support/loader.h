/* loader.h - text as a configuration: written into a folder of its own, loaded, and what was said. */
#ifndef VG_TESTS_LOADER_H
#define VG_TESTS_LOADER_H

#include "runtime/config.h"

/** Of one test at a time. */
struct loader {
    char folder[64], path[128]; /**< of the folder and of the configuration in it */
    struct vg_config *config;   /**< the last that was loaded; NULL when it was refused */
    struct vg_buf talk;
    struct vg_err err;
};

extern struct loader loader;

/** For .init and .fini of a TestSuite. */
void loader_init(void);
void loader_done(void);

/** Writes a file into the folder, for its owner only. */
void loader_write(const char *name, const void *bytes, size_t n);

/** Loads a configuration. */
vg_status loader_load(const char *text);
vg_status loader_load_bytes(const void *bytes, size_t n);
/** It must load. */
void loader_good(const char *text);
/** It must be refused, and the report must say the message at the place, such as "3:34". */
void loader_bad(const char *text, const char *place, const char *message);

/** What the last report said; "" when there was none. */
const char *loader_said(void);
/** The report must have "path:PLACE: TEXT" at the start of a line. */
void loader_expect(const char *place, const char *text);

/* Parts of configurations. */
#define HEAD                  \
    "version: 1\n"            \
    "service: {name: unit}\n" \
    "source: {type: kafka, brokers: b, topic: t, start: latest}\n"
#define CHAIN             \
    "stages:\n"           \
    "  - {type: clean}\n" \
    "  - {type: alert}\n" \
    "sinks:\n"            \
    "  out: {type: console}\n"
#define PROFILES                                                         \
    "profiles:\n"                                                        \
    "  adult: {spo2: {low: 90 %}, hr: {low: 50 /min, high: 130 /min}}\n" \
    "  copd: {extends: adult, spo2: {low: 85 %}}\n"                      \
    "wards:\n"                                                           \
    "  icu-a: {name: Intensive, beds: {\"01\": {profile: copd}, \"02\": {}}}\n"
#define RULES                                           \
    "alert_rules:\n"                                    \
    "  low:\n"                                          \
    "    title: SpO2 low\n"                             \
    "    priority: high\n"                              \
    "    when: {channel: spo2, below: profile.low}\n"   \
    "    for: 10s\n"                                    \
    "    clear: {above: profile.low + 2 %, for: 15s}\n" \
    "  silent: {priority: medium, technical: true, when: {stale: any, longer_than: 30s}}\n"

#endif
