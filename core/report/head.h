#ifndef REPORT_HEAD_H
#define REPORT_HEAD_H

/* The figures at the head of every report for people: a word, and what is to be said of it. A line
 * stands only where there is something to tell. Pure. */

#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"
#include "scenario/source.h"

enum { HEAD_LINES_MAX = 20, HEAD_TEXT_MAX = 1024 };

struct head {
    uint32_t count;
    struct head_line {
        const char *word;
        char text[HEAD_TEXT_MAX]; /* columns are padded with blanks */
    } lines[HEAD_LINES_MAX];
};

/* The subject, and whose answers it got: "demo: a model of a client; no code of yours ran"; "exec:
 * what your command did; `python app.py` exited 0 after 12 s"; "service at 127.0.0.1:4000". */
void head_title(const struct scenario *scenario, const struct run_facts *run, char *text,
                size_t capacity);

void head_read(const struct scenario *scenario, const struct run_figures *figures,
               const struct run_facts *run, const struct report_facts *facts, struct head *head);

/* client, exec, service */
const char *subject_word(enum subject subject);

/* A verdict that counts: not of a row that only warns. */
bool row_counts(const struct verdict_row *row);

/* How many rows that count came to this verdict. */
uint32_t rows_count(const struct verdict_row *rows, uint32_t count, enum verdict verdict);

/* The first call that a broken row names, where an engineer begins; NULL: none is named. (Rows
 * about alerts name alerts.) */
const char *rows_first_call(const struct scenario *scenario, const struct verdict_row *rows,
                            uint32_t count);

/* The call where an engineer begins: that one; where a run failed by expectations alone, which name
 * no calls, the first that was not useful. False: there is none. */
bool head_first_call(const struct scenario *scenario, const struct judge *judge,
                     char text[CALL_ID_TEXT_MAX]);

/* law, condition, expectation */
const char *row_kind_word(enum row_kind kind);

#endif
