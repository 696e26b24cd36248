/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tz.c: zones from the system's database, from bytes written here, and
 * what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>
#include <leat/time.h>
#include <leat/wire.h>

#include "core/record/tz.h"
#include "core/record/tz_rule.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

static int64_t
seconds(const char *text)
{
	int64_t us;

	assert_int_equal(leat_time_parse_us(leat_str_c(text), &us), 0);
	return us / 1000000;
}

static void
test_zones(void **state)
{
	static const struct {
		const char *zone;
		const char *utc;
		int32_t offset;
	} rows[] = {
		{ "Europe/Berlin", "2024-03-31T00:59:59Z", 3600 },
		{ "Europe/Berlin", "2024-03-31T01:00:00Z", 7200 },
		{ "Europe/Berlin", "2024-10-27T00:59:59Z", 7200 },
		{ "Europe/Berlin", "2024-10-27T01:00:00Z", 3600 },
		/* Before the table, and behind it by the rule. */
		{ "Europe/Berlin", "1850-01-01T00:00:00Z", 3208 },
		{ "Europe/Berlin", "2124-07-01T00:00:00Z", 7200 },
		{ "Europe/Berlin", "2124-12-31T23:59:59Z", 3600 },
		{ "America/New_York", "2024-03-10T06:59:59Z", -18000 },
		{ "America/New_York", "2024-03-10T07:00:00Z", -14400 },
		{ "America/New_York", "2075-07-04T00:00:00Z", -14400 },
		/* Summer over the new year. */
		{ "Australia/Sydney", "2024-01-01T00:00:00Z", 39600 },
		{ "Australia/Sydney", "2024-07-01T00:00:00Z", 36000 },
		{ "Australia/Sydney", "2094-01-01T00:00:00Z", 39600 },
		{ "Australia/Sydney", "2094-07-01T00:00:00Z", 36000 },
		{ "Asia/Kolkata", "2024-01-01T00:00:00Z", 19800 },
		{ "Pacific/Easter", "2011-01-11T16:40:30Z", -18000 },
		{ "UTC", "2024-01-01T00:00:00Z", 0 },
		{ "Etc/GMT+5", "2024-01-01T00:00:00Z", -18000 },
		{ "+08:00", "2024-01-01T00:00:00Z", 28800 },
		{ "-03:30:15", "2024-01-01T00:00:00Z", -12615 },
		{ "+18:00", "2024-01-01T00:00:00Z", 64800 },
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct tz *tz = NULL;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		int32_t got;

		if (tz_open(TZ_DIR, rows[i].zone, &tz, &err) < 0)
			fail_msg("%s", err.text);
		got = tz_offset_at(tz, seconds(rows[i].utc));
		if (got != rows[i].offset)
			fail_msg("%s at %s: %d is not %d", rows[i].zone,
			    rows[i].utc, got, rows[i].offset);
		tz_free(tz);
	}
}

/* In a gap and in an overlap the offset is that of before. */
static void
test_local(void **state)
{
	static const struct {
		const char *zone;
		const char *local;
		int32_t offset;
	} rows[] = {
		{ "Europe/Berlin", "2024-03-31T01:59:59Z", 3600 },
		{ "Europe/Berlin", "2024-03-31T02:30:00Z", 3600 },
		{ "Europe/Berlin", "2024-03-31T03:00:00Z", 7200 },
		{ "Europe/Berlin", "2024-10-27T01:59:59Z", 7200 },
		{ "Europe/Berlin", "2024-10-27T02:30:00Z", 7200 },
		{ "Europe/Berlin", "2024-10-27T03:00:00Z", 3600 },
		{ "America/New_York", "2024-03-10T02:30:00Z", -18000 },
		{ "America/New_York", "2024-11-03T01:30:00Z", -14400 },
		{ "America/New_York", "2024-11-03T02:00:00Z", -18000 },
		{ "America/New_York", "2090-07-01T12:00:00Z", -14400 },
		{ "+02:00", "2024-03-31T02:30:00Z", 7200 },
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct tz *tz = NULL;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		int32_t got;

		assert_int_equal(tz_open(TZ_DIR, rows[i].zone, &tz, &err), 0);
		got = tz_offset_of_local(tz, seconds(rows[i].local));
		if (got != rows[i].offset)
			fail_msg("%s at %s: %d is not %d", rows[i].zone,
			    rows[i].local, got, rows[i].offset);
		tz_free(tz);
	}
}

