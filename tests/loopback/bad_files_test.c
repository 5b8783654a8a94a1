/* Scenario files as people should not have them: each is refused with its name, where it has one
 * with its place, soon, and with nothing left behind. */

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "workplace.h"

#define HEAD \
    "{\"name\": \"x\", \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\"}}}},\n"
#define LOAD(deadline)                                                                       \
    " \"load\": {\"requests\": [{\"model\": \"m\", \"input_tokens\": 10, \"output_tokens\":" \
    " 10}], \"arrivals\": [{\"rate\": \"9/s\", \"for\": \"1s\"}], \"deadline\": " deadline "}"
#define GOOD HEAD LOAD("\"5s\"") "}"
#define WITH(more) HEAD LOAD("\"5s\"") ",\n" more "}"

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
}

static void tear_down(void)
{
    workplace_close(&place);
}

static void path_of(const char *name, char path[WORKPLACE_PATH_MAX + 32])
{
    snprintf(path, WORKPLACE_PATH_MAX + 32, "%s/%s", place.folder, name);
}

static void write_bytes(const char *name, struct slice bytes)
{
    char path[WORKPLACE_PATH_MAX + 32];
    FILE *file;

    path_of(name, path);
    file = fopen(path, "wb");
    CU_ASSERT_FATAL(file != NULL);
    CU_ASSERT_FATAL(fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
    fclose(file);
}

/* Exit 2, that sentence, and no results. */
static void expect_refused(const char *file, const char *message)
{
    char arguments[64];

    snprintf(arguments, sizeof(arguments), "sim %s", file);
    EXPECT_I64(workplace_run(&place, arguments), 2);
    if (strstr(place.err, message) == NULL)
        expect_text(slice_of(place.err), slice_of(message),
                    &(struct expect_place){"what is said of it", file, 0});
    EXPECT_U64(workplace_results_count(&place), 0);
}

static void says_what_is_wrong_with_a_text_and_where(void)
{
    static const struct {
        struct slice bytes;
        const char *message;
    } cases[] = {
        {{"", 0}, "x.jsonc:1:1: the text is empty"},
        {SLICE("// nothing\n/* here */\n"), "x.jsonc:3:1: the text is empty"},
        {SLICE("{\"name\": \"x\" /* never"), "x.jsonc:1:14: a comment that is never closed"},
        {SLICE("{\"name\": \"x"), "x.jsonc:1:10: a string that is never closed"},
        {SLICE("\xef\xbb\xbf" GOOD), "x.jsonc:1:1: the text begins with a byte order mark"},
        {SLICE("\xff\xfe{\0}\0"), "x.jsonc:1:1: not UTF-8"},
        {SLICE(WITH("\"about\": \"\xff\"")), "x.jsonc:3:11: not UTF-8"},
        {SLICE(WITH("\"about\": \"\xc0\xaf\"")), "x.jsonc:3:11: not UTF-8"},
        {SLICE(WITH("\"about\": \"\xed\xa0\x80\"")), "x.jsonc:3:11: not UTF-8"},
        {SLICE(WITH("// \xc3(\n")), "x.jsonc:3:4: not UTF-8"},
        {SLICE(WITH("\"seed\": \0 1")), "x.jsonc:3:9: found the byte 0x00, expected a value"},
        {SLICE(WITH("\"about\": \"a\0b\"")), "x.jsonc:3:12: a control character in a string"},
        {SLICE(WITH("// a\0b\n\"seed\": 1")), "x.jsonc:3:5: found the byte 0x00"},
        {SLICE(GOOD "\0"), "text after the end"},
        {SLICE(GOOD "\n{}"), "x.jsonc:3:1: text after the end"},
        {SLICE(WITH("\"seed\": 1, \"seed\": 1")), "x.jsonc:3:12: the key \"seed\" stands twice"},
        {SLICE(WITH("\"seed\": 1, \"s\\u0065ed\": 1")), "stands twice"},
        {SLICE(WITH("\"seed\": 1e400")), "x.jsonc:3:9: found 1e400, expected a whole number"},
        {SLICE(WITH("\"seed\": -0")), "x.jsonc:3:9: found -0, expected a whole number"},
        {SLICE(WITH("\"seed\": 01")), "x.jsonc:3:9: a number with a leading zero"},
        {SLICE(WITH("\"seed\": 99999999999999999999999")), "x.jsonc:3:9: found 9999999999"},
        {SLICE(WITH("\"seed\": 1e99999999999999999999")), "x.jsonc:3:9: found 1e99999999"},
        {SLICE(WITH("\"seed\": NaN")), "x.jsonc:3:9: an unknown word"},
        {SLICE(HEAD LOAD("\"1e9999s\"") "}"), "found \"1e9999s\", expected a duration"},
        {SLICE(HEAD LOAD("\"99999999999999999999s\"") "}"), "expected at most ten years"},
        {SLICE(HEAD LOAD("\"-1s\"") "}"), "found \"-1s\", expected a duration"},
        {SLICE(HEAD LOAD("5") "}"), "found 5, expected a duration"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        write_bytes("x.jsonc", cases[i].bytes);
        expect_refused("x.jsonc", cases[i].message);
    }
}

/* The stack does not grow with the text. */
static void nesting_ends_at_its_ceiling(void)
{
    enum { DEPTH = 10000 };
    static char text[DEPTH * 5 + 1];

    memset(text, '[', DEPTH);
    write_bytes("x.jsonc", (struct slice){text, DEPTH});
    expect_refused("x.jsonc", "x.jsonc:1:65: nested more than 64 levels deep");
    for (int i = 0; i < DEPTH; i++)
        memcpy(text + (size_t)i * 5, "{\"a\":", 5);
    write_bytes("x.jsonc", (struct slice){text, (size_t)DEPTH * 5});
    expect_refused("x.jsonc", "nested more than 64 levels deep");
}

static void a_file_of_a_hundred_megabytes_is_refused_by_its_size(void)
{
    char path[WORKPLACE_PATH_MAX + 32];

    write_bytes("x.jsonc", SLICE(GOOD));
    path_of("x.jsonc", path);
    CU_ASSERT_FATAL(truncate(path, 100 << 20) == 0);
    expect_refused("x.jsonc", "x.jsonc: the file is too large, expected at most 1048576 bytes");
    expect_refused("/dev/zero", "/dev/zero: the file is too large");
}

static void what_is_no_file_is_refused_by_name(void)
{
    char path[WORKPLACE_PATH_MAX + 32];

    path_of("x.jsonc", path);
    CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
    expect_refused("x.jsonc", "x.jsonc: is a folder, expected a file");
    expect_refused("y.jsonc", "y.jsonc: No such file or directory");
    expect_refused("/dev/null", "/dev/null:1:1: the text is empty");
}

static void a_file_that_may_not_be_read_is_said(void)
{
    char path[WORKPLACE_PATH_MAX + 32];

    if (geteuid() == 0) /* may read everything */
        return;
    write_bytes("x.jsonc", SLICE(GOOD));
    path_of("x.jsonc", path);
    CU_ASSERT_FATAL(chmod(path, 0) == 0);
    expect_refused("x.jsonc", "x.jsonc: Permission denied");
}

/* "brownout sim <(make-scenario)": whoever writes may come later than who reads. */
static void a_pipe_is_read_when_its_writer_comes(void)
{
    char path[WORKPLACE_PATH_MAX + 32];
    int fd;

    path_of("x.jsonc", path);
    CU_ASSERT_FATAL(mkfifo(path, 0600) == 0);
    workplace_start(&place, "check x.jsonc");
    fd = open(path, O_WRONLY); /* returns when somebody reads */
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(write(fd, GOOD, strlen(GOOD)) == (ssize_t)strlen(GOOD));
    close(fd);
    EXPECT_I64(workplace_finish(&place), 0);
}

static CU_TestInfo tests[] = {
    {"says what is wrong with a text, and where", says_what_is_wrong_with_a_text_and_where},
    {"nesting ends at its ceiling", nesting_ends_at_its_ceiling},
    {"a file of a hundred megabytes is refused by its size",
     a_file_of_a_hundred_megabytes_is_refused_by_its_size},
    {"what is no file is refused by name", what_is_no_file_is_refused_by_name},
    {"a file that may not be read is said", a_file_that_may_not_be_read_is_said},
    {"a pipe is read when its writer comes", a_pipe_is_read_when_its_writer_comes},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo bad_files_suite = {"bad files", NULL, NULL, set_up, tear_down, tests};
