/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_pointer.c: following JSON pointers (RFC 6901).
 */
#include <leat/json.h>

/* Is the key the token, in which ~1 stands for / and ~0 for ~? */
static bool
token_is(struct leat_str token, const struct leat_value *key)
{
	size_t i, k = 0;

	if (key->kind != LEAT_STRING)
		return false;
	for (i = 0; i < token.len; i++, k++) {
		char c = token.ptr[i];

		if (c == '~' && i + 1 < token.len)
			c = token.ptr[++i] == '1' ? '/' : '~';
		if (k == key->len || key->u.s[k] != c)
			return false;
	}
	return k == key->len;
}

static const struct leat_value *
step(const struct leat_value *v, struct leat_str token)
{
	uint64_t at;
	uint32_t i;

	if (v->kind == LEAT_ARRAY) {
		if (leat_parse_u64(token, UINT32_MAX, &at) < 0 ||
		    at >= v->len || (token.len > 1 && token.ptr[0] == '0'))
			return NULL;
		return &v->u.items[at];
	}
	if (v->kind != LEAT_MAP)
		return NULL;
	for (i = v->len; i > 0; i--) {
		const struct leat_value *k = &v->u.items[(size_t)i * 2 - 2];

		if (token_is(token, k))
			return k + 1;
	}
	return NULL;
}

const struct leat_value *
leat_json_pointer(const struct leat_value *doc, struct leat_str pointer)
{
	const struct leat_value *v = doc;
	struct leat_str rest = pointer;

	if (pointer.len == 0)
		return doc;
	if (pointer.ptr[0] != '/')
		return NULL;
	rest.ptr++;
	rest.len--;
	for (;;) {
		size_t before = rest.len;
		struct leat_str token = leat_str_cut(&rest, '/');

		v = step(v, token);
		/* A trailing slash is one more token, the empty one. */
		if (v == NULL || token.len == before)
			return v;
	}
}
