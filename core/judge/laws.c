#include "judge/law.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "judge/agreement.h"
#include "judge/readable.h"
#include "judge/rounds.h"

const struct law_facts *law_facts(enum law law)
{
#define LAW_FACTS(id, name, flags, about) [LAW_##id] = {name, about, flags},
    static const struct law_facts facts[] = {LAW_LIST(LAW_FACTS)};
#undef LAW_FACTS

    assert(law < LAWS_COUNT);
    return &facts[law];
}

#define SPAN(span) readable_span(span).text

enum { ATTEMPTS_TEXT_MAX = 132 };

bool law_is_of_calls(enum law law)
{
    return !(law_facts(law)->flags & (LAW_CONDITION | LAW_OF_RUN));
}

enum law_result law_broken(const struct call_case *c, struct law_finding *finding,
                           const char *format, ...)
{
    struct readable due = readable_instant(c->call->due_at);
    bool is_wanted = c->scenario->subject != SUBJECT_EXEC; /* else nobody knows when it was due */
    size_t capacity = LAW_TEXT_MAX;
    va_list arguments;
    size_t used;

    va_start(arguments, format);
    vsnprintf(finding->text, capacity, format, arguments);
    va_end(arguments);
    used = strlen(finding->text);
    snprintf(finding->text + used, capacity - used, " (%s %s)", is_wanted ? "due" : "at", due.text);
    return LAW_BROKEN;
}

static const char *model_name(const struct call_case *c, uint32_t model)
{
    return model < c->scenario->models_count ? c->scenario->models[model].name : "an unknown model";
}

/* An unfinished call, in the middle of a sentence. */
static const char *pending_text(const struct call_record *call)
{
    static const char *const words[] = {[PENDING_NOTHING] = "still open",
                                        [PENDING_ATTEMPT] = "still waiting for an answer",
                                        [PENDING_WAIT] = "still waiting to try again"};

    if (call->attempts_count == 0 && call->pending == PENDING_WAIT)
        return "still waiting for a place (load.in_flight_max)";
    return words[call->pending];
}

/* "429 rate_limited", or the word alone where no status came. */
static void step_text(const struct step *step, char *text, size_t capacity)
{
    const char *word = outcome_word(step_outcome(step));

    if (step_status(step) == 0)
        snprintf(text, capacity, "%s", word);
    else
        snprintf(text, capacity, "%u %s", (unsigned)step_status(step), word);
}

/* How its attempts ended, in order, equal ones together: "7 x 429 rate_limited, ok". */
static void steps_text(const struct call_case *c, char *text, size_t capacity)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0, next; i < c->steps_count && used < capacity; i = next) {
        char word[48];

        next = i + 1;
        while (next < c->steps_count && step_outcome(&c->steps[next]) == step_outcome(&c->steps[i]))
            next++;
        step_text(&c->steps[i], word, sizeof(word));
        used += (size_t)snprintf(text + used, capacity - used, "%s", i > 0 ? ", " : "");
        if (next - i > 1 && used < capacity)
            used += (size_t)snprintf(text + used, capacity - used, "%u x ", next - i);
        if (used < capacity)
            used += (size_t)snprintf(text + used, capacity - used, "%s", word);
    }
    if (used >= capacity)
        memcpy(text + capacity - sizeof("..."), "...", sizeof("..."));
}

/* "3 attempts"; "12 attempts = 4 rounds of 3", where a program has two layers that try again. */
static void rounds_text(const struct call_case *c, char text[ROUNDS_TEXT_MAX])
{
    struct rounds rounds = {0};

    if (c->scenario->subject != SUBJECT_CLIENT && c->requests_count > 1)
        rounds = rounds_of(c->requests, c->requests_count);
    if (rounds.by != ROUNDS_NONE)
        rounds_write(&rounds, c->requests, c->requests_count, text);
    else
        snprintf(text, ROUNDS_TEXT_MAX, "%u attempt%s", c->attempts, c->attempts == 1 ? "" : "s");
}

/* "3 attempts (2 x 429 rate_limited, 200 ok)" */
static void attempts_text(const struct call_case *c, char *text, size_t capacity)
{
    char made[ROUNDS_TEXT_MAX], steps[64];

    rounds_text(c, made);
    steps_text(c, steps, sizeof(steps));
    if (c->attempts == 0)
        snprintf(text, capacity, "no attempt");
    else
        snprintf(text, capacity, "%s (%s)", made, steps);
}

