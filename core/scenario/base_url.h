#ifndef SCENARIO_BASE_URL_H
#define SCENARIO_BASE_URL_H

/* Where a provider's API is: "https://api.anthropic.com", "http://127.0.0.1:8080/prefix".
 *
 * SDKs disagree on whether the version belongs to it: OpenAI's take "https://api.openai.com/v1",
 * Anthropic's "https://api.anthropic.com". Both forms are read for all, and what comes out is
 * without "/v1" (Gemini's: "/v1beta") and without a slash at its end: format_write_path
 * (wire/format.h) follows it.
 *
 * http or https, a host, a port or none, a path or none. User info, queries and fragments are
 * refused: people leave keys there. So no problem ever shows a part of what was read.
 *
 * Pure; allocates nothing. Slices borrow from `text`. */

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

enum { BASE_URL_MAX = 200 };

/* RC_MALFORMED or RC_LIMIT, and then in `problem` "found ..., expected ...". */
MUST_USE enum rc base_url_read(struct slice text, struct slice *base, const char **problem);

/* Is it this machine, by its own word: localhost, 127.x.x.x or [::1]? Names are not looked up.
 * `base` is one that base_url_read gave. */
bool base_url_is_loopback(struct slice base);

/* https? */
bool base_url_is_secure(struct slice base);

#endif
