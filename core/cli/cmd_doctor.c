/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_doctor.c: `leat doctor`: what stands between a connector and the system
 * it is to reach, with the commands that mend it.
 */
#include <stdio.h>
#include <string.h>

#include <leat/json.h>

#include "core/base/json_writer.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/connector_files.h"
#include "core/cli/examine.h"

enum { URL_BYTES_MAX = 64 << 10 };

struct doctor {
	struct connector_files files;
	bool json;
	bool verbose;
	bool bad;
	uint32_t examined;
	struct leat_buf out;
	struct json_writer w;
};

/* The connector that takes addresses of a scheme. */
static const struct {
	const char *scheme;
	const char *connector;
} schemes[] = {
	{ "postgres://", "postgres-source" },
	{ "postgresql://", "postgres-source" },
};

static const char *
connector_for(const char *word)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(word, schemes[i].scheme,
		    strlen(schemes[i].scheme)) == 0)
			return schemes[i].connector;
	return NULL;
}

/* ------------------------------------------------------------------ output */

static const char *
grade_word(int32_t grade)
{
	switch (grade) {
	case LEAT_FINDING_GOOD:
		return "good";
	case LEAT_FINDING_NOTE:
		return "note";
	case LEAT_FINDING_WARNING:
		return "warning";
	default:
		return "bad";
	}
}

static void
print_lines(struct leat_buf *b, const char *indent, const char *text)
{
	struct leat_str rest = leat_str_c(text);

	while (rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		(void)leat_buf_printf(b, "%s%.*s\n", indent, (int)line.len,
		    line.ptr);
	}
}

static void
print_text(struct doctor *d, const char *name, const struct examination *e)
{
	(void)leat_buf_printf(&d->out, "%s\n", name);
	for (uint32_t i = 0; i < e->len; i++) {
		const struct leat_finding *f = &e->findings[i];

		(void)leat_buf_printf(&d->out, "  %-8s %s: %s\n",
		    grade_word(f->grade), f->subject, f->text);
		if (f->cure != NULL)
			print_lines(&d->out, "             ", f->cure);
	}
	if (e->left_out > 0)
		(void)leat_buf_printf(&d->out, "  and %u more\n",
		    e->left_out);
	(void)leat_buf_printf(&d->out, "  %u bad, %u warnings\n",
	    examination_count(e, LEAT_FINDING_BAD),
	    examination_count(e, LEAT_FINDING_WARNING));
}

static void
print_json(struct doctor *d, const char *name, const struct examination *e)
{
	json_object(&d->w);
	json_member(&d->w, "connector", name);
	json_key(&d->w, "findings");
	json_array(&d->w);
	for (uint32_t i = 0; i < e->len; i++) {
		const struct leat_finding *f = &e->findings[i];

		json_object(&d->w);
		json_member(&d->w, "grade", grade_word(f->grade));
		json_member(&d->w, "subject", f->subject);
		json_member(&d->w, "text", f->text);
		json_key(&d->w, "cure");
		if (f->cure == NULL)
			json_null(&d->w);
		else
			json_text(&d->w, f->cure);
		json_object_end(&d->w);
	}
	json_array_end(&d->w);
	json_member_int(&d->w, "left_out", e->left_out);
	json_object_end(&d->w);
}

/* -------------------------------------------------------------- connectors */

static int
examine_one(void *arg, const char *name, const struct registered *class,
    const struct properties *props, struct leat_err *err)
{
	struct doctor *d = arg;
	struct examination e;
	int rc;

	if (class->connector.examine == NULL)
		return 0;
	rc = examine_connector(class, name, props, d->verbose, &e, err);
	if (rc == 0) {
		d->examined++;
		d->bad |= examination_count(&e, LEAT_FINDING_BAD) > 0;
		(d->json ? print_json : print_text)(d, name, &e);
	}
	examination_fini(&e);
	return rc;
}

/* An address is a file of two settings. */
static int
examine_url(struct doctor *d, const char *url, const char *connector,
    struct leat_err *err)
{
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, URL_BYTES_MAX);
	(void)leat_buf_printf(&b, "{\"connector.class\":\"%s\",\"url\":",
	    connector);
	(void)leat_json_add_string(&b, url, strlen(url));
	(void)leat_buf_add_byte(&b, '}');
	rc = leat_buf_cstr(&b) == NULL ? leat_err_set(err, LEAT_CLS_CONFIG,
	    LEAT_E_LIMIT, "the address is too long") :
	    connector_files_read_text(&d->files, "address.json", "address",
	    leat_buf_cstr(&b), b.len, err);
	leat_buf_fini(&b);
	return rc;
}

static int
examine_word(struct doctor *d, const char *word, struct leat_err *err)
{
	const char *connector = connector_for(word);

	return connector != NULL ? examine_url(d, word, connector, err) :
	    connector_files_read(&d->files, word, err);
}

/* ----------------------------------------------------------------- command */

static int
finish(struct doctor *d)
{
	bool good = problems_count(d->files.problems) == 0 && !d->bad;

	if (d->json) {
		json_array_end(&d->w);
		json_key(&d->w, "problems");
		problems_print_json(d->files.problems, &d->out);
		d->w.comma = true;
		json_object_end(&d->w);
		(void)leat_buf_add_byte(&d->out, '\n');
	} else {
		problems_print(d->files.problems, &d->out);
		if (good && d->examined == 0)
			(void)leat_buf_add_str(&d->out,
			    "nothing to examine: no connector here has an "
			    "examination\n");
	}
	(void)fwrite(d->out.data, 1, d->out.len, stdout);
	return good ? EXIT_OK : EXIT_INVALID;
}

int
cmd_doctor(int argc, char **argv)
{
	const char *plugins = NULL;
	struct doctor d = { .files.take = examine_one, .files.arg = &d };
	const struct arg table[] = {
		{ "plugin-path", 'p', ARG_TEXT, "DIRS",
		    "directories with plugins, colon separated", &plugins },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &d.json },
		{ "verbose", 'v', ARG_FLAG, NULL,
		    "print what the connector logs", &d.verbose },
		{ 0 },
	};
	struct args a = {
		.usage = "leat doctor FILE | DIRECTORY | URL ... [options]",
		.about = "Looks at the systems that connectors are to reach, "
		    "changes nothing there, and says\nwhat is missing, with "
		    "the commands that mend it. Ends with 3 if a connector "
		    "cannot work.",
		.table = table,
		.examples = "  leat doctor connectors.d/shop.yaml\n"
		    "  leat doctor postgres://cdc@db.example/shop\n",
		.min_words = 1,
		.max_words = 64,
	};
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	leat_buf_init(&d.out, 64 << 20);
	d.w = json_writer(&d.out);
	if (d.json) {
		json_object(&d.w);
		json_key(&d.w, "connectors");
		json_array(&d.w);
	}
	rc = connector_files_open(&d.files, plugins, &err);
	for (size_t i = 0; rc == 0 && i < a.nwords; i++)
		rc = examine_word(&d, a.words[i], &err);
	if (rc < 0)
		(void)fprintf(stderr, "leat: %s\n", err.text);
	rc = rc < 0 ? EXIT_FAILED : finish(&d);
	leat_buf_fini(&d.out);
	connector_files_fini(&d.files);
	return rc;
}