/* --- no-hang ---------------------------------------------------------------------------------- */

static nanos later_of(nanos at, nanos candidate)
{
    return candidate != NANOS_NEVER && candidate > at ? candidate : at;
}

/* The longest time in which nothing came for an attempt that was under way: before its first byte,
 * between its events, after its last content. */
static nanos attempt_silence(const struct attempt_record *a, nanos cut_at)
{
    nanos end_at = a->ended_at != NANOS_NEVER ? a->ended_at : cut_at;
    nanos last_at = later_of(later_of(a->handed_at, a->first_byte_at), a->last_content_at);
    nanos silence = a->gap_max;

    if (a->handed_at == NANOS_NEVER || end_at == NANOS_NEVER)
        return silence;
    if (a->first_byte_at != NANOS_NEVER)
        silence = nanos_max(silence, a->first_byte_at - a->handed_at);
    return nanos_max(silence, end_at - last_at);
}

static nanos longest_silence(const struct call_case *c)
{
    nanos longest = 0;

    for (uint32_t i = 0; i < call_attempts_kept(c->call); i++)
        longest = nanos_max(longest, attempt_silence(&c->call->attempts[i], c->cut_at));
    return longest;
}

/* The attempt that was silent for that long. */
static const struct attempt_record *silent_for(const struct call_case *c, nanos silence)
{
    uint32_t i = 0;

    while (attempt_silence(&c->call->attempts[i], c->cut_at) != silence)
        i++;
    return &c->call->attempts[i];
}

/* Nobody is doing anything for it, and nobody will. Of a program nobody can tell: its log speaks
 * once a call is over. */
static bool is_forgotten(const struct call_case *c)
{
    return c->call->outcome == OUTCOME_UNFINISHED && c->call->pending == PENDING_NOTHING &&
           c->scenario->subject != SUBJECT_EXEC;
}

bool call_hangs(const struct call_case *c, nanos silence)
{
    return is_forgotten(c) || longest_silence(c) > silence;
}

static enum law_result no_hang(const struct law_limits *limits, const struct call_case *c,
                               struct law_finding *finding)
{
    const struct attempt_record *silent;

    finding->seen = longest_silence(c);
    if (is_forgotten(c))
        return law_broken(c, finding, "open at the cut with neither an attempt nor a wait pending");
    if (finding->seen <= limits->silence)
        return LAW_HELD;
    silent = silent_for(c, finding->seen);
    return law_broken(c, finding, "attempt %u at %s was silent for %s; %s are allowed",
                      silent->ordinal, model_name(c, silent->model), SPAN(finding->seen),
                      SPAN(limits->silence));
}

/* --- complete-answers ------------------------------------------------------------------------- */

/* What a service made of a whole answer, by the words that the mock numbers. A request that is not
 * this call's was answered to somebody else, and then kept: of it nothing is known here. */
static enum law_result words_complete(const struct call_case *c, const struct request_seen *request,
                                      struct law_finding *finding)
{
    const struct heard *heard = &c->call->heard;
    uint64_t written = request != NULL ? request->words_written : 0;

    if (!heard->is_checked)
        return LAW_SILENT;
    if (heard->missing > 0)
        return law_broken(c, finding, "reported ok, but %u words of the answer are left out",
                          heard->missing);
    if (heard->request != 0 && heard->words < written)
        return law_broken(c, finding,
                          "reported ok with %u words, but the mock said %llu at attempt %u",
                          heard->words, (unsigned long long)written, request->attempt);
    return LAW_HELD;
}

static enum law_result complete_answers(const struct law_limits *limits, const struct call_case *c,
                                        struct law_finding *finding)
{
    const struct request_seen *request = call_answering_request(c);
    bool is_service = c->scenario->subject == SUBJECT_SERVICE;

    (void)limits;
    if (c->call->outcome != OUTCOME_OK || (request == NULL && !is_service))
        return LAW_SILENT;
    if (is_service && !c->call->heard.is_checked)
        return LAW_SILENT; /* nothing of the mock's was passed on */
    if (request != NULL && !request->is_complete)
        return law_broken(c, finding,
                          "reported ok, but the mock broke attempt %u off after %llu tokens",
                          request->attempt, (unsigned long long)request->tokens_written);
    return is_service ? words_complete(c, request, finding) : LAW_HELD;
}

