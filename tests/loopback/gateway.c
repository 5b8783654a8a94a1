#include "gateway.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 1 << 16, ATTEMPTS_MAX = 3 };

/* One question, and what the upstream said. */
struct talk {
    struct gateway *gateway;
    int fd;
    char request[TEXT_BYTES_MAX];
    char answer[TEXT_BYTES_MAX]; /* as it came: head and body */
    char body[TEXT_BYTES_MAX];   /* its body without chunks, then as we pass it on */
    bool is_whole;
};

/* --- bytes ------------------------------------------------------------------------------------ */

static void say(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* who left is the test's affair */
        text += sent;
        size -= (size_t)sent;
    }
}

/* A whole message with a content length, or none and no body; false when the other side left. */
static bool read_message(int fd, char *text)
{
    size_t size = 0;

    for (;;) {
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "content-length:");
        ssize_t got;

        if (end != NULL &&
            size >= (size_t)(end + 4 - text) +
                        (length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0))
            return true;
        got = recv(fd, text + size, TEXT_BYTES_MAX - 1 - size, 0);
        if (got <= 0)
            return false;
        size += (size_t)got;
        text[size] = '\0';
    }
}

static void read_to_end(int fd, char *text)
{
    size_t size = 0;
    ssize_t got;

    while ((got = recv(fd, text + size, TEXT_BYTES_MAX - 1 - size, 0)) > 0)
        size += (size_t)got;
    text[size] = '\0';
}

static const char *body_of(const char *message)
{
    const char *end = strstr(message, "\r\n\r\n");

    return end != NULL ? end + 4 : message + strlen(message);
}

/* Texts of ours hold no zero bytes, so a chunk is as long as it says or broken off. */
static bool take_chunks_out(const char *in, char *out)
{
    size_t size = 0;

    for (;;) {
        char *rest;
        size_t chunk = strtoul(in, &rest, 16);

        out[size] = '\0';
        if (strncmp(rest, "\r\n", 2) != 0)
            return false;
        if (chunk == 0)
            return true;
        in = rest + 2;
        if (strlen(in) < chunk) {
            strcpy(out + size, in);
            return false;
        }
        memcpy(out + size, in, chunk);
        size += chunk;
        in += chunk + 2;
    }
}

static int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* --- upstream --------------------------------------------------------------------------------- */

static FILE *open_file(const struct gateway *g, const char *name, const char *mode)
{
    char path[GATEWAY_PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/%s", g->folder, name);
    return fopen(path, mode);
}

static void leave_sign(const struct gateway *g)
{
    FILE *file = open_file(g, "asked", "we");

    if (file != NULL)
        fclose(file);
}

static uint16_t upstream_port(const struct gateway *g)
{
    FILE *file = open_file(g, "upstream", "re");
    unsigned port = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "http://127.0.0.1:%u", &port) != 1)
        port = 0;
    fclose(file);
    return (uint16_t)port;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void ask_once(struct talk *t, const char *question)
{
    int fd = connect_to(upstream_port(t->gateway));
    const char *body;
    char head[256];

    t->answer[0] = t->body[0] = '\0';
    t->is_whole = false;
    if (fd < 0)
        return;
    snprintf(head, sizeof(head),
             "POST /v1/chat/completions HTTP/1.1\r\nhost: upstream\r\nconnection: close\r\n"
             "authorization: Bearer k\r\ncontent-type: application/json\r\n"
             "content-length: %zu\r\n\r\n",
             strlen(question));
    say(fd, head, strlen(head));
    say(fd, question, strlen(question));
    read_to_end(fd, t->answer);
    close(fd);
    body = body_of(t->answer);
    t->is_whole = true;
    if (strcasestr(t->answer, "transfer-encoding: chunked") != NULL)
        t->is_whole = take_chunks_out(body, t->body);
    else
        strcpy(t->body, body);
}

static void ask_upstream(struct talk *t, const char *question)
{
    int attempts = (t->gateway->manner & GATEWAY_RETRIES) != 0 ? ATTEMPTS_MAX : 1;

    do
        ask_once(t, question);
    while (--attempts > 0 && status_of(t->answer) != 200);
}

/* --- what it makes of it ---------------------------------------------------------------------- */

/* The n-th end of an event; NULL: there are fewer. */
static char *event_end(char *body, int n)
{
    for (; n > 0 && body != NULL; n--) {
        body = strstr(body, "\n\n");
        body = body != NULL ? body + 2 : NULL;
    }
    return body;
}

/* The third to the fifth event, twice. */
static void repeat_some(char *body)
{
    char *from = event_end(body, 2), *to = event_end(body, 5);
    size_t size;

    if (from == NULL || to == NULL)
        return;
    size = (size_t)(to - from);
    memmove(to + size, to, strlen(to) + 1);
    memcpy(to, from, size);
}

static void end_what_broke_off(struct talk *t)
{
    strcat(t->body,
           "\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
           "\n\ndata: [DONE]\n\n");
    t->is_whole = true;
}

/* The raw text behind `"name":"`, up to its quote; its size, and where it ends. */
static size_t text_at(const char *json, const char **text)
{
    size_t size = 0;

    *text = json;
    while (json[size] != '\0' && json[size] != '"')
        size += json[size] == '\\' ? 2 : 1;
    return size;
}

