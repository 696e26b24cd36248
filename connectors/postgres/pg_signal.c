/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_signal.c: the words of signals; pg_signal_channel.c brings them.
 */
#include "pg_signal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <leat/buf.h>
#include <leat/json.h>

#include "pg_notify.h"

static const struct {
	const char *word;
	enum pg_signal_kind kind;
} types[] = {
	{ "execute-snapshot", PG_SIGNAL_EXECUTE },
	{ "stop-snapshot", PG_SIGNAL_STOP },
	{ "pause-snapshot", PG_SIGNAL_PAUSE },
	{ "resume-snapshot", PG_SIGNAL_RESUME },
	{ "log", PG_SIGNAL_LOG },
	{ "snapshot-window-open", PG_SIGNAL_WINDOW_OPEN },
	{ "snapshot-window-close", PG_SIGNAL_WINDOW_CLOSE },
};

enum { NTYPES = sizeof(types) / sizeof(types[0]) };

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static int
bad(struct leat_err *err, const char *what, const char *wanted)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA, "%s: %s", what,
	    wanted);
}

/* A member that is a text or not there. 0, or LEAT_E_DATA. */
static int
get_text(const struct leat_value *map, const char *name, struct leat_arena *a,
    const char **ret, struct leat_err *err)
{
	const struct leat_value *v = leat_map_value(map, name);

	*ret = NULL;
	if (v == NULL || v->kind == LEAT_NULL)
		return 0;
	if (v->kind != LEAT_STRING || memchr(v->u.s, '\0', v->len) != NULL)
		return bad(err, name, "must be a text");
	*ret = leat_arena_strndup(a, v->u.s, v->len);
	return *ret == NULL ? no_memory(err) : 0;
}

/* ------------------------------------------------------------------- lists */

static int
get_collections(const struct leat_value *map, struct leat_arena *a,
    struct pg_signal *s, struct leat_err *err)
{
	static const char name[] = "data-collections";
	const struct leat_value *v = leat_map_value(map, name);
	const char **list;

	if (v == NULL || v->kind == LEAT_NULL)
		return 0;
	if (v->kind != LEAT_ARRAY)
		return bad(err, name, "must be a list of expressions");
	if (v->len > PG_SIGNAL_TABLES_MAX)
		return bad(err, name, "has more than 1000 expressions");
	list = leat_arena_calloc(a, v->len, sizeof(*list));
	if (list == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < v->len; i++) {
		const struct leat_value *one = &v->u.items[i];

		if (one->kind != LEAT_STRING || one->len == 0 ||
		    memchr(one->u.s, '\0', one->len) != NULL)
			return bad(err, name, "has what is no text");
		list[i] = leat_arena_strndup(a, one->u.s, one->len);
		if (list[i] == NULL)
			return no_memory(err);
	}
	s->collections = list;
	s->ncollections = v->len;
	return 0;
}

static int
get_condition(const struct leat_value *one, struct leat_arena *a,
    struct pg_condition *to, struct leat_err *err)
{
	int rc;

	if (one->kind != LEAT_MAP)
		return bad(err, "additional-conditions", "must be objects");
	rc = get_text(one, "data-collection", a, &to->collection, err);
	if (rc == 0)
		rc = get_text(one, "filter", a, &to->filter, err);
	if (rc == 0 && (to->collection == NULL || to->filter == NULL))
		rc = bad(err, "additional-conditions",
		    "need data-collection and filter");
	return rc;
}

static int
get_conditions(const struct leat_value *map, struct leat_arena *a,
    struct pg_signal *s, struct leat_err *err)
{
	static const char name[] = "additional-conditions";
	const struct leat_value *v = leat_map_value(map, name);
	struct pg_condition *list;
	int rc = 0;

	if (v == NULL || v->kind == LEAT_NULL)
		return 0;
	if (v->kind != LEAT_ARRAY || v->len > PG_SIGNAL_TABLES_MAX)
		return bad(err, name, "must be a list of at most 1000 objects");
	list = leat_arena_calloc(a, v->len, sizeof(*list));
	if (list == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < v->len && rc == 0; i++)
		rc = get_condition(&v->u.items[i], a, &list[i], err);
	s->conditions = list;
	s->nconditions = v->len;
	return rc;
}

/* ------------------------------------------------------------------ signal */

static int
get_type(const struct leat_value *map, struct leat_arena *a,
    struct pg_signal *s, struct leat_err *err)
{
	const char *type;
	int rc = get_text(map, "type", a, &type, err);

	if (rc < 0 || type == NULL)
		return rc;
	s->blocking = strcasecmp(type, "blocking") == 0;
	if (!s->blocking && strcasecmp(type, "incremental") != 0)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "type: '%.40s' is not one of INCREMENTAL, BLOCKING", type);
	return 0;
}

static int
take_data(const struct leat_value *map, struct leat_arena *a,
    struct pg_signal *s, struct leat_err *err)
{
	int rc;

