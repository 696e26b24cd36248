/* SPDX-License-Identifier: Apache-2.0 */
/* rdkafka.c: see rdkafka.h. */
#include "core/cli/rdkafka.h"

#include <dlfcn.h>
#include <string.h>

#include "core/base/obj.h"

#define LIBRARY "librdkafka.so.1"

/* The first with all of the admin calls about groups. */
enum { OLDEST = 0x02000000 };

struct rdkafka rdk;

static const char *const names[] = {
#define RDKAFKA_NAME(name) "rd_kafka_" #name,
	RDKAFKA_FUNCTIONS(RDKAFKA_NAME)
};

_Static_assert(sizeof(struct rdkafka) == sizeof(names), "one name each");
_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "POSIX says so");

static int
too_old(void *lib, struct leat_err *err)
{
	__typeof__(rd_kafka_version_str) *version_str;
	void *p = dlsym(lib, "rd_kafka_version_str");

	memcpy(&version_str, &p, sizeof(p));
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
	    "%s is of version %s, and 2.0.2 or newer is needed", LIBRARY,
	    p == NULL ? "0" : version_str());
}

int
rdkafka_load(struct leat_err *err)
{
	struct rdkafka found;
	void *lib;

	if (rdk.version != NULL)
		return 0;
	lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "this command needs librdkafka: install the package "
		    "librdkafka1 (librdkafka elsewhere than on Debian): %s",
		    dlerror());
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		void *p = dlsym(lib, names[i]);

		if (p == NULL)
			return too_old(lib, err);
		memcpy((char *)&found + i * sizeof(p), &p, sizeof(p));
	}
	if (found.version() < OLDEST)
		return too_old(lib, err);
	rdk = found;
	return 0;
}
