/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generators: parsing them and drawing values.
 */
#include "datagen_field.h"

#include <errno.h>

#include <leat/str.h>
#include <leat/time.h>

enum { ARGS_MAX = DATAGEN_WORDS_MAX };

static const struct {
	const char *name;
	enum datagen_kind kind;
	uint32_t min_args;
	uint32_t max_args;
	const char *usage;
} kinds[] = {
	{ "sequence", DATAGEN_SEQUENCE, 0, 2, "sequence [start] [step]" },
	{ "int", DATAGEN_INT, 2, 2, "int min max" },
	{ "float", DATAGEN_FLOAT, 2, 3, "float min max [digits]" },
	{ "bool", DATAGEN_BOOL, 0, 1, "bool [share of true, 0 to 1]" },
	{ "choice", DATAGEN_CHOICE, 1, ARGS_MAX, "choice word word ..." },
	{ "string", DATAGEN_STRING, 0, 1, "string [length]" },
	{ "label", DATAGEN_LABEL, 3, 3, "label prefix min max" },
	{ "name", DATAGEN_NAME, 0, 0, "name" },
	{ "uuid", DATAGEN_UUID, 0, 0, "uuid" },
	{ "timestamp", DATAGEN_TIMESTAMP, 0, 2,
	    "timestamp [start] [step in ms]" },
};

/* clang-format off */
static const char *const first_names[] = {
	"Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo",
	"Jun", "Kim", "Lea", "Max", "Nia", "Otto", "Pia", "Quin", "Rosa",
	"Sven", "Tara", "Uma", "Vito", "Wim", "Xena", "Yara", "Zeno",
	"Aldo", "Bela", "Cora", "Dino", "Elsa", "Finn",
};
static const char *const last_names[] = {
	"Adler", "Brook", "Costa", "Dunn", "Egger", "Ford", "Grant", "Holm",
	"Ito", "Jansen", "Klein", "Lund", "Moore", "Novak", "Okoye", "Park",
	"Quist", "Reyes", "Stone", "Tanaka", "Urban", "Vega", "Weber", "Xu",
	"Young", "Zeman", "Amari", "Blum", "Cruz", "Dahl", "Ekman", "Fuchs",
};
/* clang-format on */

/* ----------------------------------------------------------------- parsing */

static int
bad(struct leat_err *err, const char *name, const char *what,
    const char *usage)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "field.%s: %s (usage: %s)", name, what, usage);
}

static struct leat_str
next_word(struct leat_str *rest)
{
	*rest = leat_str_trim(*rest);
	return leat_str_cut(rest, ' ');
}

static int
parse_range(struct datagen_field *f, struct leat_str lo, struct leat_str hi)
{
	int64_t a, b;

	if (leat_parse_i64(lo, INT64_MIN / 4, INT64_MAX / 4, &a) < 0 ||
	    leat_parse_i64(hi, a, INT64_MAX / 4, &b) < 0)
		return -1;
	f->a = a;
	f->b = b - a + 1;
	return 0;
}

static int
parse_float(struct datagen_field *f, const struct leat_str *args, uint32_t n)
{
	int64_t digits = 2;
	double lo, hi;

	if (leat_parse_f64(args[0], &lo) < 0 ||
	    leat_parse_f64(args[1], &hi) < 0 ||
	    (n > 2 && leat_parse_i64(args[2], 0, 9, &digits) < 0))
		return -1;
	f->scale = 1;
	while (digits-- > 0)
		f->scale *= 10;
	lo *= f->scale;
	hi *= f->scale;
	if (!(lo >= -1e15 && hi <= 1e15 && lo <= hi))
		return -1;
	f->a = (int64_t)lo;
	f->b = (int64_t)hi - f->a + 1;
	return 0;
}

static int
parse_words(struct datagen_field *f, const struct leat_str *args, uint32_t n,
    struct leat_arena *a)
{
	struct leat_value *words = leat_arena_calloc(a, n, sizeof(*words));
	uint32_t i;

