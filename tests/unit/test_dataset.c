/* Patients as ticks: sources, parts, scales, and what a model is shown. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dataset.h"
#include "models/kernel.h"

static struct vg_dataset_spec spec_of(const char *text)
{
    struct vg_dataset_spec spec;
    struct vg_err err;

    vg_dataset_spec_init(&spec);
    cr_assert_eq(vg_dataset_parse(&spec, text, &err), VG_OK, "%s", err.msg);
    return spec;
}

static struct vg_dataset *build(struct vg_dataset_spec *spec, uint32_t workers)
{
    struct vg_dataset *d;
    struct vg_err err;

    cr_assert_eq(vg_dataset_build(spec, workers, NULL, NULL, &d, &err), VG_OK, "%s", err.msg);
    return d;
}

/* One channel, one patient for each letter of `ids`, four ticks of 0, 1, 2, 3 plus his number. */
static struct vg_dataset *small(const char *ids)
{
    const int channel[] = { VG_CHANNEL_hr };
    struct vg_dataset *d = vg_dataset_new(channel, 1, 30 * VG_NS_PER_S);

    for (int i = 0; ids[i]; i++) {
        const char id[2] = { ids[i], '\0' };
        struct vg_dataset_patient *p = vg_dataset_add(d, id, 0, 4);

        for (int t = 0; t < 4; t++) {
            p->value[t] = (float)(t + i);
            p->quality[t] = VG_Q_GOOD;
            p->age_s[t] = 1;
        }
    }
    return d;
}

/* ---- specifications ---- */

Test(dataset, a_short_form_sets_what_it_names_and_leaves_the_rest)
{
    struct vg_dataset_spec spec =
        spec_of("simulator:patients=5,duration=90m,seed=7,scenario_share=0.5");

    cr_assert_eq(spec.source, VG_DATA_SIMULATOR);
    cr_assert_eq(spec.simulator.patients, 5);
    cr_assert_eq(spec.simulator.duration_ns, 5400 * VG_NS_PER_S);
    cr_assert_eq(spec.simulator.artefact_rate, 1.0f);
    vg_dataset_spec_done(&spec);
    spec = spec_of("csv:files=a.csv,b.csv,map=m.yaml");
    cr_assert_eq(spec.csv.files.n, 2);
    cr_assert_str_eq(spec.csv.files.value[1], "b.csv");
    cr_assert_str_eq(spec.csv.map, "m.yaml");
    vg_dataset_spec_done(&spec);
    spec = spec_of("kafka:brokers=h1:9092,h2:9092,topic=t");
    cr_assert_str_eq(spec.kafka.brokers, "h1:9092,h2:9092");
    cr_assert_str_eq(spec.kafka.topic, "t");
    vg_dataset_spec_done(&spec);
}

struct bad {
    char text[64], says[64];
};

ParameterizedTestParameters(dataset, a_wrong_short_form_is_refused_with_the_word)
{
    static struct bad bad[] = {
        { "", "expected simulator" },
        { "simulators", "expected simulator" },
        { "simulator:patient=5", "\"patient=5\" is no KEY=VALUE" },
        { "simulator:patients", "\"patients\" is no KEY=VALUE" },
        { "simulator:patients=0", "patients" },
        { "simulator:duration=4", "not a duration" },
        { "csv:topic=x", "\"topic=x\" is no KEY=VALUE of csv" },
    };

    return cr_make_param_array(struct bad, bad, VG_ARRAY_LEN(bad));
}

ParameterizedTest(struct bad *bad, dataset, a_wrong_short_form_is_refused_with_the_word)
{
    struct vg_dataset_spec spec;
    struct vg_err err;

    vg_dataset_spec_init(&spec);
    cr_assert_eq(vg_dataset_parse(&spec, bad->text, &err), VG_E_USAGE);
    cr_assert(strstr(err.msg, bad->says), "%s", err.msg);
    vg_dataset_spec_done(&spec);
}

/* ---- parts ---- */

Test(dataset, a_place_hangs_on_the_person_and_the_salt)
{
    cr_assert_eq(vg_dataset_place("p-1", "a"), vg_dataset_place("p-1", "a"));
    cr_assert_neq(vg_dataset_place("p-1", "a"), vg_dataset_place("p-1", "b"));
    /* printf 'a/p-1' | sha256sum */
    cr_assert_float_eq(vg_dataset_place("p-1", "a"), 0.8948939738248498, 1e-12);
}

