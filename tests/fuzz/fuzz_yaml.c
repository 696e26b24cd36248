/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_yaml.c: a text as a connector's file and as the worker's: tree,
 * flattening, references (without files), pipelines, options, printing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/bind.h"
#include "core/config/config_file.h"
#include "core/config/flatten.h"
#include "core/config/worker_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
env(const char *name)
{
	return name[0] == 'A' ? "a,b: [c" : NULL;
}

static const struct references refs = { .env = env };

static const struct leat_option source_rows[] = {
	{ .name = "topic.prefix", .type = LEAT_OPT_STRING },
	{ .name = NULL },
};
static const struct leat_option other_rows[] = {
	{ .name = "topic", .type = LEAT_OPT_STRING, .def = "x${y}z" },
	{ .name = NULL },
};

static const struct leat_connector *
find(void *arg, const char *name)
{
	static const struct leat_connector pg = { .options = source_rows };
	static const struct leat_connector other = { .options = other_rows };

	if (name[0] == 'p')
		return &pg;
	return name[0] == 'q' ? &other : NULL;
}

static void
bind(const struct properties *props, struct problems *problems)
{
	struct leat_arena arena;

	leat_arena_init(&arena, 0, 0);
	(void)config_bind(props, worker_option_table, NULL, &arena, NULL, 0,
	    problems, problems);
	leat_arena_fini(&arena);
}

static void
read_file(const char *path, const char *text, size_t size,
    const struct config_reader *reader)
{
	struct problems *problems = problems_new();
	struct config_file file;
	struct leat_buf b;

	if (problems == NULL)
		abort();
	if (config_file_read(reader, path, "stem", text, size, &file,
	    problems) == 0) {
		for (size_t i = 0; i < file.len; i++)
			bind(file.connectors[i].props, problems);
		if (!config_file_equal(&file, &file))
			abort();
		config_file_fini(&file);
	} else if (problems_count(problems) == 0) {
		abort();	/* refused without a word */
	}
	leat_buf_init(&b, 16 << 20);
	(void)problems_print(problems, &b);
	(void)problems_print_json(problems, &b);
	leat_buf_fini(&b);
	problems_free(problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_reader seeing = { &refs, find, NULL };
	static const struct config_reader blind = { &refs, NULL, NULL };
	char *text;

	/* A copy of the exact size, so that reading beyond it shows. */
	text = malloc(size > 0 ? size : 1);
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	read_file("f.yaml", text, size, &seeing);
	read_file("f.json", text, size, &blind);
	free(text);
	return 0;
}
