/* frame.h - rows of one shard in log order: what travels between threads.
 *
 * A frame is one flat buffer without pointers: a head, then columns, then a tail of items.
 * A column holds `rows_max` entries of `width` elements each, so that a stage that works on one
 * quantity touches one run of memory. The columns are fixed when the plan is made: the base columns
 * below, then those that stages add ("z", "forecast", ...). Row i is entry i of every column.
 * Items are the few things that are not numbers: who a patient is, dead letters, commands, events,
 * and in a barrier the memory of each stage. They keep their order and say which row they precede.
 *
 * One thread owns a frame at a time; the link hands it on. Letters in shapes: R rows, C channels.
 */
#ifndef VG_CORE_FRAME_H
#define VG_CORE_FRAME_H

#include "core/channel.h"
#include "core/err.h"

enum {
    VG_FRAME_MAGIC = 0x31464756, /* "VGF1" */
    VG_FRAME_VERSION = 1,
    VG_COLUMNS_MAX = 24,
    VG_COLUMN_NAME = 32,
    VG_ROW_NONE = -1,
};

enum vg_frame_kind {
    VG_FRAME_ROWS,    /**< rows and items */
    VG_FRAME_BARRIER, /**< collects the memory of one shard at one position */
    VG_FRAME_RESTORE, /**< hands out what a barrier collected */
    VG_FRAME_DROP,    /**< the shard now belongs to another instance: forget it */
    VG_FRAME_CHANGE,  /**< each thread of the chain goes on with the stage that lies ready for it */
    VG_FRAME_END,     /**< nothing follows; each thread passes it on and ends */
};

/** Bits, so that a stage can say which kinds it wants. */
enum vg_row_kind {
    VG_ROW_SAMPLE = 1,  /**< what arrived: one patient at one time */
    VG_ROW_TICK = 2,    /**< the patient on the fixed UTC grid */
    VG_ROW_SHARD = 4,   /**< something about the shard itself (slot 0), see flags */
    VG_ROW_COMMAND = 8, /**< a command for the patient of the row */
    VG_ROW_CLOCK = 16,  /**< only time has passed; no stage is called, timers fire */
};

/** Flags of a row. A bit means one thing in samples and ticks and another in rows of the shard; one of
 *  these without any says that a record has come. */
enum {
    VG_ROW_TIME_SUSPECT = 1, /**< the device's time is not used, the record's is */
    VG_ROW_AHEAD = 2,        /**< device clock ahead by more than max_ahead */
    VG_ROW_BEHIND = 4,       /**< device clock behind by more than late_after */
    VG_ROW_NO_TIME = 8,      /**< the row had no time, or none that could be read */
    VG_ROW_LATE = 16,        /**< BEHIND under `clock: device`: reaches no limit and no tick */
    VG_ROW_MODEL_ERROR = 32, /**< a model returned something not finite for this row */
    VG_ROW_BED_SHARED = 64,  /**< a patient takes back the bed that another one's rows name, too */
    VG_ROW_KEY_MISMATCH = 1, /**< (SHARD) ... because its key names another patient */
    VG_ROW_DEAD_LETTER = 64, /**< (SHARD) a message or row was dead-lettered */
    VG_ROW_PATIENT_REFUSED = 128 /**< (SHARD) a patient beyond max_patients was refused */
};

/** The base columns, in this order in every frame. */
enum vg_base_column {
    VG_COL_KIND,    /**< uint8_t */
    VG_COL_FLAGS,   /**< uint8_t */
    VG_COL_SLOT,    /**< uint32_t: the patient's number within the shard; 0 is the shard itself */
    VG_COL_INDEX,   /**< uint32_t: place within the record */
    VG_COL_OFFSET,  /**< int64_t: of the record */
    VG_COL_LOG,     /**< int64_t, ns: log time at this row */
    VG_COL_RECORD,  /**< int64_t, ns: the record's own timestamp */
    VG_COL_EVENT,   /**< int64_t, ns: when it was measured, as far as it can be believed */
    VG_COL_DEVICE,  /**< int64_t, ns: what the device said, or VG_TIME_NONE */
    VG_COL_VALUE,   /**< float [C], in channel units; +0.0 where not usable, and not to be read */
    VG_COL_QUALITY, /**< uint8_t [C], enum vg_quality */
    VG_COL_REASON,  /**< uint8_t [C], enum vg_reason */
    VG_COL_BASE_COUNT
};

struct vg_column {
    char name[VG_COLUMN_NAME];
    uint32_t offset; /**< bytes from the start of the frame; 64-byte aligned */
    uint32_t size;   /**< bytes of one element */
    uint32_t width;  /**< elements per row */
};

/** Where everything lies. Made once from the plan, the same for every frame of a pipeline. */
struct vg_layout {
    uint32_t columns;
    uint32_t rows_max;
    uint32_t tail; /**< where items start */
    struct vg_column column[VG_COLUMNS_MAX];
};

