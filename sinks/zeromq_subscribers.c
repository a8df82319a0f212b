/* zeromq_subscribers.c - subscribers that have a name, and whose silence is an alert.
 *
 * Such a subscriber has `within` to confirm each event of its wards. Which is the oldest that it
 * lacks is known by the time at which events were handed to the sockets; after a restart everything
 * that is not confirmed counts from the start, since nobody could confirm before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/text.h"
#include "sinks/zeromq_private.h"

enum { WITHIN_MIN_S = 1, WITHIN_MAX_S = 3600 };

static const char blanks[] = " \t,";
static const int64_t look_every_ns = VG_NS_PER_S / 10;

/* What a subscriber has of a ward. */
struct place {
    char ward[VG_WARD_SIZE];
    uint64_t newest;    /* event that was sent */
    uint64_t confirmed; /* up to here, as said; durable or about to be */
    uint64_t pending;   /* newest event when `since_ns` was noted */
    int64_t since_ns;   /* since when it lacks something; 0: it does not */
};

struct subscriber {
    char name[VG_CLIENT_NAME_SIZE];
    int64_t within_ns;
    bool any_ward;
    struct place *place;
    size_t places;
    bool reported;
};

struct vg_subscribers {
    struct subscriber *at;
    size_t n;
    int64_t look_ns; /* next */
};

/* "10s" or "10s icu-a icu-b". */
static vg_status read_one(const struct vg_zeromq *z, const char *name, const char *text,
                          struct subscriber *ret, struct vg_err *err)
{
    char copy[VG_CLIENT_WARDS_MAX * VG_WARD_SIZE];
    char *rest = NULL;
    const char *word;

    memset(ret, 0, sizeof(*ret));
    if (!vg_client_name_valid(name, strlen(name)))
        return vg_fail_option(err, VG_E_CONFIG, "subscribers",
                              "\"%.40s\": a name has 1 to 32 of a-z, 0-9 and -", name);
    if (strlen(text) >= sizeof(copy))
        return vg_fail_option(err, VG_E_CONFIG, "subscribers", "%s: too many wards", name);
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    snprintf(copy, sizeof(copy), "%s", text);
    word = strtok_r(copy, blanks, &rest);
    if (!word || !vg_parse_duration(word, &ret->within_ns) ||
        ret->within_ns < WITHIN_MIN_S * VG_NS_PER_S || ret->within_ns > WITHIN_MAX_S * VG_NS_PER_S)
        return vg_fail_option(err, VG_E_CONFIG, "subscribers",
                              "%s: expected the time within which it confirms, 1s to 1h, and the "
                              "wards if not all of them: \"10s icu-a icu-b\"",
                              name);
    while ((word = strtok_r(NULL, blanks, &rest)) != NULL) {
        if (!vg_client_name_valid(word, strlen(word)) || !vg_zeromq_carries(z, word))
            return vg_fail_option(err, VG_E_CONFIG, "subscribers",
                                  "%s: \"%.40s\" is no ward that this sink carries", name, word);
        ret->place = realloc(ret->place, (ret->places + 1) * sizeof(ret->place[0]));
        VG_CHECK(ret->place);
        ret->place[ret->places] = (struct place){ 0 };
        snprintf(ret->place[ret->places++].ward, VG_WARD_SIZE, "%s", word);
    }
    ret->any_ward = ret->places == 0;
    return VG_OK;
}

vg_status vg_subscribers_check(const struct vg_zeromq *z, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (size_t i = 0; i < z->subscribers.n && st == VG_OK; i++) {
        struct subscriber s;

        st = read_one(z, z->subscribers.key[i], z->subscribers.value[i], &s, err);
        free(s.place);
    }
    return st;
}

static struct place *place_of(struct subscriber *s, const char *ward)
{
    for (size_t i = 0; i < s->places; i++) {
        if (strcmp(s->place[i].ward, ward) == 0)
            return &s->place[i];
    }
    if (!s->any_ward)
        return NULL;
    s->place = realloc(s->place, (s->places + 1) * sizeof(s->place[0]));
    VG_CHECK(s->place);
    s->place[s->places] = (struct place){ 0 };
    snprintf(s->place[s->places].ward, VG_WARD_SIZE, "%s", ward);
    return &s->place[s->places++];
}

/* Something is lacking, or nothing any more, as of now. */
static void note_lack(struct place *p, int64_t now)
{
    if (p->confirmed >= p->newest)
        p->since_ns = 0;
    else if (p->since_ns == 0 || p->confirmed >= p->pending) {
        p->since_ns = now;
        p->pending = p->newest;
    }
}

struct load {
    const struct vg_zeromq *z;
    struct subscriber *s;
    int64_t now;
};

