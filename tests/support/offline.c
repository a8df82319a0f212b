/* offline.c - the events that a configuration gives offline, for comparison with a live run.
 *
 *   offline CONFIG < lines
 *
 * Lines as produce.c reads them, without escapes; the offset of a line is its number within its
 * partition. Prints one event a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/offline.h"
#include "runtime/shared.h"

static void print_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                        const char *json, size_t len)
{
    (void)ctx;
    (void)patient;
    (void)event;
    fwrite(json, 1, len, stdout);
    putchar('\n');
}

static vg_status feed_line(struct vg_offline *o, const struct vg_source_config *source, char *line,
                           int64_t *next_offset, struct vg_err *err)
{
    const char *partition = strtok(line, "\t"), *ms = strtok(NULL, "\t"), *key = strtok(NULL, "\t");
    char *value = strtok(NULL, "\n");
    struct vg_message message = { .value = (const uint8_t *)value, .key = (const uint8_t *)key };
    struct vg_offline_place at = { .shard = (uint32_t)atoi(partition) };
    const struct vg_decoded *rows;
    struct vg_fault fault;
    size_t n;
    vg_status st;

    message.len = strlen(value);
    message.key_len = strlen(key);
    at.offset = next_offset[at.shard]++;
    st = source->decoder->decode(source->decoder_self, &message, &rows, &n, &fault);
    for (size_t i = 0; i < n && st == VG_OK; i++)
        st = vg_offline_row(o, &at, atoll(ms) * VG_NS_PER_MS, &rows[i], err);
    return st;
}

int main(int argc, char **argv)
{
    static int64_t next_offset[VG_SHARDS_MAX];
    static char line[65536];
    const struct vg_offline_sink sink = { .event = print_event };
    struct vg_buf said = VG_BUF_INIT;
    struct vg_config *config = NULL;
    struct vg_offline *o = NULL;
    struct vg_err err = { .msg = "usage: offline CONFIG < lines" };
    vg_status st = VG_E_USAGE;

    if (argc == 2)
        st = vg_config_load(argv[1], &config, &said, &err);
    if (st == VG_OK)
        st = config->source.decoder->open(config->source.decoder_self, &err);
    if (st == VG_OK)
        st = vg_offline_new(config, &sink, &o, &err);
    while (st == VG_OK && fgets(line, sizeof(line), stdin))
        st = feed_line(o, &config->source, line, next_offset, &err);
    if (st == VG_OK)
        vg_offline_finish(o, VG_TIME_NONE);
    else
        fprintf(stderr, "%s\n%s\n", err.msg, said.data ? said.data : "");
    vg_offline_free(o);
    if (config)
        config->source.decoder->close(config->source.decoder_self);
    vg_config_free(config);
    vg_buf_done(&said);
    return st == VG_OK ? 0 : 1;
}
