/* test_channel.c - the table of vital signs, look-ups by any code, and units. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/channel.h"

TestSuite(channel, .timeout = 30);

static int lookup(const char *key)
{
    return vg_channel_lookup(key, strlen(key));
}

Test(channel, the_table_makes_sense)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        const struct vg_channel *ch = &vg_channels[c];

        cr_assert(ch->name[0] && ch->title[0] && ch->ucum[0]);
        cr_assert(c >= VG_MEASURED || (ch->mdc[0] && ch->unit[0]), "%s", ch->name);
        cr_assert(c < VG_MEASURED || ch->episodic, "%s", ch->name);
        cr_assert_eq(ch->mdc[0] != '\0', ch->mdc_code != 0, "%s", ch->name);
        cr_assert_lt(ch->low, ch->high, "%s", ch->name);
        cr_assert_gt(ch->period_ns, 0, "%s", ch->name);
        cr_assert_geq(ch->validity_ns, ch->period_ns, "%s", ch->name);
    }
    cr_assert(vg_channels[VG_CHANNEL_hr].zero_is_value);
    cr_assert_not(vg_channels[VG_CHANNEL_pulse].zero_is_value);
    cr_assert(vg_channels[VG_CHANNEL_nibp_sys].episodic);
    cr_assert_not(vg_channels[VG_CHANNEL_abp_sys].episodic);
    cr_assert_eq(vg_channels[VG_CHANNEL_spo2].validity_ns, 10 * VG_NS_PER_S);
}

/* Also the proof that the generated look-up covers every length of key. */
Test(channel, every_name_and_code_finds_its_channel_and_no_two_share_one)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        char code[16];

        snprintf(code, sizeof(code), "%u", vg_channels[c].mdc_code);
        cr_assert_eq(lookup(vg_channels[c].name), c);
        if (vg_channels[c].mdc[0]) {
            cr_assert_eq(lookup(vg_channels[c].mdc), c);
            cr_assert_eq(lookup(code), c);
        }
        if (vg_channels[c].loinc[0])
            cr_assert_eq(lookup(vg_channels[c].loinc), c);
        cr_assert_eq(vg_channel_find(vg_channels[c].name), c);
    }
}

Test(channel, every_alias_finds_its_channel)
{
#define VG_CHANNEL(...)
#define VG_CHANNEL_ALIAS(name, code) cr_assert_eq(lookup(code), VG_CHANNEL_##name, "%s", code);
#define VG_CHANNEL_WORD(name, word, meaning)
#include "core/channels.def"
#undef VG_CHANNEL
#undef VG_CHANNEL_ALIAS
#undef VG_CHANNEL_WORD
}

struct key_row {
    char key[40];
};

ParameterizedTestParameters(channel, what_is_no_key_finds_nothing)
{
    static struct key_row rows[] = {
        { "" },
        { "x" },
        { "HR" },
        { "spo" },
        { "spo22" },
        { "0" },
        { "150017" },
        { "8480-6" },
        { "150456 " },
        { "MDC_PULS_OXIM_SAT_O2_" },
        { "a-key-of-more-bytes-than-any-code" },
    };
    return cr_make_param_array(struct key_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct key_row *row, channel, what_is_no_key_finds_nothing)
{
    cr_assert_eq(lookup(row->key), VG_CHANNEL_NONE);
}

Test(channel, a_name_is_the_only_key_for_configurations)
{
    cr_assert_eq(vg_channel_find("150456"), VG_CHANNEL_NONE);
    cr_assert_eq(vg_channel_find("SpO2"), VG_CHANNEL_NONE);
}

Test(channel, keys_are_counted_bytes)
{
    cr_assert_eq(vg_channel_lookup("spo2\":97", 4), VG_CHANNEL_spo2);
}

Test(channel, words_stand_for_values_in_the_order_of_the_table)
{
    cr_assert_eq(vg_channel_words(VG_CHANNEL_acvpu), 5);
    cr_assert_eq(vg_channel_words(VG_CHANNEL_gcs), 0);
    cr_assert_eq(vg_channel_word(VG_CHANNEL_acvpu, "A", 1), 0);
    cr_assert_eq(vg_channel_word(VG_CHANNEL_acvpu, "v", 1), 2);
    cr_assert_eq(vg_channel_word(VG_CHANNEL_acvpu, "Unresponsive", 12), 4);
    cr_assert_eq(vg_channel_word(VG_CHANNEL_acvpu, "Al", 2), -1);
    cr_assert_eq(vg_channel_word(VG_CHANNEL_acvpu, "", 0), -1);
    cr_assert_eq(vg_channel_word(VG_CHANNEL_hr, "A", 1), -1);
    cr_assert_str_eq(vg_channel_word_text(VG_CHANNEL_acvpu, 1), "C");
    cr_assert_str_eq(vg_channel_word_meaning(VG_CHANNEL_acvpu, 1), "confusion");
    cr_assert_str_eq(vg_channel_word_text(VG_CHANNEL_acvpu, 5), "");
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (vg_channel_words(c) > 0)
            cr_assert_eq(vg_channels[c].high, (float)(vg_channel_words(c) - 1));
    }
}

struct unit_row {
    int channel;
    char unit[24];
    bool ok;
    double value, expect;
};

