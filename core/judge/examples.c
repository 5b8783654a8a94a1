#include "judge/examples.h"

static bool is_before(struct call_id a, nanos a_due_at, struct call_id b, nanos b_due_at)
{
    if (a_due_at != b_due_at)
        return a_due_at < b_due_at;
    if (a.source != b.source)
        return a.source < b.source;
    return a.index < b.index;
}

void examples_offer(struct examples *examples, struct call_id id, nanos due_at, const char *text)
{
    uint32_t place = examples->count;

    while (place > 0 &&
           is_before(id, due_at, examples->list[place - 1].id, examples->list[place - 1].due_at))
        place--;
    if (place == ROW_EXAMPLES_MAX)
        return;
    if (examples->count < ROW_EXAMPLES_MAX)
        examples->count++;
    for (uint32_t i = examples->count - 1; i > place; i--)
        examples->list[i] = examples->list[i - 1];
    examples->list[place].id = id;
    examples->list[place].due_at = due_at;
    slice_copy(slice_of(text), examples->list[place].text, sizeof(examples->list[place].text));
}

void examples_copy(const struct examples *examples, const struct scenario *scenario,
                   struct verdict_row *row)
{
    row->examples_count = examples->count;
    for (uint32_t i = 0; i < examples->count; i++) {
        struct verdict_example *example = &row->examples[i];

        call_id_write(scenario, examples->list[i].id, example->call);
        slice_copy(slice_of(examples->list[i].text), example->text, sizeof(example->text));
    }
}
