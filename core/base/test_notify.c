/* SPDX-License-Identifier: Apache-2.0 */
/* test_notify.c: what a service manager's socket receives. */
#include "core/base/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/proc.h"

static void
test_nobody_listens(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_send(NULL, "READY=1"), 0);
}

static void
test_received(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *path = th_path("notify");
	char got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(at.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(notify_send(NULL, "READY=1\nSTATUS=%d run", 3), 1);
	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), 20);
	assert_string_equal(got, "READY=1\nSTATUS=3 run");
	close(fd);
}

static void
test_gone(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;

	setenv("NOTIFY_SOCKET", th_path("nobody"), 1);
	assert_true(notify_send(&err, "READY=1") < 0);
	assert_non_null(strstr(err.text, "No such file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
