#include "monitor/alert.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "wire/shape.h"

/* What the services take: wire-facts.md §11. */
#define SLACK_TEXT_MAX 4000
#define DISCORD_CONTENT_MAX 2000

/* So no body needs cutting: "&" is the longest to escape, five characters for one. */
_Static_assert(5 * ALERT_TEXT_MAX < SLACK_TEXT_MAX, "a text may be too long for Slack");
_Static_assert(ALERT_TEXT_MAX <= DISCORD_CONTENT_MAX, "a text may be too long for Discord");

const char *alert_kind_word(enum alert_kind kind)
{
    static const char *const words[ALERT_KINDS_COUNT] = {
#define ALERT_WORD(id, word) [ALERT_##id] = (word),
        ALERT_KIND_LIST(ALERT_WORD)
#undef ALERT_WORD
    };

    assert(kind < ALERT_KINDS_COUNT);
    return words[kind];
}

bool alert_kind_find(struct slice word, enum alert_kind *kind)
{
    for (int i = 0; i < ALERT_KINDS_COUNT; i++) {
        if (slice_is(word, slice_of(alert_kind_word((enum alert_kind)i)))) {
            *kind = (enum alert_kind)i;
            return true;
        }
    }
    return false;
}

/* The path, whose end is the word. */
static const char *const hook_paths[HOOK_KINDS_COUNT] = {
#define HOOK_PATH(id, word) [HOOK_##id] = "/" word,
    HOOK_KIND_LIST(HOOK_PATH)
#undef HOOK_PATH
};

const char *hook_kind_word(enum hook_kind kind)
{
    assert(kind < HOOK_KINDS_COUNT);
    return hook_paths[kind] + 1;
}

bool hook_kind_find(struct slice word, enum hook_kind *kind)
{
    for (int i = 0; i < HOOK_KINDS_COUNT; i++) {
        if (slice_is(word, slice_of(hook_kind_word((enum hook_kind)i)))) {
            *kind = (enum hook_kind)i;
            return true;
        }
    }
    return false;
}

struct slice hook_kind_path(enum hook_kind kind)
{
    assert(kind < HOOK_KINDS_COUNT);
    return slice_of(hook_paths[kind]);
}

void alert_write_key(enum alert_kind kind, struct slice budget, uint64_t period,
                     char key[ALERT_KEY_MAX])
{
    const char *colon = budget.size > 0 ? ":" : "";

    snprintf(key, ALERT_KEY_MAX, "%s%s%.*s:%llu", alert_kind_word(kind), colon, SLICE_ARG(budget),
             (unsigned long long)period);
    for (char *byte = key; *byte != '\0'; byte++) {
        if (*byte <= ' ' || *byte > '~')
            *byte = '_';
    }
}

/* --- bodies: the sender's side ---------------------------------------------------------------- */

static void write_text_member(const char *opening, const char *text, struct buffer *body)
{
    buffer_text(body, opening);
    json_write_text(body, slice_of(text));
}

static void write_count_member(const char *opening, uint64_t count, struct buffer *body)
{
    buffer_text(body, opening);
    buffer_u64(body, count);
}

static void write_money_member(const char *opening, money value, struct buffer *body)
{
    buffer_text(body, opening);
    money_write_number(body, value);
}

static void write_any(const struct alert *alert, struct buffer *body)
{
    write_text_member("{\"key\":", alert->key, body);
    write_text_member(",\"kind\":", alert_kind_word(alert->kind), body);
    write_count_member(",\"number\":", alert->number, body);
    write_text_member(",\"text\":", alert->text, body);
    write_text_member(",\"call\":", alert->call, body);
    write_count_member(",\"period\":", alert->period, body);
    buffer_text(body, ",\"raised_at_ms\":");
    buffer_i64(body, alert->raised_at / NANOS_MS);
    write_count_member(",\"suppressed\":", alert->suppressed, body);
    if (alert->kind == ALERT_BUDGET) {
        write_money_member(",\"spent\":", alert->spent, body);
        write_money_member(",\"limit\":", alert->limit, body);
    }
    buffer_byte(body, '}');
}

