/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger does: installs the program, writes a connector against the
 * installed headers, builds it with pkg-config, and runs it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000 };

/* clang-format off */
static const char squares_source[] =
"#include <inttypes.h>\n"
"#include <stdlib.h>\n"
"#include <string.h>\n"
"#include <leat/connector.h>\n"
"#include <leat/json.h>\n"
"\n"
"struct config { const char *topic; int64_t step; };\n"
"struct squares { struct leat_task *task; const struct config *config;\n"
"	int64_t n, next_ms; };\n"
"\n"
"static const struct leat_option options[] = {\n"
"	{ .name = \"topic\", .type = LEAT_OPT_STRING,\n"
"	    .flags = LEAT_OPT_REQUIRED,\n"
"	    .offset = offsetof(struct config, topic), .help = \"Where.\" },\n"
"	{ .name = \"step\", .type = LEAT_OPT_INT, .def = \"1\", .min = 1,\n"
"	    .max = 1000, .offset = offsetof(struct config, step),\n"
"	    .help = \"From one number to the next.\" },\n"
"	{ .name = NULL }\n"
"};\n"
"\n"
"static int32_t\n"
"squares_open(struct leat_task *t, const void *config, void **ret_self,\n"
"    struct leat_err *err)\n"
"{\n"
"	struct squares *s = calloc(1, sizeof(*s));\n"
"	const char *offset = leat_offset_get(t, \"{}\");\n"
"\n"
"	if (s == NULL)\n"
"		return leat_err_set(err, LEAT_CLS_RETRY, -12, \"no memory\");\n"
"	s->task = t;\n"
"	s->config = config;\n"
"	if (offset != NULL)\n"
"		s->n = strtoll(strchr(offset, ':') + 1, NULL, 10);\n"
"	leat_log_info(t, \"squares open\", \"at=%\" PRId64, s->n);\n"
"	*ret_self = s;\n"
"	return 0;\n"
"}\n"
"\n"
"static int32_t\n"
"squares_poll(void *self, struct leat_batch *b, struct leat_err *err)\n"
"{\n"
"	struct squares *s = self;\n"
"	struct leat_record r = { .topic = s->config->topic,\n"
"	    .partition = LEAT_PARTITION_ANY };\n"
"	struct leat_buf offset;\n"
"	int64_t now_ms = leat_mono_ms(s->task);\n"
"\n"
"	if (now_ms < s->next_ms) {\n"
"		leat_wait(s->task, -1, 0, s->next_ms - now_ms);\n"
"		return 0;\n"
"	}\n"
"	s->next_ms = now_ms + 10;\n"
"	s->n += s->config->step;\n"
"	r.value = leat_i64(s->n * s->n);\n"
"	r.timestamp_ms = leat_now_us(s->task) / 1000;\n"
"	if (leat_batch_add(b, &r) < 0)\n"
"		return 0;\n"
"	leat_buf_init(&offset, 100);\n"
"	leat_buf_printf(&offset, \"{\\\"n\\\":%\" PRId64 \"}\", s->n);\n"
"	leat_batch_position(b, \"{}\", leat_buf_cstr(&offset));\n"
"	leat_buf_fini(&offset);\n"
"	return 0;\n"
"}\n"
"\n"
"static void\n"
"squares_close(void *self)\n"
"{\n"
"	free(self);\n"
"}\n"
"\n"
"static const struct leat_source_ops ops = {\n"
"	.size = sizeof(ops), .open = squares_open, .poll = squares_poll,\n"
"	.close = squares_close,\n"
"};\n"
"static const struct leat_connector squares = {\n"
"	.size = sizeof(squares), .kind = LEAT_SOURCE, .name = \"squares\",\n"
"	.version = \"3.2.1\", .help = \"Square numbers.\",\n"
"	.flags = LEAT_CAN_EXACTLY_ONCE, .options = options,\n"
"	.config_size = sizeof(struct config), .source = &ops,\n"
"};\n"
"static const struct leat_connector *const list[] = { &squares };\n"
"static const struct leat_plugin plugin = {\n"
"	LEAT_PLUGIN_HEAD, .name = \"squares\", .version = \"3.2.1\",\n"
"	.connectors = list, .nconnectors = 1,\n"
"};\n"
"LEAT_PLUGIN(plugin)\n";
/* clang-format on */

static const char *stage;	/* the DESTDIR */

static const char *
installed(const char *path)
{
	return th_text("%s/usr/local/%s", stage, path);
}

/* Runs a line of shell; fails unless it succeeds. Its output. */
static const char *
shell(const char *line)
{
	const char *out;
	char *text;
	int code = th_run(&text, "sh", "-c", line, NULL);

	if (code != 0)
		th_fail("%s: exit %d: %s", line, code, text);
	out = th_text("%s", text);
	free(text);
	return out;
}

