/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands over Kafka's port, against a worker: topics, consume, produce,
 * groups.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/buf.h>
#include <leat/str.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"
#include "tests/integration/clirun.h"

enum { SOON_MS = 10000 };

static struct th_worker *w;

static int
start(void **state)
{
	w = th_worker_start(NULL);
	setenv("LEAT_BOOTSTRAP", th_worker_kafka(w), 1);
	th_worker_file(w, "ten.yaml", "connector: datagen\ntopic: ten\n"
	    "field.id: sequence\nkey.field: id\ncount: 10\nrate: 0\n"
	    "value.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n");
	th_worker_file(w, "steady.yaml", "connector: datagen\ntopic: steady\n"
	    "field.id: sequence\nrate: 20\n"
	    "value.converter.schemas.enable: false\n");
	TH_WAIT(th_worker_topic(w, "ten", "stable_offset") >= 10, SOON_MS);
	TH_WAIT(th_worker_topic(w, "steady", "stable_offset") > 0, SOON_MS);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

/* `leat` with this text as its input. */
static const char *
leat_with(int code, const char *text, size_t len, const char *fmt, ...)
{
	static int inputs;
	const char *path = th_path("input-%d", ++inputs);
	const char *out;
	char *line;
	va_list ap;
	int rc;

	th_write_file(path, text, len);
	va_start(ap, fmt);
	rc = vasprintf(&line, fmt, ap);
	va_end(ap);
	assert_true(rc >= 0);
	out = leat_words(code, path, line);
	free(line);
	return out;
}

#define PRODUCE(text, ...) \
	leat_with(OK, text, sizeof(text) - 1, __VA_ARGS__)

static void
has(const char *out, const char *text)
{
	if (strstr(out, text) == NULL)
		th_fail("no '%s' in:\n%s", text, out);
}

static void
has_not(const char *out, const char *text)
{
	if (strstr(out, text) != NULL)
		th_fail("'%s' is in:\n%s", text, out);
}

static const char *
all_of(const char *topic)
{
	return leat(OK, "consume %s --from beginning --exit-eof", topic);
}

/* -------------------------------------------------------------- the words */

static void
help(void **state)
{
	static const char *const commands[] = { "topics list",
		"topics describe", "topics create", "topics delete",
		"topics alter", "topics purge", "groups list",
		"groups describe", "groups reset", "groups delete" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *one = leat(OK, "%s --help", commands[i]);

		assert_ptr_equal(strstr(one, "usage: leat"), one);
		has(one, "--bootstrap");
		has(one, "--config");
		has(one, "--property");
	}
	has(leat(OK, "topics -h"), "purge");
	has(leat(OK, "groups -h"), "reset");
}

static void
wrong_words(void **state)
{
	const char *out = leat(USAGE, "topics --jsn");

	has(out, "--jsn");
	has(out, "did you mean '--json'");
	has(leat(USAGE, "topics creat x"), "did you mean 'create'");
	has(leat(USAGE, "groups rename x"), "no command 'groups rename'");
	has(leat(USAGE, "consume"), "usage: leat consume");
	leat(USAGE, "consume a --count");
	leat(USAGE, "consume a --count=x");
	leat(USAGE, "consume a --count=-1");
	leat(USAGE, "consume a --json=yes");
	has(leat(USAGE, "consume a b a"), "a topic is named twice: 'a'");
	has(leat(USAGE, "consume a --from soon"), "--from is beginning");
	has(leat(USAGE, "consume a --from +1"), "--from is beginning");
	has(leat(USAGE, "consume a -g g --from 5"), "leat groups reset");
	has(leat(USAGE, "consume a -g g -p 1"), "--partition");
	has(leat(USAGE, "consume a -f x"), "--format is json, text");
	has(leat(USAGE, "consume a -f %%y"), "none of %t");
	has(leat(USAGE, "consume a -f %%k -k"), "do not go with");
	has(leat(USAGE, "consume a --isolation dirty"), "uncommitted");
	has(leat(USAGE, "consume a --from 1 --from-beginning"), "too many");
	has(leat(USAGE, "produce a --acks 2"), "--acks is 0, 1 or all");
	has(leat(USAGE, "produce a -z lzma"), "--compression is none");
	has(leat(USAGE, "produce a -H x"), "--header is not name=value");
	has(leat(USAGE, "produce a -j -K :"), "--key-separator");
	has(leat(USAGE, "produce a -m 0"), "--max-line");
	has(leat(USAGE, "topics create"), "usage: leat topics create");
	has(leat(USAGE, "topics create x -p0"), "--partitions");
	has(leat(USAGE, "topics create x --set retention"), "name=value");
	has(leat(USAGE, "topics alter x"), "say what to change");
	has(leat(USAGE, "topics purge x"), "--before");
	has(leat(USAGE, "topics purge x --before beginning"), "--before");
	has(leat(USAGE, "groups reset x"), "--to");
	has(leat(USAGE, "groups reset x --to nowhere"), "--to is earliest");
	has(leat(USAGE, "groups reset x --to end --topic a:b"), "--topic is");
	has(leat(USAGE, "groups reset x --to end -n -x"), "--dry-run");
	has(leat(USAGE, "topics -X foo=1"), "-X foo: No such");
	has(leat(USAGE, "topics -X foo"), "is not name=value");
	has(leat(USAGE, "topics -c %s", th_path("none")),
	    "No such file or directory");
	has(leat(USAGE, "topics -t 99999999"), "--timeout");
}

static void
nobody_answers(void **state)
{
	const char *none = th_text("-b 127.0.0.1:%u", th_free_port());
	const char *out = leat(UNREACHABLE, "topics %s", none);

	has(out, "no broker answers at 127.0.0.1:");
	has(out, "Connection refused");
	leat(UNREACHABLE, "topics describe x %s", none);
	leat(UNREACHABLE, "consume x %s", none);
	leat(UNREACHABLE, "consume x -g g %s", none);
	leat(UNREACHABLE, "produce x %s", none);
	leat(UNREACHABLE, "groups %s", none);
	has(leat(UNREACHABLE, "topics -b no.such.host.invalid:1"),
	    "no.such.host.invalid");
	/* The REST port is no broker; it answers, but not in this tongue. */
	leat(UNREACHABLE, "topics -t 2 -b %s", th_worker_url(w) + 7);
}

static void
properties(void **state)
{
	const char *file = th_path("client.properties");
	const char *out;

	th_write_text(file, th_text("# ours\nbootstrap.servers = %s\n"
	    "key.serializer=x.y.Z\nsomething.new=1\n", th_worker_kafka(w)));
	unsetenv("LEAT_BOOTSTRAP");
	out = leat(OK, "topics -c %s", file);
	setenv("LEAT_BOOTSTRAP", th_worker_kafka(w), 1);
	has(out, "steady");
	has(out, "line 4: no client knows 'something.new'");
	has_not(out, "key.serializer");
	th_write_text(file, "security.protocol=ssh\n");
	has(leat(USAGE, "topics -c %s", file), "line 1: Invalid value");
}

/* ----------------------------------------------------------------- topics */

static void
topics(void **state)
{
	const char *out = leat(OK, "topics");
	const struct leat_value *doc;

	has(out, "ten");
	has_not(out, "__consumer_offsets");
	has_not(out, "connect-offsets");
	assert_string_equal(leat(OK, "topics list"), out);
	has(leat(OK, "topics --internal"), "connect-offsets");
	doc = th_json(leat(OK, "topics --json"));
	assert_true(th_json_len(doc, "") >= 2);
	assert_string_equal(th_json_text(doc, "/0/name"), "steady");
	assert_int_equal(th_json_int(doc, "/0/partitions"), 1);
	doc = th_json(leat(OK, "topics describe ten --json"));
	assert_string_equal(th_json_text(doc, "/name"), "ten");
	assert_true(th_json_int(doc, "/partitions/0/end_offset") >= 10);
	assert_int_equal(th_json_len(doc, "/partitions"), 1);
	has(leat(OK, "topics describe ten --all"),
	    "cleanup.policy=delete (default)");
	has_not(leat(OK, "topics describe ten"), "cleanup.policy");
	assert_int_equal(lines(leat(OK, "topics describe ten steady --json")),
	    2);
	has(leat(NOT_FOUND, "topics describe nothing"), "topic 'nothing'");
}

static void
life_of_a_topic(void **state)
{
	const char *out;

	leat(OK, "topics create life other --partitions 2 --set "
		 "retention.ms=86400000 --set max.message.bytes=5000");
	has(leat(FAILED, "topics create life"), "TOPIC_ALREADY_EXISTS");
	leat(OK, "topics create life --if-not-exists");
	has(leat(FAILED, "topics create bad --set foo=1"), "INVALID_CONFIG");
	out = leat(OK, "topics describe life");
	has(out, "retention.ms=86400000");
	has(out, "max.message.bytes=5000");
	leat(OK, "topics alter life --set cleanup.policy=compact,delete "
		 "--unset retention.ms --partitions 4");
	out = leat(OK, "topics describe life");
	has(out, "cleanup.policy=compact,delete");
	has(out, "max.message.bytes=5000");
	has_not(out, "retention.ms=");
	assert_int_equal(th_json_len(th_json(leat(OK,
	    "topics describe life --json")), "/partitions"), 4);
	has(leat(FAILED, "topics alter life --partitions 3"),
	    "INVALID_PARTITIONS");
	has(leat(FAILED, "topics alter life --set foo=1"), "INVALID_CONFIG");
	has(leat(NOT_FOUND, "topics alter life --unset segment.ms"),
	    "--unset");
	leat(OK, "topics delete life other");
	has(leat(NOT_FOUND, "topics delete life"), "topic 'life'");
	leat(OK, "topics delete life --if-exists");
	has_not(leat(OK, "topics"), "life");
}

static void
purge(void **state)
{
	leat(OK, "topics create full --partitions 2");
	PRODUCE("a\nb\nc\nd\ne\n", "produce full -p 1");
	has(leat(OK, "topics purge full -p 1 --before 2"),
	    "partition 1 begins at offset 2");
	assert_string_equal(all_of("full"), "c\nd\ne\n");
	has(leat(OK, "topics purge full --before -1"),
	    "partition 1 begins at offset 4");
	assert_string_equal(all_of("full"), "e\n");
	leat(OK, "topics purge full --before end");
	assert_string_equal(all_of("full"), "");
	has(leat(FAILED, "consume full -p 1 --from 2"),
	    "has the offsets 5 to 5, not 2");
	has(leat(NOT_FOUND, "topics purge full -p 7 --before end"),
	    "partition 7");
	leat(OK, "topics delete full");
}

/* ---------------------------------------------------------------- consume */

static void
consume_what_is_there(void **state)
{
	const char *out = leat(OK, "consume ten --from-beginning --exit-eof");
	const struct leat_value *doc;
	struct leat_str rest;

	assert_int_equal(lines(out), 10);
	assert_int_equal(strncmp(out, "{\"id\":", 6), 0);
	assert_string_equal(all_of("ten"), out);
	assert_int_equal(lines(leat(OK, "consume ten -obeginning -n3")), 3);
	assert_string_equal(leat(OK, "consume ten -n 0"), "");
	assert_string_equal(leat(OK, "consume ten --exit-eof"), "");
	has(leat(OK, "consume ten -o 0 -k -n 1"), "\t{\"id\":");
	/* The mark of a transaction has an offset too. */
	assert_in_range(lines(leat(OK, "consume ten -o -3 -e")), 1, 3);
	assert_int_equal(lines(leat(OK, "consume ten -o @0 -e")), 10);
	assert_int_equal(lines(leat(OK, "consume ten -o @-1h -e")), 10);
	assert_string_equal(leat(OK, "consume ten -o 2100-01-01 -e"), "");
	out = leat(OK, "consume ten --from beginning -e --json");
	rest = leat_str_c(out);
	for (int i = 0; i < 10; i++) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		doc = th_json(th_text("%.*s", (int)line.len, line.ptr));
		assert_string_equal(th_json_text(doc, "/topic"), "ten");
		assert_int_equal(th_json_int(doc, "/partition"), 0);
		assert_int_equal(th_json_int(doc, "/value/id"),
		    th_json_int(doc, "/key"));
		assert_true(th_json_int(doc, "/offset") >= 0);
		assert_true(th_json_int(doc, "/timestamp") > 0);
		assert_int_equal(th_json_len(doc, "/headers"), 0);
	}
	assert_int_equal(rest.len, 0);
	assert_int_equal(lines(leat(OK, "consume ten steady -o -2 -n 4")), 4);
	assert_int_equal(lines(leat(OK,
	    "consume ten -e --from beginning --isolation uncommitted")), 10);
	has(leat(NOT_FOUND, "consume nothing"), "leat topics list");
	has(leat(NOT_FOUND, "consume ten --partition 5"), "partition 5");
	has(leat(FAILED, "consume ten --from 5000"), "not 5000");
}

