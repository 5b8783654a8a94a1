#include "judge/agreement.h"

#include <stdio.h>
#include <string.h>

#include "judge/readable.h"
#include "monitor/price.h"

enum account { ACCOUNT_SAME, ACCOUNT_UNKNOWN, ACCOUNT_WRONG };

/* What one end knows of an attempt's cost. */
struct known_cost {
    bool is_known;
    money cost;
};

static const char *ordinal_text(const struct step *step, char text[24])
{
    snprintf(text, 24, "attempt %u", step->ordinal);
    return text;
}

/* --- counting --------------------------------------------------------------------------------- */

static void count(const struct step *step, enum account account, struct law_finding *finding)
{
    if (account == ACCOUNT_SAME) {
        finding->agreed++;
        return;
    }
    finding->unknown++;
    if (step->seen != NULL && step->seen->has_cost)
        finding->unknown_billed = money_add(finding->unknown_billed, step->seen->cost);
}

/* Never on the wire, so that nobody could tell it anything. */
static bool was_never_sent(const struct step *step)
{
    return step->seen == NULL && step->felt->sent_at == NANOS_NEVER;
}

/* An error status has no tokens to count, and is free. */
static bool is_refusal(const struct request_seen *seen)
{
    return seen->status >= 400 && !seen->usage_told.is_known;
}

/* Refused, and the caller does not say otherwise. */
static bool is_nothing_to_count(const struct step *step)
{
    const struct attempt_record *felt = step->felt;

    if (step->seen == NULL || !is_refusal(step->seen))
        return false;
    return felt == NULL || (!felt->usage.is_known && (!felt->has_cost || felt->cost == 0));
}

/* An answer that the journal does not have: lost evidence, or a request that it could not name. */
static bool is_answer_unseen(const struct step *step)
{
    return step->seen == NULL && attempt_is_answered(step->felt);
}

static enum law_result sum_up(const struct call_case *c, const struct law_finding *finding)
{
    for (uint32_t i = 0; i < c->steps_count; i++)
        if (is_answer_unseen(&c->steps[i]))
            return LAW_UNDECIDED;
    return finding->agreed > 0 ? LAW_HELD : LAW_SILENT;
}

/* --- whole calls ------------------------------------------------------------------------------ */

/* A program's log, and what a service answered, tell of a call as a whole: that is held against the
 * request which answered it. */
static bool is_told_whole(const struct call_case *c)
{
    return c->scenario->subject != SUBJECT_CLIENT;
}

/* Who told it. */
static const char *teller(const struct call_case *c)
{
    return c->scenario->subject == SUBJECT_EXEC ? "the log" : "the service";
}

static enum law_result settle(enum account account, struct law_finding *finding)
{
    finding->agreed += account == ACCOUNT_SAME;
    finding->unknown += account == ACCOUNT_UNKNOWN;
    return account == ACCOUNT_SAME ? LAW_HELD : LAW_SILENT;
}

/* --- tokens-agree ----------------------------------------------------------------------------- */

static bool is_same_usage(const struct usage *a, const struct usage *b)
{
    return a->input_tokens == b->input_tokens && a->output_tokens == b->output_tokens &&
           a->cached_tokens == b->cached_tokens && a->cache_write_tokens == b->cache_write_tokens;
}

/* What a stream told earlier: counts only grow. */
static bool is_earlier_usage(const struct usage *a, const struct usage *b)
{
    return a->input_tokens <= b->input_tokens && a->output_tokens <= b->output_tokens &&
           a->cached_tokens <= b->cached_tokens && a->cache_write_tokens <= b->cache_write_tokens;
}

static enum account compare_usage(const struct attempt_record *felt,
                                  const struct request_seen *seen)
{
    const struct usage *known = &felt->usage, *told = &seen->usage_told;
    bool is_whole = attempt_is_answered(felt);

    if (known->is_known && told->is_known && is_same_usage(known, told))
        return ACCOUNT_SAME;
    if (known->is_known && told->is_known)
        return !is_whole && is_earlier_usage(known, told) ? ACCOUNT_UNKNOWN : ACCOUNT_WRONG;
    if (known->is_known || (told->is_known && is_whole))
        return ACCOUNT_WRONG;
    return ACCOUNT_UNKNOWN;
}

