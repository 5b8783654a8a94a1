/* Lines of evidence, and whole files with checkpoints. What can be read is written and read again
 * to the same line; a file hands out the same lines whatever the cuts. */

#include "fuzz.h"
#include "judge/checkpoint.h"
#include "judge/evidence.h"

enum { ARENA_BYTES_MAX = 16 << 20, LINE_BYTES_MAX = 1 << 20 };

static const char text[] =
    "{\"name\": \"fuzz\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"careful\"}},"
    " \"target\": {\"mock\": {\"models\": {\"claude-sonnet-4-5\": {\"api\": \"anthropic\"},"
    " \"gpt-4o\": {\"api\": \"openai-chat\"}}}},"
    " \"load\": {\"requests\": [{\"model\": \"gpt-4o\", \"input_tokens\": 9, \"output_tokens\": "
    "9}],"
    " \"arrivals\": [{\"part\": \"steady\", \"rate\": \"10/s\", \"for\": \"10s\"}]},"
    " \"chaos\": [{\"phase\": \"limits\", \"at\": \"1s\", \"for\": \"2s\", \"fault\": {\"status\": "
    "429}}],"
    " \"monitor\": {\"budgets\": [{\"name\": \"hourly\", \"limit\": \"$1.00\", \"per\": \"1h\"}],"
    " \"hook\": \"mock\"}}";

static const struct scenario *known_scenario(void)
{
    static struct scenario scenario;
    static struct arena arena;
    static bool is_loaded;
    struct error err = {0};

    if (is_loaded)
        return &scenario;
    arena_init(&arena, memory_heap(), ARENA_BYTES_MAX);
    FUZZ_CHECK(scenario_load(&scenario, slice_of(text), SLICE("fuzz"), NULL, &arena, &err) ==
               RC_OK);
    is_loaded = true;
    return &scenario;
}

static struct slice without_lf(const struct buffer *line)
{
    return slice_trim(buffer_slice(line));
}

/* The kinds of line share a shape: read, write, read, write, compare. */
#define CHECK_ROUND_TRIP(record_type, read, write)                              \
    static void check_##read(struct slice line)                                 \
    {                                                                           \
        static record_type record; /* large */                                  \
        const struct scenario *scenario = known_scenario();                     \
        struct buffer first, again;                                             \
        struct error err = {0};                                                 \
                                                                                \
        if (read(scenario, line, &record, &err) != RC_OK)                       \
            return;                                                             \
        buffer_init(&first, memory_heap(), LINE_BYTES_MAX);                     \
        buffer_init(&again, memory_heap(), LINE_BYTES_MAX);                     \
        write(scenario, &record, &first);                                       \
        FUZZ_CHECK(first.rc == RC_OK);                                          \
        FUZZ_CHECK(read(scenario, without_lf(&first), &record, &err) == RC_OK); \
        write(scenario, &record, &again);                                       \
        FUZZ_CHECK(slice_is(buffer_slice(&first), buffer_slice(&again)));       \
        buffer_deinit(&first);                                                  \
        buffer_deinit(&again);                                                  \
    }

CHECK_ROUND_TRIP(struct call_record, evidence_read_call, evidence_write_call)
CHECK_ROUND_TRIP(struct journal_record, evidence_read_journal, evidence_write_journal)
CHECK_ROUND_TRIP(struct alert_record, evidence_read_alert, evidence_write_alert)

/* An attempt is written with its call, so it is only read. */
static void check_attempt(struct slice line)
{
    struct attempt_line attempt;
    struct error err = {0};

    (void)(evidence_read_attempt(known_scenario(), line, &attempt, &err) == RC_OK);
}

static uint64_t lines_of(struct slice bytes, size_t piece)
{
    struct checkpointed file;
    struct slice line;
    uint64_t sum = 0;
    uint64_t number;

    checkpointed_init(&file, memory_heap());
    while (bytes.size > 0) {
        checkpointed_feed(&file, fuzz_cut(&bytes, piece));
        while (checkpointed_next(&file, &line, &number))
            sum = fuzz_fold(sum, line) + number;
    }
    checkpointed_end(&file);
    while (checkpointed_next(&file, &line, &number))
        sum = fuzz_fold(sum, line) + number;
    sum = fuzz_fold(sum, slice_of(file.damage)) + file.has_end;
    checkpointed_deinit(&file);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice;
    struct slice bytes = fuzz_text(data, size, &choice);

    switch (choice & 7) {
    case 0:
        check_evidence_read_call(bytes);
        break;
    case 1:
        check_attempt(bytes);
        break;
    case 2:
        check_evidence_read_journal(bytes);
        break;
    case 3:
        check_evidence_read_alert(bytes);
        break;
    default:
        FUZZ_CHECK(lines_of(bytes, 1 + choice) == lines_of(bytes, bytes.size + 1));
    }
    return 0;
}
