/* corpus.c - loads the collection of configuration files; see corpus.h. */
#include "tests/support/corpus.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "runtime/config.h"

enum { FILES_MIN = 80 };

static void check_file(const char *name)
{
    static const char mark[] = "# expect: ";
    char path[512], line[512], expected[1024 + 64];
    struct vg_config *config;
    struct vg_buf talk = VG_BUF_INIT;
    struct vg_err err;
    bool bad = false;
    vg_status st;
    FILE *f;

    snprintf(path, sizeof(path), "%s/tests/unit/configs/%s", VG_SOURCE_ROOT, name);
    st = vg_config_load(path, &config, &talk, &err);
    f = fopen(path, "re");
    cr_assert(f);
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, mark, strlen(mark)) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        bad |= strstr(line, " error: ") != NULL;
        snprintf(expected, sizeof(expected), "%s:%s", path, line + strlen(mark));
        cr_assert(talk.data && strstr(talk.data, expected), "%s: expected \"%s\" in:\n%s", name,
                  line + strlen(mark), talk.data ? talk.data : "");
    }
    fclose(f);
    cr_assert_eq(st, bad ? VG_E_CONFIG : VG_OK, "%s:\n%s", name, talk.data ? talk.data : "");
    vg_config_free(config);
    vg_buf_done(&talk);
}

void corpus_check(void)
{
    DIR *dir = opendir(VG_SOURCE_ROOT "/tests/unit/configs");
    struct dirent *entry;
    int files = 0;

    cr_assert(dir);
    while ((entry = readdir(dir))) {
        if (strstr(entry->d_name, ".yaml")) {
            check_file(entry->d_name);
            files++;
        }
    }
    closedir(dir);
    cr_assert_geq(files, FILES_MIN);
}
