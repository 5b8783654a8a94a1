#ifndef FAULT_MATCH_H
#define FAULT_MATCH_H

/* Which requests a rule or a scripted answer means. All that is given must hold. What only the
 * bytes of a request can tell (headers, members of its body, its path) is decided by the engine
 * that has them (engine/request_match.h) and told in `attempt_facts`. */

#include <stdbool.h>
#include <stdint.h>

#include "base/pattern.h"
#include "base/slice.h"

enum { MATCH_CONDITIONS_MAX = 6 };

enum condition_kind {
    CONDITION_HEADER, /* any header of that name */
    CONDITION_BODY,   /* the value at a JSON pointer (RFC 6901); texts decoded, others as written */
    CONDITION_PATH,   /* the path, without isolation prefix and query */
};

struct condition {
    enum condition_kind kind;
    struct slice name;       /* of the header, or the pointer */
    struct pattern *pattern; /* NULL: it must be there, whatever it is */
    bool is_absent;          /* it must not be there, or not be like that */
};

struct match {
    char provider[32]; /* empty: any; "hooks": posts to hooks, whose name `model` is then */
    char model[64];    /* glob; empty: any */
    bool has_stream, stream;
    uint64_t input_tokens_min; /* 0: any */
    uint64_t input_tokens_max; /* UINT64_MAX: any */
    char isolation[48];        /* glob over /t/NAME; empty: any */
    struct condition conditions[MATCH_CONDITIONS_MAX];
    uint32_t conditions_count;
};

#endif
