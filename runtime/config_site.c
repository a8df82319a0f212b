/* config_site.c - reads whom a configuration watches: profiles of patients, wards and beds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config_private.h"

int vg_load_channel(struct vg_load *l, struct vg_place at, const char *what, const char *text,
                    const char *also)
{
    const char *names[VG_CHANNELS + 1];
    size_t n = 0;
    int c = vg_channel_find(text);

    if (c != VG_CHANNEL_NONE)
        return c;
    for (; n < VG_CHANNELS; n++)
        names[n] = vg_channels[n].name;
    if (also)
        names[n++] = also;
    vg_document_unknown(l->doc, at, what, text, names, n);
    return VG_CHANNEL_NONE;
}

bool vg_load_plausible(struct vg_load *l, struct vg_place at, int channel, float value)
{
    const struct vg_channel *c = &vg_channels[channel];

    if (value >= c->low && value <= c->high)
        return true;
    vg_document_error(l->doc, at, "%g %s is outside the plausible range of %s, %g to %g %s",
                      (double)value, c->ucum, c->name, (double)c->low, (double)c->high, c->ucum);
    return false;
}

bool vg_load_quantity(struct vg_load *l, struct vg_place at, int channel, const char *text,
                      float *ret)
{
    if (vg_parse_quantity(text, channel, ret))
        return true;
    vg_document_error(l->doc, at,
                      "\"%.60s\" is not a quantity; expected a number with a unit that converts to "
                      "%s, such as \"%g %s\"",
                      text, vg_channels[channel].ucum, (double)vg_channels[channel].high,
                      vg_channels[channel].ucum);
    return false;
}

/* ---- profiles ---- */

static const struct vg_shape limits_shape = { .kind = VG_SHAPE_KEYS,
                                              .name = "limits",
                                              .empty_too = true,
                                              .table = { vg_profile_limit_options } };

const struct vg_option vg_profile_options[] = {
    VG_OPT_BOOL(
        struct vg_profile, pulseless, "pulseless", "false", 0,
        "Flow without a pulse, as with a ventricular assist device or ECMO: the stage artefact "
        "concludes nothing from a narrow or missing pulse pressure."),
    VG_OPT_BOOL(struct vg_profile, ventilated, "ventilated", "false", 0,
                "Breathes by a machine: an EtCO2 of 0 without a breath rate is told with high "
                "priority, condition disconnected."),
    VG_OPT_FLOAT(struct vg_profile, age_years, "age_years", NULL, 0.01, 150, "a", 0,
                 "Age, or the least age of such patients: scores are for some ages only."),
    VG_OPT_BOOL(struct vg_profile, pregnant, "pregnant", "false", 0,
                "Such patients are pregnant: not every score is for them."),
    VG_OPT_NODE("extends", "name of a profile", &vg_shape_text, 0,
                "Takes over what that profile says."),
    VG_OPT_NODE("spo2_scale", "mapping", &vg_shape_spo2_scale, 0,
                "Another SpO2 scale for NEWS2 than 1."),
    VG_OPT_END,
};

struct limit_options {
    char *low, *high;
};

const struct vg_option vg_profile_limit_options[] = {
    VG_OPT_STRING(struct limit_options, low, "low", NULL, 0,
                  "Values below this are too low; with its unit."),
    VG_OPT_STRING(struct limit_options, high, "high", NULL, 0,
                  "Values above this are too high; with its unit."),
    VG_OPT_END,
};

static const struct vg_shape profile_shape = { .kind = VG_SHAPE_KEYS,
                                               .name = "profile",
                                               .empty_too = true,
                                               .table = { vg_profile_options },
                                               .channel = &limits_shape };
const struct vg_shape vg_shape_profiles = { .kind = VG_SHAPE_NAMED,
                                            .name = "profiles",
                                            .empty_too = true,
                                            .entry = &profile_shape,
                                            .pattern = VG_NAME_PATTERN };

