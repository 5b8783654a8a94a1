#include "judge/examples.h"

static bool is_before(struct call_id a, nanos a_due_at, struct call_id b, nanos b_due_at)
{
    if (a_due_at != b_due_at)
        return a_due_at < b_due_at;
    if (a.source != b.source)
        return a.source < b.source;
    return a.index < b.index;
}

/* Where it goes, the others having made room; ROW_EXAMPLES_MAX: nowhere. */
static uint32_t make_room(struct examples *examples, struct call_id id, nanos due_at)
{
    uint32_t place = examples->count;

    while (place > 0 &&
           is_before(id, due_at, examples->list[place - 1].id, examples->list[place - 1].due_at))
        place--;
    if (place == ROW_EXAMPLES_MAX)
        return place;
    if (examples->count < ROW_EXAMPLES_MAX)
        examples->count++;
    for (uint32_t i = examples->count - 1; i > place; i--)
        examples->list[i] = examples->list[i - 1];
    return place;
}

static void offer(struct examples *examples, struct call_id id, const char *name, nanos due_at,
                  const char *text)
{
    uint32_t place = make_room(examples, id, due_at);

    if (place == ROW_EXAMPLES_MAX)
        return;
    examples->list[place].id = id;
    examples->list[place].due_at = due_at;
    slice_copy(slice_of(name), examples->list[place].name, sizeof(examples->list[place].name));
    slice_copy(slice_of(text), examples->list[place].text, sizeof(examples->list[place].text));
}

void examples_offer(struct examples *examples, struct call_id id, nanos due_at, const char *text)
{
    offer(examples, id, "", due_at, text);
}

void examples_offer_named(struct examples *examples, const char *name, nanos at, const char *text)
{
    offer(examples, (struct call_id){0}, name, at, text);
}

void examples_copy(const struct examples *examples, const struct scenario *scenario,
                   struct verdict_row *row)
{
    row->examples_count = examples->count;
    for (uint32_t i = 0; i < examples->count; i++) {
        struct verdict_example *example = &row->examples[i];

        if (examples->list[i].name[0] == '\0')
            call_id_write(scenario, examples->list[i].id, example->call);
        else
            slice_copy(slice_of(examples->list[i].name), example->call, sizeof(example->call));
        slice_copy(slice_of(examples->list[i].text), example->text, sizeof(example->text));
    }
}
