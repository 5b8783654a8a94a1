/* `exec`: programs of somebody else's against a mock. They are bash scripts, which can speak HTTP
 * by themselves (/dev/tcp): nothing else need be there. */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "workplace.h"

#define MODELS                                                                     \
    " \"target\": {\"mock\": {\"models\": {\"claude\": {\"api\": \"anthropic\",\n" \
    "   \"first_token\": \"5ms\", \"rate\": \"1000 tokens/s\"}}}}"

#define SCENARIO(more) "{\"name\": \"foreign\", \"subject\": {\"exec\": {}},\n" MODELS more "}\n"

#define CHAOS(fault) ",\n \"chaos\": [{\"phase\": \"bad\", \"fault\": " fault "}]"

/* ask PATH TEXT [HEADERS]: posts a question and prints the status line. */
static const char ask_script[] =
    "ask() {\n"
    "  local body='{\"model\":\"claude\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
    "\"content\":\"'\"$2\"'\"}]}'\n"
    "  local place=${ANTHROPIC_BASE_URL##*:}\n"
    "  local port=${place%%/*}\n"
    "  exec 3<>/dev/tcp/127.0.0.1/$port\n"
    "  printf 'POST %s HTTP/1.1\\r\\nhost: x\\r\\ncontent-type: application/json\\r\\n' "
    "\"${place#$port}$1\" >&3\n"
    "  printf 'x-api-key: %s\\r\\nanthropic-version: 2023-06-01\\r\\n' \"$ANTHROPIC_API_KEY\" >&3\n"
    "  printf \"$3\"'connection: close\\r\\ncontent-length: %d\\r\\n\\r\\n' ${#body} >&3\n"
    "  printf %s \"$body\" >&3\n"
    "  read -r status <&3; echo \"$status\"; cat <&3 >answer; exec 3>&-\n"
    "}\n"
    "ready() { echo \"$$\" > \"$(dirname \"$BROWNOUT_SCENARIO\")/ready\"; }\n";

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "ask.sh", ask_script);
    workplace_write(&place, "calm.jsonc", SCENARIO(""));
    workplace_write(&place, "bad.jsonc", SCENARIO(CHAOS("{\"status\": 529}")));
}

static void tear_down(void)
{
    workplace_close(&place);
}

static void start(const char *options, const char *script)
{
    char text[4096];
    char arguments[512];

    snprintf(text, sizeof(text), ". ./ask.sh\n%s\n", script);
    workplace_write(&place, "app.sh", text);
    snprintf(arguments, sizeof(arguments), "exec %s --out results -- bash app.sh", options);
    workplace_start(&place, arguments);
}

/* Runs a script with `options` in front, and returns the exit code. */
static int play(const char *options, const char *script)
{
    start(options, script);
    return workplace_finish(&place);
}

static bool says(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static bool result_has(const char *file, const char *part)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) && says(text.data, part);
}

/* The process whose number a script left in the results folder. */
static pid_t left_in(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) ? (pid_t)strtol(text.data, NULL, 10) : -1;
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void a_command_that_behaves_passes(void)
{
    EXPECT_I64(play("calm.jsonc", "ask /v1/messages hello"), 0);
    CU_ASSERT(says(place.out, "200 OK"));
    CU_ASSERT(says(place.out, "verdict  pass"));
    CU_ASSERT(result_has("calls.jsonl", "\"call\":\"call:1\""));
}

static void six_attempts_at_one_call_are_too_many(void)
{
    EXPECT_I64(play("bad.jsonc", "for i in 0 1 2 3 4 5; do\n"
                                 "ask /v1/messages hello \"x-stainless-retry-count: $i\\r\\n\"\n"
                                 "done"),
               99);
    CU_ASSERT(says(place.out, "6 attempts"));
    CU_ASSERT(says(place.out, "verdict  fail"));
}

static void nothing_that_arrives_is_inconclusive_and_says_what_was_set(void)
{
    EXPECT_I64(play("calm.jsonc", "exit 4"), 98);
    CU_ASSERT(says(place.out, "nothing arrived"));
    CU_ASSERT(says(place.out, "ended with 4"));
    CU_ASSERT(says(place.err, "OPENAI_BASE_URL=http://127.0.0.1:"));
    CU_ASSERT(result_has("environment.txt", "ANTHROPIC_BASE_URL=http://127.0.0.1:"));
}

