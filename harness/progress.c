#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void progress_begin(struct progress *p, nanos t0, nanos lasts, bool is_wanted)
{
    *p = (struct progress){.t0 = t0, .lasts = lasts, .next_at = t0};
    p->is_shown = is_wanted && isatty(STDERR_FILENO);
}

void progress_call(struct progress *p, bool has_failed)
{
    p->calls++;
    p->failed += has_failed;
}

void progress_show(struct progress *p, nanos now)
{
    if (!p->is_shown || now < p->next_at)
        return;
    p->next_at = now + NANOS_S;
    p->has_line = true;
    fprintf(stderr,
            "\r\033[K%" PRId64 " of %" PRId64 " s  %" PRIu64 " calls ended, %" PRIu64 " not ok",
            (now - p->t0) / NANOS_S, (p->lasts + NANOS_S - 1) / NANOS_S, p->calls, p->failed);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (!p->has_line)
        return;
    fputs("\r\033[K", stderr);
    p->has_line = false;
}
