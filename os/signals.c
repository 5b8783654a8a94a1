#include "os/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum rc signals_open(int *fd, struct error *err)
{
    sigset_t set;
    int opened;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return error_set(err, RC_SYSTEM, "cannot hold signals back");
    opened = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (opened < 0)
        return error_set(err, RC_SYSTEM, "signalfd: %s", strerror(errno));
    *fd = opened;
    return RC_OK;
}

int signals_take(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}
