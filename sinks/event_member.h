/* event_member.h - single members of an event, for sinks that address or file it by them. */
#ifndef VG_SINKS_EVENT_MEMBER_H
#define VG_SINKS_EVENT_MEMBER_H

#include "core/sink.h"

/** Copies a text member of the event's own level, such as "patient". False, and "", when the event
 *  has none or it does not fit. */
bool vg_event_member(const struct vg_delivery *event, const char *name, char *out, size_t size);

#endif
