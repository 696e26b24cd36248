/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_address.c: see net_address.h.
 */
#include "core/base/net_address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"

static const struct {
	const char *prefix;
	enum net_protocol protocol;
} protocols[] = {
	{ "PLAINTEXT://", NET_PLAIN },
	{ "SASL_PLAINTEXT://", NET_PLAIN },
	{ "SSL://", NET_TLS },
	{ "SASL_SSL://", NET_TLS },
};

int
net_address_parse(const char *text, struct net_address *ret_at,
    struct leat_err *err)
{
	struct net_address at = { .protocol = NET_ANY };
	const char *host = text, *colon = strrchr(text, ':');
	int64_t port;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		len = strlen(protocols[i].prefix);
		if (strncmp(text, protocols[i].prefix, len) == 0) {
			at.protocol = protocols[i].protocol;
			host = text + len;
		}
	}
	if (colon == NULL || colon < host ||
	    leat_parse_i64(leat_str_c(colon + 1), 0, 65535, &port) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "'%s' is not host:port", text);
	len = (size_t)(colon - host);
	if (host[0] == '[' && len > 2 && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len) != NULL ||
	    memchr(host, '/', len) != NULL) {
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "'%s' is not host:port (an IPv6 address stands in [], "
		    "and of protocols there are PLAINTEXT:// and SSL://)",
		    text);
	}
	if (len >= sizeof(at.host))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "'%s' is longer than a name of a host can be", text);
	if (len != 1 || host[0] != '*')
		memcpy(at.host, host, len);
	at.port = (int32_t)port;
	*ret_at = at;
	return 0;
}

bool
net_address_is_loopback(const struct net_address *at)
{
	return strncmp(at->host, "127.", 4) == 0 ||
	    strcmp(at->host, "::1") == 0 || strcmp(at->host, "localhost") == 0;
}

int
net_address_check_list(const char *list, struct leat_err *err)
{
	char *copy = strdup(list), *save = NULL, *one;
	struct net_address at;
	int rc = 0, n = 0;

	if (copy == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	for (one = strtok_r(copy, ", ", &save); one != NULL && rc == 0;
	    one = strtok_r(NULL, ", ", &save), n++)
		rc = net_address_parse(one, &at, err);
	free(copy);
	if (rc == 0 && n == 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "'%s' has no address", list);
	return rc;
}