static void a_command_that_is_not_there_cannot_be_carried_out(void)
{
    EXPECT_I64(workplace_run(&place, "exec calm.jsonc --out results -- no-such-command"), 3);
    CU_ASSERT(says(place.err, "no-such-command: No such file or directory"));
}

static void no_command_is_bad_usage(void)
{
    EXPECT_I64(workplace_run(&place, "exec calm.jsonc --out results"), 2);
    EXPECT_I64(workplace_run(&place, "exec calm.jsonc --out results --"), 2);
}

static void an_unknown_path_is_inconclusive(void)
{
    EXPECT_I64(play("calm.jsonc", "ask /v1/messages hello; ask /v7/messages hello"), 98);
    CU_ASSERT(says(place.out, "404"));
    CU_ASSERT(says(place.out, "1 unknown"));
}

static void the_command_s_own_exit_is_shown_and_counts_when_it_is_required(void)
{
    EXPECT_I64(play("calm.jsonc", "ask /v1/messages hello; exit 7"), 0);
    CU_ASSERT(says(place.out, "exited 7"));
    EXPECT_I64(play("calm.jsonc --require-success", "ask /v1/messages hello; exit 7"), 99);
    EXPECT_I64(play("calm.jsonc --require-success", "ask /v1/messages hello"), 0);
}

static void a_scenario_of_our_client_serves_a_command_too(void)
{
    workplace_write(
        &place, "client.jsonc",
        "{\"name\": \"foreign\", \"subject\": {\"client\": {\"preset\": \"guide\"}},\n" MODELS
        ",\n \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 5,\n"
        "   \"output_tokens\": 5}], \"arrivals\": [{\"rate\": \"1/s\", \"for\": \"1s\"}]}}\n");
    EXPECT_I64(play("client.jsonc", "ask /v1/messages hello"), 0);
    CU_ASSERT(result_has("scenario.jsonc", "\"exec\""));
}

static void an_inconclusive_trial_runs_the_command_again(void)
{
    EXPECT_I64(play("calm.jsonc --inconclusive retry:1", "echo once more"), 98);
    EXPECT_U64(workplace_results_count(&place), 2);
}

static void a_control_run_runs_the_command_without_faults_first(void)
{
    workplace_write(&place, "control.jsonc",
                    SCENARIO(CHAOS("{\"status\": 529}") ", \"control\": \"no-chaos\""));
    EXPECT_I64(play("control.jsonc", "ask /v1/messages hello"), 0);
    CU_ASSERT(says(place.out, " 200 OK"));
    CU_ASSERT(says(place.out, " 529"));
    CU_ASSERT(result_has("control/journal.jsonl", "\"status\":200"));
    CU_ASSERT(result_has("journal.jsonl", "\"status\":529"));
}

static void every_case_has_a_run_and_a_path_of_its_own(void)
{
    workplace_write(
        &place, "vary.jsonc",
        SCENARIO(",\n \"vary\": [{\"case\": \"calm\"}, {\"case\": \"busy\",\n"
                 "   \"chaos\": [{\"phase\": \"bad\", \"fault\": {\"status\": 529}}]}]"));
    EXPECT_I64(play("vary.jsonc", "echo \"$BROWNOUT_CASE $ANTHROPIC_BASE_URL\"\n"
                                  "ask /v1/messages hello"),
               0);
    CU_ASSERT(says(place.out, "calm http://127.0.0.1:"));
    CU_ASSERT(says(place.out, "/t/busy\n"));
    CU_ASSERT(result_has("calm/journal.jsonl", "\"status\":200"));
    CU_ASSERT(result_has("busy/journal.jsonl", "\"status\":529"));
    CU_ASSERT(says(place.out, "busy  pass"));
}

/* --- its own log ------------------------------------------------------------------------------ */

/* tell NAME=VALUE...: a line of the log about the latest answer, with its id where it has one. */
#define TELL                                                                               \
    "tell() { local id; id=$(grep -o 'msg_[a-z0-9]*' answer | head -n 1)\n"                \
    "  echo '{\"model\": \"claude\", \"latency_ms\": 9, \"answer\": {\"id\": \"'$id'\"}, " \
    "'\"$1\"'}' "                                                                          \
    ">> app.log; }\n"

