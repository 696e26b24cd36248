/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_tally.h"

#include <stdio.h>
#include <string.h>

#include <leat/json.h>

enum {
	TALLY_CHUNK = 16 * 1024,
	TALLY_MAX = 64 * 1024 * 1024,
	NAME_MAX_BYTES = 512	/* two identifiers have 127 */
};

void
pg_tallies_init(struct pg_tallies *t)
{
	leat_map_init(&t->map);
	leat_arena_init(&t->arena, TALLY_CHUNK, TALLY_MAX);
}

void
pg_tallies_fini(struct pg_tallies *t)
{
	leat_map_fini(&t->map);
	leat_arena_fini(&t->arena);
}

struct pg_tally *
pg_tallies_of(struct pg_tallies *t, const char *schema, const char *table)
{
	char name[NAME_MAX_BYTES];
	struct pg_tally *n;

	(void)snprintf(name, sizeof(name), "%s.%s", schema, table);
	n = leat_map_get_c(&t->map, name);
	if (n != NULL || t->map.len >= PG_TALLY_TABLES_MAX)
		return n;
	n = leat_arena_calloc(&t->arena, 1, sizeof(*n));
	if (n == NULL || (n->table = leat_arena_strdup(&t->arena, name)) ==
	    NULL || leat_map_set(&t->map, leat_str_c(name), n, NULL) < 0)
		return NULL;
	return n;
}

static int64_t
total(const struct pg_tally *n)
{
	int64_t sum = 0;

	for (int i = 0; i < PG_OPS; i++)
		sum += n->events[i];
	return sum;
}

/* Puts one into a list that is in order, the most events first. */
static uint32_t
insert(const struct pg_tally **list, uint32_t len, const struct pg_tally *n)
{
	int64_t sum = total(n);
	uint32_t at = len;

	if (sum == 0 || (len == PG_TALLY_SHOWN && sum <= total(list[len - 1])))
		return len;
	while (at > 0 && sum > total(list[at - 1]))
		at--;
	if (len == PG_TALLY_SHOWN)
		len--;
	memmove(&list[at + 1], &list[at], (len - at) * sizeof(*list));
	list[at] = n;
	return len + 1;
}

static void
add(const struct pg_tally *n, struct leat_buf *b)
{
	static const char *const names[PG_OPS] = { "create", "update",
		"delete", "truncate", "read" };

	(void)leat_buf_add_str(b, "{\"table\":");
	(void)leat_json_add_string(b, n->table, strlen(n->table));
	for (int i = 0; i < PG_OPS; i++)
		(void)leat_buf_printf(b, ",\"%s\":%lld", names[i],
		    (long long)n->events[i]);
	(void)leat_buf_add_byte(b, '}');
}

void
pg_tallies_status(const struct pg_tallies *t, struct leat_buf *b)
{
	const struct pg_tally *list[PG_TALLY_SHOWN];
	const struct leat_map_entry *e;
	uint32_t len = 0;
	size_t it = 0;

	while ((e = leat_map_next(&t->map, &it)) != NULL)
		len = insert(list, len, e->value);
	for (uint32_t i = 0; i < len; i++) {
		(void)leat_buf_add_str(b, i == 0 ? ",\"events\":[" : ",");
		add(list[i], b);
	}
	if (len > 0)
		(void)leat_buf_add_byte(b, ']');
}
