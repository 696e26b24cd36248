/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_value.c: the text of one option to its field.
 */
#include "sdk/lib/option_value.h"

#include <errno.h>
#include <strings.h>

#include <leat/err.h>

void *
option_field(const struct leat_option *opt, void *config)
{
	return (uint8_t *)config + opt->offset;
}

unsigned
option_edits(size_t len)
{
	if (len < 6)
		return len < 3 ? 0 : 1;
	return len < 12 ? 2 : 4;
}

/* -------------------------------------------------------- what is expected */

static void
say_range(const struct leat_option *opt, struct leat_buf *why,
    const char *unit)
{
	if (opt->min == 0 && opt->max == 0)
		return;
	(void)leat_buf_printf(why, " (%lld%s to %lld%s)",
	    (long long)opt->min, unit, (long long)opt->max, unit);
}

static int
expected(const struct leat_option *opt, struct leat_buf *why)
{
	switch (opt->type) {
	case LEAT_OPT_BOOL:
		(void)leat_buf_add_str(why, "expected true or false");
		break;
	case LEAT_OPT_INT:
		(void)leat_buf_add_str(why, "expected a whole number");
		say_range(opt, why, "");
		break;
	case LEAT_OPT_DOUBLE:
		(void)leat_buf_add_str(why, "expected a number");
		break;
	case LEAT_OPT_CHOICE:
		(void)leat_buf_printf(why, "expected one of: %s",
		    opt->choices == NULL ? "" : opt->choices);
		break;
	case LEAT_OPT_DURATION:
		(void)leat_buf_add_str(why,
		    "expected a duration such as 500ms, 5s or 1h");
		say_range(opt, why, "ms");
		break;
	case LEAT_OPT_BYTES:
		(void)leat_buf_add_str(why,
		    "expected a size such as 65536, 64KiB or 1MB");
		say_range(opt, why, "");
		break;
	default:
		(void)leat_buf_printf(why, "unknown type %d of option",
		    (int)opt->type);
	}
	return LEAT_E_CONFIG;
}

/* ------------------------------------------------------------------- types */

static int
set_bool(const struct leat_option *opt, struct leat_str text, void *field,
    struct leat_buf *why)
{
	bool v;

	if (leat_parse_bool(text, &v) < 0)
		return expected(opt, why);
	*(int32_t *)field = v;
	return 0;
}

static int
set_i64(const struct leat_option *opt, struct leat_str text, void *field,
    struct leat_buf *why)
{
	int64_t v = 0;
	int rc;

	if (opt->type == LEAT_OPT_DURATION)
		rc = leat_parse_duration_ms(text, &v);
	else if (opt->type == LEAT_OPT_BYTES)
		rc = leat_parse_bytes(text, &v);
	else
		rc = leat_parse_i64(text, INT64_MIN, INT64_MAX, &v);
	if (rc < 0 || ((opt->min != 0 || opt->max != 0) &&
	    (v < opt->min || v > opt->max)))
		return expected(opt, why);
	*(int64_t *)field = v;
	return 0;
}

static int
set_double(const struct leat_option *opt, struct leat_str text, void *field,
    struct leat_buf *why)
{
	double v;

	if (leat_parse_f64(text, &v) < 0)
		return expected(opt, why);
	*(double *)field = v;
	return 0;
}

static int
set_choice(const struct leat_option *opt, struct leat_str text, void *field,
    struct leat_buf *why, struct leat_buf *meant)
{
	struct leat_str rest = leat_str_c(opt->choices ? opt->choices : "");
	struct leat_str best = { NULL, 0 };
	unsigned distance, least = option_edits(text.len) + 1;
	int32_t i;

	for (i = 0; rest.len > 0; i++) {
		struct leat_str word = leat_str_trim(leat_str_cut(&rest, ','));

		if (word.len == text.len &&
		    strncasecmp(word.ptr, text.ptr, text.len) == 0) {
			*(int32_t *)field = i;
			return 0;
		}
		distance = leat_edit_distance(text, word, least);
		if (distance < least) {
			least = distance;
			best = word;
		}
	}
	(void)leat_buf_add(meant, best.ptr, best.len);
	return expected(opt, why);
}

/* Cuts an item off at the next comma that is not written as \, */
static struct leat_str
cut_item(struct leat_str *rest)
{
	struct leat_str item = *rest;
	size_t i = 0;

	while (i < rest->len && rest->ptr[i] != ',')
		i += rest->ptr[i] == '\\' && i + 1 < rest->len &&
		    rest->ptr[i + 1] == ',' ? 2 : 1;
	item.len = i;
	i += i < rest->len;
	rest->ptr += i;
	rest->len -= i;
	return leat_str_trim(item);
}

static char *
copy_item(struct leat_arena *arena, struct leat_str item)
{
	char *copy = leat_arena_alloc(arena, item.len + 1), *to = copy;
	size_t i;

	if (copy == NULL)
		return NULL;
	for (i = 0; i < item.len; i++) {
		if (item.ptr[i] == '\\' && i + 1 < item.len &&
		    item.ptr[i + 1] == ',')
			i++;
		*to++ = item.ptr[i];
	}
	*to = '\0';
	return copy;
}

static int
set_list(struct leat_str text, struct leat_arena *arena, void *field)
{
	struct leat_list *list = field;
	struct leat_str rest = text;
	const char **items;
	size_t most = 1, i;
	uint32_t n = 0;

	for (i = 0; i < text.len; i++)
		most += text.ptr[i] == ',';
	items = leat_arena_calloc(arena, most, sizeof(*items));
	if (items == NULL || most > UINT32_MAX)
		return -ENOMEM;
	while (rest.len > 0) {
		struct leat_str item = cut_item(&rest);

		if (item.len == 0)
			continue;
		items[n] = copy_item(arena, item);
		if (items[n++] == NULL)
			return -ENOMEM;
	}
	list->items = items;
	list->len = n;
	return 0;
}

static int
set_string(struct leat_str text, struct leat_arena *arena, void *field)
{
	const char *copy = leat_arena_strndup(arena, text.ptr, text.len);

	if (copy == NULL)
		return -ENOMEM;
	*(const char **)field = copy;
	return 0;
}

int
option_set(const struct leat_option *opt, const char *text,
    struct leat_arena *arena, void *config, struct leat_buf *why,
    struct leat_buf *meant)
{
	struct leat_str s = leat_str_trim(leat_str_c(text));
	void *field = option_field(opt, config);

	switch (opt->type) {
	case LEAT_OPT_STRING:
		return set_string(s, arena, field);
	case LEAT_OPT_BOOL:
		return set_bool(opt, s, field, why);
	case LEAT_OPT_INT:
	case LEAT_OPT_DURATION:
	case LEAT_OPT_BYTES:
		return set_i64(opt, s, field, why);
	case LEAT_OPT_DOUBLE:
		return set_double(opt, s, field, why);
	case LEAT_OPT_CHOICE:
		return set_choice(opt, s, field, why, meant);
	case LEAT_OPT_LIST:
		return set_list(s, arena, field);
	default:
		return expected(opt, why);
	}
}
