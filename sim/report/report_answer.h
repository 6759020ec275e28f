/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_ANSWER_H
#define IASO_SIM_REPORT_ANSWER_H

#include <cjson/cJSON.h>

/*
 * What a report says, in plain sentences for somebody who asks "and?": how the run ended, what
 * failed and what became of it, what was covered, what it cost, what the power cuts did, what the
 * campaign found. Made from the report's JSON object alone (key "answer" is not looked at), so that
 * a report that is rebuilt says the same. The most important one comes first.
 *
 * Returns an array of strings, to be added under "answer" or deleted; NULL when out of memory.
 */
cJSON *report_answer(const cJSON *report);

/* That of a failure's `domains` whose request failed, or NULL. */
const cJSON *report_failed_domain(const cJSON *failure);

/* What lies outside of domains for this reason ("boot", "after-output", ...), to follow "belongs
 * to"; the reason itself if it is none of those that are known. */
const char *report_reason_words(const char *reason);

/* Why a failure could not be undone ("log-limit", "outside", ...), to follow "because". */
const char *report_refused_words(const char *reason);

#endif
