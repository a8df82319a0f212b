/* late_git.c - Criterion's libgit2 is made ready by the first difference that is shown, not by each test.
 *
 * Criterion does so in each of its processes, in case an assertion of criterion/new/assert.h fails. On Debian
 * that parses all certificates of the machine: half of the 20 ms of a test, and with AddressSanitizer, whose
 * strict strings make it quadratic, 75 ms of 110, for each of 2,000 tests.
 */
#include <dlfcn.h>
#include <stddef.h>

int git_libgit2_init(void);
int git_libgit2_shutdown(void);
int git_diff_buffers(const void *old, size_t old_size, const char *old_name, const void *new,
                     size_t new_size, const char *new_name, const void *options, void *on_file,
                     void *on_binary, void *on_hunk, void *on_line, void *payload);

int git_libgit2_init(void)
{
    return 1;
}

int git_libgit2_shutdown(void)
{
    return 0;
}

int git_diff_buffers(const void *old, size_t old_size, const char *old_name, const void *new,
                     size_t new_size, const char *new_name, const void *options, void *on_file,
                     void *on_binary, void *on_hunk, void *on_line, void *payload)
{
    int (*init)(void);
    int (*diff)(const void *, size_t, const char *, const void *, size_t, const char *,
                const void *, void *, void *, void *, void *, void *);

    *(void **)&init = dlsym(RTLD_NEXT, "git_libgit2_init");
    *(void **)&diff = dlsym(RTLD_NEXT, "git_diff_buffers");
    if (!init || !diff || init() < 0)
        return -1;
    return diff(old, old_size, old_name, new, new_size, new_name, options, on_file, on_binary,
                on_hunk, on_line, payload);
}
