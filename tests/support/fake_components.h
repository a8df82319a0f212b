/* fake_components.h - components that a test of the loader puts in place of the registry's.
 *
 * A model file is one line of text: tick in s, scale, horizons, window, and behind them a word when it
 * has no seal.
 */
#ifndef VG_TESTS_FAKE_COMPONENTS_H
#define VG_TESTS_FAKE_COMPONENTS_H

#include "core/decoder.h"
#include "core/source.h"

extern const struct vg_source_ops fake_kafka;
extern const struct vg_decoder_ops fake_json;

/** Their options. */
struct fake_source {
    char *brokers, *topic, *start, *group, *password;
};

struct fake_decoder {
    uint64_t max_bytes;
};

#endif
