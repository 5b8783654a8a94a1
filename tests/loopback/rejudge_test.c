/* `judge DIR`: the same verdicts from files, and never a pass from files that are not whole. */

#include "rejudge.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "workplace.h"

/* A short storm of 429, each answered by one more attempt: heeded, or at once. */
#define SCENARIO(advice)                                                                        \
    "{\"name\": \"short\", \"seed\": 7,\n"                                                      \
    " \"subject\": {\"client\": {\"retry\": {\"on\": [429], \"attempts\": 2, \"advice\": "      \
    "\"" advice "\",\n   \"backoff\": {\"base\": \"10ms\", \"jitter\": \"none\"}}}},\n"         \
    " \"target\": {\"mock\": {\"models\": {\"claude\": {\"api\": \"anthropic\",\n"              \
    "   \"first_token\": \"20ms\", \"rate\": \"500 tokens/s\"}}}},\n"                           \
    " \"load\": {\"requests\": [{\"model\": \"claude\", \"stream\": true,\n"                    \
    "   \"input_tokens\": 10, \"output_tokens\": 5}],\n"                                        \
    "   \"arrivals\": [{\"part\": \"steady\", \"rate\": \"60/s\", \"process\": \"constant\",\n" \
    "     \"for\": \"600ms\"}], \"deadline\": \"2s\"},\n"                                       \
    " \"chaos\": [{\"phase\": \"storm\", \"at\": \"200ms\", \"for\": \"200ms\",\n"              \
    "   \"fault\": [{\"status\": 429, \"retry_after\": {\"ms\": \"300ms\"}}, \"ok\"]}],\n"      \
    " \"laws\": {\"set\": \"strict\", \"schedule-kept\": false, \"faults-consumed\": false},\n" \
    " \"expect\": [\"calls.useful >= 50%\", \"calls.count == 36\"]}\n"

enum { LINES_MAX = 512, FILE_BYTES_MAX = 1 << 20 };

static struct workplace place;
static char folder[WORKPLACE_PATH_MAX];
static struct rejudge judged;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "good.jsonc", SCENARIO("obey"));
    workplace_write(&place, "bad.jsonc", SCENARIO("ignore"));
}

static void tear_down(void)
{
    rejudge_close(&judged);
    workplace_close(&place);
}

static bool says(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, text);
    return false;
}

/* --- files of the latest results folder ------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char path[2 * WORKPLACE_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static size_t read_file(const char *name, char *text)
{
    FILE *file = fopen(path_of(name), "re");
    size_t size;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size = fread(text, 1, FILE_BYTES_MAX - 1, file);
    fclose(file);
    text[size] = '\0';
    return size;
}

static void write_file(const char *name, const char *text, size_t size)
{
    FILE *file = fopen(path_of(name), "we");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT(fwrite(text, 1, size, file) == size);
    fclose(file);
}

/* The one results folder in `out` becomes `folder`. */
static void look_into(const char *out)
{
    char path[2 * WORKPLACE_PATH_MAX];
    struct dirent *entry;
    DIR *entries;

    snprintf(path, sizeof(path), "%s/%s", place.folder, out);
    entries = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entries);
    while ((entry = readdir(entries)) != NULL)
        if (entry->d_name[0] != '.')
            snprintf(folder, sizeof(folder), "%.200s/%.255s", path, entry->d_name);
    closedir(entries);
}

static int play(const char *command)
{
    static unsigned number;
    char arguments[256], out[32];
    int code;

    snprintf(out, sizeof(out), "out-%u", number++);
    snprintf(arguments, sizeof(arguments), "%s --quiet --out %s", command, out);
    code = workplace_run(&place, arguments);
    look_into(out);
    return code;
}

static int judge_again(const char *options)
{
    char arguments[2 * WORKPLACE_PATH_MAX];

    snprintf(arguments, sizeof(arguments), "judge %s %s", folder, options);
    return workplace_run(&place, arguments);
}

/* In this process, since it is done a thousand times. */
static enum verdict verdict_again(void)
{
    struct error err = {0};

    rejudge_close(&judged);
    if (rejudge_open(&judged, folder, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    return judge_verdict(judged.judge);
}

static bool any_reason_has(const char *part)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judged.judge, &count);

