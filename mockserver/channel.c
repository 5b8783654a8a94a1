#include "channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

enum rc channel_open(struct channel *c, int fd, struct tls *tls)
{
    *c = (struct channel){.fd = fd};
    if (tls == NULL)
        return RC_OK;
    c->session = tls_session_new(tls, fd);
    if (c->session != NULL)
        return RC_OK;
    close(fd);
    c->fd = -1;
    return RC_NOMEM;
}

static bool is_for_later(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static enum rc receive(int fd, char *bytes, size_t capacity, size_t *size)
{
    ssize_t got = recv(fd, bytes, capacity, 0);

    if (got == 0)
        return RC_END;
    if (got < 0)
        return is_for_later(errno) ? RC_AGAIN : RC_SYSTEM;
    *size = (size_t)got;
    return RC_OK;
}

enum rc channel_read(struct channel *c, char *bytes, size_t capacity, size_t *size)
{
    if (c->session != NULL)
        return tls_session_read(c->session, bytes, capacity, size, &c->wants_write);
    return receive(c->fd, bytes, capacity, size);
}

bool channel_is_shaking(const struct channel *c)
{
    return c->session != NULL && !tls_session_is_shaken(c->session);
}

enum rc channel_swallow(struct channel *c, char *bytes, size_t capacity)
{
    size_t size;

    return receive(c->fd, bytes, capacity, &size);
}

/* EPIPE: the client had ended in order, and reset only because we went on. */
enum rc channel_write(struct channel *c, struct slice bytes, size_t *size)
{
    ssize_t put;

    if (c->session != NULL)
        return tls_session_write(c->session, bytes, size);
    put = send(c->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (put < 0 && errno == EPIPE)
        return RC_END;
    if (put < 0)
        return is_for_later(errno) ? RC_AGAIN : RC_SYSTEM;
    *size = (size_t)put;
    return RC_OK;
}

void channel_finish(struct channel *c)
{
    if (c->session != NULL)
        tls_session_finish(c->session);
    tls_session_free(c->session);
    c->session = NULL;
    shutdown(c->fd, SHUT_WR);
}

void channel_reset(struct channel *c)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    channel_close(c);
}

void channel_close(struct channel *c)
{
    tls_session_free(c->session);
    c->session = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}
