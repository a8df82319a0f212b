/* scan.h - plain JSON checked, and members of it found, without building anything. Private to the
 * client library.
 *
 * A subscriber needs two members of an event of a thousand bytes; building all of it costs thirty
 * times as much as looking at it. What is not plain is left to the parser: escapes by number, numbers of
 * more than 17 characters or with an exponent, more than 16 levels.
 */
#ifndef VIGIL_CLIENT_SCAN_H
#define VIGIL_CLIENT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct vigil_scan_member {
    const char *name;
    bool any; /**< a value of any kind; else a string */
    const char
        *value; /**< inside the text, as it stands there, a string without its quotes; NULL: there
                          is none */
    size_t len;
};

/**
 * Whether the text is one plain JSON object and each of the `members_n` members, where it is there, is
 * there once and, unless `any`, a string without escapes. False may also be well-formed JSON. Whether other names
 * are there twice is not looked at.
 */
bool vigil_scan(const char *json, size_t n, struct vigil_scan_member *members, size_t members_n);

#endif
