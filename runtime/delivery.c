/* delivery.c - what all sinks have in common. */
#include "runtime/delivery.h"

#include <string.h>

#define OPT(type, field, ...) VG_OPT_##type(struct vg_delivery_options, field, __VA_ARGS__)

const struct vg_option vg_delivery_options[] = {
    OPT(DURATION, max_age_ns, "max_age", "0", 0, 31536000, 0,
        "Events older than this are not delivered as if they were new but passed over, and one "
        "alert says how many; 0: none is too old. For pagers; an archive wants all."),
    OPT(ENUM, priority, "filter.priority", "none", vg_priority_names, 0,
        "The least urgent priority that is delivered."),
    OPT(LIST, kinds, "filter.kinds", 0,
        "Kinds of alert that are delivered: physiological, technical, advisory. All when left "
        "out."),
    OPT(LIST, rules, "filter.rules", 0,
        "Rules and technical conditions whose alerts are delivered. All when left out."),
    OPT(LIST, wards, "filter.wards", 0,
        "Wards whose alerts are delivered; `none` is that of alerts without a bed. All when left "
        "out."),
    OPT(LIST, phases, "filter.phases", 0,
        "Phases that are delivered, such as start and end. All when left out."),
    /* From here on also of a sink that gives its receivers everything (config_shape.c). */
    OPT(BOOL, required, "required", "false", 0,
        "Whether people rely on this sink: when it fails that is an alert of priority high, and "
        "what it has not delivered is never deleted."),
    OPT(DURATION, timeout_ns, "timeout", "10s", 0.1, 600, 0,
        "How long to wait for an answer to one attempt, where the sink waits for one."),
    OPT(DURATION, retry_first_ns, "retry.first", "200ms", 0.001, 3600, 0,
        "The longest wait after a first failure; it doubles with each further one. The wait itself "
        "is drawn at random up to it."),
    OPT(DURATION, retry_max_ns, "retry.max", "10s", 0.001, 3600, 0,
        "The longest wait between two attempts. There is no last attempt."),
    OPT(DURATION, fails_after_ns, "fails_after", "30s", 1, 86400, 0,
        "How long a sink may fail before that is an alert."),
    VG_OPT_END,
};

/* ---- checks ---- */

static bool has(const struct vg_strings *list, const char *word)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->value[i], word) == 0)
            return true;
    }
    return list->n == 0;
}

static vg_status unknown_word(const char *option, const char *word, const char *(*name_of)(int),
                              int names, struct vg_err *err)
{
    struct vg_buf all = VG_BUF_INIT;

    for (int n = 0; n < names; n++)
        vg_buf_printf(&all, "%s%s", n ? ", " : "", name_of(n));
    vg_fail_option(err, VG_E_CONFIG, "filter", "%s: there is no \"%.40s\"; expected one of: %s",
                   option, word, all.data);
    vg_buf_done(&all);
    return VG_E_CONFIG;
}

static vg_status check_words(const struct vg_strings *list, const char *option,
                             const char *(*name_of)(int), int names, struct vg_err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        int n = 0;

        while (n < names && strcmp(name_of(n), list->value[i]) != 0)
            n++;
        if (n == names)
            return unknown_word(option, list->value[i], name_of, names, err);
    }
    return VG_OK;
}

vg_status vg_delivery_check(const struct vg_delivery_options *o, struct vg_err *err)
{
    vg_status st = VG_OK;

    if (o->retry_first_ns > o->retry_max_ns)
        st = vg_fail_option(err, VG_E_CONFIG, "retry", "retry.first is longer than retry.max");
    if (st == VG_OK)
        st = check_words(&o->kinds, "filter.kinds", vg_alert_kind_name, VG_ALERT_KIND_COUNT, err);
    if (st == VG_OK)
        st = check_words(&o->phases, "filter.phases", vg_phase_name, VG_PHASE_COUNT, err);
    return st;
}

bool vg_delivery_drops_high(const struct vg_delivery_options *o)
{
    return o->kinds.n || o->rules.n || o->wards.n ||
           (o->phases.n && !has(&o->phases, vg_phase_name(VG_PHASE_START)));
}

/* ---- what is taken ---- */

/* Whether the event tells of delivery itself: that of `alert`, by its built-in rule or by one of
 * `site` (NULL: none) with that condition. */
static bool tells(const struct vg_site *site, const struct vg_delivery *event,
                  enum vg_notice_alert alert)
{
    const char *condition = vg_notice_alert_name(alert);
    char name[VG_NAME_SIZE];
    const struct vg_rule *rule;

    if (event->kind != VG_ALERT_TECHNICAL)
        return false;
    vg_event_rule(event->json, event->len, name);
    rule = site ? vg_site_rule(site, name) : NULL;
    if (rule)
        return rule->rule == VG_RULE_CONDITION &&
               strcmp(vg_condition_name(rule->condition), condition) == 0;
    return strcmp(name, condition) == 0;
}