/* As it was built: mode and compiler stand in the folder's name. */
static int
install(void **state)
{
	const char *build = strrchr(th_build_dir(), '/') + 1;
	const char *dash = strchr(build, '-');
	int len = dash == NULL ? (int)strlen(build) : (int)(dash - build);

	stage = th_path("stage");
	shell(th_text("env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C '%s' "
	    "install MODE=%.*s %s%s DESTDIR='%s'", th_src_dir(), len, build,
	    dash == NULL ? "" : "CC=", dash == NULL ? "" : dash + 1, stage));
	return 0;
}

static void
what_is_installed(void **state)
{
	static const char *const files[] = { "bin/leat", "lib/libleat.a",
		"lib/pkgconfig/leat.pc", "include/leat/connector.h",
		"lib/leat/plugins/leat-postgres.so",
		"share/leat/configs/worker.yaml", "share/man/man1/leat.1" };
	const char *out;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!th_exists(installed(files[i])))
			th_fail("%s is not installed", files[i]);
	/* It finds its plugins from where it is. */
	out = shell(th_text("env -u LEAT_PLUGIN_PATH %s plugins",
	    installed("bin/leat")));
	assert_non_null(strstr(out, "datagen"));
	assert_null(strstr(out, "refused"));
}

/* Each header stands alone, in C and in C++. */
static void
headers_compile(void **state)
{
	shell(th_text("cd %s && for h in leat/*.h; do echo \"#include <$h>\" | "
	    "cc -std=c11 -Wall -Wextra -pedantic -Werror -I. -fsyntax-only "
	    "-x c - || exit 1; done", installed("include")));
}

struct squares {
	int64_t root;	/* of the last one */
	int steps_of_ten;
};

/* The next square is one step or ten steps on: none missing, none twice. */
static void
check_square(void *arg, const struct th_record *rec)
{
	struct squares *c = arg;
	int64_t v = th_json_int(th_json(rec->value), "");

	if (v == (c->root + 10) * (c->root + 10)) {
		c->root += 10;
		c->steps_of_ten++;
	} else {
		c->root++;
		assert_int_equal(v, c->root * c->root);
	}
}

static void
a_plugin_from_outside(void **state)
{
	struct th_worker_opts o = { .name = "guest" };
	struct th_worker *w;
	const struct leat_value *doc;
	struct squares c = { 0 };
	struct th_reader *r;

	th_mkdir(th_path("mine"));
	th_mkdir(th_path("mine/plugins"));
	th_write_text(th_path("mine/squares.c"), squares_source);
	shell(th_text("cd %s && export PKG_CONFIG_PATH=%s "
	    "PKG_CONFIG_SYSROOT_DIR=%s && cc -Wall -Wextra -Werror "
	    "-Wno-unused-parameter -O2 -fPIC -fvisibility=hidden -shared "
	    "$(pkg-config --cflags leat) -o plugins/leat-squares.so squares.c "
	    "$(pkg-config --libs leat)", th_path("mine"),
	    installed("lib/pkgconfig"), stage));
	o.plugins = th_path("mine/plugins");
	w = th_worker_start(&o);
	doc = th_json(th_worker_get(w, "/connector-plugins"));
	assert_int_equal(th_json_len(doc, ""), 1);
	assert_string_equal(th_json_text(doc, "/0/class"), "squares");
	assert_string_equal(th_json_text(doc, "/0/version"), "3.2.1");

	th_worker_file(w, "sq.yaml", "connector: squares\ntopic: squares\n"
	    "value.converter.schemas.enable: false\n");
	r = th_reader_open(w, "squares");
	th_reader_wait(r, 5, SOON_MS, check_square, &c);
	assert_true(th_worker_is(w, "sq", "RUNNING"));
	assert_true(th_worker_said(w, "squares open"));
	/* Reloaded with another step, it goes on where it stood. */
	th_worker_file(w, "sq.yaml", "connector: squares\ntopic: squares\n"
	    "step: 10\nvalue.converter.schemas.enable: false\n");
	TH_WAIT((th_reader_read(r, check_square, &c), c.steps_of_ten) > 3,
	    SOON_MS);
	/* A value that is out of bounds is refused; it runs on as it was. */
	th_worker_file(w, "sq.yaml", "connector: squares\ntopic: squares\n"
	    "step: 5000\n");
	TH_WAIT(th_worker_said(w, "sq.yaml:3:"), SOON_MS);
	c.steps_of_ten = 0;
	TH_WAIT((th_reader_read(r, check_square, &c), c.steps_of_ten) > 3,
	    SOON_MS);
	th_reader_close(r);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_installed),
		cmocka_unit_test(headers_compile),
		cmocka_unit_test(a_plugin_from_outside),
	};

	return cmocka_run_group_tests(tests, install, NULL);
}
