/* web.h - the page for browsers: the files of app/web, which the build puts into the program
 * (cmake/VigilWeb.cmake). */
#ifndef VG_RUNTIME_WEB_H
#define VG_RUNTIME_WEB_H

#include "runtime/http.h"

/** Ends with a NULL path. */
extern const struct vg_http_file vg_web_files[];

#endif