Test(dataset, nobody_is_in_two_parts_and_the_shares_are_those_asked_for)
{
    const int channel[] = { VG_CHANNEL_hr };
    struct vg_dataset *d = vg_dataset_new(channel, 1, VG_NS_PER_S);

    for (int i = 0; i < 4000; i++) {
        char id[16];

        snprintf(id, sizeof(id), "p-%d", i / 2); /* each has two stays */
        vg_dataset_add(d, id, i, 0);
    }
    vg_dataset_split(d, 0.7, 0.1, "x");
    for (uint32_t i = 0; i < d->patients; i += 2)
        cr_assert_eq(d->patient[i].part, d->patient[i + 1].part);
    cr_assert(abs((int)vg_dataset_count(d, VG_PART_TRAIN) - 2800) < 150);
    cr_assert(abs((int)vg_dataset_count(d, VG_PART_VALIDATION) - 400) < 100);
    vg_dataset_free(d);
}

Test(dataset, every_person_is_tested_in_one_fold)
{
    const int channel[] = { VG_CHANNEL_hr };
    struct vg_dataset *d = vg_dataset_new(channel, 1, VG_NS_PER_S);
    int tested[500] = { 0 };

    for (int i = 0; i < 500; i++) {
        char id[16];

        snprintf(id, sizeof(id), "p-%d", i);
        vg_dataset_add(d, id, 0, 0);
    }
    for (uint32_t fold = 0; fold < 5; fold++) {
        vg_dataset_fold(d, 5, fold, 0.2, "x");
        cr_assert(abs((int)vg_dataset_count(d, VG_PART_VALIDATION) - 80) < 40);
        for (int i = 0; i < 500; i++)
            tested[i] += d->patient[i].part == VG_PART_TEST;
    }
    for (int i = 0; i < 500; i++)
        cr_assert_eq(tested[i], 1, "person %d", i);
    vg_dataset_free(d);
}

/* ---- scales ---- */

static int by_value(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static float median_by_sorting(float *x, int n)
{
    qsort(x, (size_t)n, sizeof(*x), by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

Test(dataset, a_scale_is_the_median_and_its_deviations)
{
    srand(5);
    for (int n = 1; n < 400; n += n < 20 ? 1 : 37) {
        const int channel[] = { VG_CHANNEL_hr };
        struct vg_dataset *d = vg_dataset_new(channel, 1, VG_NS_PER_S);
        struct vg_dataset_patient *p = vg_dataset_add(d, "a", 0, (uint32_t)n);
        struct vg_dataset_scale scale;
        struct vg_err err;
        float x[400], mean;

        for (int i = 0; i < n; i++) {
            x[i] = p->value[i] = (float)(rand() % 50);
            p->quality[i] = VG_Q_GOOD;
        }
        cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &scale, &err), VG_OK);
        mean = median_by_sorting(x, n);
        cr_assert_eq(scale.mean[0], mean, "of %d", n);
        for (int i = 0; i < n; i++)
            x[i] = fabsf(x[i] - mean);
        mean = 1.4826f * median_by_sorting(x, n);
        cr_assert(scale.scale[0] > 0 && (mean == 0 || scale.scale[0] == mean), "of %d", n);
        vg_dataset_free(d);
    }
}

Test(dataset, scales_know_nothing_of_the_other_parts)
{
    struct vg_dataset *d = small("abcdefgh");
    struct vg_dataset_scale before, after;
    struct vg_err err;

    vg_dataset_split(d, 0.5, 0.2, "x");
    cr_assert(vg_dataset_count(d, VG_PART_TRAIN) > 0 && vg_dataset_count(d, VG_PART_TRAIN) < 8);
    cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &before, &err), VG_OK);
    for (uint32_t i = 0; i < d->patients; i++) {
        for (int t = 0; t < 4 && d->patient[i].part != VG_PART_TRAIN; t++)
            d->patient[i].value[t] = 1e6f;
    }
    cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &after, &err), VG_OK);
    cr_assert_arr_eq(&before, &after, sizeof(before));
    vg_dataset_free(d);
}

Test(dataset, a_channel_without_a_value_is_named)
{
    struct vg_dataset *d = small("a");
    struct vg_dataset_scale scale;
    struct vg_err err;

    memset(d->patient[0].quality, VG_Q_MISSING, 4);
    cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &scale, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "channel hr"), "%s", err.msg);
    vg_dataset_free(d);
}

/* ---- the simulator ---- */

