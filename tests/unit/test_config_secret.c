/* test_config_secret.c - ${} in a configuration: what it stands for, and secrets that nobody sees. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/fake_components.h"
#include "tests/support/loader.h"

TestSuite(config_secret, .init = loader_init, .fini = loader_done, .timeout = 30);

Test(config_secret, variables_defaults_files_and_escapes_are_replaced_in_scalars)
{
    char text[1024];

    setenv("VIGIL_TEST_TOPIC", "from-env", 1);
    unsetenv("VIGIL_TEST_NONE");
    loader_write("secret", "hunter2\n\n", 9);
    snprintf(text, sizeof(text),
             "version: 1\n# ${VIGIL_TEST_NONE} in a comment is nothing\n"
             "service: {name: unit}\n"
             "source: {type: kafka, brokers: \"${VIGIL_TEST_NONE:-localhost:9092}\", "
             "topic: \"a-${VIGIL_TEST_TOPIC}-z\", start: latest, group: \"$${x}\", "
             "password: \"${file:%s/secret}\"}\n" CHAIN,
             loader.folder);
    loader_good(text);
    cr_assert_str_eq(((struct fake_source *)loader.config->source.self)->brokers, "localhost:9092");
    cr_assert_str_eq(((struct fake_source *)loader.config->source.self)->topic, "a-from-env-z");
    cr_assert_str_eq(((struct fake_source *)loader.config->source.self)->group, "${x}");
    cr_assert_str_eq(((struct fake_source *)loader.config->source.self)->password, "hunter2\n");
}

Test(config_secret, a_variable_that_is_not_set_is_an_error_where_it_stands)
{
    unsetenv("VIGIL_TEST_NONE");
    loader_bad(
        "version: 1\nservice: {name: unit}\n"
        "source: {type: kafka, brokers: \"a${VIGIL_TEST_NONE}\", topic: t, start: latest}\n" CHAIN,
        "3:34", "error: environment variable VIGIL_TEST_NONE is not set");
}

Test(config_secret, a_secret_is_never_shown)
{
    char text[1024];

    loader_write("secret", "hunter2", 7);
    snprintf(text, sizeof(text),
             "version: 1\nservice: {name: unit, frame_rows: \"${file:%s/secret}\"}\n"
             "source: {type: kafka, brokers: b, topic: t, start: latest, password: letmein, x: "
             "1}\n" CHAIN,
             loader.folder);
    cr_assert_eq(loader_load(text), VG_E_CONFIG);
    loader_expect("2:36", "error: frame_rows: the secret is not accepted; expected: whole number");
    loader_expect("3:79", "error: unknown key \"x\"");
    cr_assert_null(strstr(loader_said(), "hunter2"), "%s", loader_said());
    cr_assert_null(strstr(loader_said(), "letmein"), "%s", loader_said());
}

/* A file with this in it and these rights as the password; what was said of it. */
static const char *said_of_file(const char *secret, size_t n, mode_t mode)
{
    char text[1024], full[160];

    loader_write("secret", secret, n);
    snprintf(full, sizeof(full), "%s/secret", loader.folder);
    cr_assert_eq(chmod(full, mode), 0);
    snprintf(text, sizeof(text),
             "version: 1\nservice: {name: unit}\n"
             "source: {type: kafka, brokers: b, topic: t, start: latest, password: "
             "\"${file:%s}\"}\n" CHAIN,
             full);
    return loader_load(text) == VG_OK ? "" : loader_said();
}

Test(config_secret, a_secret_that_others_can_read_is_refused_where_it_stands)
{
    cr_assert(strstr(said_of_file("hunter2", 7, 0640), "c.yaml:3:71: error: ${file:"), "%s",
              loader_said());
    cr_assert(strstr(loader_said(), "can be read or written by others; chmod 600 it"), "%s",
              loader_said());
    cr_assert(strstr(said_of_file("hunter2", 7, 0604), "by others"));
    cr_assert(strstr(said_of_file("hunter2", 7, 0620), "by others"));
    cr_assert_str_empty(said_of_file("hunter2", 7, 0400));
}

