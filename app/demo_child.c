/* demo_child.c - the broker and the pipeline of the demo, as processes. */
#include "app/demo_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base.h"
#include "core/clock.h"

pid_t vg_demo_start(const char *verb, const char *first, const char *second, int out, int talk)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* Ctrl-C is for the demo, which then stops the others in order */
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (talk >= 0)
        dup2(talk, STDERR_FILENO);
    execl("/proc/self/exe", "vigil", verb, first, second, (char *)NULL);
    _exit(127);
}

int vg_demo_reap(pid_t *pid, int timeout_s)
{
    int64_t until_ns = vg_mono_ns() + timeout_s * VG_NS_PER_S;
    const struct timespec turn = { .tv_nsec = 10 * VG_NS_PER_MS };
    int status;

    while (*pid > 0) {
        pid_t got = waitpid(*pid, &status, WNOHANG);

        if (got == *pid) {
            *pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        if (got < 0 || vg_mono_ns() > until_ns)
            break;
        nanosleep(&turn, NULL);
    }
    return -1;
}

void vg_demo_kill(pid_t *pid)
{
    if (*pid <= 0)
        return;
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}
