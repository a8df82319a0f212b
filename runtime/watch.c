/* watch.c - rings of one writer and one reader.
 *
 * A watcher's memory is kept until the service ends: the writer may still be at a frame that began before
 * the watcher was closed, and nobody waits for it. The next one who takes the place begins behind what was
 * written by then.
 */
#include "runtime/watch.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/meters.h"

enum { ROWS_MIN = 64 };

struct vg_watcher {
    struct vg_watch *watch;
    uint32_t number; /* at its place */

    /* the wish; a writer that reads it half changed shows a few rows that nobody asked for */
    atomic_uint kinds, columns, every, shard, slot;

    /* the writer's */
    atomic_ulong head __attribute__((aligned(64))); /* rows written */
    atomic_ulong seen, lost;
    uint32_t left; /* to pass before the next is kept */

    /* the reader's */
    atomic_ulong tail __attribute__((aligned(64))); /* rows taken */
    uint64_t seen_before, lost_before;              /* what others made of the place */
    bool holds;                                     /* the row at the tail was given out */
    char *record;                                   /* [rows] of record_size bytes */
};

/* ---- places ---- */

static uint32_t kinds_of(const struct vg_planned_stage *stage)
{
    return stage->emits_ticks ? VG_ROW_TICK : stage->rows;
}

/* Where each column lies in a record, and in which rows it means something. */
static size_t place_columns(struct vg_watches *w, const struct vg_planned_stage *stage)
{
    size_t floats = 0;

    for (uint32_t s = 0; s < w->stages; s++) {
        for (uint32_t i = 0; i < stage[s].columns; i++) {
            uint32_t c = stage[s].first_column + i;

            w->column[c].place = s;
            w->column[c].kinds = kinds_of(&stage[s]);
            w->column[c].model = stage[s].model;
            w->column[c].at = floats;
            floats += w->layout->column[c].width;
        }
    }
    return floats;
}

void vg_watches_init(struct vg_watches *w, const struct vg_layout *layout,
                     const struct vg_planned_stage *stage, uint32_t workers, uint32_t stages)
{
    const size_t align = _Alignof(struct vg_watched), places = (size_t)workers * stages;
    size_t size;

    *w = (struct vg_watches){ .layout = layout, .workers = workers, .stages = stages };
    size = sizeof(struct vg_watched) + sizeof(float) * place_columns(w, stage);
    w->record_size = (size + align - 1) / align * align;
    for (w->rows = ROWS_MIN; w->record_size * w->rows * 2 <= VG_WATCH_BYTES; w->rows *= 2) {
    }
    w->at = aligned_alloc(_Alignof(struct vg_watch), places * sizeof(*w->at));
    VG_CHECK(w->at != NULL);
    memset(w->at, 0, places * sizeof(*w->at));
    for (size_t i = 0; i < places; i++) {
        w->at[i].all = w;
        w->at[i].place = (uint32_t)(i % stages);
    }
}

void vg_watches_change(struct vg_watches *w, const struct vg_planned_stage *stage)
{
    for (uint32_t s = 0; s < w->stages; s++) {
        for (uint32_t i = 0; i < stage[s].columns; i++)
            w->column[stage[s].first_column + i].model = stage[s].model;
    }
}

void vg_watches_done(struct vg_watches *w)
{
    for (size_t i = 0; w->at && i < (size_t)w->workers * w->stages; i++) {
        for (int r = 0; r < VG_WATCHERS; r++) {
            struct vg_watcher *watcher = w->at[i].reader[r];

            if (watcher)
                free(watcher->record);
            free(watcher);
        }
    }
    free(w->at);
    *w = (struct vg_watches){ 0 };
}

struct vg_watch *vg_watches_at(const struct vg_watches *w, uint32_t worker, uint32_t place)
{
    return &w->at[(size_t)worker * w->stages + place];
}

/* ---- writing ---- */

