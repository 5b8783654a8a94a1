#include "transfer.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "base/version.h"
#include "os/clock.h"
#include "poller.h"

enum { HEADERS_BYTES_MAX = 16384, URL_BYTES_MAX = 4096, RECEIVE_BYTES = 8192, OWN_LINES = 2 };

nanos transfer_now(struct transfer_host *host)
{
    host->latest_at = clock_monotonic() - host->t0;
    return host->latest_at;
}

static void tell(struct transfer *t, struct client_event event)
{
    event.at = transfer_now(t->host);
    event.slot = t->slot;
    event.attempt = t->attempt;
    client_step(t->host->client, &event);
}

/* --- libcurl's callbacks ---------------------------------------------------------------------- */

static int about_to_send(void *context, char *there, char *here, int there_port, int here_port)
{
    struct transfer *t = context;

    (void)there, (void)here, (void)there_port, (void)here_port;
    if (t->was_sent) {
        t->host->resends_refused++;
        return CURL_PREREQFUNC_ABORT;
    }
    t->was_sent = true;
    tell(t, (struct client_event){.kind = CLIENT_SENT});
    return CURL_PREREQFUNC_OK;
}

static bool is_end_of_head(struct slice line)
{
    return line.size <= 2 && (line.size == 0 || line.data[0] == '\r' || line.data[0] == '\n');
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    struct slice line = {data, size * count};

    if (t->has_head)
        return line.size; /* a trailer */
    if (!is_end_of_head(line)) {
        answer_head_line(&t->head, line);
        return line.size;
    }
    if (t->head.status < 200)
        return line.size; /* 100 Continue: the real one follows */
    t->has_head = true;
    tell(t, (struct client_event){.kind = CLIENT_HEAD, .head = &t->head});
    return line.size;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct slice body = {data, size * count};

    tell(context, (struct client_event){.kind = CLIENT_BODY, .body = body});
    return body.size;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = context;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    t->host->connections_opened++;
    /* libcurl closes a socket that never connected without asking our close function. */
    poller_forget(t->host->poller, fd);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    poller_close_socket(context, fd);
    return 0;
}

/* --- the handle ------------------------------------------------------------------------------- */

static enum rc set_constants(struct transfer *t)
{
    CURL *easy = t->easy;
    CURLcode bad = CURLE_OK;

#define SET(option, value) bad |= curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)INT_MAX); /* the engine owns every timeout; 0 means 300 s */
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_PREREQFUNCTION, about_to_send);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, t->host->poller); /* connections outlive transfers */
    SET(CURLOPT_HTTPHEADER, t->lines);             /* kept by address; its lines change */
#undef SET
    return bad == CURLE_OK ? RC_OK : RC_NOMEM;
}

/* A line costs half of what CURLOPT_USERAGENT does: libcurl prints it once, not twice. */
static void link_own_lines(struct curl_slist *lines)
{
    lines[0].data = (char *)"Expect:"; /* never wait for 100 Continue */
    lines[0].next = &lines[1];
    lines[1].data = (char *)"User-Agent: brownout/" BROWNOUT_VERSION;
}

static void drop(struct transfer *t)
{
    curl_easy_cleanup(t->easy); /* NULL is fine */
    curl_url_cleanup(t->place); /* likewise */
    t->easy = NULL;
    t->place = NULL;
}

static enum rc make(struct transfer *t, struct transfer_host *host)
{
    t->host = host;
    if (t->lines == NULL) {
        buffer_init(&t->asked, host->memory, HEADERS_BYTES_MAX);
        buffer_init(&t->headers, host->memory, HEADERS_BYTES_MAX);
        buffer_init(&t->url, host->memory, URL_BYTES_MAX);
        t->lines = memory_zeroed(host->memory, TRANSFER_HEADERS_MAX, sizeof(*t->lines));
    }
    if (t->lines == NULL)
        return RC_NOMEM;
    link_own_lines(t->lines);
    t->place = curl_url();
    t->easy = curl_easy_init();
    if (t->place != NULL && t->easy != NULL && set_constants(t) == RC_OK)
        return RC_OK;
    drop(t);
    return RC_NOMEM;
}

