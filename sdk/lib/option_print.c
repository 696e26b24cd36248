/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_print.c: filled options as text, without their secrets.
 */
#include <leat/options.h>

#include "sdk/lib/option_value.h"

const char *
leat_option_type_name(int32_t type)
{
	switch (type) {
	case LEAT_OPT_STRING:
	case LEAT_OPT_CHOICE:
		return "STRING";
	case LEAT_OPT_BOOL:
		return "BOOLEAN";
	case LEAT_OPT_INT:
	case LEAT_OPT_DURATION:
	case LEAT_OPT_BYTES:
		return "LONG";
	case LEAT_OPT_DOUBLE:
		return "DOUBLE";
	case LEAT_OPT_LIST:
		return "LIST";
	case LEAT_OPT_MAP:
		return "MAP";
	default:
		return "UNKNOWN";
	}
}

/* Where the password of a URL begins (behind "//user:") and ends, or NULL. */
static const char *
find_password(const char *s, const char **ret_end)
{
	const char *host = strstr(s, "://"), *at, *colon;

	if (host == NULL)
		return NULL;
	host += 3;
	at = host + strcspn(host, "@/?#");
	if (*at != '@')
		return NULL;
	colon = memchr(host, ':', (size_t)(at - host));
	*ret_end = at;
	return colon == NULL ? NULL : colon + 1;
}

static int
print_string(const char *s, struct leat_buf *to)
{
	const char *end, *password = find_password(s, &end);

	if (password == NULL)
		return leat_buf_add_str(to, s);
	(void)leat_buf_add(to, s, (size_t)(password - s));
	(void)leat_buf_add_str(to, "***");
	return leat_buf_add_str(to, end);
}

static int
print_choice(const struct leat_option *opt, int32_t index, struct leat_buf *to)
{
	struct leat_str rest = leat_str_c(opt->choices ? opt->choices : "");
	struct leat_str word = { "", 0 };

	for (; index >= 0; index--)
		word = leat_str_trim(leat_str_cut(&rest, ','));
	return leat_buf_add(to, word.ptr, word.len);
}

static int
print_list(const struct leat_list *list, struct leat_buf *to)
{
	uint32_t i;

	for (i = 0; i < list->len; i++) {
		if (i > 0)
			(void)leat_buf_add_byte(to, ',');
		(void)print_string(list->items[i], to);
	}
	return to->failed ? -1 : 0;
}

/* The values of a map may be anything, secrets too: its keys must do. */
static int
print_map(const struct leat_params *map, struct leat_buf *to)
{
	uint32_t i;

	for (i = 0; i < map->len; i++)
		(void)leat_buf_printf(to, "%s%s=***", i > 0 ? "," : "",
		    map->items[i].key);
	return to->failed ? -1 : 0;
}

static int
is_set(const struct leat_option *opt, const void *field)
{
	switch (opt->type) {
	case LEAT_OPT_STRING:
		return *(const char *const *)field != NULL;
	case LEAT_OPT_LIST:
		return ((const struct leat_list *)field)->len > 0;
	case LEAT_OPT_MAP:
		return ((const struct leat_params *)field)->len > 0;
	default:
		return 1;
	}
}

static const void *
const_field(const struct leat_option *opt, const void *config)
{
	return (const uint8_t *)config + opt->offset;
}

int
leat_option_print(const struct leat_option *opt, const void *config,
    struct leat_buf *to)
{
	const void *field = const_field(opt, config);

	if (!is_set(opt, field))
		return 0;
	if ((opt->flags & LEAT_OPT_SECRET) != 0)
		return leat_buf_add_str(to, "***");
	switch (opt->type) {
	case LEAT_OPT_STRING:
		return print_string(*(const char *const *)field, to);
	case LEAT_OPT_BOOL:
		return leat_buf_add_str(to,
		    *(const int32_t *)field != 0 ? "true" : "false");
	case LEAT_OPT_CHOICE:
		return print_choice(opt, *(const int32_t *)field, to);
	case LEAT_OPT_INT:
	case LEAT_OPT_DURATION:
	case LEAT_OPT_BYTES:
		return leat_buf_add_i64(to, *(const int64_t *)field);
	case LEAT_OPT_DOUBLE:
		return leat_buf_printf(to, "%g", *(const double *)field);
	case LEAT_OPT_LIST:
		return print_list(field, to);
	case LEAT_OPT_MAP:
		return print_map(field, to);
	default:
		return 0;
	}
}

int
leat_options_print(const struct leat_option *table, const void *config,
    struct leat_buf *to)
{
	const struct leat_option *opt;

	for (opt = table; opt != NULL && opt->name != NULL; opt++) {
		if (!is_set(opt, const_field(opt, config)))
			continue;
		(void)leat_buf_printf(to, "%s=", opt->name);
		(void)leat_option_print(opt, config, to);
		(void)leat_buf_add_byte(to, '\n');
	}
	return to->failed ? -1 : 0;
}
