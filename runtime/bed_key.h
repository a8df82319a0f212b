/* bed_key.h - a name of a patient's tile that says nothing about the patient.
 *
 * It stands in addresses, where no identifier may be: browsers and proxies keep those. A page can tell which
 * alert belongs to which tile by it. Another run of the service gives other keys.
 */
#ifndef VG_RUNTIME_BED_KEY_H
#define VG_RUNTIME_BED_KEY_H

enum { VG_BED_KEY_SIZE = 17 };

/** 16 hexadecimal digits; "" for no patient (""). Any thread. */
void vg_bed_key(const char *patient, char ret[VG_BED_KEY_SIZE]);

#endif
