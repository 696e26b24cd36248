/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c: a sorted table of numbers and its text form.
 *
 * Rows stay sorted by name, then by their labels as printed, so that printing
 * is one walk and finding is a binary search. The format is Prometheus' text
 * exposition, version 0.0.4.
 */
#include "core/base/metrics.h"

#include <stddef.h>
#include <string.h>

#include "core/base/lock.h"
#include "core/base/obj.h"

enum {
	COLLECTORS_MAX = 32,
	LABELS_BYTES_MAX = 4096
};

struct row {
	int64_t value;		/* atomic; its address is the metric */
	enum metric_type type;
	uint32_t refs;
	int64_t scale;
	char *name;
	char *help;
	char *labels;		/* {a="b",c="d"}, or "" */
};

_Static_assert(offsetof(struct row, value) == 0, "found by its address");

struct collector {
	void (*fn)(void *);
	void *arg;
};

struct metrics {
	struct lock lock;	/* RANK_METRICS; guards all below */
	struct row **rows;
	uint32_t len;
	uint32_t cap;
	uint32_t limit;
	struct collector collectors[COLLECTORS_MAX];
	uint32_t ncollectors;
};

struct metrics *
metrics_new(uint32_t limit)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	lock_init(&m->lock, RANK_METRICS);
	m->limit = limit;
	return m;
}

static void
row_free(struct row *r)
{
	if (r == NULL)
		return;
	free(r->name);
	free(r->help);
	free(r->labels);
	free(r);
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	for (uint32_t i = 0; i < m->len; i++)
		row_free(m->rows[i]);
	free(m->rows);
	lock_fini(&m->lock);
	free(m);
}

/* ------------------------------------------------------ names and labels */

/* 0 stands for 1. */
static bool
scale_valid(int64_t scale)
{
	while (scale > 1 && scale % 10 == 0)
		scale /= 10;
	return scale == 0 || scale == 1;
}

static bool
name_valid(const char *s, bool colon)
{
	for (const char *p = s; *p != '\0'; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') ||
		    (*p >= 'A' && *p <= 'Z') || *p == '_' ||
		    (colon && *p == ':');

		if (!letter && (p == s || *p < '0' || *p > '9'))
			return false;
	}
	return *s != '\0';
}

/* In a label value also the quote is escaped, in a help text it is not. */
static void
add_escaped(struct leat_buf *b, const char *s, bool quote)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			(void)leat_buf_add_str(b, "\\n");
		else if (*s == '\\')
			(void)leat_buf_add_str(b, "\\\\");
		else if (*s == '"' && quote)
			(void)leat_buf_add_str(b, "\\\"");
		else
			(void)leat_buf_add_byte(b, (uint8_t)*s);
	}
}

/* Sorts by name; false when a name is bad or stands twice. */
static bool
labels_sort(struct metric_label *to, const struct metric_label *from,
    uint32_t n)
{
	if (n > METRIC_LABELS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i;

		if (!name_valid(from[i].name, false))
			return false;
		for (; at > 0 && strcmp(to[at - 1].name, from[i].name) > 0;
		    at--)
			to[at] = to[at - 1];
		to[at] = from[i];
		if (at > 0 && strcmp(to[at - 1].name, to[at].name) == 0)
			return false;
	}
	return true;
}

/* The labels as printed, in malloc'ed memory; NULL when they are refused. */
static char *
labels_text(const struct metric_label *labels, uint32_t n)
{
	struct metric_label sorted[METRIC_LABELS_MAX];
	struct leat_buf b;
	const char *sep = "{";
	size_t len;

	if (!labels_sort(sorted, labels, n))
		return NULL;
	leat_buf_init(&b, LABELS_BYTES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		(void)leat_buf_add_str(&b, sep);
		(void)leat_buf_add_str(&b, sorted[i].name);
		(void)leat_buf_add_str(&b, "=\"");
		add_escaped(&b, sorted[i].value, true);
		(void)leat_buf_add_str(&b, "\"");
		sep = ",";
	}
	if (n > 0)
		(void)leat_buf_add_str(&b, "}");
	if (leat_buf_cstr(&b) == NULL) {
		leat_buf_fini(&b);
		return NULL;
	}
	return (char *)leat_buf_detach(&b, &len);
}

/* ----------------------------------------------------------------- table */

static int
row_compare(const struct row *r, const char *name, const char *labels)
{
	int c = strcmp(r->name, name);

	return c != 0 ? c : strcmp(r->labels, labels);
}

