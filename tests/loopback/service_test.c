/* A service under test: our driver asks a small gateway (gateway.h), which asks the mock, and what
 * it does wrong on the way is judged. What `start` starts tells the gateway where the mock is, by
 * the environment it was given, and then stays until it is ended. */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway.h"
#include "tests/support/expect.h"
#include "workplace.h"

#define STARTED                                                                                  \
    "[\"sh\", \"-c\", \"echo $$ > pid; echo here; echo $0 > u; mv u upstream; exec sleep 60\", " \
    "\"{openai}/v1\"]"

#define FORMAT "{\"speaks\": \"openai-chat\"}"
#define OWN_WORDS                                                             \
    "{\"speaks\": \"json\", \"path\": \"/ask\", \"answer\": \"/reply/text\"," \
    " \"delta\": \"/delta\", \"ends_at\": \"/finish\","                       \
    " \"body\": {\"question\": \"{prompt}\", \"stream\": \"{stream}\"}}"

#define STREAM ", \"stream\": true"
#define WHOLE ""

static struct workplace place;
static struct gateway gateway, other;

static void set_up(void)
{
    workplace_open(&place);
}

static void tear_down(void)
{
    workplace_close(&place);
}

/* What differs from test to test; NULL: as usual. */
struct story {
    const char *send, *start, *stream, *more, *rate, *lasts, *ready;
    bool is_pair;
};

static void write_scenario(const struct story *s)
{
    char text[4096];
    char urls[256];

    snprintf(urls, sizeof(urls), s->is_pair ? "[\"%s\", \"%s\"]" : "\"%s\"", gateway.origin,
             other.origin);
    snprintf(text, sizeof(text),
             "{\"name\": \"service\", \"subject\": {\"service\": %s, \"send\": %s,\n"
             "  \"start\": %s, \"ready\": \"/ready\", \"ready_within\": \"%s\"},\n"
             " \"target\": {\"mock\": {\"models\": {\"gpt-4o\": {\"api\": \"openai-chat\",\n"
             "   \"first_token\": \"5ms\", \"rate\": \"2000 tokens/s\"}}}},\n"
             " \"load\": {\"requests\": [{\"model\": \"gpt-4o\"%s, \"input_tokens\": 50,\n"
             "   \"output_tokens\": 20}],\n"
             "   \"arrivals\": [{\"rate\": \"%s\", \"process\": \"constant\", \"for\": \"%s\"}]},\n"
             " \"laws\": {\"set\": \"essential\", \"schedule-kept\": false%s}\n",
             urls, s->send != NULL ? s->send : FORMAT, s->start != NULL ? s->start : STARTED,
             s->ready != NULL ? s->ready : "20s", s->stream != NULL ? s->stream : STREAM,
             s->rate != NULL ? s->rate : "20/s", s->lasts != NULL ? s->lasts : "500ms",
             s->more != NULL ? s->more : "}");
    workplace_write(&place, "service.jsonc", text);
}

static int play(unsigned manner, const struct story *story)
{
    int code;

    CU_ASSERT_FATAL(gateway_start(&gateway, manner, place.folder));
    write_scenario(story);
    code = workplace_run(&place, "run service.jsonc --out results");
    gateway_stop(&gateway);
    return code;
}

static bool result_says(const char *file, const char *part)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) && slice_has(text, slice_of(part));
}

static bool has_broken(const char *law)
{
    char row[128];

    snprintf(row, sizeof(row), "\"name\":\"%s\",\"kind\":\"law\",\"verdict\":\"fail\"", law);
    return result_says("run.json", row);
}

/* Which `start` started; 0: it did not. */
static pid_t started(void)
{
    char path[WORKPLACE_PATH_MAX + 8];
    FILE *file;
    int pid = 0;

    snprintf(path, sizeof(path), "%s/pid", place.folder);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%d", &pid) != 1)
        pid = 0;
    fclose(file);
    return pid;
}

/* Runs what the line "explain  brownout explain FOLDER CALL" of the table says; `judge` likewise.
 */
static int look_back(const char *command)
{
    char folder[256], call[64], arguments[400];
    const char *hint = strstr(place.out, "explain  brownout explain ");

    CU_ASSERT_FATAL(hint != NULL);
    CU_ASSERT_FATAL(sscanf(hint, "explain  brownout explain %255s %63s", folder, call) == 2);
    snprintf(arguments, sizeof(arguments), "%s %s %s", command, folder,
             strcmp(command, "explain") == 0 ? call : "");
    return workplace_run(&place, arguments);
}

/* --- what is judged end to end ---------------------------------------------------------------- */

static void an_honest_service_passes(void)
{
    EXPECT_I64(
        play(GATEWAY_HONEST, &(struct story){.more = "}, \"expect\": [\"calls.useful == 100%\","
                                                     " \"amplification == 1\"]"}),
        0);
    EXPECT_U64(gateway.asked, 10);
    CU_ASSERT(result_says("journal.jsonl", "\"call\":\"mark:k0-9\""));
}

