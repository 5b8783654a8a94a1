#include "engine/refusals.h"

#include <string.h>

enum { REFUSAL_BYTES_MAX = 1 << 16 };

void refusals_init(struct refusals *r, const struct memory *memory)
{
    *r = (struct refusals){0};
    buffer_init(&r->bytes, memory, REFUSAL_BYTES_MAX);
}

void refusals_deinit(struct refusals *r)
{
    buffer_deinit(&r->bytes);
}

static const struct refusal_read *find(const struct refusals *r, uint32_t model,
                                       const struct refusal *refusal)
{
    for (uint32_t i = 0; i < REFUSALS_MAX; i++) {
        const struct refusal_read *read = &r->list[i];

        if (read->is_known && read->model == model && read->status == refusal->status &&
            read->failure == refusal->failure)
            return read;
    }
    return NULL;
}

static const struct refusal_read *learn(struct refusals *r, enum api api, uint32_t model,
                                        const struct refusal *refusal)
{
    struct refusal_read *read = &r->list[r->oldest++ % REFUSALS_MAX];

    *read = (struct refusal_read){
        .model = model, .status = refusal->status, .failure = refusal->failure};
    buffer_clear(&r->bytes);
    format_write_refusal(api, refusal, &r->bytes);
    read->is_known = r->bytes.rc == RC_OK;
    format_read_error(api, refusal->status, buffer_slice(&r->bytes), &read->answer);
    return read;
}

void refusals_read(struct refusals *r, enum api api, uint32_t model, const struct refusal *refusal,
                   struct answer *answer)
{
    const struct refusal_read *read = find(r, model, refusal);

    if (read == NULL)
        read = learn(r, api, model, refusal);
    answer->failure = read->answer.failure;
    memcpy(answer->error_type, read->answer.error_type, sizeof(answer->error_type));
    memcpy(answer->error_message, read->answer.error_message, sizeof(answer->error_message));
}