static void
formats(void **state)
{
	leat(OK, "topics create shape");
	PRODUCE("k1:v1\nk2:-\n", "produce shape -K : -Z - -H a=1 -H b=");
	assert_string_equal(leat(OK, "consume shape -o 0 -e -f "
	    "%%t:%%p:%%o:%%k=%%s:%%K:%%S:%%h\\n"),
	    "shape:0:0:k1=v1:2:2:a=1,b=\nshape:0:1:k2=null:2:-1:a=1,b=\n");
	assert_string_equal(leat(OK, "consume shape -o 0 -e -k -H -Z NIL"),
	    "a=1,b=\tk1\tv1\na=1,b=\tk2\tNIL\n");
	assert_string_equal(leat(OK, "consume shape -o 0 -e -f %%s\\x7c"),
	    "v1|null|");
	leat(OK, "topics delete shape");
}

static void
consume_what_comes(void **state)
{
	int64_t began = th_now_ms();

	assert_int_equal(lines(leat(OK, "consume steady --count 5")), 5);
	assert_in_range(th_now_ms() - began, 0, 8000 * th_slowness());
}

static void
follow_ends_by_signal(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < 2; i++) {
		struct th_proc *p = th_proc_spawn(
		    th_leat_bin(), "consume", "steady", NULL);
		int status;

		TH_WAIT(th_proc_said(p, "{\"id\":"), SOON_MS);
		th_proc_signal(p, signals[i]);
		assert_true(th_proc_wait(p, SOON_MS, &status));
		assert_int_equal(status, 0);
		th_proc_free(p);
	}
}