/* Where the row stands or would stand. */
static uint32_t
place_locked(const struct metrics *m, const char *name, const char *labels)
{
	uint32_t lo = 0, hi = m->len;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (row_compare(m->rows[mid], name, labels) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* One name has one type: what stands beside the place tells. */
static bool
type_fits_locked(const struct metrics *m, uint32_t at, const char *name,
    enum metric_type type)
{
	for (uint32_t i = at > 0 ? at - 1 : 0; i < m->len && i <= at; i++)
		if (strcmp(m->rows[i]->name, name) == 0 &&
		    m->rows[i]->type != type)
			return false;
	return true;
}

static int
room_locked(struct metrics *m)
{
	uint32_t cap = m->cap == 0 ? 64 : m->cap * 2;
	struct row **rows;

	if (m->len >= m->limit)
		return -1;
	if (m->len < m->cap)
		return 0;
	rows = realloc(m->rows, cap * sizeof(struct row *));
	if (rows == NULL)
		return -1;
	m->rows = rows;
	m->cap = cap;
	return 0;
}

static struct row *
row_new(enum metric_type type, const char *name, const char *help,
    char *owned_labels, int64_t scale)
{
	struct row *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		free(owned_labels);
		return NULL;
	}
	r->type = type;
	r->refs = 1;
	r->scale = MAX(scale, 1);
	r->name = strdup(name);
	r->help = strdup(help == NULL ? "" : help);
	r->labels = owned_labels;
	if (r->name == NULL || r->help == NULL) {
		row_free(r);
		return NULL;
	}
	return r;
}

static struct row *
get_locked(struct metrics *m, struct row **fresh)
{
	struct row *r = *fresh;
	uint32_t at = place_locked(m, r->name, r->labels);

	lock_assert_held(&m->lock);
	if (!type_fits_locked(m, at, r->name, r->type))
		return NULL;
	if (at < m->len && row_compare(m->rows[at], r->name, r->labels) == 0) {
		m->rows[at]->refs++;
		return m->rows[at];
	}
	if (room_locked(m) < 0)
		return NULL;
	memmove(m->rows + at + 1, m->rows + at,
	    (m->len - at) * sizeof(struct row *));
	m->rows[at] = TAKE(*fresh);
	m->len++;
	return r;
}

int64_t *
metrics_get(struct metrics *m, enum metric_type type, const char *name,
    const char *help, const struct metric_label *labels, uint32_t nlabels,
    int64_t scale)
{
	struct row *fresh, *row;
	char *text;

	if (!name_valid(name, true) || !scale_valid(scale))
		return NULL;
	text = labels_text(labels, nlabels);
	if (text == NULL)
		return NULL;
	fresh = row_new(type, name, help, TAKE(text), scale);
	if (fresh == NULL)
		return NULL;
	lock_acquire(&m->lock);
	row = get_locked(m, &fresh);
	lock_release(&m->lock);
	row_free(fresh);
	return row == NULL ? NULL : &row->value;
}

void
metrics_put(struct metrics *m, int64_t *metric)
{
	struct row *r = (struct row *)(void *)metric;
	uint32_t at;

	if (r == NULL)
		return;
	lock_acquire(&m->lock);
	if (--r->refs == 0) {
		at = place_locked(m, r->name, r->labels);
		assert(at < m->len && m->rows[at] == r);
		m->len--;
		memmove(m->rows + at, m->rows + at + 1,
		    (m->len - at) * sizeof(struct row *));
	} else {
		r = NULL;
	}
	lock_release(&m->lock);
	row_free(r);
}

/* -------------------------------------------------------------- printing */

int
metrics_on_collect(struct metrics *m, void (*fn)(void *), void *arg)
{
	int rc = -1;

	lock_acquire(&m->lock);
	if (m->ncollectors < COLLECTORS_MAX) {
		m->collectors[m->ncollectors++] = (struct collector){ fn, arg };
		rc = 0;
	}
	lock_release(&m->lock);
	return rc;
}

/* Without the lock, since a collector may register what it found. */
static void
collect(struct metrics *m)
{
	struct collector list[COLLECTORS_MAX];
	uint32_t n;

	lock_acquire(&m->lock);
	n = m->ncollectors;
	memcpy(list, m->collectors, sizeof(list));
	lock_release(&m->lock);
	for (uint32_t i = 0; i < n; i++)
		list[i].fn(list[i].arg);
}

/* A scale is a power of ten: the fraction is exact. */
static void
add_scaled(struct leat_buf *to, int64_t value, int64_t scale)
{
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	uint64_t rest = size % (uint64_t)scale;

	if (value < 0)
		(void)leat_buf_add_byte(to, '-');
	(void)leat_buf_add_u64(to, size / (uint64_t)scale);
	if (rest != 0)
		(void)leat_buf_add_byte(to, '.');
	while (rest != 0) {
		rest *= 10;
		(void)leat_buf_add_byte(to,
		    (uint8_t)('0' + rest / (uint64_t)scale));
		rest %= (uint64_t)scale;
	}
}

static void
print_row(const struct row *r, bool head, struct leat_buf *to)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
	};

	if (head && *r->help != '\0') {
		(void)leat_buf_printf(to, "# HELP %s ", r->name);
		add_escaped(to, r->help, false);
		(void)leat_buf_add_byte(to, '\n');
	}
	if (head)
		(void)leat_buf_printf(to, "# TYPE %s %s\n", r->name,
		    types[r->type]);
	(void)leat_buf_add_str(to, r->name);
	(void)leat_buf_add_str(to, r->labels);
	(void)leat_buf_add_byte(to, ' ');
	add_scaled(to, metric_value(&r->value), r->scale);
	(void)leat_buf_add_byte(to, '\n');
}

int
metrics_print(struct metrics *m, struct leat_buf *to)
{
	const char *last = "";

	collect(m);
	lock_acquire(&m->lock);
	for (uint32_t i = 0; i < m->len; i++) {
		const struct row *r = m->rows[i];

		print_row(r, strcmp(r->name, last) != 0, to);
		last = r->name;
	}
	lock_release(&m->lock);
	return to->failed ? -1 : 0;
}
