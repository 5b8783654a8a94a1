#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "os/clock.h"
#include "os/process_sample.h"

enum { WORDS_BYTES_MAX = 200, HEADERS_BYTES_MAX = 1 << 16, CONNECT_MS = 1000, ANSWER_MS = 2000 };

static const nanos END_PATIENCE = 5 * NANOS_S;
static const nanos READY_POLL = 50 * NANOS_MS;

/* --- its last words --------------------------------------------------------------------------- */

/* The end of its log on one line; empty when it said nothing. */
static void read_last_words(const struct service *s, char words[WORDS_BYTES_MAX])
{
    int fd = open(s->log, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    off_t from = end > WORDS_BYTES_MAX - 1 ? end - (WORDS_BYTES_MAX - 1) : 0;
    ssize_t size = fd >= 0 ? pread(fd, words, WORDS_BYTES_MAX - 1, from) : 0;

    if (fd >= 0)
        close(fd);
    words[size > 0 ? size : 0] = '\0';
    for (char *at = words; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
}

static enum rc add_last_words(const struct service *s, struct error *err)
{
    struct error bare = *err;
    char words[WORDS_BYTES_MAX];
    struct slice said;

    read_last_words(s, words);
    said = slice_trim(slice_of(words));
    if (said.size == 0)
        return error_set(err, bare.rc, "%.300s; it said nothing", bare.text);
    return error_set(err, bare.rc, "%.240s; it said last: %.*s", bare.text, SLICE_ARG(said));
}

/* --- where it is, and what it is sent --------------------------------------------------------- */

static enum rc take_urls(struct service *s, struct error *err)
{
    const struct service_rules *rules = &s->scenario->subject_rules.service;

    for (uint32_t i = 0; i < rules->urls_count; i++) {
        if (!slice_copy(rules->urls[i], s->urls[i], sizeof(s->urls[i])))
            return error_set(err, RC_LIMIT, "subject.service: a URL is too long");
        s->origins[i] = s->urls[i];
    }
    return RC_OK;
}

static enum rc fill_headers(struct service *s, const struct surroundings_options *options,
                            struct buffer *lines, struct error *err)
{
    const struct service_rules *rules = &s->scenario->subject_rules.service;
    struct slice value;

    for (uint32_t i = 0; i < rules->headers_count; i++) {
        TRY(surroundings_fill(&s->surroundings, options, rules->headers[i].value, &value, err));
        buffer_append(lines, rules->headers[i].name);
        buffer_append(lines, SLICE(": "));
        buffer_append(lines, value);
        buffer_append(lines, SLICE("\r\n"));
    }
    if (lines->rc == RC_OK && lines->size > 0)
        s->headers = arena_copy(&s->surroundings.arena, buffer_slice(lines));
    if (lines->rc != RC_OK || (lines->size > 0 && s->headers.data == NULL))
        return error_set(err, RC_NOMEM, "subject.send.headers: %s", rc_text(RC_NOMEM));
    return RC_OK;
}

static enum rc take_headers(struct service *s, const struct surroundings_options *options,
                            struct error *err)
{
    struct buffer lines;
    enum rc rc;

    buffer_init(&lines, memory_heap(), HEADERS_BYTES_MAX);
    rc = fill_headers(s, options, &lines, err);
    buffer_deinit(&lines);
    return rc;
}

/* --- start ------------------------------------------------------------------------------------ */

static enum rc fill_arguments(struct service *s, const struct surroundings_options *options,
                              char *arguments[SUBJECT_ARGUMENTS_MAX + 1], struct error *err)
{
    const struct service_rules *rules = &s->scenario->subject_rules.service;

    for (uint32_t i = 0; i < rules->start_count; i++) {
        struct slice text;

        TRY(surroundings_fill(&s->surroundings, options, rules->start[i], &text, err));
        arguments[i] = arena_take(&s->surroundings.arena, text.size + 1, 1);
        if (arguments[i] == NULL)
            return error_set(err, RC_NOMEM, "subject.start: %s", rc_text(RC_NOMEM));
        slice_copy(text, arguments[i], text.size + 1);
    }
    arguments[rules->start_count] = NULL;
    return RC_OK;
}

static enum rc start_with(struct service *s, char *const *arguments, struct error *err)
{
    int log = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    struct child_options child = {.path = arguments[0],
                                  .arguments = arguments,
                                  .kept = -1,
                                  .environment = s->surroundings.environment,
                                  .is_searched = true,
                                  .has_family = true,
                                  .has_log = true,
                                  .log = log};
    enum rc rc;

    if (log < 0)
        return error_set(err, RC_SYSTEM, "%s: %s", s->log, strerror(errno));
    rc = child_start(&s->child, &child, err);
    close(log);
    s->is_started = rc == RC_OK;
    return rc == RC_OK ? RC_OK : error_wrap(err, "the service");
}

static enum rc start(struct service *s, const struct service_options *options,
                     const struct surroundings_options *around, struct error *err)
{
    char *arguments[SUBJECT_ARGUMENTS_MAX + 1];
    int size = snprintf(s->log, sizeof(s->log), "%s/service.log", options->folder);

    if (size < 0 || (size_t)size >= sizeof(s->log))
        return error_set(err, RC_LIMIT, "%s: the name is too long", options->folder);
    TRY(fill_arguments(s, around, arguments, err));
    return start_with(s, arguments, err);
}

/* --- until it is ready ------------------------------------------------------------------------ */

static size_t throw_away(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)context;
    return size * count;
}

/* Its status; 0: none, or it accepts and was not asked for more. False: it does not even accept. */
static bool ask(const char *origin, struct slice path, long *status)
{
    char url[BASE_URL_MAX + SERVICE_PATH_MAX + 1];
    CURL *easy = curl_easy_init();
    CURLcode code;

    *status = 0;
    if (easy == NULL)
        return false;
    snprintf(url, sizeof(url), "%s%.*s", origin, SLICE_ARG(path));
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, path.size == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, throw_away);
    code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(easy);
    return code == CURLE_OK;
}

