#ifndef JUDGE_JOURNAL_CALLS_STATE_H
#define JUDGE_JOURNAL_CALLS_STATE_H

/* What journal_calls.c gathers and groups, and journal_calls_case.c tells of. Private to them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "judge/accounts.h"
#include "judge/chain.h"
#include "judge/journal_calls.h"

/* What is kept of a record: all but its plan, whose text is then empty. */
enum {
    RECORD_ALIGN = _Alignof(struct journal_record),
    RECORD_BYTES =
        offsetof(struct journal_record, plan) / RECORD_ALIGN * RECORD_ALIGN + RECORD_ALIGN
};

enum entry_kind {
    ENTRY_NAMED,   /* of a call that its sender named */
    ENTRY_CHAINED, /* ... of whose question alone is known */
    ENTRY_OTHER,   /* of no call */
};

/* One request, and what sorts it to its call. */
struct entry {
    enum entry_kind kind;
    uint32_t place; /* of its record; NO_RECORD: it only helps to tell others apart */
    uint64_t owner; /* hash of the call's name, or of its question; each with the isolation path */
    uint64_t number;
    uint32_t attempt;           /* from 1, once settled */
    struct chain_request chain; /* with the same owner and `first`: the same call */
};

enum { NO_RECORD = UINT32_MAX };

struct group {
    uint32_t first; /* of entries, and of seen */
    uint32_t count;
    uint64_t number; /* of its first request */
};

/* What an application's own log tells; each table has its own room. */
struct logged {
    struct app_log_entry *entries;
    uint32_t entries_count, entries_room;
    bool has_tokens, has_costs; /* of any line: so it is a log that tells them */
    bool has_good;              /* ... of a call that went well: so it can tell of answers */
    uint32_t fields;            /* of any line: app_log_entry's */
};

/* Every table has room for as many as `room`, so that settling needs none and cannot fail. */
struct journal_calls {
    const struct scenario *scenario;
    const struct memory *memory;
    uint32_t room;
    struct entry *entries;
    uint32_t entries_count;
    char *records; /* RECORD_BYTES each */
    uint32_t records_count;
    struct chain_request *chain; /* of one question, while it is cut */
    struct request_seen *seen;   /* once settled: beside the entries, for the laws */
    struct group *groups;
    uint32_t groups_count;
    struct account_call *accounts; /* by group */
    struct account_name *requests, *names;
    struct logged logged;
    struct accounts joined;
    uint32_t others_first; /* entries behind those of the groups, once settled */
    uint64_t strangers, unknown_paths;
    bool is_settled;
};

/* The record at a place: its plan is empty, and nothing stands behind it. */
struct journal_record *journal_calls_record(const struct journal_calls *c, uint32_t place);

/* How an exchange ended as far as the mock can see: of a client that left nobody knows why. */
enum outcome journal_calls_outcome(const struct journal_record *record);

#endif
