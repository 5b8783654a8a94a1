#include "judge/review.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "judge/law.h"

static void doubt(struct verdict_row *row, const char *why)
{
    row->verdict = VERDICT_INCONCLUSIVE;
    slice_copy(slice_of(why), row->reason, sizeof(row->reason));
}

/* Can a single call, by its own evidence, break it? */
static bool is_of_calls(const struct verdict_row *row)
{
    for (int law = 0; law < LAWS_COUNT && row->kind == ROW_LAW; law++)
        if (strcmp(law_facts((enum law)law)->name, row->name) == 0)
            return !(law_facts((enum law)law)->flags & LAW_OF_RUN);
    return false;
}

/* Was it seen, and not only left over by what is missing? */
static bool is_seen(const struct review *review, const struct verdict_row *row)
{
    if (row->verdict != VERDICT_FAIL)
        return false;
    return review->online != NULL ? review->online->verdict == VERDICT_FAIL : is_of_calls(row);
}

static bool quote(const struct review *review, struct verdict_row *row)
{
    assert(review->online != NULL);
    if (row->verdict == VERDICT_FAIL && is_of_calls(row)) {
        bool is_contradicted = review->online->verdict != VERDICT_FAIL;
        bool has_all = row->violations == review->online->violations;

        if (is_contradicted)
            doubt(row, "the lines that were kept break it; the run itself did not say so");
        else
            *row = *review->online; /* it knows how many calls there were in all */
        return !is_contradicted && !has_all;
    }
    *row = *review->online;
    return true;
}

bool review_row(const struct review *review, struct verdict_row *row)
{
    if (review->lost[0] != '\0') {
        if (row->verdict != VERDICT_NOT_APPLICABLE && !is_seen(review, row))
            doubt(row, review->lost);
        return false;
    }
    return review->is_thinned && quote(review, row);
}
