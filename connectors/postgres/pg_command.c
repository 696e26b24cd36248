/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_command.h"

#include <string.h>

#include <leat/str.h>

/* A part of slot.stream.params. */
struct param {
	struct leat_str name;
	struct leat_str value;
};

/* An SQL literal inside START_REPLICATION, which knows only '' doubling. */
static void
add_literal(struct leat_buf *b, struct leat_str s)
{
	(void)leat_buf_add_byte(b, '\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\'')
			(void)leat_buf_add_byte(b, '\'');
		(void)leat_buf_add_byte(b, (uint8_t)s.ptr[i]);
	}
	(void)leat_buf_add_byte(b, '\'');
}

/* The next name=value in front of a semicolon; 0 at the end of the text. */
static int
next_param(const char **text, struct param *ret)
{
	struct leat_str part;
	const char *eq;

	*text += strspn(*text, "; ");
	if (**text == '\0')
		return 0;
	part = (struct leat_str){ *text, strcspn(*text, ";") };
	*text += part.len;
	eq = memchr(part.ptr, '=', part.len);
	ret->name = part;
	ret->value = (struct leat_str){ part.ptr + part.len, 0 };
	if (eq != NULL) {
		ret->name.len = (size_t)(eq - part.ptr);
		ret->value = (struct leat_str){ eq + 1, part.len -
			ret->name.len - 1 };
	}
	ret->name = leat_str_trim(ret->name);
	ret->value = leat_str_trim(ret->value);
	return 1;
}

static int
check_param(const struct param *p, struct leat_err *err)
{
	static const char *const ours[] = { "proto_version",
		"publication_names", "binary", "messages", "streaming",
		"two_phase" };

	if (p->name.len == 0 || p->value.len == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "slot.stream.params: '%.*s' is not name=value",
		    (int)p->name.len, p->name.ptr);
	for (size_t i = 0; i < p->name.len; i++) {
		char c = p->name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || c == '_'))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "slot.stream.params: '%.*s' is no "
			    "name of an option: lower-case letters and '_'",
			    (int)p->name.len, p->name.ptr);
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (leat_str_eq_c(p->name, ours[i]))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "slot.stream.params: '%s' is set "
			    "by the connector itself", ours[i]);
	return 0;
}

int
pg_command_check(const char *params, struct leat_err *err)
{
	struct param p;
	int rc = 0;

	while (params != NULL && rc == 0 && next_param(&params, &p))
		rc = check_param(&p, err);
	return rc;
}

static void
add_params(struct leat_buf *b, const char *params)
{
	struct param p;

	while (params != NULL && next_param(&params, &p)) {
		(void)leat_buf_add(b, ", ", 2);
		(void)leat_buf_add(b, p.name.ptr, p.name.len);
		(void)leat_buf_add_byte(b, ' ');
		add_literal(b, p.value);
	}
}

int
pg_command_protocol(const struct pg_config *cfg, int server)
{
	/* One more with each of these. */
	int best = 1 + (server >= 140000) + (server >= 150000) +
	    (server >= 160000);

	return cfg->protocol != 0 ? cfg->protocol : best;
}

int
pg_command_check_protocol(const struct pg_config *cfg, struct leat_err *err)
{
	static const char form[] = "streaming.protocol.version: %s needs "
	    "version %d or newer, not %d";

	if (cfg->protocol == 0)
		return 0;
	if (cfg->stream_large && cfg->protocol < 2)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, form,
		    "streaming.large.transactions", 2, cfg->protocol);
	if (cfg->two_phase && cfg->protocol < 3)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, form,
		    "streaming.two.phase", 3, cfg->protocol);
	return 0;
}

void
pg_command_write(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_command *c, struct leat_buf *b)
{
	char *slot = PQescapeIdentifier(repl->pg, cfg->slot,
	    strlen(cfg->slot));
	char *pub = PQescapeIdentifier(repl->pg, cfg->publication,
	    strlen(cfg->publication));

	if (slot == NULL || pub == NULL) {
		b->failed = true;
	} else {
		(void)leat_buf_printf(b, "START_REPLICATION SLOT %s LOGICAL "
		    PG_LSN_FMT " (proto_version '%d', publication_names ",
		    slot, PG_LSN_ARGS(c->from), c->protocol);
		add_literal(b, leat_str_c(pub));
		if (repl->version >= 140000)
			(void)leat_buf_add_str(b, ", messages 'true'");
		/* Parallel: aborts tell where they stand. */
		if (c->streaming)
			(void)leat_buf_add_str(b, c->protocol >= 4 ?
			    ", streaming 'parallel'" : ", streaming 'on'");
		if (c->two_phase)
			(void)leat_buf_add_str(b, ", two_phase 'on'");
		add_params(b, cfg->stream_params);
		(void)leat_buf_add_byte(b, ')');
	}
	PQfreemem(slot);
	PQfreemem(pub);
}
