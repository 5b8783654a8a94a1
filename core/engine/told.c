#include "engine/told.h"

bool told_begins(enum told_piece piece)
{
    return piece == TOLD_BODY || piece == TOLD_REFUSAL || piece == TOLD_BEGINS;
}

bool told_ends(enum told_piece piece)
{
    return piece == TOLD_BODY || piece == TOLD_REFUSAL || piece == TOLD_ENDS;
}
