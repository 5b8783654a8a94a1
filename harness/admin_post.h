#ifndef HARNESS_ADMIN_POST_H
#define HARNESS_ADMIN_POST_H

/* One small JSON request to a mock's admin listener, and nothing else: it blocks, for at most ten
 * seconds. Failure modes: unreachable, or answered with anything but 2xx (RC_SYSTEM; the sentence
 * quotes the answer). libcurl must have been initialised. */

#include <stddef.h>

#include "base/error.h"

/* `url` is "http://127.0.0.1:8002/_brownout/start"; both are zero-terminated. */
MUST_USE enum rc admin_post(const char *url, const char *json, struct error *err);

/* Likewise, with an answer: into `text`, zero-terminated, cut to what `capacity` holds. */
MUST_USE enum rc admin_get(const char *url, char *text, size_t capacity, struct error *err);

#endif
