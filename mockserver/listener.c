#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { BACKLOG = 4096 };

static const struct timeval pause_ms_10 = {.tv_usec = 10000};

struct listener {
    struct listener_options options;
    uint16_t port;
    int fd; /* until evconnlistener owns it, then -1 */
    struct evconnlistener *accepting;
    struct event *resuming;
    bool has_complained;
};

static void on_accepted(struct evconnlistener *accepting, evutil_socket_t fd, struct sockaddr *peer,
                        int peer_size, void *context)
{
    struct listener *l = context;

    (void)accepting;
    (void)peer;
    (void)peer_size;
    connections_take(l->options.connections, fd, l->options.owner);
}

/* Out of descriptors or memory. The backlog stays readable, so going on at once would spin. */
static void on_refused(struct evconnlistener *accepting, void *context)
{
    struct listener *l = context;

    if (!l->has_complained)
        fprintf(stderr, "brownout-mock: %s: accepting pauses: %s\n", l->options.name,
                strerror(errno));
    l->has_complained = true;
    evconnlistener_disable(accepting);
    event_add(l->resuming, &pause_ms_10);
}

static void on_resuming(evutil_socket_t fd, short what, void *context)
{
    struct listener *l = context;

    (void)fd;
    (void)what;
    evconnlistener_enable(l->accepting);
}

/* Accepted sockets inherit TCP_NODELAY: one system call here instead of one per connection. */
static int bind_and_listen(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int yes = 1;
    bool is_good;

    if (fd < 0)
        return -1;
    is_good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
              setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) == 0 &&
              bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
              listen(fd, BACKLOG) == 0;
    if (!is_good) {
        int code = errno;

        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);

    getsockname(fd, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static enum rc start(struct listener *l, struct error *err)
{
    const struct listener_options *options = &l->options;

    l->fd = bind_and_listen(options->port);
    if (l->fd < 0) {
        int code = errno;

        error_set(err, RC_SYSTEM, "%s: cannot listen on 127.0.0.1:%u: %s", options->name,
                  options->port, strerror(code));
        err->os_errno = code;
        return RC_SYSTEM;
    }
    l->port = bound_port(l->fd);
    l->resuming = evtimer_new(options->base, on_resuming, l);
    l->accepting = evconnlistener_new(options->base, on_accepted, l,
                                      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, l->fd);
    if (l->resuming == NULL || l->accepting == NULL)
        return error_set(err, RC_NOMEM, "%s: out of memory", options->name);
    l->fd = -1;
    evconnlistener_set_error_cb(l->accepting, on_refused);
    return RC_OK;
}

enum rc listener_open(struct listener **listener, const struct listener_options *options,
                      struct error *err)
{
    struct listener *l = memory_zeroed(memory_heap(), 1, sizeof(*l));
    enum rc rc;

    if (l == NULL)
        return error_set(err, RC_NOMEM, "%s: out of memory", options->name);
    l->options = *options;
    rc = start(l, err);
    if (rc != RC_OK) {
        listener_close(l);
        return rc;
    }
    *listener = l;
    return RC_OK;
}

void listener_close(struct listener *l)
{
    if (l == NULL)
        return;
    if (l->accepting != NULL)
        evconnlistener_free(l->accepting);
    if (l->resuming != NULL)
        event_free(l->resuming);
    if (l->fd >= 0 && l->accepting == NULL)
        close(l->fd);
    memory_release(memory_heap(), l);
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}
