#include "first_scenario.h"

#include <assert.h>
#include <string.h>

#include "base/nearest.h"
#include "wire/json.h"

enum { MODEL_NAME_MAX = 63 }; /* bytes; as a scenario takes it */

/* --- words ------------------------------------------------------------------------------------ */

struct word {
    const char *word;
    const char *about;
    int meaning;
};

#define WORD_ROW(id, word, about) {word, about, id},
static const struct word subjects[] = {FIRST_SUBJECT_LIST(WORD_ROW)};
static const struct word providers[] = {FIRST_PROVIDER_LIST(WORD_ROW)};
static const struct word troubles[] = {FIRST_TROUBLE_LIST(WORD_ROW)};
#undef WORD_ROW

static const struct {
    const char *option;
    const struct word *words;
    uint32_t count;
} questions[FIRST_QUESTIONS_COUNT] = {
    [FIRST_SUBJECT] = {"--subject", subjects, ARRAY_SIZE(subjects)},
    [FIRST_PROVIDER] = {"--provider", providers, ARRAY_SIZE(providers)},
    [FIRST_TROUBLE] = {"--trouble", troubles, ARRAY_SIZE(troubles)},
};

const char *first_scenario_word(enum first_question question, uint32_t index, const char **about)
{
    assert(question < FIRST_QUESTIONS_COUNT);
    if (index >= questions[question].count)
        return NULL;
    *about = questions[question].words[index].about;
    return questions[question].words[index].word;
}

static void answer(struct first_scenario *wish, enum first_question question, int meaning)
{
    switch (question) {
    case FIRST_SUBJECT:
        wish->subject = (enum subject)meaning;
        return;
    case FIRST_PROVIDER:
        wish->api = (enum api)meaning;
        return;
    case FIRST_TROUBLE:
        wish->trouble = (enum first_trouble)meaning;
        return;
    case FIRST_QUESTIONS_COUNT:
        break;
    }
    assert(false);
}

enum rc first_scenario_take(struct first_scenario *wish, enum first_question question,
                            const char *word, struct error *err)
{
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;
    const char *known, *about;

    nearest_init(&nearest, slice_of(word));
    for (uint32_t i = 0; (known = first_scenario_word(question, i, &about)) != NULL; i++) {
        if (strcmp(known, word) == 0) {
            answer(wish, question, questions[question].words[i].meaning);
            return RC_OK;
        }
        nearest_offer(&nearest, slice_of(known));
    }
    return error_set(err, RC_MALFORMED,
                     "%s: found \"%s\", expected a word of `brownout new --help`%s",
                     questions[question].option, word, nearest_say(&nearest, hint));
}

enum rc first_scenario_take_model(struct first_scenario *wish, const char *name, struct error *err)
{
    bool is_line = name[0] != '\0' && strlen(name) <= MODEL_NAME_MAX;

    for (const char *c = name; *c != '\0'; c++)
        is_line = is_line && (unsigned char)*c >= ' ';
    if (!is_line)
        return error_set(err, RC_MALFORMED,
                         "--model: found no name of a model, expected one line of 1 to %d bytes",
                         MODEL_NAME_MAX);
    wish->model = name;
    return RC_OK;
}

/* --- what a provider has ---------------------------------------------------------------------- */

static const struct {
    const char *model;
    const char *listener;
    const char *version; /* that SDKs want behind the base URL */
    int overloaded;
} facts[API_COUNT] = {
    [API_ANTHROPIC] = {"claude-sonnet-4-5", "anthropic", "", 529},
    [API_OPENAI_CHAT] = {"gpt-4o", "openai", "/v1", 503},
    [API_GEMINI] = {"gemini-2.5-flash", "gemini", "", 503},
};

const char *first_scenario_model(const struct first_scenario *wish)
{
    return wish->model != NULL ? wish->model : facts[wish->api].model;
}

/* --- what goes wrong -------------------------------------------------------------------------- */

