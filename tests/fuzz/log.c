/* Lines of an application's log: what is read is within its bounds, and the same whatever stands
 * behind the line's end. Response ids name a request or none. */

#include <string.h>

#include "fuzz.h"
#include "judge/app_log.h"
#include "scenario/subject.h"

static const char *const pointers[] = {"/id", "/response/id", "/*/id", "/0", ""};

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct app_log_entry entry = {0};
    struct log_map map;
    unsigned choice;
    struct slice line = fuzz_text(data, size, &choice);
    enum rc rc;

    log_map_init(&map);
    if (choice % 8 < ARRAY_SIZE(pointers))
        map.pointers[LOG_FIELD_ID] = slice_of(pointers[choice % 8]);
    rc = app_log_read(&map, line, &entry, NULL);
    FUZZ_CHECK(rc == RC_OK || rc == RC_MALFORMED);
    FUZZ_CHECK((rc == RC_MALFORMED) == entry.is_malformed);
    FUZZ_CHECK(!entry.is_malformed || entry.is_ours);
    FUZZ_CHECK(is_text(entry.id, sizeof(entry.id)) && is_text(entry.error, sizeof(entry.error)));
    FUZZ_CHECK(is_text(entry.model, sizeof(entry.model)));
    FUZZ_CHECK(!entry.has_latency || entry.latency_ms == entry.latency_ms);
    FUZZ_CHECK(entry.cost >= 0 || !entry.has_cost);
    (void)app_log_request(slice_of(entry.id));
    return 0;
}
