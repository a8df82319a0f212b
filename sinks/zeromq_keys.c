/* zeromq_keys.c - the text of a key file, and what it allows. */
#include "sinks/zeromq_keys.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "core/base.h"

static const char blanks[] = " \t,";

bool vg_client_name_valid(const char *text, size_t n)
{
    if (n == 0 || n >= VG_CLIENT_NAME_SIZE)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
              text[i] == '-'))
            return false;
    }
    return true;
}

/* One line's value, NUL-terminated. */
struct field {
    unsigned line;
    char *value;
};

static vg_status wrong(struct vg_err *err, const struct field *f, const char *expected)
{
    return vg_fail(err, VG_E_CONFIG, "line %u: expected %s", f->line, expected);
}

static vg_status read_name(struct field *f, struct vg_key_file *ret, struct vg_err *err)
{
    size_t n = strlen(f->value);

    if (!vg_client_name_valid(f->value, n))
        return wrong(err, f, "name: and 1 to 32 of a-z, 0-9 and -");
    memcpy(ret->name, f->value, n + 1);
    return VG_OK;
}

static bool decode(const char *text, uint8_t key[VG_KEY_BYTES])
{
    return strlen(text) == VG_KEY_TEXT_SIZE - 1 && zmq_z85_decode(key, text) != NULL;
}

static vg_status read_public(struct field *f, struct vg_key_file *ret, struct vg_err *err)
{
    if (!decode(f->value, ret->public_key))
        return wrong(err, f, "public: and the 40 characters of a key");
    memcpy(ret->public_text, f->value, VG_KEY_TEXT_SIZE);
    return VG_OK;
}

static vg_status read_secret(struct field *f, struct vg_key_file *ret, struct vg_err *err)
{
    uint8_t key[VG_KEY_BYTES];
    char public_text[VG_KEY_TEXT_SIZE];
    bool ok = decode(f->value, key) && zmq_curve_public(public_text, f->value) == 0;

    explicit_bzero(key, sizeof(key));
    if (!ok)
        return wrong(err, f, "secret: and the 40 characters of a key");
    memcpy(ret->secret_text, f->value, VG_KEY_TEXT_SIZE);
    return VG_OK;
}

static vg_status read_roles(struct field *f, struct vg_key_file *ret, struct vg_err *err)
{
    static const struct {
        const char *name;
        enum vg_role role;
    } roles[] = { { "read", VG_ROLE_READ },
                  { "acknowledge", VG_ROLE_ACKNOWLEDGE },
                  { "command", VG_ROLE_COMMAND } };
    char *rest = NULL;

    for (char *word = strtok_r(f->value, blanks, &rest); word;
         word = strtok_r(NULL, blanks, &rest)) {
        size_t i = 0;

        while (i < VG_ARRAY_LEN(roles) && strcmp(word, roles[i].name) != 0)
            i++;
        if (i == VG_ARRAY_LEN(roles))
            return wrong(err, f, "roles: and read, acknowledge or command, with blanks between");
        ret->roles |= roles[i].role;
    }
    return ret->roles ? VG_OK : wrong(err, f, "roles: and at least one of them");
}

static vg_status read_wards(struct field *f, struct vg_key_file *ret, struct vg_err *err)
{
    char *rest = NULL;

    for (char *word = strtok_r(f->value, blanks, &rest); word;
         word = strtok_r(NULL, blanks, &rest)) {
        if (strcmp(word, "all") == 0) {
            ret->all_wards = true;
        } else if (!vg_client_name_valid(word, strlen(word)) || ret->wards == VG_CLIENT_WARDS_MAX) {
            return wrong(err, f, "wards: and all, or at most 64 names of wards");
        } else {
            snprintf(ret->ward[ret->wards++], VG_WARD_SIZE, "%s", word);
        }
    }
    return ret->all_wards || ret->wards ? VG_OK : wrong(err, f, "wards: and at least one of them");
}

static const struct {
    const char *word;
    vg_status (*read)(struct field *f, struct vg_key_file *ret, struct vg_err *err);
} words[] = { { "name", read_name },
              { "public", read_public },
              { "secret", read_secret },
              { "roles", read_roles },
              { "wards", read_wards } };