static const struct fault_row {
    enum first_trouble of;
    const char *rule;
    uint32_t in_a_row;   /* requests, where they are counted */
    uint32_t share;      /* per cent of the attempts, where they lie in a window */
    const char *fault;   /* "%d": the provider's status for overloaded */
    const char *comment; /* may be empty */
} rows[] = {
    {TROUBLE_LIMITS, "limits", 1, 40, "{\"status\": 429, \"retry_after\": \"1s\"}",
     "nobody may come back within that second"},
    {TROUBLE_OVERLOAD, "overload", 2, 50, "{\"status\": %d}", "no advice: back off by yourself"},
    {TROUBLE_STREAMS, "cut-fin", 1, 20, "{\"cut\": {\"after_tokens\": 5, \"by\": \"fin\"}}",
     "the connection ends in the middle of an answer"},
    {TROUBLE_STREAMS, "cut-end", 1, 20, "{\"cut\": {\"after_tokens\": 5, \"by\": \"end\"}}",
     "well framed, but half an answer: the easiest to miss"},
    {TROUBLE_SLOW, "late", 1, 30, "{\"late_first_token\": \"5s\"}", "nothing for five seconds"},
    {TROUBLE_SLOW, "slow", 1, 20, "{\"slow_tokens\": 10}",
     "a brownout: no error, only slow. Who waits for an error waits for ever"},
};

static const char *phase_of(enum first_trouble trouble)
{
    return troubles[trouble].word;
}

/* "limits", or "streams/cut-fin" where a phase has several rules. */
static void write_rule_name(const struct fault_row *row, struct buffer *out)
{
    buffer_printf(out, "{\"phase\": \"%s\", ", phase_of(row->of));
    if (strcmp(row->rule, phase_of(row->of)) != 0)
        buffer_printf(out, "\"rule\": \"%s\", ", row->rule);
}

static void write_fault(const struct first_scenario *wish, const struct fault_row *row,
                        bool is_last, struct buffer *out)
{
    buffer_text(out, "\"fault\": ");
    if (strstr(row->fault, "%d") != NULL)
        buffer_printf(out, "{\"status\": %d}", facts[wish->api].overloaded);
    else
        buffer_text(out, row->fault);
    buffer_text(out, is_last ? "}\n" : "},\n");
}

static bool is_wanted(const struct first_scenario *wish, const struct fault_row *row)
{
    return wish->trouble == TROUBLE_ALL || wish->trouble == row->of;
}

static const struct fault_row *last_wanted(const struct first_scenario *wish)
{
    const struct fault_row *last = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        last = is_wanted(wish, &rows[i]) ? &rows[i] : last;
    assert(last != NULL);
    return last;
}

/* As many as four tries around an SDK that itself tries three times: on one call, all of them. */
enum { OUTAGE_REQUESTS = 12 };

/* For a command, where overload is all there is: no call of a careful client survives it, and none
 * costs many requests. */
static void write_outage(const struct first_scenario *wish, struct buffer *out)
{
    buffer_printf(
        out,
        "    // The first requests, and no advice. A client whose retries are in one layer "
        "gives up or\n"
        "    // waits after three of them; two layers spend a dozen on one call.\n"
        "    {\"phase\": \"overload\", \"times\": %d, \"fault\": {\"status\": %d}}\n",
        OUTAGE_REQUESTS, facts[wish->api].overloaded);
}

/* For a command: the first request, the third, ... with a good one after each trouble. */
static void write_counted(const struct first_scenario *wish, struct buffer *out)
{
    const struct fault_row *last = last_wanted(wish);
    uint32_t nth = 1;

    if (wish->trouble == TROUBLE_OVERLOAD) {
        write_outage(wish, out);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct fault_row *row = &rows[i];

        if (!is_wanted(wish, row))
            continue;
        buffer_printf(out, "    // %s\n", row->comment);
        for (uint32_t k = 0; k < row->in_a_row; k++, nth++) {
            buffer_printf(out, "    {\"phase\": \"%s\", \"rule\": \"%s-%u\", \"nth\": %u, ",
                          phase_of(row->of), row->rule, nth, nth);
            write_fault(wish, row, row == last && k + 1 == row->in_a_row, out);
        }
        nth++;
    }
}

enum { WINDOW_FIRST_S = 5, WINDOW_LASTS_S = 6, WINDOW_EVERY_S = 10 };

/* For a load: a window of its own for each trouble, good days in between. Returns when the load may
 * end. */