static void
test_names(void **state)
{
	static const char *const rows[][2] = {
		{ "Nowhere/City", "there is no time zone 'Nowhere/City' in " },
		{ "", "there is no time zone ''" },
		{ "../etc/passwd", "there is no time zone" },
		{ "/etc/passwd", "there is no time zone" },
		{ "Europe/Berlin/x", "there is no time zone" },
		{ "+8:00", "the offset '+8:00' is not +hh:mm" },
		{ "+08:60", "the offset '+08:60'" },
		{ "+18:01", "at most 18 hours" },
		{ "+08:00:00:00", "the offset" },
		{ "-0800", "the offset" },
		{ "Europe", "read /usr/share/zoneinfo/Europe" },
		{ "tzdata/zi", "there is no time zone" },
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct tz *tz = NULL;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		leat_err_clear(&err);
		assert_true(tz_open(TZ_DIR, rows[i][0], &tz, &err) < 0);
		if (strstr(err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], err.text);
		assert_int_equal(err.cls, LEAT_CLS_CONFIG);
	}
	leat_err_clear(&err);
	assert_true(tz_open("/nonexistent", "Europe/Berlin", &tz, &err) < 0);
	assert_non_null(strstr(err.text, "tzdata"));
}

/* ------------------------------------------------------------------- bytes */

struct block {
	int64_t times[3];
	uint8_t kinds[3];
	uint32_t ntimes, ntypes, nleap;
};

static void
put_block(struct leat_buf *b, const struct block *k, char version, size_t size)
{
	static const int32_t offsets[] = { 100, 200 };
	uint32_t i;

	leat_buf_printf(b, "TZif%c", version);
	for (i = 0; i < 15; i++)
		leat_write_u8(b, 0);
	leat_write_u32(b, 0);
	leat_write_u32(b, 0);
	leat_write_u32(b, k->nleap);
	leat_write_u32(b, k->ntimes);
	leat_write_u32(b, k->ntypes);
	leat_write_u32(b, 4);
	for (i = 0; i < k->ntimes; i++)
		if (size == 8)
			leat_write_u64(b, (uint64_t)k->times[i]);
		else
			leat_write_u32(b, (uint32_t)k->times[i]);
	for (i = 0; i < k->ntimes; i++)
		leat_write_u8(b, k->kinds[i]);
	for (i = 0; i < k->ntypes && i < 2; i++) {
		leat_write_u32(b, (uint32_t)offsets[i]);
		leat_write_u16(b, 0);
	}
	leat_buf_add(b, "abc", 4);
	for (i = 0; i < k->nleap; i++)
		leat_buf_add(b, "............", size + 4);
}

static const struct block two = { { -5, 10 }, { 1, 0 }, 2, 2, 0 };

static void
test_bytes(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf b;
	struct tz *tz = NULL;

	leat_buf_init(&b, 4096);
	/* The first version: 32 bits, no rule. */
	put_block(&b, &two, '\0', 4);
	assert_int_equal(tz_parse(b.data, b.len, &tz, &err), 0);
	assert_int_equal(tz_offset_at(tz, -6), 100);
	assert_int_equal(tz_offset_at(tz, -5), 200);
	assert_int_equal(tz_offset_at(tz, 9), 200);
	assert_int_equal(tz_offset_at(tz, 10), 100);
	assert_int_equal(tz_offset_at(tz, INT64_MAX / 2), 100);
	tz_free(tz);
	/* Later ones: the second table counts, and the rule behind it. */
	leat_buf_reset(&b);
	put_block(&b, &two, '2', 4);
	put_block(&b, &(struct block){ { 1 }, { 1 }, 1, 2, 0 }, '2', 8);
	leat_buf_printf(&b, "\nXXX-1\n");
	assert_int_equal(tz_parse(b.data, b.len, &tz, &err), 0);
	assert_int_equal(tz_offset_at(tz, 0), 100);
	assert_int_equal(tz_offset_at(tz, 1), 3600);
	tz_free(tz);
	/* No rule there. */
	b.len -= 7;
	leat_buf_printf(&b, "\n\n");
	assert_int_equal(tz_parse(b.data, b.len, &tz, &err), 0);
	assert_int_equal(tz_offset_at(tz, 1), 200);
	tz_free(tz);
	leat_buf_fini(&b);
}

