#ifndef JUDGE_AGREEMENT_H
#define JUDGE_AGREEMENT_H

/* The laws tokens-agree and cost-agree: both ends of the wire count the same tokens and the same
 * money, attempt by attempt, exactly.
 *
 *   caller               mock told         so
 *   800 + 120            800 + 120         agree
 *   800 + 120            800 + 121         broken
 *   800 + 120            nothing           broken: it cannot know
 *   nothing, whole       800 + 120         broken: it was told
 *   nothing, failed      anything          unknown: it left before it was told, or lost it
 *   800 + 1, failed      800 + 120         unknown: it left in the middle
 *   nothing              a refusal         not counted: it has no tokens, and costs nothing
 *
 * Money is held against the judge's own arithmetic (monitor/price.h) over what the mock told, not
 * against the mock's bill: the caller cannot know what it was billed for and never told. Unknown
 * attempts are counted apart, with what the mock billed for them. Pure. */

#include "judge/call_case.h"
#include "judge/law.h"

enum law_result law_tokens_agree(const struct law_limits *limits, const struct call_case *c,
                                 struct law_finding *finding);
enum law_result law_cost_agree(const struct law_limits *limits, const struct call_case *c,
                               struct law_finding *finding);

#endif
