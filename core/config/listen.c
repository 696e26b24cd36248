/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c: parsing addresses to listen on.
 */
#include "core/config/listen.h"

#include <string.h>
#include <strings.h>

#include <leat/str.h>

#include "core/base/obj.h"

static const struct {
	const char *scheme;
	bool tls;
} schemes[] = {
	{ "http://", false },
	{ "https://", true },
	{ "PLAINTEXT://", false },
	{ "SSL://", true },
};

static struct leat_str
cut_scheme(struct leat_str s, bool *tls)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i].scheme);

		if (s.len < n || strncasecmp(s.ptr, schemes[i].scheme, n) != 0)
			continue;
		*tls = schemes[i].tls;
		s.ptr += n;
		s.len -= n;
		break;
	}
	if (s.len > 0 && s.ptr[s.len - 1] == '/')
		s.len--;
	return s;
}

static bool
host_valid(struct leat_str h, bool bracketed)
{
	if (h.len > LISTEN_HOST_MAX)
		return false;
	for (size_t i = 0; i < h.len; i++) {
		char c = h.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		    c == '_' || (bracketed && (c == ':' || c == '%'))))
			return false;
	}
	return true;
}

int
listen_parse(const char *text, struct listen_address *ret_address)
{
	struct listen_address a = { .tls = false };
	struct leat_str s = cut_scheme(leat_str_trim(leat_str_c(text)),
	    &a.tls);
	const char *colon = memrchr(s.ptr, ':', s.len);
	struct leat_str host = { s.ptr, 0 }, port = s;
	bool bracketed;
	uint64_t n;

	if (colon != NULL) {
		host.len = (size_t)(colon - s.ptr);
		port = (struct leat_str){ colon + 1, s.len - host.len - 1 };
	}
	if (leat_parse_u64(port, UINT16_MAX, &n) < 0)
		return -1;
	bracketed = host.len >= 2 && host.ptr[0] == '[' &&
	    host.ptr[host.len - 1] == ']';
	if (bracketed)
		host = (struct leat_str){ host.ptr + 1, host.len - 2 };
	else if (leat_str_eq_c(host, "*"))
		host.len = 0;
	if (!host_valid(host, bracketed))
		return -1;
	memcpy(a.host, host.ptr, host.len);
	a.port = (uint16_t)n;
	*ret_address = a;
	return 0;
}

bool
listen_is_loopback(const struct listen_address *a)
{
	return strncmp(a->host, "127.", 4) == 0 ||
	    strcmp(a->host, "::1") == 0 || strcmp(a->host, "localhost") == 0;
}