static void its_retries_are_amplification(void)
{
    EXPECT_I64(
        play(GATEWAY_RETRIES,
             &(struct story){.more = "}, \"chaos\": [{\"phase\": \"down\", \"fault\":"
                                     " {\"status\": 500}}], \"expect\": [\"amplification == 3\","
                                     " \"calls.failed == 100%\"]"}),
        0);
    EXPECT_U64(gateway.asked, 10);
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"server_error\""));
}

static void words_said_twice_break_a_law(void)
{
    EXPECT_I64(play(GATEWAY_REPEATS, &(struct story){0}), 99);
    CU_ASSERT(has_broken("no-repeated-output"));
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"ok\""));
}

#define CUT                                                                                   \
    "}, \"chaos\": [{\"phase\": \"cuts\", \"fault\": {\"cut\": {\"after_tokens\": 5, \"by\":" \
    " \"fin\"}}}]"

static void a_cut_stream_passed_on_as_whole_breaks_a_law(void)
{
    EXPECT_I64(play(GATEWAY_ENDS_WHAT_BROKE_OFF, &(struct story){.more = CUT}), 99);
    CU_ASSERT(has_broken("complete-answers"));
}

static void a_cut_stream_passed_on_as_cut_is_honest(void)
{
    EXPECT_I64(play(GATEWAY_HONEST, &(struct story){.more = CUT}), 0);
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"truncated\""));
}

static void words_of_its_own_are_understood(void)
{
    EXPECT_I64(
        play(GATEWAY_HONEST, &(struct story){.send = OWN_WORDS,
                                             .stream = WHOLE,
                                             .more = "}, \"expect\": [\"calls.useful == 100%\"]"}),
        0);
    CU_ASSERT(!result_says("calls.jsonl", "\"first_content_at\":null"));
}

static void a_stream_of_its_own_words_is_understood(void)
{
    EXPECT_I64(
        play(GATEWAY_HONEST, &(struct story){.send = OWN_WORDS,
                                             .more = "}, \"expect\": [\"calls.useful == 100%\"]"}),
        0);
}

static void a_cut_stream_of_its_own_words_is_cut(void)
{
    EXPECT_I64(play(GATEWAY_HONEST, &(struct story){.send = OWN_WORDS, .more = CUT}), 0);
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"truncated\""));
}

static void each_url_is_an_instance(void)
{
    CU_ASSERT_FATAL(gateway_start(&other, GATEWAY_HONEST, place.folder));
    EXPECT_I64(play(GATEWAY_HONEST, &(struct story){.is_pair = true}), 0);
    gateway_stop(&other);
    EXPECT_U64(gateway.asked, 5);
    EXPECT_U64(other.asked, 5);
    CU_ASSERT(result_says("calls.jsonl", "\"instance\":1"));
}

static void its_processes_are_sampled(void)
{
    EXPECT_I64(
        play(GATEWAY_HONEST, &(struct story){.more = "}, \"expect\": [\"subject.rss.max <= 1GB\","
                                                     " \"subject.fds.max >= 3\"]"}),
        0);
    CU_ASSERT(result_says("subject.jsonl", "\"threads\":1"));
}

static void its_key_is_hidden_in_what_it_says(void)
{
    setenv("BROWNOUT_TEST_KEY", "sk-very-secret", 1);
    play(GATEWAY_TELLS_THE_KEY,
         &(struct story){.send = "{\"speaks\": \"openai-chat\", \"key\": \"$BROWNOUT_TEST_KEY\"}"});
    CU_ASSERT(result_says("calls.jsonl", "bad key **************"));
    CU_ASSERT(!result_says("calls.jsonl", "secret"));
    unsetenv("BROWNOUT_TEST_KEY");
    EXPECT_I64(workplace_run(&place, "run service.jsonc --out results"), 2);
    CU_ASSERT(strstr(place.err, "BROWNOUT_TEST_KEY, which is not set") != NULL);
}

/* --- its life --------------------------------------------------------------------------------- */

static void it_ends_with_the_run(void)
{
    EXPECT_I64(play(GATEWAY_HONEST, &(struct story){0}), 0);
    CU_ASSERT(started() > 0);
    CU_ASSERT(kill(started(), 0) != 0 && errno == ESRCH);
}

static void it_does_not_outlive_us(void)
{
    int ended;

    CU_ASSERT_FATAL(gateway_start(&gateway, GATEWAY_HONEST, place.folder));
    write_scenario(&(struct story){.lasts = "20s"});
    workplace_start(&place, "run service.jsonc --quiet --out results");
    CU_ASSERT(workplace_await(&place, "service.log"));
    ended = (int)syscall(SYS_pidfd_open, started(), 0);
    kill(place.pid, SIGKILL);
    CU_ASSERT(ended < 0 || workplace_await_end(ended));
    EXPECT_I64(workplace_finish(&place), 128 + SIGKILL);
    if (ended >= 0)
        close(ended);
    gateway_stop(&gateway);
}

