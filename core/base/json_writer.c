/* SPDX-License-Identifier: Apache-2.0 */
/* json_writer.c: see json_writer.h. */
#include "core/base/json_writer.h"

#include <string.h>

#include <leat/json.h>

static void
item(struct json_writer *w)
{
	if (w->comma)
		leat_buf_add_byte(w->to, ',');
	w->comma = true;
}

static void
open_with(struct json_writer *w, uint8_t c)
{
	item(w);
	leat_buf_add_byte(w->to, c);
	w->comma = false;
}

static void
close_with(struct json_writer *w, uint8_t c)
{
	leat_buf_add_byte(w->to, c);
	w->comma = true;
}

void
json_object(struct json_writer *w)
{
	open_with(w, '{');
}

void
json_object_end(struct json_writer *w)
{
	close_with(w, '}');
}

void
json_array(struct json_writer *w)
{
	open_with(w, '[');
}

void
json_array_end(struct json_writer *w)
{
	close_with(w, ']');
}

void
json_key(struct json_writer *w, const char *name)
{
	json_text(w, name);
	leat_buf_add_byte(w->to, ':');
	w->comma = false;
}

void
json_text(struct json_writer *w, const char *s)
{
	json_text_n(w, s, s == NULL ? 0 : strlen(s));
}

void
json_text_n(struct json_writer *w, const char *s, size_t len)
{
	if (s == NULL) {
		json_null(w);
		return;
	}
	item(w);
	leat_json_add_string(w->to, s, len);
}

void
json_int(struct json_writer *w, int64_t v)
{
	item(w);
	leat_buf_add_i64(w->to, v);
}

void
json_bool(struct json_writer *w, bool v)
{
	json_raw(w, v ? "true" : "false");
}

void
json_null(struct json_writer *w)
{
	json_raw(w, "null");
}

void
json_raw(struct json_writer *w, const char *json)
{
	item(w);
	leat_buf_add_str(w->to, json);
}

void
json_member(struct json_writer *w, const char *name, const char *s)
{
	json_key(w, name);
	json_text(w, s);
}

void
json_member_int(struct json_writer *w, const char *name, int64_t v)
{
	json_key(w, name);
	json_int(w, v);
}

void
json_member_bool(struct json_writer *w, const char *name, bool v)
{
	json_key(w, name);
	json_bool(w, v);
}
