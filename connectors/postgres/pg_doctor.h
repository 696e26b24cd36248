/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_doctor.h: looks at a server with the eyes of a connector's configuration,
 * and says what is in the way, with the SQL that mends it. Changes nothing.
 *
 * The source itself refuses to start with the first thing that is missing
 * (pg_checks.h); this says all of them, and what will hurt later.
 */
#ifndef LEAT_PG_DOCTOR_H
#define LEAT_PG_DOCTOR_H

#include "pg_catalog.h"
#include "pg_slot.h"

struct pg_doctor {
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_conn sql;
	struct pg_conn repl;
	struct leat_arena arena;
	struct pg_filters filters;
	struct pg_tables tables;	/* captured */
	int primary;		/* the server is not a standby */
};

/* The examine() callback of postgres-source. */
int32_t pg_examine(struct leat_task *t, const void *config,
    struct leat_err *err);

/*
 * The parts of the examination. Each adds its findings; an error is a query
 * that failed, and ends only the part.
 */
int pg_doctor_server(struct pg_doctor *d, struct leat_err *err);
int pg_doctor_activity(struct pg_doctor *d, struct leat_err *err);
int pg_doctor_tables(struct pg_doctor *d, struct leat_err *err);
int pg_doctor_publication(struct pg_doctor *d, struct leat_err *err);
int pg_doctor_slots(struct pg_doctor *d, struct leat_err *err);

/*
 * A name, or schema.table, as SQL wants it: quoted, for a cure. The text lives
 * as long as the examination.
 */
const char *pg_doctor_name(struct pg_doctor *d, const char *name);
const char *pg_doctor_table(struct pg_doctor *d, const char *schema,
    const char *table);

/* leat_finding_add with the grades' short names. */
#define pg_good(d, subject, ...) \
	leat_finding_add((d)->task, LEAT_FINDING_GOOD, subject, NULL, \
	    __VA_ARGS__)
#define pg_note(d, subject, cure, ...) \
	leat_finding_add((d)->task, LEAT_FINDING_NOTE, subject, cure, \
	    __VA_ARGS__)
#define pg_warning(d, subject, cure, ...) \
	leat_finding_add((d)->task, LEAT_FINDING_WARNING, subject, cure, \
	    __VA_ARGS__)
#define pg_bad(d, subject, cure, ...) \
	leat_finding_add((d)->task, LEAT_FINDING_BAD, subject, cure, \
	    __VA_ARGS__)

#endif
