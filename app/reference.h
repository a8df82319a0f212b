/* reference.h - the whole reference of the configuration, as the page docs/configuration.md. */
#ifndef VG_APP_REFERENCE_H
#define VG_APP_REFERENCE_H

/** Prints the page, in Markdown, on standard output. */
void vg_reference_print(void);

#endif
