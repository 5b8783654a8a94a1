#ifndef JUDGE_ACCOUNTS_H
#define JUDGE_ACCOUNTS_H

/* Which line of an application's own log tells of which call of it.
 *
 *   1. by name      the response's id, the request's id, or the call's own name: sure
 *   2. in order     what is left, where as many lines are left as calls, no two of these calls were
 *                   open at once, and good and bad follow each other alike: sure enough
 *   3. by failure   else the lines that tell of an error and name nothing (there is no response
 *                   whose id they could tell) against as many calls that ended badly: then only
 *                   that is believed
 *
 * What is left after that are strangers: lines of ours that belong to no call. A line that names a
 * request which another line named before is a second one of the same call.
 *
 * Pure; allocates nothing; n log n. */

#include <stdbool.h>
#include <stdint.h>

#include "judge/app_log.h"

/* A name that a line may tell, and the call behind it. */
struct account_name {
    uint64_t key;   /* the number of a request, or account_key of a call's name */
    uint32_t call;  /* its place in the list below */
    bool was_named; /* by a line; the list's own */
};

uint64_t account_key(struct slice call);

enum account_kind {
    ACCOUNT_NONE,
    ACCOUNT_LINE,    /* all that the line says is this call's */
    ACCOUNT_FAILURE, /* only that it failed */
};

struct account_call {
    nanos begun_at, over_at;
    bool is_ok;
    enum account_kind account; /* out, */
    uint32_t entry;            /* and its line, */
    bool is_doubled;           /* and there is a second one of it */
};

struct accounts {
    struct account_call *calls; /* in the order of `begun_at` */
    uint32_t calls_count;
    struct account_name *requests, *names; /* each list may be empty; both are sorted */
    uint32_t requests_count, names_count;
    const struct app_log_entry *entries;
    uint32_t entries_count;
    uint64_t lines, malformed, strangers, leaking; /* out, of entries: of ours, ... */
};

void accounts_join(struct accounts *accounts);

#endif