	if (s->kind == PG_SIGNAL_WINDOW_OPEN ||
	    s->kind == PG_SIGNAL_WINDOW_CLOSE)
		return 0;
	if (s->kind == PG_SIGNAL_LOG) {
		rc = get_text(map, "message", a, &s->message, err);
		return rc == 0 && s->message == NULL ?
		    bad(err, "message", "is missing") : rc;
	}
	rc = get_type(map, a, s, err);
	if (rc == 0)
		rc = get_collections(map, a, s, err);
	if (rc == 0)
		rc = get_conditions(map, a, s, err);
	if (rc == 0)
		rc = get_text(map, "surrogate-key", a, &s->surrogate, err);
	if (rc == 0 && s->kind == PG_SIGNAL_EXECUTE && s->ncollections == 0)
		rc = bad(err, "data-collections", "names no table");
	if (rc == 0 && s->blocking && s->kind != PG_SIGNAL_EXECUTE)
		rc = bad(err, "type", "only an INCREMENTAL snapshot can be "
		    "stopped, paused and resumed");
	return rc;
}

static int
find_kind(struct leat_str type, enum pg_signal_kind *ret, struct leat_err *err)
{
	for (int i = 0; i < NTYPES; i++) {
		if (leat_str_eq_c(type, types[i].word)) {
			*ret = types[i].kind;
			return 0;
		}
	}
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA, "'%.*s' is not "
	    "one of execute-snapshot, stop-snapshot, pause-snapshot, "
	    "resume-snapshot, log", type.len > 40 ? 40 : (int)type.len,
	    type.ptr);
}

/* A copy that is cut to the length that is kept; a new one for none. */
static const char *
take_id(struct leat_str id, struct leat_arena *a)
{
	char uuid[37] = "";

	id = leat_str_trim(id);
	if (id.len == 0 && pg_uuid(uuid, NULL) == 0)
		id = leat_str_c(uuid);
	if (id.len > PG_SIGNAL_ID_MAX)
		id.len = PG_SIGNAL_ID_MAX;
	return leat_arena_strndup(a, id.ptr, id.len);
}

static int
parse_value(struct leat_str id, struct leat_str type,
    const struct leat_value *data, struct leat_arena *a,
    struct pg_signal *ret, struct leat_err *err)
{
	struct pg_signal s = { .id = take_id(id, a) };
	int rc;

	if (s.id == NULL)
		return no_memory(err);
	rc = find_kind(leat_str_trim(type), &s.kind, err);
	if (rc == 0)
		rc = take_data(data, a, &s, err);
	if (rc == 0)
		*ret = s;
	return rc;
}

int
pg_signal_parse(struct leat_str id, struct leat_str type, struct leat_str data,
    struct leat_arena *a, struct pg_signal *ret, struct leat_err *err)
{
	struct leat_value v = leat_items(LEAT_MAP, NULL, 0);
	int rc;

	if (data.len > PG_SIGNAL_DATA_MAX)
		return bad(err, "data", "is longer than 256 KiB");
	if (leat_str_trim(data).len > 0) {
		rc = leat_json_parse(a, data.ptr, data.len, &v, err);
		if (rc < 0)
			return leat_err_wrap(err, "data");
		if (v.kind == LEAT_NULL)
			v = leat_items(LEAT_MAP, NULL, 0);
		if (v.kind != LEAT_MAP)
			return bad(err, "data", "must be a JSON object");
	}
	return parse_value(id, type, &v, a, ret, err);
}

int
pg_signal_parse_object(struct leat_str json, struct leat_arena *a,
    struct pg_signal *ret, struct leat_err *err)
{
	const struct leat_value *data;
	const char *id, *type;
	struct leat_value v;
	int rc;

	if (json.len > PG_SIGNAL_DATA_MAX)
		return bad(err, "signal", "is longer than 256 KiB");
	rc = leat_json_parse(a, json.ptr, json.len, &v, err);
	if (rc < 0)
		return rc;
	if (v.kind != LEAT_MAP)
		return bad(err, "signal", "must be a JSON object");
	rc = get_text(&v, "id", a, &id, err);
	if (rc == 0)
		rc = get_text(&v, "type", a, &type, err);
	if (rc < 0)
		return rc;
	if (type == NULL)
		return bad(err, "type", "is missing");
	data = leat_map_value(&v, "data");
	if (data != NULL && data->kind == LEAT_MAP)
		return parse_value(leat_str_c(id == NULL ? "" : id),
		    leat_str_c(type), data, a, ret, err);
	if (data != NULL && data->kind != LEAT_STRING &&
	    data->kind != LEAT_NULL)
		return bad(err, "data", "must be an object");
	return pg_signal_parse(leat_str_c(id == NULL ? "" : id),
	    leat_str_c(type), data == NULL || data->kind == LEAT_NULL ?
	    LEAT_STR("") : (struct leat_str){ data->u.s, data->len }, a, ret,
	    err);
}
