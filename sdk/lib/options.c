/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c: settings against a table of options.
 */
#include <leat/options.h>

#include <errno.h>

#include "sdk/lib/option_value.h"

#include <leat/err.h>

enum { TEXT_MAX = 2048 };	/* of a message */

/* ------------------------------------------------------------------ lookup */

size_t
leat_option_size(int32_t type)
{
	switch (type) {
	case LEAT_OPT_STRING:
		return sizeof(const char *);
	case LEAT_OPT_BOOL:
	case LEAT_OPT_CHOICE:
		return sizeof(int32_t);
	case LEAT_OPT_INT:
	case LEAT_OPT_DURATION:
	case LEAT_OPT_BYTES:
		return sizeof(int64_t);
	case LEAT_OPT_DOUBLE:
		return sizeof(double);
	case LEAT_OPT_LIST:
		return sizeof(struct leat_list);
	case LEAT_OPT_MAP:
		return sizeof(struct leat_params);
	default:
		return 0;
	}
}

/*
 * Does a row called `name` take the key? The length of the name if so, with
 * the dot behind it for a map: the longest one wins.
 */
static size_t
takes(const struct leat_option *opt, struct leat_str name, const char *key)
{
	size_t len = strlen(key);

	if (name.len == 0 || len < name.len ||
	    memcmp(key, name.ptr, name.len) != 0)
		return 0;
	if (opt->type != LEAT_OPT_MAP)
		return len == name.len ? len + 1 : 0;
	return key[name.len] == '.' && len > name.len + 1 ? name.len + 1 : 0;
}

const struct leat_option *
leat_options_find(const struct leat_option *table, const char *key,
    const char **ret_rest)
{
	const struct leat_option *opt, *best = NULL;
	size_t n, longest = 0;

	for (opt = table; opt != NULL && opt->name != NULL; opt++) {
		struct leat_str name = leat_str_c(opt->name);
		struct leat_str more = leat_str_c(opt->aliases != NULL ?
		    opt->aliases : "");

		for (;;) {
			n = takes(opt, name, key);
			if (n > longest) {
				longest = n;
				best = opt;
			}
			if (more.len == 0)
				break;
			name = leat_str_trim(leat_str_cut(&more, ','));
		}
	}
	if (ret_rest != NULL)
		*ret_rest = best != NULL && best->type == LEAT_OPT_MAP ?
		    key + longest : NULL;
	return best;
}

/* The nearest of the words so far. */
struct nearest {
	struct leat_str key;
	struct leat_str best;
	unsigned least;		/* distance of best, or one too many */
};

static void
try_word(struct nearest *n, struct leat_str word)
{
	unsigned d = leat_edit_distance(n->key, word, n->least);

	if (word.len > 0 && d < n->least) {
		n->least = d;
		n->best = word;
	}
}

static void
try_table(struct nearest *n, const struct leat_option *table)
{
	const struct leat_option *opt;

	for (opt = table; opt != NULL && opt->name != NULL; opt++) {
		struct leat_str more = leat_str_c(opt->aliases != NULL ?
		    opt->aliases : "");

		if ((opt->flags & LEAT_OPT_DEPRECATED) != 0 ||
		    opt->type == LEAT_OPT_MAP)
			continue;
		try_word(n, leat_str_c(opt->name));
		while (more.len > 0)
			try_word(n, leat_str_trim(leat_str_cut(&more, ',')));
	}
}

static struct nearest
nearest_start(const char *key)
{
	struct leat_str s = leat_str_c(key);

	return (struct nearest){ .key = s, .best = { "", 0 },
		.least = option_edits(s.len) + 1 };
}

struct leat_str
leat_options_nearest(const struct leat_option *table, const char *key)
{
	struct nearest n = nearest_start(key);

	try_table(&n, table);
	return n.best;
}

/* --------------------------------------------------------------- reporting */

struct filler {
	const struct leat_fill *fill;
	struct leat_arena *arena;
	void *config;
	size_t config_size;
	/* By row: the setting that filled it. */
	const struct leat_setting **taken;
	size_t rows;
	struct leat_buf text;
	struct leat_buf hint;
	int errors;
};

