/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plans.h: what a transform has worked out for a schema, found by the schema's
 * id. Interned schemas are never forgotten by their pool, so neither are plans:
 * the pool's limit bounds both. A plan is one block of malloc.
 */
#ifndef LEAT_RECORD_PLANS_H
#define LEAT_RECORD_PLANS_H

#include <stdlib.h>
#include <string.h>

#include <leat/schema.h>

struct plans {
	void **v; /* by the schema's id, NULL: none */
	uint32_t cap;
};

/* The schema must be interned. */
static inline void *
plans_get(const struct plans *p, const struct leat_schema *s)
{
	return s->id < p->cap ? p->v[s->id] : NULL;
}

/* Files a plan, which then belongs to the table; 0, or -1 without memory. */
static inline int
plans_put(struct plans *p, const struct leat_schema *s, void *plan)
{
	uint32_t cap = p->cap < 32 ? 32 : p->cap;
	void **v;

	if (s->id >= p->cap) {
		while (cap <= s->id)
			cap *= 2;
		v = realloc(p->v, cap * sizeof(*v));
		if (v == NULL)
			return -1;
		memset(v + p->cap, 0, (cap - p->cap) * sizeof(*v));
		p->v = v;
		p->cap = cap;
	}
	free(p->v[s->id]);
	p->v[s->id] = plan;
	return 0;
}

static inline void
plans_fini(struct plans *p)
{
	uint32_t i;

	for (i = 0; i < p->cap; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct plans){ NULL, 0 };
}

#endif
