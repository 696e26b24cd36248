/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_produce.c: `leat produce`: lines become records of a topic. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_client.h"
#include "core/cli/line_reader.h"
#include "core/cli/record_text.h"

enum {
	LINE_MAX_DEFAULT = 1 << 20,
	LINE_MAX_MOST = 1 << 30,
	OVERHEAD = 64 << 10,	/* of a batch with one record, headers too */
	SEPARATOR_MAX = 64,
	COMPLAINTS_MAX = 10,
	QUEUE_KB = 256 << 10,	/* waiting to be sent */
	POLL_EVERY = 1000
};

struct options {
	struct kafka_options kafka;
	const char *key_separator;
	const char *key;
	const char *null;
	struct arg_list headers;
	int64_t partition;	/* -1: by key */
	bool json;
	bool by_key;
	const char *acks;
	const char *compression;
	int64_t max_line;
	bool stats;
};

struct produce {
	struct kafka k;
	const struct options *o;
	rd_kafka_topic_t *topic;
	char separator[SEPARATOR_MAX];
	size_t separator_len;
	struct leat_arena work;	/* of one line of JSON */
	struct cli_header headers[64];	/* of each record */
	size_t nheaders;
	uint64_t sent, bytes, failed;
	const char *file;	/* being read, for texts */
	int64_t line;
};

/* ---------------------------------------------------------------- errors */

static void
count_failure(struct produce *p, const char *what, int64_t line)
{
	p->failed++;
	if (p->failed > COMPLAINTS_MAX)
		return;
	if (line > 0)
		fprintf(stderr, "leat: %s:%lld: %s\n", p->file,
		    (long long)line, what);
	else
		fprintf(stderr, "leat: a record was not delivered: %s\n",
		    what);
	if (p->failed == COMPLAINTS_MAX)
		fputs("leat: further failures are only counted\n", stderr);
}

/* Nothing will work any more: that is said once, instead of each record. */
static bool
ended_for_all(struct produce *p)
{
	char text[512];
	rd_kafka_resp_err_t code;

	if (p->k.broken == RD_KAFKA_RESP_ERR__FATAL)
		return true;
	code = rdk.fatal_error(p->k.rk, text, sizeof(text));
	if (code == 0)
		return false;
	p->k.broken = RD_KAFKA_RESP_ERR__FATAL;
	kafka_complain(&p->k, code, text, "cannot go on");
	if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
		fputs("This broker is too old for idempotent producers: try "
		      "--acks 1.\n",
		    stderr);
	return true;
}

/* Only for records that failed: delivery.report.only.error. */
static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
	struct kafka *k = arg;
	struct produce *p = (void *)((char *)k - offsetof(struct produce, k));

	if (m->err == 0 || m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
	    m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
		return;
	p->sent--;
	p->bytes -= m->len + m->key_len;
	if (ended_for_all(p))
		p->failed++;
	else
		count_failure(p, rdk.err2str(m->err), 0);
}

/* ---------------------------------------------------------------- sending */

static rd_kafka_headers_t *
make_headers(const struct produce *p, const struct cli_record *r)
{
	rd_kafka_headers_t *h = rdk.headers_new(p->nheaders + r->nheaders);
	size_t total = p->nheaders + r->nheaders;

	for (size_t i = 0; i < total; i++) {
		const struct cli_header *one = i < r->nheaders
		    ? &r->headers[i]
		    : &p->headers[i - r->nheaders];

		rdk.header_add(h, one->name.ptr, (ssize_t)one->name.len,
		    one->value.ptr, (ssize_t)one->value.len);
	}
	return h;
}

/* The library copies it, though its types do not say so. */
static void *
copied(struct leat_str s)
{
	return (void *)(uintptr_t)s.ptr;
}

/* With headers or a timestamp; the error. */
static rd_kafka_resp_err_t
send_rich(struct produce *p, const struct cli_record *r, int32_t partition)
{
	rd_kafka_headers_t *h = make_headers(p, r);
	rd_kafka_vu_t vu[] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = p->topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS,
		    .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_VALUE,
		    .u.mem = { copied(r->value), r->value.len } },
		{ .vtype = RD_KAFKA_VTYPE_KEY,
		    .u.mem = { copied(r->key), r->key.len } },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = h },
		{ .vtype = RD_KAFKA_VTYPE_TIMESTAMP,
		    .u.i64 = r->timestamp },
	};
	size_t n = ARRAY_LEN(vu) - (r->timestamp > 0 ? 0 : 1);
	rd_kafka_error_t *e = rdk.produceva(p->k.rk, vu, n);
	rd_kafka_resp_err_t code = 0;

	/* The headers are the library's only if it took the record. */
	if (e != NULL) {
		code = rdk.error_code(e);
		rdk.error_destroy(e);
		rdk.headers_destroy(h);
	}
	return code;
}