/* What a writer knows of a reader while it is at one frame. */
struct turn {
    uint32_t kinds, columns, every, slot;
    uint64_t head, room;
    uint64_t seen, lost;
};

static uint32_t relaxed(const atomic_uint *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static char *record_at(const struct vg_watcher *r, uint64_t number)
{
    const struct vg_watches *all = r->watch->all;

    return r->record + (number & (all->rows - 1)) * all->record_size;
}

static void copy_columns(const struct vg_watch *w, const struct turn *t, struct vg_frame *f,
                         uint32_t i, struct vg_watched *to)
{
    const struct vg_watches *all = w->all;
    const struct vg_layout *l = all->layout;

    to->columns = 0;
    for (uint32_t c = VG_COL_BASE_COUNT; c < l->columns; c++) {
        if (!(t->columns >> c & 1) || all->column[c].place > w->place ||
            !(all->column[c].kinds & to->kind))
            continue;
        to->columns |= UINT32_C(1) << c;
        memcpy(to->column + all->column[c].at, vg_frame_at(f, l, (int)c, i),
               sizeof(float) * l->column[c].width);
    }
}

static void copy_row(const struct vg_watch *w, const struct turn *t, struct vg_frame *f, uint32_t i,
                     const struct vg_slots *slots, struct vg_watched *to)
{
    struct vg_row row;

    vg_row_view(&row, f, w->all->layout, i);
    to->shard = f->shard;
    to->slot = *(const uint32_t *)vg_frame_at(f, w->all->layout, VG_COL_SLOT, i);
    to->index = row.index;
    to->kind = row.kind;
    to->flags = row.flags;
    to->offset = row.offset;
    to->log_ns = row.log_ns;
    to->record_ns = row.record_ns;
    to->event_ns = row.event_ns;
    to->device_ns = row.device_ns;
    to->patient = *vg_slots_patient(slots, to->slot);
    memcpy(to->value, row.value, sizeof(to->value));
    memcpy(to->quality, row.quality, sizeof(to->quality));
    memcpy(to->reason, row.reason, sizeof(to->reason));
    copy_columns(w, t, f, i, to);
}

static bool fits(const struct turn *t, uint8_t kind, uint32_t slot)
{
    return (t->kinds & kind) && (t->slot == VG_WATCH_ANY || t->slot == slot);
}

static void write_rows(struct vg_watcher *r, struct turn *t, struct vg_frame *f,
                       const struct vg_slots *slots)
{
    const struct vg_layout *l = r->watch->all->layout;
    const uint8_t *kind = vg_frame_column(f, l, VG_COL_KIND);
    const uint32_t *slot = vg_frame_column(f, l, VG_COL_SLOT);

    for (uint32_t i = 0; i < f->rows; i++) {
        if (!fits(t, kind[i], slot[i]))
            continue;
        t->seen++;
        if (r->left > 0) {
            r->left--;
            continue;
        }
        r->left = t->every - 1;
        if (t->room == 0) {
            t->lost++;
            continue;
        }
        copy_row(r->watch, t, f, i, slots, (struct vg_watched *)record_at(r, t->head));
        t->head++;
        t->room--;
    }
}

static void show(struct vg_watcher *r, struct vg_frame *f, const struct vg_slots *slots)
{
    const uint32_t shard = relaxed(&r->shard);
    struct turn t = { .kinds = relaxed(&r->kinds),
                      .columns = relaxed(&r->columns),
                      .every = relaxed(&r->every),
                      .slot = relaxed(&r->slot) };

    if (shard != VG_WATCH_ANY && shard != f->shard)
        return;
    t.head = atomic_load_explicit(&r->head, memory_order_relaxed);
    t.room = r->watch->all->rows - (t.head - atomic_load_explicit(&r->tail, memory_order_acquire));
    if (r->left >= t.every)
        r->left = 0;
    write_rows(r, &t, f, slots);
    vg_meter_add(&r->seen, t.seen);
    vg_meter_add(&r->lost, t.lost);
    atomic_store_explicit(&r->head, t.head, memory_order_release);
}

void vg_watch_frame(struct vg_watch *w, struct vg_frame *f, const struct vg_slots *slots)
{
    const uint32_t on = atomic_load_explicit(&w->on, memory_order_acquire);

    for (uint32_t n = 0; n < VG_WATCHERS; n++) {
        if (on >> n & 1)
            show(atomic_load_explicit(&w->reader[n], memory_order_relaxed), f, slots);
    }
}

/* ---- reading ---- */

static uint32_t take_number(struct vg_watch *w)
{
    uint32_t taken = atomic_load(&w->taken), n;

    do {
        for (n = 0; n < VG_WATCHERS && (taken >> n & 1); n++) {
        }
        if (n == VG_WATCHERS)
            break;
    } while (!atomic_compare_exchange_weak(&w->taken, &taken, taken | 1u << n));
    return n;
}

static struct vg_watcher *new_watcher(struct vg_watch *w, uint32_t number)
{
    struct vg_watcher *r = aligned_alloc(_Alignof(struct vg_watcher), sizeof(*r));

    VG_CHECK(r != NULL);
    memset(r, 0, sizeof(*r));
    r->watch = w;
    r->number = number;
    r->record = calloc(w->all->rows, w->all->record_size);
    VG_CHECK(r->record != NULL);
    return r;
}

struct vg_watcher *vg_watch_open(struct vg_watch *w, const struct vg_watch_wish *wish)
{
    uint32_t n = take_number(w);
    struct vg_watcher *r;

    if (n == VG_WATCHERS)
        return NULL;
    r = atomic_load(&w->reader[n]);
    if (!r) {
        r = new_watcher(w, n);
        atomic_store(&w->reader[n], r);
    }
    vg_watcher_wish(r, wish);
    r->holds = false;
    r->seen_before = vg_meter_get(&r->seen);
    r->lost_before = vg_meter_get(&r->lost);
    atomic_store_explicit(&r->tail, atomic_load_explicit(&r->head, memory_order_acquire),
                          memory_order_release);
    atomic_fetch_or_explicit(&w->on, 1u << n, memory_order_release);
    return r;
}

void vg_watcher_wish(struct vg_watcher *r, const struct vg_watch_wish *wish)
{
    atomic_store_explicit(&r->kinds, wish->kinds, memory_order_relaxed);
    atomic_store_explicit(&r->columns, wish->columns, memory_order_relaxed);
    atomic_store_explicit(&r->every, wish->every > 0 ? wish->every : 1, memory_order_relaxed);
    atomic_store_explicit(&r->shard, wish->shard, memory_order_relaxed);
    atomic_store_explicit(&r->slot, wish->slot, memory_order_relaxed);
}

const struct vg_watched *vg_watcher_next(struct vg_watcher *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (r->holds)
        atomic_store_explicit(&r->tail, ++tail, memory_order_release);
    r->holds = tail != atomic_load_explicit(&r->head, memory_order_acquire);
    return r->holds ? (const struct vg_watched *)record_at(r, tail) : NULL;
}

const float *vg_watcher_column(const struct vg_watcher *r, const struct vg_watched *row, int column)
{
    return column >= VG_COL_BASE_COUNT && (row->columns >> column & 1)
               ? row->column + r->watch->all->column[column].at
               : NULL;
}

uint64_t vg_watcher_seen(const struct vg_watcher *r)
{
    return vg_meter_get(&r->seen) - r->seen_before;
}

uint64_t vg_watcher_lost(const struct vg_watcher *r)
{
    return vg_meter_get(&r->lost) - r->lost_before;
}

void vg_watcher_close(struct vg_watcher *r)
{
    if (!r)
        return;
    atomic_fetch_and_explicit(&r->watch->on, ~(1u << r->number), memory_order_relaxed);
    atomic_fetch_and(&r->watch->taken, ~(1u << r->number));
}