ParameterizedTestParameters(channel, units_convert_by_declared_code_only)
{
    static struct unit_row rows[] = {
        { VG_CHANNEL_abp_sys, "mm[Hg]", true, 120, 120 },
        { VG_CHANNEL_abp_sys, "kPa", true, 16, 120.00985213530503 },
        { VG_CHANNEL_abp_sys, "mmHg", true, 120, 120 },
        { VG_CHANNEL_temp, "[degF]", true, 98.6, 37 },
        { VG_CHANNEL_temp, "K", true, 310.15, 37 },
        { VG_CHANNEL_temp, "Cel", true, 37, 37 },
        { VG_CHANNEL_hr, "/min", true, 60, 60 },
        { VG_CHANNEL_hr, "Hz", true, 1, 60 },
        { VG_CHANNEL_spo2, "1", true, 0.97, 97 },
        { VG_CHANNEL_spo2, "mm[Hg]", false, 97, 0 },
        { VG_CHANNEL_hr, "kPa", false, 60, 0 },
        { VG_CHANNEL_temp, "", false, 37, 0 },
        { VG_CHANNEL_temp, "C", false, 37, 0 },
        { VG_CHANNEL_abp_sys, "KPA", false, 16, 0 },
    };
    return cr_make_param_array(struct unit_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct unit_row *row, channel, units_convert_by_declared_code_only)
{
    double value = -1;
    bool ok = vg_unit_convert(row->channel, row->unit, strlen(row->unit), row->value, &value);

    cr_assert_eq(ok, row->ok);
    if (ok)
        cr_assert_float_eq(value, row->expect, 1e-9, "%.17g", value);
    else
        cr_assert_eq(value, -1.0);
}

struct quantity_row {
    int channel;
    char text[24];
    bool ok;
    float value;
};

ParameterizedTestParameters(channel, quantities_need_a_number_and_a_unit)
{
    static struct quantity_row rows[] = {
        { VG_CHANNEL_spo2, "90 %", true, 90 },
        { VG_CHANNEL_spo2, "90%", true, 90 },
        { VG_CHANNEL_hr, "50 /min", true, 50 },
        { VG_CHANNEL_etco2, "8 kPa", true, 60.004926f },
        { VG_CHANNEL_temp, "38.5 Cel", true, 38.5f },
        { VG_CHANNEL_temp, "38.5 °C", true, 38.5f },
        { VG_CHANNEL_abp_mean, "65 mmHg", true, 65 },
        { VG_CHANNEL_abp_mean, "-5 mm[Hg]", true, -5 },
        { VG_CHANNEL_gcs, "9", true, 9 },
        { VG_CHANNEL_gcs, "9 {score}", true, 9 },
        { VG_CHANNEL_acvpu, "V", true, 2 },
        { VG_CHANNEL_acvpu, "confusion", true, 1 },
        { VG_CHANNEL_acvpu, "X", false, 0 },
        { VG_CHANNEL_oxygen, "2", false, 0 },
        { VG_CHANNEL_oxygen, "2 L/min", true, 2 },
        { VG_CHANNEL_spo2, "90", false, 0 },
        { VG_CHANNEL_spo2, "90  %", false, 0 },
        { VG_CHANNEL_spo2, "% 90", false, 0 },
        { VG_CHANNEL_spo2, "90 /min", false, 0 },
        { VG_CHANNEL_spo2, "90 % ", false, 0 },
        { VG_CHANNEL_spo2, "", false, 0 },
        { VG_CHANNEL_spo2, "1e39 %", false, 0 },
    };
    return cr_make_param_array(struct quantity_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct quantity_row *row, channel, quantities_need_a_number_and_a_unit)
{
    float value = -99;

    cr_assert_eq(vg_parse_quantity(row->text, row->channel, &value), row->ok, "%s", row->text);
    cr_assert_eq(value, row->ok ? row->value : -99, "%s gave %.9g", row->text, (double)value);
}

Test(channel, only_good_and_suspect_are_usable)
{
    for (uint8_t q = VG_Q_ABSENT; q <= VG_Q_MISSING; q++)
        cr_assert_eq(vg_usable(q), q == VG_Q_GOOD || q == VG_Q_SUSPECT, "%s", vg_quality_name(q));
}

Test(channel, qualities_and_reasons_have_names)
{
    cr_assert_str_eq(vg_quality_name(VG_Q_IMPUTED), "imputed");
    cr_assert_str_eq(vg_reason_name(VG_REASON_PROBE_OFF), "probe_off");
    cr_assert_str_eq(vg_reason_text(VG_REASON_PROBE_OFF), "probe or lead off");
    cr_assert_str_eq(vg_reason_name(VG_REASON_NO_DATA), "no_data");
}

Test(channel, a_difference_is_as_exact_in_another_unit)
{
    float value;

    cr_assert(vg_parse_difference("0.7 K", VG_CHANNEL_temp, &value));
    cr_assert_eq(value, 0.7F);
    cr_assert(vg_parse_difference("2 [degF]", VG_CHANNEL_temp, &value));
    cr_assert_eq(value, (float)(2 / 1.8));
    cr_assert(vg_parse_difference("3 %", VG_CHANNEL_spo2, &value));
    cr_assert_eq(value, 3);
    cr_assert_not(vg_parse_difference("3 mm[Hg]", VG_CHANNEL_spo2, &value));
    cr_assert_not(vg_parse_difference("V", VG_CHANNEL_acvpu, &value));
}
