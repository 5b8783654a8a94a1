#include "engine/told.h"

#include "engine/request_match.h"

bool told_begins(enum told_piece piece)
{
    return piece == TOLD_BODY || piece == TOLD_REFUSAL || piece == TOLD_BEGINS;
}

bool told_ends(enum told_piece piece)
{
    return piece == TOLD_BODY || piece == TOLD_REFUSAL || piece == TOLD_ENDS;
}

bool told_suffices(const struct scenario *scenario)
{
    for (uint32_t rule = 0; rule < scenario->chaos.rules_count; rule++) {
        if (request_match_needs_bytes(&scenario->chaos.rules[rule].match))
            return false;
    }
    for (uint32_t script = 0; script < scenario->scripts_count; script++) {
        if (request_match_needs_bytes(&scenario->scripts[script].match))
            return false;
    }
    return true;
}