static const char *slack_escape(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}

static void write_slack(const struct alert *alert, struct buffer *body)
{
    const char *from = alert->text;

    buffer_text(body, "{\"text\":\"");
    for (const char *at = alert->text;; at++) {
        const char *escape = slack_escape(*at);

        if (escape == NULL && *at != '\0')
            continue;
        json_write_part(body, (struct slice){from, (size_t)(at - from)});
        if (*at == '\0')
            break;
        buffer_text(body, escape);
        from = at + 1;
    }
    buffer_text(body, "\"}");
}

/* Without allowed_mentions an "@everyone" in some text would call everyone. */
static void write_discord(const struct alert *alert, struct buffer *body)
{
    write_text_member("{\"content\":", alert->text, body);
    buffer_text(body, ",\"allowed_mentions\":{\"parse\":[]}}");
}

void alert_write_body(const struct alert *alert, enum hook_kind kind, struct buffer *body)
{
    static void (*const writers[HOOK_KINDS_COUNT])(const struct alert *, struct buffer *) = {
        [HOOK_ANY] = write_any,
        [HOOK_SLACK] = write_slack,
        [HOOK_DISCORD] = write_discord,
    };

    assert(kind < HOOK_KINDS_COUNT);
    writers[kind](alert, body);
}

/* --- bodies: the receiver's side -------------------------------------------------------------- */

struct post {
    struct json_token key, text, content;
    uint64_t blocks, embeds;
};

static const struct shape element_shape[] = {SHAPE_DONE};

static const struct shape post_shape[] = {
    {SHAPE_NAME("key"), SHAPE_SCALAR, offsetof(struct post, key), NULL},
    {SHAPE_NAME("text"), SHAPE_SCALAR, offsetof(struct post, text), NULL},
    {SHAPE_NAME("blocks"), SHAPE_EACH, offsetof(struct post, blocks), element_shape},
    {SHAPE_NAME("content"), SHAPE_SCALAR, offsetof(struct post, content), NULL},
    {SHAPE_NAME("embeds"), SHAPE_EACH, offsetof(struct post, embeds), element_shape},
    SHAPE_DONE,
};

static bool has_words(const struct json_token *token)
{
    return token->raw.data != NULL && token->kind == JSON_STRING && slice_trim(token->raw).size > 0;
}

/* The four hex digits of the second half of a surrogate pair: DC00 to DFFF. */
static bool is_low_surrogate(const char *hex)
{
    return strchr("dD", hex[0]) != NULL && strchr("cdefCDEF", hex[1]) != NULL;
}

/* Characters of a JSON string as written: an escape is one, and so is a pair of surrogates. */
static size_t count_characters(struct slice raw)
{
    size_t count = 0;

    for (size_t i = 0; i < raw.size; i++) {
        bool is_escape = raw.data[i] == '\\';
        bool is_unicode = is_escape && raw.data[i + 1] == 'u';
        bool is_continuation = ((unsigned char)raw.data[i] & 0xc0) == 0x80;

        if (!is_continuation && !(is_unicode && is_low_surrogate(raw.data + i + 2)))
            count++;
        if (is_escape)
            i += is_unicode ? 5 : 1;
    }
    return count;
}

static void answer_any(bool is_json, const struct post *post, struct hook_answer *answer)
{
    answer->content_type = "application/json";
    if (!is_json) {
        answer->status = 400;
        answer->body = "{\"error\":\"the body is not a JSON object\"}";
        return;
    }
    answer->status = 200;
    answer->body = "{}";
    shape_copy(&post->key, answer->key, sizeof(answer->key));
}

static void answer_slack(bool is_json, const struct post *post, struct hook_answer *answer)
{
    answer->content_type = "text/plain";
    answer->status = 400;
    if (!is_json) {
        answer->body = "invalid_payload";
        return;
    }
    if (!has_words(&post->text) && post->blocks == 0) {
        answer->body = "no_text";
        return;
    }
    answer->status = 200;
    answer->body = "ok";
}

