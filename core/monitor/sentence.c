#include "monitor/sentence.h"

#include <assert.h>

#include "base/units.h"

static void write_call(struct buffer *out, const struct alert *alert, const char *rest)
{
    buffer_text(out, " (call ");
    buffer_text(out, alert->call);
    buffer_text(out, rest);
    buffer_byte(out, ')');
}

void sentence_budget(struct buffer *out, const struct budget_rules *budget,
                     const struct alert *alert)
{
    buffer_text(out, "budget ");
    buffer_text(out, budget->name);
    buffer_text(out, ": ");
    money_write(out, alert->spent);
    buffer_text(out, " of ");
    money_write(out, alert->limit);
    buffer_text(out, " spent in window ");
    buffer_u64(out, alert->period);
    write_call(out, alert, " tipped it");
}

static void write_slow(struct buffer *out, const struct monitor_rules *rules,
                       const struct observation *o)
{
    buffer_text(out, " took ");
    units_write_duration(out, o->latency);
    buffer_text(out, ", more than ");
    units_write_duration(out, rules->slow);
}

static void write_tokens(struct buffer *out, const struct monitor_rules *rules,
                         const struct observation *o)
{
    buffer_text(out, " gave ");
    buffer_u64(out, o->output_tokens);
    buffer_text(out, " output tokens, more than ");
    buffer_u64(out, rules->tokens_high);
}

static void write_error(struct buffer *out, const struct monitor_rules *rules,
                        const struct observation *o)
{
    (void)rules;
    buffer_text(out, " ended as ");
    buffer_text(out, outcome_word(o->outcome));
}

void sentence_anomaly(struct buffer *out, const struct monitor_rules *rules,
                      const struct observation *o, const struct alert *alert)
{
    static void (*const writers[ALERT_KINDS_COUNT])(struct buffer *, const struct monitor_rules *,
                                                    const struct observation *) = {
        [ALERT_SLOW] = write_slow,
        [ALERT_TOKENS] = write_tokens,
        [ALERT_ERROR] = write_error,
    };

    assert(alert->kind < ALERT_KINDS_COUNT);
    assert(writers[alert->kind] != NULL);
    buffer_text(out, alert_kind_word(alert->kind));
    buffer_text(out, ": ");
    buffer_append(out, o->model);
    writers[alert->kind](out, rules, o);
    write_call(out, alert, "");
    if (alert->suppressed == 0)
        return;
    buffer_text(out, "; ");
    buffer_u64(out, alert->suppressed);
    buffer_text(out, " more since the last alert");
}
