#include "scenario/scenario.h"

#include "scenario/compress.h"
#include "scenario/merge.h"
#include "scenario/read.h"
#include "scenario/source.h"

/* The file's sections as they stand in the text; read in the order in which they need each other:
 * a command has no load, the load asks models, chaos lies within the load, the client falls back to
 * models. */
struct sections {
    struct value name, about, seed, subject, target, load, chaos, laws, expect, link;
    struct value monitor, control, spend_limit, compressed;
};

/* Of keys that merge.h has read before, where there is a file to merge. */
static enum rc read_too_late(struct reading *r, const struct value *value, void *out)
{
    (void)out;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found what other files or cases bring, expected a scenario that is put "
                          "together already");
}

static const struct read_key section_keys[] = {
    {"$schema", OPTIONAL, read_ignored, 0},
    {"name", NEEDED, read_keep, offsetof(struct sections, name)},
    {"about", OPTIONAL, read_keep, offsetof(struct sections, about)},
    {"seed", OPTIONAL, read_keep, offsetof(struct sections, seed)},
    {"compressed", OPTIONAL, read_keep, offsetof(struct sections, compressed)},
    {"subject", OPTIONAL, read_keep, offsetof(struct sections, subject)},
    {"target", NEEDED, read_keep, offsetof(struct sections, target)},
    {"load", OPTIONAL, read_keep, offsetof(struct sections, load)},
    {"chaos", OPTIONAL, read_keep, offsetof(struct sections, chaos)},
    {"laws", OPTIONAL, read_keep, offsetof(struct sections, laws)},
    {"expect", OPTIONAL, read_keep, offsetof(struct sections, expect)},
    {"link", OPTIONAL, read_keep, offsetof(struct sections, link)},
    {"monitor", OPTIONAL, read_keep, offsetof(struct sections, monitor)},
    {"control", OPTIONAL, read_keep, offsetof(struct sections, control)},
    {"spend_limit", OPTIONAL, read_keep, offsetof(struct sections, spend_limit)},
    {"use", OPTIONAL, read_too_late, 0},
    {"vary", OPTIONAL, read_too_late, 0},
};

/* JSON numbers are exact up to 2^53 - 1 in every tool that may read a result. */
static const uint64_t SEED_MAX = ((uint64_t)1 << 53) - 1;

static enum rc read_head(struct reading *r, const struct sections *sections)
{
    struct scenario *scenario = r->scenario;

    scenario->seed = 1;
    TRY(read_name(r, &sections->name, 0, scenario->name, sizeof(scenario->name)));
    if (value_is_there(&sections->about))
        TRY(read_text(r, &sections->about, scenario->about, sizeof(scenario->about)));
    if (value_is_there(&sections->seed))
        TRY(read_whole(r, &sections->seed, 0, SEED_MAX, &scenario->seed));
    if (value_is_there(&sections->compressed))
        TRY(read_whole32(r, &sections->compressed, 1, COMPRESSION_MAX, &scenario->compression));
    return RC_OK;
}

static enum rc read_spend_limit(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;

    scenario->spend_limit = MONEY_MAX;
    if (!value_is_there(value))
        return RC_OK;
    scenario->places.spend_limit = value_position(r, value);
    return read_money(r, value, &scenario->spend_limit);
}

/* --- what goes wrong -------------------------------------------------------------------------- */

static enum rc read_faults(struct reading *r, const struct value *value)
{
    if (!value_is_there(value))
        return RC_OK;
    TRY(read_chaos(r, value));
    if (r->scenario->target == TARGET_LIVE && r->scenario->chaos.rules_count > 0)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found chaos for a live target, expected none: only the mock can do "
                              "wrong on demand");
    return RC_OK;
}

static enum rc read_control(struct reading *r, const struct value *value)
{
    static const char *const words[] = {"no-chaos"};
    uint32_t index;

    if (!value_is_there(value))
        return RC_OK;
    r->scenario->places.control = value_position(r, value);
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    if (r->scenario->target == TARGET_LIVE)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found a control run of a live target, expected none: it has no "
                              "chaos to leave out, and would be paid for");
    r->scenario->has_control = true;
    return RC_OK;
}

static enum rc read_link(struct reading *r, const struct value *value)
{
    static const struct read_key keys[] = {
        {"latency", OPTIONAL, read_duration, offsetof(struct link_rules, latency)},
        {"connect", OPTIONAL, read_duration, offsetof(struct link_rules, connect)},
        {"idle_close", OPTIONAL, read_span_or_never, offsetof(struct link_rules, idle_close)},
    };
    struct link_rules *link = &r->scenario->link;

