/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c: see notify.h. */
#include "core/base/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
notify_send(struct leat_err *err, const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;
	char text[512];
	va_list ap;
	int fd, n, rc = 1;

	if (path == NULL || path[0] == '\0')
		return 0;
	if (strlen(path) >= sizeof(to.sun_path))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "NOTIFY_SOCKET is too long");
	memcpy(to.sun_path, path, strlen(path));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "socket");
	if (sendto(fd, text, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&to,
		len) < 0)
		rc = leat_err_errno(err, LEAT_CLS_RETRY, "send to '%s'", path);
	close(fd);
	return rc;
}
