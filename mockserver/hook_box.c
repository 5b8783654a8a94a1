#include "hook_box.h"

#include <string.h>

#include "secrets.h"
#include "wire/json.h"

/* Escapes may make six bytes of one, in headers as in a body. */
enum { POST_BYTES_MAX = 6 * (HTTP1_HEAD_BYTES_MAX + HOOK_BODY_BYTES_MAX) };

/* --- one post --------------------------------------------------------------------------------- */

/* "/slack?x" is slack's. */
static struct slice hook_of(struct slice path)
{
    struct slice before, query, word;

    secrets_split_path(path, &before, &query);
    if (slice_starts_with(before, SLICE("/")))
        before = (struct slice){before.data + 1, before.size - 1};
    return slice_cut(&before, '/', &word) ? word : SLICE("");
}

static bool is_json(struct slice text)
{
    struct json json;
    struct json_token token;
    enum rc rc;

    json_init(&json, text, JSON_STRICT);
    do
        rc = json_next(&json, &token);
    while (rc == RC_OK);
    return rc == RC_END;
}

static bool was_named_before(const struct http_request *http, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (slice_is_nocase(http->headers[i].name, http->headers[index].name))
            return true;
    return false;
}

/* Names in small letters; values of one name in one text, as HTTP means them. */
static void write_header(const struct http_request *http, uint32_t index, struct buffer *scratch,
                         struct buffer *out)
{
    struct slice name = http->headers[index].name;
    bool is_first = true;

    buffer_clear(scratch);
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        buffer_byte(scratch, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    json_write_text(out, buffer_slice(scratch));
    buffer_byte(out, ':');
    buffer_clear(scratch);
    for (uint32_t i = index; i < http->headers_count; i++) {
        if (!slice_is_nocase(http->headers[i].name, name))
            continue;
        buffer_text(scratch, is_first ? "" : ", ");
        secrets_write_header(name, http->headers[i].value, scratch);
        is_first = false;
    }
    json_write_text(out, buffer_slice(scratch));
}

static void write_headers(const struct http_request *http, struct buffer *scratch,
                          struct buffer *out)
{
    bool is_first = true;

    buffer_text(out, ",\"headers\":{");
    for (uint32_t i = 0; i < http->headers_count; i++) {
        if (was_named_before(http, i))
            continue;
        buffer_text(out, is_first ? "" : ",");
        write_header(http, i, scratch, out);
        is_first = false;
    }
    buffer_byte(out, '}');
}

/* JSON as it came, anything else as a text. */
static void write_body(struct slice body, struct buffer *out)
{
    struct slice kept = body;

    if (kept.size > HOOK_BODY_BYTES_MAX)
        kept.size = HOOK_BODY_BYTES_MAX;
    buffer_printf(out, ",\"body_bytes\":%zu,\"body\":", body.size);
    if (kept.size == body.size && is_json(body))
        buffer_append(out, body);
    else
        json_write_text(out, kept);
}

static void write_post(const struct http_request *http, struct hook_post *post,
                       struct buffer *scratch, struct buffer *out)
{
    buffer_printf(out, "\"number\":%llu,\"at\":%lld,\"hook\":", (unsigned long long)post->number,
                  (long long)post->at);
    json_write_text(out, slice_of(post->hook));
    buffer_text(out, ",\"method\":");
    json_write_text(out, http->method);
    buffer_text(out, ",\"path\":");
    buffer_clear(scratch);
    secrets_write_path(http->path, scratch);
    json_write_text(out, buffer_slice(scratch));
    write_headers(http, scratch, out);
    write_body(http->body, out);
}

/* --- the box ---------------------------------------------------------------------------------- */

static struct hook_post *post_at(struct hook_box *box, uint64_t k)
{
    return &box->posts[k % HOOK_BOX_POSTS_MAX];
}

static void drop_oldest(struct hook_box *box)
{
    struct hook_post *post = post_at(box, box->first++);

    box->bytes -= post->json_bytes;
    memory_release(box->memory, post->json);
    *post = (struct hook_post){0};
}

static void take(struct hook_box *box, const struct hook_post *post)
{
    if (box->end - box->first == HOOK_BOX_POSTS_MAX)
        drop_oldest(box);
    *post_at(box, box->end++) = *post;
    box->bytes += post->json_bytes;
    while (box->bytes > HOOK_BOX_BYTES_MAX)
        drop_oldest(box);
}

void hook_box_keep(struct hook_box *box, uint64_t number, nanos at, const struct http_request *http)
{
    struct hook_post post = {.number = number, .at = at};
    struct buffer scratch, text;

    slice_copy(hook_of(http->path), post.hook, sizeof(post.hook));
    buffer_init(&scratch, box->memory, HTTP1_HEAD_BYTES_MAX + 1024);
    buffer_init(&text, box->memory, POST_BYTES_MAX);
    write_post(http, &post, &scratch, &text);
    if (text.rc == RC_OK && scratch.rc == RC_OK) {
        post.json = text.data; /* taken over */
        post.json_bytes = text.size;
        take(box, &post);
    } else {
        box->lost++;
        buffer_deinit(&text);
    }
    buffer_deinit(&scratch);
}

void hook_box_write(const struct hook_box *box, struct slice hook, struct buffer *out)
{
    bool is_first = true;

    buffer_text(out, "{\"posts\":[");
    for (uint64_t k = box->first; k < box->end; k++) {
        const struct hook_post *post = &box->posts[k % HOOK_BOX_POSTS_MAX];

        if (hook.size > 0 && !slice_is(slice_of(post->hook), hook))
            continue;
        buffer_text(out, is_first ? "\n{" : ",\n{");
        buffer_append(out, (struct slice){post->json, post->json_bytes});
        buffer_byte(out, '}');
        is_first = false;
    }
    buffer_printf(out, "],\"kept\":%llu,\"lost\":%llu}\n",
                  (unsigned long long)(box->end - box->first), (unsigned long long)box->lost);
}

void hook_box_reset(struct hook_box *box)
{
    while (box->first < box->end)
        drop_oldest(box);
    box->lost = 0;
}

void hook_box_deinit(struct hook_box *box)
{
    if (box->memory != NULL)
        hook_box_reset(box);
}
