#include "hook_sender.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buffer.h"
#include "base/version.h"
#include "os/clock.h"
#include "wire/answer_head.h"

enum {
    LINES_MAX = 8, /* the first is our own */
    HEADERS_BYTES_MAX = 1024,
    URL_BYTES_MAX = 4096,
    ANSWER_BYTES_MAX = 65536,
    EXTRA_MAX = 16,
};

/* One hook kind's easy handle, and what became of its post. */
struct post {
    enum hook_kind hook;
    CURL *easy;
    struct buffer url;     /* zero-terminated */
    struct buffer headers; /* zero-terminated lines */
    struct curl_slist lines[LINES_MAX];
    struct answer_head head;
    size_t answer_bytes;
    bool is_under_way; /* in the multi handle */
    bool was_sent;
    bool has_head;
};

struct hook_sender {
    struct hook_sender_options options;
    CURLM *multi;
    struct post posts[HOOK_KINDS_COUNT];
};

/* --- libcurl's callbacks ---------------------------------------------------------------------- */

/* libcurl would silently send again on a connection that died: see transfer.h. */
static int about_to_send(void *context, char *there, char *here, int there_port, int here_port)
{
    struct post *post = context;

    (void)there, (void)here, (void)there_port, (void)here_port;
    if (post->was_sent)
        return CURL_PREREQFUNC_ABORT;
    post->was_sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct post *post = context;
    struct slice line = {data, size * count};

    if (post->has_head)
        return line.size; /* a trailer */
    if (slice_trim(line).size > 0)
        answer_head_line(&post->head, line);
    else
        post->has_head = post->head.status >= 200; /* below: the real one follows */
    return line.size;
}

/* Refusing more ends the transfer; the head said what matters. */
static size_t drop_body(char *data, size_t size, size_t count, void *context)
{
    struct post *post = context;

    (void)data;
    post->answer_bytes += size * count;
    return post->answer_bytes <= ANSWER_BYTES_MAX ? size * count : 0;
}

/* --- one post --------------------------------------------------------------------------------- */

static enum rc link_lines(struct post *post, struct slice headers)
{
    struct curl_slist *last = &post->lines[0];
    struct slice rest, line;

    buffer_clear(&post->headers);
    while (slice_cut(&headers, '\n', &line)) {
        buffer_append(&post->headers, slice_trim(line));
        buffer_byte(&post->headers, '\0');
    }
    rest = buffer_slice(&post->headers);
    while (slice_cut(&rest, '\0', &line)) {
        if (last == &post->lines[LINES_MAX - 1])
            return RC_LIMIT;
        last->next = last + 1;
        last++;
        last->data = (char *)(uintptr_t)line.data;
    }
    last->next = NULL;
    return post->headers.rc;
}

static void tell_failed(struct hook_sender *s, enum hook_kind hook, nanos now)
{
    monitor_step(s->options.monitor,
                 &(struct monitor_event){.kind = MONITOR_FAILED, .at = now, .hook = hook});
}

static void start(struct hook_sender *s, const struct monitor_effect *effect, nanos now)
{
    struct post *post = &s->posts[effect->hook];

    assert(!post->is_under_way);
    answer_head_clear(&post->head);
    post->answer_bytes = 0;
    post->was_sent = false;
    post->has_head = false;
    if (link_lines(post, effect->headers) != RC_OK ||
        curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)effect->body.size) !=
            CURLE_OK ||
        curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, effect->body.data) != CURLE_OK ||
        curl_multi_add_handle(s->multi, post->easy) != CURLM_OK) {
        tell_failed(s, post->hook, now);
        return;
    }
    post->is_under_way = true;
}

static void drop(struct hook_sender *s, struct post *post)
{
    if (!post->is_under_way)
        return;
    curl_multi_remove_handle(s->multi, post->easy);
    post->is_under_way = false;
}

static void tell_end(struct hook_sender *s, const struct post *post, nanos now)
{
    if (!post->has_head) {
        tell_failed(s, post->hook, now);
        return;
    }
    monitor_step(s->options.monitor,
                 &(struct monitor_event){
                     .kind = MONITOR_ANSWERED,
                     .at = now,
                     .hook = post->hook,
                     .status = post->head.status,
                     .advice_wait = answer_head_advice(&post->head, clock_wall_unix_ns()).wait,
                 });
}

/* --- a turn ----------------------------------------------------------------------------------- */

static void apply_effects(struct hook_sender *s, nanos now)
{
    struct monitor_effect effect;

    while (monitor_next(s->options.monitor, &effect)) {
        switch (effect.kind) {
        case MONITOR_POST:
            start(s, &effect, now);
            break;
        case MONITOR_CANCEL:
            drop(s, &s->posts[effect.hook]);
            break;
        case MONITOR_SETTLED:
            s->options.on_settled(s->options.context, effect.record);
            break;
        }
    }
}

/* Returns whether any had ended. */
static bool tell_ends(struct hook_sender *s, nanos now)
{
    CURLMsg *message;
    int left;
    bool has_ended = false;

    while ((message = curl_multi_info_read(s->multi, &left)) != NULL) {
        struct post *post = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&post);
        drop(s, post);
        tell_end(s, post, now);
        has_ended = true;
    }
    return has_ended;
}

/* Each round but the last ends a post, so there are no more than alerts queued. */
void hook_sender_turn(struct hook_sender *s, nanos now)
{
    int running;

    if (monitor_wakes_at(s->options.monitor) <= now)
        monitor_step(s->options.monitor, &(struct monitor_event){.kind = MONITOR_WAKE, .at = now});
    do {
        apply_effects(s, now);
        curl_multi_perform(s->multi, &running);
    } while (tell_ends(s, now));
}

