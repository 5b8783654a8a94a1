#ifndef MOCKSERVER_HOOK_BOX_H
#define MOCKSERVER_HOOK_BOX_H

/* What was posted to the hooks listener, kept for whoever asks: the latest HOOK_BOX_POSTS_MAX of
 * them, or as many as fit into HOOK_BOX_BYTES_MAX, with headers (secrets masked) and body, cut to
 * HOOK_BODY_BYTES_MAX.
 *
 * Failure modes: a post for which there is no memory is counted and not kept. A zeroed box is empty
 * once it has its `memory`. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/nanos.h"
#include "base/slice.h"
#include "wire/http1.h"

enum { HOOK_BOX_POSTS_MAX = 256, HOOK_BODY_BYTES_MAX = 16 * 1024, HOOK_BOX_BYTES_MAX = 4 << 20 };

struct hook_post {
    uint64_t number; /* of its journal record */
    nanos at;
    char hook[16]; /* "slack": the first word of its path */
    char *json;    /* the members of one JSON object, without its braces */
    size_t json_bytes;
};

struct hook_box {
    const struct memory *memory;
    struct hook_post posts[HOOK_BOX_POSTS_MAX]; /* post k stands in posts[k % ...], */
    uint64_t first, end;                        /* for k in [first, end) */
    size_t bytes;                               /* of them */
    uint64_t lost;
};

void hook_box_deinit(struct hook_box *box);

void hook_box_keep(struct hook_box *box, uint64_t number, nanos at,
                   const struct http_request *http);

/* As {"posts":[...],"kept":N,"lost":N}, those of one hook (empty: all), oldest first. */
void hook_box_write(const struct hook_box *box, struct slice hook, struct buffer *out);

void hook_box_reset(struct hook_box *box);

#endif
