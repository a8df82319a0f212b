/* config_version.c - the first line of a configuration: `version: 1`. */
#include "runtime/config_version.h"

#include <string.h>

#include "core/text.h"

static void refuse(struct vg_document *doc, const struct vg_node *version)
{
    int64_t number;

    if (version->kind == VG_NODE_SCALAR && vg_parse_int(version->text, &number) &&
        number > VG_CONFIG_VERSION)
        vg_document_error(doc, version->at,
                          "expected \"version: %d\", the newest that this Vigil (%s) reads; a file "
                          "of version %lld needs a newer Vigil",
                          VG_CONFIG_VERSION, VG_VERSION, (long long)number);
    else
        vg_document_error(doc, version->at,
                          "expected \"version: %d\", the only one that there has been",
                          VG_CONFIG_VERSION);
}

bool vg_config_version_check(struct vg_document *doc)
{
    const struct vg_node *version = vg_node_find(doc->root, "version");

    if (doc->root->kind != VG_NODE_MAPPING) {
        vg_document_error(doc, doc->root->at, "expected a mapping of sections, not %s",
                          vg_node_what(doc->root));
        return false;
    }
    if (!version) {
        vg_document_error(doc, doc->root->at,
                          "\"version: %d\" is missing; it says which version of the format this is",
                          VG_CONFIG_VERSION);
        return true;
    }
    if (version->kind == VG_NODE_SCALAR && strcmp(version->text, "1") == 0)
        return true;
    refuse(doc, version);
    return false;
}
