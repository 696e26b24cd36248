/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz_rule.h: the rule at the end of a zone's file, for all times behind its
 * table: POSIX's TZ, "CET-1CEST,M3.5.0,M10.5.0/3".
 */
#ifndef LEAT_RECORD_TZ_RULE_H
#define LEAT_RECORD_TZ_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/str.h>

/* A day of each year, and the second on it. */
struct tz_day {
	char form; /* 'M', 'J', or 'n': from 0, with leap days */
	int32_t month, week, day;
	int32_t second;
};

struct tz_rule {
	int32_t std; /* seconds east of UTC */
	int32_t dst;
	bool has_dst;
	struct tz_day from; /* of daylight saving time */
	struct tz_day to;
};

/* 0, or -1 for text that is no rule. */
int tz_rule_parse(struct leat_str text, struct tz_rule *ret);
int32_t tz_rule_offset(const struct tz_rule *rule, int64_t utc_s);

#endif
