/* zeromq_keys.h - CURVE keys in files: pairs, and the clients that are let in.
 *
 * A key file is text, one `word: value` a line; `#` at its start makes a line a remark:
 *
 *     name: icu-a-display
 *     public: rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7
 *     roles: read acknowledge
 *     wards: icu-a icu-b
 *
 * NAME.pub says who may do what and lies in the pipeline's folder of keys. NAME.key has `secret:`
 * besides and stays with its owner. Keys are Z85 (ZeroMQ RFC 32): 40 characters for 32 bytes.
 */
#ifndef VG_SINKS_ZEROMQ_KEYS_H
#define VG_SINKS_ZEROMQ_KEYS_H

#include "core/err.h"

enum {
    VG_KEY_BYTES = 32,
    VG_KEY_TEXT_SIZE = 41,
    VG_CLIENT_NAME_SIZE = 33, /**< [a-z0-9-]{1,32}, as a ward */
    VG_CLIENT_WARDS_MAX = 64,
    VG_CLIENTS_MAX = 1024,
    VG_KEY_FILE_MAX = 8192, /**< bytes */
};

/** What a client may do. */
enum vg_role {
    VG_ROLE_READ = 1,        /**< live events, snapshot, replay, confirm */
    VG_ROLE_ACKNOWLEDGE = 2, /**< acknowledge and snooze */
    VG_ROLE_COMMAND = 4,     /**< the other commands */
};

/** What a key file says. */
struct vg_key_file {
    char name[VG_CLIENT_NAME_SIZE];
    char public_text[VG_KEY_TEXT_SIZE];
    char secret_text[VG_KEY_TEXT_SIZE]; /**< "" in a .pub */
    uint8_t public_key[VG_KEY_BYTES];
    unsigned roles;
    bool all_wards;
    uint32_t wards;
    char ward[VG_CLIENT_WARDS_MAX][VG_WARD_SIZE];
};

/** Who is let in. Zeroed means: nobody. */
struct vg_allow_list {
    struct vg_key_file *client; /**< without secrets */
    size_t n;
};

/** Whether `text` (n bytes) may name a client or a ward. */
VG_NODISCARD bool vg_client_name_valid(const char *text, size_t n);

/**
 * Reads the text of a key file. VG_E_CONFIG with the line at fault; what the file holds is never
 * repeated, since it may be a secret in the wrong place.
 */
VG_NODISCARD vg_status vg_key_file_parse(const char *text, size_t len, struct vg_key_file *ret,
                                         struct vg_err *err);

/**
 * Reads a pair. The file must belong to this user (or root) and be readable by nobody else.
 * VG_E_CONFIG with what to do, also when the secret is not that of the public key.
 */
VG_NODISCARD vg_status vg_key_pair_read(const char *path, struct vg_key_file *ret,
                                        struct vg_err *err);

/** Reads the public key of somebody else, from a .pub. */
VG_NODISCARD vg_status vg_key_public_read(const char *path, struct vg_key_file *ret,
                                          struct vg_err *err);

/** Makes a new pair and writes it to *ret: public_text, public_key and secret_text. */
void vg_key_pair_make(struct vg_key_file *ret);

/**
 * Reads every .pub in `folder`. Folder and files must belong to this user (or root), and nobody else
 * may write to them: who can, lets himself in. Strict: the first file that is wrong fails with
 * VG_E_CONFIG. Else such a file lets nobody in, the others count, and *ret_refused says how many
 * there were, with the first one's reason in *err. *ret must be zeroed; on failure it is.
 */
VG_NODISCARD vg_status vg_allow_list_read(const char *folder, bool strict,
                                          struct vg_allow_list *ret, size_t *ret_refused,
                                          struct vg_err *err);
void vg_allow_list_done(struct vg_allow_list *list);

/** The client with this key, or this name; NULL: nobody. */
const struct vg_key_file *vg_allow_list_find(const struct vg_allow_list *list,
                                             const uint8_t key[VG_KEY_BYTES]);
const struct vg_key_file *vg_allow_list_named(const struct vg_allow_list *list, const char *name);

/** Whether the client may see everything of these wards; `n` 0: of all. */
VG_NODISCARD bool vg_client_may_see(const struct vg_key_file *client, char *const *ward, size_t n);

#endif
