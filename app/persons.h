/* persons.h - which patients of a data set are one person.
 *
 * A recording names stays; a person may have several. Whoever splits data or draws it again must do
 * so by persons, or the second stay of a person is judged by a model that has seen the first.
 */
#ifndef VG_APP_PERSONS_H
#define VG_APP_PERSONS_H

#include "app/dataset.h"

/**
 * Gives every patient of `d` the id of the person: `text` is "FILE:STAY,PERSON", a CSV and the names
 * of two of its columns. Splits and folds then go by persons. VG_E_USAGE for the text, VG_E_DECODE
 * for the file or for a patient that it lacks (by line or count, never by id), VG_E_IO.
 */
VG_NODISCARD vg_status vg_persons_name(struct vg_dataset *d, const char *text, struct vg_err *err);

/** Numbers the different ids of `d` from 0: of [patients]. Returns how many there are. */
uint32_t vg_persons_number(const struct vg_dataset *d, uint32_t *of);

#endif
