/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_roundtrip.c: random schemas and values go through JSON and come back the
 * same; and with every allocation failing once nothing is lost or leaked.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* ------------------------------------------------ the n-th allocation fails */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_FAIL 1
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static long fail_at;	/* counts down; 0: never */

static int
fails_now(void)
{
	return fail_at > 0 && --fail_at == 0;
}

void *
malloc(size_t n)
{
	return fails_now() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __libc_realloc(p, n);
}
#endif

/* ------------------------------------------------------------ random things */

static uint64_t seed;
static struct leat_arena arena;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static const char *
rnd_text(uint32_t max, size_t *ret_len)
{
	static const char *const parts[] = { "a", "\"", "\\", "\n", "\x01",
		"\xc3\xa9", "\xf0\x9f\x98\x80", "x:y,z", "\x7f", " " };
	char *text = leat_arena_alloc(&arena, (size_t)max * 5 + 1);
	uint32_t n = rnd(max + 1), i;
	size_t len = 0;

	for (i = 0; i < n; i++) {
		const char *part = parts[rnd(3) ? 0 : rnd(COUNT(parts))];

		memcpy(text + len, part, strlen(part));
		len += strlen(part);
	}
	text[len] = '\0';
	if (ret_len != NULL)
		*ret_len = len;
	return text;
}

static struct leat_value rnd_value(const struct leat_schema *s);

static void
rnd_parts(struct leat_schema *s, int depth);

static const struct leat_schema *
rnd_schema(int depth)
{
	struct leat_schema *s = leat_arena_calloc(&arena, 1, sizeof(*s));

	s->kind = (uint8_t)(1 + rnd(depth > 0 ? 12 : 9));
	s->optional = rnd(2) != 0;
	if (rnd(4) == 0)
		s->name = rnd_text(10, NULL);
	if (rnd(4) == 0)
		s->version = (int32_t)rnd(100) + 1;
	if (rnd(6) == 0)
		s->doc = rnd_text(20, NULL);
	if (rnd(5) == 0) {
		struct leat_param *p = leat_arena_calloc(&arena, 1,
		    sizeof(*p));

		p->key = rnd_text(5, NULL);
		p->value = rnd_text(5, NULL);
		s->params = p;
		s->nparams = 1;
	}
	rnd_parts(s, depth);
	if (rnd(4) == 0) {
		s->has_default = 1;
		do
			s->def = rnd_value(s);
		while (s->def.kind == LEAT_NULL);
	}
	return s;
}

static void
rnd_parts(struct leat_schema *s, int depth)
{
	struct leat_field *f;
	uint32_t i;

	if (s->kind == LEAT_ARRAY || s->kind == LEAT_MAP)
		s->elem = rnd_schema(depth - 1);
	if (s->kind == LEAT_MAP) {
		do
			s->key = rnd_schema(0);
		while (s->key->kind == LEAT_FLOAT32 ||
		    s->key->kind == LEAT_FLOAT64);
	}
	if (s->kind != LEAT_STRUCT)
		return;
	s->nfields = rnd(14);
	f = leat_arena_calloc(&arena, s->nfields, sizeof(*f));
	s->fields = f;
	for (i = 0; i < s->nfields; i++) {
		f[i].name = leat_arena_printf(&arena, "%u%s", i,
		    rnd_text(20, NULL));
		f[i].schema = rnd_schema(depth - 1);
	}
}

static struct leat_value
rnd_items(const struct leat_schema *s)
{
	const uint32_t per = s->kind == LEAT_MAP ? 2 : 1;
	const uint32_t n = s->kind == LEAT_STRUCT ? s->nfields : rnd(5);
	struct leat_value *items = leat_arena_calloc(&arena, n * per,
	    sizeof(*items));
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (s->kind == LEAT_STRUCT) {
			items[i] = rnd_value(s->fields[i].schema);
			continue;
		}
		/* A key that is a string cannot be null in JSON. */
		if (per == 2)
			do
				items[2 * i] = rnd_value(s->key);
			while (items[2 * i].kind == LEAT_NULL);
		items[per * i + per - 1] = rnd_value(s->elem);
	}
	return leat_items(s->kind, items, n);
}

static double
rnd_double(void)
{
	static const double some[] = { 0, 1.5, -1e300, 5e-324, 1e7, 0.001 };
	uint64_t bits = (uint64_t)rnd(UINT32_MAX) << 32 | rnd(UINT32_MAX);
	double f;

	if (rnd(3) == 0)
		return some[rnd(COUNT(some))];
	memcpy(&f, &bits, 8);
	return __builtin_isnan(f) ? __builtin_inf() : f;
}