    for (uint32_t i = 0; i < count; i++)
        if (strstr(rows[i].reason, part) != NULL)
            return true;
    fprintf(stderr, "no reason says \"%s\"; the first: %s\n", part, rows[0].reason);
    return false;
}

/* --- the same verdicts ------------------------------------------------------------------------ */

/* The table is the run's own, but for the line that says that it was judged again. */
static void expect_same_table(void)
{
    static char before[FILE_BYTES_MAX];
    struct slice rest, line;
    size_t size = read_file("summary.txt", before);

    rest = (struct slice){before, size};
    while (slice_cut(&rest, '\n', &line)) {
        char text[512];

        slice_copy(line, text, sizeof(text));
        if (strstr(text, "results  ") == NULL && strstr(text, "explain  ") == NULL)
            CU_ASSERT(says(place.out, text));
    }
    CU_ASSERT(says(place.out, "again, from the files"));
}

static void expect_repeated(const char *command, int code)
{
    EXPECT_I64(play(command), code);
    EXPECT_I64(judge_again("--no-color"), code);
    expect_same_table();
}

static void repeats_every_row_of_a_simulated_run(void)
{
    expect_repeated("sim good.jsonc", 0);
    expect_repeated("sim bad.jsonc", 99);
}

static void repeats_every_row_of_a_run_over_sockets(void)
{
    expect_repeated("run good.jsonc", 0);
    expect_repeated("run bad.jsonc", 99);
}

static void prints_json_or_nothing_when_asked(void)
{
    EXPECT_I64(play("sim bad.jsonc"), 99);
    EXPECT_I64(judge_again("--json"), 99);
    CU_ASSERT(says(place.out, "{\"verdict\":\"fail\""));
    EXPECT_I64(judge_again("--quiet"), 99);
    CU_ASSERT_STRING_EQUAL(place.out, "");
}

static void refuses_a_folder_that_holds_no_run(void)
{
    EXPECT_I64(workplace_run(&place, "judge nowhere"), 2);
    CU_ASSERT(says(place.err, "nowhere: found no scenario.jsonc there"));
    EXPECT_I64(workplace_run(&place, "judge"), 2);
    CU_ASSERT(says(place.err, "no results folder was given"));
}

/* --- thinned evidence ------------------------------------------------------------------------- */

static void thinned_evidence_quotes_what_it_cannot_repeat(void)
{
    EXPECT_I64(play("sim good.jsonc --evidence failures"), 0);
    EXPECT_I64(judge_again(""), 0);
    CU_ASSERT(says(place.out, "pass (online)"));
    EXPECT_I64(play("sim bad.jsonc --evidence failures"), 99);
    EXPECT_I64(judge_again(""), 99);
    CU_ASSERT(says(place.out, "pass (online)"));
    CU_ASSERT(strstr(place.out, "fail (online)") == NULL); /* all its calls were kept */
}

static void a_summary_quotes_everything(void)
{
    EXPECT_I64(play("sim bad.jsonc --evidence summary"), 99);
    CU_ASSERT(access(path_of("calls.jsonl"), F_OK) != 0);
    CU_ASSERT(access(path_of("histograms.jsonl"), F_OK) == 0);
    EXPECT_I64(judge_again(""), 99);
    CU_ASSERT(says(place.out, "fail (online)"));
    CU_ASSERT(says(place.out, "36: "));
}

static void damaged_thinned_evidence_is_not_quoted(void)
{
    EXPECT_I64(play("sim good.jsonc --evidence failures"), 0);
    CU_ASSERT(unlink(path_of("journal.jsonl")) == 0);
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("journal.jsonl is missing"));
}

/* --- one kind of damage after the other ------------------------------------------------------- */

static void cut_in_half(char *text, size_t *size)
{
    (void)text;
    *size /= 2;
}

static void lose_the_last_line(char *text, size_t *size)
{
    do
        --*size;
    while (*size > 0 && text[*size - 1] != '\n');
}

static void change_a_digit(char *text, size_t *size)
{
    char *at = text + *size / 2;

    while (*at < '0' || *at > '8')
        at++;
    ++*at;
}

static void break_a_line(char *text, size_t *size)
{
    (void)size;
    strchr(text, '\n')[1] = '#';
}

