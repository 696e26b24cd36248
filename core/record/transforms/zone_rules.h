/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_rules.h: include.list and exclude.list of TimezoneConverter: which
 * fields of which tables or topics.
 */
#ifndef LEAT_RECORD_ZONE_RULES_H
#define LEAT_RECORD_ZONE_RULES_H

#include <stdbool.h>

#include <leat/map.h>

#include "core/record/transforms/edit.h"

/* What a list says of one table or topic. */
struct zone_rule {
	const char **fields; /* "x", "before.x", "source.ts_ms" */
	uint32_t n; /* 0: all fields */
	uint32_t cap;
};

/* Each maps names to struct zone_rule. */
struct zone_rules {
	struct leat_map topics;
	struct leat_map tables;
	struct leat_map any; /* topics or tables */
};

/*
 * Reads a list; `key` is the option's, for messages. Memory comes from
 * t->arena. Fini is to be called in any case.
 */
int zone_rules_parse(struct zone_rules *r, struct transform *t,
    const char *key, const struct leat_list *list, struct leat_err *err);
void zone_rules_fini(struct zone_rules *r);

/* The rule for a record, or NULL; `table` may be NULL. */
const struct zone_rule *zone_rules_find(const struct zone_rules *r,
    const char *topic, const char *table);

/*
 * Does the rule name this field of this struct ("before", "after" or "source")?
 * A field without a struct is one of both rows.
 */
bool zone_rule_names(const struct zone_rule *rule, const char *in,
    const char *field);
/* Does it name any field of the source? */
bool zone_rule_names_source(const struct zone_rule *rule);

#endif
