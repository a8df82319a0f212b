/* file_keys.c - which events are in a file: their ids, read from the starts of its lines. */
#include <stdlib.h>
#include <string.h>

#include "sinks/file_private.h"

enum { EVENT_ID_SIZE = VG_EPISODE_TEXT_SIZE - 1 };

static int compare_keys(const void *a, const void *b)
{
    const struct vg_file_key *x = a;
    const struct vg_file_key *y = b;
    int order = memcmp(x->episode_id, y->episode_id, sizeof(x->episode_id));

    return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* Reads the key from the start of a line: {"event_id":"<32 digits>.<n>" */
static bool line_key(const char *line, size_t len, struct vg_file_key *ret)
{
    static const char start[] = "{\"event_id\":\"";
    char text[EVENT_ID_SIZE + 1];
    char digits[12];
    size_t n = 0;

    if (len < sizeof(start) + EVENT_ID_SIZE + 3 || memcmp(line, start, sizeof(start) - 1) != 0)
        return false;
    line += sizeof(start) - 1;
    len -= sizeof(start) - 1;
    memcpy(text, line, EVENT_ID_SIZE);
    text[EVENT_ID_SIZE] = '\0';
    if (!vg_episode_parse(text, ret->episode_id) || line[EVENT_ID_SIZE] != '.')
        return false;
    for (size_t i = EVENT_ID_SIZE + 1; i < len && n < sizeof(digits) - 1 && line[i] != '"'; i++)
        digits[n++] = line[i];
    digits[n] = '\0';
    ret->number = (uint32_t)strtoul(digits, NULL, 10);
    return n > 0;
}

void vg_file_keys_learn(struct vg_file_keys *keys, const char *text, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline ? (size_t)(newline - text) : len;

        if (keys->n == keys->cap) {
            keys->cap = keys->cap ? 2 * keys->cap : 256;
            keys->at = realloc(keys->at, keys->cap * sizeof(keys->at[0]));
            VG_CHECK(keys->at);
        }
        keys->n += line_key(text, n, &keys->at[keys->n]);
        text += newline ? n + 1 : n;
        len -= newline ? n + 1 : n;
    }
}

void vg_file_keys_sort(struct vg_file_keys *keys)
{
    if (keys->n > 0)
        qsort(keys->at, keys->n, sizeof(keys->at[0]), compare_keys);
}

bool vg_file_keys_has(const struct vg_file_keys *keys, const struct vg_file_key *key)
{
    return keys->n > 0 && bsearch(key, keys->at, keys->n, sizeof(*key), compare_keys) != NULL;
}

void vg_file_keys_done(struct vg_file_keys *keys)
{
    free(keys->at);
    *keys = (struct vg_file_keys){ 0 };
}