bool vg_delivery_old(const struct vg_delivery_options *o, const struct vg_site *site,
                     const struct vg_delivery *event, int64_t now_ns)
{
    if (o->max_age_ns == 0 || now_ns - event->time_ns <= o->max_age_ns)
        return false;
    for (int alert = 0; alert < VG_NOTICE_ALERT_COUNT; alert++) {
        if (tells(site, event, (enum vg_notice_alert)alert))
            return false;
    }
    return true;
}

bool vg_delivery_takes(const struct vg_delivery_options *o, const struct vg_site *site,
                       const struct vg_delivery *event)
{
    char rule[VG_NAME_SIZE];
    bool taken = event->priority <= o->priority && /* VG_PRIORITY_HIGH is the first */
                 has(&o->kinds, vg_alert_kind_name(event->kind)) &&
                 has(&o->phases, vg_phase_name(event->phase)) && has(&o->wards, event->ward);

    if (taken && o->rules.n == 0)
        return true;
    if (tells(site, event, VG_NOTICE_ALERT_PASSED_OVER))
        return true;
    vg_event_rule(event->json, event->len, rule);
    return taken && has(&o->rules, rule);
}

/* ---- when to try again ---- */

int64_t vg_delivery_wait_ns(const struct vg_delivery_options *o, uint32_t failures, uint64_t random)
{
    int64_t most_ns = o->retry_first_ns, wait_ns;

    for (uint32_t i = 1; i < failures && most_ns < o->retry_max_ns; i++)
        most_ns *= 2;
    if (most_ns > o->retry_max_ns)
        most_ns = o->retry_max_ns;
    wait_ns = (int64_t)(random % (uint64_t)(most_ns + 1));
    return wait_ns < VG_NS_PER_MS ? VG_NS_PER_MS : wait_ns;
}

/* ---- figures ---- */

void vg_delivery_accepted(struct vg_delivery_figures *f, const struct vg_delivery *event,
                          int64_t now_ns)
{
    int64_t waited_ns = now_ns - event->wall_ns;
    uint64_t ms = waited_ns > 0 ? (uint64_t)(waited_ns / VG_NS_PER_MS) : 0;
    unsigned bucket = 0;

    while (bucket + 1 < VG_DELAY_BUCKETS && ms >= UINT64_C(1) << bucket)
        bucket++;
    atomic_fetch_add(&f->delivered, 1);
    atomic_fetch_add(&f->delay[bucket], 1);
    atomic_fetch_add(&f->delay_ms, ms);
    vg_delays_note(&f->whole, now_ns - event->time_ns);
}

void vg_delivery_note_subscribers(struct vg_delivery_figures *f,
                                  const struct vg_subscriber_count *count)
{
    atomic_store_explicit(&f->connected, count->connected, memory_order_relaxed);
    atomic_store_explicit(&f->registered, count->registered, memory_order_relaxed);
    atomic_store_explicit(&f->late, count->late, memory_order_relaxed);
    atomic_store(&f->subscribed, true);
}

uint64_t vg_delivery_delay_ms(const struct vg_delivery_figures *f, double share)
{
    uint64_t sum = 0, below = 0;
    unsigned bucket = 0;

    for (unsigned i = 0; i < VG_DELAY_BUCKETS; i++)
        sum += atomic_load(&f->delay[i]);
    if (sum == 0)
        return 0;
    for (; bucket < VG_DELAY_BUCKETS - 1; bucket++) {
        below += atomic_load(&f->delay[bucket]);
        if ((double)below >= share * (double)sum)
            break;
    }
    return UINT64_C(1) << bucket;
}

static void print_count(struct vg_buf *out, const atomic_ulong *count, const char *what)
{
    if (atomic_load(count) > 0)
        vg_buf_printf(out, ", %lu %s", atomic_load(count), what);
}

void vg_delivery_print(const struct vg_delivery_figures *f, struct vg_buf *out)
{
    vg_buf_printf(out, "%lu delivered", atomic_load(&f->delivered));
    if (atomic_load(&f->delivered) > 0)
        vg_buf_printf(out, ", half of them within %llu ms, 99 %% within %llu ms",
                      (unsigned long long)vg_delivery_delay_ms(f, 0.5),
                      (unsigned long long)vg_delivery_delay_ms(f, 0.99));
    print_count(out, &f->retried, "failed attempts");
    print_count(out, &f->quarantined, "refused and set aside");
    print_count(out, &f->passed_over, "passed over as too old");
    print_count(out, &f->filtered, "left out by the filter");
    if (atomic_load(&f->last_error) != VG_OK)
        vg_buf_printf(out, "; last failure: %s",
                      vg_status_text((vg_status)atomic_load(&f->last_error)));
}