static void the_application_s_own_lines_are_judged_too(void)
{
    const char *options = "strict.jsonc --log app.log --map id=/answer/id";

    workplace_write(&place, "strict.jsonc", SCENARIO(",\n \"laws\": {\"set\": \"strict\"}"));
    workplace_write(&place, "app.log", "{\"model\": \"claude\", \"latency_ms\": \"of old\"}\n");
    EXPECT_I64(play(options, TELL "ask /v1/messages hello; tell '\"output_tokens\": 5'"), 0);
    CU_ASSERT(result_has("log.jsonl", "\"output_tokens\":5"));
    CU_ASSERT(!result_has("log.jsonl", "of old"));
    EXPECT_I64(play(options, TELL "ask /v1/messages hello; tell '\"output_tokens\": 6'"), 99);
    CU_ASSERT(says(place.out, "tokens-agree"));
}

static void a_call_without_a_line_is_not_logged_whole(void)
{
    char arguments[WORKPLACE_PATH_MAX + 64];

    workplace_write(&place, "strict.jsonc", SCENARIO(",\n \"laws\": {\"set\": \"strict\"}"));
    EXPECT_I64(play("strict.jsonc --log app.log --map id=/answer/id",
                    TELL "ask /v1/messages hello; tell '\"output_tokens\": 5'\n"
                         "ask /v1/messages again"),
               99);
    CU_ASSERT(says(place.out, "log-complete"));
    snprintf(arguments, sizeof(arguments), "judge %s", workplace_folder(&place, 0));
    EXPECT_I64(workplace_run(&place, arguments), 99);
    CU_ASSERT(says(place.out, "log-complete"));
}

static void a_pointer_into_the_log_that_leads_nowhere_is_told(void)
{
    char arguments[WORKPLACE_PATH_MAX + 64];

    workplace_write(&place, "strict.jsonc", SCENARIO(",\n \"laws\": {\"set\": \"strict\"}"));
    EXPECT_I64(play("strict.jsonc --log app.log --map id=/nope",
                    TELL "ask /v1/messages hello; tell '\"output_tokens\": 5'"),
               98);
    CU_ASSERT(says(place.err, "brownout: --map id=/nope: none of 1 line has it"));
    snprintf(arguments, sizeof(arguments), "judge %s", workplace_folder(&place, 0));
    EXPECT_I64(workplace_run(&place, arguments), 98);
    CU_ASSERT(says(place.out, "--map id=/nope: none of 1 line has it"));
}

static void half_a_line_of_the_log_is_malformed(void)
{
    char arguments[WORKPLACE_PATH_MAX + 64];

    EXPECT_I64(play("calm.jsonc --log app.log --map id=/answer/id",
                    TELL "ask /v1/messages hello; tell '\"output_tokens\": 5'\n"
                         "echo started >> app.log; printf '{\"model\": \"cla' >> app.log"),
               99);
    CU_ASSERT(says(place.out, "1 line cannot be read, of 2"));
    CU_ASSERT(result_has("log.jsonl", "{\"line\":3,\"unreadable\":true}"));
    snprintf(arguments, sizeof(arguments), "judge %s", workplace_folder(&place, 0));
    EXPECT_I64(workplace_run(&place, arguments), 99);
    CU_ASSERT(says(place.out, "1 line cannot be read, of 2"));
}

static void a_log_that_is_not_there_is_lost_evidence(void)
{
    EXPECT_I64(play("calm.jsonc --log no.log", "ask /v1/messages hello"), 98);
    CU_ASSERT_FATAL(says(place.out, "no.log: No such file or directory"));
    CU_ASSERT(!says(strstr(place.out, "no.log") + 1, "no.log"));
}

static void a_canary_in_the_log_is_noticed_and_not_kept(void)
{
    EXPECT_I64(play("calm.jsonc --log app.log --map id=/answer/id",
                    TELL "ask /v1/messages hello; tell '\"key\": \"'$ANTHROPIC_API_KEY'\"'"),
               99);
    CU_ASSERT(says(place.out, "secrets-kept"));
    CU_ASSERT(result_has("log.jsonl", "\"leaks\":true"));
    CU_ASSERT(!result_has("log.jsonl", "canary"));
}

/* --- what passes through ---------------------------------------------------------------------- */

