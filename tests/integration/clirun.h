/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clirun.h: the command line, run to its end by a test.
 */
#ifndef LEAT_TESTS_INTEGRATION_CLIRUN_H
#define LEAT_TESTS_INTEGRATION_CLIRUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/harness/proc.h"

enum { OK = 0, FAILED = 1, USAGE = 2, INVALID = 3, UNREACHABLE = 4,
	NOT_FOUND = 5 };

/*
 * Runs `leat` with words separated by blanks and input from a file (or NULL);
 * fails unless it ends with code. What it printed, errors too.
 */
static inline const char *
leat_words(int code, const char *input, char *line)
{
	static int runs;
	const char *argv[32] = { "timeout", "20", th_leat_bin() };
	struct th_proc_opts o = { .argv = argv,
		.name = th_text("run-%d", ++runs),
		.input = input };
	struct th_proc *p;
	const char *out;
	size_t n = 3;
	char *text, *word, *rest = strdup(line), *words = rest;
	int rc;

	assert_non_null(rest);
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0' && n < 31)
			argv[n++] = word;
	p = th_proc_start(&o);
	if (!th_proc_wait(p, 25000, &rc))
		th_fail("leat %s does not end", line);
	text = th_proc_text(p);
	if (!WIFEXITED(rc) || WEXITSTATUS(rc) != code)
		th_fail("leat %s: status %#x, not %d: %s", line, (unsigned)rc,
		    code, text);
	out = th_text("%s", text);
	free(text);
	free(words);
	th_proc_free(p);
	return out;
}

static inline const char *
leat(int code, const char *fmt, ...)
{
	const char *out;
	char *line;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&line, fmt, ap);
	va_end(ap);
	assert_true(rc >= 0);
	out = leat_words(code, NULL, line);
	free(line);
	return out;
}

static inline size_t
lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

#endif