/* --- no-repeated-output ----------------------------------------------------------------------- */

/* However the call ended: what was passed on was read. */
static enum law_result no_repeated_output(const struct law_limits *limits,
                                          const struct call_case *c, struct law_finding *finding)
{
    const struct heard *heard = &c->call->heard;

    (void)limits;
    if (!heard->is_checked)
        return LAW_SILENT;
    if (heard->marks > 1)
        return law_broken(c, finding, "%u answers of the mock begin in this one", heard->marks);
    if (heard->repeated > 0)
        return law_broken(c, finding, "%u words were said twice", heard->repeated);
    return LAW_HELD;
}

/* --- attempts-bounded ------------------------------------------------------------------------- */

static enum law_result attempts_bounded(const struct law_limits *limits, const struct call_case *c,
                                        struct law_finding *finding)
{
    char attempts[ATTEMPTS_TEXT_MAX], seen[48] = "";

    finding->seen = c->attempts;
    if (c->attempts <= limits->attempts_max)
        return LAW_HELD;
    attempts_text(c, attempts, sizeof(attempts));
    if (c->scenario->subject == SUBJECT_SERVICE)
        seen[0] = '\0'; /* the caller's attempts are at the service */
    else if (c->call->attempts_count < c->attempts)
        snprintf(seen, sizeof(seen), ", %u of them known to the caller", c->call->attempts_count);
    else if (c->has_journal && c->requests_count < c->attempts)
        snprintf(seen, sizeof(seen), ", %u of them in the journal", c->requests_count);
    return law_broken(c, finding, "%s%s; at most %u are allowed", attempts, seen,
                      limits->attempts_max);
}

/* --- permanent-not-retried -------------------------------------------------------------------- */

/* By the name that was asked for: those that the scenario has not all share one place, and their
 * providers tell them apart where the name was never read (a 401). */
static bool is_same_model(const struct call_case *c, const struct request_seen *a,
                          const struct request_seen *b)
{
    return a->model == b->model && a->model_asked == b->model_asked &&
           (a->model < c->scenario->models_count || a->provider == b->provider);
}

/* The latest permanent refusal by the model of request `at`, before it. */
static const struct request_seen *refused_before(const struct call_case *c, uint32_t at)
{
    for (uint32_t i = at; i-- > 0;)
        if (is_same_model(c, &c->requests[i], &c->requests[at]) &&
            is_refused_for_good(c->requests[i].status, c->requests[i].answered))
            return &c->requests[i];
    return NULL;
}

static enum law_result permanent_not_retried(const struct law_limits *limits,
                                             const struct call_case *c, struct law_finding *finding)
{
    (void)limits;
    for (uint32_t i = 1; i < c->requests_count; i++) {
        const struct request_seen *again = &c->requests[i];
        const struct request_seen *refusal = refused_before(c, i);

        if (refusal == NULL)
            continue;
        return law_broken(c, finding, "attempt %u asked %s again, %s after its %u %s",
                          again->attempt, model_name(c, again->model),
                          SPAN(again->head_in_at - refusal->head_in_at), (unsigned)refusal->status,
                          outcome_word(refusal->answered));
    }
    return LAW_HELD;
}

/* --- advice-heeded ---------------------------------------------------------------------------- */

/* Did anybody read the advice? A caller whose own timeout fell between the mock's last write and
 * its own read never did. Of a request behind the caller's back nobody says otherwise. */
static bool is_felt_answer(const struct step *step)
{
    return step->seen != NULL && step->seen->status != 0 &&
           step->seen->last_out_at != NANOS_NEVER &&
           (step->felt == NULL || step->felt->status != 0);
}

/* The latest answer of that provider before step `at`. */
static const struct request_seen *answer_before(const struct call_case *c, uint32_t at)
{
    for (uint32_t i = at; i-- > 0;)
        if (is_felt_answer(&c->steps[i]) &&
            c->steps[i].seen->provider == c->steps[at].seen->provider)
            return c->steps[i].seen;
    return NULL;
}

/* 5 % of the advice and the slack are forgiven: clocks and roundings. */
static nanos forgiven(nanos advice_wait, nanos slack)
{
    return advice_wait / 20 + slack;
}

