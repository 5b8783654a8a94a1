#ifndef SCENARIO_FAULT_READ_H
#define SCENARIO_FAULT_READ_H

/* The readers of the words for faults, one each: `fault` is zeroed and of kind QUIRKS when a word's
 * reader is called, and what it puts in stands in fault_words.h. Shared by the files that read
 * faults and by no others. */

#include "scenario/fault_words.h"
#include "scenario/read.h"

typedef enum rc fault_reader(struct reading *r, const struct value *value, struct fault *fault);

/* A field's reader: enum outcome, of those that a provider may tell with an error. */
enum rc fault_read_failure(struct reading *r, const struct value *value, void *out);

fault_reader fault_read_status;
fault_reader fault_read_reset;
fault_reader fault_read_slow_headers;
fault_reader fault_read_late_first;
fault_reader fault_read_slow_tokens;
fault_reader fault_read_context_window;
fault_reader fault_read_stall;
fault_reader fault_read_freeze;
fault_reader fault_read_one_byte;
fault_reader fault_read_split;
fault_reader fault_read_tokens_per_event;
fault_reader fault_read_error_event;
fault_reader fault_read_cut;
fault_reader fault_read_broken_json;
fault_reader fault_read_duplicate;
fault_reader fault_read_reorder;
fault_reader fault_read_done;
fault_reader fault_read_event_names;
fault_reader fault_read_usage;
fault_reader fault_read_empty_answer;
fault_reader fault_read_runaway;
fault_reader fault_read_foreign_text;
fault_reader fault_read_headers;
fault_reader fault_read_content_type;
fault_reader fault_read_body;
fault_reader fault_read_retry_after;

#endif
