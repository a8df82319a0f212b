/* conformance_scenarios.c - what can happen to a subscriber, and what a right one reports.
 *
 * `gap` and those after it are in docs/clients.md; each is a few seconds long, since the times of
 * docs/alert1.md have to pass.
 */
#include <string.h>

#include "app/conformance.h"
#include "core/text.h"

/* clang-format off */
#define S(act) { VG_CONFORMANCE_##act, 0, NULL }
#define N(act, n) { VG_CONFORMANCE_##act, n, NULL }
#define EXPECT(notice) { VG_CONFORMANCE_EXPECT, 0, notice }
#define EXPECT_OF(notice, shard) { VG_CONFORMANCE_EXPECT, shard, notice }
#define STEPS(...) \
    .steps = sizeof((struct vg_conformance_step[]){ __VA_ARGS__ }) / \
             sizeof(struct vg_conformance_step), \
    .step = { __VA_ARGS__ }

const struct vg_conformance_scenario vg_conformance_scenarios[] = {
    { .name = "gap", .about = "events are lost, in the middle and at the end: it has them replayed",
      STEPS(S(WAIT_SYNCED), N(ADD, 6), N(LOSE, 3), N(ADD, 6), S(WAIT_TOLD), N(LOSE, 2), S(WAIT_TOLD),
            N(ADD, 2)) },
    { .name = "repeat", .about = "events come twice: they are given out once",
      STEPS(S(WAIT_SYNCED), N(ADD, 6), N(REPEAT, 4), N(ADD, 2), N(REPEAT, 8)) },
    { .name = "lost_reply", .about = "an answer of a replay is lost: it asks for it again",
      STEPS(S(WAIT_SYNCED), N(ADD, 4), S(TEAR), N(LOSE, 8), S(WAIT_TOLD), N(ADD, 2)) },
    { .name = "truncated", .about = "what was lost is no longer held: somebody is told, and it goes on",
      STEPS(S(WAIT_SYNCED), N(ADD, 4), N(LOSE, 6), S(FORGET), EXPECT("history_lost"),
            S(WAIT_TRUNCATED), N(BEAT, 1500), N(ADD, 4)) },
    { .name = "new_outbox", .about = "the pipeline has another outbox, with events that were given out",
      STEPS(S(WAIT_SYNCED), N(ADD, 4), S(RENEW), EXPECT("new_outbox"), S(WAIT_SYNCED), N(AGAIN, 4),
            N(ADD, 3)) },
    { .name = "link_down", .about = "no heartbeat for five seconds, and events are lost meanwhile",
      STEPS(S(WAIT_SYNCED), N(ADD, 2), N(SILENT, 5000), EXPECT("link_down"), N(LOSE, 2), N(BEAT, 500),
            EXPECT("link_up"), S(WAIT_TOLD), N(ADD, 2)) },
    { .name = "stalled", .about = "a shard hangs for a while",
      STEPS(S(WAIT_SYNCED), N(ADD, 1), N(AGE, 6000), N(BEAT, 1500), EXPECT("stalled"), N(AGE, 40),
            N(BEAT, 1500), EXPECT("moving")) },
    { .name = "not_covered", .about = "nobody processes one of the shards for a while",
      STEPS(S(WAIT_SYNCED), N(UNCOVER, 2), N(BEAT, 4000), EXPECT_OF("not_covered", 2), S(COVER),
            N(BEAT, 1500), EXPECT("covered")) },
    { .name = "acknowledge", .about = "acknowledges what it is told to: an episode, and one that is not there",
      STEPS(S(WAIT_SYNCED), N(ADD, 1), S(WAIT_ACKNOWLEDGED), S(WAIT_UNKNOWN)) },
    { .name = "refused_key", .about = "its key is not known: somebody is told, it goes on trying, and is let in",
      .curve = true,
      STEPS(S(WAIT_REFUSED), EXPECT("refused"), S(ADMIT), S(WAIT_SYNCED), N(ADD, 3)) },
    { .name = "rubbish", .about = "messages that nobody understands: nothing is lost by them",
      STEPS(S(WAIT_SYNCED), N(ADD, 3), S(RUBBISH), N(ADD, 3), S(RUBBISH), N(REPEAT, 2)) },
    { .name = "burst", .about = "--count events at once, some of them lost",
      STEPS(S(WAIT_SYNCED), S(BURST), S(WAIT_TOLD), N(ADD, 2)) },
};
/* clang-format on */

const size_t vg_conformance_scenarios_n = VG_ARRAY_LEN(vg_conformance_scenarios);

const struct vg_conformance_scenario *vg_conformance_find(const char *name)
{
    for (size_t i = 0; i < vg_conformance_scenarios_n; i++) {
        if (strcmp(vg_conformance_scenarios[i].name, name) == 0)
            return &vg_conformance_scenarios[i];
    }
    return NULL;
}
