/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c: filling, wrapping and naming errors.
 */
#include <leat/err.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = sizeof(((struct leat_err *)0)->text) };

void
leat_err_clear(struct leat_err *err)
{
	if (err != NULL)
		*err = (struct leat_err)LEAT_ERR_INIT;
}

/* Takes half a UTF-8 character off the end of a text that was cut. */
static void
trim_cut(char *text)
{
	size_t len = strlen(text), i = len;

	if (len + 1 < TEXT_BYTES)
		return;
	while (i > 0 && ((uint8_t)text[i - 1] & 0xc0) == 0x80)
		i--;
	if (i > 0 && (uint8_t)text[i - 1] >= 0xc0)
		text[i - 1] = '\0';
}

/*
 * The text is built beside the slot, because an argument may point into it.
 */
static void
set_text(struct leat_err *err, const char *text)
{
	memcpy(err->text, text, TEXT_BYTES);
	trim_cut(err->text);
}

/* Appends what fits. */
static void
append(char *text, const char *more)
{
	size_t n = strlen(text), left = TEXT_BYTES - 1 - n;
	size_t add = strnlen(more, left);

	memcpy(text + n, more, add);
	text[n + add] = '\0';
}

static void
set_rest(struct leat_err *err, const char *file, int line, int cls, int code)
{
	err->code = code;
	err->cls = cls;
	memset(err->sqlstate, 0, sizeof(err->sqlstate));
	err->file = file;
	err->line = line;
	err->reserved = 0;
}

int
leat_err_set_at(struct leat_err *err, const char *file, int line, int cls,
    int code, const char *fmt, ...)
{
	char text[TEXT_BYTES] = "";
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set_text(err, text);
	set_rest(err, file, line, cls, code);
	return code;
}

int
leat_err_errno_at(struct leat_err *err, const char *file, int line, int cls,
    const char *fmt, ...)
{
	int saved = errno;
	char text[TEXT_BYTES] = "";
	va_list ap;
	int n;

	if (err == NULL)
		return -saved;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0 && n < TEXT_BYTES) {
		errno = saved;
		(void)snprintf(text + n, sizeof(text) - (size_t)n, ": %m");
	}
	set_text(err, text);
	set_rest(err, file, line, cls, -saved);
	errno = saved;
	return -saved;
}

int
leat_err_wrap(struct leat_err *err, const char *fmt, ...)
{
	char text[TEXT_BYTES] = "";
	va_list ap;
	int n;

	if (err == NULL)
		return LEAT_E_STATE;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0) {
		append(text, ": ");
		append(text, err->text);
	}
	set_text(err, text);
	return err->code;
}

const char *
leat_err_class_name(int cls)
{
	static const char *const names[] = {
		[LEAT_CLS_NONE] = "none",
		[LEAT_CLS_RETRY] = "retry",
		[LEAT_CLS_RECORD] = "record",
		[LEAT_CLS_CONFIG] = "config",
		[LEAT_CLS_FATAL] = "fatal",
	};

	if (cls < LEAT_CLS_NONE || cls > LEAT_CLS_FATAL)
		return "unknown";
	return names[cls];
}
