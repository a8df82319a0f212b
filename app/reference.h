/* reference.h - the whole reference of the configuration, as the page docs/configuration.md;
 * and every metric. */
#ifndef VG_APP_REFERENCE_H
#define VG_APP_REFERENCE_H

/** Prints the page, in Markdown, on standard output. */
void vg_reference_print(void);
/** The page docs/metrics.md. */
void vg_reference_print_metrics(void);

#endif