/* A reader that goes away, as `head` does, ends the command in silence. */
static void
closed_pipe(void **state)
{
	char *out;

	assert_int_equal(th_run(&out, "timeout", "15", "sh", "-c", th_text(
	    "%s consume steady --from beginning | head -n 2", th_leat_bin()),
	    NULL), 0);
	assert_int_equal(lines(out), 2);
	free(out);
	/* Nothing comes here that would fail to be written. */
	assert_int_equal(th_run(&out, "timeout", "15", "sh", "-c", th_text(
	    "%s consume ten --from -2 | head -n 1", th_leat_bin()), NULL), 0);
	assert_int_equal(lines(out), 1);
	free(out);
}

/* ---------------------------------------------------------------- produce */

static void
copies(void **state)
{
	static const char data[] = "a:{\"x\": 1}\nb:\"s\"\nc:12\nd:\n"
				   "e:-\nf:null\ng:\xff\xfe\x00z\nh:last";
	char *out, *back;

	leat(OK, "topics create from --partitions 3");
	leat(OK, "topics create to --partitions 3");
	leat_with(OK, data, sizeof(data) - 1,
	    "produce from -K : -Z - -H h=1 -H h=\xff");
	assert_int_equal(th_run(&out, "sh", "-c", th_text(
	    "%s consume from -o 0 -e -j | tee %s | %s produce to -j --stats"
	    " && %s consume to -o 0 -e -j |"
	    " sed 's/\"to\"/\"from\"/' | sort > %s",
	    th_leat_bin(), th_path("there"), th_leat_bin(), th_leat_bin(),
	    th_path("back")), NULL), 0);
	has(out, "8 records, ");
	has(out, "; 0 failed");
	free(out);
	assert_int_equal(th_run(&out, "sort", th_path("there"), NULL), 0);
	back = th_slurp(th_path("back"), NULL);
	assert_int_equal(lines(out), 8);
	assert_string_equal(out, back);
	has(out, "\"key\":\"e\",\"value\":null,\"headers\":[{\"name\":\"h\","
		 "\"value\":1},{\"name\":\"h\",\"value\":{\"base64\":");
	free(out);
	free(back);
	leat(OK, "topics delete from to");
}

