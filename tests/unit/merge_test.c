/* Scenarios put together from files and cases, and the places that complaints then name. */

#include "scenario/merge.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

struct file {
    const char *name;
    const char *text;
};

enum { FILES_MAX = 24 };

static struct file files[FILES_MAX];
static struct arena arena;
static struct error err;
static struct merged merged;

static enum rc read_file(void *context, struct slice path, struct arena *into, struct slice *bytes,
                         struct error *error)
{
    (void)context;
    for (int i = 0; i < FILES_MAX && files[i].name != NULL; i++) {
        if (!slice_is(path, slice_of(files[i].name)))
            continue;
        *bytes = arena_copy(into, slice_of(files[i].text));
        return bytes->data != NULL ? RC_OK : error_set(error, into->rc, "out of memory");
    }
    return error_set(error, RC_SYSTEM, "%.*s: No such file or directory", SLICE_ARG(path));
}

static const struct file_reader reader = {.read = read_file};

static void set_up(void)
{
    err = (struct error){0};
    memset(files, 0, sizeof(files));
    arena_init(&arena, memory_heap(), 64 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static void add(const char *name, const char *text)
{
    int i = 0;

    while (files[i].name != NULL)
        i++;
    files[i] = (struct file){name, text};
}

static enum rc merge_case(const char *text, uint32_t which)
{
    return scenario_merge(slice_of(text), SLICE("shop/day.jsonc"), &reader, which, &arena, &merged,
                          &err);
}

static struct slice merge(const char *text)
{
    return merge_case(text, 0) == RC_OK ? merged.text : (struct slice){0};
}

static const char *place_of(const char *what)
{
    static char place[128];
    const char *at = strstr(merged.text.data, what);
    struct text_place found;

    if (at == NULL)
        return "nowhere";
    found = origins_place(&merged.origins, merged.text, SLICE("shop/day.jsonc"),
                          (size_t)(at - merged.text.data));
    snprintf(place, sizeof(place), "%.*s:%u:%u", SLICE_ARG(found.file), found.position.line,
             found.position.column);
    return place;
}

static void expect_place(const char *what, const char *place)
{
    CU_ASSERT_STRING_EQUAL(place_of(what), place);
    if (strcmp(place_of(what), place) != 0)
        printf("%s: found %s, expected %s\n", what, place_of(what), place);
}

static void expect_refusal(const char *text, const char *said)
{
    err.text[0] = '\0';
    CU_ASSERT_NOT_EQUAL(merge_case(text, 0), RC_OK);
    CU_ASSERT(slice_starts_with(slice_of(err.text), slice_of(said)));
    if (!slice_starts_with(slice_of(err.text), slice_of(said)))
        printf("found %s, expected %s\n", err.text, said);
    EXPECT_U64(merged.cases_count, 0);
}

/* --- values ----------------------------------------------------------------------------------- */

static void a_text_without_use_and_vary_is_left_as_it_is(void)
{
    const char *text = "// mine\n{ \"name\": \"x\", \"a\": [null, 1e400,], }\n";

    CU_ASSERT_PTR_EQUAL(merge(text).data, text);
    EXPECT_U64(merged.text.size, strlen(text));
    EXPECT_U64(merged.origins.count, 0);
    EXPECT_U64(merged.cases_count, 0);
    CU_ASSERT_PTR_EQUAL(merge("[7]").data[0] == '[' ? merged.text.data : NULL, merged.text.data);
}

static void objects_are_merged_member_by_member_and_later_files_win(void)
{
    add("shop/company.jsonc", "{\"a\": {\"x\": 1, \"y\": [1, 2]}, \"b\": 0.10}");
    add("company.jsonc", "{\"a\": {\"x\": 1, \"y\": [1, 2]}, \"b\": 0.10}");
    EXPECT_TEXT(merge("{\"use\": [\"company.jsonc\"], \"a\": {\"y\": [3], \"z\": \"\\u0041\"}}"),
                "{\n  \"a\": {\n    \"x\": 1,\n    \"y\": [3],\n    \"z\": \"\\u0041\"\n  },\n"
                "  \"b\": 0.10\n}");
}

static void null_takes_away_and_anything_replaces_what_is_no_object(void)
{
    add("base.jsonc", "{\"a\": {\"x\": {\"deep\": 1}, \"y\": 2}, \"b\": 5, \"c\": {\"k\": 1},"
                      " \"own\": null}");
    EXPECT_TEXT(merge("{\"use\": [\"base.jsonc\"], \"a\": {\"x\": null, \"q\": null},"
                      " \"b\": {\"n\": null, \"m\": [null, {\"o\": null}]}, \"c\": \"s\"}"),
                "{\n  \"a\": {\n    \"y\": 2\n  },\n  \"b\": {\n    \"m\": [null, {\"o\": null}]\n"
                "  },\n  \"c\": \"s\",\n  \"own\": null\n}");
}

static void what_was_replaced_before_does_not_come_back(void)
{
    add("one.jsonc", "{\"a\": {\"x\": 1}}");
    add("two.jsonc", "{\"a\": 7}");
    EXPECT_TEXT(merge("{\"use\": [\"one.jsonc\", \"two.jsonc\"], \"a\": {\"y\": 2}}"),
                "{\n  \"a\": {\"y\": 2}\n}");
    add("none.jsonc", "{\"a\": null}");
    EXPECT_TEXT(merge("{\"use\": [\"one.jsonc\", \"none.jsonc\"], \"a\": {\"y\": 2}}"),
                "{\n  \"a\": {\"y\": 2}\n}");
}

static void keys_are_equal_however_they_are_written(void)
{
    add("base.jsonc", "{\"abc\": 1, \"d\": 2}");
    EXPECT_TEXT(merge("{\"use\": [\"base.jsonc\"], \"\\u0061bc\": 3}"),
                "{\n  \"\\u0061bc\": 3,\n  \"d\": 2\n}");
}

static void comments_within_a_whole_value_stay(void)
{
    add("base.jsonc", "{\"a\": [ // two\n 1, 2], \"b\": 1 /* gone */}");
    EXPECT_TEXT(merge("{\"use\": [\"base.jsonc\"]}"),
                "{\n  \"a\": [ // two\n 1, 2],\n  \"b\": 1\n}");
}

/* --- files ------------------------------------------------------------------------------------ */

static void files_are_named_relative_to_the_one_that_names_them(void)
{
    add("common/base.jsonc", "{\"use\": [\"./prices.jsonc\", \"../top.jsonc\"], \"a\": 1}");
    add("common/prices.jsonc", "{\"p\": 1}");
    add("top.jsonc", "{\"t\": 1}");
    add("/etc/all.jsonc", "{\"use\": [\"more.jsonc\"]}");
    add("/etc/more.jsonc", "{\"m\": 1}");
    EXPECT_TEXT(merge("{\"use\": [\"common/base.jsonc\", \"/etc/all.jsonc\"]}"),
                "{\n  \"p\": 1,\n  \"t\": 1,\n  \"a\": 1,\n  \"m\": 1\n}");
    expect_place("\"p\"", "shop/common/prices.jsonc:1:2");
    expect_place("\"t\"", "shop/top.jsonc:1:2");
    expect_place("\"m\"", "/etc/more.jsonc:1:2");
}

static void a_file_that_two_use_is_put_on_top_once(void)
{
    add("base.jsonc", "{\"a\": 1}");
    add("left.jsonc", "{\"use\": [\"base.jsonc\"], \"a\": 2}");
    add("right.jsonc", "{\"use\": [\"x/../base.jsonc\"], \"b\": 3}");
    EXPECT_TEXT(merge("{\"use\": [\"left.jsonc\", \"right.jsonc\"]}"),
                "{\n  \"a\": 2,\n  \"b\": 3\n}");
}

static void cycles_are_refused_with_the_way_around(void)
{
    add("a.jsonc", "{\"use\": [\"b.jsonc\"]}");
    add("b.jsonc", "{\n\"use\": [\"./a.jsonc\"]}");
    expect_refusal("{\"use\": [\"a.jsonc\"]}",
                   "shop/b.jsonc:2:9: found a cycle: a.jsonc -> b.jsonc -> a.jsonc, expected");
    expect_refusal("{\"use\": [\"day.jsonc\"]}",
                   "shop/day.jsonc:1:10: found a cycle: day.jsonc -> day.jsonc, expected");
}

static void files_that_are_missing_or_no_scenarios_are_refused(void)
{
    expect_refusal("{\"use\": [\n \"gone.jsonc\"]}",
                   "shop/day.jsonc:2:2: gone.jsonc: No such file or directory");
    add("array.jsonc", "\n[1]");
    expect_refusal("{\"use\": [\"array.jsonc\"]}", "shop/array.jsonc:2:1: found ");
    add("broken.jsonc", "{\"a\": 1,\n \"a\": 2}");
    expect_refusal("{\"use\": [\"broken.jsonc\"]}", "shop/broken.jsonc:2:2: ");
    expect_refusal("{\"use\": \"array.jsonc\"}", "shop/day.jsonc:1:9: ");
    expect_refusal("{\"use\": [\"\"]}", "shop/day.jsonc:1:10: found \"\", expected the name");
    expect_refusal("{\"use\": [7]}", "shop/day.jsonc:1:10: found 7, expected a string");
}

static void at_most_sixteen_files_are_used(void)
{
    static char names[20][16];
    char text[512] = "{\"use\": [";

    for (int i = 0; i < 17; i++) {
        snprintf(names[i], sizeof(names[i]), "f%d.jsonc", i);
        add(names[i], i < 15 ? "{}" : i == 15 ? "{\"use\": [\"f16.jsonc\"]}" : "{}");
        if (i < 16)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"%s\"",
                     i > 0 ? ", " : "", names[i]);
    }
    strcat(text, "]}");
    expect_refusal(text, "shop/f15.jsonc:1:10: found \"f16.jsonc\", expected at most 16 files");
    files[15].text = "{}";
    EXPECT_TEXT(merge(text), "{\n}");
}

/* --- cases ------------------------------------------------------------------------------------ */

static const char CASES[] = "{\"a\": {\"x\": 1, \"y\": 2},\n"
                            " \"vary\": [{\"case\": \"calm\"},\n"
                            "          {\"case\": \"worse-2\", \"a\": {\"x\": null}, \"b\": [5]}]}";

static void each_case_goes_on_top_of_the_whole(void)
{
    EXPECT_RC(merge_case(CASES, 0), RC_OK);
    EXPECT_U64(merged.cases_count, 2);
    CU_ASSERT_STRING_EQUAL(merged.cases[0].name, "calm");
    CU_ASSERT_STRING_EQUAL(merged.cases[1].name, "worse-2");
    EXPECT_TEXT(merged.text, "{\n  \"a\": {\"x\": 1, \"y\": 2}\n}");
    EXPECT_RC(merge_case(CASES, 1), RC_OK);
    EXPECT_TEXT(merged.text, "{\n  \"a\": {\n    \"y\": 2\n  },\n  \"b\": [5]\n}");
    expect_place("[5]", "shop/day.jsonc:3:54");
    expect_place("2\n", "shop/day.jsonc:1:21");
}

static void the_topmost_table_of_cases_counts(void)
{
    add("base.jsonc", CASES);
    EXPECT_RC(merge_case("{\"use\": [\"base.jsonc\"], \"c\": 1}", 1), RC_OK);
    EXPECT_TEXT(merged.text, "{\n  \"a\": {\n    \"y\": 2\n  },\n  \"c\": 1,\n  \"b\": [5]\n}");
    expect_place("[5]", "shop/base.jsonc:3:54");
    EXPECT_RC(merge_case("{\"use\": [\"base.jsonc\"], \"vary\": null}", 0), RC_OK);
    EXPECT_U64(merged.cases_count, 0);
    EXPECT_RC(merge_case("{\"use\": [\"base.jsonc\"], \"vary\": [{\"case\": \"own\"}]}", 0), RC_OK);
    EXPECT_U64(merged.cases_count, 1);
}

static void cases_that_are_none_are_refused(void)
{
    expect_refusal("{\"vary\": []}", "shop/day.jsonc:1:10: found an empty array");
    expect_refusal("{\"vary\": {}}", "shop/day.jsonc:1:10: ");
    expect_refusal("{\"vary\": [{}]}", "shop/day.jsonc:1:11: found no \"case\" in this object");
    expect_refusal("{\"vary\": [{\"case\": \"a b\"}]}", "shop/day.jsonc:1:20: found \"a b\"");
    expect_refusal("{\"vary\": [{\"case\": \"..\"}]}", "shop/day.jsonc:1:20: found \"..\"");
    expect_refusal("{\"vary\": [{\"case\": \"a\"}, {\"case\": \"a\"}]}",
                   "shop/day.jsonc:1:35: found a second case \"a\"");
    expect_refusal("{\"vary\": [{\"case\": \"a\", \"use\": [\"b\"]}]}",
                   "shop/day.jsonc:1:32: found \"use\" in a case");
    expect_refusal(
        "{\"vary\": [{\"case\": \"a123456789b123456789c123456789d123456789e12345678\"}]}",
        "shop/day.jsonc:1:20: ");
}

/* --- places ----------------------------------------------------------------------------------- */

static const char COMPANY[] = "// prices\n"
                              "{\"target\": {\"mock\": {\"models\": {\n"
                              "  \"gpt-4o\": {\"api\": \"openai-chat\"}}}},\n"
                              " \"expect\": [\"calls.useful >= 99%\"]}";
static const char TEAM[] = "{\"use\": [\"company.jsonc\"],\n"
                           " \"load\": {\"arrivals\": [{\"rate\": \"5/s\", \"for\": \"10s\"}],\n"
                           "   \"requests\": [{\"model\": \"gpt-4o\", \"input_tokens\": 10,\n"
                           "                 \"output_tokens\": 10}]}}";
static const char DAY[] = "{\"use\": [\"team.jsonc\"], \"name\": \"day\",\n"
                          " \"subject\": {\"client\": {\"preset\": \"careful\"}},\n"
                          " \"vary\": [\n"
                          "   {\"case\": \"one\"},\n"
                          "   {\"case\": \"two\", \"seed\": 5}]}";

/* The scenario of a case, or nothing and `err`. */
static bool load_case(const char *day, uint32_t which, struct scenario *scenario)
{
    return merge_case(day, which) == RC_OK &&
           scenario_load_merged(scenario, &merged, SLICE("shop/day.jsonc"), &reader, &arena,
                                &err) == RC_OK;
}

/* `from`, once in `text`, is `to`. */
static const char *with(const char *text, const char *from, const char *to)
{
    static char changed[1024];
    const char *at = strstr(text, from);

    if (at == NULL)
        return "";
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return changed;
}

static void expect_complaint(const char *day, uint32_t which, const char *said)
{
    static struct scenario scenario;

    err.text[0] = '\0';
    CU_ASSERT_FALSE(load_case(day, which, &scenario));
    CU_ASSERT(slice_starts_with(slice_of(err.text), slice_of(said)));
    if (!slice_starts_with(slice_of(err.text), slice_of(said)))
        printf("found %s, expected %s\n", err.text, said);
}

static void complaints_name_the_place_that_a_person_wrote(void)
{
    static struct scenario scenario;

    add("company.jsonc", COMPANY);
    add("team.jsonc", TEAM);
    CU_ASSERT_TRUE(load_case(DAY, 1, &scenario));
    EXPECT_U64(scenario.seed, 5);
    files[0].text = with(COMPANY, "openai-chat", "openai-chart");
    expect_complaint(DAY, 0, "shop/company.jsonc:3:21: found \"openai-chart\"");
    files[0].text = COMPANY;
    files[1].text = with(TEAM, "\"10s\"", "10");
    expect_complaint(DAY, 0, "shop/team.jsonc:2:47: found 10, expected a duration");
    files[1].text = TEAM;
    expect_complaint(with(DAY, "careful", "carefull"), 0,
                     "shop/day.jsonc:2:35: found \"carefull\"");
    expect_complaint(with(DAY, "\"seed\": 5", "\"sed\": 5"), 1,
                     "shop/day.jsonc:5:20: found \"sed\"");
    expect_complaint(with(DAY, "\"name\"", "\"about\""), 0,
                     "shop/day.jsonc:1:1: found no \"name\"");
}

static void places_told_after_loading_are_those_of_the_files(void)
{
    static struct scenario scenario;
    struct text_place place;

    add("company.jsonc", COMPANY);
    add("team.jsonc", TEAM);
    CU_ASSERT_TRUE_FATAL(load_case(DAY, 0, &scenario));
    place = scenario_place(&scenario, scenario.expects[0].position);
    EXPECT_TEXT(place.file, "shop/company.jsonc");
    EXPECT_U64(place.position.line, 4);
    EXPECT_U64(place.position.column, 13);
    place = scenario_place(&scenario, scenario.places.requests[0]);
    EXPECT_TEXT(place.file, "shop/team.jsonc");
    EXPECT_U64(place.position.line, 3);
    place = scenario_place(&scenario, scenario.places.spend_limit);
    EXPECT_U64(place.position.line, 0);
}

/* Every token of the result stands at its place. */
static void every_token_stands_where_its_origin_says(void)
{
    struct json json;
    struct json_token token;
    uint32_t tokens = 0;

    add("company.jsonc", COMPANY);
    add("team.jsonc", TEAM);
    EXPECT_RC(merge_case(DAY, 1), RC_OK);
    json_init(&json, merged.text, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        struct text_place place =
            origins_place(&merged.origins, merged.text, SLICE("?"), token.offset);
        struct slice text = {0};

        for (int i = 0; i < 2; i++)
            if (slice_has(place.file, slice_of(files[i].name)))
                text = slice_of(files[i].text);
        if (slice_is(place.file, SLICE("shop/day.jsonc")))
            text = slice_of(DAY);
        CU_ASSERT_FATAL(text.size > 0);
        if (token.kind == JSON_OBJECT_END) /* of an object that several share */
            continue;
        CU_ASSERT_EQUAL(text.data[json_offset(text, place.position)],
                        merged.text.data[token.offset]);
        tokens++;
    }
    CU_ASSERT(tokens > 30);
}

static void a_change_of_the_text_moves_what_comes_after(void)
{
    struct text_origins origins;
    struct slice changed;

    add("company.jsonc", COMPANY);
    add("team.jsonc", TEAM);
    EXPECT_RC(merge_case(DAY, 0), RC_OK);
    origins = merged.origins;
    EXPECT_RC(
        scenario_set(merged.text, SLICE("/load/deadline"), SLICE("5s"), &arena, &changed, &err),
        RC_OK);
    EXPECT_RC(origins_change(&origins, merged.text, changed, SLICE("changed"), &arena, &err),
              RC_OK);
    merged.text = changed;
    merged.origins = origins;
    expect_place("\"gpt-4o\": {\"api", "shop/company.jsonc:3:3");
    expect_place("\"10s\"", "shop/team.jsonc:2:47");
    expect_place("careful", "shop/day.jsonc:2:36");
    CU_ASSERT(strncmp(place_of("deadline"), "changed:", 8) == 0);
}

/* --- what can go wrong ------------------------------------------------------------------------ */

static void a_text_cut_anywhere_is_refused_where_it_ends(void)
{
    char cut[sizeof(DAY)];
    static char team[sizeof(TEAM)];

    add("company.jsonc", COMPANY);
    add("team.jsonc", TEAM);
    for (size_t size = 0; size < strlen(DAY); size++) {
        memcpy(cut, DAY, size);
        cut[size] = '\0';
        CU_ASSERT_EQUAL(merge_case(cut, 0), RC_MALFORMED);
        CU_ASSERT(slice_starts_with(slice_of(err.text), SLICE("shop/day.jsonc:")));
    }
    files[1].text = team;
    for (size_t size = 0; size < strlen(TEAM); size++) {
        memcpy(team, TEAM, size);
        team[size] = '\0';
        CU_ASSERT_EQUAL(merge_case(DAY, 0), RC_MALFORMED);
        CU_ASSERT(slice_starts_with(slice_of(err.text), SLICE("shop/team.jsonc:")));
    }
}

static void survives_memory_that_runs_out(void)
{
    struct flaky flaky;
    struct memory memory;
    uint64_t allow = 0;

    add("company.jsonc", COMPANY);
    add("team.jsonc", TEAM);
    do {
        struct arena weak;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        arena_init(&weak, &memory, 64 << 20);
        rc = scenario_merge(slice_of(DAY), SLICE("shop/day.jsonc"), &reader, 1, &weak, &merged,
                            &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&weak);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 4);
}

static void depth_is_that_of_every_json_text(void)
{
    char text[512] = "{\"use\": [\"deep.jsonc\"], \"a\": ";
    static char deep[512] = "{\"a\": ";

    for (int i = 0; i < 63; i++) {
        strcat(text, "{\"a\": ");
        strcat(deep, "{\"a\": ");
    }
    strcat(text, "1");
    strcat(deep, "{}");
    for (int i = 0; i < 64; i++) {
        strcat(text, "}");
        strcat(deep, "}");
    }
    add("deep.jsonc", deep);
    expect_refusal(text, "shop/deep.jsonc:1:");
    deep[0] = '{', deep[1] = '}', deep[2] = '\0';
    CU_ASSERT(merge(text).size > 0);
}

static CU_TestInfo tests[] = {
    {"a text without use and vary is left as it is", a_text_without_use_and_vary_is_left_as_it_is},
    {"objects are merged member by member and later files win",
     objects_are_merged_member_by_member_and_later_files_win},
    {"null takes away and anything replaces what is no object",
     null_takes_away_and_anything_replaces_what_is_no_object},
    {"what was replaced before does not come back", what_was_replaced_before_does_not_come_back},
    {"keys are equal however they are written", keys_are_equal_however_they_are_written},
    {"comments within a whole value stay", comments_within_a_whole_value_stay},
    {"files are named relative to the one that names them",
     files_are_named_relative_to_the_one_that_names_them},
    {"a file that two use is put on top once", a_file_that_two_use_is_put_on_top_once},
    {"cycles are refused with the way around", cycles_are_refused_with_the_way_around},
    {"files that are missing or no scenarios are refused",
     files_that_are_missing_or_no_scenarios_are_refused},
    {"at most sixteen files are used", at_most_sixteen_files_are_used},
    {"each case goes on top of the whole", each_case_goes_on_top_of_the_whole},
    {"the topmost table of cases counts", the_topmost_table_of_cases_counts},
    {"cases that are none are refused", cases_that_are_none_are_refused},
    {"complaints name the place that a person wrote",
     complaints_name_the_place_that_a_person_wrote},
    {"places told after loading are those of the files",
     places_told_after_loading_are_those_of_the_files},
    {"every token stands where its origin says", every_token_stands_where_its_origin_says},
    {"a change of the text moves what comes after", a_change_of_the_text_moves_what_comes_after},
    {"a text cut anywhere is refused where it ends", a_text_cut_anywhere_is_refused_where_it_ends},
    {"survives memory that runs out", survives_memory_that_runs_out},
    {"depth is that of every json text", depth_is_that_of_every_json_text},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo merge_suite = {"merge", NULL, NULL, set_up, tear_down, tests};
