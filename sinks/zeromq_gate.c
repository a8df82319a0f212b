/* zeromq_gate.c - who gets to which socket, and what is noted of it.
 *
 * A subscriber's role is asked for before it connects: PUB sends to whoever is connected. Every
 * connection and every refusal is noted, but who knocks all the time is counted and not written down
 * each time, or a stranger could fill the disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "sinks/zeromq_private.h"

enum { NOTED_PER_WINDOW = 100 };

static const int64_t window_ns = 60 * VG_NS_PER_S;

const char vg_zeromq_domain_publish[] = "alert1-publish";
const char vg_zeromq_domain_control[] = "alert1-control";

vg_status vg_zeromq_gate_read(struct vg_zeromq *z, struct vg_err *err)
{
    size_t refused;
    vg_status st = vg_key_pair_read(z->server_key, &z->pair, err);

    return st == VG_OK ? vg_allow_list_read(z->keys, true, &z->allowed, &refused, err) : st;
}

static bool may_connect(const struct vg_zeromq *z, const struct vg_key_file *c)
{
    return vg_client_may_see(c, z->wards.value, z->wards.n);
}

/* Whether `was` could do something here that `is` (NULL: gone) cannot. */
static bool has_less(const struct vg_zeromq *z, const struct vg_key_file *was,
                     const struct vg_key_file *is)
{
    if (!may_connect(z, was))
        return false;
    return !is || !may_connect(z, is) || (was->roles & ~is->roles) != 0 ||
           strcmp(was->name, is->name) != 0;
}

vg_status vg_zeromq_gate_reread(struct vg_zeromq *z, bool *ret_removed, struct vg_err *err)
{
    struct vg_allow_list fresh = { 0 };
    size_t refused;
    vg_status st = vg_allow_list_read(z->keys, false, &fresh, &refused, err);
    char counts[80];

    *ret_removed = false;
    /* A folder that is gone, or that others can write to, says nothing: neither who is new nor who is
     * not there any more. Displays must not fall silent for it. */
    if (st != VG_OK)
        return st;
    for (size_t i = 0; i < z->allowed.n; i++) {
        const struct vg_key_file *was = &z->allowed.client[i];

        if (!has_less(z, was, vg_allow_list_find(&fresh, was->public_key)))
            continue;
        *ret_removed = true;
        z->env.audit(z->env.ctx, "withdrawn", was->name,
                     "its key or rights are not there any more");
    }
    vg_allow_list_done(&z->allowed);
    z->allowed = fresh;
    snprintf(counts, sizeof(counts), "%zu clients in the folder of keys", fresh.n);
    z->env.audit(z->env.ctx, "reloaded", z->env.name, counts);
    return refused > 0 ? VG_E_CONFIG : VG_OK;
}

/* ---- what is noted ---- */

static void note_unsaid(struct vg_zeromq *z, struct vg_noted *n)
{
    char text[80];

    if (n->unsaid == 0)
        return;
    snprintf(text, sizeof(text), "%u more within a minute", n->unsaid);
    z->env.audit(z->env.ctx, n->what, "others", text);
    n->unsaid = 0;
}

/* Also when nobody comes any more: the last to knock must not go uncounted. */
static void look_unsaid(struct vg_zeromq *z, struct vg_noted *n, int64_t now)
{
    if (now - n->window_ns > window_ns)
        note_unsaid(z, n);
}

static void note(struct vg_zeromq *z, struct vg_noted *n, const char *what, const char *who,
                 const char *why)
{
    int64_t now = vg_mono_ns();

    if (now - n->window_ns > window_ns) {
        note_unsaid(z, n);
        *n = (struct vg_noted){ .window_ns = now };
    }
    if (n->said == NOTED_PER_WINDOW) {
        n->unsaid++;
        n->what = what;
        return;
    }
    n->said++;
    z->env.audit(z->env.ctx, what, who, why);
}

void vg_zeromq_note_refusal(struct vg_zeromq *z, const char *who, const char *why)
{
    note(z, &z->refused, "refused", who, why);
}

void vg_zeromq_note_asked(struct vg_zeromq *z, const char *what, const char *who, const char *why)
{
    note(z, &z->asked, what, who, why);
}

/* ---- deciding ---- */

static const char *reason_against(const struct vg_zeromq *z, const struct vg_key_file *c,
                                  bool publishes)
{
    if (!c)
        return "the key is not in the folder of keys";
    if (!may_connect(z, c))
        return "its key does not allow all wards of this sink";
    if (publishes && !(c->roles & VG_ROLE_READ))
        return "its key has not the role read";
    return NULL;
}

/* A socket for both protocols calls 10.0.0.7 by its name in IPv6; ipc has none. */
static const char *address_of(const struct vg_zap_request *request)
{
    static const char mapped[] = "::ffff:";
    const char *address = request->address;

    if (strncmp(address, mapped, strlen(mapped)) == 0)
        address += strlen(mapped);
    return *address ? address : "this machine";
}

bool vg_zeromq_gate_decide(void *arg, const struct vg_zap_request *request,
                           char user[VG_CLIENT_NAME_SIZE])
{
    struct vg_zeromq *z = arg;
    bool publishes = strcmp(request->domain, vg_zeromq_domain_publish) == 0;
    const struct vg_key_file *c =
        request->has_key ? vg_allow_list_find(&z->allowed, request->key) : NULL;
    const char *against = reason_against(z, c, publishes);
    char text[VG_ZAP_ADDRESS_SIZE + VG_CLIENT_NAME_SIZE + 16];

    if (!publishes && strcmp(request->domain, vg_zeromq_domain_control) != 0)
        against = "it knocks at no socket of this sink";
    if (!z->bound && against) /* the stranger of the self-test */
        return false;
    if (against) {
        snprintf(text, sizeof(text), "%s (%s)", c ? c->name : "a stranger", address_of(request));
        vg_zeromq_note_refusal(z, text, against);
        return false;
    }
    snprintf(text, sizeof(text), "%s from %s", publishes ? "publish" : "control",
             address_of(request));
    memcpy(user, c->name, sizeof(c->name));
    z->env.audit(z->env.ctx, "accepted", c->name, text);
    return true;
}

void vg_zeromq_gate_close(struct vg_zeromq *z)
{
    note_unsaid(z, &z->refused);
    note_unsaid(z, &z->asked);
}

void vg_zeromq_gate_serve(struct vg_zeromq *z)
{
    int64_t now = vg_mono_ns();

    look_unsaid(z, &z->refused, now);
    look_unsaid(z, &z->asked, now);
    if (z->zap.socket)
        vg_zap_serve(&z->zap);
}