static void
codecs_and_acks(void **state)
{
	static const char *const how[] = { "-z none", "-z gzip", "-z snappy",
		"-z lz4", "-z zstd", "-a 0", "-a 1", "-a -1",
		"-X enable.idempotence=false" };
	const size_t n = sizeof(how) / sizeof(how[0]);

	leat(OK, "topics create codecs");
	for (size_t i = 0; i < n; i++) {
		const char *text = th_text("%s\n%s\n", how[i], how[i]);

		has(leat_with(OK, text, strlen(text), "produce codecs -s %s",
		    how[i]), "2 records, ");
	}
	TH_WAIT(th_worker_topic(w, "codecs", "stable_offset") ==
	    2 * (int64_t)n, SOON_MS);
	for (size_t i = 0; i < n; i++)
		has(all_of("codecs"), th_text("%s\n%s\n", how[i], how[i]));
	leat(OK, "topics delete codecs");
}

static void
keys_and_places(void **state)
{
	leat(OK, "topics create keyed --partitions 4");
	PRODUCE("one\ntwo\n", "produce keyed -k same");
	/* Where Java's clients put the key "foobar": murmur2, 4 partitions. */
	PRODUCE("foobar:x\n", "produce keyed -K :");
	has(leat(OK, "consume keyed -o 0 -e -f %%p:%%k\\n"), "2:foobar\n");
	PRODUCE("{\"value\":\"at\",\"partition\":1,\"timestamp\":86400000}\n"
		"\n{\"value\":\"free\",\"key\":\"foobar\",\"partition\":1}\n",
	    "produce keyed --json --by-key -k foobar");
	PRODUCE("{\"value\":\"at\",\"partition\":1,\"timestamp\":86400000}\n",
	    "produce keyed --json");
	has(leat(OK, "consume keyed -p1 -o 0 -e -f %%T:%%s\\n"),
	    "86400000:at\n");
	has(leat(OK, "consume keyed -p2 -o 0 -e -f %%k:%%s\\n"),
	    "foobar:x\nfoobar:at\nfoobar:free\n");
	leat(OK, "topics delete keyed");
}

