/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_offsets.c: see kafka_offsets.h. */
#include "core/cli/kafka_offsets.h"

#include <stdio.h>
#include <string.h>

#include <leat/str.h>
#include <leat/time.h>

#include "core/base/clock.h"
#include "core/cli/cli.h"

int64_t
kafka_wall_ms(void)
{
	return clock_system.wall_us(&clock_system) / 1000;
}

static int
parse_time(struct leat_str s, int64_t now_ms, int64_t *ret_ms)
{
	char text[64];
	int64_t n;

	if (s.len > 1 && s.ptr[0] == '-') {
		s.ptr++;
		s.len--;
		if (leat_parse_duration_ms(s, &n) < 0 || n > now_ms)
			return -1;
		*ret_ms = now_ms - n;
		return 0;
	}
	if (leat_parse_i64(s, 0, INT64_MAX, ret_ms) == 0)
		return 0;
	snprintf(text, sizeof(text), "%.*s%s", (int)s.len, s.ptr,
	    s.len == 10 ? "T00:00:00Z" : "");
	if (s.len >= sizeof(text) ||
	    leat_time_parse_us(leat_str_c(text), &n) < 0 || n < 0)
		return -1;
	*ret_ms = n / 1000;
	return 0;
}

static const struct {
	const char *word;
	enum place_kind kind;
} words[] = {
	{ "beginning", PLACE_BEGINNING },
	{ "earliest", PLACE_BEGINNING },
	{ "end", PLACE_END },
	{ "latest", PLACE_END },
	{ NULL, PLACE_N },
};

int
kafka_place_parse(
    const char *text, int64_t now_ms, struct kafka_place *ret_place)
{
	struct leat_str s = leat_str_c(text);
	struct kafka_place p = { .kind = PLACE_TIME };

	for (size_t i = 0; words[i].word != NULL; i++)
		if (strcmp(text, words[i].word) == 0) {
			*ret_place = (struct kafka_place){ words[i].kind, 0 };
			return 0;
		}
	if (s.len > 1 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
		p.kind = s.ptr[0] == '-' ? PLACE_BACK : PLACE_FORTH;
		s.ptr++;
		s.len--;
		if (leat_parse_i64(s, 0, INT64_MAX, &p.n) < 0)
			return -1;
	} else if (leat_parse_i64(s, 0, INT64_MAX, &p.n) == 0) {
		p.kind = PLACE_OFFSET;
	} else {
		if (s.len > 1 && s.ptr[0] == '@') {
			s.ptr++;
			s.len--;
		} else if (s.len < 10) {
			return -1;
		}
		if (parse_time(s, now_ms, &p.n) < 0)
			return -1;
	}
	*ret_place = p;
	return 0;
}

/* One question for all partitions; the answers stand in the list. */
static int
ask(struct kafka *k, rd_kafka_topic_partition_list_t *list, int64_t what)
{
	rd_kafka_resp_err_t code;

	for (int i = 0; i < list->cnt; i++) {
		list->elems[i].offset = what;
		list->elems[i].err = 0;
	}
	if (list->cnt == 0)
		return EXIT_OK;
	code = rdk.offsets_for_times(k->rk, list, k->timeout_ms);
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];

		if (p->err != 0)
			return kafka_complain(k, p->err, NULL,
			    "partition %d of topic '%s'", p->partition,
			    p->topic);
	}
	if (code != 0)
		return kafka_complain(
		    k, code, NULL, "cannot ask for offsets");
	return EXIT_OK;
}

static rd_kafka_topic_partition_list_t *
copy_of(const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *copy = rdk.topic_partition_list_new(
	    list->cnt);

	for (int i = 0; i < list->cnt; i++)
		rdk.topic_partition_list_add(copy, list->elems[i].topic,
		    list->elems[i].partition);
	return copy;
}

/* Copies in the order of the list, whatever the order of the answers. */
static int64_t
answer_for(const rd_kafka_topic_partition_list_t *answers, int hint,
    const rd_kafka_topic_partition_t *p)
{
	for (int i = 0; i < answers->cnt; i++) {
		const rd_kafka_topic_partition_t *a =
		    &answers->elems[(hint + i) % answers->cnt];

		if (a->partition == p->partition &&
		    strcmp(a->topic, p->topic) == 0)
			return a->offset;
	}
	return 0;
}

int
kafka_ranges(struct kafka *k, const rd_kafka_topic_partition_list_t *list,
    struct kafka_range *ret)
{
	rd_kafka_topic_partition_list_t *copy = copy_of(list);
	int rc = ask(k, copy, RD_KAFKA_OFFSET_BEGINNING);

	for (int i = 0; rc == EXIT_OK && i < list->cnt; i++)
		ret[i].low = answer_for(copy, i, &list->elems[i]);
	if (rc == EXIT_OK)
		rc = ask(k, copy, RD_KAFKA_OFFSET_END);
	for (int i = 0; rc == EXIT_OK && i < list->cnt; i++)
		ret[i].high = answer_for(copy, i, &list->elems[i]);
	rdk.topic_partition_list_destroy(copy);
	return rc;
}

int
kafka_times(
    struct kafka *k, rd_kafka_topic_partition_list_t *list, int64_t time_ms)
{
	rd_kafka_topic_partition_list_t *copy = copy_of(list);
	rd_kafka_topic_partition_list_t *ends = copy_of(list);
	int rc = ask(k, copy, time_ms);

	if (rc == EXIT_OK)
		rc = ask(k, ends, RD_KAFKA_OFFSET_END);
	for (int i = 0; rc == EXIT_OK && i < list->cnt; i++) {
		int64_t offset = answer_for(copy, i, &list->elems[i]);

		if (offset < 0)
			offset = answer_for(ends, i, &list->elems[i]);
		list->elems[i].offset = offset;
	}
	rdk.topic_partition_list_destroy(copy);
	rdk.topic_partition_list_destroy(ends);
	return rc;
}