static void
report(struct filler *f, int32_t severity, const struct leat_option *opt,
    const struct leat_setting *setting)
{
	const char *hint = f->hint.len > 0 ? leat_buf_cstr(&f->hint) : NULL;
	const char *text = leat_buf_cstr(&f->text);
	struct leat_issue issue = {
		.severity = severity,
		.option = opt,
		.setting = setting,
		.key = setting != NULL ? setting->key : opt->name,
		.text = text != NULL ? text : "refused",
		.hint = hint,
	};

	if (severity == LEAT_ISSUE_ERROR)
		f->errors++;
	if (f->fill->issue != NULL)
		f->fill->issue(f->fill->arg, &issue);
	leat_buf_reset(&f->text);
	leat_buf_reset(&f->hint);
}

static void
say_meant(struct filler *f, struct leat_str word)
{
	if (word.len > 0)
		(void)leat_buf_printf(&f->hint, "did you mean '%.*s'?",
		    (int)word.len, word.ptr);
}

static void
report_unknown(struct filler *f, const struct leat_setting *setting)
{
	struct nearest n = nearest_start(setting->key);
	const struct leat_option *const *other = f->fill->others;

	try_table(&n, f->fill->table);
	for (; other != NULL && *other != NULL; other++)
		try_table(&n, *other);
	(void)leat_buf_add_str(&f->text, "unknown option");
	say_meant(f, n.best);
	report(f, LEAT_ISSUE_ERROR, NULL, setting);
}

/* ----------------------------------------------------------------- filling */

static int
is_secret(const struct leat_option *opt, const struct leat_setting *setting)
{
	return (opt->flags & LEAT_OPT_SECRET) != 0 ||
	    (setting != NULL && setting->secret != 0);
}

/* The field must lie in the struct: the table is a plugin's. */
static int
check_field(struct filler *f, const struct leat_option *opt,
    const struct leat_setting *setting)
{
	size_t size = leat_option_size(opt->type);

	if (size != 0 && size <= f->config_size &&
	    opt->offset <= f->config_size - size)
		return 0;
	(void)leat_buf_add_str(&f->text,
	    size == 0 ? "the option's type is unknown" :
	    "the option's field lies outside its struct");
	report(f, LEAT_ISSUE_ERROR, opt, setting);
	return -1;
}

/* Sets a field from a setting, or from the default where setting is NULL. */
static int
set_field(struct filler *f, const struct leat_option *opt,
    const struct leat_setting *setting)
{
	char meant_text[64];
	struct leat_buf meant;
	int rc;

	leat_buf_init(&meant, sizeof(meant_text));
	if (setting == NULL)
		(void)leat_buf_printf(&f->text, "default '%s': ", opt->def);
	rc = option_set(opt, setting != NULL ? setting->value : opt->def,
	    f->arena, f->config, &f->text, &meant);
	if (rc == LEAT_E_CONFIG) {
		if (setting != NULL && !is_secret(opt, setting))
			(void)leat_buf_printf(&f->text, ", got '%.200s'",
			    setting->value);
		say_meant(f, (struct leat_str){ (char *)meant.data,
		    meant.len });
		report(f, LEAT_ISSUE_ERROR, opt, setting);
		rc = 0;
	}
	leat_buf_reset(&f->text);
	leat_buf_fini(&meant);
	return rc;
}