static void add_a_line(char *text, size_t *size)
{
    char *end = memchr(text, '\n', *size);
    size_t line = (size_t)(end - text) + 1;

    memmove(text + *size, text, line);
    *size += line;
}

static void lose_a_line(char *text, size_t *size)
{
    char *end = memchr(text, '\n', *size);
    size_t line = (size_t)(end - text) + 1;

    memmove(text, text + line, *size - line);
    *size -= line;
}

static void empty_it(char *text, size_t *size)
{
    (void)text;
    *size = 0;
}

struct damage {
    const char *file;
    void (*does)(char *text, size_t *size); /* NULL: the file goes */
    const char *reason;
};

static const struct damage damages[] = {
    {"calls.jsonl", cut_in_half, "calls.jsonl, line "},
    {"calls.jsonl", lose_the_last_line, "the file ends without its last checkpoint"},
    {"calls.jsonl", change_a_digit, "calls.jsonl, lines 1 to 37: not as they were written"},
    {"calls.jsonl", break_a_line, "calls.jsonl, line 2: it cannot be read"},
    {"calls.jsonl", add_a_line, "something stands behind the last checkpoint"},
    {"calls.jsonl", lose_a_line, "calls.jsonl, line 36: the checkpoint counts 36 lines"},
    {"calls.jsonl", empty_it, "calls.jsonl, line 1: the file ends"},
    {"calls.jsonl", NULL, "calls.jsonl is missing"},
    {"attempts.jsonl", cut_in_half, "attempts.jsonl, line "},
    {"attempts.jsonl", change_a_digit, "attempts.jsonl, lines 1 to "},
    {"attempts.jsonl", lose_a_line, "attempts.jsonl, line "},
    {"attempts.jsonl", NULL, "attempts.jsonl is missing"},
    {"journal.jsonl", cut_in_half, "journal.jsonl, line "},
    {"journal.jsonl", change_a_digit, "journal.jsonl, lines 1 to "},
    {"journal.jsonl", add_a_line, "something stands behind the last checkpoint"},
    {"journal.jsonl", lose_a_line, "journal.jsonl, line "},
    {"journal.jsonl", NULL, "journal.jsonl is missing"},
    {"alerts.jsonl", empty_it, "alerts.jsonl, line 1: the file ends"},
    {"alerts.jsonl", NULL, "alerts.jsonl is missing"},
    {"run.json", change_a_digit, "run.json: not as it was written"},
    {"run.json", cut_in_half, "run.json: not as it was written"},
    {"run.json", NULL, "run.json is missing"},
};

/* A changed file, judged, and put back. */
static enum verdict verdict_after(const struct damage *damage)
{
    static char before[FILE_BYTES_MAX], after[FILE_BYTES_MAX];
    size_t size = read_file(damage->file, before), size_after = size;
    enum verdict verdict;

    memcpy(after, before, size + 1);
    if (damage->does != NULL)
        damage->does(after, &size_after);
    if (damage->does != NULL)
        write_file(damage->file, after, size_after);
    else
        CU_ASSERT(unlink(path_of(damage->file)) == 0);
    verdict = verdict_again();
    if (!any_reason_has(damage->reason))
        CU_FAIL(damage->reason);
    write_file(damage->file, before, size);
    return verdict;
}

static void damage_makes_a_pass_inconclusive_and_says_why(void)
{
    EXPECT_I64(play("sim good.jsonc"), 0);
    EXPECT_U64(verdict_again(), VERDICT_PASS);
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
        EXPECT_U64(verdict_after(&damages[i]), VERDICT_INCONCLUSIVE);
    EXPECT_U64(verdict_again(), VERDICT_PASS);
}

static void damage_never_makes_a_fail_pass(void)
{
    EXPECT_I64(play("sim bad.jsonc"), 99);
    EXPECT_U64(verdict_again(), VERDICT_FAIL);
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
        CU_ASSERT(verdict_after(&damages[i]) != VERDICT_PASS);
}

/* The calls stand first in each file, and the violation is proved by both ends. */
static void a_violation_before_the_damage_stays_a_fail(void)
{
    const struct damage damage = {"calls.jsonl", lose_the_last_line, "its last checkpoint"};

    EXPECT_I64(play("sim bad.jsonc"), 99);
    EXPECT_U64(verdict_after(&damage), VERDICT_FAIL);
    CU_ASSERT(unlink(path_of("run.json")) == 0);
    EXPECT_U64(verdict_again(), VERDICT_FAIL);
}

