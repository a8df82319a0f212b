/* folder.c - folders that may not be there yet. */
#include "app/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"

char *vg_folder_existing(const char *path)
{
    char *folder = strdup(path);

    VG_CHECK(folder);
    while (access(folder, F_OK) != 0 && errno == ENOENT) {
        char *slash = strrchr(folder, '/');

        if (!slash || slash == folder) {
            free(folder);
            folder = strdup(slash ? "/" : ".");
            VG_CHECK(folder);
            break;
        }
        *slash = '\0';
    }
    return folder;
}