/** The head of the buffer. */
struct vg_frame {
    uint32_t magic;
    uint16_t version;
    uint16_t kind; /**< enum vg_frame_kind */
    uint32_t shard;
    uint32_t rows;
    uint32_t cleared;    /**< base columns are 0 from `rows` up to this row */
    uint64_t capacity;   /**< bytes of the whole buffer */
    uint64_t tail_len;   /**< bytes of items */
    int64_t next_offset; /**< position after this frame: the next record to read, ... */
    uint32_t ordinal;    /**< ... and how many commands were applied there */
    bool live;           /**< behind what the outbox knows already: nothing in it comes again */
    bool more;           /**< the rest of what this frame began follows: to be committed with it */
    uint32_t building;   /**< (restore) how many changes of configuration are still to be passed
                              before events count again */
    uint32_t change;     /**< (barrier) the offer for which its memory is wanted back; 0: none */
    int64_t log_ns;      /**< log time after this frame, VG_TIME_NONE before the first record */
    int64_t wall_ns;     /**< wall clock when ingest began it; for latency and supervision only */
    uint64_t events;     /**< (restore) number of the shard's last event here */
    uint64_t stored;     /**< (restore) number of the last event that the outbox holds */
};

enum vg_item_kind {
    VG_ITEM_PATIENT,     /**< struct vg_item_patient: first seen, or the bed changed */
    VG_ITEM_COMMAND,     /**< struct vg_item_command + payload */
    VG_ITEM_DEAD_LETTER, /**< struct vg_item_dead_letter + what it says */
    VG_ITEM_EVENT,       /**< struct vg_item_event + canonical JSON */
    VG_ITEM_SLAB,        /**< struct vg_item_slab + memory (barrier, restore) */
};

/** Head of an item; the body follows, padded to 8 bytes. */
struct vg_item {
    uint32_t kind;
    uint32_t row;  /**< the row before which it stands; `rows` when after all */
    uint64_t size; /**< of the body, without padding */
};

struct vg_item_patient {
    uint32_t slot;
    uint32_t displaced; /**< 1: another patient's rows have named the bed since */
    char id[VG_PATIENT_SIZE];
    char bed[VG_BED_SIZE]; /**< "" when the rows name none */
    char ward[VG_WARD_SIZE];
};

enum vg_command_kind {
    VG_COMMAND_CLOCK,       /**< log time moves on though no record came */
    VG_COMMAND_ACKNOWLEDGE, /**< payload: struct vg_acknowledge */
    VG_COMMAND_CONFIG,      /**< the configuration changed here: one for the shard (no payload),
                                 one for each episode that subscribers believe to be open (payload:
                                 struct vg_open_episode), then one for each patient (no payload) */
    VG_COMMAND_ORDER,       /**< payload: struct vg_order */
    VG_COMMAND_NOTICE,      /**< for the shard; payload: struct vg_noticed */
    VG_COMMAND_RETRY, /**< for the shard: a dead letter is decoded once more, and its rows stand
                                 here; payload: struct vg_retried and the bytes */
};

/** A command at its position: recorded with what it caused, and injected there again on replay. */
struct vg_item_command {
    uint32_t kind; /**< enum vg_command_kind */
    uint32_t ordinal;
    int64_t next_offset;
    int64_t log_ns;                /**< log time from here on */
    uint64_t ticket;               /**< of the request that waits for it; 0 on replay */
    uint32_t size;                 /**< bytes of the payload, which follows */
    uint32_t answer;               /**< enum vg_answer, once the alert stage has obeyed it */
    char patient[VG_PATIENT_SIZE]; /**< "" for the shard */
};

/** Whether it is the first command of a change of configuration, the one for the shard itself. */
static inline bool vg_command_begins_config(const struct vg_item_command *command)
{
    return command->kind == VG_COMMAND_CONFIG && command->patient[0] == '\0' && command->size == 0;
}

struct vg_acknowledge {
    uint8_t episode_id[16];
    char by[64];
    char note[256];
};

/** An episode as its newest event says it is. */
struct vg_open_episode {
    uint8_t episode_id[16];
    uint32_t number; /**< of its newest event */
    uint8_t kind, priority;
    bool has_due; /**< origin: see struct vg_origin */
    bool ordered;
    uint32_t index;
    int64_t offset, due_ns;
    int64_t onset_ns;
    int32_t channel;
    char rule[VG_NAME_SIZE];
    char title[128];
};

struct vg_item_dead_letter {
    int64_t offset;
    uint32_t index;       /**< row within the record; UINT32_MAX for the whole message */
    uint32_t byte_offset; /**< where in the bytes the error is */
    int64_t record_ns;
    uint32_t key_len, headers_len; /**< 0: there is none, or it is not known any more */
    char reason[24];               /**< "malformed", "schema", ... */
    char detail[160];              /**< for people; never a value or an identifier of a patient */
    /* the bytes follow, then the key, then the headers as the source gave them */
};

/** Which dead letter is tried again. */
struct vg_retried {
    int64_t offset, record_ns; /**< of the record that it came with */
    uint32_t index;            /**< row within the record; UINT32_MAX for the whole message */
    uint32_t attempts;         /**< this one included */
    /* the bytes follow */
};

/* Struct for VG_ITEM_EVENT: core/event.h. */

