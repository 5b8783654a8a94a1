#include "os/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/attributes.h"
#include "os/clock.h"

enum { EXIT_AT_ONCE = 130 };

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
static nanos hurries_from; /* written before the handler is in place */

static sigset_t set_of_all(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        sigaddset(&set, numbers[i]);
    return set;
}

/* A handler: calls only what is safe in one. */
static void hurry(int number)
{
    (void)number;
    if (clock_monotonic() >= hurries_from)
        _exit(EXIT_AT_ONCE);
}

static void let_hurry(void)
{
    struct sigaction action = {.sa_handler = hurry, .sa_flags = SA_RESTART};
    sigset_t set = set_of_all();

    hurries_from = clock_monotonic() + NANOS_S;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        sigaction(numbers[i], &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

enum rc signals_open(int *fd, struct error *err)
{
    sigset_t set = set_of_all();
    int opened;

    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return error_set(err, RC_SYSTEM, "cannot hold signals back");
    opened = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (opened < 0)
        return error_set(err, RC_SYSTEM, "signalfd: %s", strerror(errno));
    *fd = opened;
    return RC_OK;
}

int signals_relay(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

int signals_take(int fd)
{
    int number = signals_relay(fd);

    if (number != 0)
        let_hurry();
    return number;
}