Test(dataset, threads_change_no_byte)
{
    struct vg_dataset_spec spec =
        spec_of("simulator:patients=7,duration=20m,seed=3,artefact_rate=20,scenario_share=0.5");
    struct vg_dataset *one = build(&spec, 1), *many = build(&spec, 4);
    char a[65], b[65];

    cr_assert_eq(one->patients, 7);
    cr_assert_eq(one->channels, 8);
    for (uint32_t i = 0; i < one->patients; i++) {
        cr_assert_eq(one->patient[i].ticks, 40, "patient %u has %u", i, one->patient[i].ticks);
        cr_assert_eq(one->patient[i].labels, many->patient[i].labels);
    }
    vg_dataset_sha256(one, a);
    vg_dataset_sha256(many, b);
    cr_assert_str_eq(a, b);
    many->patient[6].age_s[0] += 1;
    vg_dataset_sha256(many, b);
    cr_assert_str_neq(a, b);
    vg_dataset_free(one);
    vg_dataset_free(many);
    vg_dataset_spec_done(&spec);
}

Test(dataset, labels_say_what_happened_to_whom)
{
    struct vg_dataset_spec spec =
        spec_of("simulator:patients=4,duration=2h,scenario_share=1,scenario_group=apnoea,"
                "artefact_rate=5");
    struct vg_dataset *d = build(&spec, 2);
    uint32_t artefacts = 0;

    for (uint32_t i = 0; i < d->patients; i++) {
        const struct vg_dataset_patient *p = &d->patient[i];
        uint32_t scenarios = 0;

        for (uint32_t k = 0; k < p->labels; k++) {
            if (!p->label[k].group) {
                artefacts++;
                continue;
            }
            scenarios++;
            cr_assert_str_eq(p->label[k].group, "apnoea");
            cr_assert(p->label[k].onset_ns >= p->first_ns + 1700 * VG_NS_PER_S);
            cr_assert(p->label[k].onset_ns <= p->first_ns + 5500 * VG_NS_PER_S);
        }
        cr_assert_eq(scenarios, 1, "patient %u", i);
    }
    cr_assert(artefacts > 4, "%u", artefacts);
    vg_dataset_free(d);
    vg_dataset_spec_done(&spec);
}

static bool stop_at_once(void *ctx, double done)
{
    (void)done;
    ++*(int *)ctx;
    return false;
}

Test(dataset, building_can_be_stopped)
{
    struct vg_dataset_spec spec = spec_of("simulator:patients=50,duration=10m");
    struct vg_dataset *d;
    struct vg_err err;
    int calls = 0;

    cr_assert_eq(vg_dataset_build(&spec, 1, stop_at_once, &calls, &d, &err), VG_E_TEMPORARY);
    cr_assert_eq(calls, 1);
    cr_assert_null(d);
    vg_dataset_spec_done(&spec);
}

/* ---- recordings ---- */

