/* running.c - asks a running pipeline for its state. */
#include "app/running.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/config_load.h"
#include "app/http_get.h"
#include "core/text.h"

vg_status vg_running_find(const char *path, const char *at, struct vg_running *ret,
                          struct vg_err *err)
{
    const struct vg_http_options *http;
    vg_status st;

    *ret = (struct vg_running){ 0 };
    st = vg_config_load_aloud(path, &ret->config, err);
    if (st != VG_OK)
        return st;
    http = &ret->config->service.http;
    if (!http->listen)
        return vg_fail(err, VG_E_CONFIG,
                       "%s has no HTTP server to ask: set service.http.listen and "
                       "service.http.token",
                       path);
    if (!http->token)
        return vg_fail(err, VG_E_CONFIG,
                       "%s has no service.http.token, without which nobody may read the state",
                       path);
    ret->address = at ? at : http->listen;
    ret->token = http->token;
    return VG_OK;
}

void vg_running_done(struct vg_running *r)
{
    vg_config_free(r->config);
}

vg_status vg_running_state(const struct vg_running *r, struct vg_buf *text, json_t **ret,
                           struct vg_err *err)
{
    struct vg_buf answer = VG_BUF_INIT;
    vg_status st = vg_http_get(r->address, r->token, "/api/v1/status", &answer, err);

    *ret = NULL;
    if (st == VG_OK) {
        *ret = json_loadb(answer.data, answer.len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(*ret)) {
            json_decref(*ret);
            *ret = NULL;
            st = vg_fail(err, VG_E_FAILED, "what answers is no pipeline of this version");
        } else if (text) {
            vg_buf_add(text, answer.data, answer.len);
        }
    }
    vg_buf_done(&answer);
    return st;
}

const char *vg_state_text(const json_t *of, const char *key)
{
    const char *value = json_string_value(json_object_get(of, key));

    return value ? value : "";
}

const json_t *vg_state_named(const json_t *list, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        if (strcmp(vg_state_text(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

long long vg_state_number(const json_t *of, const char *key)
{
    return (long long)json_integer_value(json_object_get(of, key));
}

double vg_state_real(const json_t *of, const char *key)
{
    return json_number_value(json_object_get(of, key));
}

const char *vg_state_seconds(const json_t *value, char out[VG_STATE_SECONDS])
{
    static const struct {
        double below, unit;
        int decimals;
        const char *name;
    } scales[] = {
        { 0.01, 1e-3, 1, "ms" },       { 1, 1e-3, 0, "ms" },          { 600, 1, 1, "s" },
        { 10 * 3600.0, 60, 0, "min" }, { 72 * 3600.0, 3600, 0, "h" }, { HUGE_VAL, 86400, 0, "days" }
    };
    const double s = json_number_value(value);
    size_t i = 0;

    while (i + 1 < VG_ARRAY_LEN(scales) && s >= scales[i].below)
        i++;
    if (json_is_number(value))
        snprintf(out, VG_STATE_SECONDS, "%.*f %s", scales[i].decimals, s / scales[i].unit,
                 scales[i].name);
    else
        snprintf(out, VG_STATE_SECONDS, "-");
    return out;
}

double vg_state_uptime_s(const json_t *state)
{
    const char *began = vg_state_text(state, "started"), *now = vg_state_text(state, "now");
    int64_t began_ns, now_ns;

    if (!vg_parse_time(began, strlen(began), &began_ns) ||
        !vg_parse_time(now, strlen(now), &now_ns) || now_ns <= began_ns)
        return 0;
    return (double)(now_ns - began_ns) / 1e9;
}