	if (words == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		words[i] = leat_string(args[i].ptr, args[i].len);
	f->words = words;
	f->nwords = n;
	return 0;
}

static int
parse_timestamp(struct datagen_field *f, const struct leat_str *args,
    uint32_t n)
{
	int64_t us;

	f->b = 0;
	if (n == 0)
		return 0;
	if (leat_time_parse_us(args[0], &us) < 0)
		return -1;
	f->a = us / 1000;
	f->b = 1000;
	if (n > 1 && leat_parse_i64(args[1], 1, INT32_MAX, &f->b) < 0)
		return -1;
	return 0;
}

static int
parse_args(struct datagen_field *f, const struct leat_str *args, uint32_t n,
    struct leat_arena *a)
{
	double share = 0.5;

	switch (f->kind) {
	case DATAGEN_SEQUENCE:
		f->a = 0;
		f->b = 1;
		if (n > 0 && leat_parse_i64(args[0], INT64_MIN / 4,
		    INT64_MAX / 4, &f->a) < 0)
			return -1;
		return n < 2 ? 0
			     : leat_parse_i64(args[1], -INT32_MAX, INT32_MAX,
				   &f->b);
	case DATAGEN_INT:
		return parse_range(f, args[0], args[1]);
	case DATAGEN_FLOAT:
		return parse_float(f, args, n);
	case DATAGEN_BOOL:
		if (n > 0 && (leat_parse_f64(args[0], &share) < 0 ||
				 !(share >= 0 && share <= 1)))
			return -1;
		f->share = (uint64_t)(share * (double)(1ull << 53));
		return 0;
	case DATAGEN_CHOICE:
		return parse_words(f, args, n, a);
	case DATAGEN_STRING:
		f->a = 10;
		if (n > 0 && leat_parse_i64(args[0], 0, DATAGEN_STRING_MAX,
		    &f->a) < 0)
			return -1;
		f->room = (uint32_t)f->a + 8;
		return 0;
	case DATAGEN_LABEL:
		f->prefix = args[0].ptr;
		f->prefix_len = (uint32_t)args[0].len;
		f->room = f->prefix_len + 20;
		return parse_range(f, args[1], args[2]);
	case DATAGEN_NAME:
		f->room = 20;
		return 0;
	case DATAGEN_UUID:
		f->room = 36;
		return 0;
	case DATAGEN_TIMESTAMP:
		return parse_timestamp(f, args, n);
	}
	return -1;
}

int
datagen_field_parse(struct datagen_field *f, const char *name,
    const char *spec, struct leat_arena *a, struct leat_err *err)
{
	struct leat_str args[ARGS_MAX + 1] = { { NULL, 0 } };
	struct leat_str rest = leat_str_trim(leat_str_c(spec));
	struct leat_str kind = next_word(&rest);
	uint32_t n = 0;
	size_t i;

	memset(f, 0, sizeof(*f));
	f->name = name;
	while ((rest = leat_str_trim(rest)).len > 0 && n <= ARGS_MAX)
		args[n++] = next_word(&rest);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int rc;

		if (!leat_str_eq_c(kind, kinds[i].name))
			continue;
		if (n < kinds[i].min_args || n > kinds[i].max_args)
			return bad(err, name, "wrong number of arguments",
			    kinds[i].usage);
		f->kind = kinds[i].kind;
		rc = parse_args(f, args, n, a);
		if (rc == -ENOMEM)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "no memory for field '%s'", name);
		return rc < 0
		    ? bad(err, name, "bad argument", kinds[i].usage)
		    : 0;
	}
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "field.%s: no generator '%.*s' (allowed: sequence int float bool "
	    "choice string label name uuid timestamp)",
	    name, (int)kind.len, kind.ptr);
}

const struct leat_schema *
datagen_field_schema(const struct datagen_field *f)
{
	static const struct leat_schema timestamp = {
		.kind = LEAT_INT64,
		.version = 1,
		.name = "org.apache.kafka.connect.data.Timestamp",
	};

	switch (f->kind) {
	case DATAGEN_SEQUENCE:
	case DATAGEN_INT:
		return leat_schema_plain(LEAT_INT64, 0);
	case DATAGEN_FLOAT:
		return leat_schema_plain(LEAT_FLOAT64, 0);
	case DATAGEN_BOOL:
		return leat_schema_plain(LEAT_BOOLEAN, 0);
	case DATAGEN_TIMESTAMP:
		return &timestamp;
	case DATAGEN_CHOICE:
	case DATAGEN_STRING:
	case DATAGEN_LABEL:
	case DATAGEN_NAME:
	case DATAGEN_UUID:
		break;
	}
	return leat_schema_plain(LEAT_STRING, 0);
}