static char *trimmed(char *text)
{
    size_t n;

    text += strspn(text, " \t");
    n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static vg_status read_line(char *line, unsigned number, unsigned *seen, struct vg_key_file *ret,
                           struct vg_err *err)
{
    char *text = trimmed(line);
    char *colon = strchr(text, ':');
    struct field f = { .line = number };

    if (text[0] == '\0' || text[0] == '#')
        return VG_OK;
    if (!colon)
        return vg_fail(err, VG_E_CONFIG, "line %u: expected a word, a colon and its value", number);
    *colon = '\0';
    f.value = trimmed(colon + 1);
    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i].word) != 0)
            continue;
        if (*seen & 1U << i)
            return vg_fail(err, VG_E_CONFIG, "line %u: \"%s\" is there twice", number,
                           words[i].word);
        *seen |= 1U << i;
        return words[i].read(&f, ret, err);
    }
    return vg_fail(err, VG_E_CONFIG,
                   "line %u: unknown word; expected name, public, secret, roles or wards", number);
}

/* The public key of a pair is that of its secret. */
static vg_status check_pair(const struct vg_key_file *k, struct vg_err *err)
{
    char public_text[VG_KEY_TEXT_SIZE];

    if (k->name[0] == '\0' || k->public_text[0] == '\0')
        return vg_fail(err, VG_E_CONFIG, "\"%s\" is missing", k->name[0] ? "public" : "name");
    if (k->secret_text[0] && (zmq_curve_public(public_text, k->secret_text) != 0 ||
                              strcmp(public_text, k->public_text) != 0))
        return vg_fail(err, VG_E_CONFIG, "the secret key is not that of the public key");
    return VG_OK;
}

vg_status vg_key_file_parse(const char *text, size_t len, struct vg_key_file *ret,
                            struct vg_err *err)
{
    char copy[VG_KEY_FILE_MAX + 1];
    unsigned number = 0, seen = 0;
    vg_status st = VG_OK;
    char *rest = copy;

    memset(ret, 0, sizeof(*ret));
    if (len > VG_KEY_FILE_MAX || memchr(text, '\0', len))
        return vg_fail(err, VG_E_CONFIG, "this is no key file");
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (char *line = strsep(&rest, "\n"); line && st == VG_OK; line = strsep(&rest, "\n"))
        st = read_line(line, ++number, &seen, ret, err);
    if (st == VG_OK)
        st = check_pair(ret, err);
    explicit_bzero(copy, sizeof(copy));
    if (st != VG_OK)
        explicit_bzero(ret, sizeof(*ret));
    return st;
}

void vg_key_pair_make(struct vg_key_file *ret)
{
    memset(ret, 0, sizeof(*ret));
    VG_CHECK(zmq_curve_keypair(ret->public_text, ret->secret_text) == 0 &&
             zmq_z85_decode(ret->public_key, ret->public_text) != NULL);
}

const struct vg_key_file *vg_allow_list_find(const struct vg_allow_list *list,
                                             const uint8_t key[VG_KEY_BYTES])
{
    for (size_t i = 0; i < list->n; i++) {
        if (memcmp(list->client[i].public_key, key, VG_KEY_BYTES) == 0)
            return &list->client[i];
    }
    return NULL;
}

const struct vg_key_file *vg_allow_list_named(const struct vg_allow_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->client[i].name, name) == 0)
            return &list->client[i];
    }
    return NULL;
}

static bool sees(const struct vg_key_file *client, const char *ward)
{
    for (uint32_t i = 0; i < client->wards; i++) {
        if (strcmp(client->ward[i], ward) == 0)
            return true;
    }
    return false;
}

bool vg_client_may_see(const struct vg_key_file *client, char *const *ward, size_t n)
{
    if (client->all_wards || n == 0)
        return client->all_wards;
    for (size_t i = 0; i < n; i++) {
        if (!sees(client, ward[i]))
            return false;
    }
    return true;
}
