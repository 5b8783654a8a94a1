/* Answers of a service that speaks JSON of its own, whole and streamed as events or lines: the same
 * judgement, and the same words heard, whatever the cuts. */

#include <string.h>

#include "engine/answer_reader.h"
#include "fuzz.h"

struct seen {
    enum outcome outcome;
    struct heard heard;
};

static const struct service_rules by_mark = {
    .is_plain = true, .answer = {"/reply/text", 11}, .delta = {"/delta", 6}, .done = {"[DONE]", 6}};
static const struct service_rules by_member = {.is_plain = true,
                                               .answer = {"/*/text", 7},
                                               .delta = {"/choices/*/delta", 16},
                                               .ends_at = {"/finish", 7}};

static struct seen read_in(struct slice text, unsigned choice, size_t piece)
{
    struct attempt_record record = {0};
    struct answer_reader reader;
    struct answer_head head;
    struct seen seen;
    bool stream = (choice & 1) != 0;

    answer_head_clear(&head);
    head.status = (choice & 2) != 0 ? 200 : 529;
    head.is_stream = stream && (choice & 4) != 0; /* else lines of JSON */
    head.has_type = true;
    head.is_json = !head.is_stream;
    reader_init(&reader, memory_heap());
    reader.service.rules = (choice & 8) != 0 ? &by_mark : &by_member;
    reader_begin(&reader, API_OPENAI_CHAT, stream);
    reader_head(&reader, &head, 1, 0, &record);
    while (text.size > 0)
        reader_body(&reader, fuzz_cut(&text, piece), 2, &record);
    memset(&seen, 0, sizeof(seen));
    seen.outcome = reader_end(&reader, (choice & 16) != 0 ? END_SHORT : END_WHOLE, &record);
    seen.heard = service_answer_heard(&reader.service);
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
    FUZZ_CHECK(whole.heard.words == cut.heard.words && whole.heard.marks == cut.heard.marks);
    FUZZ_CHECK(whole.heard.repeated == cut.heard.repeated);
    FUZZ_CHECK(whole.heard.missing == cut.heard.missing);
    return 0;
}
