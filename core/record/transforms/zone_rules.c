/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_rules.c: see zone_rules.h.
 */
#include "core/record/transforms/zone_rules.h"

#include <string.h>
#include <strings.h>

/* An item taken apart. */
struct item {
	struct leat_str name;
	struct leat_str field; /* empty: all */
	char prefix; /* 's', 't', or 0: none */
};

static bool
is_word(struct leat_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		const char c = s.ptr[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
		    c != '"' && c != ' ' && c != '-')
			return false;
	}
	return s.len > 0;
}

static bool
is_prefix(struct leat_str s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static int
parse_item(const char *text, const char *key, struct item *ret,
    struct leat_err *err)
{
	struct leat_str rest = leat_str_c(text), part[3] = { { "", 0 } };
	uint32_t n = 0;

	for (; rest.len > 0 && n < 3; n++)
		part[n] = leat_str_trim(leat_str_cut(&rest, ':'));
	ret->prefix = 0;
	if (is_prefix(part[0], "source"))
		ret->prefix = 's';
	else if (is_prefix(part[0], "topic"))
		ret->prefix = 't';
	ret->name = part[ret->prefix != 0];
	ret->field = part[1 + (ret->prefix != 0)];
	if (rest.len > 0 || n < 2 || (n == 3 && ret->prefix == 0) ||
	    !is_word(ret->name) || (n - (ret->prefix != 0) == 2 &&
	    !is_word(ret->field)))
		return config_error(err, "%s: '%s' is not source:<table>, "
		    "source:<table>:<field>, topic:<topic>, "
		    "topic:<topic>:<field> or <name>:<field>",
		    key, text);
	return 0;
}

static int
add_field(struct zone_rule *rule, struct transform *t, struct leat_str field,
    struct leat_err *err)
{
	const char **more;

	if (rule->n == rule->cap) {
		more = leat_arena_calloc(&t->arena, rule->cap * 2 + 4,
		    sizeof(*more));
		if (more == NULL)
			return record_no_memory(&t->arena, err);
		if (rule->n > 0)
			memcpy(more, rule->fields, rule->n * sizeof(*more));
		rule->fields = more;
		rule->cap = rule->cap * 2 + 4;
	}
	rule->fields[rule->n] = leat_arena_strndup(&t->arena, field.ptr,
	    field.len);
	if (rule->fields[rule->n++] == NULL)
		return record_no_memory(&t->arena, err);
	return 0;
}

static int
add_item(struct leat_map *map, struct transform *t, const struct item *item,
    struct leat_err *err)
{
	struct zone_rule *rule = leat_map_get(map, item->name);

	if (rule == NULL) {
		rule = leat_arena_calloc(&t->arena, 1, sizeof(*rule));
		if (rule == NULL || leat_map_set(map, item->name, rule,
		    NULL) < 0)
			return record_no_memory(&t->arena, err);
	}
	return item->field.len == 0 ? 0 : add_field(rule, t, item->field, err);
}

static struct leat_map *
map_of(struct zone_rules *r, char prefix)
{
	if (prefix == 's')
		return &r->tables;
	return prefix == 't' ? &r->topics : &r->any;
}

int
zone_rules_parse(struct zone_rules *r, struct transform *t, const char *key,
    const struct leat_list *list, struct leat_err *err)
{
	struct item item;
	char prefix = 0;
	uint32_t i;

	for (i = 0; i < list->len; i++) {
		if (parse_item(list->items[i], key, &item, err) < 0)
			return LEAT_E_CONFIG;
		/* A prefix holds for the items behind it, too. */
		if (item.prefix != 0)
			prefix = item.prefix;
		if (add_item(map_of(r, prefix), t, &item, err) < 0)
			return err->code;
	}
	return 0;
}

void
zone_rules_fini(struct zone_rules *r)
{
	leat_map_fini(&r->topics);
	leat_map_fini(&r->tables);
	leat_map_fini(&r->any);
}

const struct zone_rule *
zone_rules_find(const struct zone_rules *r, const char *topic,
    const char *table)
{
	const struct zone_rule *rule = leat_map_get_c(&r->topics, topic);

	if (rule == NULL && table != NULL)
		rule = leat_map_get_c(&r->tables, table);
	if (rule == NULL)
		rule = leat_map_get_c(&r->any, topic);
	if (rule == NULL && table != NULL)
		rule = leat_map_get_c(&r->any, table);
	return rule;
}

/* "source.ts_ms" behind "source", or NULL. */
static const char *
behind(const char *field, const char *in)
{
	const size_t len = strlen(in);

	return strncmp(field, in, len) == 0 && field[len] == '.'
	    ? field + len + 1
	    : NULL;
}

bool
zone_rule_names(const struct zone_rule *rule, const char *in,
    const char *field)
{
	const bool row = strcmp(in, "source") != 0;
	uint32_t i;

	for (i = 0; i < rule->n; i++) {
		const char *f = rule->fields[i], *rest = behind(f, in);

		if (rest != NULL ? strcmp(rest, field) == 0
		    : row && strcmp(f, field) == 0)
			return true;
	}
	return false;
}

bool
zone_rule_names_source(const struct zone_rule *rule)
{
	uint32_t i;

	for (i = 0; i < rule->n; i++)
		if (behind(rule->fields[i], "source") != NULL)
			return true;
	return false;
}