    *link = (struct link_rules){
        .latency = 500 * NANOS_US, .connect = 300 * NANOS_US, .idle_close = 60 * NANOS_S};
    if (!value_is_there(value))
        return RC_OK;
    return read_object(r, value, keys, ARRAY_SIZE(keys), link);
}

/* --- for the judge: text with its place ------------------------------------------------------- */

static enum rc read_laws(struct reading *r, const struct value *value)
{
    if (!value_is_there(value))
        return RC_OK;
    TRY(read_expect_object(r, value));
    r->scenario->laws = (struct scenario_text){value->text, value_position(r, value)};
    return RC_OK;
}

static enum rc read_expects(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;
    struct walk walk;
    struct value element;
    struct slice text;

    if (!value_is_there(value))
        return RC_OK;
    TRY(read_expect_array(r, value, SCENARIO_EXPECTS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        if (element.token.kind != JSON_STRING)
            return read_refuse(r, RC_MALFORMED, &element,
                               "a string such as \"calls.useful >= 99%%\"");
        TRY(read_string(r, &element, &text)); /* some programs write \u003e for > */
        scenario->expects[scenario->expects_count++] =
            (struct scenario_text){text, value_position(r, &element)};
    }
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc read_sections(struct reading *r)
{
    struct sections sections = {0};
    struct subject_block subject = {0};
    struct value whole;

    if (r->text.size > SCENARIO_TEXT_MAX)
        return error_set(r->err, RC_LIMIT, "%.*s: found %zu bytes, expected at most %d",
                         SLICE_ARG(r->file), r->text.size, SCENARIO_TEXT_MAX);
    TRY(read_check(r, &whole));
    TRY(read_object(r, &whole, section_keys, ARRAY_SIZE(section_keys), &sections));
    TRY(read_subject_block(r, &sections.subject, &subject));
    TRY(read_head(r, &sections));
    TRY(read_spend_limit(r, &sections.spend_limit));
    TRY(read_target(r, &sections.target));
    if (!value_is_there(&sections.load) && r->scenario->subject != SUBJECT_EXEC)
        return read_refuse_as(r, RC_MALFORMED, &whole,
                              "found no \"load\" in this object, expected one");
    TRY(read_load(r, &sections.load));
    TRY(read_subject(r, &subject));
    TRY(read_faults(r, &sections.chaos));
    TRY(read_control(r, &sections.control));
    TRY(read_monitor(r, &sections.monitor));
    TRY(read_laws(r, &sections.laws));
    TRY(read_expects(r, &sections.expect));
    return read_link(r, &sections.link);
}

enum rc scenario_load_merged(struct scenario *scenario, const struct merged *merged,
                             struct slice file, const struct file_reader *files,
                             struct arena *arena, struct error *err)
{
    struct error unwanted = {0};
    struct reading reading = {.text = merged->text,
                              .file = file,
                              .origins = merged->origins,
                              .files = files,
                              .scenario = scenario,
                              .known = scenario,
                              .phases = &scenario->chaos.phases,
                              .chaos = &scenario->chaos,
                              .arena = arena,
                              .err = err != NULL ? err : &unwanted};
    enum rc rc;

    *scenario = (struct scenario){
        .text = merged->text, .file = file, .origins = merged->origins, .compression = 1};
    rc = read_sections(&reading);
    if (rc != RC_OK)
        *scenario = (struct scenario){0};
    return rc;
}

enum rc scenario_load(struct scenario *scenario, struct slice text, struct slice file,
                      const struct file_reader *files, struct arena *arena, struct error *err)
{
    return scenario_load_merged(scenario, &(struct merged){.text = text}, file, files, arena, err);
}

struct text_place scenario_place(const struct scenario *scenario, struct json_position at)
{
    if (scenario->origins.count == 0 || at.line == 0)
        return (struct text_place){scenario->file, at};
    return origins_place(&scenario->origins, scenario->text, scenario->file,
                         json_offset(scenario->text, at));
}

uint64_t scenario_calls_count(const struct scenario *scenario)
{
    struct source source;
    struct call_plan plan;
    uint64_t count = 0;

    source_init(&source, scenario);
    while (source_next(&source, &plan))
        count++;
    return count;
}
