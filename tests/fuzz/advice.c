/* Retry advice from any head: what is told to wait lies between nothing and ten years, and a form
 * that cannot be obeyed asks for no wait. Dates that are read are written back to the same instant.
 */

#include "fuzz.h"
#include "wire/answer_head.h"
#include "wire/http_date.h"

static const nanos TEN_YEARS = 3653LL * 24 * 3600 * NANOS_S;

static void check_advice(struct slice text)
{
    struct answer_head head;
    struct advice advice;
    struct slice line;
    bool is_usable;

    answer_head_clear(&head);
    while (slice_cut(&text, '\n', &line))
        answer_head_line(&head, line);
    answer_head_line(&head, text);
    advice = answer_head_advice(&head, 1767225600 * NANOS_S);
    is_usable = advice.form != ADVICE_NONE && advice.form != ADVICE_UNUSABLE;
    FUZZ_CHECK(advice.wait >= 0 && advice.wait <= TEN_YEARS);
    FUZZ_CHECK(is_usable == (advice.wait > 0));
}

static void check_date(struct slice text)
{
    struct buffer out;
    int64_t first, again;

    if (http_date_read(text, &first) != RC_OK)
        return;
    buffer_init(&out, memory_heap(), 64);
    http_date_write(&out, first);
    FUZZ_CHECK(http_date_read(buffer_slice(&out), &again) == RC_OK && again == first);
    buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    int64_t unix_s;

    check_advice(text);
    check_date(text);
    if (rfc3339_read(text, &unix_s) == RC_OK)
        FUZZ_CHECK(unix_s > -63000000000 && unix_s < 260000000000);
    return 0;
}
