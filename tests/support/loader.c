/* loader.c - text as a configuration. */
#include "tests/support/loader.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct loader loader;

void loader_init(void)
{
    snprintf(loader.folder, sizeof(loader.folder), "/tmp/vigil-test-config-XXXXXX");
    cr_assert(mkdtemp(loader.folder));
    snprintf(loader.path, sizeof(loader.path), "%s/c.yaml", loader.folder);
}

void loader_done(void)
{
    char command[160];

    vg_config_free(loader.config);
    loader.config = NULL;
    vg_buf_done(&loader.talk);
    snprintf(command, sizeof(command), "rm -r %s", loader.folder);
    cr_assert_eq(system(command), 0);
}

void loader_write(const char *name, const void *bytes, size_t n)
{
    char full[160];
    FILE *f;

    snprintf(full, sizeof(full), "%s/%s", loader.folder, name);
    f = fopen(full, "we");
    cr_assert(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(full, 0600), 0);
}

vg_status loader_load_bytes(const void *bytes, size_t n)
{
    vg_config_free(loader.config);
    loader.config = NULL;
    vg_buf_clear(&loader.talk);
    loader_write("c.yaml", bytes, n);
    return vg_config_load(loader.path, &loader.config, &loader.talk, &loader.err);
}

vg_status loader_load(const char *text)
{
    return loader_load_bytes(text, strlen(text));
}

const char *loader_said(void)
{
    return loader.talk.data ? loader.talk.data : "";
}

void loader_good(const char *text)
{
    cr_assert_eq(loader_load(text), VG_OK, "%s\n%s", loader.err.msg, loader_said());
}

void loader_expect(const char *place, const char *text)
{
    char line[512];

    snprintf(line, sizeof(line), "%s:%s: %s", loader.path, place, text);
    cr_assert(strstr(loader_said(), line), "expected \"%s\" in:\n%s", line, loader_said());
}

void loader_bad(const char *text, const char *place, const char *message)
{
    cr_assert_eq(loader_load(text), VG_E_CONFIG, "%s", text);
    cr_assert_null(loader.config);
    loader_expect(place, message);
}
