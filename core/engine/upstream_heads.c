#include "engine/upstream_state.h"

#include <string.h>

#include "wire/http_date.h"
#include "wire/limit_headers.h"

/* --- retry advice ----------------------------------------------------------------------------- */

static int64_t wall_s(const struct upstream *u, nanos now)
{
    int64_t ns = upstream_wall_unix_ns(u, now);

    return ns / NANOS_S - (ns % NANOS_S < 0);
}

static nanos round_up(nanos span, nanos unit)
{
    return (span + unit - 1) / unit * unit;
}

/* As many decimals as the value needs: "1.5". */
static void write_seconds(struct buffer *out, nanos span)
{
    uint64_t rest = (uint64_t)(span % NANOS_S);
    uint64_t place = NANOS_S / 10;

    buffer_u64(out, (uint64_t)(span / NANOS_S));
    if (rest > 0)
        buffer_byte(out, '.');
    for (; rest > 0; place /= 10) {
        buffer_byte(out, (char)('0' + rest / place));
        rest %= place;
    }
}

static void write_retry_after(struct buffer *out, nanos span)
{
    buffer_append(out, SLICE("retry-after: "));
    write_seconds(out, span);
    buffer_append(out, SLICE("\r\n"));
}

static void write_advice(struct upstream *u, const struct exchange *x, nanos now)
{
    const struct plan *plan = &x->plan;
    struct buffer *out = &u->scratch;

    if (x->api == API_GEMINI && plan->advice != PLAN_ADVICE_RAW)
        return; /* has no such header: its advice is in the body */
    switch (plan->advice) {
    case PLAN_ADVICE_NONE:
        return;
    case PLAN_ADVICE_SECONDS:
        write_retry_after(out, plan->advice_wait);
        return;
    case PLAN_ADVICE_DATE:
        buffer_append(out, SLICE("retry-after: "));
        http_date_write(out, wall_s(u, now) + round_up(plan->advice_wait, NANOS_S) / NANOS_S);
        break;
    case PLAN_ADVICE_MS:
        if (x->is_over_the_limit) /* a real limit is told both ways (wire-facts.md §3.1) */
            write_retry_after(out, round_up(plan->advice_wait, NANOS_S));
        buffer_append(out, SLICE("retry-after-ms: "));
        buffer_u64(out, (uint64_t)(plan->advice_wait / NANOS_MS));
        break;
    case PLAN_ADVICE_RAW:
        buffer_append(out, SLICE("retry-after: "));
        buffer_text(out, plan->advice_raw);
        break;
    }
    buffer_append(out, SLICE("\r\n"));
}

/* A date is kept by whoever comes at that instant, whether he reckons with his own clock, as all
 * SDKs do, or from our Date header, whose seconds are whole. */
static nanos earliest(struct answer_head *head, int64_t wall_unix_ns)
{
    struct advice by_header = answer_head_advice(head, wall_unix_ns);
    struct advice by_clock;

    head->date[0] = '\0';
    by_clock = answer_head_advice(head, wall_unix_ns);
    if (by_clock.wait > 0 && by_clock.wait < by_header.wait)
        return by_clock.wait;
    return by_header.wait;
}

/* What a client can make of the advice, read back from the very lines that were written. */
static nanos advice_as_read(const struct upstream *u, size_t headers_at, nanos now)
{
    struct slice headers = {u->scratch.data + headers_at, u->scratch.size - headers_at};
    struct answer_head head;
    struct slice line;

    if (u->scratch.rc != RC_OK)
        return 0;
    answer_head_clear(&head);
    while (slice_cut(&headers, '\n', &line))
        answer_head_line(&head, line);
    return earliest(&head, upstream_wall_unix_ns(u, now));
}