Test(config_secret, a_secret_is_text_of_at_most_64_kib)
{
    static char big[64 * 1024 + 1];

    memset(big, 'x', sizeof(big));
    cr_assert_str_empty(said_of_file(big, sizeof(big) - 1, 0600));
    cr_assert(strstr(said_of_file(big, sizeof(big), 0600), "at most 64 KiB"));
    cr_assert(strstr(said_of_file("a\0b", 3, 0600), "must be text"));
}

Test(config_secret, a_credential_of_systemd_is_a_secret)
{
    static const char text[] = "version: 1\nservice: {name: unit}\n"
                               "source: {type: kafka, brokers: b, topic: t, start: latest, "
                               "password: \"${credential:secret}\"}\n" CHAIN;

    unsetenv("CREDENTIALS_DIRECTORY");
    loader_bad(text, "3:71", "error: ${credential:secret}: CREDENTIALS_DIRECTORY is not set");
    loader_write("secret", "hunter2\n", 8);
    setenv("CREDENTIALS_DIRECTORY", loader.folder, 1);
    loader_good(text);
    cr_assert_str_eq(((struct fake_source *)loader.config->source.self)->password, "hunter2");
    cr_assert_str_empty(loader_said());
    loader_bad("version: 1\nservice: {name: unit}\n"
               "source: {type: kafka, brokers: b, topic: t, start: latest, "
               "password: \"${credential:../secret}\"}\n" CHAIN,
               "3:71", "error: ${credential:../secret}: needs the name of a credential");
}

Test(config_secret, a_secret_from_a_file_has_no_place_where_it_would_be_shown)
{
    char text[1024];

    loader_write("secret", "hunter2", 7);
    snprintf(
        text, sizeof(text),
        "version: 1\nservice: {name: unit}\n"
        "source: {type: kafka, brokers: b, topic: \"${file:%s/secret}\", start: latest}\n" CHAIN,
        loader.folder);
    cr_assert_eq(loader_load(text), VG_E_CONFIG);
    loader_expect("3:43", "error: what a file or credential holds is a secret");
    cr_assert_null(strstr(loader_said(), "hunter2"), "%s", loader_said());
}

Test(config_secret, a_secret_that_is_written_out_is_warned_of)
{
    loader_good(
        "version: 1\nservice: {name: unit}\n"
        "source: {type: kafka, brokers: b, topic: t, start: latest, password: letmein}\n" CHAIN);
    loader_expect("3:70", "warning: password is written out: whoever can read this file knows it");
    cr_assert_null(strstr(loader_said(), "letmein"), "%s", loader_said());
}

/* Before options are known, and where none is: the line that is shown may hold a secret. */
Test(config_secret, no_mistake_in_the_file_shows_a_secret_beside_it)
{
    static const char *const texts[] = {
        "version: 1\nsource: {type: kafka, password: letmein, &a x: 1, [}\n",
        "version: 1\nsource: {type: kafka, password: \"letmein\n",
        "version: 1\nsource: {type: kafka, password: 'letmein\\q', x: \"\\q\"}\n",
        "version: 1\nsource: {type: kafka, password: other, password: letmein}\n",
        "version: 1\nservice: {name: unit}\nsource: {type: kafca, password: letmein}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, pasword: letmein}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsauce: {type: kafka, password: letmein}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, password: [letmein]}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, password: !letmein x}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, password: *letmein}\n" CHAIN,
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++) {
        cr_assert_eq(loader_load(texts[i]), VG_E_CONFIG, "%s", texts[i]);
        cr_assert(strstr(loader_said(), "error: "));
        cr_assert_null(strstr(loader_said(), "letmein"), "%s", loader_said());
    }
}
