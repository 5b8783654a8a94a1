#include "engine/observe.h"

struct observation observe_call(const struct scenario *scenario, const struct call_record *call,
                                char *id_text)
{
    bool has_ended = call->ended_at != NANOS_NEVER;
    uint32_t id_size = call_id_write(scenario, call->id, id_text);

    return (struct observation){
        .call = {id_text, id_size},
        .model = slice_of(scenario->models[call->model_answered].name),
        .model_index = call->model_answered,
        .outcome = call->outcome,
        .latency = has_ended ? call->ended_at - call->due_at : NANOS_NEVER,
        .has_answer = call->outcome == OUTCOME_OK || call->outcome == OUTCOME_USELESS,
        .cost = call->cost,
        .output_tokens = call->usage.is_known ? call->usage.output_tokens : 0,
    };
}