/* How far `extends` of a profile is resolved. */
enum visit { UNSEEN, VISITING, DONE };

static void set_limit(struct vg_load *l, const struct vg_node *node, const char *key, int channel,
                      const char *text, uint32_t *set, float *value)
{
    const struct vg_node *at = vg_node_find(node, key);

    if (text && vg_load_quantity(l, at->at, channel, text, &value[channel]) &&
        vg_load_plausible(l, at->at, channel, value[channel]))
        *set |= UINT32_C(1) << channel;
}

/* Limits of one channel, on top of those that *ret has. Returns the channel, or VG_CHANNEL_NONE. */
static int read_limits(struct vg_load *l, struct vg_limits *ret, const struct vg_node *node,
                       const char *also)
{
    struct limit_options o = { 0 };
    const struct vg_target target = { vg_profile_limit_options, &o };
    int channel = vg_load_channel(l, node->key_at, "channel", node->key, also);

    if (channel == VG_CHANNEL_NONE || !vg_document_is_mapping(l->doc, node))
        return VG_CHANNEL_NONE;
    vg_document_options(l->doc, node, &target, 1, NULL);
    set_limit(l, node, "low", channel, o.low, &ret->low_set, ret->low);
    set_limit(l, node, "high", channel, o.high, &ret->high_set, ret->high);
    vg_options_done(vg_profile_limit_options, &o);
    return channel;
}

/* A side that `own` does not have is that of `base`, unless that is NULL. */
static void check_sides(struct vg_load *l, const struct vg_limits *own,
                        const struct vg_limits *base, int channel, const struct vg_node *node)
{
    float low = 0.0f, high = 0.0f;
    bool has_low, has_high;

    if (channel == VG_CHANNEL_NONE)
        return;
    has_low = vg_limits_get(own, channel, false, &low) ||
              (base && vg_limits_get(base, channel, false, &low));
    has_high = vg_limits_get(own, channel, true, &high) ||
               (base && vg_limits_get(base, channel, true, &high));
    if (has_low && has_high && !(low < high))
        vg_document_error(l->doc, node->key_at,
                          "%s: the low limit %g must be less than the high limit %g %s", node->key,
                          (double)low, (double)high, vg_channels[channel].ucum);
}