static void load_place(void *arg, const char *ward)
{
    struct load *l = arg;
    struct place *p = place_of(l->s, ward);
    uint64_t oldest;

    if (!p)
        return;
    p->confirmed = l->z->env.confirmed(l->z->env.ctx, l->s->name, ward);
    l->z->env.extent(l->z->env.ctx, ward, &p->newest, &oldest);
    note_lack(p, l->now);
}

struct vg_subscribers *vg_subscribers_new(const struct vg_zeromq *z)
{
    struct vg_subscribers *s = calloc(1, sizeof(*s));

    VG_CHECK(s);
    s->at = calloc(z->subscribers.n ? z->subscribers.n : 1, sizeof(s->at[0]));
    VG_CHECK(s->at);
    for (; s->n < z->subscribers.n; s->n++) {
        struct load l = { .z = z, .s = &s->at[s->n], .now = vg_mono_ns() };
        struct vg_err err;

        VG_CHECK(read_one(z, z->subscribers.key[s->n], z->subscribers.value[s->n], l.s, &err) ==
                 VG_OK); /* check() has passed it */
        vg_zeromq_each_ward(z, load_place, &l);
    }
    return s;
}

void vg_subscribers_free(struct vg_subscribers *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i].place);
    free(s->at);
    free(s);
}

void vg_subscribers_note(struct vg_zeromq *z, const struct vg_delivery *event)
{
    struct vg_subscribers *all = z->registered;
    int64_t now = all->n ? vg_mono_ns() : 0;

    for (size_t i = 0; i < all->n; i++) {
        const char *ward = event->ward && *event->ward ? event->ward : "none";
        struct place *p = place_of(&all->at[i], ward);

        if (!p)
            continue;
        p->newest = event->seq > p->newest ? event->seq : p->newest;
        note_lack(p, now);
    }
}

static struct subscriber *find(struct vg_subscribers *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->at[i].name, name) == 0)
            return &all->at[i];
    }
    return NULL;
}

void vg_subscribers_confirm(struct vg_zeromq *z, const struct vg_peer *peer,
                            const struct vg_request *r)
{
    struct subscriber *s = find(z->registered, r->subscriber);
    struct place *p = s ? place_of(s, r->ward) : NULL;
    struct vg_pending *waiting;
    uint64_t last, oldest;

    if (!p) { /* nobody waits for it: it is heard, and nothing is kept */
        vg_zeromq_reply_ok(z, peer, r->id);
        return;
    }
    z->env.extent(z->env.ctx, r->ward, &last, &oldest);
    if (r->seq > last) {
        vg_zeromq_reply_error(z, peer, r->id, "malformed",
                              "\"seq\": the ward has no event of this number yet");
        return;
    }
    if (r->seq > p->confirmed) {
        p->confirmed = r->seq;
        note_lack(p, vg_mono_ns());
        z->env.confirm(z->env.ctx, s->name, r->ward, r->seq);
    }
    waiting = vg_zeromq_pending_new(z, peer, r->id);
    if (!waiting)
        return;
    waiting->is_confirmation = true;
    waiting->seq = r->seq;
    memcpy(waiting->subscriber, s->name, sizeof(s->name));
    memcpy(waiting->ward, r->ward, sizeof(waiting->ward));
}

static bool is_late(const struct subscriber *s, int64_t now)
{
    for (size_t i = 0; i < s->places; i++) {
        if (s->place[i].since_ns && now - s->place[i].since_ns > s->within_ns)
            return true;
    }
    return false;
}

void vg_subscribers_count(const struct vg_subscribers *s, uint32_t *ret_all, uint32_t *ret_late)
{
    *ret_all = (uint32_t)s->n;
    *ret_late = 0;
    for (size_t i = 0; i < s->n; i++)
        *ret_late += s->at[i].reported;
}

void vg_subscribers_serve(struct vg_zeromq *z)
{
    struct vg_subscribers *all = z->registered;
    int64_t now = vg_mono_ns();

    if (all->n == 0 || now < all->look_ns)
        return;
    all->look_ns = now + look_every_ns;
    for (size_t i = 0; i < all->n; i++) {
        struct subscriber *s = &all->at[i];
        bool late = is_late(s, now);
        char text[128], subject[VG_NOTICE_SUBJECT_SIZE], within[VG_DURATION_TEXT_SIZE];

        if (late == s->reported)
            continue;
        s->reported = late;
        snprintf(subject, sizeof(subject), "%.31s/%s", z->env.name, s->name);
        vg_format_duration(s->within_ns, within);
        snprintf(text, sizeof(text), "subscriber %s has not confirmed within %s", s->name, within);
        z->env.notify(z->env.ctx, VG_NOTICE_SUBSCRIBER, subject, late ? text : NULL);
    }
}