static void one_that_dies_at_once_says_its_last_words(void)
{
    EXPECT_I64(
        play(GATEWAY_NEVER_READY, &(struct story){.start = "[\"sh\", \"-c\","
                                                           " \"echo no database >&2; exit 4\"]"}),
        3);
    CU_ASSERT(strstr(place.err, "exit code 4") != NULL);
    CU_ASSERT(strstr(place.err, "it said last: no database") != NULL);
    CU_ASSERT(result_says("service.log", "no database\n"));
}

static void its_warming_up_is_no_call(void)
{
    EXPECT_I64(
        play(GATEWAY_WARMS_UP, &(struct story){.more = "}, \"expect\": [\"calls.useful == 100%\","
                                                       " \"amplification == 1\"]"}),
        0);
}

static void what_it_asked_is_told_and_judged_again(void)
{
    play(GATEWAY_ENDS_WHAT_BROKE_OFF | GATEWAY_RETRIES,
         &(struct story){.more = "}, \"chaos\": [{\"phase\": \"cuts\", \"fault\":"
                                 " [{\"status\": 503}, {\"cut\": {\"after_tokens\": 5,"
                                 " \"by\": \"fin\"}}, \"ok\"]}]"});
    EXPECT_I64(look_back("judge"), 99);
    EXPECT_I64(look_back("explain"), 0);
    CU_ASSERT(strstr(place.out, "attempts   2 at the mock") != NULL);
    CU_ASSERT(strstr(place.out, "complete-answers") != NULL);
}

static void one_that_cannot_be_started_is_named(void)
{
    EXPECT_I64(play(GATEWAY_NEVER_READY, &(struct story){.start = "[\"no-such-program\"]"}), 3);
    CU_ASSERT(strstr(place.err, "no-such-program") != NULL);
}

static void one_that_is_never_ready_is_given_up(void)
{
    EXPECT_I64(play(GATEWAY_NEVER_READY, &(struct story){.ready = "200ms"}), 3);
    CU_ASSERT(strstr(place.err, "/ready answers 503 after 200 ms") != NULL);
    CU_ASSERT(kill(started(), 0) != 0);
}

static void one_that_dies_on_the_way_ends_the_run(void)
{
    static const char start[] =
        "[\"sh\", \"-c\", \"echo $0 > u; mv u upstream; while [ ! -e asked ]; do sleep 0.02; done;"
        " echo out of memory; exit 9\", \"{openai}/v1\"]";

    EXPECT_I64(play(GATEWAY_HONEST, &(struct story){.start = start, .lasts = "20s"}), 3);
    CU_ASSERT(strstr(place.err, "exit code 9") != NULL);
    CU_ASSERT(strstr(place.err, "out of memory") != NULL);
}

static void there_is_nothing_to_simulate(void)
{
    write_scenario(&(struct story){0});
    EXPECT_I64(workplace_run(&place, "sim service.jsonc --quiet --out results"), 2);
    CU_ASSERT(strstr(place.err, "service") != NULL);
}

static CU_TestInfo tests[] = {
    {"an honest service passes", an_honest_service_passes},
    {"its retries are amplification", its_retries_are_amplification},
    {"words said twice break a law", words_said_twice_break_a_law},
    {"a cut stream passed on as whole breaks a law", a_cut_stream_passed_on_as_whole_breaks_a_law},
    {"a cut stream passed on as cut is honest", a_cut_stream_passed_on_as_cut_is_honest},
    {"words of its own are understood", words_of_its_own_are_understood},
    {"a stream of its own words is understood", a_stream_of_its_own_words_is_understood},
    {"a cut stream of its own words is cut", a_cut_stream_of_its_own_words_is_cut},
    {"each URL is an instance", each_url_is_an_instance},
    {"its processes are sampled", its_processes_are_sampled},
    {"its key is hidden in what it says", its_key_is_hidden_in_what_it_says},
    {"its warming up is no call", its_warming_up_is_no_call},
    {"it ends with the run", it_ends_with_the_run},
    {"it does not outlive us", it_does_not_outlive_us},
    {"one that dies at once says its last words", one_that_dies_at_once_says_its_last_words},
    {"what it asked is told, and judged again", what_it_asked_is_told_and_judged_again},
    {"one that cannot be started is named", one_that_cannot_be_started_is_named},
    {"one that is never ready is given up", one_that_is_never_ready_is_given_up},
    {"one that dies on the way ends the run", one_that_dies_on_the_way_ends_the_run},
    {"there is nothing to simulate", there_is_nothing_to_simulate},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo service_suite = {"service", NULL, NULL, set_up, tear_down, tests};