static struct leat_value
rnd_value(const struct leat_schema *s)
{
	static const int64_t max[] = { INT8_MAX, INT16_MAX, INT32_MAX,
		INT64_MAX };
	struct leat_value v = { .kind = s->kind };
	const char *text;
	size_t len;

	if (s->optional && !s->has_default && rnd(4) == 0)
		return leat_null();
	switch (s->kind) {
	case LEAT_BOOLEAN:
		v.u.i = rnd(2);
		return v;
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		v.u.i = (int64_t)((uint64_t)rnd(UINT32_MAX) << 32 |
		    rnd(UINT32_MAX)) & max[s->kind - LEAT_INT8];
		if (rnd(2))
			v.u.i = -v.u.i - 1;
		return v;
	case LEAT_FLOAT32:
		v.u.f = (double)(float)rnd_double();
		return v;
	case LEAT_FLOAT64:
		v.u.f = rnd_double();
		return v;
	case LEAT_STRING:
		text = rnd_text(rnd(20) ? 30 : 900, &len);
		return leat_string(text, len);
	case LEAT_BYTES:
		text = rnd_text(20, &len);
		return leat_bytes(text, len);
	default:
		return rnd_items(s);
	}
}

/* --------------------------------------------------------------- comparing */

static int
same(const struct leat_value *a, const struct leat_value *b)
{
	uint32_t n = a->len, i;

	if (a->kind != b->kind)
		return 0;
	switch (a->kind) {
	case LEAT_NULL:
		return 1;
	case LEAT_FLOAT32:
	case LEAT_FLOAT64:
		return a->u.i == b->u.i;	/* to the bit */
	case LEAT_STRING:
	case LEAT_BYTES:
		return a->len == b->len && (a->len == 0 ||
		    memcmp(a->u.s, b->u.s, a->len) == 0);
	case LEAT_ARRAY:
	case LEAT_MAP:
	case LEAT_STRUCT:
		if (a->len != b->len)
			return 0;
		if (a->kind == LEAT_MAP)
			n *= 2;
		for (i = 0; i < n; i++)
			if (!same(&a->u.items[i], &b->u.items[i]))
				return 0;
		return 1;
	default:
		return a->u.i == b->u.i;
	}
}

static void
test_random(void **state)
{
	struct leat_buf first, second;
	int i;

	leat_arena_init(&arena, 1 << 16, 0);
	leat_buf_init(&first, 1 << 26);
	leat_buf_init(&second, 1 << 26);
	for (i = 0; i < 2000; i++) {
		struct leat_schema_pool *pool = leat_schema_pool_new(1 << 24);
		struct leat_err err = LEAT_ERR_INIT;
		const struct leat_schema *s, *back = NULL;
		struct leat_value v, got;
		void *self;
		bool null;

		seed = (uint64_t)i;
		s = testing_intern(pool, rnd_schema(4));
		v = rnd_value(s);
		self = testing_open(&json_converter, pool, NULL);
		leat_buf_reset(&first);
		leat_buf_reset(&second);
		if (json_converter.encode(self, s, &v, &first, &null, &err) <
			0 || json_converter.decode(self, (struct leat_str){
			    (char *)first.data, first.len }, &arena, &back,
			&got, &err) < 0)
			fail_msg("seed %d: %s\n%.*s", i, err.text,
			    (int)first.len, first.data);
		/* One pool: the same schema is the same pointer. */
		if (back != s || !same(&v, &got))
			fail_msg("seed %d: %.*s", i, (int)first.len,
			    first.data);
		if (json_converter.encode(self, back, &got, &second, &null,
			&err) < 0)
			fail_msg("seed %d: %s", i, err.text);
		assert_int_equal(first.len, second.len);
		assert_memory_equal(first.data, second.data, first.len);
		json_converter.close(self);
		leat_schema_pool_free(pool);
		leat_arena_reset(&arena);
	}
	leat_buf_fini(&first);
	leat_buf_fini(&second);
	leat_arena_fini(&arena);
}

/* ------------------------------------------------------------ no memory */

static const char settings[] =
    "key.converter=json\nvalue.converter=json\n"
    "transforms=u,i,r,c\n"
    "predicates=p\npredicates.p.type=TopicNameMatches\n"
    "predicates.p.pattern=\\w+\n"
    "transforms.u.type=io.debezium.transforms.ExtractNewRecordState\n"
    "transforms.u.add.fields=op\ntransforms.u.add.headers=op\n"
    "transforms.u.predicate=p\n"
    "transforms.i.type=InsertField\ntransforms.i.topic.field=t\n"
    "transforms.r.type=RegexRouter\ntransforms.r.regex=(.*)\n"
    "transforms.r.replacement=x$1\n"
    "transforms.c.type=Cast\ntransforms.c.spec=id:string\n";