static enum law_result advice_heeded(const struct law_limits *limits, const struct call_case *c,
                                     struct law_finding *finding)
{
    for (uint32_t i = 1; i < c->steps_count; i++) {
        const struct request_seen *next = c->steps[i].seen;
        const struct request_seen *answer;
        nanos waited;

        if (next == NULL || next->head_in_at == NANOS_NEVER)
            continue;
        answer = answer_before(c, i);
        if (answer == NULL || answer->advice_wait == 0)
            continue;
        waited = next->head_in_at - answer->last_out_at;
        if (waited >= answer->advice_wait - forgiven(answer->advice_wait, limits->slack))
            continue;
        return law_broken(c, finding, "attempt %u came %s after a %u that asked for %s",
                          next->attempt, SPAN(waited), (unsigned)answer->status,
                          SPAN(answer->advice_wait));
    }
    return LAW_HELD;
}

/* --- deadline-kept ---------------------------------------------------------------------------- */

static enum law_result deadline_kept(const struct law_limits *limits, const struct call_case *c,
                                     struct law_finding *finding)
{
    const struct call_record *call = c->call;
    nanos limit = nanos_add(limits->deadline, limits->grace);
    bool has_ended = call->ended_at != NANOS_NEVER;
    nanos end_at = has_ended ? call->ended_at : c->cut_at;
    char attempts[ATTEMPTS_TEXT_MAX];

    if (end_at == NANOS_NEVER)
        return LAW_SILENT;
    finding->seen = end_at - call->due_at;
    if (finding->seen <= limit)
        return has_ended ? LAW_HELD : LAW_SILENT; /* cut before it could break the law */
    attempts_text(c, attempts, sizeof(attempts));
    if (!has_ended)
        return law_broken(c, finding, "%s, %s %s after it was due; %s are allowed", attempts,
                          pending_text(call), SPAN(finding->seen), SPAN(limit));
    return law_broken(c, finding, "%s, ended as %s %s after it was due; %s are allowed", attempts,
                      outcome_word(call->outcome), SPAN(finding->seen), SPAN(limit));
}

/* --- fallback-eligible ------------------------------------------------------------------------ */

/* The first step on that model, or steps_count. */
static uint32_t first_step_on(const struct call_case *c, uint32_t model)
{
    uint32_t i = 0;

    while (i < c->steps_count && c->steps[i].model != model)
        i++;
    return i;
}

static uint32_t steps_on(const struct call_case *c, uint32_t model)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->steps_count; i++)
        count += c->steps[i].model == model;
    return count;
}

static const struct step *step_with_cause(const struct call_case *c, const struct cause_set *on)
{
    for (uint32_t i = 0; i < c->steps_count; i++)
        if (step_has_cause(&c->steps[i], on))
            return &c->steps[i];
    return NULL;
}

/* Refusals that another model would repeat, or that a person must see. */
static bool forbids_fallback(const struct step *step)
{
    switch (step_status(step)) {
    case 400:
        return step_outcome(step) != OUTCOME_CONTEXT_LENGTH;
    case 401:
    case 403:
    case 404:
    case 413:
    case 422:
        return true;
    default:
        return false;
    }
}

/* Ended, or so late that whatever comes is useless. */
static bool is_lost(const struct call_case *c)
{
    const struct call_record *call = c->call;

    if (c->is_useful || call->outcome == OUTCOME_CANCELLED)
        return false;
    if (call->outcome != OUTCOME_UNFINISHED)
        return true;
    return nanos_add(call->due_at, c->scenario->load.deadline) <= c->cut_at;
}

static enum law_result fallback_eligible(const struct law_limits *limits, const struct call_case *c,
                                         struct law_finding *finding)
{
    const char *to = model_name(c, limits->to);
    uint32_t first = first_step_on(c, limits->to);
    const struct step *cause;
    char text[64];

