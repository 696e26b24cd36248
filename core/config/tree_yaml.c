/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_yaml.c: libyaml's events to tree nodes. The one file that names
 * libyaml.
 *
 * The lists and maps that are open stand on a stack of fixed height, so that
 * hostile nesting ends at its limit and nothing recurses.
 */
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include <leat/map.h>

#include "core/base/obj.h"
#include "core/config/tree_build.h"

struct reader {
	struct tree_build *build;
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct leat_map anchors;	/* name to complete node */
	struct tree_open stack[TREE_DEPTH_MAX];
	unsigned depth;
	const struct tree_node *root;
	unsigned documents;
};

/* ------------------------------------------------------- words for errors */

/* What libyaml says, what we say, and what to try. */
static const struct {
	const char *theirs;
	const char *ours;
	const char *hint;
} words[] = {
	{ "mapping values are not allowed in this context",
	    "unexpected ':'",
	    "check the indentation, or quote a value that contains ': '" },
	{ "did not find expected key",
	    "expected a key",
	    "keys of one level begin in one column" },
	{ "did not find expected '-' indicator",
	    "expected '-'",
	    "items of one list begin in one column" },
	{ "could not find expected ':'",
	    "expected ':' behind a key", NULL },
	{ "did not find expected ',' or ']'",
	    "expected ',' or ']'", NULL },
	{ "did not find expected ',' or '}'",
	    "expected ',' or '}'", NULL },
	{ "found unexpected end of stream",
	    "the file ends within a quoted text", NULL },
	{ "control characters are not allowed",
	    "a control character", NULL },
	{ "did not find expected node content",
	    "expected a value", NULL },
	{ "found undefined tag handle",
	    "unknown tag", NULL },
};

/* Where a byte of the text stands. */
static void
locate(const struct reader *r, size_t at, int32_t *line, int32_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < at && i < r->len; i++) {
		unsigned char c = (unsigned char)r->text[i];

		if (c == '\n') {
			++*line;
			*column = 1;
		} else if ((c & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* The character at a place, or 0. */
static char
char_at(const struct reader *r, int32_t line, int32_t column)
{
	size_t i = 0;

	for (; line > 1 && i < r->len; i++)
		line -= r->text[i] == '\n';
	for (; column > 1 && i < r->len && r->text[i] != '\n'; column--)
		i++;
	return i < r->len ? r->text[i] : '\0';
}

static int
syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *text = p->problem != NULL ? p->problem : "not YAML";
	const char *hint = NULL;
	int32_t line = (int32_t)p->problem_mark.line + 1;
	int32_t column = (int32_t)p->problem_mark.column + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return tree_no_memory(r->build);
	if (p->error == YAML_READER_ERROR)
		locate(r, p->problem_offset, &line, &column);
	if (p->error == YAML_SCANNER_ERROR &&
	    char_at(r, line, column) == '\t')
		return tree_fail(r->build, line, column, NULL,
		    "indent with spaces", "unexpected tab");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i].theirs) == 0) {
			text = words[i].ours;
			hint = words[i].hint;
			break;
		}
	}
	return tree_fail(r->build, line, column, NULL, hint,
	    "syntax error: %s", text);
}

/* ---------------------------------------------------------------- events */

static int32_t
line_of(const yaml_event_t *e)
{
	return (int32_t)e->start_mark.line + 1;
}

static int32_t
column_of(const yaml_event_t *e)
{
	return (int32_t)e->start_mark.column + 1;
}

static int
fail(struct reader *r, const yaml_event_t *e, const char *text,
    const char *hint)
{
	return tree_fail(r->build, line_of(e), column_of(e), NULL, hint, "%s",
	    text);
}

/* Is a key wanted now? */
static bool
wants_key(const struct reader *r)
{
	const struct tree_open *top;

	if (r->depth == 0)
		return false;
	top = &r->stack[r->depth - 1];
	return top->node->kind == TREE_MAP && top->key == NULL;
}

static int
name_anchor(struct reader *r, const char *anchor,
    const struct tree_node *node)
{
	/* The map stores pointers; nodes are not changed through it. */
	void *value = (void *)(uintptr_t)node;

	if (anchor == NULL)
		return 0;
	if (leat_map_set(&r->anchors, leat_str_c(anchor), value, NULL) < 0)
		return tree_no_memory(r->build);
	return 0;
}

/* A complete node goes to where it belongs. */
static int
deliver(struct reader *r, const struct tree_node *node)
{
	if (r->depth == 0) {
		r->root = node;
		return 0;
	}
	return tree_add(r->build, &r->stack[r->depth - 1], node);
}

static int
check_tag(struct reader *r, const yaml_event_t *e, const yaml_char_t *tag)
{
	static const char *const known[] = { YAML_STR_TAG, YAML_INT_TAG,
	    YAML_FLOAT_TAG, YAML_BOOL_TAG, YAML_NULL_TAG, YAML_SEQ_TAG,
	    YAML_MAP_TAG, "!" };

	for (size_t i = 0; tag != NULL && i < ARRAY_LEN(known); i++)
		if (strcmp((const char *)tag, known[i]) == 0)
			return 0;
	if (tag == NULL)
		return 0;
	return tree_fail(r->build, line_of(e), column_of(e), NULL, NULL,
	    "unknown tag '%s'", (const char *)tag);
}

