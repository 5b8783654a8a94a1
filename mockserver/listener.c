#include "listener.h"

#include <arpa/inet.h>
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
    uint16_t port;                    /* once it is known */
    struct evconnlistener *accepting; /* NULL while shut */
    struct event *resuming;
    bool is_shut;
    bool has_complained;
};

/* --- addresses -------------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Its size; 0: no numeric address. */
static socklen_t read_address(const char *text, uint16_t port, union address *address)
{
    *address = (union address){0};
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return sizeof(address->v4);
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return sizeof(address->v6);
    }
    return 0;
}

bool listener_is_address(const char *text)
{
    union address address;

    return read_address(text, 0, &address) > 0;
}

bool listener_is_loopback(const char *text)
{
    union address address;

    if (read_address(text, 0, &address) == 0)
        return false;
    if (address.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
    return ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

void listener_write_place(const struct listener *l, char place[LISTENER_PLACE_MAX])
{
    const char *text = l->options.address;
    union address address;

    read_address(text, 0, &address);
    if (address.any.sa_family == AF_INET6)
        snprintf(place, LISTENER_PLACE_MAX, "[%s]:%u",
                 IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr) ? "::1" : text, l->port);
    else
        snprintf(place, LISTENER_PLACE_MAX, "%s:%u",
                 address.v4.sin_addr.s_addr == htonl(INADDR_ANY) ? "127.0.0.1" : text, l->port);
}

/* --- accepting -------------------------------------------------------------------------------- */

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
    connections_shed(l->options.connections);
    evconnlistener_disable(accepting);
    event_add(l->resuming, &pause_ms_10);
}

/* Accepted sockets inherit TCP_NODELAY: one system call here instead of one per connection. */
static int bind_and_listen(const char *text, uint16_t port)
{
    union address address;
    socklen_t size = read_address(text, port, &address);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    bool is_good;

    if (fd < 0)
        return -1;
    is_good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
              setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) == 0 &&
              bind(fd, &address.any, size) == 0 && listen(fd, BACKLOG) == 0;
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
    union address address = {0};
    socklen_t size = sizeof(address);

    getsockname(fd, &address.any, &size);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static enum rc start(struct listener *l, struct error *err)
{
    const struct listener_options *options = &l->options;
    int fd = bind_and_listen(options->address, l->port);

    if (fd < 0) {
        int code = errno;

        error_set(err, RC_SYSTEM, "%s: cannot listen on %s:%u: %s", options->name, options->address,
                  l->port, strerror(code));
        err->os_errno = code;
        return RC_SYSTEM;
    }
    l->port = bound_port(fd);
    l->accepting = evconnlistener_new(options->base, on_accepted, l,
                                      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (l->accepting == NULL) {
        close(fd);
        return error_set(err, RC_NOMEM, "%s: out of memory", options->name);
    }
    evconnlistener_set_error_cb(l->accepting, on_refused);
    return RC_OK;
}

/* After a pause, or when somebody else had taken the port meanwhile. */
static void resume(struct listener *l)
{
    struct error err;

    if (l->is_shut)
        return;
    if (l->accepting != NULL) {
        evconnlistener_enable(l->accepting);
        return;
    }
    if (start(l, &err) == RC_OK)
        return;
    if (!l->has_complained)
        fprintf(stderr, "brownout-mock: %s\n", err.text);
    l->has_complained = true;
    event_add(l->resuming, &pause_ms_10);
}

static void on_resuming(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    resume(context);
}

void listener_shut(struct listener *l, bool is_shut)
{
    if (is_shut == l->is_shut)
        return;
    l->is_shut = is_shut;
    if (!is_shut) {
        resume(l);
        return;
    }
    if (l->accepting != NULL)
        evconnlistener_free(l->accepting);
    l->accepting = NULL;
}

/* --- birth and death -------------------------------------------------------------------------- */

enum rc listener_open(struct listener **listener, const struct listener_options *options,
                      struct error *err)
{
    struct listener *l = memory_zeroed(memory_heap(), 1, sizeof(*l));
    enum rc rc = RC_NOMEM;

    if (l == NULL)
        return error_set(err, RC_NOMEM, "%s: out of memory", options->name);
    l->options = *options;
    l->port = options->port;
    l->resuming = evtimer_new(options->base, on_resuming, l);
    if (l->resuming == NULL)
        error_set(err, RC_NOMEM, "%s: out of memory", options->name);
    else
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
    memory_release(memory_heap(), l);
}
