#include "poller.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SOCKETS_LEAST = 256 };

enum rc poller_open(struct poller *p, const struct memory *memory, struct error *err)
{
    *p = (struct poller){.memory = memory};
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd < 0)
        return error_set(err, RC_SYSTEM, "epoll_create1: %s", strerror(errno));
    p->is_open = true;
    return RC_OK;
}

void poller_close(struct poller *p)
{
    if (!p->is_open)
        return;
    close(p->fd);
    memory_release(p->memory, p->sockets);
    *p = (struct poller){0};
}

static enum rc grow(struct poller *p, int fd)
{
    uint32_t wanted = p->sockets_max < SOCKETS_LEAST ? SOCKETS_LEAST : p->sockets_max;
    struct poller_socket *grown;

    while (wanted <= (uint32_t)fd)
        wanted *= 2;
    if (wanted == p->sockets_max)
        return RC_OK;
    grown = p->memory->resize(p->memory->context, p->sockets, wanted * sizeof(*grown));
    if (grown == NULL)
        return RC_NOMEM;
    memset(grown + p->sockets_max, 0, (wanted - p->sockets_max) * sizeof(*grown));
    p->sockets = grown;
    p->sockets_max = wanted;
    return RC_OK;
}

static uint32_t kernel_bits(unsigned wanted)
{
    return ((wanted & POLLER_READABLE) != 0 ? (uint32_t)EPOLLIN : 0) |
           ((wanted & POLLER_WRITABLE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

static enum rc tell_kernel(struct poller *p, int fd, unsigned wanted)
{
    struct poller_socket *socket = &p->sockets[fd];
    struct epoll_event event = {.events = kernel_bits(wanted), .data.fd = fd};
    int operation = socket->registered == 0 ? EPOLL_CTL_ADD
                    : wanted == 0           ? EPOLL_CTL_DEL
                                            : EPOLL_CTL_MOD;

    if (epoll_ctl(p->fd, operation, fd, &event) != 0)
        return RC_SYSTEM;
    socket->registered = (uint8_t)wanted;
    return RC_OK;
}

enum rc poller_want(struct poller *p, int fd, unsigned wanted, void *owner)
{
    TRY(grow(p, fd));
    p->sockets[fd].owner = owner;
    p->sockets[fd].wanted = (uint8_t)wanted;
    if (wanted == 0 || wanted == p->sockets[fd].registered)
        return RC_OK;
    return tell_kernel(p, fd, wanted);
}

void poller_forget(struct poller *p, int fd)
{
    if ((uint32_t)fd < p->sockets_max)
        p->sockets[fd] = (struct poller_socket){0};
}

void poller_close_socket(struct poller *p, int fd)
{
    poller_forget(p, fd);
    close(fd); /* which also takes it out of the set */
}

static int wait_coarse(struct poller *p, nanos patience)
{
    nanos most = (nanos)60 * NANOS_S;
    nanos span = nanos_min(patience, most);

    return epoll_wait(p->fd, p->batch, POLLER_BATCH_MAX, (int)((span + NANOS_MS - 1) / NANOS_MS));
}

static int wait_fine(struct poller *p, nanos patience)
{
    struct timespec span = {.tv_sec = patience / NANOS_S, .tv_nsec = patience % NANOS_S};
    int count = epoll_pwait2(p->fd, p->batch, POLLER_BATCH_MAX,
                             patience == NANOS_NEVER ? NULL : &span, NULL);

    if (count < 0 && errno == ENOSYS)
        p->is_coarse = true;
    return count;
}

void poller_wait(struct poller *p, nanos patience)
{
    int count = p->is_coarse ? wait_coarse(p, patience) : wait_fine(p, patience);

    p->batch_count = count < 0 ? 0 : count; /* an interrupt is nothing ready */
    p->batch_next = 0;
}

static unsigned our_bits(uint32_t events)
{
    return ((events & EPOLLIN) != 0 ? (unsigned)POLLER_READABLE : 0) |
           ((events & EPOLLOUT) != 0 ? (unsigned)POLLER_WRITABLE : 0) |
           ((events & (EPOLLERR | EPOLLHUP)) != 0 ? (unsigned)POLLER_BROKEN : 0);
}

bool poller_next(struct poller *p, struct poller_event *event)
{
    while (p->batch_next < p->batch_count) {
        const struct epoll_event *ready = &p->batch[p->batch_next++];
        int fd = ready->data.fd;
        const struct poller_socket *socket = &p->sockets[fd];

        if (socket->registered == 0)
            continue; /* closed by what an earlier event of this batch led to */
        if (socket->wanted == 0) {
            (void)tell_kernel(p, fd, 0); /* idle and speaking: its end, for libcurl to find later */
            continue;
        }
        *event = (struct poller_event){fd, socket->owner, our_bits(ready->events)};
        return true;
    }
    return false;
}
