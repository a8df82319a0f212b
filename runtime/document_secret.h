/* document_secret.h - ${} in a document's scalars, and how what came from there stays unseen.
 *
 * Among the files of the document, and for the loader of configurations.
 */
#ifndef VG_RUNTIME_DOCUMENT_SECRET_H
#define VG_RUNTIME_DOCUMENT_SECRET_H

#include "runtime/document.h"

/** Puts in what ${NAME}, ${NAME:-default}, ${file:/path} and ${credential:NAME} stand for. */
void vg_document_expand(struct vg_document *doc, struct vg_node *node);

/** Whether a key, or a line, has a word in it that secrets are called by: password, token, ... */
bool vg_secret_word(const char *text, size_t len);

/** Hides every value whose key has such a word, also where no option of that name is known. */
void vg_document_hide_secrets(struct vg_document *doc, const struct vg_node *node);

/** Writes stars over texts of secrets in `message`. */
void vg_document_redact(const struct vg_document *doc, char *message);

/** When everything was read: a text from a file that no secret option took is an error, because it
 *  would be shown some day. */
void vg_document_check_secrets(struct vg_document *doc, const struct vg_node *node);

#endif