/* "800 in, 120 out", and the rarer counts where there are any. */
static void write_usage(const struct usage *usage, char *text, size_t capacity)
{
    size_t used;

    if (!usage->is_known) {
        snprintf(text, capacity, "nothing");
        return;
    }
    snprintf(text, capacity, "%llu in, %llu out", (unsigned long long)usage->input_tokens,
             (unsigned long long)usage->output_tokens);
    used = strlen(text);
    if (usage->cached_tokens > 0 || usage->cache_write_tokens > 0)
        snprintf(text + used, capacity - used, ", %llu cached, %llu written",
                 (unsigned long long)usage->cached_tokens,
                 (unsigned long long)usage->cache_write_tokens);
}

static enum law_result blame_usage(const struct call_case *c, const struct step *step,
                                   struct law_finding *finding)
{
    char known[64], told[64], ordinal[24];

    write_usage(&step->felt->usage, known, sizeof(known));
    write_usage(&step->seen->usage_told, told, sizeof(told));
    return law_broken(c, finding, "%s: the caller counts %s; the mock told %s",
                      ordinal_text(step, ordinal), known, told);
}

/* The two counts that everybody logs. */
static enum law_result whole_tokens_agree(const struct call_case *c, struct law_finding *finding)
{
    const struct request_seen *answer = call_answering_request(c);
    const struct usage *known = &c->call->usage;
    const struct usage *told = answer != NULL ? &answer->usage_told : NULL;
    char counts[64], truth[64];

    if (!call_is_answered(c->call))
        return LAW_SILENT;
    if (told == NULL || !told->is_known || !known->is_known)
        return settle(ACCOUNT_UNKNOWN, finding);
    if (known->input_tokens == told->input_tokens && known->output_tokens == told->output_tokens)
        return settle(ACCOUNT_SAME, finding);
    write_usage(known, counts, sizeof(counts));
    write_usage(told, truth, sizeof(truth));
    return law_broken(c, finding, "%s counts %s; the mock told %s", teller(c), counts, truth);
}

enum law_result law_tokens_agree(const struct law_limits *limits, const struct call_case *c,
                                 struct law_finding *finding)
{
    const struct step *wrong = NULL;

    (void)limits;
    if (is_told_whole(c))
        return whole_tokens_agree(c, finding);
    for (uint32_t i = 0; i < c->steps_count; i++) {
        const struct step *step = &c->steps[i];
        enum account account = ACCOUNT_UNKNOWN;

        if (was_never_sent(step) || is_nothing_to_count(step))
            continue;
        if (step->seen != NULL && step->felt != NULL)
            account = compare_usage(step->felt, step->seen);
        if (account != ACCOUNT_WRONG)
            count(step, account, finding);
        else if (wrong == NULL)
            wrong = step;
    }
    return wrong != NULL ? blame_usage(c, wrong, finding) : sum_up(c, finding);
}

/* --- cost-agree ------------------------------------------------------------------------------- */

static const struct price *price_of(const struct call_case *c, const struct step *step)
{
    static const struct price none = {0};

    return step->model < c->scenario->models_count ? &c->scenario->prices[step->model] : &none;
}

/* What the mock told, by the judge's own arithmetic. */
static struct known_cost cost_told(const struct call_case *c, const struct step *step)
{
    const struct model *model;
    struct known_cost told = {0};

    if (is_refusal(step->seen))
        return (struct known_cost){.is_known = true};
    if (step->model >= c->scenario->models_count)
        return told;
    model = &c->scenario->models[step->model];
    told.is_known = price_cost(price_of(c, step), c->scenario->providers[model->provider].api,
                               &step->seen->usage_told, &told.cost);
    return told;
}

