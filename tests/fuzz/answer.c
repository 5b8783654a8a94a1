/* Answers in every format: streams, whole bodies and errors. The reader's judgement does not depend
 * on how the bytes were cut, and a stream without its end is never called ok. */

#include <string.h>

#include "engine/answer_reader.h"
#include "fuzz.h"

struct seen {
    enum outcome outcome;
    struct answer answer;
};

static struct seen read_in(struct slice text, unsigned choice, size_t piece)
{
    static const uint16_t statuses[] = {200, 200, 429, 529, 400, 500, 404, 413};
    struct attempt_record record = {0};
    struct answer_reader reader;
    struct answer_head head;
    struct seen seen;
    enum api api = (enum api)((choice & 1) | (choice >> 5 & 2));
    bool stream = (choice & 2) != 0;

    answer_head_clear(&head);
    head.status = statuses[(choice >> 2) % ARRAY_SIZE(statuses)];
    head.is_stream = stream && head.status == 200;
    head.has_type = true;
    head.is_json = !head.is_stream;
    reader_init(&reader, memory_heap());
    reader_begin(&reader, api, stream);
    reader_head(&reader, &head, 1, 0, &record);
    while (text.size > 0)
        reader_body(&reader, fuzz_cut(&text, piece), 2, &record);
    memset(&seen, 0, sizeof(seen));
    seen.outcome = reader_end(&reader, (choice & 32) != 0 ? END_SHORT : END_WHOLE, &record);
    seen.answer = reader.answer;
    if (seen.outcome == OUTCOME_OK)
        FUZZ_CHECK(reader.answer.is_complete && head.status == 200);
    reader_deinit(&reader);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice;
    struct slice text = fuzz_text(data, size, &choice);
    struct seen whole = read_in(text, choice, text.size + 1);
    struct seen cut = read_in(text, choice, 1 + (choice >> 6) * 7);

    FUZZ_CHECK(whole.outcome == cut.outcome);
    FUZZ_CHECK(whole.answer.content_bytes == cut.answer.content_bytes);
    FUZZ_CHECK(whole.answer.usage.output_tokens == cut.answer.usage.output_tokens);
    FUZZ_CHECK(strcmp(whole.answer.stop_reason, cut.answer.stop_reason) == 0);
    return 0;
}
