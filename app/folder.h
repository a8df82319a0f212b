/* folder.h - folders that may not be there yet. */
#ifndef VG_APP_FOLDER_H
#define VG_APP_FOLDER_H

/** What there is of the folders in `path`, counted from its beginning: `path` itself, the nearest folder
 *  above it, or "." or "/". The caller frees it. */
char *vg_folder_existing(const char *path);

#endif
