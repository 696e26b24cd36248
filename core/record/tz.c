/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz.c: see tz.h. A file has a table of changes, twice: with 32 bits, which is
 * skipped where there is a second one, and with 64; then a rule for the time
 * behind the last.
 */
#include "core/record/tz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/str.h>
#include <leat/wire.h>

#include "core/record/tz_rule.h"

enum {
	NAME_MAX_CHARS = 64,
	OFFSET_MAX = 18 * 3600,
	/* Local time is less than this from UTC, anywhere and ever. */
	FAR_FROM_UTC = 26 * 3600,
	HEAD_BYTES = 44,
	TYPE_BYTES = 6
};

struct change {
	int64_t at; /* UTC */
	int32_t offset; /* from then on */
};

struct tz {
	int32_t first; /* before all changes */
	struct tz_rule rule;
	bool has_rule;
	uint32_t n;
	struct change changes[];
};

void
tz_free(struct tz *tz)
{
	free(tz);
}

static int
bad(struct leat_err *err, const char *why)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
	    "the time zone's file is damaged: %s", why);
}

static struct tz *
alloc(uint32_t n, struct leat_err *err)
{
	struct tz *tz = calloc(1, sizeof(*tz) + n * sizeof(tz->changes[0]));

	if (tz == NULL)
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	return tz;
}

/* ----------------------------------------------------------------- reading */

/* The counts in a header, and the sizes of what follows it. */
struct head {
	uint32_t isut, isstd, leap, time, type, chars;
	size_t time_bytes; /* 4 or 8 */
};

static void
read_head(struct leat_reader *r, struct head *h, uint8_t *ret_version)
{
	const uint8_t *magic = leat_read_bytes(r, 4);

	if (magic == NULL || memcmp(magic, "TZif", 4) != 0)
		r->err = LEAT_E_CORRUPT;
	*ret_version = leat_read_u8(r);
	(void)leat_read_bytes(r, 15);
	h->isut = leat_read_u32(r);
	h->isstd = leat_read_u32(r);
	h->leap = leat_read_u32(r);
	h->time = leat_read_u32(r);
	h->type = leat_read_u32(r);
	h->chars = leat_read_u32(r);
}

/* What stands behind the kinds of local time, of which nothing is needed. */
static void
skip_rest(struct leat_reader *r, const struct head *h)
{
	(void)leat_read_bytes(r, h->chars);
	(void)leat_read_bytes(r, h->leap * (h->time_bytes + 4));
	(void)leat_read_bytes(r, h->isstd);
	(void)leat_read_bytes(r, h->isut);
}

/* A signed number of 4 or 8 bytes. */
static int64_t
load(const uint8_t *p, size_t n)
{
	uint64_t v = (p[0] & 0x80) != 0 ? UINT64_MAX : 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return (int64_t)v;
}

/* The table that is of use; NULL with err filled. */
static struct tz *
read_table(struct leat_reader *r, const struct head *h, struct leat_err *err)
{
	const uint8_t *times = leat_read_bytes(r, h->time * h->time_bytes);
	const uint8_t *kinds = leat_read_bytes(r, h->time);
	const uint8_t *types = leat_read_bytes(r, (size_t)h->type * TYPE_BYTES);
	struct tz *tz;
	uint32_t i;

	skip_rest(r, h);
	if (r->err != 0 || h->type == 0 || h->type > 256) {
		bad(err, "it is cut short, or has no kinds of time");
		return NULL;
	}
	if (h->leap > 0) {
		bad(err, "it counts leap seconds; take a zone that does not");
		return NULL;
	}
	tz = alloc(h->time, err);
	if (tz == NULL)
		return NULL;
	tz->first = (int32_t)load(types, 4);
	for (i = 0; i < h->time; i++) {
		struct change *c = &tz->changes[i];

		c->at = load(times + i * h->time_bytes, h->time_bytes);
		if (kinds[i] >= h->type || (i > 0 && c[-1].at >= c->at)) {
			tz_free(tz);
			bad(err, "its table is out of order");
			return NULL;
		}
		c->offset = (int32_t)load(types + (size_t)kinds[i] * TYPE_BYTES,
		    4);
	}
	tz->n = h->time;
	return tz;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; it may be empty. */
static int
read_rule(struct leat_reader *r, struct tz *tz)
{
	struct leat_str text = { (const char *)r->cur, leat_reader_left(r) };

	if (text.len < 2 || text.ptr[0] != '\n' ||
	    text.ptr[text.len - 1] != '\n')
		return -1;
	text.ptr++;
	text.len -= 2;
	tz->has_rule = text.len > 0;
	return tz->has_rule ? tz_rule_parse(text, &tz->rule) : 0;
}

static int
check_offsets(const struct tz *tz)
{
	uint32_t i;

	if (abs(tz->first) >= FAR_FROM_UTC || (tz->has_rule &&
	    (abs(tz->rule.std) >= FAR_FROM_UTC || abs(tz->rule.dst) >=
	    FAR_FROM_UTC)))
		return -1;
	for (i = 0; i < tz->n; i++)
		if (abs(tz->changes[i].offset) >= FAR_FROM_UTC)
			return -1;
	return 0;
}

int
tz_parse(const uint8_t *p, size_t len, struct tz **ret_tz,
    struct leat_err *err)
{
	struct head h = { .time_bytes = 4 };
	struct leat_reader r;
	uint8_t version;
	struct tz *tz;

	leat_reader_init(&r, p, len);
	read_head(&r, &h, &version);
	if (r.err != 0)
		return bad(err, "it does not begin as one");
	if (version >= '2') {
		(void)leat_read_bytes(&r, (size_t)h.time * 5);
		(void)leat_read_bytes(&r, (size_t)h.type * TYPE_BYTES);
		skip_rest(&r, &h);
		read_head(&r, &h, &version);
		h.time_bytes = 8;
	}
	tz = read_table(&r, &h, err);
	if (tz == NULL)
		return err->code;
	if ((version >= '2' && read_rule(&r, tz) < 0) ||
	    check_offsets(tz) < 0) {
		tz_free(tz);
		return bad(err, "its rule or an offset is none");
	}
	*ret_tz = tz;
	return 0;
}

/* ------------------------------------------------------------------- names */

/* Two digits of an offset, not more than `max`. */
static int
take_two(struct leat_str *s, int64_t max, int64_t *ret)
{
	struct leat_str part = leat_str_cut(s, ':');

	return part.len != 2 ? -1 : leat_parse_i64(part, 0, max, ret);
}

/* "+08:00" or "-03:30:15". */
static int
parse_offset(const char *name, struct tz **ret_tz, struct leat_err *err)
{
	struct leat_str s = leat_str_c(name + 1);
	int64_t h, m, sec = 0, total;

	if (take_two(&s, 18, &h) < 0 || take_two(&s, 59, &m) < 0 ||
	    (s.len > 0 && take_two(&s, 59, &sec) < 0) || s.len > 0 ||
	    (total = h * 3600 + m * 60 + sec) > OFFSET_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "the offset '%s' is not +hh:mm or +hh:mm:ss of at most 18 "
		    "hours",
		    name);
	*ret_tz = alloc(0, err);
	if (*ret_tz == NULL)
		return -ENOMEM;
	(*ret_tz)->first = (int32_t)(*name == '-' ? -total : total);
	return 0;
}

/* A name of the database, and no way out of its folder. */
static bool
is_zone_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
	const size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_CHARS && name[0] != '/' &&
	    strspn(name, allowed) == len;
}

