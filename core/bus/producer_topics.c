/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer_topics.c: the topics and partitions that a producer writes to.
 */
#include "core/bus/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/bus/partitioner.h"

/* -------------------------------------------------------------- topics */

static void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	if (t->part != NULL)
		broker_partition_put(t->part);
	batch_builder_free(t->builder);
	free(t);
}

void
producer_ptopic_free(struct ptopic *pt)
{
	int32_t i;

	if (pt == NULL)
		return;
	for (i = 0; i < pt->n; i++)
		target_free(pt->targets[i]);
	free(pt->targets);
	free(pt->name);
	free(pt);
}

static int
target_connect(struct bus_producer *p, struct target *t, struct leat_err *err)
{
	if (t->part == NULL)
		t->part = broker_partition_get(p->bus->broker, t->topic->name,
		    t->index, err);
	return t->part == NULL ? err->code : 0;
}

/* Adds targets up to n. */
static int
ptopic_grow(struct bus_producer *p, struct ptopic *pt, int32_t n,
    bool missing, struct leat_err *err)
{
	struct target **more;

	more = realloc(pt->targets, (size_t)n * sizeof(*more));
	if (more == NULL)
		return producer_no_memory(err);
	pt->targets = more;
	while (pt->n < n) {
		struct target *t = calloc(1, sizeof(*t));

		if (t == NULL)
			return producer_no_memory(err);
		more[pt->n] = t;
		t->topic = pt;
		t->index = pt->n++;
		if (!missing && target_connect(p, t, err) < 0)
			return err->code;
	}
	return 0;
}

/* How many partitions it has, or will have when it is *ret_missing. */
static int
ptopic_look(struct bus_producer *p, const char *name, int32_t *ret_n,
    bool *ret_missing, struct leat_err *err)
{
	int32_t n = broker_topic_partitions(p->bus->broker, name);

	*ret_missing = n <= 0;
	if (n <= 0 && broker_topic_name_check(name, err) < 0) {
		err->cls = LEAT_CLS_RECORD;
		return err->code;
	}
	if (n <= 0 && !p->o.create_topics)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "topic '%s' does not exist and topics are not created by "
		    "themselves", name);
	if (n <= 0)
		n = p->o.partitions > 0 ? p->o.partitions :
		    broker_default_partitions(p->bus->broker);
	*ret_n = n;
	return 0;
}

static struct ptopic *
ptopic_open(struct bus_producer *p, const char *name, struct leat_err *err)
{
	struct ptopic *pt;
	bool missing;
	int32_t n = 0;

	if (ptopic_look(p, name, &n, &missing, err) < 0)
		return NULL;
	pt = calloc(1, sizeof(*pt));
	if (pt == NULL || (pt->name = strdup(name)) == NULL) {
		producer_no_memory(err);
		goto fail;
	}
	if (ptopic_grow(p, pt, n, missing, err) < 0)
		goto fail;
	if (leat_map_set(&p->topics, leat_str_c(name), pt, NULL) < 0) {
		producer_no_memory(err);
		goto fail;
	}
	if (missing) {
		pt->next_missing = p->missing;
		p->missing = pt;
		p->nmissing++;
	}
	return pt;
fail:
	producer_ptopic_free(pt);
	return NULL;
}

static int
connect_missing(struct bus_producer *p, struct leat_err *err)
{
	struct ptopic *pt;
	int rc = 0;

	while (rc == 0 && (pt = p->missing) != NULL) {
		for (int32_t i = 0; i < pt->n && rc == 0; i++)
			rc = target_connect(p, pt->targets[i], err);
		/* Somebody else made it, with fewer: the next try sees it. */
		if (rc == LEAT_E_NOTFOUND)
			err->cls = LEAT_CLS_RETRY;
		if (rc == 0) {
			p->missing = pt->next_missing;
			p->nmissing--;
		}
	}
	return rc;
}

int
producer_topics_make(struct bus_producer *p, struct leat_err *err)
{
	const char **names = calloc(p->nmissing + 1, sizeof(*names));
	size_t n = 0;
	int rc;

	if (names == NULL)
		return producer_no_memory(err);
	for (const struct ptopic *pt = p->missing; pt != NULL;
	    pt = pt->next_missing)
		names[n++] = pt->name;
	rc = bus_topics_ensure(p->bus, names, n, p->o.partitions,
	    p->o.settings, p->o.nsettings, err);
	free(names);
	return rc < 0 ? rc : connect_missing(p, err);
}

static struct ptopic *
ptopic_of(struct bus_producer *p, const char *name, struct leat_err *err)
{
	struct ptopic *pt = p->last;

	if (pt != NULL && strcmp(pt->name, name) == 0)
		return pt;
	pt = leat_map_get_c(&p->topics, name);
	if (pt == NULL)
		pt = ptopic_open(p, name, err);
	if (pt != NULL)
		p->last = pt;
	return pt;
}

int
producer_topics_refresh(struct bus_producer *p, struct leat_err *err)
{
	uint64_t version = broker_topics_version(p->bus->broker);
	const struct leat_map_entry *e;
	size_t it = 0;

	if (version == p->topics_version)
		return 0;
	while ((e = leat_map_next(&p->topics, &it)) != NULL) {
		struct ptopic *pt = e->value;
		int32_t n = broker_topic_partitions(p->bus->broker, pt->name);

		if (n > pt->n && ptopic_grow(p, pt, n, false, err) < 0)
			return err->code;
	}
	p->topics_version = version;
	return 0;
}

struct target *
producer_target_of(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err)
{
	struct ptopic *pt = ptopic_of(p, m->topic, err);

	if (pt == NULL)
		return NULL;
	if (m->partition >= pt->n) {
		leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_RANGE,
		    "topic '%s' has %d partitions, the record wants number %d",
		    pt->name, (int)pt->n, (int)m->partition);
		return NULL;
	}
	if (m->partition >= 0)
		return pt->targets[m->partition];
	if (pt->n == 1)
		return pt->targets[0];
	if (m->key.ptr != NULL)
		return pt->targets[partitioner_of_key(m->key.ptr, m->key.len,
		    pt->n)];
	return pt->targets[pt->sticky];
}
