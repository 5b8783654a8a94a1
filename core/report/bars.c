#include "report/bars.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "judge/call_case.h"
#include "judge/readable.h"
#include "report/layout.h"

enum { COLUMNS = 60, LABEL = 26 };

/* Where the bars begin and how much time they show. */
struct axis {
    nanos from;
    nanos lasts; /* above 0 */
};

static uint32_t column_of(const struct axis *axis, nanos at)
{
    double share;

    if (at <= axis->from)
        return 0;
    share = (double)(at - axis->from) / (double)axis->lasts;
    return share >= 1.0 ? COLUMNS - 1 : (uint32_t)(share * COLUMNS);
}

static void fill(const struct axis *axis, char *cells, nanos from, nanos to, char sign)
{
    for (uint32_t i = column_of(axis, from); i <= column_of(axis, to); i++)
        cells[i] = sign;
}

static void draw(const struct story *story, const struct axis *axis, uint32_t index, char *cells)
{
    const struct attempt_record *attempt = &story->call->attempts[index];
    nanos deadline = nanos_add(axis->from, story->scenario->load.deadline);
    nanos waits_from = index > 0 ? attempt[-1].ended_at : axis->from;
    bool is_open = attempt->ended_at == NANOS_NEVER;
    nanos ends_at = is_open ? story_ends_at(story) : attempt->ended_at;

    memset(cells, ' ', COLUMNS);
    if (waits_from < attempt->handed_at)
        fill(axis, cells, waits_from, attempt->handed_at, '.');
    fill(axis, cells, attempt->handed_at, ends_at, '-');
    if (attempt->first_token_at != NANOS_NEVER)
        fill(axis, cells, attempt->first_token_at,
             attempt->last_content_at != NANOS_NEVER ? attempt->last_content_at : ends_at, '=');
    if (deadline < axis->from + axis->lasts)
        cells[column_of(axis, deadline)] = '!';
    cells[column_of(axis, ends_at)] = is_open ? '>' : attempt->outcome == OUTCOME_OK ? 'o' : 'x';
}

/* What the caller does after its last attempt: wait to try again, or before it gives up. */
static void draw_end(const struct story *story, const struct axis *axis, char *cells)
{
    const struct attempt_record *last = call_last_attempt(story->call);
    nanos ends_at = story->call->ended_at;

    if (last->ended_at == NANOS_NEVER)
        return;
    if (ends_at == NANOS_NEVER)
        ends_at = story_ends_at(story);
    for (uint32_t i = column_of(axis, last->ended_at) + 1; i <= column_of(axis, ends_at); i++)
        if (cells[i] == ' ')
            cells[i] = '.';
    if (story->call->ended_at == NANOS_NEVER)
        cells[COLUMNS - 1] = '>';
}

static void write_bar(const struct story *story, const struct axis *axis, uint32_t index,
                      struct buffer *out)
{
    const struct attempt_record *attempt = &story->call->attempts[index];
    char cells[COLUMNS], label[128], end[96];

    draw(story, axis, index, cells);
    if (attempt == call_last_attempt(story->call))
        draw_end(story, axis, cells);
    snprintf(label, sizeof(label), "%3" PRIu32 " %s", attempt->ordinal,
             story_model(story, attempt->model));
    story_write_end(attempt, end, sizeof(end));
    buffer_text(out, "  ");
    layout_left(out, label, LABEL - 2);
    buffer_byte(out, '|');
    buffer_append(out, (struct slice){cells, sizeof(cells)});
    buffer_printf(out, "|  %s\n", end);
}

static void write_axis(const struct axis *axis, struct buffer *out)
{
    buffer_text(out, "\n  ");
    layout_left(out, "attempt", LABEL - 1);
    buffer_text(out, "0 s");
    layout_right(out, readable_span(axis->lasts).text, COLUMNS - 3);
    buffer_text(out, " after due\n");
}

void story_bars(const struct story *story, struct buffer *out)
{
    const struct call_record *call = story->call;
    struct axis axis = {.from = call->due_at, .lasts = story_ends_at(story) - call->due_at};

    if (call_attempts_kept(call) == 0)
        return;
    if (axis.lasts == 0)
        axis.lasts = 1;
    write_axis(&axis, out);
    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        write_bar(story, &axis, i, out);
    layout_spaces(out, LABEL + 1);
    buffer_text(out, ". waits   - no token   = answer comes   o ok   x failed\n");
    layout_spaces(out, LABEL + 1);
    buffer_text(out, "> still open   ! deadline\n");
}
