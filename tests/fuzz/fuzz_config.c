/* fuzz_config.c - any bytes as a configuration: loaded, or refused with at least one problem. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct vg_buf talk = VG_BUF_INIT;
    struct vg_config *config;
    struct vg_err err = { 0 };
    char path[32];
    int fd = memfd_create("config", MFD_CLOEXEC);

    VG_CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (vg_config_load(path, &config, &talk, &err) == VG_OK)
        VG_CHECK(config && config->hash[0]);
    else
        VG_CHECK(!config && err.msg[0] && talk.len > 0);
    vg_config_free(config);
    vg_buf_done(&talk);
    close(fd);
    return 0;
}
