#include "secrecy.h"

#include <sys/prctl.h>

void secrecy_begin(void)
{
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

void secrecy_end(void)
{
    prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}
