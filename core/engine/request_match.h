#ifndef ENGINE_REQUEST_MATCH_H
#define ENGINE_REQUEST_MATCH_H

/* The part of a match that needs the bytes of a request: headers, members of its body, its path
 * (fault/match.h). Each JSON pointer is looked up by one walk over the body; a body that is no JSON
 * has no members. Pure. */

#include <stdbool.h>

#include "fault/match.h"
#include "wire/http1.h"

/* `http->path` without isolation prefix; its query does not count. */
bool request_matches(const struct match *match, const struct http_request *http);

/* Does the match look at bytes at all? Then requests may not travel as values (engine/told.h). */
bool request_match_needs_bytes(const struct match *match);

/* RFC 6901 over a JSON text: the value as written (a text without its quotes, escapes and all, and
 * is_text set). False: not there. */
bool json_pointer_find(struct slice json, struct slice pointer, struct slice *value, bool *is_text);

#endif
