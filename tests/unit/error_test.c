#include "base/error.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "base/slice.h"
#include "tests/support/expect.h"

static struct error err;

static void set_up(void)
{
    err = (struct error){0};
}

static void a_zeroed_error_is_no_error(void)
{
    EXPECT_RC(err.rc, RC_OK);
    EXPECT_TEXT(slice_of(err.text), "");
}

static void setting_returns_the_code_and_keeps_the_sentence(void)
{
    err.os_errno = 5;
    EXPECT_RC(error_set(&err, RC_LIMIT, "line %d is too long", 12), RC_LIMIT);
    EXPECT_RC(err.rc, RC_LIMIT);
    EXPECT_I64(err.os_errno, 0);
    EXPECT_TEXT(slice_of(err.text), "line 12 is too long");
}

static void wrapping_puts_the_outer_context_first_and_passes_the_code_on(void)
{
    error_set(&err, RC_MALFORMED, "expected a comma");
    EXPECT_RC(error_wrap(&err, "line %d", 12), RC_MALFORMED);
    EXPECT_RC(error_wrap(&err, "demo.jsonc"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "demo.jsonc: line 12: expected a comma");
}

static void wrapping_keeps_the_errno(void)
{
    error_set(&err, RC_SYSTEM, "no such file");
    err.os_errno = 2;
    error_wrap(&err, "trace");
    EXPECT_I64(err.os_errno, 2);
}

static void too_much_context_cuts_the_inner_end(void)
{
    error_set(&err, RC_MALFORMED, "%0470d", 1);
    error_wrap(&err, "%0470d", 2);
    EXPECT_U64(strlen(err.text), sizeof(err.text) - 1);
    EXPECT_TEXT(((struct slice){err.text + 468, 5}), "02: 0");
}

static void without_an_error_to_fill_the_code_is_returned_all_the_same(void)
{
    EXPECT_RC(error_set(NULL, RC_NOMEM, "unread"), RC_NOMEM);
    EXPECT_RC(error_wrap(NULL, "unread"), RC_MALFORMED);
}

static void every_code_has_a_text(void)
{
    for (int rc = 0; rc < RC_COUNT; rc++)
        CU_ASSERT(strlen(rc_text((enum rc)rc)) > 0);
    EXPECT_TEXT(slice_of(rc_text(RC_NOMEM)), "out of memory");
}

static enum rc tries(enum rc first, int *reached)
{
    TRY(first);
    *reached = 1;
    return RC_END;
}

static void try_passes_failures_up_and_success_on(void)
{
    int reached = 0;

    EXPECT_RC(tries(RC_LIMIT, &reached), RC_LIMIT);
    EXPECT_I64(reached, 0);
    EXPECT_RC(tries(RC_OK, &reached), RC_END);
    EXPECT_I64(reached, 1);
}

static CU_TestInfo tests[] = {
    {"a zeroed error is no error", a_zeroed_error_is_no_error},
    {"setting returns the code and keeps the sentence",
     setting_returns_the_code_and_keeps_the_sentence},
    {"wrapping puts the outer context first and passes the code on",
     wrapping_puts_the_outer_context_first_and_passes_the_code_on},
    {"wrapping keeps the errno", wrapping_keeps_the_errno},
    {"too much context cuts the inner end", too_much_context_cuts_the_inner_end},
    {"without an error to fill the code is returned all the same",
     without_an_error_to_fill_the_code_is_returned_all_the_same},
    {"every code has a text", every_code_has_a_text},
    {"try passes failures up and success on", try_passes_failures_up_and_success_on},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo error_suite = {"error", NULL, NULL, set_up, NULL, tests};