static void standard_input_and_output_pass_through(void)
{
    workplace_write(&place, "question", "a question from outside\n");
    place.input = "question";
    EXPECT_I64(play("calm.jsonc", "read -r line; echo \"heard $line\"; echo aside >&2\n"
                                  "ask /v1/messages hello"),
               0);
    place.input = NULL;
    CU_ASSERT(says(place.out, "heard a question from outside"));
    CU_ASSERT(says(place.err, "aside"));
}

static void json_stands_alone_on_standard_output(void)
{
    EXPECT_I64(play("calm.jsonc --json", "echo hello; ask /v1/messages hello"), 0);
    EXPECT_I64(place.out[0], '{');
    CU_ASSERT(says(place.err, "hello"));
}

/* --- its environment -------------------------------------------------------------------------- */

static void no_real_key_reaches_the_command(void)
{
    setenv("ANTHROPIC_API_KEY", "sk-ant-very-real-key", 1);
    setenv("SOMEBODY_API_KEY", "another-very-real-key", 1);
    play("calm.jsonc", "env > all; grep -c very-real all; grep -o 'ANTHROPIC_API_KEY=sk-ant' all");
    CU_ASSERT(says(place.out, "0\nANTHROPIC_API_KEY=sk-ant"));
    play("calm.jsonc --keep-keys", "env | grep -c very-real");
    CU_ASSERT(says(place.out, "2\n"));
    unsetenv("ANTHROPIC_API_KEY");
    unsetenv("SOMEBODY_API_KEY");
    CU_ASSERT(!result_has("environment.txt", "API_KEY"));
}

static void a_canary_in_a_prompt_is_noticed(void)
{
    EXPECT_I64(play("calm.jsonc", "ask /v1/messages \"my key is $ANTHROPIC_API_KEY\""), 99);
    CU_ASSERT(says(place.out, "secrets-kept"));
}

static void the_scenario_s_own_variables_win(void)
{
    workplace_write(&place, "own.jsonc",
                    "{\"name\": \"own\", \"subject\": {\"exec\": {},\n"
                    "  \"env\": {\"MY_URL\": \"{openai}/v1\", \"OPENAI_BASE_URL\": \"none\"},\n"
                    "  \"hooks\": {\"SLACK_WEBHOOK_URL\": \"slack\"}},\n" MODELS "}\n");
    play("own.jsonc", "echo \"$MY_URL $OPENAI_BASE_URL $SLACK_WEBHOOK_URL ($NO_PROXY)\"\n"
                      "echo \"$BROWNOUT_OPENAI/v1 none $BROWNOUT_HOOKS/slack\"");
    CU_ASSERT(says(place.out, "/v1 none http://127.0.0.1:"));
    CU_ASSERT(says(place.out, "/slack (127.0.0.1,localhost)"));
}

/* --- signals and ends ------------------------------------------------------------------------- */

static void a_signal_is_passed_on(void)
{
    start("calm.jsonc", "trap 'echo ends in order; exit 0' TERM\n"
                        "sleep 100 & ready; wait");
    CU_ASSERT(workplace_await(&place, "ready"));
    kill(place.pid, SIGTERM);
    EXPECT_I64(workplace_finish(&place), 130);
    CU_ASSERT(says(place.out, "ends in order"));
    CU_ASSERT(result_has("run.json", "\"verdict\""));
}

static void a_second_signal_kills(void)
{
    start("calm.jsonc", "trap 'echo stays > stay;"
                        " cp stay \"$(dirname \"$BROWNOUT_SCENARIO\")/heard\"' TERM\n"
                        "ready; while :; do sleep 100 & wait; done");
    CU_ASSERT(workplace_await(&place, "ready"));
    kill(place.pid, SIGTERM);
    CU_ASSERT(workplace_await(&place, "heard"));
    kill(place.pid, SIGTERM);
    EXPECT_I64(workplace_finish(&place), 130);
}

static void what_a_command_leaves_behind_is_ended(void)
{
    play("calm.jsonc", "sleep 100 & echo $! > \"$(dirname \"$BROWNOUT_SCENARIO\")/orphan\"\n"
                       "ask /v1/messages hello");
    EXPECT_I64(kill(left_in("orphan"), 0), -1);
    EXPECT_I64(errno, ESRCH);
}

