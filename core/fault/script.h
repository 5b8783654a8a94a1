#ifndef FAULT_SCRIPT_H
#define FAULT_SCRIPT_H

/* A scripted answer: what is said to requests that match, in place of numbered words. The first
 * script that matches is taken. Plain values; texts live as long as the scenario. Text and tool
 * input are counted at four bytes a token, at least one each. */

#include "base/slice.h"
#include "base/stop.h"
#include "fault/match.h"

enum { SCRIPTS_MAX = 32 };

struct script {
    char name[48];
    struct match match;
    struct slice text;       /* empty: numbered words, as asked */
    struct slice tool_name;  /* empty: calls no tool; else it follows the text, */
    struct slice tool_input; /* with this JSON object */
    bool has_stop;
    enum stop stop; /* TOOL when there is a tool and nothing else is said */
    bool has_thinking_tokens, has_cached_tokens, has_cache_write_tokens;
    uint64_t thinking_tokens;
    uint64_t cached_tokens; /* of the input: read from, and written to a cache, whatever was sent */
    uint64_t cache_write_tokens;
};

#endif
