#ifndef REPORT_MARKDOWN_H
#define REPORT_MARKDOWN_H

/* summary.md: the verdict as GitHub shows it at a job (GITHUB_STEP_SUMMARY) or in a comment.
 *
 *   ### brownout: demo **fail**            a line that says it all
 *   | ... |                                head figures
 *   #### what did not pass                 failed, inconclusive and warning rows with their calls
 *   <details> all rows </details>          folded
 *
 * Text from outside is escaped, so that it can neither break a table nor be read as HTML. Its size
 * is bounded by the number of rows: some 100 KB at the very most, where the job summary takes 1
 * MiB. Pure: appends to `out`. */

#include "base/buffer.h"
#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"

void report_markdown(const struct scenario *scenario, const struct judge *judge,
                     const struct report_facts *facts, struct buffer *out);

/* Text as it stands, in a paragraph or a table's cell; on one line. */
void markdown_write_text(struct buffer *out, struct slice text);

#endif