static int find_profile(const struct vg_site *site, const char *name)
{
    for (uint32_t i = 0; i < site->profiles_n; i++) {
        if (strcmp(site->profiles[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int vg_load_profile(struct vg_load *l, const struct vg_node *node)
{
    const struct vg_site *site = &l->config->site;
    const char **names;
    int found = -1;

    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(l->doc, node->at, "expected the name of a profile, not %s",
                          vg_node_what(node));
        return -1;
    }
    found = find_profile(site, node->text);
    if (found >= 0)
        return found;
    names = calloc(site->profiles_n + 1, sizeof(*names));
    VG_CHECK(names);
    for (uint32_t i = 0; i < site->profiles_n; i++)
        names[i] = site->profiles[i].name;
    vg_document_unknown(l->doc, node->at, "profile", node->text, names, site->profiles_n);
    free(names);
    return -1;
}

/* What a profile has beside limits; all other keys are for read_limits(). */
static void read_profile_options(struct vg_load *l, struct vg_profile *p,
                                 const struct vg_node *node)
{
    const struct vg_target target = { vg_profile_options, p };
    const char **others = calloc(node->children + 1, sizeof(*others));
    size_t n = 0;

    VG_CHECK(others);
    for (const struct vg_node *c = node->child; c; c = c->next) {
        if (!vg_option_find(vg_profile_options, c->key))
            others[n++] = c->key;
    }
    vg_document_options(l->doc, node, &target, 1, others);
    free(others);
    vg_load_spo2_scale(l, p, node);
}

/* Takes over the limits of the profile that this one extends, then reads its own. */
/* NOLINTNEXTLINE(misc-no-recursion): ends at a profile that is being visited */
static void resolve_profile(struct vg_load *l, const struct vg_node *map, enum visit *visits,
                            uint32_t i)
{
    struct vg_profile *p = &l->config->site.profiles[i];
    const struct vg_node *node = vg_node_find(map, p->name);
    const struct vg_node *extends = vg_node_find(node, "extends");
    int base;

    if (visits[i] != UNSEEN)
        return;
    visits[i] = VISITING;
    base = extends ? vg_load_profile(l, extends) : -1;
    if (base >= 0 && visits[base] == VISITING) {
        vg_document_error(l->doc, extends->at,
                          "profile \"%s\" extends itself by way of \"%s\"; remove one \"extends\"",
                          p->name, extends->text);
    } else if (base >= 0) {
        char name[VG_NAME_SIZE];

        resolve_profile(l, map, visits, (uint32_t)base);
        memcpy(name, p->name, sizeof(name));
        *p = l->config->site.profiles[base];
        memcpy(p->name, name, sizeof(name));
    }
    read_profile_options(l, p, node);
    for (const struct vg_node *c = node->child; c; c = c->next) {
        if (!vg_option_find(vg_profile_options, c->key))
            check_sides(l, &p->limits, NULL, read_limits(l, &p->limits, c, "extends"), c);
    }
    visits[i] = DONE;
}

static void load_profiles(struct vg_load *l)
{
    struct vg_site *site = &l->config->site;
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "profiles");
    enum visit *visits;

    if (!map)
        return;
    visits = calloc(map->children + 1, sizeof(*visits));
    site->profiles = calloc(map->children + 1, sizeof(*site->profiles));
    VG_CHECK(visits && site->profiles);
    for (const struct vg_node *c = map->child; c; c = c->next) {
        if (vg_load_is_name(l, c) && vg_document_is_mapping(l->doc, c))
            snprintf(site->profiles[site->profiles_n++].name, VG_NAME_SIZE, "%s", c->key);
    }
    for (uint32_t i = 0; i < site->profiles_n; i++)
        resolve_profile(l, map, visits, i);
    free(visits);
}

/* ---- wards ---- */

struct ward_options {
    char *name;
};

struct bed_limits_options {
    char *author, *reason;
};

const struct vg_option vg_bed_limits_options[] = {
    VG_OPT_STRING(struct bed_limits_options, author, "author", NULL, VG_OPT_REQUIRED,
                  "Who has set them."),
    VG_OPT_STRING(struct bed_limits_options, reason, "reason", NULL, VG_OPT_REQUIRED, "Why."),
    VG_OPT_END,
};

static const struct vg_shape bed_limits_shape = { .kind = VG_SHAPE_KEYS,
                                                  .name = "bed_limits",
                                                  .empty_too = true,
                                                  .table = { vg_bed_limits_options },
                                                  .channel = &limits_shape };

const struct vg_option vg_bed_options[] = {
    VG_OPT_NODE("profile", "name of a profile", &vg_shape_text, 0,
                "What kind of patient lies here; without it, the first profile."),
    VG_OPT_NODE("limits", "mapping", &bed_limits_shape, 0,
                "Limits of whoever lies in this bed, in the place of those of its profile."),
    VG_OPT_END,
};

static const struct vg_shape bed_shape = {
    .kind = VG_SHAPE_KEYS, .name = "bed", .empty_too = true, .table = { vg_bed_options }
};
static const struct vg_shape beds_shape = {
    .kind = VG_SHAPE_NAMED, .name = "beds", .empty_too = true, .entry = &bed_shape
};

const struct vg_option vg_ward_options[] = {
    VG_OPT_STRING(struct ward_options, name, "name", NULL, 0, "The ward's name for people."),
    VG_OPT_NODE("beds", "mapping of beds", &beds_shape, 0,
                "Its beds, each by what follows WARD/ in its label."),
    VG_OPT_END,
};

static const struct vg_shape ward_shape = {
    .kind = VG_SHAPE_KEYS, .name = "ward", .empty_too = true, .table = { vg_ward_options }
};
const struct vg_shape vg_shape_wards = { .kind = VG_SHAPE_NAMED,
                                         .name = "wards",
                                         .empty_too = true,
                                         .entry = &ward_shape,
                                         .pattern = "^[a-z0-9-]{1,32}$" };

static bool ward_valid(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n > 0 && n < VG_WARD_SIZE && s[n] == '\0' && strcmp(s, "none") != 0;
}

static void copy_said(struct vg_load *l, const struct vg_node *map, const char *key,
                      const char *text, char *ret, size_t size)
{
    const struct vg_node *at = vg_node_find(map, key);

    if (at && text && (text[0] == '\0' || strlen(text) >= size))
        vg_document_error(l->doc, at->at, "%s: expected text of 1 to %zu bytes", key, size - 1);
    else if (text)
        snprintf(ret, size, "%s", text);
}

/* Limits of the bed's own, beside those of its profile; NULL when there are none. */
static struct vg_bed_limits *load_bed_limits(struct vg_load *l, const struct vg_node *bed,
                                             const struct vg_limits *profile)
{
    const struct vg_node *map = vg_document_mapping(l->doc, bed, "limits");
    struct bed_limits_options o = { 0 };
    const struct vg_target target = { vg_bed_limits_options, &o };
    struct vg_bed_limits *ret;
    const char **channels;
    size_t n = 0;

    if (!map)
        return NULL;
    ret = calloc(1, sizeof(*ret));
    channels = calloc(map->children + 1, sizeof(*channels));
    VG_CHECK(ret && channels);
    for (const struct vg_node *c = map->child; c; c = c->next) {
        if (!vg_option_find(vg_bed_limits_options, c->key))
            channels[n++] = c->key;
    }
    vg_document_options(l->doc, map, &target, 1, channels);
    copy_said(l, map, "author", o.author, ret->author, sizeof(ret->author));
    copy_said(l, map, "reason", o.reason, ret->reason, sizeof(ret->reason));
    for (const struct vg_node *c = map->child; c; c = c->next) {
        if (!vg_option_find(vg_bed_limits_options, c->key))
            check_sides(l, &ret->limits, profile, read_limits(l, &ret->limits, c, NULL), c);
    }
    if (n == 0)
        vg_document_error(l->doc, map->key_at,
                          "limits of no channel; expected some, such as {spo2: {low: \"85 %%\"}}");
    free(channels);
    vg_options_done(vg_bed_limits_options, &o);
    return ret;
}

static void load_bed(struct vg_load *l, const char *ward, const struct vg_node *node)
{
    const struct vg_target target = { vg_bed_options, NULL };
    struct vg_site *site = &l->config->site;
    struct vg_bed_config *bed = &site->beds[site->beds_n];
    const struct vg_node *profile = vg_node_find(node, "profile");
    size_t len = strlen(ward) + 1 + strlen(node->key);
    int found;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    if (node->key[0] == '\0' || len >= VG_BED_SIZE) {
        vg_document_error(l->doc, node->key_at,
                          "\"%.80s\" is no bed; expected text, at most %d bytes with the ward",
                          node->key, VG_BED_SIZE - 1);
        return;
    }
    vg_document_options(l->doc, node, &target, 1, NULL);
    found = profile ? vg_load_profile(l, profile) : 0;
    if (found >= 0 && site->profiles_n == 0 && vg_node_find(node, "limits"))
        vg_document_error(l->doc, vg_node_find(node, "limits")->key_at,
                          "limits of a bed stand in the place of those of its profile, and there "
                          "are no profiles; add one");
    if (found < 0 || site->profiles_n == 0)
        return;
    memset(bed, 0, sizeof(*bed));
    snprintf(bed->bed, sizeof(bed->bed), "%s/%s", ward, node->key);
    bed->profile = (uint32_t)found;
    bed->limits = load_bed_limits(l, node, &site->profiles[found].limits);
    site->beds_n++;
}

static void load_ward(struct vg_load *l, const struct vg_node *node)
{
    struct vg_site *site = &l->config->site;
    struct ward_options o = { 0 };
    const struct vg_target target = { vg_ward_options, &o };
    const struct vg_node *beds;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    if (!ward_valid(node->key)) {
        vg_document_error(l->doc, node->key_at,
                          "\"%.80s\" is no ward; expected 1 to 32 of a-z, 0-9 and \"-\", and not "
                          "\"none\", which is the ward of rows without one",
                          node->key);
        return;
    }
    snprintf(site->wards[site->wards_n++], VG_WARD_SIZE, "%s", node->key);
    vg_document_options(l->doc, node, &target, 1, NULL);
    vg_options_done(vg_ward_options, &o);
    beds = vg_document_mapping(l->doc, node, "beds");
    if (!beds)
        return;
    site->beds = realloc(site->beds, (site->beds_n + beds->children + 1) * sizeof(*site->beds));
    VG_CHECK(site->beds);
    for (const struct vg_node *c = beds->child; c; c = c->next)
        load_bed(l, node->key, c);
}

static void load_wards(struct vg_load *l)
{
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "wards");

    if (!map)
        return;
    l->config->site.wards = calloc(map->children + 1, sizeof(*l->config->site.wards));
    VG_CHECK(l->config->site.wards);
    for (const struct vg_node *c = map->child; c; c = c->next)
        load_ward(l, c);
    vg_site_sort_beds(&l->config->site);
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static bool looks_at(const struct vg_rule *rule, int channel, enum vg_bound_origin side)
{
    if (rule->channel == channel && rule->bound.origin == side)
        return true;
    for (uint32_t i = 0; i < rule->parts; i++) {
        if (looks_at(&rule->part[i], channel, side))
            return true;
    }
    return false;
}

static void check_used(struct vg_load *l, const struct vg_node *at, int channel, bool high)
{
    const struct vg_site *site = &l->config->site;
    enum vg_bound_origin side = high ? VG_BOUND_PROFILE_HIGH : VG_BOUND_PROFILE_LOW;

    if (!at || channel == VG_CHANNEL_NONE)
        return;
    for (uint32_t i = 0; i < site->rules_n; i++) {
        if (looks_at(&site->rules[i], channel, side))
            return;
    }
    vg_document_warn(l->doc, at->key_at,
                     "no rule looks at the %s limit of %s: none says `%s: profile.%s`",
                     high ? "high" : "low", vg_channels[channel].name, high ? "above" : "below",
                     high ? "high" : "low");
}

/* The entries of the mapping at `key`; NULL when something else stands there, which is noted already. */
static const struct vg_node *entries_of(const struct vg_node *map, const char *key)
{
    const struct vg_node *node =
        map && map->kind == VG_NODE_MAPPING ? vg_node_find(map, key) : NULL;

    return node && node->kind == VG_NODE_MAPPING ? node->child : NULL;
}

static void check_bed(struct vg_load *l, const struct vg_node *bed)
{
    for (const struct vg_node *c = entries_of(bed, "limits"); c; c = c->next) {
        if (c->kind != VG_NODE_MAPPING)
            continue;
        check_used(l, vg_node_find(c, "low"), vg_channel_find(c->key), false);
        check_used(l, vg_node_find(c, "high"), vg_channel_find(c->key), true);
    }
}

void vg_load_check_beds(struct vg_load *l)
{
    for (const struct vg_node *w = entries_of(l->doc->root, "wards"); w; w = w->next) {
        for (const struct vg_node *b = entries_of(w, "beds"); b; b = b->next)
            check_bed(l, b);
    }
}

void vg_load_site(struct vg_load *l)
{
    load_profiles(l);
    load_wards(l);
}