static enum account compare_cost(const struct attempt_record *felt, struct known_cost told)
{
    bool is_whole = attempt_is_answered(felt);

    if (felt->has_cost && told.is_known && felt->cost == told.cost)
        return ACCOUNT_SAME;
    if (felt->has_cost && told.is_known)
        return !is_whole && felt->cost < told.cost ? ACCOUNT_UNKNOWN : ACCOUNT_WRONG;
    if (felt->has_cost || (told.is_known && is_whole))
        return ACCOUNT_WRONG;
    return ACCOUNT_UNKNOWN;
}

static struct readable cost_text(struct known_cost cost)
{
    return cost.is_known ? readable_money_exact(cost.cost) : (struct readable){"nothing"};
}

static enum law_result blame_cost(const struct call_case *c, const struct step *step,
                                  struct law_finding *finding)
{
    const struct known_cost known = {step->felt->has_cost, step->felt->cost};
    char ordinal[24];

    return law_broken(c, finding, "%s: the caller knows of %s; what the mock told costs %s",
                      ordinal_text(step, ordinal), cost_text(known).text,
                      cost_text(cost_told(c, step)).text);
}

/* The money of the call's own line. */
static money sum_of_attempts(const struct call_record *call)
{
    money sum = 0;

    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        if (call->attempts[i].has_cost)
            sum = money_add(sum, call->attempts[i].cost);
    return sum;
}

static enum law_result hold_against_line(const struct call_case *c, struct law_finding *finding)
{
    const struct call_record *call = c->call;
    money sum = sum_of_attempts(call);

    if (call->attempts_count > RECORD_ATTEMPTS_MAX || sum == call->cost)
        return sum_up(c, finding);
    return law_broken(c, finding, "its line says %s, its attempts add up to %s",
                      readable_money_exact(call->cost).text, readable_money_exact(sum).text);
}

/* What a program that reckons in floating point may be off by. */
#define ROUNDING (MONEY_USD / 1000000)

static bool is_about(money a, money b)
{
    return (a > b ? a - b : b - a) <= ROUNDING;
}

/* Of the answer alone, or of every attempt that was told: both are honest. */
static enum law_result whole_cost_agrees(const struct call_case *c, struct law_finding *finding)
{
    const struct request_seen *answer = call_answering_request(c);
    struct known_cost told = {0}, known = {c->call->cost_unknown == 0, c->call->cost};
    money sum = 0;

    if (!call_is_answered(c->call))
        return LAW_SILENT;
    for (uint32_t i = 0; i < c->steps_count; i++) {
        struct known_cost one = c->steps[i].seen != NULL ? cost_told(c, &c->steps[i]) : told;

        sum = money_add(sum, one.cost);
        if (c->steps[i].seen == answer)
            told = one;
    }
    if (answer == NULL || !told.is_known || !known.is_known)
        return settle(ACCOUNT_UNKNOWN, finding);
    if (is_about(known.cost, told.cost) || is_about(known.cost, sum))
        return settle(ACCOUNT_SAME, finding);
    return law_broken(c, finding, "%s says %s; what the mock told costs %s", teller(c),
                      cost_text(known).text, cost_text(told).text);
}

enum law_result law_cost_agree(const struct law_limits *limits, const struct call_case *c,
                               struct law_finding *finding)
{
    const struct step *wrong = NULL;

    (void)limits;
    if (is_told_whole(c))
        return whole_cost_agrees(c, finding);
    for (uint32_t i = 0; i < c->steps_count; i++) {
        const struct step *step = &c->steps[i];
        enum account account = ACCOUNT_UNKNOWN;

        if (was_never_sent(step) || is_nothing_to_count(step) || !price_of(c, step)->is_known)
            continue;
        if (step->seen != NULL && step->felt != NULL)
            account = compare_cost(step->felt, cost_told(c, step));
        if (account != ACCOUNT_WRONG)
            count(step, account, finding);
        else if (wrong == NULL)
            wrong = step;
    }
    return wrong != NULL ? blame_cost(c, wrong, finding) : hold_against_line(c, finding);
}