static void
produce_failures(void **state)
{
	static const char data[] = "short\nmuch longer than ten\nlast";
	const char *file = th_path("lines");
	const char *out;

	leat(OK, "topics create strict --set max.message.bytes=2000");
	out = leat_with(FAILED, data, sizeof(data) - 1,
	    "produce strict --max-line 10 --stats");
	has(out, "standard input:2: longer than --max-line");
	has(out, "2 records");
	has(out, "1 failed");
	assert_string_equal(all_of("strict"), "short\nlast\n");
	th_write_text(file, "{\"value\":1}\nnonsense\n{\"key\":1}\n");
	out = leat(FAILED, "produce strict %s --json", file);
	has(out, "lines:2: not one object");
	has(out, "lines:3: no \"value\"");
	assert_string_equal(all_of("strict"), "short\nlast\n1\n");
	out = leat_with(FAILED, th_text("%03000d\n", 0), 3001,
	    "produce strict -X message.max.bytes=1000000");
	has(out, "a record was not delivered: Broker: Message size too large");
	out = leat(FAILED, "produce strict %s", th_path("no-such-file"));
	has(out, "No such file or directory");
	out = leat_with(FAILED, "x\n", 2, "produce strict -p 5");
	has(out, "Unknown partition");
	leat(OK, "topics delete strict");
}

/* ----------------------------------------------------------------- groups */

static int64_t
lag_of(const char *group)
{
	return th_json_int(th_json(leat(OK, "groups describe %s -j", group)),
	    "/lag");
}

static void
groups(void **state)
{
	const char *out;

	leat(OK, "topics create work --partitions 2");
	PRODUCE("1\n2\n3\n4\n", "produce work -p 0");
	PRODUCE("5\n6\n", "produce work -p 1");
	assert_int_equal(lines(leat(OK,
	    "consume work -g crew --from beginning -e")), 6);
	assert_string_equal(leat(OK, "consume work -g crew -e"), "");
	has(leat(OK, "groups"), "crew");
	has(leat(OK, "groups list --json"), "\"name\":\"crew\"");
	PRODUCE("7\n", "produce work -p 1");
	assert_int_equal(lag_of("crew"), 1);
	out = leat(OK, "groups describe crew");
	has(out, "state        Empty");
	has(out, "lag          1\n");

	out = leat(OK, "groups reset crew --to earliest");
	has(out, "--execute does it");
	assert_int_equal(lag_of("crew"), 1);
	out = leat(OK, "groups reset crew --to -1 --topic work:0 -x -j");
	has(out, "\"executed\":true,\"partitions\":[{\"topic\":\"work\","
		 "\"partition\":0,\"from\":4,\"to\":3}]");
	assert_int_equal(lag_of("crew"), 2);
	leat(OK, "groups reset crew --to @0 --execute");
	assert_int_equal(lag_of("crew"), 7);
	leat(OK, "groups reset crew --to 1 --execute");
	assert_int_equal(lag_of("crew"), 5);
	leat(OK, "groups reset crew --to +2 --execute");
	assert_int_equal(lag_of("crew"), 1);
	leat(OK, "groups reset crew --to latest --execute");
	assert_int_equal(lag_of("crew"), 0);
	leat(OK, "groups reset fresh --to 2 --topic work:0 --execute");
	assert_int_equal(lag_of("fresh"), 2);
	has(leat(FAILED, "groups reset crew --to +1 --topic ten"),
	    "no offset that could be moved");
	has(leat(NOT_FOUND, "groups reset crew --to 1 --topic none"),
	    "topic 'none'");
	has(leat(NOT_FOUND, "groups reset nobody --to 1"), "group 'nobody'");

	leat(OK, "groups delete crew --topic work:0");
	has_not(leat(OK, "groups describe crew -j"), "\"partition\":0");
	leat(OK, "groups delete crew fresh");
	has_not(leat(OK, "groups"), "crew");
	has(leat(NOT_FOUND, "groups describe crew"), "no such group");
	leat(NOT_FOUND, "groups delete crew");
	leat(OK, "topics delete work");
}

