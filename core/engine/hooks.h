#ifndef ENGINE_HOOKS_H
#define ENGINE_HOOKS_H

/* The receivers of alerts, as the mock plays them: a POST to /any, /slack or /discord is answered
 * at once, as that service would answer (monitor/alert.h knows how); anything else is not found.
 * Which alert it was is told by x-brownout-alert, or by the body where it tells it, and which try
 * by x-brownout-attempt.
 *
 * Pure; no failure modes. */

#include "judge/evidence.h"
#include "wire/http1.h"

struct hook_reply {
    uint16_t status;
    struct slice content_type; /* empty: without a body */
    struct slice body;         /* lives for ever */
};

/* Notes what is to be journalled of the post, and says what to answer. */
struct hook_reply hooks_receive(const struct http_request *http, struct journal_record *record);

#endif
