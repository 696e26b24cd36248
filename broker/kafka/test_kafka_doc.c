/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/KAFKA.md says what is served: its tables must be those of the code, row
 * by row. A failure prints the row as it should stand there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/kafka/kafka_request.h"
#include "broker/topic_settings.h"
#include "core/base/fsio.h"
#include "tests/harness/proc.h"

static char *doc;

static int
load(void **state)
{
	char path[1024];
	size_t len;

	snprintf(path, sizeof(path), "%s/docs/KAFKA.md", th_src_dir());
	return fsio_slurp(&fsio_system, path, 1 << 20, &doc, &len, NULL);
}

static int
unload(void **state)
{
	free(doc);
	return 0;
}

/* Lines of the document that begin so. */
static int
lines_with(const char *prefix)
{
	int n = 0;

	for (const char *at = doc; (at = strstr(at, prefix)) != NULL; at++)
		if (at == doc || at[-1] == '\n')
			n++;
	return n;
}

static int
missing(const char *row)
{
	char line[2048];

	snprintf(line, sizeof(line), "\n%s\n", row);
	if (strstr(doc, line) != NULL)
		return 0;
	fprintf(stderr, "not in docs/KAFKA.md:\n%s\n", row);
	return 1;
}

static void
test_apis(void **state)
{
	size_t n;
	const struct kafka_api *apis = kafka_apis(&n);
	int bad = 0, rows = 0;

	for (size_t i = 0; i < n; i++) {
		char versions[32], row[256];

		if (apis[i].min == apis[i].max)
			snprintf(versions, sizeof(versions), "%d",
			    apis[i].min);
		else
			snprintf(versions, sizeof(versions), "%d-%d",
			    apis[i].min, apis[i].max);
		snprintf(row, sizeof(row), "| %d | %s | %s |", apis[i].key,
		    apis[i].name, versions);
		bad += missing(row);
	}
	assert_int_equal(bad, 0);
	/* And none that is not served. */
	for (int k = 0; k < 200; k++) {
		char prefix[24];

		snprintf(prefix, sizeof(prefix), "| %d | ", k);
		rows += lines_with(prefix);
	}
	assert_int_equal(rows, n);
}

static void
test_settings(void **state)
{
	int bad = 0;

	for (int i = 0; i < setting_count(); i++) {
		const char *def = setting_default(i);
		char row[1024];

		if (strcmp(def, "9223372036854775807") == 0)
			def = "never";
		else if (def[0] == '\0')
			def = "empty";
		snprintf(row, sizeof(row), "| `%s` | %s | %s |",
		    setting_name(i), def, setting_doc(i));
		bad += missing(row);
	}
	assert_int_equal(bad, 0);
	assert_int_equal(lines_with("| `"), setting_count());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apis),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
