#ifndef JUDGE_APP_LOG_H
#define JUDGE_APP_LOG_H

/* The application's own log, line by line: what *it* says of its calls, so that its lines can be
 * judged too (`brownout exec --log FILE --map id=/response/id`).
 *
 *     app_log_read(&scenario->subject_rules.exec.log, line, &entry, err)
 *     journal_calls_add_log(calls, &entry)       joins it by response id, request id or name
 *
 * The guide's logger is the default: model, latency_ms, input_tokens, output_tokens, error,
 * stop_reason, and an id beside them. A line that is no JSON object is none of ours: other people
 * log there too (`is_ours` is false). But one that begins as an object and then is no JSON is ours,
 * broken off or badly written: it is unreadable, tells nothing and joins nothing. That, and a line
 * of ours whose member has another type than it must, is malformed, and breaks log-complete.
 * Numbers may be written as texts, as loggers do; latency is in milliseconds whatever its member is
 * called. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/money.h"
#include "base/slice.h"
#include "scenario/subject.h"

struct app_log_entry {
    uint64_t line; /* of the file, from 1; the caller's to tell */
    bool is_ours;  /* a JSON object that has a model, or an id and a latency; or unreadable */
    bool is_malformed;
    bool is_unreadable; /* malformed, and nothing of it could be read */
    char id[64];        /* empty: it tells none, likewise below */
    char request[64];
    char call[64];
    char model[64];
    char error[160]; /* empty: it went well */
    char stop_reason[32];
    bool has_latency, has_input_tokens, has_output_tokens, has_cost;
    double latency_ms;
    uint64_t input_tokens, output_tokens;
    money cost;
    uint32_t fields; /* a bit for each enum log_field whose pointer leads somewhere, if to a null */
    bool has_canary; /* a key that must not leave stands in the line; the caller's to tell */
};

/* RC_MALFORMED: a line of ours that is malformed (err says where); all that could be read is in
 * `entry`, `line` and `has_canary` stay as they are. */
MUST_USE enum rc app_log_read(const struct log_map *map, struct slice line,
                              struct app_log_entry *entry, struct error *err);

/* The number of the request behind a response id of our mock, whose last part is "r17"
 * (wire/words.h); 0: it is none. */
uint64_t app_log_request(struct slice response_id);

#endif