/* With a member: described, and not to be touched. */
static void
busy_group(void **state)
{
	struct th_proc *p = th_proc_spawn(th_leat_bin(), "consume", "steady",
	    "-g", "busy", "--from", "beginning", NULL);
	const struct leat_value *doc;
	int64_t offset;
	char *text;
	int status;

	TH_WAIT(th_proc_said(p, "{\"id\":"), SOON_MS);
	doc = th_json(leat(OK, "groups describe busy -j"));
	assert_string_equal(th_json_text(doc, "/state"), "Stable");
	assert_int_equal(th_json_len(doc, "/members"), 1);
	assert_string_equal(th_json_text(doc, "/members/0/client_id"), "leat");
	assert_string_equal(th_json_text(doc, "/partitions/0/member"),
	    th_json_text(doc, "/members/0/id"));
	has(leat(OK, "groups describe busy --members"), "steady:0");
	has(leat(FAILED, "groups reset busy --to end -x"), "NON_EMPTY_GROUP");
	has(leat(FAILED, "groups delete busy"), "NON_EMPTY_GROUP");
	th_proc_signal(p, SIGINT);
	assert_true(th_proc_wait(p, SOON_MS, &status));
	assert_int_equal(status, 0);
	/* What was printed is committed, to the record. */
	offset = th_json_int(th_json(leat(OK, "groups describe busy -j")),
	    "/partitions/0/offset");
	text = th_proc_text(p);
	assert_int_equal(lines(leat(OK, "consume steady -o %lld -n 1",
	    (long long)offset)), 1);
	assert_null(strstr(text, leat(OK, "consume steady -g busy -n 1")));
	free(text);
	th_proc_free(p);
	leat(OK, "groups delete busy");
}

/* Leat's own sinks are groups too. */
static void
sink_group(void **state)
{
	const char *out;

	th_worker_file(w, "keep.yaml", "connector: file-sink\n"
	    "topics: ten\nfile: %s\n", th_path("kept"));
	TH_WAIT(th_worker_is(w, "keep", "RUNNING"), SOON_MS);
	TH_WAIT(th_worker_topic(w, "ten", "end_offset") > 0 &&
	    strstr(leat(OK, "groups"), "connect-keep") != NULL, SOON_MS);
	TH_WAIT(strstr(leat(OK, "groups describe connect-keep"),
	    "\nlag          0\n") != NULL, SOON_MS);
	out = leat(OK, "groups describe connect-keep -m");
	has(out, "state        Stable");
	has(out, "ten:0");
	has(leat(FAILED, "groups reset connect-keep --to earliest -x"),
	    "NON_EMPTY_GROUP");
	th_worker_remove(w, "keep.yaml");
}

/* ---------------------------------------------------------------- trouble */

