/* document.h - a YAML file as a tree in which every value knows where it stands, and what is wrong
 * with it.
 *
 * The tree is built from the parser's events, not from its document: aliases are then never
 * followed, nesting is bounded while reading, and every key has a place to point at.
 * What may stand in a file: runtime/config.h.
 */
#ifndef VG_RUNTIME_DOCUMENT_H
#define VG_RUNTIME_DOCUMENT_H

#include "core/buf.h"
#include "core/err.h"

enum {
    VG_DOCUMENT_BYTES_MAX = 1024 * 1024,
    VG_DOCUMENT_DEPTH_MAX = 16,
    VG_DOCUMENT_KEYS_MAX = 4096, /**< in one mapping */
    VG_PROBLEMS_MAX = 20,        /**< shown of each severity; the rest is counted */
};

/** A place in the file, from 1; columns count characters. Line 0: the file as a whole. */
struct vg_place {
    uint32_t line, column;
};

enum vg_node_kind { VG_NODE_SCALAR, VG_NODE_MAPPING, VG_NODE_SEQUENCE };

struct vg_node {
    enum vg_node_kind kind;
    bool plain;     /**< (SCALAR) without quotes */
    bool secret;    /**< (SCALAR) the text is from ${file:} or ${credential:}, and is never shown */
    bool reference; /**< (SCALAR) the text was written with ${} */
    struct vg_place at, end; /**< of the value; `end` is behind its last character */
    struct vg_place key_at;  /**< of the key; `at` where there is none */
    char *key;               /**< in a mapping; else NULL */
    char *text;              /**< (SCALAR) with ${} replaced; never NULL */
    uint32_t children;
    struct vg_node *child; /**< first one */
    struct vg_node *next;  /**< sibling, in the order of the file */
};

enum vg_severity { VG_ERROR, VG_WARNING, VG_SEVERITIES };

struct vg_problem {
    struct vg_place at;
    enum vg_severity severity;
    char *text;
};

struct vg_document {
    char *path; /**< as given, for messages */
    char *text;
    size_t len;
    struct vg_node *root; /**< NULL: nothing could be read */
    struct vg_problem *problems;
    size_t problems_n;
    uint32_t count[VG_SEVERITIES]; /**< also of those not kept */
    struct {
        struct vg_place from, to;
    } * hidden; /* parts of the file that a report must not show */
    size_t hidden_n;
    char **secret; /**< texts from ${file:} and ${credential:}: no message has them in it */
    size_t secrets_n;
    bool whole; /**< the tree is; else a line that may hold a secret is not shown */
    /** Keys that are known to come in a later version, NULL-terminated; NULL: none. Whoever uses one
     *  should learn that, rather than look for a spelling mistake. */
    const char *const *later;
};

/**
 * Reads and parses `path`. VG_E_IO when it cannot be read. What is wrong in it becomes problems;
 * VG_E_CONFIG when there is no whole tree because of them. The caller frees *doc in every case.
 */
VG_NODISCARD vg_status vg_document_read(struct vg_document *doc, const char *path,
                                        struct vg_err *err);
void vg_document_done(struct vg_document *doc);

/** Notes a problem at a place. */
void vg_document_error(struct vg_document *doc, struct vg_place at, const char *fmt, ...)
    VG_PRINTF(3, 4);
void vg_document_warn(struct vg_document *doc, struct vg_place at, const char *fmt, ...)
    VG_PRINTF(3, 4);

/** The node holds a secret: reports show stars in its place. */
void vg_document_hide(struct vg_document *doc, const struct vg_node *node);
/** Whether a report shows a star there. */
bool vg_document_hides(const struct vg_document *doc, struct vg_place here);

/** Writes the problems in the order of the file: "file:12:9: error: text", the line, a caret. */
void vg_document_report(const struct vg_document *doc, struct vg_buf *out);

/** What has become of a file whose reading ended with `st`: VG_E_CONFIG when there are errors in it, and
 *  err says how many; else `st`. */
VG_NODISCARD vg_status vg_document_verdict(const struct vg_document *doc, vg_status st,
                                           struct vg_err *err);

/** The entry of a mapping, or NULL; also when `map` is NULL or no mapping. */
const struct vg_node *vg_node_find(const struct vg_node *map, const char *key);
/** Nothing was written: `key:`, `key: ~` or `key: null`. */
bool vg_node_empty(const struct vg_node *node);
/** "a list", "a mapping", "text", "nothing": what stands there, for messages. */
const char *vg_node_what(const struct vg_node *node);

#endif