/* --- sleeping --------------------------------------------------------------------------------- */

/* Whole milliseconds, rounded up: waking early would be a turn for nothing. */
static int milliseconds(nanos span)
{
    nanos whole = span <= 0 ? 0 : (span - 1) / NANOS_MS + 1;

    return (int)nanos_min(whole, INT_MAX);
}

static nanos until_monitor_wakes(const struct hook_sender *s, nanos now)
{
    nanos at = monitor_wakes_at(s->options.monitor);

    return at == NANOS_NEVER ? NANOS_NEVER : at - now;
}

/* The bits have other values in libcurl's words. */
static const struct {
    short ours, curls;
} poll_bits[] = {
    {POLLIN, CURL_WAIT_POLLIN},
    {POLLPRI, CURL_WAIT_POLLPRI},
    {POLLOUT, CURL_WAIT_POLLOUT},
};

static struct curl_waitfd to_curl(const struct pollfd *fd)
{
    struct curl_waitfd wait = {.fd = fd->fd};

    for (size_t i = 0; i < ARRAY_SIZE(poll_bits); i++) {
        if (fd->events & poll_bits[i].ours)
            wait.events = (short)(wait.events | poll_bits[i].curls);
    }
    return wait;
}

static short from_curl(short revents)
{
    short ours = 0;

    for (size_t i = 0; i < ARRAY_SIZE(poll_bits); i++) {
        if (revents & poll_bits[i].curls)
            ours = (short)(ours | poll_bits[i].ours);
    }
    return ours;
}

void hook_sender_poll(struct hook_sender *s, struct pollfd *extra, size_t extra_count, nanos now,
                      nanos patience)
{
    struct curl_waitfd waits[EXTRA_MAX];
    struct pollfd *asked[EXTRA_MAX];
    unsigned count = 0;

    assert(extra_count <= EXTRA_MAX);
    for (size_t i = 0; i < extra_count; i++) {
        extra[i].revents = 0;
        if (extra[i].fd < 0)
            continue;
        asked[count] = &extra[i];
        waits[count++] = to_curl(&extra[i]);
    }
    patience = nanos_min(patience, until_monitor_wakes(s, now));
    curl_multi_poll(s->multi, waits, count, milliseconds(patience), NULL);
    for (unsigned i = 0; i < count; i++)
        asked[i]->revents = from_curl(waits[i].revents);
}

/* --- birth and death -------------------------------------------------------------------------- */

static bool set_constants(struct post *post)
{
    CURL *easy = post->easy;
    CURLcode bad = CURLE_OK;

#define SET(option, value) bad |= curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PRIVATE, post);
    SET(CURLOPT_URL, post->url.data);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_USERAGENT, "brownout/" BROWNOUT_VERSION);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)INT_MAX); /* the monitor owns every timeout */
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_PREREQFUNCTION, about_to_send);
    SET(CURLOPT_PREREQDATA, post);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, post);
    SET(CURLOPT_WRITEFUNCTION, drop_body);
    SET(CURLOPT_WRITEDATA, post);
    SET(CURLOPT_HTTPHEADER, post->lines); /* kept by address; its lines change */
#undef SET
    return bad == CURLE_OK;
}

static bool open_post(struct hook_sender *s, struct post *post, enum hook_kind hook)
{
    post->hook = hook;
    buffer_init(&post->url, s->options.memory, URL_BYTES_MAX);
    buffer_init(&post->headers, s->options.memory, HEADERS_BYTES_MAX);
    buffer_text(&post->url, s->options.origin);
    buffer_append(&post->url, hook_kind_path(hook));
    buffer_byte(&post->url, '\0');
    post->lines[0].data = (char *)"Expect:"; /* never wait for 100 Continue */
    post->easy = curl_easy_init();
    return post->url.rc == RC_OK && buffer_reserve(&post->headers, HEADERS_BYTES_MAX) != NULL &&
           post->easy != NULL && set_constants(post);
}

static bool open_all(struct hook_sender *s)
{
    s->multi = curl_multi_init();
    if (s->multi == NULL)
        return false;
    for (int hook = 0; hook < HOOK_KINDS_COUNT; hook++) {
        if (!open_post(s, &s->posts[hook], (enum hook_kind)hook))
            return false;
    }
    return true;
}

enum rc hook_sender_new(struct hook_sender **sender, const struct hook_sender_options *options,
                        struct error *err)
{
    struct hook_sender *s = memory_zeroed(options->memory, 1, sizeof(*s));

    if (s == NULL)
        return error_set(err, RC_NOMEM, "hook sender: out of memory");
    s->options = *options;
    if (!open_all(s)) {
        hook_sender_free(s);
        return error_set(err, RC_NOMEM, "hook sender: out of memory");
    }
    *sender = s;
    return RC_OK;
}

void hook_sender_free(struct hook_sender *s)
{
    if (s == NULL)
        return;
    for (int hook = 0; hook < HOOK_KINDS_COUNT; hook++) {
        struct post *post = &s->posts[hook];

        drop(s, post);
        if (post->easy != NULL)
            curl_easy_cleanup(post->easy);
        buffer_deinit(&post->url);
        buffer_deinit(&post->headers);
    }
    if (s->multi != NULL)
        curl_multi_cleanup(s->multi);
    memory_release(s->options.memory, s);
}
