#include "scenario/base_url.h"

#include <assert.h>
#include <string.h>

static struct slice without_front(struct slice text, size_t size)
{
    assert(size <= text.size);
    return (struct slice){text.data + size, text.size - size};
}

static bool has_byte(struct slice text, char byte)
{
    return text.size > 0 && memchr(text.data, byte, text.size) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Takes the scheme off; false when it is neither. */
static bool take_scheme(struct slice *text)
{
    static const struct slice schemes[] = {{"https://", 8}, {"http://", 7}};

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (!slice_starts_with(*text, schemes[i]))
            continue;
        *text = without_front(*text, schemes[i].size);
        return true;
    }
    return false;
}

/* What stands before the first slash: host, and ":port" if there is one. */
static struct slice take_authority(struct slice *text)
{
    size_t size = 0;
    struct slice authority;

    while (size < text->size && text->data[size] != '/')
        size++;
    authority = (struct slice){text->data, size};
    *text = without_front(*text, size);
    return authority;
}

/* "[::1]" whole, else up to the colon. */
static struct slice take_host(struct slice *authority)
{
    bool is_bracketed = slice_starts_with(*authority, SLICE("["));
    size_t size = 0;
    struct slice host;

    while (size < authority->size && authority->data[size] != (is_bracketed ? ']' : ':'))
        size++;
    if (is_bracketed && size < authority->size)
        size++;
    host = (struct slice){authority->data, size};
    *authority = without_front(*authority, size);
    return host;
}

static bool is_address_byte(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

static bool is_bracketed_address(struct slice host)
{
    if (host.size < 4 || host.data[host.size - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < host.size; i++) {
        if (!is_address_byte(host.data[i]))
            return false;
    }
    return true;
}

static bool is_host(struct slice host)
{
    if (slice_starts_with(host, SLICE("[")))
        return is_bracketed_address(host);
    for (size_t i = 0; i < host.size; i++) {
        if (!is_letter(host.data[i]) && !is_digit(host.data[i]) && host.data[i] != '.' &&
            host.data[i] != '-')
            return false;
    }
    return host.size > 0;
}

/* Nothing, or ":8080". */
static bool is_port(struct slice text)
{
    uint64_t port;

    if (text.size == 0)
        return true;
    return text.data[0] == ':' && slice_u64(without_front(text, 1), &port) && port >= 1 &&
           port <= 65535;
}

static bool is_path(struct slice path)
{
    static const char others[] = "/-._~%!$&'()*+,;=:@";

    for (size_t i = 0; i < path.size; i++) {
        char c = path.data[i];

        if (!is_letter(c) && !is_digit(c) && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return true;
}

static struct slice without_slashes(struct slice text)
{
    while (text.size > 0 && text.data[text.size - 1] == '/')
        text.size--;
    return text;
}

/* Of the path alone: a host may be called v1. */
static struct slice without_version(struct slice text)
{
    static const struct slice versions[] = {{"/v1", 3}, {"/v1beta", 7}};
    struct slice rest = text;
    struct slice path;

    (void)take_scheme(&rest);
    (void)take_authority(&rest);
    path = without_slashes(rest);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        if (path.size < versions[i].size ||
            !slice_is(without_front(path, path.size - versions[i].size), versions[i]))
            continue;
        path.size -= versions[i].size;
        break;
    }
    path = without_slashes(path);
    text.size -= rest.size - path.size;
    return text;
}

static const char *find_problem(struct slice text)
{
    struct slice authority, host;

    if (!take_scheme(&text))
        return "found no http:// or https:// at the front of the base URL, expected one";
    if (has_byte(text, '?') || has_byte(text, '#'))
        return "found a base URL with a query or a fragment, expected it without: keys come from "
               "the environment only";
    authority = take_authority(&text);
    if (has_byte(authority, '@'))
        return "found a base URL with user info, expected it without: keys come from the "
               "environment only";
    host = take_host(&authority);
    if (!is_host(host))
        return "found no host in the base URL, expected one such as api.openai.com, 127.0.0.1 or "
               "[::1]";
    if (!is_port(authority))
        return "found a base URL whose port is no number from 1 to 65535, expected one that is";
    if (!is_path(text))
        return "found a byte in the base URL's path that no URL has, expected it as %XX";
    return NULL;
}

enum rc base_url_read(struct slice text, struct slice *base, const char **problem)
{
    if (text.size > BASE_URL_MAX) {
        *problem = "found a base URL of more than 200 bytes, expected a shorter one";
        return RC_LIMIT;
    }
    *problem = find_problem(text);
    if (*problem != NULL)
        return RC_MALFORMED;
    *base = without_version(text);
    return RC_OK;
}

/* 127.0.0.1, but not 127.0.0.1.example.org. */
static bool is_loopback_address(struct slice host)
{
    struct slice part;
    uint64_t number;
    int count = 0;

    if (!slice_starts_with(host, SLICE("127.")) || host.data[host.size - 1] == '.')
        return false;
    for (; slice_cut(&host, '.', &part); count++) {
        if (!slice_u64(part, &number) || number > 255)
            return false;
    }
    return count == 4;
}

bool base_url_is_loopback(struct slice base)
{
    struct slice host;

    if (!take_scheme(&base))
        return false;
    base = take_authority(&base);
    host = take_host(&base);
    return slice_is_nocase(host, SLICE("localhost")) || slice_is(host, SLICE("[::1]")) ||
           is_loopback_address(host);
}

bool base_url_is_secure(struct slice base)
{
    return slice_starts_with(base, SLICE("https://"));
}
