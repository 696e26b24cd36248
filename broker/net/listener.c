/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.c: the threads that serve connections; their start and end.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker_int.h"
#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	TAKEN_AT_ONCE = 64,
	SLOW_MAX = 4096		/* requests waiting for an admin thread */
};

static const struct logger lg = { "kafka", NULL, -1 };

/* ------------------------------------------------------------ I/O threads */

static void
take_accepted(struct io_thread *io)
{
	struct accepted some[TAKEN_AT_ONCE];
	uint32_t n;

	do {
		lock_acquire(&io->lock);
		n = MIN(io->naccepted, (uint32_t)ARRAY_LEN(some));
		io->naccepted -= n;
		if (n > 0)
			memcpy(some, io->accepted + io->naccepted,
			    n * sizeof(*some));
		lock_release(&io->lock);
		for (uint32_t i = 0; i < n; i++)
			conn_open(io, &some[i]);
	} while (n > 0);
}

/* One at a time, as below: what follows may take others out of the list. */
static void
take_replies(struct io_thread *io)
{
	struct net_request *nr;
	bool replied = false;

	for (;;) {
		lock_acquire(&io->lock);
		if ((nr = io->replies) != NULL) {
			io->replies = nr->next_reply;
			if (io->replies == NULL)
				io->replies_tail = &io->replies;
			net_request_back_locked(nr);
			replied = nr->replied;
		}
		lock_release(&io->lock);
		if (nr == NULL)
			return;
		conn_returned(nr, replied);
	}
}

static void
take_resumes(struct io_thread *io)
{
	struct net_request *nr;

	for (;;) {
		lock_acquire(&io->lock);
		if ((nr = io->resumes) != NULL) {
			io->resumes = nr->next_resume;
			nr->resuming = false;
		}
		lock_release(&io->lock);
		if (nr == NULL)
			return;
		net_request_resume(nr);
	}
}

static void
io_stop(struct io_thread *io)
{
	struct conn *c, *next;

	if (!io->stopping && io == &io->listener->io[0])
		acceptors_close(io->listener);
	io->stopping = true;
	for (c = io->conns; c != NULL; c = next) {
		next = c->next;
		conn_close(c, "the broker stops");
	}
	if (io->conns == NULL)
		loop_stop(io->loop);
}

static void
io_woken(void *arg, int events)
{
	struct io_thread *io = arg;

	wake_drain(&io->wake);
	take_accepted(io);
	take_replies(io);
	take_resumes(io);
	take_starved(io);
	if (__atomic_load_n(&io->listener->stopping, __ATOMIC_ACQUIRE))
		io_stop(io);
}

static void *
io_main(void *arg)
{
	struct io_thread *io = arg;
	struct leat_err err = LEAT_ERR_INIT;

	io->self = pthread_self();
	if (loop_run(io->loop, &err) < 0)
		log_err(&lg, "connections are no longer served", &err);
	return NULL;
}

static int
io_init(struct io_thread *io, struct broker_listener *l, struct leat_err *err)
{
	int rc;

	io->listener = l;
	io->replies_tail = &io->replies;
	io->starved_tail = &io->starved;
	lock_init(&io->lock, RANK_LEAF);
	io->wake.fd = -1;
	if ((io->loop = loop_new(&clock_system, err)) == NULL)
		return err->code;
	if ((rc = wake_init(&io->wake, err)) < 0)
		return rc;
	io->sweeper = loop_timer_new(io->loop, conns_sweep, io);
	if (io->sweeper == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	io->wake_watch = loop_fd_add(io->loop, io->wake.fd, LOOP_READ,
	    io_woken, io, err);
	return io->wake_watch == NULL ? err->code : 0;
}

static void
io_fini(struct io_thread *io)
{
	struct net_request *nr;

	if (io->listener == NULL)
		return;
	while ((nr = io->pool) != NULL) {
		io->pool = nr->next;
		net_request_free(nr);
	}
	for (uint32_t i = 0; i < io->naccepted; i++) {
		(void)close(io->accepted[i].fd);
		accepted_ended(io, io->accepted[i].ip);
	}
	free(io->accepted);
	loop_timer_free(io->sweeper);
	if (io->loop != NULL)
		loop_free(io->loop);
	if (io->wake.fd >= 0)
		wake_fini(&io->wake);
	lock_fini(&io->lock);
}

/* ------------------------------------------------------------------- admin */

static void *
admin_main(void *arg)
{
	struct broker_listener *l = arg;
	struct queue_item *item;

	while ((item = queue_wait(&l->slow, -1)) != NULL)
		net_request_run_slow(item);
	return NULL;
}

/* -------------------------------------------------------------- front door */

static int
start_threads(struct broker_listener *l, struct leat_err *err)
{
	int rc = 0;

	for (int i = 0; i < ADMINS && rc == 0; i++)
		rc = thread_start(&l->admins[i], "leat-admin", admin_main, l,
		    err);
	for (uint32_t i = 0; i < l->nio && rc == 0; i++)
		rc = thread_start(&l->io[i].thread, "leat-kafka", io_main,
		    &l->io[i], err);
	return rc;
}

int
broker_listen(struct broker *b, const struct broker_listen_options *o,
    struct broker_listener **ret_listener, struct leat_err *err)
{
	struct broker_listener *l = calloc(1, sizeof(*l));
	uint32_t nio = (uint32_t)MAX(o->threads, 1);
	int rc = 0;

	if (l == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	queue_init(&l->slow, SLOW_MAX, NULL);
	ip_count_init(&l->ips);
	l->metrics = net_metrics_new(b->o.metrics);
	if ((rc = kafka_server_new(b, o, &l->server, err)) < 0 ||
	    (rc = tls_open(o, &l->tls, err)) < 0)
		goto fail;
	if ((l->io = calloc(nio, sizeof(*l->io))) == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
		goto fail;
	}
	while (l->nio < nio)
		if ((rc = io_init(&l->io[l->nio++], l, err)) < 0)
			goto fail;
	if ((rc = acceptors_open(l, o->listen, err)) < 0 ||
	    (rc = start_threads(l, err)) < 0)
		goto fail;
	*ret_listener = l;
	return 0;
fail:
	broker_listener_close(l);
	return rc;
}

void
broker_listener_close(struct broker_listener *l)
{
	if (l == NULL)
		return;
	__atomic_store_n(&l->stopping, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < l->nio; i++)
		if (l->io[i].thread.running)
			wake_up(&l->io[i].wake);
	for (uint32_t i = 0; i < l->nio; i++)
		thread_join(&l->io[i].thread);
	queue_close(&l->slow);
	for (int i = 0; i < ADMINS; i++)
		thread_join(&l->admins[i]);
	acceptors_close(l);
	for (uint32_t i = 0; i < l->nio; i++)
		io_fini(&l->io[i]);
	free(l->io);
	tls_close(l->tls);
	kafka_server_free(l->server);
	net_metrics_free(l->metrics);
	ip_count_fini(&l->ips);
	queue_fini(&l->slow);
	free(l);
}

uint16_t
broker_listener_port(const struct broker_listener *l)
{
	return l->port;
}