static void
refuse(const struct leat_buf *b, size_t len, const char *want)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct tz *tz = NULL;

	assert_true(tz_parse(b->data, len, &tz, &err) < 0);
	if (strstr(err.text, want) == NULL)
		fail_msg("%zu bytes: %s", len, err.text);
}

static void
test_damage(void **state)
{
	struct leat_buf b;
	size_t i;

	leat_buf_init(&b, 4096);
	put_block(&b, &two, '2', 4);
	put_block(&b, &two, '2', 8);
	leat_buf_printf(&b, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
	for (i = 0; i < b.len; i++)
		refuse(&b, i, "the time zone's file is damaged: ");
	b.data[0] = 'X';
	refuse(&b, b.len, "it does not begin as one");
	leat_buf_reset(&b);
	put_block(&b, &(struct block){ { 1, 1 }, { 0, 0 }, 2, 2, 0 }, '\0', 4);
	refuse(&b, b.len, "its table is out of order");
	leat_buf_reset(&b);
	put_block(&b, &(struct block){ { 1 }, { 2 }, 1, 2, 0 }, '\0', 4);
	refuse(&b, b.len, "its table is out of order");
	leat_buf_reset(&b);
	put_block(&b, &(struct block){ { 1 }, { 0 }, 1, 2, 1 }, '\0', 4);
	refuse(&b, b.len, "it counts leap seconds");
	leat_buf_reset(&b);
	put_block(&b, &(struct block){ .ntypes = UINT32_MAX }, '\0', 4);
	refuse(&b, b.len, "it is cut short");
	leat_buf_reset(&b);
	put_block(&b, &two, '2', 4);
	put_block(&b, &two, '2', 8);
	leat_buf_printf(&b, "\nXXX-99\n");
	refuse(&b, b.len, "its rule or an offset is none");
	leat_buf_fini(&b);
}

static void
test_rules(void **state)
{
	static const char *const bad[] = { "", "CE-1", "CET", "CET-1CEST",
		"CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,M3.5.0,M10.5.0x",
		"<+3-3", "CET-1CEST,J0,J1", "CET-1CEST,366,1",
		"CET-1:60", "CET-1CEST,M3.5.0,M10.5.0/3:0:60" };
	static const struct {
		const char *rule;
		const char *utc;
		int32_t offset;
	} rows[] = {
		{ "<+0330>-3:30", "2024-07-01T00:00:00Z", 12600 },
		{ "EST5EDT,M3.2.0,M11.1.0", "2024-03-10T07:00:00Z", -14400 },
		{ "EST5EDT,M3.2.0,M11.1.0", "2024-11-03T06:00:00Z", -18000 },
		{ "AAA-1BBB-2,J60/0,J61/0", "2024-02-29T12:00:00Z", 3600 },
		{ "AAA-1BBB-2,J60/0,J61/0", "2024-03-01T12:00:00Z", 7200 },
		{ "AAA-1BBB-2,59/0,60/0", "2024-02-29T12:00:00Z", 7200 },
		{ "AAA-1BBB-2,59/0,60/0", "2023-03-01T12:00:00Z", 7200 },
		{ "IST-2IDT,M3.4.4/26,M10.5.0", "2024-03-28T23:59:59Z",
		    7200 },
		{ "IST-2IDT,M3.4.4/26,M10.5.0", "2024-03-29T00:00:00Z",
		    10800 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T00:59:59Z",
		    -7200 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z",
		    -3600 },
	};
	struct tz_rule rule;
	size_t i;

	for (i = 0; i < COUNT(bad); i++)
		if (tz_rule_parse(leat_str_c(bad[i]), &rule) == 0)
			fail_msg("'%s' is no rule", bad[i]);
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(tz_rule_parse(leat_str_c(rows[i].rule),
		    &rule), 0);
		assert_int_equal(tz_rule_offset(&rule, seconds(rows[i].utc)),
		    rows[i].offset);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
