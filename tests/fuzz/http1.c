/* Whatever the cuts, the same requests come out, and the same refusal. */

#include "fuzz.h"
#include "wire/http1.h"

enum { BODY_BYTES_MAX = 4096 };

static uint64_t fold_request(uint64_t sum, const struct http_request *request)
{
    sum = fuzz_fold(fuzz_fold(sum, request->method), request->path);
    for (uint32_t i = 0; i < request->headers_count; i++)
        sum = fuzz_fold(fuzz_fold(sum, request->headers[i].name), request->headers[i].value);
    return fuzz_fold(sum, request->body) + request->keeps_alive + 2U * request->is_http10;
}

static uint64_t requests_of(struct slice text, size_t piece)
{
    uint64_t sum = 0;
    enum rc rc = RC_AGAIN;
    struct http1 http;

    http1_init(&http, memory_heap(), BODY_BYTES_MAX);
    while (text.size > 0 && rc == RC_AGAIN) {
        struct http_request request;

        http1_feed(&http, fuzz_cut(&text, piece));
        while ((rc = http1_next(&http, &request)) == RC_OK)
            sum = fold_request(sum, &request);
    }
    if (rc != RC_AGAIN)
        FUZZ_CHECK(http.status >= 400 || rc == RC_NOMEM);
    sum = sum * 31 + (uint64_t)rc;
    http1_deinit(&http);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice;
    struct slice text = fuzz_text(data, size, &choice);

    FUZZ_CHECK(requests_of(text, 1 + choice % 64) == requests_of(text, text.size + 1));
    return 0;
}
