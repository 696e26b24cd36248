/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <leat/buf.h>
#include <leat/str.h>

#define OPTION "replica.identity.autoset.values"

enum { NAME_MAX_BYTES = 1024, SQL_MAX = 64 * 1024 };

/* One value: expression:identity. */
struct rule {
	regex_t re;
	char identity;		/* 'd' 'f' 'n' 'i' */
	char index[128];	/* of 'i' */
};

static int
parse_identity(struct leat_str word, struct rule *r)
{
	static const struct {
		const char *word;
		char identity;
	} rows[] = { { "DEFAULT", 'd' }, { "FULL", 'f' }, { "NOTHING", 'n' },
		{ "INDEX ", 'i' } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].word);
		int has_name = rows[i].identity == 'i';

		if (word.len < n || (word.len > n) != has_name ||
		    strncasecmp(word.ptr, rows[i].word, n) != 0)
			continue;
		word = leat_str_trim((struct leat_str){ word.ptr + n,
		    word.len - n });
		if (word.len >= sizeof(r->index))
			return -1;
		r->identity = rows[i].identity;
		memcpy(r->index, word.ptr, word.len);
		r->index[word.len] = '\0';
		return 0;
	}
	return -1;
}

static int
parse_rule(const char *text, struct rule *r, struct leat_err *err)
{
	const char *colon = strrchr(text, ':');
	char pattern[NAME_MAX_BYTES];

	if (colon == NULL || colon - text >= (int)sizeof(pattern) ||
	    parse_identity(leat_str_trim(leat_str_c(colon + 1)), r) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    OPTION ": '%s' is not table:identity, with DEFAULT, FULL, "
		    "NOTHING or INDEX name", text);
	(void)snprintf(pattern, sizeof(pattern), "%.*s", (int)(colon - text),
	    text);
	return pg_regex_compile(&r->re, OPTION, pattern, err);
}

static void
free_rules(struct rule *rules, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		regfree(&rules[i].re);
	free(rules);
}

static int
parse_rules(const struct leat_list *values, struct rule **ret_rules,
    struct leat_err *err)
{
	struct rule *rules = calloc(values->len, sizeof(*rules));

	if (rules == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	for (uint32_t i = 0; i < values->len; i++) {
		int rc = parse_rule(values->items[i], &rules[i], err);

		if (rc < 0) {
			free_rules(rules, i);
			return rc;
		}
	}
	*ret_rules = rules;
	return 0;
}

int
pg_identity_check(const struct leat_list *values, struct leat_err *err)
{
	struct rule *rules = NULL;
	int rc;

	if (values->len == 0)
		return 0;
	rc = parse_rules(values, &rules, err);
	if (rc == 0)
		free_rules(rules, values->len);
	return rc;
}

/* ---------------------------------------------------------------- applying */

/* The rule of a table, NULL: none. Two that contradict each other are wrong. */
static int
find_rule(const struct rule *rules, uint32_t n, const struct pg_table *t,
    const struct rule **ret, struct leat_err *err)
{
	char name[NAME_MAX_BYTES];

	*ret = NULL;
	(void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
	for (uint32_t i = 0; i < n; i++) {
		if (regexec(&rules[i].re, name, 0, NULL, 0) != 0)
			continue;
		if (*ret != NULL && ((*ret)->identity != rules[i].identity ||
		    strcmp((*ret)->index, rules[i].index) != 0))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, OPTION ": two values match table "
			    "%s with different identities", name);
		*ret = &rules[i];
	}
	return 0;
}

/* Is the index that gives the identity the one of the rule? */
static int
has_index(struct pg_conn *c, uint32_t oid, const char *index,
    struct leat_err *err)
{
	char text[16];
	const char *params[2] = { text, index };
	PGresult *res = NULL;
	int rc;

	(void)snprintf(text, sizeof(text), "%u", oid);
	rc = pg_query(c, &res, err, "SELECT 1 FROM pg_catalog.pg_index i JOIN"
	    " pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid ="
	    " $1::oid AND i.indisreplident AND c.relname = $2", 2, params);
	if (rc < 0)
		return rc;
	rc = PQntuples(res) > 0;
	PQclear(res);
	return rc;
}

static void
write_alter(struct pg_conn *c, const struct pg_table *t, const struct rule *r,
    struct leat_buf *b)
{
	(void)leat_buf_add_str(b, "ALTER TABLE ");
	pg_add_table(c, b, t->schema, t->name);
	(void)leat_buf_printf(b, " REPLICA IDENTITY %s", r->identity == 'd' ?
	    "DEFAULT" : r->identity == 'f' ? "FULL" : r->identity == 'n' ?
	    "NOTHING" : "USING INDEX ");
	if (r->identity == 'i')
		pg_add_identifier(c, b, r->index);
}

static int
set_identity(struct pg_conn *c, struct pg_table *t, const struct rule *r,
    struct leat_err *err)
{
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, SQL_MAX);
	write_alter(c, t, r, &b);
	rc = leat_buf_cstr(&b) == NULL ? leat_err_set(err, LEAT_CLS_RETRY,
	    -ENOMEM, "out of memory") :
	    pg_query(c, NULL, err, leat_buf_cstr(&b), 0, NULL);
	if (rc < 0) {
		leat_err_wrap(err, OPTION ": %.200s", leat_buf_cstr(&b) == NULL
		    ? t->name : leat_buf_cstr(&b));
	} else {
		leat_log_notice(c->task, "replica identity set", "sql=\"%s\"",
		    leat_buf_cstr(&b));
		t->identity = (unsigned char)r->identity;
	}
	leat_buf_fini(&b);
	return rc;
}

static int
apply_rule(struct pg_conn *c, struct pg_table *t, const struct rule *r,
    struct leat_err *err)
{
	int same = r == NULL || t->identity == (unsigned char)r->identity;

	if (r != NULL && same && r->identity == 'i')
		same = has_index(c, t->oid, r->index, err);
	if (same != 0)
		return same < 0 ? same : 0;
	return set_identity(c, t, r, err);
}

int
pg_identity_apply(struct pg_conn *c, const struct pg_config *cfg,
    struct pg_tables *tables, struct leat_err *err)
{
	const struct rule *r;
	struct rule *rules = NULL;
	int rc;

	if (cfg->identities.len == 0)
		return 0;
	rc = parse_rules(&cfg->identities, &rules, err);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < tables->len && rc == 0; i++) {
		rc = find_rule(rules, cfg->identities.len, &tables->items[i],
		    &r, err);
		if (rc == 0)
			rc = apply_rule(c, &tables->items[i], r, err);
	}
	free_rules(rules, cfg->identities.len);
	return rc;
}