/* Words of its own, out of OpenAI's. */
static void translate(char *body, bool is_stream)
{
    static char words[TEXT_BYTES_MAX];
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    const char *at = body, *text;
    size_t used = 0;

    pthread_mutex_lock(&mutex);
    words[0] = '\0';
    while ((at = strstr(at, "\"content\":\"")) != NULL) {
        size_t size = text_at(at + 11, &text);

        used += (size_t)snprintf(words + used, sizeof(words) - used,
                                 is_stream ? "data: {\"delta\":\"%.*s\"}\n\n"
                                           : "{\"reply\":{\"text\":\"%.*s\"}}",
                                 (int)size, text);
        at = text + size;
    }
    if (is_stream && strstr(body, "[DONE]") != NULL)
        snprintf(words + used, sizeof(words) - used, "data: {\"finish\":true}\n\n");
    strcpy(body, words);
    pthread_mutex_unlock(&mutex);
}

/* --- its own side ----------------------------------------------------------------------------- */

/* What is not whole is said to be longer than it is. */
static void pass_on(struct talk *t, bool is_stream)
{
    int status = status_of(t->answer);
    size_t size = strlen(t->body);
    char head[256];

    snprintf(head, sizeof(head),
             "HTTP/1.1 %d Said\r\ncontent-type: %s\r\nconnection: close\r\n"
             "content-length: %zu\r\n\r\n",
             status != 0 ? status : 502,
             is_stream && status == 200 ? "text/event-stream" : "application/json",
             t->is_whole ? size : size + 1);
    say(t->fd, head, strlen(head));
    say(t->fd, t->body, size);
}

static void answer_in_format(struct talk *t, const char *question)
{
    bool is_stream = strstr(question, "\"stream\":true") != NULL;
    unsigned manner = t->gateway->manner;

    ask_upstream(t, question);
    if ((manner & GATEWAY_REPEATS) != 0)
        repeat_some(t->body);
    if ((manner & GATEWAY_ENDS_WHAT_BROKE_OFF) != 0 && !t->is_whole && is_stream)
        end_what_broke_off(t);
    pass_on(t, is_stream);
}

static void answer_in_own_words(struct talk *t, const char *question)
{
    bool is_stream = strstr(question, "\"stream\":true") != NULL;
    const char *asked = strstr(question, "\"question\":\"");
    const char *text = "";
    size_t size = asked != NULL ? text_at(asked + 12, &text) : 0;
    char *translated = malloc(TEXT_BYTES_MAX);

    if (translated == NULL)
        abort();
    snprintf(translated, TEXT_BYTES_MAX,
             "{\"model\":\"gpt-4o\",\"stream\":%s,\"messages\":"
             "[{\"role\":\"user\",\"content\":\"%.*s\"}]}",
             is_stream ? "true" : "false", (int)size, text);
    ask_upstream(t, translated);
    free(translated);
    if (status_of(t->answer) == 200)
        translate(t->body, is_stream);
    pass_on(t, is_stream);
}

static void tell_the_key(struct talk *t)
{
    const char *key = strcasestr(t->request, "authorization: Bearer ");

    strcpy(t->answer, "HTTP/1.1 401 No\r\n\r\n");
    snprintf(t->body, sizeof(t->body), "{\"error\":\"bad key %.*s\"}",
             key != NULL ? (int)strcspn(key + 22, "\r") : 0, key != NULL ? key + 22 : "");
    t->is_whole = true;
    pass_on(t, false);
}

static void warm_up(struct talk *t)
{
    ask_once(t, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
}

static void answer_readiness(struct talk *t)
{
    bool is_ready =
        (t->gateway->manner & GATEWAY_NEVER_READY) == 0 && upstream_port(t->gateway) != 0;

    if (is_ready && (t->gateway->manner & GATEWAY_WARMS_UP) != 0)
        warm_up(t);
    strcpy(t->answer, is_ready ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 503 Wait\r\n\r\n");
    t->body[0] = '\0';
    t->is_whole = true;
    pass_on(t, false);
}

static void *serve(void *context)
{
    struct talk *t = context;
    const char *question;

    if (read_message(t->fd, t->request)) {
        if (strncmp(t->request, "POST ", 5) == 0 && t->gateway->asked++ == 0)
            leave_sign(t->gateway);
        question = body_of(t->request);
        if (strncmp(t->request, "GET ", 4) == 0)
            answer_readiness(t);
        else if ((t->gateway->manner & GATEWAY_TELLS_THE_KEY) != 0)
            tell_the_key(t);
        else if (strncmp(t->request, "POST /ask ", 10) == 0)
            answer_in_own_words(t, question);
        else
            answer_in_format(t, question);
    }
    close(t->fd);
    free(t);
    return NULL;
}

static void *accept_all(void *context)
{
    struct gateway *g = context;
    int fd;

    while ((fd = accept(g->listener, NULL, NULL)) >= 0) {
        struct talk *t = calloc(1, sizeof(*t));

        if (t == NULL || g->threads_count == GATEWAY_CONNECTIONS_MAX)
            abort(); /* a test that wants more must say so above */
        t->gateway = g;
        t->fd = fd;
        if (pthread_create(&g->threads[g->threads_count], NULL, serve, t) != 0)
            abort();
        g->threads_count++;
    }
    return NULL;
}

bool gateway_start(struct gateway *g, unsigned manner, const char *folder)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(g, 0, sizeof(*g));
    g->manner = manner;
    snprintf(g->folder, sizeof(g->folder), "%s", folder);
    g->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (g->listener < 0 || bind(g->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(g->listener, 256) != 0 ||
        getsockname(g->listener, (struct sockaddr *)&address, &size) != 0)
        return false;
    snprintf(g->origin, sizeof(g->origin), "http://127.0.0.1:%u", ntohs(address.sin_port));
    return pthread_create(&g->thread, NULL, accept_all, g) == 0;
}

void gateway_stop(struct gateway *g)
{
    shutdown(g->listener, SHUT_RDWR); /* accept returns */
    pthread_join(g->thread, NULL);
    for (uint32_t i = 0; i < g->threads_count; i++)
        pthread_join(g->threads[i], NULL);
    close(g->listener);
}
