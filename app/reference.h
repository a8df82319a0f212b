/* reference.h - pages of the reference that are made from the tables which the program runs by: the
 * configuration, metrics, commands, and the words of events. */
#ifndef VG_APP_REFERENCE_H
#define VG_APP_REFERENCE_H

/** Prints the page, in Markdown, on standard output. */
void vg_reference_print(void);
/** The page docs/metrics.md. */
void vg_reference_print_metrics(void);
/** The page docs/commands.md. */
void vg_reference_print_commands(void);
/** The page docs/events.md. */
void vg_reference_print_events(void);

/** Prints text in a cell of a table of Markdown, where a bar would end the cell. */
void vg_reference_cell(const char *text);

#endif