/** One stage's memory of one shard, or the runtime's table of its patients (stage ""). */
struct vg_item_slab {
    char stage[VG_NAME_SIZE]; /**< type of the stage */
    uint32_t place;           /**< its place in the chain */
    uint32_t version;         /**< memory_version */
    uint32_t count;           /**< slots */
    uint64_t each;            /**< bytes per slot */
    uint8_t identity[32];     /**< hash of what the memory's meaning hangs on (options, model) */
    /* per slot: int64_t due time of its timer, then `each` bytes */
};

/* ---- layout ---- */

/** Starts with the base columns. */
void vg_layout_init(struct vg_layout *l);
/** Adds a column of `width` floats; returns its number. VG_ROW_NONE when there are too many. */
int vg_layout_add(struct vg_layout *l, const char *name, uint32_t width);
int vg_layout_find(const struct vg_layout *l, const char *name); /**< or VG_ROW_NONE */
/** Places the columns for `rows_max` rows. */
void vg_layout_finish(struct vg_layout *l, uint32_t rows_max);

/* ---- frames ---- */

/** Allocates a frame with `spare` bytes for items. VG_CHECKs that there is memory. */
struct vg_frame *vg_frame_new(const struct vg_layout *l, size_t spare);
void vg_frame_free(struct vg_frame *f);
/** Empties it: no rows, no items; memory kept. */
void vg_frame_reset(struct vg_frame *f, enum vg_frame_kind kind, uint32_t shard);

static inline void *vg_frame_column(struct vg_frame *f, const struct vg_layout *l, int column)
{
    return (char *)f + l->column[column].offset;
}

/** The entry of row `i` in `column`. */
static inline void *vg_frame_at(struct vg_frame *f, const struct vg_layout *l, int column,
                                uint32_t i)
{
    return (char *)f + l->column[column].offset +
           (size_t)i * l->column[column].size * l->column[column].width;
}

/** Adds a row of zeros (all channels ABSENT) and returns its number. There must be room. */
uint32_t vg_frame_add_row(struct vg_frame *f, const struct vg_layout *l);
/** Adds copies of `n` rows of `src` from `from` on: their first `columns` columns, no others. There
 *  must be room. */
void vg_frame_copy_rows(struct vg_frame *f, const struct vg_layout *l, struct vg_frame *src,
                        uint32_t from, uint32_t n, uint32_t columns);

/**
 * Adds an item before the next row, with room for `size` bytes, and returns where they go (8-byte
 * aligned). May move the frame: *f is updated, and pointers into it are void.
 */
void *vg_frame_add_item(struct vg_frame **f, const struct vg_layout *l, enum vg_item_kind kind,
                        size_t size);

/** Adds items as they lie in another frame's tail (`len` bytes). May move the frame. */
void vg_frame_add_items(struct vg_frame **f, const struct vg_layout *l, const void *items,
                        size_t len);
/** The tail: all items as they lie, f->tail_len bytes. */
static inline const void *vg_frame_items(const struct vg_frame *f, const struct vg_layout *l)
{
    return (const char *)f + l->tail;
}

/** Iterates over `len` bytes of items: NULL first, NULL at the end. */
struct vg_item *vg_items_next(void *items, size_t len, struct vg_item *item);
/** The same over a frame's items. */
struct vg_item *vg_frame_next_item(struct vg_frame *f, const struct vg_layout *l,
                                   struct vg_item *item);
static inline void *vg_item_body(struct vg_item *item)
{
    return item + 1;
}

/* ---- a row as a stage sees it ---- */

/** Who a slot is, at this point of the log. */
struct vg_patient {
    char id[VG_PATIENT_SIZE];
    char bed[VG_BED_SIZE]; /**< "" when unknown */
    char ward[VG_WARD_SIZE];
};

/** A view into a frame; valid during the call that got it. */
struct vg_row {
    uint8_t kind;  /**< enum vg_row_kind */
    uint8_t flags; /**< VG_ROW_LATE ... */
    uint32_t index;
    int64_t offset;
    int64_t log_ns;
    int64_t record_ns;
    int64_t event_ns;
    int64_t device_ns;
    float *value;     /**< [C] */
    uint8_t *quality; /**< [C] */
    uint8_t *reason;  /**< [C] */
    const struct vg_patient *patient;
    const struct vg_item_command *command; /**< COMMAND rows; payload behind it. Else NULL */
    struct vg_frame *frame;
    const struct vg_layout *layout;
    uint32_t i;
};

/** The row's entry in a column that a stage added: float [width]. */
static inline float *vg_row_column(const struct vg_row *row, int column)
{
    return vg_frame_at(row->frame, row->layout, column, row->i);
}

/** Fills the view of row `i`; `patient` and `command` are the caller's. */
void vg_row_view(struct vg_row *row, struct vg_frame *f, const struct vg_layout *l, uint32_t i);

/** Marks a channel of the row unusable: quality, reason, and +0.0 under it. */
static inline void vg_row_unusable(struct vg_row *row, int channel, enum vg_quality quality,
                                   enum vg_reason reason)
{
    row->quality[channel] = (uint8_t)quality;
    row->reason[channel] = (uint8_t)reason;
    row->value[channel] = 0.0f;
}

#endif