static rd_kafka_resp_err_t
send_plain(struct produce *p, const struct cli_record *r, int32_t partition)
{
	if (rdk.produce(p->topic, partition, RD_KAFKA_MSG_F_COPY,
		copied(r->value), r->value.len, r->key.ptr, r->key.len,
		NULL) == 0)
		return 0;
	return rdk.last_error();
}

static void
send_record(struct produce *p, const struct cli_record *r)
{
	int32_t partition = p->o->by_key || r->partition < 0
	    ? RD_KAFKA_PARTITION_UA
	    : r->partition;
	bool plain = r->nheaders + p->nheaders == 0 && r->timestamp <= 0;

	if (p->o->partition >= 0)
		partition = (int32_t)p->o->partition;
	for (;;) {
		rd_kafka_resp_err_t code = plain
		    ? send_plain(p, r, partition)
		    : send_rich(p, r, partition);

		if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			rdk.poll(p->k.rk, 50);
			if (kafka_stop_signal() == 0)
				continue;
		} else if (code != 0 && ended_for_all(p)) {
			p->failed++;
		} else if (code != 0) {
			count_failure(p, rdk.err2str(code), p->line);
		} else {
			p->sent++;
			p->bytes += r->key.len + r->value.len;
		}
		return;
	}
}

/* ------------------------------------------------------------------ lines */

static struct leat_str
unless_null(const struct produce *p, struct leat_str s)
{
	if (p->o->null != NULL && leat_str_eq_c(s, p->o->null))
		return (struct leat_str){ NULL, 0 };
	return s;
}

static void
send_text(struct produce *p, struct leat_str line)
{
	struct cli_record r = { .partition = -1, .timestamp = -1 };
	const char *at = p->separator_len == 0
	    ? NULL
	    : memmem(line.ptr, line.len, p->separator, p->separator_len);

	r.value = line;
	if (at != NULL) {
		size_t n = (size_t)(at - line.ptr);

		r.key = unless_null(p, (struct leat_str){ line.ptr, n });
		r.value.ptr += n + p->separator_len;
		r.value.len -= n + p->separator_len;
	} else if (p->o->key != NULL) {
		r.key = leat_str_c(p->o->key);
	}
	r.value = unless_null(p, r.value);
	send_record(p, &r);
}

static void
send_json(struct produce *p, struct leat_str line)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct cli_record r;

	leat_arena_reset(&p->work);
	if (record_parse_json(line, &p->work, &r, &err) < 0) {
		count_failure(p, err.text, p->line);
		return;
	}
	if (r.key.ptr == NULL && p->o->key != NULL)
		r.key = leat_str_c(p->o->key);
	send_record(p, &r);
}

static void
send_lines(struct produce *p, struct line_reader *in)
{
	while (kafka_stop_signal() == 0 && p->k.broken == 0) {
		struct leat_str line;
		enum line_kind kind = line_next(in, &line);

		if (kind == LINE_END)
			return;
		if (kind == LINE_WAIT) {
			rdk.poll(p->k.rk, 0);
			continue;
		}
		p->line++;
		if (kind == LINE_TOO_LONG)
			count_failure(p, "longer than --max-line", p->line);
		else if (p->o->json && line.len > 0)
			send_json(p, line);
		else if (!p->o->json)
			send_text(p, line);
		if (p->line % POLL_EVERY == 0)
			rdk.poll(p->k.rk, 0);
	}
}

static int
send_file(struct produce *p, const char *path)
{
	struct line_reader in;
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	p->file = strcmp(path, "-") == 0 ? "standard input" : path;
	p->line = 0;
	rc = line_open(&in, path, (size_t)p->o->max_line, &err);
	if (rc == 0) {
		send_lines(p, &in);
		rc = line_failed(&in, &err);
	}
	line_close(&in);
	if (rc == 0)
		return EXIT_OK;
	fprintf(stderr, "leat: %s: %s\n", p->file, err.text);
	return EXIT_FAILED;
}

/* ---------------------------------------------------------------- options */

static int
usage(const char *text, const char *which)
{
	fprintf(stderr, "leat: %s '%s'\n", text, which);
	return EXIT_USAGE;
}