/* The same with what an expression and a CloudEvent need. */
static const char expressions[] =
    "key.converter=json\nvalue.converter=cloudevents\ntransforms=f,r\n"
    "transforms.f.type=io.debezium.transforms.Filter\n"
    "transforms.f.topic.regex=t|u\n"
    "transforms.f.condition=value.after.customer.toUpperCase() ==~ /A[N]+/ "
    "&& value.after.amount * 2 > 39.97 && 1 in [1, 2]\n"
    "transforms.r.type=ContentBasedRouter\n"
    "transforms.r.topic.expression=\"x${[a: 't'].a}\" + ''\n";

/* All of a chain's life; 0, or the error that came first. */
static int
whole_life(struct properties *props)
{
	struct leat_record rec = { .topic = "t", .key = t_k1, .value = t_e1 };
	struct testing_chain c = { 0 };
	struct leat_record back = { .topic = "t" };
	struct chain_bytes bytes;
	bool keep;
	int rc = -ENOMEM;

	c.pool = leat_schema_pool_new(1 << 24);
	leat_arena_init(&c.arena, 512, 1 << 24);
	if (c.pool == NULL ||
	    (rc = chain_new(props, NULL, c.pool, &c.chain, &c.err)) < 0)
		goto done;
	rc = -ENOMEM;
	rec.key_schema = leat_schema_pool_intern(c.pool, &t_key, &c.err);
	rec.value_schema = leat_schema_pool_intern(c.pool, &t_envelope,
	    &c.err);
	if (rec.key_schema == NULL || rec.value_schema == NULL)
		goto done;
	rc = chain_transform(c.chain, &rec, &c.arena, &keep, &c.failure,
	    &c.err);
	if (rc == 0)
		rc = chain_encode(c.chain, &rec, &c.arena, &bytes,
		    &c.failure, &c.err);
	if (rc == 0)
		rc = chain_decode(c.chain, &bytes, &c.arena, &back,
		    &c.failure, &c.err);
	if (rc == 0)
		assert_string_equal(rec.topic, "xt");
done:
	if (rc < 0 && c.err.code != 0 && c.err.cls != LEAT_CLS_RETRY)
		fail_msg("%s (%s:%d)", c.err.text, c.err.file, c.err.line);
	testing_chain_close(&c);
	return rc;
}

static void
fail_each(const char *text)
{
	struct properties *props = testing_props(text);
	int rc = 0;

	assert_non_null(props);
#ifdef CAN_FAIL
	{
		long n = 0, left;

		/* Until the life is over before the n-th is asked for. */
		do {
			fail_at = ++n;
			rc = whole_life(props);
			left = fail_at;
			fail_at = 0;
		} while (left == 0);
		print_message("%ld allocations\n", n - 1);
		assert_true(n > 50);
	}
#else
	rc = whole_life(props);
#endif
	assert_int_equal(rc, 0);
	properties_unref(props);
}

static void
test_no_memory(void **state)
{
	fail_each(settings);
	fail_each(expressions);
}

/* Records that need more memory than they may are refused for good. */
static void
test_limits(void **state)
{
	static const char text[] = "{\"schema\":{\"type\":\"array\",\"items\":"
	    "{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"optional\":"
	    "true,\"field\":\"a\"},{\"type\":\"int8\",\"optional\":true,"
	    "\"field\":\"b\"}]}},\"payload\":[";
	struct leat_schema_pool *pool = leat_schema_pool_new(1 << 20);
	void *self = testing_open(&json_converter, pool, NULL);
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *s;
	struct leat_arena small;
	struct leat_value v;
	struct leat_buf buf;
	int i;

	leat_buf_init(&buf, 1 << 20);
	leat_buf_add_str(&buf, text);
	for (i = 0; i < 10000; i++)
		leat_buf_add_str(&buf, i == 0 ? "{}" : ",{}");
	leat_buf_add_str(&buf, "]}");
	leat_arena_init(&small, 4096, 100000);
	assert_true(json_converter.decode(self, (struct leat_str){
	    (char *)buf.data, buf.len }, &small, &s, &v, &err) < 0);
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
	assert_non_null(strstr(err.text,
	    "the record needs more than 100000 bytes of memory"));
	leat_arena_fini(&small);
	leat_buf_fini(&buf);
	json_converter.close(self);
	leat_schema_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
