#ifndef WIRE_OPENAI_WORDS_H
#define WIRE_OPENAI_WORDS_H

/* What both of OpenAI's formats say alike when they refuse: wire-facts.md §3.4. Private to them. */

#include <stdbool.h>

#include "base/buffer.h"
#include "wire/format.h"
#include "wire/format_table.h"
#include "wire/wording.h"

extern const struct wording openai_wording[];
extern const struct wording openai_limit_wording[];
extern const struct wording openai_hopeless_wording[];

/* An error body. */
void openai_write_refusal(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out);

/* True; `param` and `code` beside the message. */
bool openai_says(struct objection *objection, const char *param, const char *code);

/* To an output's limit that is no whole number, or below 1, which the API calls by that name. */
bool openai_objects_to_limit(const struct asked *asked, const char *name,
                             struct objection *objection);

#define OPENAI_ANSWER_HEADERS "openai-organization: org-brownout\r\nopenai-version: 2020-10-01\r\n"

#define OPENAI_KEY_WORDS                                                                        \
    {                                                                                           \
        401, 401,                                                                               \
            "You didn't provide an API key. You need to provide your API key in an "            \
            "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or " \
            "as the password field (with blank username) if you're accessing the API from "     \
            "your browser and are prompted for a username and password.",                       \
            "Incorrect API key provided: ", "invalid_api_key"                                   \
    }
#define OPENAI_NOT_JSON                                                                       \
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't "  \
    "using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was " \
    "sent was not valid JSON.)"

#endif
