/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files and folders of inputs, without a fuzzer, and
 * reports in TAP: one test per argument.  The ordinary test run replays the
 * corpus with this; MODE=fuzz links libFuzzer's main instead.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long n_inputs;

static void
die(const char *path)
{
	perror(path);
	exit(1);
}

static void
replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size > 0 ? size : 1);
	FILE *f = fopen(path, "rb");

	if (data == NULL || f == NULL)
		die(path);
	size = fread(data, 1, size, f);
	fclose(f);
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	n_inputs++;
}

static void
replay(const char *path)
{
	struct dirent **names;
	struct stat st;
	char sub[4096];
	int i, n;

	if (stat(path, &st) < 0)
		die(path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return;
	}
	if ((n = scandir(path, &names, NULL, alphasort)) < 0)
		die(path);
	for (i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			replay(sub);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	uint8_t none = 0;
	int i;

	/* The empty input is part of every corpus. */
	LLVMFuzzerTestOneInput(&none, 0);
	for (i = 1; i < argc; i++)
		replay(argv[i]);
	printf("1..1\nok 1 - replay of %ld inputs\n", n_inputs);
	return 0;
}