    if (c->call->model_asked == limits->to)
        return LAW_SILENT;
    if (first < c->steps_count) {
        if (first == 0 || !forbids_fallback(&c->steps[first - 1]))
            return LAW_HELD;
        step_text(&c->steps[first - 1], text, sizeof(text));
        return law_broken(c, finding, "fell back to %s after a %s, which no other model mends", to,
                          text);
    }
    cause = step_with_cause(c, &limits->on);
    if (cause == NULL || !is_lost(c) || steps_on(c, c->call->model_asked) < limits->after)
        return LAW_HELD;
    step_text(cause, text, sizeof(text));
    return law_broken(c, finding, "met %s at attempt %u; never tried %s, ended as %s", text,
                      cause->ordinal, to, outcome_word(c->call->outcome));
}

/* --- fallback-ordered ------------------------------------------------------------------------- */

static uint32_t place_in_order(const struct law_limits *limits, uint32_t model)
{
    uint32_t place = 0;

    while (place < limits->order_count && limits->order[place] != model)
        place++;
    return place;
}

static enum law_result fallback_ordered(const struct law_limits *limits, const struct call_case *c,
                                        struct law_finding *finding)
{
    uint32_t place = place_in_order(limits, c->call->model_asked);

    if (place == limits->order_count)
        return LAW_SILENT; /* asked a model that the order does not name */
    for (uint32_t i = 0; i < c->steps_count; i++) {
        const struct step *step = &c->steps[i];
        uint32_t next = place_in_order(limits, step->model);

        if (next == limits->order_count || next < place || next > place + 1)
            return law_broken(c, finding, "attempt %u went to %s, which %s", step->ordinal,
                              model_name(c, step->model),
                              next == limits->order_count ? "is not in the order"
                              : next < place              ? "had been left before"
                                                          : "came before its turn");
        place = next;
    }
    return LAW_HELD;
}

/* --- log-complete ----------------------------------------------------------------------------- */

/* What a whole line would have and this one has not, or NULL. */
static const char *lacking(const struct call_case *c)
{
    const struct call_record *call = c->call;

    if (call->model_asked >= c->scenario->models_count)
        return "no model asked";
    if (call->attempts_count > 0 && call->model_answered >= c->scenario->models_count)
        return "no model answered";
    if (call->outcome != OUTCOME_UNFINISHED && call->ended_at == NANOS_NEVER)
        return "no latency";
    if (call->ended_at != NANOS_NEVER && call->ended_at < call->due_at)
        return "a negative latency";
    if (call->outcome != OUTCOME_OK && call->error[0] == '\0')
        return "no error text";
    return NULL;
}

static enum law_result log_complete(const struct law_limits *limits, const struct call_case *c,
                                    struct law_finding *finding)
{
    const char *missing = lacking(c);

    (void)limits;
    if (missing == NULL)
        return LAW_HELD;
    return law_broken(c, finding, "its line, ended as %s, has %s", outcome_word(c->call->outcome),
                      missing);
}

/* --- the door --------------------------------------------------------------------------------- */

/* A record holds exactly one outcome; records too many or too few are found by the judge. */
static enum law_result one_outcome(const struct law_limits *limits, const struct call_case *c,
                                   struct law_finding *finding)
{
    (void)limits;
    (void)c;
    (void)finding;
    return LAW_HELD;
}

typedef enum law_result law_of_call(const struct law_limits *limits, const struct call_case *c,
                                    struct law_finding *finding);

enum law_result law_judge(enum law law, const struct law_limits *limits, const struct call_case *c,
                          struct law_finding *finding)
{
    static law_of_call *const judges[LAWS_COUNT] = {
        [LAW_ONE_OUTCOME] = one_outcome,
        [LAW_NO_HANG] = no_hang,
        [LAW_COMPLETE_ANSWERS] = complete_answers,
        [LAW_ATTEMPTS_BOUNDED] = attempts_bounded,
        [LAW_PERMANENT_NOT_RETRIED] = permanent_not_retried,
        [LAW_ADVICE_HEEDED] = advice_heeded,
        [LAW_DEADLINE_KEPT] = deadline_kept,
        [LAW_FALLBACK_ELIGIBLE] = fallback_eligible,
        [LAW_FALLBACK_ORDERED] = fallback_ordered,
        [LAW_LOG_COMPLETE] = log_complete,
        [LAW_TOKENS_AGREE] = law_tokens_agree,
        [LAW_COST_AGREE] = law_cost_agree,
        [LAW_NO_REPEATED_OUTPUT] = no_repeated_output,
    };

    assert(judges[law] != NULL);
    return judges[law](limits, c, finding);
}