static void a_scenario_made_easier_is_noticed(void)
{
    static char text[FILE_BYTES_MAX];
    size_t size;

    EXPECT_I64(play("sim good.jsonc"), 0);
    size = read_file("scenario.jsonc", text);
    memcpy(strstr(text, ">= 50%"), ">= 10%", 6);
    write_file("scenario.jsonc", text, size);
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("scenario.jsonc is not what was run"));
}

static void a_file_of_another_run_is_noticed(void)
{
    static char text[FILE_BYTES_MAX];
    size_t size;

    EXPECT_I64(play("sim good.jsonc --set /load/requests/0/output_tokens=6"), 0);
    size = read_file("calls.jsonl", text);
    EXPECT_I64(play("sim good.jsonc"), 0);
    write_file("calls.jsonl", text, size);
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("calls.jsonl is not the file that run.json tells of"));
}

/* What a run is compared with must be its own control run, whatever level of evidence. */
static void expect_own_control(const char *command)
{
    char own[2 * WORKPLACE_PATH_MAX], other[2 * WORKPLACE_PATH_MAX], text[256];

    snprintf(text, sizeof(text), "%s --seed 9", command);
    EXPECT_I64(play(text), 0);
    snprintf(other, sizeof(other), "%s", path_of("control"));
    EXPECT_I64(play(command), 0);
    EXPECT_U64(verdict_again(), VERDICT_PASS);
    snprintf(own, sizeof(own), "%s/moved", place.folder);
    EXPECT_I64(rename(path_of("control"), own), 0);
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("the control run's folder is missing"));
    EXPECT_I64(rename(other, path_of("control")), 0);
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("the control run is not the one that run.json tells of"));
    EXPECT_I64(rename(path_of("control"), other), 0);
    EXPECT_I64(rename(own, path_of("control")), 0);
    write_file("control/run.json", "", 0);
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("the control run: "));
}

static void the_control_run_is_this_runs_own(void)
{
    expect_own_control("sim good.jsonc --set /control=no-chaos");
}

static void nor_does_thinned_evidence_take_another_control(void)
{
    expect_own_control("sim good.jsonc --set /control=no-chaos --evidence summary");
}

/* --- every line ------------------------------------------------------------------------------- */

/* The file's lines with one of them dealt with. */
struct lines {
    struct slice list[LINES_MAX];
    size_t count;
};

static void split(struct slice text, struct lines *lines)
{
    struct slice line;

    lines->count = 0;
    while (slice_cut(&text, '\n', &line))
        lines->list[lines->count++] = line;
}

enum deed { DELETE, DOUBLE, SWAP, DIGIT, DEEDS_COUNT };

static bool write_damaged(const char *file, const struct lines *lines, size_t victim,
                          enum deed deed)
{
    struct buffer out;
    bool is_changed = deed == DELETE || deed == DOUBLE;

    buffer_init(&out, memory_heap(), FILE_BYTES_MAX);
    for (size_t i = 0; i < lines->count; i++) {
        size_t from = i;

        if (deed == SWAP && victim + 1 < lines->count && (i == victim || i == victim + 1)) {
            from = i == victim ? i + 1 : victim;
            is_changed = true;
        }
        if (i == victim && deed == DELETE)
            continue;
        buffer_append(&out, lines->list[from]);
        if (i == victim && deed == DIGIT) {
            char *at = out.data + out.size - 1;

            while (at > out.data && at[-1] != '\n' && (*at < '0' || *at > '8'))
                at--;
            is_changed = *at >= '0' && *at <= '8';
            *at = (char)(*at + is_changed);
        }
        buffer_byte(&out, '\n');
        if (i == victim && deed == DOUBLE) {
            buffer_append(&out, lines->list[i]);
            buffer_byte(&out, '\n');
        }
    }
    write_file(file, out.data != NULL ? out.data : "", out.size);
    buffer_deinit(&out);
    return is_changed;
}

