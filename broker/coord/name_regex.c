/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions for names: see name_regex.h. */
#include "broker/coord/name_regex.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *
name_regex_check(const char *regex)
{
	if (strlen(regex) > NAME_REGEX_MAX_BYTES)
		return "The expression is longer than 256 bytes.";
	for (const char *p = regex; *p != '\0'; p++) {
		if (*p == '{')
			return "Expressions are POSIX extended; intervals "
			    "({n,m}) are not taken.";
		if (*p == '(' && p[1] == '?')
			return "Expressions are POSIX extended: there is no "
			    "'(?'.";
		if (*p != '\\')
			continue;
		if (*++p == '\0')
			return "The expression ends with a backslash.";
		if (isalnum((unsigned char)*p))
			return "Expressions are POSIX extended: a backslash "
			    "stands before a special character only.";
	}
	return NULL;
}

int
name_regex_compile(regex_t *re, const char *regex)
{
	char text[NAME_REGEX_MAX_BYTES + 8];

	if (strlen(regex) > NAME_REGEX_MAX_BYTES)
		return -1;
	snprintf(text, sizeof(text), "^(%s)$", regex);
	return regcomp(re, text, REG_EXTENDED | REG_NOSUB) == 0 ? 0 : -1;
}

bool
name_regex_matches(const regex_t *re, const char *name)
{
	return regexec(re, name, 0, NULL, 0) == 0;
}