static void a_command_ends_with_us(void)
{
    int pid_fd;

    start("calm.jsonc", "ready; exec sleep 100");
    CU_ASSERT(workplace_await(&place, "ready"));
    pid_fd = (int)syscall(SYS_pidfd_open, left_in("ready"), 0);
    CU_ASSERT_FATAL(pid_fd >= 0);
    kill(place.pid, SIGKILL);
    CU_ASSERT(workplace_await_end(pid_fd));
    close(pid_fd);
    EXPECT_I64(workplace_finish(&place), 128 + SIGKILL);
}

static void time_that_is_over_ends_the_command(void)
{
    EXPECT_I64(play("calm.jsonc --max-time 300ms", "ask /v1/messages hello; exec sleep 100"), 98);
    CU_ASSERT(says(place.out, "verdict  inconclusive"));
}

/* --- afterwards ------------------------------------------------------------------------------- */

static void the_results_are_judged_and_explained_again(void)
{
    char arguments[WORKPLACE_PATH_MAX + 64];

    play("bad.jsonc", "for i in 0 1 2 3 4 5; do\n"
                      "ask /v1/messages hello \"x-stainless-retry-count: $i\\r\\n\"\ndone");
    snprintf(arguments, sizeof(arguments), "judge %s", workplace_folder(&place, 0));
    EXPECT_I64(workplace_run(&place, arguments), 99);
    CU_ASSERT(says(place.out, "6 attempts"));
    snprintf(arguments, sizeof(arguments), "explain %s call:1", workplace_folder(&place, 0));
    EXPECT_I64(workplace_run(&place, arguments), 0);
    CU_ASSERT(says(place.out, "6 at the mock"));
    snprintf(arguments, sizeof(arguments), "explain %s call:2", workplace_folder(&place, 0));
    EXPECT_I64(workplace_run(&place, arguments), 2);
}

static CU_TestInfo tests[] = {
    {"a command that behaves passes", a_command_that_behaves_passes},
    {"six attempts at one call are too many", six_attempts_at_one_call_are_too_many},
    {"nothing that arrives is inconclusive, and says what was set",
     nothing_that_arrives_is_inconclusive_and_says_what_was_set},
    {"a command that is not there cannot be carried out",
     a_command_that_is_not_there_cannot_be_carried_out},
    {"no command is bad usage", no_command_is_bad_usage},
    {"an unknown path is inconclusive", an_unknown_path_is_inconclusive},
    {"the command's own exit is shown, and counts when it is required",
     the_command_s_own_exit_is_shown_and_counts_when_it_is_required},
    {"a scenario of our client serves a command too",
     a_scenario_of_our_client_serves_a_command_too},
    {"an inconclusive trial runs the command again", an_inconclusive_trial_runs_the_command_again},
    {"a control run runs the command without faults first",
     a_control_run_runs_the_command_without_faults_first},
    {"every case has a run and a path of its own", every_case_has_a_run_and_a_path_of_its_own},
    {"the application's own lines are judged too", the_application_s_own_lines_are_judged_too},
    {"a call without a line is not logged whole", a_call_without_a_line_is_not_logged_whole},
    {"a pointer into the log that leads nowhere is told",
     a_pointer_into_the_log_that_leads_nowhere_is_told},
    {"half a line of the log is malformed", half_a_line_of_the_log_is_malformed},
    {"a log that is not there is lost evidence", a_log_that_is_not_there_is_lost_evidence},
    {"a canary in the log is noticed, and not kept", a_canary_in_the_log_is_noticed_and_not_kept},
    {"standard input and output pass through", standard_input_and_output_pass_through},
    {"JSON stands alone on standard output", json_stands_alone_on_standard_output},
    {"no real key reaches the command", no_real_key_reaches_the_command},
    {"a canary in a prompt is noticed", a_canary_in_a_prompt_is_noticed},
    {"the scenario's own variables win", the_scenario_s_own_variables_win},
    {"a signal is passed on", a_signal_is_passed_on},
    {"a second signal kills", a_second_signal_kills},
    {"what a command leaves behind is ended", what_a_command_leaves_behind_is_ended},
    {"a command ends with us", a_command_ends_with_us},
    {"time that is over ends the command", time_that_is_over_ends_the_command},
    {"the results are judged and explained again", the_results_are_judged_and_explained_again},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo exec_suite = {"exec", NULL, NULL, set_up, tear_down, tests};
