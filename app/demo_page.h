/* demo_page.h - where the ward page of the demo is, and the token for it. */
#ifndef VG_APP_DEMO_PAGE_H
#define VG_APP_DEMO_PAGE_H

#include "core/base.h"
#include "core/err.h"

/**
 * Chooses a port of the loopback interface that is free and a token that nobody knows, and gives both to
 * the configuration by the environment (VIGIL_DEMO_HTTP, VIGIL_DEMO_TOKEN). `ret` becomes the page's address
 * with the token in its fragment, which no server sees.
 */
VG_NODISCARD vg_status vg_demo_page_choose(char ret[96], struct vg_err *err);

#endif
