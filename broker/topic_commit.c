/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_commit.c: changes of topics that are made together.
 *
 * Those of one request are prepared one by one, which syncs nothing, and become
 * durable and visible at once, by one write of the catalogue. Its sync of the
 * data directory covers the new partitions' names, too; what stands in them is
 * made again where a crash takes it away (topic_open).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"

static int64_t
count_partitions_locked(const struct broker *b)
{
	const struct leat_map_entry *e;
	int64_t total = 0;
	size_t it = 0;

	while ((e = leat_map_next(&b->topics, &it)) != NULL)
		total += ((const struct topic *)e->value)->npartitions;
	return total;
}

void
topics_begin(struct topic_changes *c, struct broker *b)
{
	*c = (struct topic_changes){ .b = b };
	lock_acquire(&b->files);
	lock_acquire(&b->lock);
	c->partitions = count_partitions_locked(b);
	lock_release(&b->lock);
}

int
topics_add_swap(struct topic_changes *c, struct topic *old,
    struct topic *owned_new, struct leat_err *err)
{
	lock_assert_held(&c->b->files);
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 4 : c->cap * 2;
		void *more = realloc(c->list, cap * sizeof(*c->list));

		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for changes of topics");
		c->list = more;
		c->cap = cap;
	}
	c->list[c->n++] = (struct topic_swap){ old, owned_new };
	if (old != NULL)
		old->leaving = true;
	if (owned_new != NULL)
		c->partitions += owned_new->npartitions -
		    (old != NULL ? old->npartitions : 0);
	return 0;
}

/* --------------------------------------------------------- taking back */

void
topic_undo(struct broker *b, const struct topic *old, struct topic *new)
{
	for (int32_t i = old != NULL ? old->npartitions : 0;
	    i < new->npartitions; i++) {
		if (new->parts[i] == NULL)
			continue;
		partition_delete(new->parts[i]);
		topic_remove_dir(b, new->parts[i]->dir);
	}
}

static void
undo_all(struct topic_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct topic *old = c->list[i].old, *new = c->list[i].new;

		if (new != NULL)
			topic_undo(c->b, old, new);
		topic_free(new);
		if (old == NULL)
			continue;
		old->leaving = false;
		if (new != NULL)	/* their partitions had its settings */
			topic_configure(c->b, old);
	}
}

/* ----------------------------------------------------------- the table */

/* Puts back what was there before the first n swaps. */
static void
unswap_locked(struct topic_changes *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct topic_swap *s = &c->list[i];

		if (s->new == NULL)
			continue;
		if (s->old == NULL)
			(void)leat_map_remove(&c->b->topics,
			    leat_str_c(s->new->name));
		else	/* a name that is there takes no memory */
			(void)leat_map_set(&c->b->topics,
			    leat_str_c(s->old->name), s->old, NULL);
	}
}

/* All of the changes at once, or none: 0 or -ENOMEM. */
static int
swap_all(struct topic_changes *c)
{
	struct broker *b = c->b;
	int rc = 0;

	lock_acquire(&b->lock);
	for (size_t i = 0; i < c->n && rc == 0; i++) {
		struct topic *new = c->list[i].new;

		if (new != NULL && (rc = leat_map_set(&b->topics,
		    leat_str_c(new->name), new, NULL)) < 0)
			unswap_locked(c, i);
	}
	for (size_t i = 0; i < c->n && rc == 0; i++)
		if (c->list[i].new == NULL)
			(void)leat_map_remove(&b->topics,
			    leat_str_c(c->list[i].old->name));
	if (rc == 0)
		b->version++;
	lock_release(&b->lock);
	return rc;
}

/* ------------------------------------------------------------- leaving */

static void
remove_files(struct broker *b, struct topic *t)
{
	const struct fsio *fs = b->env.fs;
	char to[4200], uuid[23];

	uuid_text(t->id, uuid);
	for (int32_t i = 0; i < t->npartitions; i++) {
		struct broker_partition *p = t->parts[i];

		partition_delete(p);
		snprintf(to, sizeof(to), "%s.%s-delete", p->dir, uuid);
		if (fs->rename(fs, p->dir, to) == 0)
			topic_remove_dir(b, to);
	}
}

/*
 * What the swaps have taken out of the table. A name may be taken again only
 * when no checkpoint speaks of its older life: recovery would believe it.
 */
static void
let_go(struct topic_changes *c)
{
	struct leat_err err;
	bool removed = false;

	for (size_t i = 0; i < c->n; i++) {
		struct topic *old = c->list[i].old;

		if (old != NULL && c->list[i].new == NULL) {
			remove_files(c->b, old);
			/* Before the name may be taken again. */
			groups_topic_deleted(c->b->groups, old->name);
			removed = true;
		}
		topic_free(old);
	}
	/* With it the removed names are durable, too. */
	if (removed && keeper_save_checkpoints_locked(c->b, &err) < 0)
		log_warn_err(&c->b->env.lg, "checkpoint failed", &err);
}

int
topics_commit(struct topic_changes *c, struct leat_err *err)
{
	struct broker *b = c->b;
	int rc = 0;

	lock_assert_held(&b->files);
	if (c->n > 0 && (rc = catalogue_save(b, c, err)) == 0 &&
	    (rc = swap_all(c)) < 0) {
		leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "out of memory for topics");
		(void)catalogue_save(b, NULL, NULL);
	}
	if (rc < 0)
		undo_all(c);
	else
		let_go(c);
	free(c->list);
	leat_map_fini(&c->folded);
	lock_release(&b->files);
	return rc;
}
