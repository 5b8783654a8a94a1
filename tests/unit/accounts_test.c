#include "judge/accounts.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

enum { MOST = 8 };

static struct account_call calls[MOST];
static struct account_name requests[MOST], names[MOST];
static struct app_log_entry entries[MOST];
static struct accounts accounts;

static void set_up(void)
{
    memset(calls, 0, sizeof(calls));
    memset(entries, 0, sizeof(entries));
    accounts =
        (struct accounts){.calls = calls, .requests = requests, .names = names, .entries = entries};
}

/* Call number `requests_count`, of one request whose number is the call's, from 1. */
static void call(nanos begun_at, nanos over_at, bool is_ok)
{
    uint32_t at = accounts.calls_count++;
    char name[16];

    calls[at] = (struct account_call){.begun_at = begun_at, .over_at = over_at, .is_ok = is_ok};
    requests[accounts.requests_count++] = (struct account_name){at + 1, at, false};
    snprintf(name, sizeof(name), at % 2 == 0 ? "mark:k%u" : "trace-id:%u", at + 1);
    names[accounts.names_count++] = (struct account_name){account_key(slice_of(name)), at, false};
}

static struct app_log_entry *line(const char *error)
{
    struct app_log_entry *entry = &entries[accounts.entries_count++];

    entry->is_ours = true;
    strcpy(entry->error, error);
    return entry;
}

static void line_of(const char *id)
{
    strcpy(line("")->id, id);
}

/* "LINE" by call, "failure" or "-". */
static struct slice joined(void)
{
    static char text[128];
    size_t used = 0;

    accounts_join(&accounts);
    text[0] = '\0';
    for (uint32_t i = 0; i < accounts.calls_count; i++) {
        const char *gap = i > 0 ? " " : "";

        if (calls[i].account == ACCOUNT_LINE)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", gap, calls[i].entry);
        else
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", gap,
                                     calls[i].account == ACCOUNT_FAILURE ? "failure" : "-");
    }
    return slice_of(text);
}

static void lines_are_joined_by_whatever_they_name(void)
{
    for (int i = 0; i < 4; i++)
        call(0, 10, true);
    line_of("chatcmpl-00000000000000ffr2");
    strcpy(line("")->request, "req_00000000000000ffr1");
    strcpy(line("")->call, "k3");
    strcpy(line("")->call, "4");
    EXPECT_TEXT(joined(), "1 0 2 3");
    EXPECT_U64(accounts.lines, 4);
    EXPECT_U64(accounts.strangers, 0);
    CU_ASSERT_FALSE(calls[0].is_doubled);
}

static void what_names_no_request_of_the_mock_is_a_stranger(void)
{
    call(0, 10, true);
    line_of("chatcmpl-00000000000000ffr7");
    line_of("chatcmpl-AbCdEf");
    strcpy(line("")->call, "k9");
    EXPECT_TEXT(joined(), "-");
    EXPECT_U64(accounts.strangers, 3);
}

static void a_second_line_of_a_request_is_noticed(void)
{
    call(0, 10, true);
    line_of("00000000000000ffr1");
    line_of("00000000000000ffr1");
    EXPECT_TEXT(joined(), "1");
    CU_ASSERT(calls[0].is_doubled);
}

static void lines_without_names_follow_calls_that_follow_each_other(void)
{
    call(0, 10, true);
    call(10, 20, false);
    call(20, 30, true);
    line("");
    line("timeout");
    line_of("00000000000000ffr3");
    EXPECT_TEXT(joined(), "0 1 2");
    EXPECT_U64(accounts.strangers, 0);
}

static void a_line_that_cannot_be_read_is_nobodys(void)
{
    call(0, 10, true);
    line("")->is_malformed = true;
    entries[0].is_unreadable = true;
    EXPECT_TEXT(joined(), "-");
    EXPECT_U64(accounts.lines, 1);
    EXPECT_U64(accounts.malformed, 1);
    EXPECT_U64(accounts.strangers, 1);
}

static void lines_without_names_are_strangers_where_calls_overlap_or_are_more(void)
{
    call(0, 10, true);
    call(9, 20, true);
    line("");
    line("");
    EXPECT_TEXT(joined(), "- -");
    EXPECT_U64(accounts.strangers, 2);
    calls[1].begun_at = 10;
    accounts.entries_count = 1;
    EXPECT_TEXT(joined(), "- -");
    EXPECT_U64(accounts.strangers, 1);
}

static void failures_that_name_nothing_are_those_of_calls_that_failed(void)
{
    call(0, 10, true);
    call(1, 10, false);
    call(2, 10, false);
    call(3, 10, false);
    line_of("00000000000000ffr1");
    line("overloaded");
    line("overloaded");
    EXPECT_TEXT(joined(), "0 failure failure -");
    EXPECT_U64(accounts.strangers, 0);
}

static void more_failures_than_calls_that_failed_are_strangers(void)
{
    call(0, 10, true);
    call(1, 10, false);
    line("overloaded");
    line("overloaded");
    EXPECT_TEXT(joined(), "- failure");
    EXPECT_U64(accounts.strangers, 1);
}

static void what_is_not_ours_is_not_counted(void)
{
    call(0, 10, true);
    line("")->is_ours = false;
    line("")->is_malformed = true;
    line("")->has_canary = true;
    accounts_join(&accounts);
    EXPECT_U64(accounts.lines, 2);
    EXPECT_U64(accounts.malformed, 1);
    EXPECT_U64(accounts.leaking, 1);
}

static void nothing_is_joined_to_nothing(void)
{
    EXPECT_TEXT(joined(), "");
    line("");
    EXPECT_TEXT(joined(), "");
    EXPECT_U64(accounts.strangers, 1);
}

static CU_TestInfo tests[] = {
    {"lines are joined by whatever they name", lines_are_joined_by_whatever_they_name},
    {"what names no request of the mock is a stranger",
     what_names_no_request_of_the_mock_is_a_stranger},
    {"a second line of a request is noticed", a_second_line_of_a_request_is_noticed},
    {"lines without names follow calls that follow each other",
     lines_without_names_follow_calls_that_follow_each_other},
    {"a line that cannot be read is nobody's", a_line_that_cannot_be_read_is_nobodys},
    {"lines without names are strangers where calls overlap or are more",
     lines_without_names_are_strangers_where_calls_overlap_or_are_more},
    {"failures that name nothing are those of calls that failed",
     failures_that_name_nothing_are_those_of_calls_that_failed},
    {"more failures than calls that failed are strangers",
     more_failures_than_calls_that_failed_are_strangers},
    {"what is not ours is not counted", what_is_not_ours_is_not_counted},
    {"nothing is joined to nothing", nothing_is_joined_to_nothing},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo accounts_suite = {"accounts", NULL, NULL, set_up, NULL, tests};