static int
understand(struct produce *p)
{
	const struct options *o = p->o;
	int64_t n;

	if (o->max_line < 1 || o->max_line > LINE_MAX_MOST)
		return usage("--max-line is 1 to 1073741824, not this",
		    "number");
	if (o->partition > INT32_MAX)
		return usage("there is no such", "--partition");
	if (strcmp(o->acks, "0") != 0 && strcmp(o->acks, "1") != 0 &&
	    strcmp(o->acks, "all") != 0 && strcmp(o->acks, "-1") != 0)
		return usage("--acks is 0, 1 or all, not", o->acks);
	if (o->json && o->key_separator != NULL)
		return usage("lines of JSON have no", "--key-separator");
	if (o->key_separator != NULL) {
		n = record_unescape(
		    o->key_separator, p->separator, SEPARATOR_MAX);
		if (n <= 0)
			return usage("--key-separator is not understood:",
			    o->key_separator);
		p->separator_len = (size_t)n;
	}
	for (size_t i = 0; i < o->headers.n; i++) {
		struct leat_str rest = leat_str_c(o->headers.items[i]);

		if (strchr(rest.ptr, '=') == NULL)
			return usage("--header is not name=value:", rest.ptr);
		p->headers[i].name = leat_str_cut(&rest, '=');
		p->headers[i].value = rest;
	}
	p->nheaders = o->headers.n;
	return EXIT_OK;
}

static int
start(struct produce *p)
{
	const struct options *o = p->o;
	bool all = strcmp(o->acks, "all") == 0 || strcmp(o->acks, "-1") == 0;
	char queue[24];
	const struct kafka_setting defaults[] = {
		{ "queue.buffering.max.kbytes", queue },
		{ "enable.idempotence", all ? "true" : "false" },
		{ "partitioner", "murmur2_random" }, /* as Java's clients */
		{ "acks", o->acks },
		{ 0 },
	};
	char size[24];
	int rc;

	snprintf(queue, sizeof(queue), "%lld",
	    (long long)MAX(QUEUE_KB, 2 * o->max_line >> 10));
	rc = kafka_prepare(&p->k, &o->kafka, defaults);

	if (rc != EXIT_OK)
		return rc;
	if (o->compression != NULL) {
		char text[256];

		if (rdk.conf_set(p->k.conf, "compression.codec",
			o->compression, text, sizeof(text)) != 0)
			return usage("--compression is none, gzip, snappy, "
				     "lz4 or zstd, not",
			    o->compression);
	}
	/* The library refuses more than this: 1000000000 bytes. */
	snprintf(size, sizeof(size), "%lld",
	    (long long)MIN(o->max_line + OVERHEAD, 1000000000));
	kafka_must(&p->k, "message.max.bytes", size);
	kafka_must(&p->k, "delivery.report.only.error", "true");
	rdk.conf_set_dr_msg_cb(p->k.conf, delivered);
	return kafka_start(&p->k, RD_KAFKA_PRODUCER);
}

/* ---------------------------------------------------------------- the end */

/* Waits until all is answered for; after a signal not longer than --timeout. */
static void
flush(struct produce *p)
{
	int64_t end = 0;

	while (rdk.outq_len(p->k.rk) > 0 && p->k.broken == 0) {
		rdk.flush(p->k.rk, 100);
		if (kafka_stop_signal() == 0)
			continue;
		if (end == 0)
			end = kafka_now_ms() + p->k.timeout_ms;
		else if (kafka_now_ms() > end)
			break;
	}
}

static int
finish(struct produce *p, int64_t began)
{
	int64_t ms;
	int left;

	flush(p);
	ms = MAX(kafka_now_ms() - began, 1);
	left = rdk.outq_len(p->k.rk);
	if (left > 0) {
		fprintf(stderr, "leat: %d records were not delivered%s%s\n",
		    left, p->k.cause[0] != '\0' ? ": " : "", p->k.cause);
		p->failed += (uint64_t)left;
		p->sent -= (uint64_t)left;
	}
	if (p->o->stats)
		fprintf(stderr, "%llu records, %.3f MB in %.3f s: "
		    "%.0f records/s, %.3f MB/s; %llu failed\n",
		    (unsigned long long)p->sent, (double)p->bytes / 1e6,
		    (double)ms / 1e3, (double)p->sent * 1e3 / (double)ms,
		    (double)p->bytes / 1e3 / (double)ms,
		    (unsigned long long)p->failed);
	else if (p->failed > COMPLAINTS_MAX)
		fprintf(stderr, "leat: %llu records failed\n",
		    (unsigned long long)p->failed);
	return p->failed > 0 ? EXIT_FAILED : EXIT_OK;
}

