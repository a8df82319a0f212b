/* frame.c - layout of frames, their rows and items. */
#include "core/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_ALIGN = 64, ITEM_ALIGN = 8, CLEAR_ROWS = 32 };

static size_t align_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static void add_column(struct vg_layout *l, const char *name, uint32_t size, uint32_t width)
{
    struct vg_column *c = &l->column[l->columns++];

    snprintf(c->name, sizeof(c->name), "%s", name);
    c->size = size;
    c->width = width;
}

void vg_layout_init(struct vg_layout *l)
{
    memset(l, 0, sizeof(*l));
    /* In the order of enum vg_base_column. */
    add_column(l, "kind", sizeof(uint8_t), 1);
    add_column(l, "flags", sizeof(uint8_t), 1);
    add_column(l, "slot", sizeof(uint32_t), 1);
    add_column(l, "index", sizeof(uint32_t), 1);
    add_column(l, "offset", sizeof(int64_t), 1);
    add_column(l, "log_time", sizeof(int64_t), 1);
    add_column(l, "record_time", sizeof(int64_t), 1);
    add_column(l, "event_time", sizeof(int64_t), 1);
    add_column(l, "device_time", sizeof(int64_t), 1);
    add_column(l, "value", sizeof(float), VG_CHANNELS);
    add_column(l, "quality", sizeof(uint8_t), VG_CHANNELS);
    add_column(l, "reason", sizeof(uint8_t), VG_CHANNELS);
    VG_CHECK(l->columns == VG_COL_BASE_COUNT);
}

int vg_layout_add(struct vg_layout *l, const char *name, uint32_t width)
{
    if (l->columns == VG_COLUMNS_MAX)
        return VG_ROW_NONE;
    add_column(l, name, sizeof(float), width);
    return (int)l->columns - 1;
}

int vg_layout_find(const struct vg_layout *l, const char *name)
{
    for (uint32_t c = 0; c < l->columns; c++) {
        if (strcmp(l->column[c].name, name) == 0)
            return (int)c;
    }
    return VG_ROW_NONE;
}

void vg_layout_finish(struct vg_layout *l, uint32_t rows_max)
{
    size_t at = align_up(sizeof(struct vg_frame), COLUMN_ALIGN);

    for (uint32_t c = 0; c < l->columns; c++) {
        l->column[c].offset = (uint32_t)at;
        at = align_up(at + (size_t)rows_max * l->column[c].size * l->column[c].width, COLUMN_ALIGN);
    }
    VG_CHECK(at <= UINT32_MAX);
    l->tail = (uint32_t)at;
    l->rows_max = rows_max;
}

struct vg_frame *vg_frame_new(const struct vg_layout *l, size_t spare)
{
    size_t capacity = align_up(l->tail + spare, COLUMN_ALIGN);
    struct vg_frame *f = aligned_alloc(COLUMN_ALIGN, capacity);

    VG_CHECK(f != NULL);
    memset(f, 0, sizeof(*f));
    f->magic = VG_FRAME_MAGIC;
    f->version = VG_FRAME_VERSION;
    f->capacity = capacity;
    vg_frame_reset(f, VG_FRAME_ROWS, 0);
    return f;
}

void vg_frame_free(struct vg_frame *f)
{
    free(f);
}

void vg_frame_reset(struct vg_frame *f, enum vg_frame_kind kind, uint32_t shard)
{
    f->kind = (uint16_t)kind;
    f->shard = shard;
    f->rows = 0;
    f->cleared = 0;
    f->tail_len = 0;
    f->next_offset = 0;
    f->ordinal = 0;
    f->live = false;
    f->more = false;
    f->building = 0;
    f->change = 0;
    f->events = 0;
    f->stored = 0;
    f->log_ns = VG_TIME_NONE;
    f->wall_ns = 0;
}

/* Some rows at once: columns are far apart, and a row of most is a few bytes. Only the base columns:
 * the stage that adds a column fills it for the rows it wants, and nobody reads it in others. */
static void clear(struct vg_frame *f, const struct vg_layout *l)
{
    const uint32_t left = l->rows_max - f->rows, n = left < CLEAR_ROWS ? left : CLEAR_ROWS;

    for (int c = 0; c < VG_COL_BASE_COUNT; c++)
        memset(vg_frame_at(f, l, c, f->rows), 0,
               (size_t)n * l->column[c].size * l->column[c].width);
    f->cleared = f->rows + n;
}

