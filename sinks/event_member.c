/* event_member.c - single members of an event, for sinks that address or file it by them. */
#include "sinks/event_member.h"

#include <jansson.h>
#include <string.h>

bool vg_event_member(const struct vg_delivery *event, const char *name, char *out, size_t size)
{
    json_t *root = json_loadb(event->json, event->len, 0, NULL);
    const char *value = json_string_value(json_object_get(root, name));
    bool found = value && strlen(value) < size;

    memcpy(out, found ? value : "", found ? strlen(value) + 1 : 1);
    json_decref(root);
    return found;
}