/* Is the topic there (or does the broker make it now)? */
static int
find_topic(struct produce *p, const char *name)
{
	int64_t end = kafka_now_ms() + p->k.timeout_ms;
	rd_kafka_resp_err_t code;

	p->topic = rdk.topic_new(p->k.rk, name, NULL);
	if (p->topic == NULL)
		return usage("this cannot be the name of a topic:", name);
	do {
		const struct rd_kafka_metadata *md;

		code = rdk.metadata(
		    p->k.rk, 0, p->topic, &md, p->k.timeout_ms);
		if (code == 0) {
			code = md->topic_cnt == 1 ? md->topics[0].err : 0;
			rdk.metadata_destroy(md);
		}
		rdk.poll(p->k.rk, 20);
	} while (code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE &&
	    kafka_now_ms() < end && kafka_stop_signal() == 0);
	if (code == 0)
		return EXIT_OK;
	if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return kafka_complain(&p->k, code, NULL, "topic '%s'", name);
	fprintf(stderr, "leat: there is no topic '%s', and the broker makes "
	    "none by itself\n`leat topics create %s` makes it.\n", name, name);
	return EXIT_NOT_FOUND;
}

static int
produce(struct produce *p, const struct args *a)
{
	int64_t began;
	int rc = start(p), end;

	if (rc == EXIT_OK)
		rc = find_topic(p, a->words[0]);
	if (rc == EXIT_OK) {
		p->k.talk = true;
		began = kafka_now_ms();
		if (a->nwords == 1)
			rc = send_file(p, "-");
		for (size_t i = 1; rc == EXIT_OK && i < a->nwords; i++)
			rc = send_file(p, a->words[i]);
		end = finish(p, began);
		rc = rc == EXIT_OK ? end : rc;
	}
	if (p->topic != NULL)
		rdk.topic_destroy(p->topic);
	kafka_close(&p->k);
	return rc;
}

int
cmd_produce(int argc, char **argv)
{
	struct options o = { .partition = -1,
		.acks = "all",
		.max_line = LINE_MAX_DEFAULT };
	const struct arg table[] = {
		{ "key-separator", 'K', ARG_TEXT, "TEXT",
		    "what stands between key and value, as \\t",
		    &o.key_separator },
		{ "key", 'k', ARG_TEXT, "TEXT",
		    "the key of records without one", &o.key },
		{ "header", 'H', ARG_LIST, "NAME=VALUE",
		    "a header of each record; may be repeated", &o.headers },
		{ "null", 'Z', ARG_TEXT, "TEXT",
		    "keys and values that are this text are null", &o.null },
		{ "json", 'j', ARG_FLAG, NULL,
		    "lines as `leat consume --json` prints them", &o.json },
		{ "partition", 'p', ARG_INT, "N", "into this partition",
		    &o.partition },
		{ "by-key", 0, ARG_FLAG, NULL,
		    "by the key, whatever partition a line of JSON says",
		    &o.by_key },
		{ "acks", 'a', ARG_TEXT, "ACKS",
		    "0, 1 or all; all is idempotent (all)", &o.acks },
		{ "compression", 'z', ARG_TEXT, "CODEC",
		    "none, gzip, snappy, lz4, zstd (none)", &o.compression },
		{ "max-line", 'm', ARG_INT, "BYTES",
		    "longer lines fail (1048576)", &o.max_line },
		{ "stats", 's', ARG_FLAG, NULL,
		    "print how many and how fast, at the end", &o.stats },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat produce TOPIC [FILE..] [options]",
		.about =
		    "Each line of the files, or of standard input, becomes a "
		    "record of the topic.\nEnds with 1 when one of them could "
		    "not be written.",
		.table = table,
		.examples =
		    "  echo hello | leat produce greetings\n"
		    "  leat produce users users.tsv --key-separator '\\t'\n"
		    "  leat consume a --from beginning -e --json |\n"
		    "      leat produce b --json\n",
		.min_words = 1,
		.max_words = 64,
	};
	struct produce p = { .o = &o };
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	rc = understand(&p);
	if (rc != EXIT_OK)
		return rc;
	leat_arena_init(&p.work, 64 << 10, 0);
	kafka_catch_signals();
	rc = produce(&p, &a);
	leat_arena_fini(&p.work);
	return rc;
}