uint32_t vg_frame_add_row(struct vg_frame *f, const struct vg_layout *l)
{
    VG_CHECK(f->rows < l->rows_max);
    if (f->rows >= f->cleared)
        clear(f, l);
    return f->rows++;
}

void vg_frame_copy_rows(struct vg_frame *f, const struct vg_layout *l, struct vg_frame *src,
                        uint32_t from, uint32_t n, uint32_t columns)
{
    VG_CHECK(n <= l->rows_max - f->rows && from + n <= src->rows && columns <= l->columns);
    for (int c = 0; c < (int)columns; c++)
        memcpy(vg_frame_at(f, l, c, f->rows), vg_frame_at(src, l, c, from),
               (size_t)n * l->column[c].size * l->column[c].width);
    f->rows += n;
}

/* Columns are 64-byte aligned and malloc'ed memory moves, so growing copies into a new block. */
static struct vg_frame *grow(struct vg_frame *f, const struct vg_layout *l, size_t need)
{
    size_t capacity = align_up(need + need / 2, COLUMN_ALIGN);
    struct vg_frame *g = aligned_alloc(COLUMN_ALIGN, capacity);

    VG_CHECK(g != NULL);
    memcpy(g, f, l->tail + f->tail_len);
    g->capacity = capacity;
    free(f);
    return g;
}

void *vg_frame_add_item(struct vg_frame **f, const struct vg_layout *l, enum vg_item_kind kind,
                        size_t size)
{
    size_t at = l->tail + (*f)->tail_len;
    size_t need = at + sizeof(struct vg_item) + align_up(size, ITEM_ALIGN);
    struct vg_item *item;

    if (need > (*f)->capacity)
        *f = grow(*f, l, need);
    item = (struct vg_item *)((char *)*f + at);
    item->kind = kind;
    item->row = (*f)->rows;
    item->size = size;
    /* The padding too: frames are compared and hashed as bytes. */
    memset(item + 1, 0, align_up(size, ITEM_ALIGN));
    (*f)->tail_len = need - l->tail;
    return item + 1;
}

void vg_frame_add_items(struct vg_frame **f, const struct vg_layout *l, const void *items,
                        size_t len)
{
    size_t at = l->tail + (*f)->tail_len;

    if (len == 0)
        return;
    if (at + len > (*f)->capacity)
        *f = grow(*f, l, at + len);
    memcpy((char *)*f + at, items, len);
    (*f)->tail_len += len;
}

struct vg_item *vg_items_next(void *items, size_t len, struct vg_item *item)
{
    char *next = item ? (char *)(item + 1) + align_up(item->size, ITEM_ALIGN) : items;

    return next < (char *)items + len ? (struct vg_item *)next : NULL;
}

struct vg_item *vg_frame_next_item(struct vg_frame *f, const struct vg_layout *l,
                                   struct vg_item *item)
{
    return vg_items_next((char *)f + l->tail, f->tail_len, item);
}

void vg_row_view(struct vg_row *row, struct vg_frame *f, const struct vg_layout *l, uint32_t i)
{
    row->kind = ((uint8_t *)vg_frame_column(f, l, VG_COL_KIND))[i];
    row->flags = ((uint8_t *)vg_frame_column(f, l, VG_COL_FLAGS))[i];
    row->index = ((uint32_t *)vg_frame_column(f, l, VG_COL_INDEX))[i];
    row->offset = ((int64_t *)vg_frame_column(f, l, VG_COL_OFFSET))[i];
    row->log_ns = ((int64_t *)vg_frame_column(f, l, VG_COL_LOG))[i];
    row->record_ns = ((int64_t *)vg_frame_column(f, l, VG_COL_RECORD))[i];
    row->event_ns = ((int64_t *)vg_frame_column(f, l, VG_COL_EVENT))[i];
    row->device_ns = ((int64_t *)vg_frame_column(f, l, VG_COL_DEVICE))[i];
    row->value = (float *)vg_frame_column(f, l, VG_COL_VALUE) + (size_t)i * VG_CHANNELS;
    row->quality = (uint8_t *)vg_frame_column(f, l, VG_COL_QUALITY) + (size_t)i * VG_CHANNELS;
    row->reason = (uint8_t *)vg_frame_column(f, l, VG_COL_REASON) + (size_t)i * VG_CHANNELS;
    row->frame = f;
    row->layout = l;
    row->i = i;
}
