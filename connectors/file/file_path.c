/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of output files with variables.
 */
#include "file_path.h"

#include <stdbool.h>

#include <leat/str.h>
#include <leat/time.h>

enum var { VAR_TOPIC, VAR_PARTITION, VAR_TASK, VAR_DATE, VAR_HOUR, VAR_N };

static const struct {
	const char *name;
	int depends;
} vars[VAR_N] = {
	[VAR_TOPIC] = { "topic", FILE_PATH_RECORD },
	[VAR_PARTITION] = { "partition", FILE_PATH_RECORD },
	[VAR_TASK] = { "task", 0 },
	[VAR_DATE] = { "date", FILE_PATH_TIME },
	[VAR_HOUR] = { "hour", FILE_PATH_TIME },
};

/*
 * Cuts the next piece: literal text (*ret_var VAR_N) or a variable. False at
 * the end, and for an unknown variable, which is then left in *rest.
 */
static bool
next_piece(struct leat_str *rest, struct leat_str *ret_text, enum var *ret_var)
{
	const char *p = rest->len == 0 ? NULL
				       : memmem(rest->ptr, rest->len, "${", 2);
	const char *end;
	int i;

	*ret_var = VAR_N;
	if (rest->len == 0)
		return false;
	if (p != rest->ptr) {
		*ret_text = *rest;
		if (p != NULL)
			ret_text->len = (size_t)(p - rest->ptr);
		rest->ptr += ret_text->len;
		rest->len -= ret_text->len;
		return true;
	}
	end = memchr(p, '}', rest->len);
	for (i = 0; end != NULL && i < VAR_N; i++) {
		struct leat_str name = { p + 2, (size_t)(end - p) - 2 };

		if (!leat_str_eq_c(name, vars[i].name))
			continue;
		*ret_var = (enum var)i;
		rest->ptr += name.len + 3;
		rest->len -= name.len + 3;
		return true;
	}
	return false;
}

int
file_path_check(const char *template, struct leat_err *err)
{
	struct leat_str rest = leat_str_c(template), text;
	enum var var;
	int depends = 0;

	while (next_piece(&rest, &text, &var)) {
		if (var != VAR_N)
			depends |= vars[var].depends;
	}
	if (rest.len > 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "file: unknown variable at '%.30s' (allowed: ${topic} "
		    "${partition} ${task} ${date} ${hour})",
		    rest.ptr);
	return depends;
}

static int
add_topic(const char *topic, struct leat_buf *out, struct leat_err *err)
{
	const char *p;

	for (p = topic; *p != '\0'; p++) {
		if (*p == '/' || (unsigned char)*p < 0x20)
			return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "topic '%.100s' cannot stand in a file name",
			    topic);
	}
	return leat_buf_add_str(out, topic);
}

int
file_path_expand(const char *template, const struct file_path_vars *v,
    struct leat_buf *out, struct leat_err *err)
{
	struct leat_str rest = leat_str_c(template), text;
	char stamp[40];
	enum var var;

	leat_time_format_us(stamp, v->now_ms * 1000, 0);
	while (next_piece(&rest, &text, &var)) {
		switch (var) {
		case VAR_TOPIC:
			if (add_topic(v->topic, out, err) < 0)
				return LEAT_E_DATA;
			break;
		case VAR_PARTITION:
			leat_buf_add_i64(out, v->partition);
			break;
		case VAR_TASK:
			leat_buf_add_i64(out, v->task);
			break;
		case VAR_DATE:
			leat_buf_add(out, stamp, 10);
			break;
		case VAR_HOUR:
			leat_buf_add(out, stamp + 11, 2);
			break;
		case VAR_N:
			leat_buf_add(out, text.ptr, text.len);
			break;
		}
	}
	if (out->failed)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "file name longer than %zu bytes", out->max);
	return 0;
}
