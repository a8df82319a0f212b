/* patients.c - an open-addressing table from patient id to slot. */
#include "runtime/patients.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

struct vg_patients {
    uint32_t max; /* patients, without slot 0 */
    uint32_t count, cap;
    struct vg_item_patient *who; /* [cap], by slot */
    uint32_t *bed;               /* [cap], by slot: hash of the bed, so that finding one is cheap */
    uint32_t *table;             /* slot, 0: free */
    uint32_t mask;
};

/* FNV-1a: ids are short, and the table never holds what an attacker could make collide without
 * also running into max_patients. */
static uint32_t hash(const char *id)
{
    uint32_t h = 2166136261U;

    for (; *id; id++)
        h = (h ^ (uint8_t)*id) * 16777619U;
    return h;
}

static void add_slot(struct vg_patients *p)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->who = realloc(p->who, p->cap * sizeof(*p->who));
        p->bed = realloc(p->bed, p->cap * sizeof(*p->bed));
        VG_CHECK(p->who != NULL && p->bed != NULL);
    }
    memset(&p->who[p->count], 0, sizeof(*p->who));
    p->bed[p->count] = 0;
    p->who[p->count].slot = p->count;
    p->count++;
}

struct vg_patients *vg_patients_new(uint32_t max)
{
    struct vg_patients *p = calloc(1, sizeof(*p));
    uint32_t size = 64;

    VG_CHECK(p != NULL);
    p->max = max;
    while (size < 2 * (uint64_t)max + 2)
        size *= 2;
    p->mask = size - 1;
    p->table = calloc(size, sizeof(*p->table));
    VG_CHECK(p->table != NULL);
    add_slot(p);
    strcpy(p->who[0].ward, "none");
    return p;
}

void vg_patients_free(struct vg_patients *p)
{
    if (!p)
        return;
    free(p->who);
    free(p->bed);
    free(p->table);
    free(p);
}

static bool move(struct vg_patients *p, struct vg_item_patient *who, const char *bed)
{
    if (bed[0] == '\0' || strcmp(who->bed, bed) == 0)
        return false;
    p->bed[who->slot] = hash(bed);
    memset(who->bed, 0, sizeof(who->bed));
    memset(who->ward, 0, sizeof(who->ward));
    strncpy(who->bed, bed, sizeof(who->bed) - 1);
    vg_ward_of_bed(bed, who->ward);
    return true;
}

bool vg_patients_in_bed(const struct vg_patients *p, const char *bed, uint32_t *ret_slot)
{
    uint32_t wanted = hash(bed);

    for (uint32_t i = 1; i < p->count; i++) {
        if (p->bed[i] == wanted && !p->who[i].displaced && strcmp(p->who[i].bed, bed) == 0) {
            *ret_slot = i;
            return true;
        }
    }
    return false;
}

/* The patient's row names the bed, and is the newest to do so. */
static void take_bed(struct vg_patients *p, struct vg_item_patient *who)
{
    uint32_t other;

    who->displaced = 1;
    if (vg_patients_in_bed(p, who->bed, &other))
        p->who[other].displaced = 1;
    who->displaced = 0;
}

/* Where the patient is in the table, or the free place where it would be. */
static uint32_t place_of(const struct vg_patients *p, const char *id)
{
    uint32_t at = hash(id) & p->mask;

    while (p->table[at] != 0 && strcmp(p->who[p->table[at]].id, id) != 0)
        at = (at + 1) & p->mask;
    return at;
}

bool vg_patients_find(const struct vg_patients *p, const char *id, uint32_t *ret_slot)
{
    *ret_slot = p->table[place_of(p, id)];
    return *ret_slot != 0;
}

static enum vg_patients_result see_again(struct vg_patients *p, struct vg_item_patient *who,
                                         const char *bed)
{
    bool moved = move(p, who, bed);
    bool back = !moved && who->displaced && bed[0] != '\0';

    if (!moved && !back)
        return VG_PATIENT_KNOWN;
    take_bed(p, who);
    return moved ? VG_PATIENT_MOVED : VG_PATIENT_BACK;
}

enum vg_patients_result vg_patients_admit(struct vg_patients *p, const char *id, const char *bed,
                                          uint32_t *ret_slot)
{
    uint32_t at = place_of(p, id);
    struct vg_item_patient *who;

    *ret_slot = p->table[at];
    if (*ret_slot != 0)
        return see_again(p, &p->who[*ret_slot], bed);
    if (p->count == p->max + 1)
        return VG_PATIENT_FULL;
    add_slot(p);
    who = &p->who[p->count - 1];
    strncpy(who->id, id, sizeof(who->id) - 1);
    strcpy(who->ward, "none");
    if (move(p, who, bed))
        take_bed(p, who);
    p->table[at] = who->slot;
    *ret_slot = who->slot;
    return VG_PATIENT_NEW;
}

void vg_patients_restore(struct vg_patients *p, const struct vg_item_patient *who)
{
    uint32_t slot;

    vg_patients_admit(p, who->id, who->bed, &slot);
    VG_CHECK(slot == who->slot);
    p->who[slot].displaced = who->displaced;
}

uint32_t vg_patients_count(const struct vg_patients *p)
{
    return p->count;
}

const struct vg_item_patient *vg_patients_at(const struct vg_patients *p, uint32_t slot)
{
    return &p->who[slot];
}
