#ifndef REPORT_JUNIT_H
#define REPORT_JUNIT_H

/* junit.xml: the verdict in the words of CI viewers, one <testsuite> per run, one <testcase> per
 * row, and before them one for the run itself, which is an <error> when it was not carried out to
 * its end.
 *
 *   row               testcase holds
 *   pass              nothing
 *   fail              <failure>: the reason; as text the limit, what was seen, and the named calls
 *   inconclusive      <error>: it could not be judged. Not <skipped>, which viewers show as
 * harmless: a run that proves nothing must not look like one that passed n/a <skipped> with the
 * reason fails, only warns <system-out>: shown, not counted
 *
 * Text is UTF-8 whatever came in: bytes that are none, and characters that XML does not know,
 * become U+FFFD. Pure: appends to `out`. */

#include "base/buffer.h"
#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"

void report_junit(const struct scenario *scenario, const struct judge *judge,
                  const struct report_facts *facts, struct buffer *out);

/* Text between tags, or an attribute's value without its quotes. */
void xml_write_text(struct buffer *out, struct slice text);

#endif