static uint32_t write_windows(const struct first_scenario *wish, struct buffer *out)
{
    const struct fault_row *last = last_wanted(wish);
    const struct fault_row *before = NULL;
    uint32_t at_s = WINDOW_FIRST_S;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct fault_row *row = &rows[i];
        bool is_new = before == NULL || before->of != row->of;

        if (!is_wanted(wish, row))
            continue;
        at_s += before != NULL && is_new ? WINDOW_EVERY_S : 0;
        buffer_printf(out, "    // %s\n    ", row->comment);
        write_rule_name(row, out);
        if (is_new)
            buffer_printf(out, "\"at\": \"%us\", \"for\": \"%us\", ", at_s, WINDOW_LASTS_S);
        buffer_printf(out, "\"share\": \"%u%%\", ", row->share);
        write_fault(wish, row, row == last, out);
        before = row;
    }
    return at_s + WINDOW_EVERY_S;
}

/* --- the file --------------------------------------------------------------------------------- */

static const char *const stories[TROUBLES_COUNT] = {
    [TROUBLE_OVERLOAD] = "The provider is overloaded for a while. What becomes of the calls?",
    [TROUBLE_LIMITS] = "The provider says: rate limit reached. Who waits as long as it is told?",
    [TROUBLE_STREAMS] = "Answers break off in the middle. Who takes half of one for a whole one?",
    [TROUBLE_SLOW] = "Answers are slow, without any error. Who notices?",
    [TROUBLE_ALL] = "A bad day in small: limits, overload, broken answers, slow answers.",
};

static void write_head(const struct first_scenario *wish, const char *file, struct buffer *out)
{
    buffer_text(
        out,
        "// A first scenario, written by `brownout new`. Change what you like: docs/scenario.md "
        "tells every key,\n// and `brownout check` names every slip with its line.\n//\n");
    buffer_printf(out, "//   brownout check %s\n//   ", file);
    first_scenario_write_next(wish, file, out);
    buffer_printf(out, "\n{\n  \"name\": \"first-%s\",\n", phase_of(wish->trouble));
    buffer_printf(out, "  \"about\": \"%s\",\n\n", stories[wish->trouble]);
}

static void write_command(const struct first_scenario *wish, struct buffer *out)
{
    buffer_printf(out,
                  "  // The command stands on the command line. The base URLs of the SDKs that we "
                  "know lead to the\n"
                  "  // mock by themselves (docs/base-urls.md); a variable of your own goes here.\n"
                  "  \"subject\": {\n"
                  "    \"exec\": {},                      // {\"log\": {\"file\": \"app.jsonl\"}} "
                  "has its own log judged, too\n"
                  "    \"env\": {\"MY_LLM_URL\": \"{%s}%s\"}\n"
                  "    // \"hooks\": {\"SLACK_WEBHOOK_URL\": \"slack\"}\n"
                  "  },\n\n",
                  facts[wish->api].listener, facts[wish->api].version);
}

static void write_service(const struct first_scenario *wish, struct buffer *out)
{
    buffer_printf(out,
                  "  // Where it listens and what it speaks. With \"start\" it is started and "
                  "ended by us; without,\n"
                  "  // it runs already, and its upstream is the mock (`--port 4100` numbers its "
                  "listeners).\n"
                  "  \"subject\": {\n"
                  "    \"service\": \"http://127.0.0.1:4000\",\n"
                  "    \"send\": {\"speaks\": \"%s\"},    // \"path\", \"headers\", \"key\": "
                  "\"$PROXY_KEY\"; or \"json\"\n"
                  "    // \"start\": [\"python3\", \"gateway.py\", \"--port\", \"4000\"], "
                  "\"ready\": \"/health\",\n"
                  "    // \"env\": {\"UPSTREAM_URL\": \"{%s}%s\"},\n"
                  "    \"timeouts\": {\"call\": \"30s\"}\n"
                  "  },\n\n",
                  api_word(wish->api), facts[wish->api].listener, facts[wish->api].version);
}

