/* Whatever the cuts, the same events come out. */

#include "fuzz.h"
#include "wire/sse.h"

enum { EVENT_BYTES_MAX = 4096 };

static uint64_t events_of(struct slice text, size_t piece)
{
    uint64_t sum = 0;
    enum rc rc = RC_AGAIN;
    struct sse sse;

    sse_init(&sse, memory_heap(), EVENT_BYTES_MAX);
    while (text.size > 0 && rc == RC_AGAIN) {
        struct sse_event event;

        sse_feed(&sse, fuzz_cut(&text, piece));
        while ((rc = sse_next(&sse, &event)) == RC_OK)
            sum = fuzz_fold(fuzz_fold(sum, event.name), event.data);
    }
    sum = sum * 31 + (rc == RC_AGAIN && sse_has_rest(&sse)) + 2 * (uint64_t)rc;
    sse_deinit(&sse);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice;
    struct slice text = fuzz_text(data, size, &choice);

    FUZZ_CHECK(events_of(text, 1 + choice % 32) == events_of(text, text.size + 1));
    return 0;
}