/* With a user and rules, as a client.properties of Java says it. */
static void
logs_in(void **state)
{
	const char *settings[3] = { NULL };
	struct th_worker_opts o = { .name = "guarded", .settings = settings };
	const char *file = th_path("login.properties");
	const char *users = th_path("users"), *rules = th_path("rules");
	struct th_worker *guarded;

	leat_with(OK, "wonder\n", 7, "users add alice --file %s", users);
	th_write_text(rules, "allow User:alice describe topic *\n");
	settings[0] = th_text("broker.sasl.users.file: %s", users);
	settings[1] = th_text("broker.acl.file: %s", rules);
	guarded = th_worker_start(&o);
	th_write_text(file, th_text("bootstrap.servers=%s\n"
	    "security.protocol=SASL_PLAINTEXT\n"
	    "sasl.mechanism=SCRAM-SHA-512\n"
	    "sasl.jaas.config=org.apache.kafka.common.security.scram."
	    "ScramLoginModule required username=\"alice\" "
	    "password=\"wonder\";\n", th_worker_kafka(guarded)));
	leat(OK, "topics -c %s", file);
	has(leat(FAILED, "topics create x -c %s", file),
	    "AUTHORIZATION_FAILED");
	has(leat(FAILED, "topics -c %s -X sasl.password=wander", file),
	    "cannot log in at");
	leat(UNREACHABLE, "topics -t 3 -b %s", th_worker_kafka(guarded));
	assert_int_equal(th_worker_stop(guarded), 0);
	th_worker_free(guarded);
}

/* The broker goes away and comes back: every line is there, once. */
static void
broker_restarts(void **state)
{
	enum { LINES = 200000 };
	struct th_worker *shaky = th_worker_start(
	    &(struct th_worker_opts){ .name = "shaky" });
	const char *input = th_path("many"), *at = th_worker_kafka(shaky);
	struct th_proc *reader, *writer;
	struct leat_buf text;
	char *out;
	int status;

	leat_buf_init(&text, 8 << 20);
	for (int i = 0; i < LINES; i++)
		leat_buf_printf(&text, "%06d\n", i);
	th_write_file(input, text.data, text.len);
	leat(OK, "topics create shaky -b %s", at);
	assert_int_equal(th_run(NULL, "mkfifo", th_path("go"), NULL), 0);
	reader = th_proc_spawn(th_leat_bin(), "consume", "shaky", "-b", at,
	    "-o", "0", "-n", th_text("%d", LINES), NULL);
	writer = th_proc_start(&(struct th_proc_opts){
	    .argv = (const char *const[]){ "sh", "-c", th_text(
		"(head -n 100000; read go < %s; cat) < %s | %s produce shaky "
		"-b %s --stats", th_path("go"), input, th_leat_bin(), at),
		NULL },
	    .name = "writer" });
	TH_WAIT(th_proc_said(reader, "000000\n"), SOON_MS);
	th_worker_kill(shaky);
	th_worker_resume(shaky);
	assert_int_equal(th_run(NULL, "sh", "-c", th_text("echo > %s",
	    th_path("go")), NULL), 0);
	assert_true(th_proc_wait(writer, 60000, &status));
	assert_true(th_proc_said(writer, "200000 records"));
	assert_int_equal(status, 0);
	assert_true(th_proc_wait(reader, 60000, &status));
	assert_int_equal(status, 0);
	assert_int_equal(th_run(&out, "sh", "-c", th_text(
	    "%s consume shaky -b %s -o 0 -e | cmp - %s", th_leat_bin(), at,
	    input), NULL), 0);
	free(out);
	th_proc_free(reader);
	th_proc_free(writer);
	leat_buf_fini(&text);
	assert_int_equal(th_worker_stop(shaky), 0);
	th_worker_free(shaky);
}

/* Instead of all others: see th_thread_sanitizer. */
static void
left_out(void **state)
{
	print_message("left out: no librdkafka under a thread sanitizer\n");
	skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(properties),
		cmocka_unit_test(topics),
		cmocka_unit_test(life_of_a_topic),
		cmocka_unit_test(purge),
		cmocka_unit_test(consume_what_is_there),
		cmocka_unit_test(formats),
		cmocka_unit_test(consume_what_comes),
		cmocka_unit_test(follow_ends_by_signal),
		cmocka_unit_test(closed_pipe),
		cmocka_unit_test(copies),
		cmocka_unit_test(codecs_and_acks),
		cmocka_unit_test(keys_and_places),
		cmocka_unit_test(produce_failures),
		cmocka_unit_test(groups),
		cmocka_unit_test(busy_group),
		cmocka_unit_test(sink_group),
		cmocka_unit_test(logs_in),
		cmocka_unit_test(broker_restarts),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(left_out) };

	if (th_thread_sanitizer())
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, start, stop);
}
