#include "engine/link.h"

#include <assert.h>
#include <string.h>

enum { QUEUE_MESSAGES_FIRST = 64, QUEUE_BYTES_FIRST = 16384 };

struct entry {
    nanos arrives_at;
    size_t bytes_at;
    struct link_message message; /* slices hold sizes only */
};

/* Entries in a ring; their bytes one after another in a run that is moved down when it empties. */
struct link_queue {
    nanos delay;
    struct entry *entries;
    uint32_t size, first, count; /* size is a power of two */
    char *bytes;
    size_t bytes_size, bytes_capacity;
};

enum rc link_init(struct link *link, const struct link_rules *rules, const struct memory *memory)
{
    *link = (struct link){.rules = rules, .memory = memory};
    link->queues = memory_zeroed(memory, LINK_LANES, sizeof(*link->queues));
    if (link->queues == NULL)
        return RC_NOMEM;
    link->queues[LINK_NEW].delay = rules->connect;
    link->queues[LINK_POOLED].delay = rules->latency;
    link->queues[LINK_ANSWER].delay = rules->latency;
    return RC_OK;
}

void link_deinit(struct link *link)
{
    if (link->queues == NULL)
        return;
    for (int lane = 0; lane < LINK_LANES; lane++) {
        memory_release(link->memory, link->queues[lane].entries);
        memory_release(link->memory, link->queues[lane].bytes);
    }
    memory_release(link->memory, link->queues);
    *link = (struct link){0};
}

static bool grow_entries(struct link *link, struct link_queue *queue)
{
    uint32_t size = queue->size > 0 ? 2 * queue->size : QUEUE_MESSAGES_FIRST;
    struct entry *entries = memory_zeroed(link->memory, size, sizeof(*entries));

    if (entries == NULL)
        return false;
    for (uint32_t i = 0; i < queue->count; i++)
        entries[i] = queue->entries[(queue->first + i) & (queue->size - 1)];
    memory_release(link->memory, queue->entries);
    queue->entries = entries;
    queue->size = size;
    queue->first = 0;
    return true;
}

/* Bytes of messages already taken lie in front: they are dropped when that makes room. */
static bool make_room(struct link *link, struct link_queue *queue, size_t size)
{
    size_t used_at = queue->count > 0 ? queue->entries[queue->first].bytes_at : queue->bytes_size;
    size_t wanted;
    char *bytes;

    if (queue->bytes_capacity - queue->bytes_size >= size)
        return true;
    if (used_at > 0 && used_at >= queue->bytes_capacity / 2) {
        memmove(queue->bytes, queue->bytes + used_at, queue->bytes_size - used_at);
        queue->bytes_size -= used_at;
        for (uint32_t i = 0; i < queue->count; i++)
            queue->entries[(queue->first + i) & (queue->size - 1)].bytes_at -= used_at;
        if (queue->bytes_capacity - queue->bytes_size >= size)
            return true;
    }
    wanted = queue->bytes_capacity > 0 ? queue->bytes_capacity : QUEUE_BYTES_FIRST;
    while (wanted - queue->bytes_size < size)
        wanted *= 2;
    bytes = link->memory->resize(link->memory->context, queue->bytes, wanted);
    if (bytes == NULL)
        return false;
    queue->bytes = bytes;
    queue->bytes_capacity = wanted;
    return true;
}

static void keep(struct link_queue *queue, struct slice bytes)
{
    if (bytes.size > 0)
        memcpy(queue->bytes + queue->bytes_size, bytes.data, bytes.size);
    queue->bytes_size += bytes.size;
}

static nanos head_at(const struct link_queue *queue)
{
    return queue->entries[queue->first].arrives_at;
}

/* Answers first among equals. */
static struct link_queue *earliest(const struct link *link)
{
    struct link_queue *found = NULL;

    for (int lane = LINK_LANES - 1; lane >= 0; lane--) {
        struct link_queue *queue = &link->queues[lane];

        if (queue->count > 0 && (found == NULL || head_at(queue) < head_at(found)))
            found = queue;
    }
    return found;
}

enum rc link_post(struct link *link, enum link_lane lane, nanos now,
                  const struct link_message *message)
{
    struct link_queue *queue = &link->queues[lane];
    struct entry *entry;

    if (queue->count == queue->size && !grow_entries(link, queue))
        return RC_NOMEM;
    if (!make_room(link, queue, message->first.size + message->second.size))
        return RC_NOMEM;
    entry = &queue->entries[(queue->first + queue->count++) & (queue->size - 1)];
    entry->arrives_at = nanos_add(now, queue->delay);
    entry->bytes_at = queue->bytes_size;
    entry->message = *message;
    entry->message.sent_at = now;
    keep(queue, message->first);
    keep(queue, message->second);
    if (queue->count == 1)
        link->first = earliest(link);
    return RC_OK;
}

nanos link_first_at(const struct link *link)
{
    return link->first != NULL ? head_at(link->first) : NANOS_NEVER;
}

bool link_take(struct link *link, nanos now, struct link_message *message)
{
    struct link_queue *queue = link->first;
    const struct entry *entry;

    if (queue == NULL || head_at(queue) > now)
        return false;
    entry = &queue->entries[queue->first];
    *message = entry->message;
    message->first.data = queue->bytes + entry->bytes_at;
    message->second.data = message->first.data + entry->message.first.size;
    queue->first = (queue->first + 1) & (queue->size - 1);
    if (--queue->count == 0)
        queue->bytes_size = 0; /* the lent bytes stay where they are until the next post */
    link->first = earliest(link);
    return true;
}
