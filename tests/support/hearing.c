#include "tests/support/hearing.h"

#include <string.h>

#include <CUnit/CUnit.h>

void hearing_begin(struct hearing *hearing, const char *laws, const char *expectation)
{
    sample_scenario(&hearing->scenario);
    hearing_start(hearing, laws, expectation);
}

void hearing_start(struct hearing *hearing, const char *laws, const char *expectation)
{
    struct scenario *s = &hearing->scenario;

    if (laws != NULL) {
        s->text = slice_of(laws);
        s->laws = (struct scenario_text){s->text, {1, 1}};
    }
    if (expectation != NULL)
        s->expects[s->expects_count++] =
            (struct scenario_text){slice_of(expectation), {.line = 7, .column = 4}};
    hearing->judge = NULL;
    hearing->err = (struct error){0};
    hearing->facts =
        (struct run_facts){.cut_at = 80 * NANOS_S, .has_journal = true, .journal_is_whole = true};
    hearing->rc = judge_new(&hearing->judge, s, memory_heap(), &hearing->err);
}

void hearing_feed(struct hearing *hearing, const struct call_record *call)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(hearing->judge);
    for (uint32_t i = 0; i < call->attempts_count; i++) {
        struct journal_record record;

        if (call->attempts[i].sent_at == NANOS_NEVER)
            continue;
        record = sample_journal(&hearing->scenario, call, i);
        judge_feed_journal(hearing->judge, &record);
    }
    judge_feed_call(hearing->judge, call);
    hearing->facts.calls_planned++;
}

void hearing_feed_calls(struct hearing *hearing, uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < from + count; i++) {
        struct call_record call = sample_call(i);

        hearing_feed(hearing, &call);
    }
}

void hearing_finish(struct hearing *hearing)
{
    judge_finish(hearing->judge, &hearing->facts);
}

const struct verdict_row *hearing_row(const struct hearing *hearing, const char *name)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(hearing->judge, &count);

    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    CU_FAIL_FATAL("no such row");
    return NULL;
}

void hearing_end(struct hearing *hearing)
{
    judge_free(hearing->judge);
    hearing->judge = NULL;
}
