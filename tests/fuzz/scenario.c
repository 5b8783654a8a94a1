/* A scenario file: refused with its place, or loaded; what is loaded prints as a scenario that
 * loads again and prints the same. Laws and expectations are read as well. */

#include <string.h>

#include "fuzz.h"
#include "judge/judge.h"
#include "scenario/scenario.h"

enum { ARENA_BYTES_MAX = 64 << 20, PRINT_BYTES_MAX = 8 << 20 };

static enum rc read_trace(void *context, struct slice path, struct arena *arena,
                          struct slice *bytes, struct error *err)
{
    (void)context;
    (void)path;
    *bytes = arena_copy(arena, SLICE("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                     "2023-11-16 18:17:03.9799600,4808,10\n"
                                     "2023-11-16 18:17:04.0319600,3180,8\n"));
    return bytes->data != NULL ? RC_OK : error_set(err, RC_NOMEM, "out of memory");
}

static const struct file_reader files = {read_trace, NULL};

static void check_error(enum rc rc, const struct error *err)
{
    FUZZ_CHECK(rc == RC_MALFORMED || rc == RC_LIMIT);
    FUZZ_CHECK(err->rc == rc && err->text[0] != '\0');
}

static void read_laws(const struct scenario *scenario)
{
    struct judge *judge;
    struct error err = {0};
    enum rc rc = judge_new(&judge, scenario, memory_heap(), &err);

    if (rc == RC_OK)
        judge_free(judge);
    else
        check_error(rc, &err);
}

/* Prints what loads; false when it is refused. */
static bool print(struct slice text, struct buffer *out)
{
    struct scenario *scenario = memory_zeroed(memory_heap(), 1, sizeof(*scenario));
    struct error err = {0};
    struct arena arena;
    enum rc rc;

    FUZZ_CHECK(scenario != NULL);
    arena_init(&arena, memory_heap(), ARENA_BYTES_MAX);
    rc = scenario_load(scenario, text, SLICE("fuzz"), &files, &arena, &err);
    if (rc == RC_OK) {
        scenario_write(scenario, out);
        read_laws(scenario);
    } else {
        check_error(rc, &err);
    }
    arena_deinit(&arena);
    memory_release(memory_heap(), scenario);
    return rc == RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct buffer first, again;

    buffer_init(&first, memory_heap(), PRINT_BYTES_MAX);
    buffer_init(&again, memory_heap(), PRINT_BYTES_MAX);
    if (print(text, &first) && first.rc == RC_OK) {
        FUZZ_CHECK(print(buffer_slice(&first), &again));
        FUZZ_CHECK(slice_is(buffer_slice(&first), buffer_slice(&again)));
    }
    buffer_deinit(&first);
    buffer_deinit(&again);
    return 0;
}