/* Adds "key=value" to a map, whose array doubles at each power of two. */
static int
add_param(struct filler *f, const struct leat_option *opt, const char *key,
    const char *value)
{
	struct leat_params *map = option_field(opt, f->config);
	struct leat_str v = leat_str_trim(leat_str_c(value));
	struct leat_param *items = NULL;
	size_t n = map->len;

	if ((n & (n - 1)) == 0) {
		items = leat_arena_calloc(f->arena, n == 0 ? 1 : n * 2,
		    sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		if (n > 0)
			memcpy(items, map->items, n * sizeof(*items));
		map->items = items;
	}
	items = (struct leat_param *)(uintptr_t)map->items;
	items[n].key = leat_arena_strdup(f->arena, key);
	items[n].value = leat_arena_strndup(f->arena, v.ptr, v.len);
	if (items[n].key == NULL || items[n].value == NULL)
		return -ENOMEM;
	map->len++;
	return 0;
}

static int
is_blank(const char *s)
{
	return leat_str_trim(leat_str_c(s)).len == 0;
}

static int
take_setting(struct filler *f, const struct leat_option *opt,
    const struct leat_setting *setting, const char *rest)
{
	const struct leat_setting **taken = &f->taken[opt - f->fill->table];

	if ((opt->flags & LEAT_OPT_DEPRECATED) != 0) {
		(void)leat_buf_printf(&f->text, "deprecated: %s",
		    opt->help != NULL ? opt->help : "");
		report(f, LEAT_ISSUE_WARNING, opt, setting);
	}
	if (rest == NULL && *taken != NULL) {
		(void)leat_buf_printf(&f->text, "set before as '%s'",
		    (*taken)->key);
		report(f, LEAT_ISSUE_ERROR, opt, setting);
		return 0;
	}
	*taken = setting;
	if (check_field(f, opt, setting) < 0)
		return 0;
	if (rest != NULL)
		return add_param(f, opt, rest, setting->value);
	if ((opt->flags & LEAT_OPT_REQUIRED) != 0 && is_blank(setting->value)) {
		(void)leat_buf_add_str(&f->text, "required, but empty");
		report(f, LEAT_ISSUE_ERROR, opt, setting);
		return 0;
	}
	return set_field(f, opt, setting);
}

static int
is_known(const struct leat_fill *fill, const char *key)
{
	const struct leat_option *const *other = fill->others;

	for (; other != NULL && *other != NULL; other++)
		if (leat_options_find(*other, key, NULL) != NULL)
			return 1;
	return 0;
}

/* Exact rows of another table win over maps of this one. */
static int
fill_settings(struct filler *f)
{
	const struct leat_setting *s = f->fill->settings;
	const struct leat_setting *end = s + f->fill->nsettings;
	const struct leat_option *opt;
	const char *rest;
	int rc;

	for (; s < end; s++) {
		if (s->value == NULL)
			continue;
		opt = leat_options_find(f->fill->table, s->key, &rest);
		if ((opt == NULL || rest != NULL) &&
		    is_known(f->fill, s->key))
			continue;
		if (opt == NULL)
			report_unknown(f, s);
		else if ((rc = take_setting(f, opt, s, rest)) < 0)
			return rc;
	}
	return 0;
}

static int
fill_defaults(struct filler *f)
{
	const struct leat_option *opt;
	size_t i;
	int rc;

	for (i = 0; i < f->rows; i++) {
		opt = &f->fill->table[i];
		if (f->taken[i] != NULL || check_field(f, opt, NULL) < 0)
			continue;
		if (opt->def != NULL) {
			if ((rc = set_field(f, opt, NULL)) < 0)
				return rc;
		} else if ((opt->flags & LEAT_OPT_REQUIRED) != 0) {
			(void)leat_buf_add_str(&f->text,
			    "required, but not set");
			report(f, LEAT_ISSUE_ERROR, opt, NULL);
		}
	}
	return 0;
}

int
leat_options_fill(const struct leat_fill *fill, struct leat_arena *arena,
    void *config, size_t config_size)
{
	struct filler f = { .fill = fill, .arena = arena, .config = config,
		.config_size = config_size };
	int rc;

	while (fill->table != NULL && fill->table[f.rows].name != NULL)
		f.rows++;
	f.taken = leat_arena_calloc(arena, f.rows, sizeof(const void *));
	if (f.taken == NULL)
		return -ENOMEM;
	leat_buf_init(&f.text, TEXT_MAX);
	leat_buf_init(&f.hint, TEXT_MAX);
	if (config_size > 0)
		memset(config, 0, config_size);
	rc = fill_settings(&f);
	if (rc == 0)
		rc = fill_defaults(&f);
	leat_buf_fini(&f.text);
	leat_buf_fini(&f.hint);
	return rc < 0 ? rc : f.errors;
}