static bool is_ready(const char *origin, struct slice path, long *status)
{
    return ask(origin, path, status) && (path.size == 0 || (*status >= 200 && *status < 300));
}

/* A while, or until it dies or somebody has had enough: true. */
static bool was_signalled_meanwhile(const struct service *s, int signals_fd)
{
    struct pollfd ends[] = {
        {.fd = signals_fd, .events = POLLIN},
        {.fd = s->is_started ? s->child.pid_fd : -1, .events = POLLIN},
    };

    poll(ends, ARRAY_SIZE(ends), (int)(READY_POLL / NANOS_MS));
    return ends[0].revents != 0;
}

static enum rc refuse_slow(struct service *s, const char *origin, long status, struct error *err)
{
    const struct service_rules *rules = &s->scenario->subject_rules.service;
    long within_ms = (long)(rules->ready_within / NANOS_MS);

    if (status != 0)
        error_set(err, RC_SYSTEM, "the service is not ready: %s%.*s answers %ld after %ld ms",
                  origin, SLICE_ARG(rules->ready), status, within_ms);
    else
        error_set(err, RC_SYSTEM, "the service is not ready: %s%.*s does not answer after %ld ms",
                  origin, SLICE_ARG(rules->ready), within_ms);
    return s->is_started ? add_last_words(s, err) : RC_SYSTEM;
}

static enum rc await(struct service *s, const char *origin, nanos until, int signals_fd,
                     struct error *err)
{
    const struct service_rules *rules = &s->scenario->subject_rules.service;
    long status;

    while (!is_ready(origin, rules->ready, &status)) {
        if (service_has_died(s, err))
            return RC_SYSTEM;
        if (!s->is_started && rules->ready.size == 0)
            return error_set(err, RC_SYSTEM, "no service accepts connections at %s", origin);
        if (clock_monotonic() >= until)
            return refuse_slow(s, origin, status, err);
        if (was_signalled_meanwhile(s, signals_fd))
            return error_set(err, RC_SYSTEM, "interrupted before the service was ready");
    }
    return RC_OK;
}

static enum rc await_all(struct service *s, int signals_fd, struct error *err)
{
    const struct service_rules *rules = &s->scenario->subject_rules.service;
    nanos until = nanos_add(clock_monotonic(), rules->ready_within);

    for (uint32_t i = 0; i < rules->urls_count; i++)
        TRY(await(s, s->origins[i], until, signals_fd, err));
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc open_all(struct service *s, const struct service_options *options, struct error *err)
{
    struct surroundings_options around = {.scenario = options->scenario,
                                          .mock = options->mock,
                                          .scenario_file = options->scenario_file,
                                          .inherited = (const char *const *)environ};

    TRY(take_urls(s, err));
    TRY(surroundings_make(&s->surroundings, &around, err));
    TRY(take_headers(s, &around, err));
    if (options->scenario->subject_rules.service.start_count > 0)
        TRY(start(s, options, &around, err));
    return await_all(s, options->signals_fd, err);
}

enum rc service_open(struct service *s, const struct service_options *options, struct error *err)
{
    enum rc rc;

    *s = (struct service){.scenario = options->scenario};
    rc = open_all(s, options, err);
    if (rc != RC_OK)
        service_close(s);
    return rc;
}

bool service_has_died(struct service *s, struct error *how)
{
    if (!s->is_started || !child_wait(&s->child, 0))
        return false;
    if (s->child.exit_code > 128)
        error_set(how, RC_SYSTEM, "the service was ended by signal %d", s->child.exit_code - 128);
    else
        error_set(how, RC_SYSTEM, "the service ended by itself, with exit code %d",
                  s->child.exit_code);
    add_last_words(s, how);
    return true;
}

bool service_sample(const struct service *s, nanos at, struct sample_record *record)
{
    struct process_sample sample;

    if (!s->is_started || !process_sample_of(s->child.pid, &sample))
        return false;
    *record = (struct sample_record){.at = at,
                                     .rss_bytes = sample.rss_bytes,
                                     .descriptors = sample.descriptors,
                                     .threads = sample.threads};
    return true;
}

void service_close(struct service *s)
{
    if (s->is_started)
        child_end(&s->child, END_PATIENCE);
    if (s->is_started)
        child_close(&s->child);
    surroundings_deinit(&s->surroundings);
    *s = (struct service){0};
}
