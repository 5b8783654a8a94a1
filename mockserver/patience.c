#include "patience.h"

#include <stddef.h>

void patience_forget(struct patience_link *link)
{
    struct patience *queue = link->queue;

    if (queue == NULL)
        return;
    if (link->before != NULL)
        link->before->behind = link->behind;
    else
        queue->first = link->behind;
    if (link->behind != NULL)
        link->behind->before = link->before;
    else
        queue->last = link->before;
    *link = (struct patience_link){0};
}

void patience_await(struct patience *queue, struct patience_link *link, nanos now)
{
    patience_forget(link);
    if (queue->last != NULL) /* `now` may have been read a moment before */
        now = nanos_max(now, queue->last->since);
    *link = (struct patience_link){.before = queue->last, .queue = queue, .since = now};
    if (queue->last != NULL)
        queue->last->behind = link;
    else
        queue->first = link;
    queue->last = link;
}

struct patience_link *patience_overdue(const struct patience *queue, nanos now)
{
    struct patience_link *first = queue->first;

    return first != NULL && now - first->since > queue->lasts ? first : NULL;
}
