/* config_tests.h - section `tests` of a configuration: what goes in, and which events must come out.
 *
 * Read and checked with the rest of the file (runtime/config.h), so that a test cannot name a rule,
 * a channel or a profile that is not there; run by `vigil test` (app/config_test.h). What the keys
 * mean: docs/testing-configs.md. All times count from the beginning of the test.
 */
#ifndef VG_RUNTIME_CONFIG_TESTS_H
#define VG_RUNTIME_CONFIG_TESTS_H

#include "core/decoder.h"
#include "core/event.h"
#include "core/order.h"

/** What a device says of a channel in one row. */
struct vg_test_value {
    float value;     /**< channel units; +0.0 unless usable */
    uint8_t quality; /**< enum vg_quality; ABSENT: nothing in this row */
    uint8_t reason;  /**< enum vg_reason */
};

/** A channel over the rows of an input. */
struct vg_test_series {
    int channel;
    bool ramp; /**< two values: from the first in the first row to the second in the last */
    uint32_t n;
    struct vg_test_value *value; /**< [n]; begins again at its end */
};

/** Rows of one patient at even distances. */
struct vg_test_input {
    uint32_t line;
    int64_t at_ns, every_ns; /**< record time of the first row, and to the next */
    uint32_t count;
    bool no_time;   /**< the device gives its rows no time */
    int64_t age_ns; /**< how far the device's time is behind the record's; negative: ahead */
    char patient[VG_PATIENT_SIZE];
    char bed[VG_BED_SIZE];
    struct vg_test_series *series;
    uint32_t series_n;
};

/** What somebody does while the test runs, after the rows of the same time. */
struct vg_test_command {
    uint32_t line;
    int64_t at_ns;
    struct vg_order order;         /**< without episode_id and command_id */
    char rule[VG_NAME_SIZE];       /**< about episodes: whose open ones */
    char patient[VG_PATIENT_SIZE]; /**< about episodes: only this one's, or ""; else whom */
    char answer[VG_NAME_SIZE];     /**< code that is answered; "": it is obeyed */
};

/** A member of an event and what it must be. */
struct vg_test_member {
    uint32_t line;
    char *path; /**< "priority", "limit.low" */
    char *want; /**< NULL: the member must be absent. "*" stands for any run of characters */
};

/** An event that must come. */
struct vg_test_expect {
    uint32_t line;
    int64_t at_ns, tolerance_ns;
    int64_t onset_ns; /**< VG_TIME_NONE: not said */
    char rule[VG_NAME_SIZE];
    int phase; /**< enum vg_phase */
    struct vg_test_member *member;
    uint32_t members;
};

struct vg_test_rules {
    char (*name)[VG_NAME_SIZE];
    uint32_t n;
};

struct vg_config_test {
    char *name;
    uint32_t line;
    int profile; /**< index into site.profiles of the patients without a bed; -1: not said */
    struct vg_test_input *input;
    uint32_t inputs;
    struct vg_test_command *command; /**< in the order of their times */
    uint32_t commands;
    struct vg_test_expect *expect; /**< in the order of their times */
    uint32_t expects;
    bool silent_others;          /**< expect_none: others */
    struct vg_test_rules silent; /**< rules that must not say anything */
    bool has_at_end;
    struct vg_test_rules at_end; /**< rules whose episodes are open at the end, and no others are */
    int64_t until_ns;            /**< end of the test */
};

enum {
    VG_TEST_ROWS_MAX = 1000000, /**< of one input */
    VG_TEST_DAYS_MAX = 31,
};
#define VG_TEST_SECONDS_MAX (VG_TEST_DAYS_MAX * 86400.0)

/** The bed of patients that are given none: not declared by any ward. */
#define VG_TEST_BED "test/01"

/** What `series` says in row `i` of the `count` rows of its input. */
struct vg_test_value vg_test_series_at(const struct vg_test_series *series, uint32_t i,
                                       uint32_t count);

void vg_config_tests_free(struct vg_config_test *tests, uint32_t n);

#endif