static void copy_lines(struct buffer *into, struct slice headers)
{
    struct slice line;

    buffer_clear(into);
    while (slice_cut(&headers, '\n', &line)) {
        buffer_append(into, slice_trim(line));
        buffer_byte(into, '\0');
    }
}

/* The first nodes are our own and stay; the others point into the copied lines. */
static enum rc link_lines(struct transfer *t)
{
    struct slice rest = buffer_slice(&t->headers);
    struct slice line;
    struct curl_slist *last = &t->lines[OWN_LINES - 1];

    while (slice_cut(&rest, '\0', &line)) {
        if (last == &t->lines[TRANSFER_HEADERS_MAX - 1])
            return RC_LIMIT;
        last->next = last + 1;
        last++;
        last->data = (char *)(uintptr_t)line.data;
    }
    last->next = NULL;
    return RC_OK;
}

/* To a real provider they are the same for every attempt. */
static enum rc set_headers(struct transfer *t, struct slice headers)
{
    enum rc rc;

    if (slice_is(headers, buffer_slice(&t->asked)))
        return RC_OK;
    buffer_clear(&t->asked);
    copy_lines(&t->headers, headers);
    rc = t->headers.rc != RC_OK ? t->headers.rc : link_lines(t);
    if (rc == RC_OK)
        buffer_append(&t->asked, headers); /* only what was taken whole is not set again */
    return rc;
}

static bool is_url(const struct transfer *t, struct slice origin, struct slice path)
{
    struct slice url = buffer_slice(&t->url);

    return url.size == origin.size + path.size + 1 && slice_starts_with(url, origin) &&
           memcmp(url.data + origin.size, path.data, path.size) == 0;
}

/* Given as text, libcurl would read and print it anew for every attempt: one instruction in ten. */
static enum rc set_url(struct transfer *t, struct slice origin, struct slice path)
{
    if (is_url(t, origin, path))
        return RC_OK;
    buffer_clear(&t->url);
    buffer_append(&t->url, origin);
    buffer_append(&t->url, path);
    buffer_byte(&t->url, '\0');
    if (t->url.rc == RC_OK && curl_url_set(t->place, CURLUPART_URL, t->url.data, 0) == CURLUE_OK &&
        curl_easy_setopt(t->easy, CURLOPT_CURLU, t->place) == CURLE_OK)
        return RC_OK;
    buffer_clear(&t->url); /* so that the next attempt sets it anew */
    return RC_NOMEM;
}

enum rc transfer_prepare(struct transfer *t, struct transfer_host *host,
                         const struct client_effect *send, const char *origin)
{
    assert(!t->is_active);
    t->slot = send->slot;
    t->attempt = send->attempt;
    t->was_sent = false;
    t->has_head = false;
    answer_head_clear(&t->head);
    if (t->easy == NULL)
        TRY(make(t, host));
    TRY(set_headers(t, send->headers));
    TRY(set_url(t, slice_of(origin), send->path));
    /* Not a read function: that would send head and body apart, twice the system calls. */
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)send->body.size);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, send->body.data);
    return RC_OK;
}

/* --- the end ---------------------------------------------------------------------------------- */

enum client_end transfer_end(const struct transfer *t, int result)
{
    switch ((CURLcode)result) {
    case CURLE_OK:
        return t->has_head ? END_WHOLE
                           : END_SHORT; /* a head that broke off is no error to libcurl */
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return END_DNS;
    case CURLE_COULDNT_CONNECT:
        return END_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return END_TLS;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        return END_SHORT;
    default: /* receive and send errors, what is no HTTP, and the resends we refused */
        return t->was_sent ? END_RESET : END_CONNECT;
    }
}

void transfer_deinit(struct transfer *t)
{
    assert(!t->is_active);
    drop(t);
    if (t->lines != NULL) {
        buffer_deinit(&t->asked);
        buffer_deinit(&t->headers);
        buffer_deinit(&t->url);
        memory_release(t->host->memory, t->lines);
    }
    *t = (struct transfer){0};
}
