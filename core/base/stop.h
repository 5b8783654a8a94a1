#ifndef BASE_STOP_H
#define BASE_STOP_H

/* Why an answer stops: one list of words for scenarios, plans and printed plans. Each format has a
 * spelling of its own for each (wire-facts.md §2.3, §3.2, §3.3, §4.2). It stands in base because
 * plans (fault) name it and formats (wire) write it, and neither room may include the other. */

/* word, what it means */
#define STOP_LIST(X)                                                                       \
    X(END, "end", "the model had said everything: end_turn, stop, completed, STOP")        \
    X(MAX_TOKENS, "max_tokens", "the request's limit was reached: max_tokens, length ...") \
    X(SEQUENCE, "stop_sequence", "a stop sequence of the request was met")                 \
    X(TOOL, "tool", "a tool is to be called: tool_use, tool_calls ...")                    \
    X(REFUSAL, "refusal", "the model declined: refusal, content_filter, SAFETY")           \
    X(WINDOW, "window", "the context window is full: model_context_window_exceeded, length ...")

#define STOP_ENUM(name, word, meaning) STOP_##name,
enum stop { STOP_LIST(STOP_ENUM) STOP_COUNT };
#undef STOP_ENUM

const char *stop_word(enum stop stop);

#endif