/* ----------------------------------------------------------------- drawing */

/* Finalizer of splitmix64: a good 64-bit mix. */
static inline uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t
datagen_record_seed(uint64_t seed, int64_t number)
{
	return mix(mix(seed + 0x9e3779b97f4a7c15u) +
	    (uint64_t)number * 0x9e3779b97f4a7c15u);
}

/* A number in 0 .. range-1 by multiplication: the bias is below 2^-32. */
static inline int64_t
below(uint64_t r, int64_t range)
{
	return (int64_t)((__extension__(unsigned __int128) r *
	    (uint64_t)range) >> 64);
}

static size_t
put_number(char *to, int64_t v)
{
	char digits[20];
	size_t n = 0, i = 0;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		digits[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u > 0);
	if (v < 0)
		to[i++] = '-';
	while (n > 0)
		to[i++] = digits[--n];
	return i;
}

static struct leat_value
draw_string(const struct datagen_field *f, uint64_t r, struct datagen_draw *d)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	char *to = d->text, *end = to + f->a;

	while (to < end) {
		uint64_t bits = r;
		int i;

		for (i = 0; i < 8; i++, bits >>= 5)
			to[i] = letters[bits & 31];
		to += 8;
		r = mix(r + 0x9e3779b97f4a7c15u);
	}
	to = d->text;
	d->text = end;
	return leat_string(to, (size_t)f->a);
}

static struct leat_value
draw_label(const struct datagen_field *f, uint64_t r, struct datagen_draw *d)
{
	char *to = d->text;
	size_t n = f->prefix_len;

	memcpy(to, f->prefix, n);
	n += put_number(to + n, f->a + below(r, f->b));
	d->text += n;
	return leat_string(to, n);
}

static struct leat_value
draw_name(uint64_t r, struct datagen_draw *d)
{
	const char *first = first_names[r & 31];
	const char *last = last_names[r >> 5 & 31];
	size_t n = strlen(first), m = strlen(last);
	char *to = d->text;

	memcpy(to, first, n);
	to[n] = ' ';
	memcpy(to + n + 1, last, m);
	d->text += n + 1 + m;
	return leat_string(to, n + 1 + m);
}

/* Version 4, variant 1 (RFC 9562). */
static struct leat_value
draw_uuid(uint64_t r, struct datagen_draw *d)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t half[2] = { r, mix(r + 1) };
	char *to = d->text;
	int i, at = 0;

	half[0] = (half[0] & ~(uint64_t)0xf000) | 0x4000;
	half[1] = (half[1] & ~((uint64_t)3 << 62)) | (uint64_t)2 << 62;
	for (i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			to[at++] = '-';
		to[at++] = hex[half[i / 16] >> (60 - i % 16 * 4) & 15];
	}
	d->text += 36;
	return leat_string(to, 36);
}

struct leat_value
datagen_field_value(const struct datagen_field *f, uint32_t index,
    struct datagen_draw *d)
{
	uint64_t r = mix(d->seed + (index + 1) * 0x9e3779b97f4a7c15u);

	switch (f->kind) {
	case DATAGEN_SEQUENCE:
		return leat_i64(f->a + d->number * f->b);
	case DATAGEN_INT:
		return leat_i64(f->a + below(r, f->b));
	case DATAGEN_FLOAT:
		return leat_f64((double)(f->a + below(r, f->b)) / f->scale);
	case DATAGEN_BOOL:
		return leat_bool(r >> 11 < f->share);
	case DATAGEN_CHOICE:
		return f->words[below(r, f->nwords)];
	case DATAGEN_STRING:
		return draw_string(f, r, d);
	case DATAGEN_LABEL:
		return draw_label(f, r, d);
	case DATAGEN_NAME:
		return draw_name(r, d);
	case DATAGEN_UUID:
		return draw_uuid(r, d);
	case DATAGEN_TIMESTAMP:
		return leat_i64(f->b == 0 ? d->now_ms
					  : f->a + d->number * f->b);
	}
	return leat_null();
}