/* The whole file, if it is not too large. */
static int
read_whole(int fd, uint8_t *to, size_t max, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, to + len, max - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		len += (size_t)n;
		if (len == max) {
			errno = EFBIG;
			return -1;
		}
	}
	*ret_len = len;
	return 0;
}

static int
no_zone(const char *dir, const char *name, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "there is no time zone '%s' in %s (a name as Europe/Berlin, or an "
	    "offset as +08:00; is the package tzdata there?)",
	    name, dir);
}

static int
open_zone(const char *dir, const char *name, struct tz **ret_tz,
    struct leat_err *err)
{
	uint8_t *bytes = NULL;
	char path[PATH_MAX];
	int rc, fd;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return no_zone(dir, name, err);
	if (fd < 0)
		return leat_err_errno_at(err, __FILE__, __LINE__,
		    LEAT_CLS_CONFIG, "open %s", path);
	bytes = malloc(TZ_FILE_MAX);
	if (bytes == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	else if (read_whole(fd, bytes, TZ_FILE_MAX, &len) < 0)
		rc = leat_err_errno_at(err, __FILE__, __LINE__,
		    LEAT_CLS_CONFIG, "read %s", path);
	else if ((rc = tz_parse(bytes, len, ret_tz, err)) < 0)
		leat_err_wrap(err, "%s", path);
	free(bytes);
	close(fd);
	return rc;
}

int
tz_open(const char *dir, const char *name, struct tz **ret_tz,
    struct leat_err *err)
{
	if (*name == '+' || *name == '-')
		return parse_offset(name, ret_tz, err);
	if (!is_zone_name(name))
		return no_zone(dir, name, err);
	return open_zone(dir, name, ret_tz, err);
}

/* ------------------------------------------------------------------ asking */

int32_t
tz_offset_at(const struct tz *tz, int64_t utc_s)
{
	uint32_t low = 0, high = tz->n, mid;

	if (tz->n == 0 || utc_s < tz->changes[0].at)
		return tz->n == 0 && tz->has_rule
		    ? tz_rule_offset(&tz->rule, utc_s)
		    : tz->first;
	if (utc_s >= tz->changes[tz->n - 1].at && tz->has_rule)
		return tz_rule_offset(&tz->rule, utc_s);
	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (tz->changes[mid].at <= utc_s)
			low = mid;
		else
			high = mid;
	}
	return tz->changes[low].offset;
}

/*
 * A change at T from offset b to a counts in local time from T + max(a, b) on.
 * There are no two within the time that local time can be from UTC.
 */
int32_t
tz_offset_of_local(const struct tz *tz, int64_t local_s)
{
	const int32_t b = tz_offset_at(tz, local_s - FAR_FROM_UTC);
	const int32_t a = tz_offset_at(tz, local_s + FAR_FROM_UTC);

	return a == b ? a : tz_offset_at(tz, local_s - (a > b ? a : b));
}
