/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_copy_text.h: rows in COPY's text format.
 */
#ifndef LEAT_PG_COPY_TEXT_H
#define LEAT_PG_COPY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "pgoutput.h"

/*
 * Takes a line of COPY text apart, in place: columns point into `line`, "\N"
 * is null. The number of columns, or -1 when there are more than `most`.
 */
int pg_copy_split(char *line, size_t len, struct pgo_column *cols,
    uint32_t most);

#endif
