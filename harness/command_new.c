/* `new`: writes a first scenario, or a workflow, where there is none. Who sits at a terminal is
 * asked what the command line did not say. */

#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "first_scenario.h"
#include "os/files.h"
#include "os/folder.h"
#include "output.h"
#include "workflow.h"

enum { TEXT_BYTES_MAX = 1 << 16, ANSWER_BYTES_MAX = 128, ASKED_MAX = 3 };

static const char FILE_DEFAULT[] = "brownout.jsonc";

/* --- asking ----------------------------------------------------------------------------------- */

/* A line of standard input, trimmed; false at its end. */
static bool read_answer(char answer[ANSWER_BYTES_MAX])
{
    struct slice trimmed;

    fflush(stdout);
    if (fgets(answer, ANSWER_BYTES_MAX, stdin) == NULL)
        return false;
    trimmed = slice_trim(slice_of(answer));
    memmove(answer, trimmed.data, trimmed.size);
    answer[trimmed.size] = '\0';
    return true;
}

/* By its number, or the word itself. */
static const char *word_of(enum first_question question, const char *answer)
{
    const char *about;
    const char *word = NULL;
    uint64_t number;

    if (slice_u64(slice_of(answer), &number) && number >= 1 && number <= 9)
        word = first_scenario_word(question, (uint32_t)number - 1, &about);
    return word != NULL ? word : answer;
}

static void print_choices(enum first_question question, const char *text)
{
    const char *word, *about;

    printf("%s\n", text);
    for (uint32_t i = 0; (word = first_scenario_word(question, i, &about)) != NULL; i++)
        printf("  %u  %-10s %s\n", i + 1, word, about);
}

/* An empty line takes the first; who is not understood is asked again. */
static enum rc ask(struct first_scenario *wish, enum first_question question, const char *text,
                   struct error *err)
{
    char answer[ANSWER_BYTES_MAX];
    enum rc rc = RC_MALFORMED;

    print_choices(question, text);
    for (int i = 0; i < ASKED_MAX && rc != RC_OK; i++) {
        printf("[1] > ");
        if (!read_answer(answer) || answer[0] == '\0')
            return RC_OK;
        rc = first_scenario_take(wish, question, word_of(question, answer), err);
        if (rc != RC_OK)
            printf("one of the numbers, or of the words\n");
    }
    return rc;
}

static enum rc ask_model(struct first_scenario *wish, char answer[ANSWER_BYTES_MAX],
                         struct error *err)
{
    printf("Which model?\n[%s] > ", first_scenario_model(wish));
    if (!read_answer(answer) || answer[0] == '\0')
        return RC_OK;
    return first_scenario_take_model(wish, answer, err);
}

/* --- the wish --------------------------------------------------------------------------------- */

/* The command line's word; without one, a person's; without one, the default. */
static enum rc settle(struct first_scenario *wish, enum first_question question, const char *word,
                      const char *text, struct error *err)
{
    if (word != NULL)
        return first_scenario_take(wish, question, word, err);
    return isatty(STDIN_FILENO) ? ask(wish, question, text, err) : RC_OK;
}

static enum rc make_wish(struct first_scenario *wish, const struct options *options,
                         char model[ANSWER_BYTES_MAX], struct error *err)
{
    *wish = (struct first_scenario){.subject = SUBJECT_EXEC, .api = API_ANTHROPIC};
    TRY(settle(wish, FIRST_SUBJECT, options->subject, "What is to be tested?", err));
    TRY(settle(wish, FIRST_PROVIDER, options->provider, "Which provider does it ask?", err));
    if (options->model != NULL)
        TRY(first_scenario_take_model(wish, options->model, err));
    else if (isatty(STDIN_FILENO))
        TRY(ask_model(wish, model, err));
    return settle(wish, FIRST_TROUBLE, options->trouble, "What went wrong, or could?", err);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Nobody's file is written over. */
static enum rc check_new(const char *path, struct error *err)
{
    if (access(path, F_OK) != 0)
        return RC_OK;
    return error_set(err, RC_MALFORMED, "%s: is there already, and is left as it is", path);
}

static enum rc write_file(const char *path, const struct buffer *text, struct error *err)
{
    TRY(check_new(path, err));
    if (text->rc != RC_OK)
        return error_set(err, text->rc, "%s: %s", path, rc_text(text->rc));
    return files_write(path, buffer_slice(text), err);
}

static void say(const char *path, const struct first_scenario *wish)
{
    struct buffer out;

    buffer_init(&out, memory_heap(), TEXT_BYTES_MAX);
    buffer_printf(&out, "wrote %s\nnext: ", path);
    first_scenario_write_next(wish, path, &out);
    buffer_text(&out, wish->subject == SUBJECT_EXEC ? "     (your command behind the --)\n" : "\n");
    output_write(stdout, buffer_slice(&out));
    buffer_deinit(&out);
}

static enum exit_code new_scenario(const char *path, const struct options *options)
{
    char model[ANSWER_BYTES_MAX];
    struct first_scenario wish;
    struct error err = {0};
    struct buffer text;
    enum rc rc;

    if (check_new(path, &err) != RC_OK || make_wish(&wish, options, model, &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    first_scenario_write(&wish, path, &text);
    rc = write_file(path, &text, &err);
    buffer_deinit(&text);
    if (rc != RC_OK)
        return complain(&err, rc == RC_MALFORMED ? EXIT_USAGE : EXIT_NOT_CARRIED_OUT);
    say(path, &wish);
    return EXIT_PASS;
}

/* It stands in a shell's line of the workflow. */
static enum rc check_plain(const char *path, struct error *err)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";

    if (path[strspn(path, plain)] == '\0')
        return RC_OK;
    return error_set(err, RC_MALFORMED,
                     "%s: expected a name of letters, digits and ._-/ in a workflow", path);
}

static enum exit_code new_workflow(const char *path)
{
    struct error err = {0};
    struct buffer text;
    enum rc rc;

    if (check_plain(path, &err) != RC_OK || check_new(WORKFLOW_FILE, &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    workflow_write(path, &text);
    rc = folder_make(WORKFLOW_FOLDER, &err);
    if (rc == RC_OK)
        rc = write_file(WORKFLOW_FILE, &text, &err);
    buffer_deinit(&text);
    if (rc != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    printf("wrote %s\nnext: put in the places marked yours, and commit it", WORKFLOW_FILE);
    printf(access(path, F_OK) == 0 ? " with %s\n" : "; brownout new %s\n", path);
    return EXIT_PASS;
}

enum exit_code command_new(const struct options *options)
{
    const char *path = options->files_count > 0 ? options->files[0] : FILE_DEFAULT;
    struct error err = {0};

    if (options->files_count > 1) {
        error_set(&err, RC_MALFORMED, "new writes one file, found %u names", options->files_count);
        return complain(&err, EXIT_USAGE);
    }
    return options->wants_github ? new_workflow(path) : new_scenario(path, options);
}