static void answer_discord(bool is_json, const struct post *post, struct hook_answer *answer)
{
    answer->content_type = "application/json";
    answer->status = 400;
    if (!is_json) {
        answer->body = "{\"message\":\"The request body contains invalid JSON.\",\"code\":50109}";
        return;
    }
    if (!has_words(&post->content) && post->embeds == 0) {
        answer->body = "{\"message\":\"Cannot send an empty message\",\"code\":50006}";
        return;
    }
    if (has_words(&post->content) && count_characters(post->content.raw) > DISCORD_CONTENT_MAX) {
        answer->body = "{\"message\":\"Invalid Form Body\",\"code\":50035,\"errors\":{\"content\":{"
                       "\"_errors\":[{\"code\":\"BASE_TYPE_MAX_LENGTH\",\"message\":"
                       "\"Must be 2000 or fewer in length.\"}]}}}";
        return;
    }
    answer->status = 204;
    answer->content_type = "";
    answer->body = "";
}

/* --- of somebody else ------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool starts_with_word(struct slice text, struct slice word)
{
    if (text.size < word.size)
        return false;
    for (size_t i = 0; i < word.size; i++)
        if (lower(text.data[i]) != word.data[i])
            return false;
    return true;
}

static bool says(struct slice text, const char *word)
{
    for (; text.size > 0; text.data++, text.size--)
        if (starts_with_word(text, slice_of(word)))
            return true;
    return false;
}

static enum alert_kind guess_kind(struct slice body)
{
    static const struct {
        const char *word;
        enum alert_kind kind;
    } words[] = {
        {"budget", ALERT_BUDGET}, {"cost", ALERT_BUDGET}, {"spend", ALERT_BUDGET},
        {"spent", ALERT_BUDGET},  {"$", ALERT_BUDGET},    {"slow", ALERT_SLOW},
        {"latency", ALERT_SLOW},  {"took", ALERT_SLOW},   {"timeout", ALERT_SLOW},
        {"token", ALERT_TOKENS},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (says(body, words[i].word))
            return words[i].kind;
    return ALERT_ERROR;
}

/* Of its letters alone. */
static uint64_t likeness_of(struct slice body)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < body.size; i++) {
        char c = lower(body.data[i]);

        if (c >= 'a' && c <= 'z')
            sum = checksum(sum, (struct slice){&c, 1});
    }
    return sum;
}

void alert_guess_key(struct slice body, char key[ALERT_KEY_MAX])
{
    char likeness[CHECKSUM_TEXT_SIZE];

    checksum_write(likeness_of(body), likeness);
    snprintf(key, ALERT_KEY_MAX, "?%s:%s", alert_kind_word(guess_kind(body)), likeness);
}

bool alert_guess_read(struct slice key, enum alert_kind *kind, uint64_t *likeness)
{
    struct slice rest = key, word;

    if (key.size == 0 || key.data[0] != '?')
        return false;
    rest = (struct slice){key.data + 1, key.size - 1};
    return slice_cut(&rest, ':', &word) && alert_kind_find(word, kind) &&
           checksum_read(rest, likeness);
}

void hook_receive(enum hook_kind kind, struct slice body, struct hook_answer *answer)
{
    static void (*const services[HOOK_KINDS_COUNT])(bool, const struct post *,
                                                    struct hook_answer *) = {
        [HOOK_ANY] = answer_any,
        [HOOK_SLACK] = answer_slack,
        [HOOK_DISCORD] = answer_discord,
    };
    struct post post = {0};
    bool is_json = shape_read(body, post_shape, &post, NULL) == RC_OK;

    assert(kind < HOOK_KINDS_COUNT);
    *answer = (struct hook_answer){0};
    services[kind](is_json, &post, answer);
    answer->is_valid = answer->status < 300;
}