static void write_client(struct buffer *out)
{
    buffer_text(out,
                "  // Try \"guide\" to see a naive client fail; `brownout presets` lists them.\n"
                "  \"subject\": {\"client\": {\n"
                "    \"preset\": \"careful\"\n"
                "    // \"retry\": {\"attempts\": 3, \"backoff\": {\"base\": \"500ms\", "
                "\"factor\": 2, \"cap\": \"8s\", "
                "\"jitter\": \"full\"}}\n"
                "  }},\n\n");
}

static void write_subject(const struct first_scenario *wish, struct buffer *out)
{
    if (wish->subject == SUBJECT_EXEC)
        write_command(wish, out);
    else if (wish->subject == SUBJECT_SERVICE)
        write_service(wish, out);
    else
        write_client(out);
}

static void write_target(const struct first_scenario *wish, struct buffer *out)
{
    buffer_text(
        out,
        "  // How the mock answers on a good day.\n  \"target\": {\"mock\": {\"models\": {\n    ");
    json_write_text(out, slice_of(first_scenario_model(wish)));
    buffer_printf(out,
                  ": {\"api\": \"%s\", \"first_token\": \"300ms\", \"rate\": \"80 tokens/s\"}\n  }",
                  api_word(wish->api));
    if (wish->subject == SUBJECT_SERVICE)
        buffer_text(out, ", \"any_model\": true"); /* what it asks for is its own affair */
    buffer_text(out, "}},\n\n");
}

static void write_load(const struct first_scenario *wish, uint32_t lasts_s, struct buffer *out)
{
    buffer_text(out, "  // 10 questions a second; \"deadline\" is what your users wait for.\n"
                     "  \"load\": {\n    \"requests\": [{\"model\": ");
    json_write_text(out, slice_of(first_scenario_model(wish)));
    buffer_printf(out,
                  ", \"stream\": true, \"input_tokens\": 300, \"output_tokens\": 40}],\n"
                  "    \"arrivals\": [{\"rate\": \"10/s\", \"for\": \"%us\"}],\n"
                  "    \"deadline\": \"30s\"\n  },\n\n",
                  lasts_s);
}

/* Under an outage no call need be useful: only conduct counts. */
static const char *expectations(const struct first_scenario *wish)
{
    if (wish->subject != SUBJECT_EXEC)
        return ",\n  \"expect\": [\"calls.useful >= 90%\", \"amplification <= 2\"]";
    if (wish->trouble == TROUBLE_OVERLOAD)
        return "";
    return ",\n  \"expect\": [\"calls.useful >= 95%\", \"attempts.max <= 5\"]";
}

static void write_judgement(const struct first_scenario *wish, struct buffer *out)
{
    buffer_text(
        out,
        "  // Rules of conduct (docs/laws.md), and what you want yourself (docs/measures.md).\n"
        "  \"laws\": {\"attempts-bounded\": {\"max\": 5}}");
    buffer_text(out, expectations(wish));
    buffer_text(out, "\n}\n");
}

void first_scenario_write(const struct first_scenario *wish, const char *file, struct buffer *out)
{
    bool is_counted = wish->subject == SUBJECT_EXEC;
    uint32_t lasts_s = 0;

    write_head(wish, file, out);
    write_subject(wish, out);
    write_target(wish, out);
    if (is_counted)
        buffer_text(
            out,
            "  // Counted, not timed: a program of a few calls meets them all. Windows work, too:\n"
            "  // \"at\": \"10s\", \"for\": \"5s\", \"share\": \"50%\" in the place of \"nth\".\n");
    buffer_text(out, "  \"chaos\": [\n");
    if (is_counted)
        write_counted(wish, out);
    else
        lasts_s = write_windows(wish, out);
    buffer_text(out, "  ],\n\n");
    if (is_counted)
        buffer_text(out,
                    "  \"load\": {\"deadline\": \"30s\"},        // what your users wait for\n\n");
    else
        write_load(wish, lasts_s, out);
    write_judgement(wish, out);
}

void first_scenario_write_next(const struct first_scenario *wish, const char *file,
                               struct buffer *out)
{
    if (wish->subject == SUBJECT_EXEC)
        buffer_printf(out, "brownout exec %s -- python3 app.py", file);
    else if (wish->subject == SUBJECT_SERVICE)
        buffer_printf(out, "brownout run %s", file);
    else
        buffer_printf(out, "brownout sim %s", file);
}