static bool
is_null(const yaml_event_t *e)
{
	static const char *const nulls[] = { "", "~", "null", "Null",
	    "NULL" };
	const char *text = (const char *)e->data.scalar.value;

	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    e->data.scalar.tag != NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(text, nulls[i]) == 0)
			return true;
	return false;
}

static int
on_key(struct reader *r, const yaml_event_t *e)
{
	struct tree_open *top = &r->stack[r->depth - 1];
	const char *text = (const char *)e->data.scalar.value;

	if (e->data.scalar.length == 0)
		return fail(r, e, "an empty key", NULL);
	top->key = leat_arena_strdup(r->build->arena, text);
	top->line = line_of(e);
	top->column = column_of(e);
	return top->key != NULL ? 0 : tree_no_memory(r->build);
}

static int
on_scalar(struct reader *r, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	const char *anchor = (const char *)e->data.scalar.anchor;
	size_t len = e->data.scalar.length;
	struct tree_node *n;

	if (memchr(text, '\0', len) != NULL)
		return fail(r, e, "text may not hold a NUL character", NULL);
	if (check_tag(r, e, e->data.scalar.tag) < 0)
		return LEAT_E_PARSE;
	if (wants_key(r))
		return on_key(r, e);
	n = tree_node_new(r->build, is_null(e) ? TREE_NULL : TREE_SCALAR,
	    line_of(e), column_of(e));
	if (n == NULL)
		return LEAT_E_PARSE;
	if (n->kind == TREE_SCALAR) {
		n->text = leat_arena_strndup(r->build->arena, text, len);
		if (n->text == NULL)
			return tree_no_memory(r->build);
	}
	if (name_anchor(r, anchor, n) < 0)
		return LEAT_E_PARSE;
	return deliver(r, n);
}

static int
on_open(struct reader *r, const yaml_event_t *e, enum tree_kind kind,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct tree_open *top;

	if (check_tag(r, e, tag) < 0)
		return LEAT_E_PARSE;
	if (wants_key(r))
		return fail(r, e, "a key must be plain text", NULL);
	if (r->depth == TREE_DEPTH_MAX)
		return tree_fail(r->build, line_of(e), column_of(e), NULL,
		    NULL, "nested deeper than %d levels", (int)TREE_DEPTH_MAX);
	top = &r->stack[r->depth];
	*top = (struct tree_open){ .node = tree_node_new(r->build, kind,
	    line_of(e), column_of(e)) };
	if (top->node == NULL)
		return LEAT_E_PARSE;
	if (anchor != NULL) {
		top->anchor = leat_arena_strdup(r->build->arena,
		    (const char *)anchor);
		if (top->anchor == NULL)
			return tree_no_memory(r->build);
	}
	r->depth++;
	return 0;
}

static int
on_close(struct reader *r)
{
	struct tree_open *top = &r->stack[r->depth - 1];

	if (tree_close(r->build, top) < 0 ||
	    name_anchor(r, top->anchor, top->node) < 0)
		return LEAT_E_PARSE;
	r->depth--;
	return deliver(r, top->node);
}

static int
on_alias(struct reader *r, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.alias.anchor;
	const struct tree_node *node = leat_map_get_c(&r->anchors, name);

	if (wants_key(r))
		return fail(r, e, "a key must be plain text", NULL);
	if (node == NULL)
		return tree_fail(r->build, line_of(e), column_of(e), NULL,
		    NULL, "no anchor '&%s' before this alias", name);
	return deliver(r, node);
}

static int
on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents > 1)
			return fail(r, e, "a second document",
			    "one file holds one document");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_ALIAS_EVENT:
		return on_alias(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, e, TREE_LIST, e->data.sequence_start.anchor,
		    e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, e, TREE_MAP, e->data.mapping_start.anchor,
		    e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	UNREACHABLE("event");
}

static int
read_all(struct reader *r)
{
	bool end = false;
	int rc = 0;

	while (rc == 0 && !end) {
		yaml_event_t e;

		if (!yaml_parser_parse(&r->parser, &e))
			return syntax_error(r);
		rc = on_event(r, &e);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	return rc;
}

const struct tree_node *
tree_parse_yaml(struct tree_build *b, const char *text, size_t len)
{
	struct reader r = { .build = b, .text = text, .len = len };
	int rc;

	if (!yaml_parser_initialize(&r.parser)) {
		(void)tree_no_memory(b);
		return NULL;
	}
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)text, len);
	rc = read_all(&r);
	yaml_parser_delete(&r.parser);
	leat_map_fini(&r.anchors);
	if (rc < 0)
		return NULL;
	return r.root != NULL ? r.root : tree_node_new(b, TREE_NULL, 1, 1);
}
