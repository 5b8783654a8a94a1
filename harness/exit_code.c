#include "exit_code.h"

static int rank(enum exit_code code)
{
    switch (code) {
    case EXIT_PASS:
        return 0;
    case EXIT_INCONCLUSIVE:
        return 1;
    case EXIT_FAIL:
        return 2;
    case EXIT_NOT_CARRIED_OUT:
        return 3;
    case EXIT_USAGE:
        return 4;
    case EXIT_INTERRUPTED:
        return 5;
    }
    return 0;
}

enum exit_code exit_code_worse(enum exit_code a, enum exit_code b)
{
    return rank(a) >= rank(b) ? a : b;
}
