/* site.c - look-ups in the clinical part of a configuration. */
#include "core/site.h"

#include <stdlib.h>
#include <string.h>

const struct vg_rule *vg_site_rule(const struct vg_site *site, const char *name)
{
    for (uint32_t i = 0; i < site->rules_n; i++) {
        if (strcmp(site->rules[i].name, name) == 0)
            return &site->rules[i];
    }
    return NULL;
}

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct vg_bed_config *)a)->bed, ((const struct vg_bed_config *)b)->bed);
}

static int compare_label(const void *label, const void *bed)
{
    return strcmp(label, ((const struct vg_bed_config *)bed)->bed);
}

void vg_site_sort_beds(struct vg_site *site)
{
    if (site->beds_n > 0)
        qsort(site->beds, site->beds_n, sizeof(*site->beds), by_label);
}

const struct vg_bed_config *vg_site_bed(const struct vg_site *site, const char *bed)
{
    /* Asked for each row, of a site that may have thousands of beds. */
    if (site->beds_n == 0)
        return NULL;
    return bsearch(bed, site->beds, site->beds_n, sizeof(*site->beds), compare_label);
}

const struct vg_profile *vg_site_profile(const struct vg_site *site, const char *bed)
{
    const struct vg_bed_config *found = vg_site_bed(site, bed);

    if (found)
        return &site->profiles[found->profile];
    return site->profiles_n > 0 ? &site->profiles[0] : NULL;
}

uint32_t vg_site_ward_places(const struct vg_site *site)
{
    return site->wards_n + 2;
}

uint32_t vg_site_ward_place(const struct vg_site *site, const char *ward)
{
    uint32_t place = 0;

    while (place < site->wards_n && strcmp(site->wards[place], ward) != 0)
        place++;
    if (place < site->wards_n || ward[0] == '\0' || strcmp(ward, "none") == 0)
        return place;
    return place + 1;
}

const char *vg_site_ward_name(const struct vg_site *site, uint32_t place)
{
    if (place < site->wards_n)
        return site->wards[place];
    return place == site->wards_n ? "none" : "other";
}

bool vg_site_limits(const struct vg_site *site, int channel, bool high)
{
    float limit;

    for (uint32_t i = 0; i < site->profiles_n; i++) {
        if (vg_limits_get(&site->profiles[i].limits, channel, high, &limit))
            return true;
    }
    for (uint32_t i = 0; i < site->beds_n; i++) {
        const struct vg_bed_limits *own = site->beds[i].limits;

        if (own && vg_limits_get(&own->limits, channel, high, &limit))
            return true;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void rule_done(struct vg_rule *rule)
{
    for (uint32_t i = 0; i < rule->parts; i++)
        rule_done(&rule->part[i]);
    free(rule->part);
}

void vg_site_done(struct vg_site *site)
{
    for (uint32_t i = 0; i < site->scores_n; i++) {
        vg_score_done(&site->scores[i].score);
        free(site->scores[i].profile);
    }
    free(site->scores);
    for (uint32_t i = 0; i < site->rules_n; i++)
        rule_done(&site->rules[i]);
    for (uint32_t i = 0; i < site->beds_n; i++)
        free(site->beds[i].limits);
    free(site->profiles);
    free(site->beds);
    free(site->wards);
    free(site->rules);
    memset(site, 0, sizeof(*site));
}

static const struct {
    const char *name, *title;
    bool by_channel;
} conditions[] = {
#define VG_CONDITION_ROW(id, name, by_channel, title) { name, title, by_channel },
    VG_CONDITIONS(VG_CONDITION_ROW)
#undef VG_CONDITION_ROW
};

const char *vg_condition_name(enum vg_condition condition)
{
    return conditions[condition].name;
}

const char *vg_condition_title(enum vg_condition condition)
{
    return conditions[condition].title;
}

bool vg_condition_by_channel(enum vg_condition condition)
{
    return conditions[condition].by_channel;
}

bool vg_site_may_tell(const struct vg_site *site, const char *name)
{
    for (int i = 0; i < VG_CONDITION_COUNT; i++) {
        if (strcmp(conditions[i].name, name) == 0)
            return true;
    }
    return vg_site_rule(site, name) != NULL;
}