/* Where the body advises a wait, only a header that says something overrides it. */
static void note_advice(struct upstream *u, struct exchange *x, size_t headers_at, nanos now)
{
    nanos wait;

    if (x->plan.advice == PLAN_ADVICE_NONE && !(x->plan.quirks & QUIRK_HEADERS))
        return;
    wait = advice_as_read(u, headers_at, now);
    if (wait > 0 || x->api != API_GEMINI)
        x->record.advice_wait = wait;
}

/* --- rate limits ------------------------------------------------------------------------------ */

_Static_assert((int)LIMIT_REQUESTS == (int)LIMIT_SCOPE_REQUESTS &&
                   (int)LIMIT_INPUT_TOKENS == (int)LIMIT_SCOPE_INPUT &&
                   (int)LIMIT_OUTPUT_TOKENS == (int)LIMIT_SCOPE_OUTPUT &&
                   (int)LIMIT_TOKENS == (int)LIMIT_SCOPE_TOKENS &&
                   (int)LIMIT_KINDS_COUNT == (int)LIMIT_SCOPES_COUNT,
               "limits are told under the same numbers as they are kept");

/* Answers to whom the money ran out tell no limits (wire-facts.md §3.1). */
static void write_limits(struct upstream *u, const struct exchange *x, nanos now)
{
    struct limit_told told[LIMIT_SCOPES_COUNT];
    struct limiter *limiter;

    if (x->record.model >= u->scenario->models_count || x->plan.failure == OUTCOME_QUOTA)
        return;
    limiter = &u->limiters[x->record.model];
    if (!limits_any(limiter->limits))
        return;
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        struct limit_state state = limiter_state(limiter, (enum limit_kind)kind, now);

        told[kind] = (struct limit_told){.is_there = state.is_there,
                                         .limit = state.limit,
                                         .remaining = state.remaining,
                                         .full_in = state.full_in};
    }
    limit_headers_write(x->api, told, upstream_wall_unix_ns(u, now), &u->scratch);
}

/* --- what a fault does to a head -------------------------------------------------------------- */

static bool is_line_of(struct slice line, struct slice name)
{
    struct slice rest = line;
    struct slice found;

    return slice_cut(&rest, ':', &found) && slice_is_nocase(found, name);
}

static void remove_lines(struct buffer *out, size_t at, struct slice name)
{
    size_t from = at;

    while (from < out->size) {
        struct slice rest = {out->data + from, out->size - from};
        struct slice line;

        (void)slice_cut(&rest, '\n', &line);
        from += line.size + 1;
        if (is_line_of(line, name))
            continue;
        memmove(out->data + at, line.data, line.size + 1);
        at += line.size + 1;
    }
    out->size = at;
}

static void change_lines(struct buffer *out, size_t at, const struct fault *fault)
{
    for (uint32_t i = 0; i < fault->headers_count; i++) {
        const struct fault_header *header = &fault->headers[i];

        if (header->is_removed) {
            remove_lines(out, at, header->name);
            continue;
        }
        buffer_append(out, header->name);
        buffer_append(out, SLICE(": "));
        buffer_append(out, header->value);
        buffer_append(out, SLICE("\r\n"));
    }
}

/* --- the head --------------------------------------------------------------------------------- */

size_t heads_write(struct upstream *u, struct exchange *x, struct slice type, nanos now)
{
    const struct fault *fault = x->plan.fault;
    struct buffer *out = &u->scratch;
    size_t at = out->size;

    if (x->plan.quirks & QUIRK_CONTENT_TYPE)
        type = fault->content_type;
    if (x->record.is_hook)
        hooks_write_headers(&x->hook, upstream_wall_unix_ns(u, now), out);
    else
        format_write_headers(x->api, u->options.run_tag, x->run_number, wall_s(u, now), type, out);
    if (type.size == 0 && !x->record.is_hook)
        remove_lines(out, at, SLICE("content-type"));
    write_advice(u, x, now);
    write_limits(u, x, now);
    if (x->plan.quirks & QUIRK_HEADERS)
        change_lines(out, at, fault);
    note_advice(u, x, at, now);
    return at;
}