/* Whatever is done to whichever line: never a pass, and a fail only where there was one. */
static void expect_no_pass(const char *file, enum verdict original)
{
    static char before[FILE_BYTES_MAX];
    static struct lines lines;
    size_t size = read_file(file, before);

    split((struct slice){before, size}, &lines);
    CU_ASSERT_FATAL(lines.count < LINES_MAX);
    for (size_t victim = 0; victim < lines.count; victim++) {
        for (int deed = 0; deed < DEEDS_COUNT; deed++) {
            enum verdict verdict;

            if (!write_damaged(file, &lines, victim, (enum deed)deed))
                continue;
            verdict = verdict_again();
            CU_ASSERT(verdict != VERDICT_PASS);
            CU_ASSERT(verdict != VERDICT_FAIL || original == VERDICT_FAIL);
        }
    }
    write_file(file, before, size);
}

static void expect_no_pass_from_any_line(enum verdict original)
{
    for (int i = 0; i < EVIDENCE_FILES_LEAST; i++)
        expect_no_pass(evidence_file_name((enum evidence_file_kind)i), original);
    expect_no_pass("run.json", original);
    EXPECT_U64(verdict_again(), original);
}

static void no_line_of_a_passing_run_can_be_touched(void)
{
    EXPECT_I64(play("sim good.jsonc"), 0);
    expect_no_pass_from_any_line(VERDICT_PASS);
}

static void no_line_of_a_failing_run_can_be_touched(void)
{
    EXPECT_I64(play("sim bad.jsonc"), 99);
    expect_no_pass_from_any_line(VERDICT_FAIL);
}

static void without_run_json_no_damage_makes_a_fail(void)
{
    EXPECT_I64(play("sim good.jsonc"), 0);
    CU_ASSERT(unlink(path_of("run.json")) == 0);
    for (int i = 0; i < EVIDENCE_FILES_LEAST; i++)
        expect_no_pass(evidence_file_name((enum evidence_file_kind)i), VERDICT_INCONCLUSIVE);
}

/* --- killed ----------------------------------------------------------------------------------- */

static void a_killed_run_is_inconclusive_and_readable_so_far(void)
{
    uint32_t count;

    workplace_start(&place, "run good.jsonc --set /load/arrivals/0/for=60s --quiet --out results");
    CU_ASSERT_FATAL(workplace_await_calls(&place));
    kill(place.pid, SIGKILL);
    workplace_finish(&place);
    look_into("results");
    EXPECT_U64(verdict_again(), VERDICT_INCONCLUSIVE);
    CU_ASSERT(any_reason_has("run.json is missing: the run did not come to its end"));
    CU_ASSERT(judge_figures(judged.judge)->calls > 0);
    judge_rows(judged.judge, &count);
    CU_ASSERT(count > 10);
}

static CU_TestInfo tests[] = {
    {"repeats every row of a simulated run", repeats_every_row_of_a_simulated_run},
    {"repeats every row of a run over sockets", repeats_every_row_of_a_run_over_sockets},
    {"prints JSON or nothing when asked", prints_json_or_nothing_when_asked},
    {"refuses a folder that holds no run", refuses_a_folder_that_holds_no_run},
    {"thinned evidence quotes what it cannot repeat",
     thinned_evidence_quotes_what_it_cannot_repeat},
    {"a summary quotes everything", a_summary_quotes_everything},
    {"damaged thinned evidence is not quoted", damaged_thinned_evidence_is_not_quoted},
    {"damage makes a pass inconclusive and says why",
     damage_makes_a_pass_inconclusive_and_says_why},
    {"damage never makes a fail pass", damage_never_makes_a_fail_pass},
    {"a violation before the damage stays a fail", a_violation_before_the_damage_stays_a_fail},
    {"a scenario made easier is noticed", a_scenario_made_easier_is_noticed},
    {"a file of another run is noticed", a_file_of_another_run_is_noticed},
    {"the control run is this run's own", the_control_run_is_this_runs_own},
    {"nor does thinned evidence take another control",
     nor_does_thinned_evidence_take_another_control},
    {"no line of a passing run can be touched", no_line_of_a_passing_run_can_be_touched},
    {"no line of a failing run can be touched", no_line_of_a_failing_run_can_be_touched},
    {"without run.json no damage makes a fail", without_run_json_no_damage_makes_a_fail},
    {"a killed run is inconclusive, and readable so far",
     a_killed_run_is_inconclusive_and_readable_so_far},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo rejudge_suite = {"rejudge", NULL, NULL, set_up, tear_down, tests};
