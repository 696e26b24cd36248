/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages in docs/connectors name every option of their connector.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/connector.h>

#include "tests/harness/proc.h"

static void
check_page(const struct leat_connector *c)
{
	const struct leat_option *o;
	size_t len;
	char *page = th_slurp(th_text("%s/docs/connectors/%s.md",
				  th_src_dir(), c->name),
	    &len);

	for (o = c->options; o->name != NULL; o++) {
		if (strstr(page, th_text("| `%s` |", o->name)) == NULL)
			fail_msg("%s.md does not name the option %s", c->name,
			    o->name);
	}
	free(page);
}

static void
check_plugin(const char *name)
{
	typedef const struct leat_plugin *entry_fn(void);
	void *so = dlopen(th_text("%s/%s.so", th_plugin_dir(), name),
	    RTLD_NOW | RTLD_LOCAL);
	const struct leat_plugin *p;
	union {
		void *data;
		entry_fn *fn;
	} entry;
	uint32_t i;

	if (so == NULL)
		fail_msg("%s", dlerror());
	entry.data = dlsym(so, LEAT_PLUGIN_SYMBOL);
	assert_non_null(entry.data);
	p = entry.fn();
	for (i = 0; i < p->nconnectors; i++)
		check_page(p->connectors[i]);
}

static void
test_pages(void **state)
{
	check_plugin("leat-http");
	check_plugin("leat-file");
	check_plugin("leat-datagen");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
