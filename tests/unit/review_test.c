#include "judge/review.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

enum { P = VERDICT_PASS, F = VERDICT_FAIL, I = VERDICT_INCONCLUSIVE, N = VERDICT_NOT_APPLICABLE };
enum { UNKNOWN = -1 };

static struct verdict_row row_of(enum row_kind kind, const char *name, int verdict)
{
    struct verdict_row row = {.kind = kind, .verdict = (enum verdict)verdict, .n = 1};

    strcpy(row.name, name);
    strcpy(row.reason, "its own");
    return row;
}

struct reviewed {
    int verdict;
    bool is_quoted, has_reason_of_its_own;
};

static struct reviewed review(enum row_kind kind, const char *name, const char *lost,
                              bool is_thinned, int again, int online)
{
    struct verdict_row row = row_of(kind, name, again);
    const struct verdict_row told = row_of(kind, name, online);
    const struct review r = {
        .lost = lost, .is_thinned = is_thinned, .online = online == UNKNOWN ? NULL : &told};
    bool is_quoted = review_row(&r, &row);

    return (struct reviewed){(int)row.verdict, is_quoted, strcmp(row.reason, "its own") == 0};
}

static void whole_evidence_is_judged_by_itself(void)
{
    for (int again = P; again <= N; again++) {
        for (int online = UNKNOWN; online <= N; online++) {
            struct reviewed r = review(ROW_LAW, "no-hang", "", false, again, online);

            EXPECT_I64(r.verdict, again);
            CU_ASSERT(!r.is_quoted);
            CU_ASSERT(r.has_reason_of_its_own);
        }
    }
}

/* Whatever the run said, and whatever kind of row it is. */
static void damage_never_passes(void)
{
    for (int kind = ROW_LAW; kind <= ROW_EXPECTATION; kind++)
        for (int thinned = 0; thinned < 2; thinned++)
            for (int again = P; again <= N; again++)
                for (int online = UNKNOWN; online <= N; online++)
                    CU_ASSERT(
                        review((enum row_kind)kind, "no-hang", "gone", thinned == 1, again, online)
                            .verdict != P);
}

static void damage_leaves_a_violation_that_the_run_saw_too(void)
{
    EXPECT_I64(review(ROW_LAW, "no-hang", "gone", false, F, F).verdict, F);
    EXPECT_I64(review(ROW_EXPECTATION, "a <= 1", "gone", false, F, F).verdict, F);
    EXPECT_I64(review(ROW_LAW, "no-hang", "gone", false, F, P).verdict, I);
    EXPECT_I64(review(ROW_LAW, "no-hang", "gone", false, F, I).verdict, I);
}

static void without_the_runs_word_only_a_call_proves_anything(void)
{
    EXPECT_I64(review(ROW_LAW, "no-hang", "gone", false, F, UNKNOWN).verdict, F);
    EXPECT_I64(review(ROW_LAW, "alert-once", "gone", false, F, UNKNOWN).verdict, I);
    EXPECT_I64(review(ROW_EXPECTATION, "a <= 1", "gone", false, F, UNKNOWN).verdict, I);
    EXPECT_I64(review(ROW_CONDITION, "schedule-kept", "gone", false, F, UNKNOWN).verdict, I);
}

static void thinned_evidence_quotes_the_run(void)
{
    for (int again = P; again <= N; again++) {
        for (int online = P; online <= N; online++) {
            struct reviewed r = review(ROW_EXPECTATION, "a <= 1", "", true, again, online);

            EXPECT_I64(r.verdict, online);
            CU_ASSERT(r.is_quoted);
        }
    }
    EXPECT_I64(review(ROW_LAW, "alert-once", "", true, F, P).verdict, P);
}

static void thinned_evidence_repeats_a_fail_and_contradicts_a_pass(void)
{
    struct reviewed r = review(ROW_LAW, "no-hang", "", true, F, F);

    EXPECT_I64(r.verdict, F);
    CU_ASSERT(!r.is_quoted); /* every violation was found again */
    EXPECT_I64(review(ROW_LAW, "no-hang", "", true, F, P).verdict, I);
    EXPECT_I64(review(ROW_LAW, "no-hang", "", true, P, F).verdict, F);
}

static CU_TestInfo tests[] = {
    {"whole evidence is judged by itself", whole_evidence_is_judged_by_itself},
    {"damage never passes", damage_never_passes},
    {"damage leaves a violation that the run saw too",
     damage_leaves_a_violation_that_the_run_saw_too},
    {"without the run's word only a call proves anything",
     without_the_runs_word_only_a_call_proves_anything},
    {"thinned evidence quotes the run", thinned_evidence_quotes_the_run},
    {"thinned evidence repeats a fail and contradicts a pass",
     thinned_evidence_repeats_a_fail_and_contradicts_a_pass},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo review_suite = {"review", NULL, NULL, NULL, NULL, tests};
