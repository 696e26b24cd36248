/* SPDX-License-Identifier: Apache-2.0 */
/* router.c: see router.h. */
#include "core/rest/router.h"

#include <string.h>

#include <leat/str.h>

static const struct route *const tables[] = {
	routes_root,
	routes_connectors,
	routes_offsets,
	routes_plugins,
	routes_signals,
	routes_topics,
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *
router_decode(struct leat_arena *arena, const char *text, size_t len)
{
	char *out = leat_arena_alloc(arena, len + 1);
	size_t n = 0;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		int hi, lo;

		if (text[i] != '%') {
			out[n++] = text[i];
			continue;
		}
		hi = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		lo = hi < 0 ? -1 : hex_digit(text[i + 2]);
		if (lo < 0 || hi * 16 + lo == 0)
			return NULL;
		out[n++] = (char)(hi * 16 + lo);
		i += 2;
	}
	out[n] = '\0';
	return out;
}

static struct leat_str
next_part(struct leat_str *rest)
{
	return leat_str_cut(rest, '/');
}

/*
 * Does the path fit the route? Parts that a `{}` stands for go into parts, not
 * decoded yet.
 */
static bool
route_fits(const struct route *route, struct leat_str path,
    struct leat_str parts[REST_PARAMS_MAX])
{
	struct leat_str want = leat_str_c(route->path);
	size_t n = 0;

	while (want.len > 0 || path.len > 0) {
		struct leat_str w = next_part(&want);
		struct leat_str p = next_part(&path);

		if (leat_str_eq_c(w, "{}")) {
			if (p.len == 0)
				return false;
			parts[n++] = p;
		} else if (!leat_str_eq(w, p)) {
			return false;
		}
	}
	return true;
}

static request_fn *
take(struct request *rq, const struct route *route,
    const struct leat_str parts[REST_PARAMS_MAX])
{
	for (size_t i = 0; i < REST_PARAMS_MAX && parts[i].ptr != NULL; i++) {
		rq->params[i] = router_decode(
		    &rq->arena, parts[i].ptr, parts[i].len);
		if (rq->params[i] == NULL) {
			answer_error(
			    rq, 400, "bad percent encoding in the path");
			return NULL;
		}
	}
	return route->handle;
}

request_fn *
router_find(struct request *rq, const char *path)
{
	struct leat_str whole = leat_str_c(path);
	bool known = false;

	if (whole.len > 1 && whole.ptr[whole.len - 1] == '/')
		whole.len--;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct route *r = tables[t]; r->method != NULL;
		     r++) {
			struct leat_str parts[REST_PARAMS_MAX] = { 0 };

			if (!route_fits(r, whole, parts))
				continue;
			if (strcmp(r->method, rq->method) == 0)
				return take(rq, r, parts);
			known = true;
		}
	}
	if (known)
		answer_error(rq, 405, "HTTP 405 Method Not Allowed");
	else
		answer_error(rq, 404, "HTTP 404 Not Found");
	return NULL;
}
