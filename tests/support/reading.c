#include "tests/support/reading.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "wire/sse.h"

enum { EVENT_BYTES_MAX = 1 << 20 };

static void read_event(enum api api, const struct sse_event *event, struct reading *reading)
{
    struct answer_step step = {0};

    reading->events++;
    if (format_read_event(api, event->name, event->data, &reading->answer, &step) != RC_OK)
        reading->malformed++;
    reading->tokens += step.has_token;
    reading->contents += step.has_content;
    reading->ends += step.is_end;
    if (reading->answer.is_complete && reading->complete_at == 0)
        reading->complete_at = reading->events;
}

struct reading read_stream(enum api api, struct slice stream)
{
    struct reading reading = {0};
    struct sse_event event;
    struct sse sse;

    sse_init(&sse, memory_heap(), EVENT_BYTES_MAX);
    sse_feed(&sse, stream);
    while (sse_next(&sse, &event) == RC_OK)
        read_event(api, &event, &reading);
    sse_deinit(&sse);
    return reading;
}

struct slice exact_copy(struct slice bytes)
{
    char *data = malloc(bytes.size > 0 ? bytes.size : 1);

    CU_ASSERT_FATAL(data != NULL);
    if (bytes.size > 0)
        memcpy(data, bytes.data, bytes.size);
    return (struct slice){data, bytes.size};
}
