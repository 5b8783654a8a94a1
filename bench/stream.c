/* Streams flat out, without sockets: how many Anthropic deltas a second one core accounts for, that
 * is, reads as events, takes the text of, stamps and adds up, as the driver does with every stream.
 * Beside it, in turns, the same bytes looked through for newlines and nothing else: the least that
 * anyone who reads lines must do.
 *
 *     stream SECONDS      prints deltas per second, and newline scans of the same, a line each
 *
 * Time is that of the processor, so that neighbours on the machine do not count. The bytes are
 * those of one recorded answer of DELTAS deltas of some 120 bytes each, in pieces as large as the
 * driver reads. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/answer_reader.h"
#include "os/clock.h"

enum { DELTAS = 5000, PIECE_BYTES = 8192 };

static struct buffer answer;
static struct answer_reader reader;

static void die(const char *what)
{
    fprintf(stderr, "stream: %s\n", what);
    exit(1);
}

static void event(const char *name, const char *data)
{
    buffer_printf(&answer, "event: %s\ndata: %s\n\n", name, data);
}

static void record(void)
{
    char delta[160];

    buffer_init(&answer, memory_heap(), 4 << 20);
    event("message_start",
          "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"type\":\"message\","
          "\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],"
          "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,"
          "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
          "\"output_tokens\":1}}}");
    event("content_block_start", "{\"type\":\"content_block_start\",\"index\":0,"
                                 "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
    for (int i = 0; i < DELTAS; i++) {
        snprintf(delta, sizeof(delta),
                 "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                 "\"text_delta\",\"text\":\" w%d\"}}",
                 i);
        event("content_block_delta", delta);
    }
    event("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
    event("message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                           "\"stop_sequence\":null},\"usage\":{\"output_tokens\":5000}}");
    event("message_stop", "{\"type\":\"message_stop\"}");
    if (answer.rc != RC_OK)
        die("out of memory");
}

static struct slice piece_at(size_t at)
{
    size_t left = answer.size - at;

    return (struct slice){answer.data + at, left < PIECE_BYTES ? left : PIECE_BYTES};
}

/* As libcurl's callbacks do it: each piece stamped as it comes. */
static void account(void)
{
    struct answer_head head = {.status = 200};
    struct attempt_record attempt = {.first_token_at = NANOS_NEVER,
                                     .first_content_at = NANOS_NEVER,
                                     .last_content_at = NANOS_NEVER};

    answer_head_clear(&head);
    answer_head_line(&head, SLICE("HTTP/1.1 200 OK"));
    answer_head_line(&head, SLICE("content-type: text/event-stream"));
    reader_begin(&reader, API_ANTHROPIC, true);
    reader_head(&reader, &head, clock_monotonic(), 0, &attempt);
    for (size_t at = 0; at < answer.size; at += PIECE_BYTES)
        reader_body(&reader, piece_at(at), clock_monotonic(), &attempt);
    if (reader_end(&reader, END_WHOLE, &attempt) != OUTCOME_OK ||
        reader.answer.usage.output_tokens != DELTAS)
        die("the answer was not read as it was recorded");
}

static void scan(void)
{
    uint64_t lines = 0;

    for (size_t at = 0; at < answer.size; at += PIECE_BYTES) {
        struct slice piece = piece_at(at);
        const char *from = piece.data, *end = piece.data + piece.size;

        while ((from = memchr(from, '\n', (size_t)(end - from))) != NULL) {
            lines++;
            from++;
        }
    }
    if (lines != 3 * (DELTAS + 5))
        die("the answer has lines of its own");
}

/* Deltas so far, and the processor's time they took. */
struct rate {
    uint64_t deltas;
    clock_t took;
};

static void measure(struct rate *rate, void (*work)(void))
{
    clock_t began_at = clock();

    for (int i = 0; i < 20; i++)
        work();
    rate->took += clock() - began_at;
    rate->deltas += 20 * DELTAS;
}

static double per_second(const struct rate *rate)
{
    return (double)rate->deltas * CLOCKS_PER_SEC / (double)rate->took;
}

int main(int argc, char **argv)
{
    struct rate accounted = {0}, scanned = {0};
    nanos ends_at;

    if (argc != 2)
        die("usage: stream SECONDS");
    record();
    reader_init(&reader, memory_heap());
    account(); /* space grows once */
    ends_at = clock_monotonic() + (nanos)(atof(argv[1]) * (double)NANOS_S);
    while (clock_monotonic() < ends_at) {
        measure(&accounted, account);
        measure(&scanned, scan);
    }
    printf("%.0f\n%.0f\n", per_second(&accounted), per_second(&scanned));
    reader_deinit(&reader);
    buffer_deinit(&answer);
    return 0;
}
