/* test_option.c - one table row per option: defaults, parsing, errors, printing. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "core/option.h"

struct sample {
    int64_t count;
    float ratio;
    bool on;
    int mode;
    char *name;
    char *token;
    int64_t wait_ns;
    int64_t skew_ns;
    uint64_t room;
    struct vg_channel_values limits;
    struct vg_strings list;
    struct vg_strings map;
};

static const char *const modes[] = { "device", "record", NULL };

static const struct vg_option table[] = {
    VG_OPT_INT(struct sample, count, "count", "3", 1, 100, "rows", 0, "How many."),
    VG_OPT_FLOAT(struct sample, ratio, "ratio", "0.5", 0, 1, "", VG_OPT_EVENTS, "How much."),
    VG_OPT_BOOL(struct sample, on, "on", "true", 0, "Whether."),
    VG_OPT_ENUM(struct sample, mode, "mode", "record", modes, 0, "Which."),
    VG_OPT_STRING(struct sample, name, "name", "icu", 0, "Who."),
    VG_OPT_STRING(struct sample, token, "token", NULL, VG_OPT_SECRET, "Not shown."),
    VG_OPT_DURATION(struct sample, wait_ns, "wait", "10s", 0, 86400, 0, "How long."),
    VG_OPT_DURATION(struct sample, skew_ns, "skew", "0", -60, 60, 0, "Either way."),
    VG_OPT_SIZE(struct sample, room, "room", "4MiB", 1024, 1 << 30, 0, "How big."),
    VG_OPT_CHANNELS(struct sample, limits, "limits", 0, "By channel."),
    VG_OPT_LIST(struct sample, list, "list", 0, "Several."),
    VG_OPT_MAP(struct sample, map, "map", 0, "By name."),
    VG_OPT_END,
};

static struct sample self;
static struct vg_err err;
static struct vg_buf out;

static void setup(void)
{
    vg_options_default(table, &self);
}

static void teardown(void)
{
    vg_options_done(table, &self);
    vg_buf_done(&out);
}

TestSuite(option, .init = setup, .fini = teardown, .timeout = 30);

static vg_status set(const char *name, const char *text)
{
    return vg_option_set(vg_option_find(table, name), &self, text, &err);
}

static vg_status add(const char *name, const char *key, const char *text)
{
    return vg_option_add(vg_option_find(table, name), &self, key, text, &err);
}

static const char *printed(const char *name)
{
    vg_buf_clear(&out);
    vg_option_print(vg_option_find(table, name), &self, &out);
    return out.data;
}

Test(option, defaults_are_parsed_like_what_a_user_writes)
{
    cr_assert_eq(self.count, 3);
    cr_assert_eq(self.ratio, 0.5f);
    cr_assert(self.on);
    cr_assert_eq(self.mode, 1);
    cr_assert_str_eq(self.name, "icu");
    cr_assert_null(self.token);
    cr_assert_eq(self.wait_ns, 10 * VG_NS_PER_S);
    cr_assert_eq(self.room, 4u << 20);
}

Test(option, an_unknown_name_is_not_found)
{
    cr_assert_null(vg_option_find(table, "counts"));
}

struct set_row {
    char name[16], text[32], shown[32];
};

ParameterizedTestParameters(option, values_are_set_and_print_canonically)
{
    static struct set_row rows[] = {
        { "count", "100", "100" },      { "ratio", "0.25", "0.25" },
        { "ratio", "1e-1", "0.1" },     { "on", "false", "false" },
        { "mode", "device", "device" }, { "name", "a \"b\"", "\"a \\\"b\\\"\"" },
        { "name", "", "\"\"" },         { "wait", "60s", "1m" },
        { "wait", "0", "0s" },          { "skew", "-30s", "-30s" },
        { "room", "64KiB", "64KiB" },   { "room", "1025", "1025" },
        { "token", "hunter2", "***" },
    };
    return cr_make_param_array(struct set_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct set_row *row, option, values_are_set_and_print_canonically)
{
    cr_assert_eq(set(row->name, row->text), VG_OK, "%s", err.msg);
    cr_assert_str_eq(printed(row->name), row->shown);
}

struct error_row {
    char name[16], text[32], message[160];
};

ParameterizedTestParameters(option, a_refused_value_says_what_was_expected)
{
    static struct error_row rows[] = {
        { "count", "12abc",
          "count: \"12abc\" is not a whole number; expected a whole number from 1 to 100 rows" },
        { "count", "0",
          "count: \"0\" is out of range; expected a whole number from 1 to 100 rows" },
        { "ratio", "NaN", "ratio: \"NaN\" is not a number; expected a number from 0 to 1" },
        { "ratio", "1.5", "ratio: \"1.5\" is out of range; expected a number from 0 to 1" },
        { "on", "yes", "on: \"yes\" is neither; expected true or false" },
        { "mode", "recrod",
          "mode: \"recrod\" is not known (did you mean \"record\"?); expected one of: device, "
          "record" },
        { "mode", "other", "mode: \"other\" is not known; expected one of: device, record" },
        { "wait", "12abc",
          "wait: \"12abc\" is not a duration; expected a number with a unit from 0s to 1d, such as "
          "\"10s\"" },
        { "wait", "-1s",
          "wait: \"-1s\" is out of range; expected a number with a unit from 0s to 1d, such as "
          "\"10s\"" },
        { "wait", "25h",
          "wait: \"25h\" is out of range; expected a number with a unit from 0s to 1d, such as "
          "\"10s\"" },
        { "skew", "-61s",
          "skew: \"-61s\" is out of range; expected a number with a unit from -1m to 1m, such as "
          "\"10s\"" },
        { "room", "4MB",
          "room: \"4MB\" is not a size; expected a size from 1KiB to 1GiB, such as \"4MiB\"" },
        { "limits", "90 %",
          "limits: \"90 %\" is a single value; expected a mapping of channels to quantities, such "
          "as "
          "\"spo2: 90 %\"" },
        { "list", "a", "list: \"a\" is a single value; expected a list of text" },
    };
    return cr_make_param_array(struct error_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct error_row *row, option, a_refused_value_says_what_was_expected)
{
    char before[64];

    snprintf(before, sizeof(before), "%s", printed(row->name));
    cr_assert_eq(set(row->name, row->text), VG_E_CONFIG);
    cr_assert_str_eq(err.msg, row->message);
    cr_assert_str_eq(err.option, row->name);
    cr_assert_str_eq(printed(row->name), before, "a refused value must not be stored");
}

Test(option, an_error_shows_only_the_start_of_a_long_value_and_nothing_of_a_secret)
{
    static const struct vg_option secret = { .type = VG_OPT_INT_,
                                             .name = "pin",
                                             .flags = VG_OPT_SECRET };
    char text[400];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_assert_eq(set("count", text), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "xxx...\" is not a whole number; expected"), "%s", err.msg);
    cr_assert_eq(vg_option_set(&secret, &self.count, "hunter2", &err), VG_E_CONFIG);
    cr_assert_null(strstr(err.msg, "hunter2"));
    cr_assert_str_eq(err.msg, "pin: the secret is not a whole number; expected a whole number");
}

Test(option, a_duration_without_bounds_is_still_not_negative)
{
    static const struct vg_option age =
        VG_OPT_DURATION(struct sample, wait_ns, "age", NULL, 0, 0, 0, "How old.");

    cr_assert_eq(vg_option_set(&age, &self, "1000d", &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_option_set(&age, &self, "-1s", &err), VG_E_CONFIG);
    cr_assert_str_eq(err.msg,
                     "age: \"-1s\" is out of range; expected a number with a unit, such as "
                     "\"10s\"");
}

Test(option, a_string_may_be_set_again)
{
    cr_assert_eq(set("name", "first"), VG_OK);
    cr_assert_eq(set("name", "second"), VG_OK);
    cr_assert_str_eq(self.name, "second");
}

Test(option, channels_take_quantities_in_the_channels_unit)
{
    cr_assert_eq(add("limits", "spo2", "90 %"), VG_OK, "%s", err.msg);
    cr_assert_eq(add("limits", "etco2", "8 kPa"), VG_OK, "%s", err.msg);
    cr_assert_eq(self.limits.set, 1u << VG_CHANNEL_spo2 | 1u << VG_CHANNEL_etco2);
    cr_assert_eq(self.limits.value[VG_CHANNEL_spo2], 90.0f);
    cr_assert_str_eq(printed("limits"), "{spo2: 90 %, etco2: 60.004925 mm[Hg]}");
}

Test(option, a_wrong_channel_or_quantity_is_named)
{
    cr_assert_eq(add("limits", "spo", "90 %"), VG_E_CONFIG);
    cr_assert_str_eq(err.msg, "limits: unknown channel \"spo\", did you mean \"spo2\"?");
    cr_assert_eq(add("limits", "banana", "90 %"), VG_E_CONFIG);
    cr_assert_str_eq(err.msg,
                     "limits: unknown channel \"banana\"; `vigil list` shows the channels");
    cr_assert_eq(add("limits", "spo2", "90"), VG_E_CONFIG);
    cr_assert_str_eq(err.msg,
                     "limits: spo2: \"90\" is not a quantity; expected a number with a unit "
                     "that converts to %, such as \"90 %\"");
    cr_assert_eq(self.limits.set, 0);
    cr_assert_eq(add("limits", "spo2", "90 %"), VG_OK);
    cr_assert_eq(add("limits", "spo2", "91 %"), VG_E_CONFIG);
    cr_assert_str_eq(err.msg, "limits: \"spo2\" is given twice; keep one");
    cr_assert_eq(self.limits.value[VG_CHANNEL_spo2], 90.0f);
}

Test(option, lists_and_maps_keep_their_order)
{
    cr_assert_eq(add("list", NULL, "b"), VG_OK);
    cr_assert_eq(add("list", NULL, "a"), VG_OK);
    cr_assert_eq(add("map", "k2", "v2"), VG_OK);
    cr_assert_eq(add("map", "k1", "v1"), VG_OK);
    cr_assert_str_eq(printed("list"), "[\"b\", \"a\"]");
    cr_assert_str_eq(printed("map"), "{\"k2\": \"v2\", \"k1\": \"v1\"}");
    cr_assert_eq(add("map", "k1", "v3"), VG_E_CONFIG);
    cr_assert_str_eq(err.msg, "map: \"k1\" is given twice; keep one");
    cr_assert_eq(add("count", NULL, "1"), VG_E_CONFIG);
}

Test(option, what_is_freed_may_be_freed_again)
{
    cr_assert_eq(add("map", "k", "v"), VG_OK);
    vg_options_done(table, &self);
    cr_assert_null(self.name);
    cr_assert_eq(self.map.n, 0);
}