static void write_file(char *path, const char *text)
{
    int fd = mkstemps(path, (int)strlen(strrchr(path, '.')));
    FILE *f = fdopen(fd, "w");

    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

Test(dataset, a_recording_becomes_ticks_and_a_long_silence_another_entry)
{
    char csv[] = "/tmp/vigil-dataset-XXXXXX.csv", map[] = "/tmp/vigil-dataset-XXXXXX.yaml";
    struct vg_buf text = VG_BUF_INIT;
    struct vg_dataset_spec spec;
    struct vg_dataset *d;
    struct vg_err err;

    vg_buf_str(&text, "who,t,hr\n");
    for (int s = 0; s < 120; s += 10)
        vg_buf_printf(&text, "b,%d,%d\na,%d,%d\n", s, 80 + s / 10, s, 60);
    vg_buf_printf(&text, "a,300,70\na,%d,90\n", 4 * 86400);
    write_file(csv, text.data);
    write_file(map, "version: 1\npatient: who\nrecord_time: t\nchannels: {hr: hr}\n");
    vg_buf_clear(&text);
    vg_buf_printf(&text, "csv:files=%s,map=%s", csv, map);
    spec = spec_of(text.data);
    cr_assert_eq(vg_option_add(&vg_grid_options[0], &spec, NULL, "hr", &err), VG_OK);
    d = build(&spec, 1);
    unlink(csv);
    unlink(map);
    cr_assert_eq(d->patients, 3);
    cr_assert_str_eq(d->patient[0].id, "a");
    cr_assert_str_eq(d->patient[1].id, "a");
    cr_assert_str_eq(d->patient[2].id, "b");
    cr_assert_eq(d->patient[0].ticks, 11, "%u", d->patient[0].ticks);
    cr_assert_eq(d->patient[0].value[3], 60);
    cr_assert_eq(d->patient[0].quality[5], VG_Q_MISSING);
    cr_assert_eq(d->patient[0].age_s[5], 70);
    cr_assert_eq(d->patient[0].value[10], 70);
    cr_assert_eq(d->patient[2].value[0], 81, "the median of 80, 81, 82");
    cr_assert_eq(d->patient[2].quality[0], VG_Q_GOOD);
    vg_buf_done(&text);
    vg_dataset_free(d);
    vg_dataset_spec_done(&spec);
}

/* ---- views ---- */

Test(dataset, targets_are_measured_values_of_later_ticks)
{
    struct vg_dataset *d = small("a");
    const struct vg_dataset_scale scale = { .mean = { 1 }, .scale = { 2 } };
    struct vg_view v;
    float y, there;

    vg_kernel_thread_init();
    d->patient[0].quality[1] = VG_Q_SUSPECT;
    d->patient[0].quality[2] = VG_Q_IMPUTED;
    vg_view_init(&v, d, &d->patient[0], &scale, NULL, 3600 * VG_NS_PER_S);
    cr_assert_eq(v.z[0], -0.5f);
    vg_view_target(&v, 0, 1, &y, &there);
    cr_assert(there == 0 && y == 0, "what is doubted is no target");
    cr_assert_eq(v.usable[1], 0);
    vg_view_target(&v, 0, 2, &y, &there);
    cr_assert(there == 0 && y == 0, "a filled-in value is seen, but is no target");
    cr_assert_eq(v.usable[2], 1);
    vg_view_target(&v, 0, 3, &y, &there);
    cr_assert(there == 1 && y == 1);
    vg_view_target(&v, 3, 1, &y, &there);
    cr_assert(there == 0 && y == 0, "behind the end");
    vg_view_done(&v);
    vg_dataset_free(d);
}

Test(dataset, a_window_holds_the_newest_ticks_and_their_masks)
{
    struct vg_dataset *d = small("a");
    const struct vg_dataset_scale scale = { .scale = { 1 } };
    const float before[] = { 0, 0, 1, 0, 0, 1 }, whole[] = { 1, 0, 3, 1, 0, 1 };
    struct vg_view v;
    float x[6];

    vg_kernel_thread_init();
    d->patient[0].quality[2] = VG_Q_MISSING;
    d->patient[0].value[0] = 1;
    vg_view_init(&v, d, &d->patient[0], &scale, NULL, 3600 * VG_NS_PER_S);
    vg_view_window(&v, 0, 3, x);
    cr_assert_arr_eq(x, before, sizeof(x));
    vg_view_window(&v, 3, 3, x);
    cr_assert_arr_eq(x, whole, sizeof(x));
    vg_view_done(&v);
    vg_dataset_free(d);
}

/* Changing what comes after a tick must not change what a model sees at it. */
Test(dataset, the_future_does_not_leak_into_a_view)
{
    struct vg_dataset_spec spec = spec_of("simulator:patients=1,duration=1h");
    struct vg_dataset *d = build(&spec, 1);
    struct vg_dataset_scale scale;
    struct vg_features features;
    struct vg_view before, after;
    struct vg_err err;
    const size_t cut = 60;

    cr_assert_eq(
        vg_features_parse(&features, "z,mask,age,baseline,ewma:5m,ewma:1h", 8, d->tick_ns, &err),
        VG_OK);
    cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &scale, &err), VG_OK);
    vg_view_init(&before, d, &d->patient[0], &scale, &features, 4 * 3600 * VG_NS_PER_S);
    for (size_t i = cut * 8; i < (size_t)d->patient[0].ticks * 8; i++) {
        d->patient[0].value[i] += 50;
        d->patient[0].quality[i] = VG_Q_GOOD;
    }
    vg_view_init(&after, d, &d->patient[0], &scale, &features, 4 * 3600 * VG_NS_PER_S);
    cr_assert_arr_eq(before.x, after.x, cut * before.inputs * sizeof(float));
    cr_assert_neq(memcmp(before.x + cut * before.inputs, after.x + cut * after.inputs,
                         before.inputs * sizeof(float)),
                  0);
    vg_view_done(&before);
    vg_view_done(&after);
    vg_dataset_free(d);
    vg_dataset_spec_done(&spec);
}
