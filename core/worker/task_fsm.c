/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_fsm.c: see task_fsm.h.
 *
 * All events are raised on the task's own thread, between two calls of the
 * plugin, so a state is never left in the middle of one. What holds in each:
 *
 * NEW	    The thread has begun. No plugin state, no producer or consumer, no
 *	    share of the memory bound.
 * OPENING  The thread is making the task's resources and is inside the
 *	    plugin's open(), and nowhere else: so no wish can arrive here, it
 *	    waits for the outcome. Stored positions are read, none is written.
 * RUNNING  Plugin state and resources are open. Positions move. The thread owns
 *	    the batch; the plugin may point into it until its next poll.
 * BACKOFF  All is closed, the error is kept, the time of the next try is set.
 *	    Positions stand where the last commit put them.
 * DRAINING, RESTARTING
 *	    As RUNNING, but nothing new is taken: what was taken is being made
 *	    durable, and then positions are stored for the last time.
 * PAUSED   All is closed; nothing is due. Waits for a wish.
 * FAILED   All is closed, the error is kept and shown. After an error for a
 *	    human nothing is due; after a fatal one a late try is.
 * STOPPING As DRAINING, with a deadline: what is not durable by then is given
 *	    up, and comes again from the stored position.
 * STOPPED  All is closed and given back. The thread ends.
 *
 * "All is closed" means: close() was called exactly once for each open() that
 * succeeded, the open transaction is aborted, the memory is given back.
 */
#include "core/worker/task_fsm.h"

#include <stdint.h>

#include "core/base/obj.h"

#define NAME2(id, word) word,
#define NAME3(id, word, kafka) word,
#define KAFKA3(id, word, kafka) kafka,

static const char *const state_names[] = { TASK_STATES(NAME3) };
static const char *const state_kafka[] = { TASK_STATES(KAFKA3) };
static const char *const event_names[] = { TASK_EVENTS(NAME2) };
static const char *const action_names[] = { TASK_ACTIONS(NAME2) };

_Static_assert(ARRAY_LEN(state_names) == TASK_STATE_N, "one name per state");
_Static_assert(ARRAY_LEN(event_names) == TASK_EVENT_N, "one name per event");

/* clang-format off */
static const struct task_transition rows[] = {
{ TASK_NEW, EV_START, TASK_OPENING, ACT_OPEN, "starting" },
{ TASK_NEW, EV_PAUSE, TASK_PAUSED, ACT_NONE, "paused from the start" },
{ TASK_NEW, EV_STOP, TASK_STOPPED, ACT_END, "stopped before it started" },

{ TASK_OPENING, EV_OPENED, TASK_RUNNING, ACT_RUN, "running" },
{ TASK_OPENING, EV_RETRYABLE, TASK_BACKOFF, ACT_BACKOFF,
	"cannot open now, will retry" },
{ TASK_OPENING, EV_HUMAN, TASK_FAILED, ACT_FAIL, "needs attention" },
{ TASK_OPENING, EV_FATAL, TASK_FAILED, ACT_FAIL_LATER, "failed" },

{ TASK_RUNNING, EV_RETRYABLE, TASK_BACKOFF, ACT_BACKOFF,
	"interrupted, will retry" },
{ TASK_RUNNING, EV_HUMAN, TASK_FAILED, ACT_FAIL, "needs attention" },
{ TASK_RUNNING, EV_FATAL, TASK_FAILED, ACT_FAIL_LATER, "failed" },
{ TASK_RUNNING, EV_PAUSE, TASK_DRAINING, ACT_DRAIN, "pausing" },
{ TASK_RUNNING, EV_RESUME, TASK_RUNNING, ACT_NONE, "runs already" },
{ TASK_RUNNING, EV_RESTART, TASK_RESTARTING, ACT_DRAIN, "restarting" },
{ TASK_RUNNING, EV_STOP, TASK_STOPPING, ACT_INTERRUPT, "stopping" },

{ TASK_BACKOFF, EV_TIMER, TASK_OPENING, ACT_OPEN, "retrying" },
{ TASK_BACKOFF, EV_PAUSE, TASK_PAUSED, ACT_CALL_OFF, "paused" },
{ TASK_BACKOFF, EV_RESUME, TASK_BACKOFF, ACT_NONE, "will retry already" },
{ TASK_BACKOFF, EV_RESTART, TASK_OPENING, ACT_OPEN, "retrying at once" },
{ TASK_BACKOFF, EV_STOP, TASK_STOPPED, ACT_END, "stopped" },

{ TASK_DRAINING, EV_DRAINED, TASK_PAUSED, ACT_CLOSE, "paused" },
{ TASK_DRAINING, EV_RETRYABLE, TASK_PAUSED, ACT_CLOSE,
	"paused, the last records will come again" },
{ TASK_DRAINING, EV_HUMAN, TASK_FAILED, ACT_FAIL, "needs attention" },
{ TASK_DRAINING, EV_FATAL, TASK_FAILED, ACT_FAIL_LATER, "failed" },
{ TASK_DRAINING, EV_PAUSE, TASK_DRAINING, ACT_NONE, "is pausing already" },
{ TASK_DRAINING, EV_RESUME, TASK_RUNNING, ACT_RUN, "running again" },
{ TASK_DRAINING, EV_RESTART, TASK_RESTARTING, ACT_NONE, "restarting" },
{ TASK_DRAINING, EV_STOP, TASK_STOPPING, ACT_INTERRUPT, "stopping" },

{ TASK_PAUSED, EV_PAUSE, TASK_PAUSED, ACT_NONE, "is paused already" },
{ TASK_PAUSED, EV_RESUME, TASK_OPENING, ACT_OPEN, "resuming" },
{ TASK_PAUSED, EV_RESTART, TASK_PAUSED, ACT_NONE,
	"is paused, will be new when resumed" },
{ TASK_PAUSED, EV_STOP, TASK_STOPPED, ACT_END, "stopped" },

{ TASK_RESTARTING, EV_DRAINED, TASK_OPENING, ACT_REOPEN, "starting again" },
{ TASK_RESTARTING, EV_RETRYABLE, TASK_OPENING, ACT_REOPEN,
	"starting again, the last records will come again" },
{ TASK_RESTARTING, EV_HUMAN, TASK_OPENING, ACT_REOPEN,
	"starting again after an error" },
{ TASK_RESTARTING, EV_FATAL, TASK_OPENING, ACT_REOPEN,
	"starting again after a fatal error" },
{ TASK_RESTARTING, EV_PAUSE, TASK_DRAINING, ACT_NONE, "pausing" },
{ TASK_RESTARTING, EV_RESUME, TASK_RESTARTING, ACT_NONE,
	"is restarting already" },
{ TASK_RESTARTING, EV_RESTART, TASK_RESTARTING, ACT_NONE,
	"is restarting already" },
{ TASK_RESTARTING, EV_STOP, TASK_STOPPING, ACT_INTERRUPT, "stopping" },

{ TASK_FAILED, EV_TIMER, TASK_OPENING, ACT_OPEN,
	"trying again after a fatal error" },
{ TASK_FAILED, EV_PAUSE, TASK_FAILED, ACT_NONE,
	"stays failed until it is restarted" },
{ TASK_FAILED, EV_RESUME, TASK_FAILED, ACT_NONE,
	"stays failed until it is restarted" },
{ TASK_FAILED, EV_RESTART, TASK_OPENING, ACT_OPEN, "restarting" },
{ TASK_FAILED, EV_STOP, TASK_STOPPED, ACT_END, "stopped" },

{ TASK_STOPPING, EV_DRAINED, TASK_STOPPED, ACT_END, "stopped" },
{ TASK_STOPPING, EV_RETRYABLE, TASK_STOPPED, ACT_END,
	"stopped, the last records will come again" },
{ TASK_STOPPING, EV_HUMAN, TASK_STOPPED, ACT_END, "stopped with an error" },
{ TASK_STOPPING, EV_FATAL, TASK_STOPPED, ACT_END,
	"stopped with a fatal error" },
};

/* What cannot happen, and why: one reason for a set of events. */
#define E(ev) (UINT32_C(1) << (ev))
static const struct {
	enum task_state state;
	uint32_t events;
	const char *why;
} impossible[] = {
{ TASK_NEW, E(EV_OPENED) | E(EV_RETRYABLE) | E(EV_HUMAN) | E(EV_FATAL) |
	E(EV_DRAINED), "nothing was called yet" },
{ TASK_NEW, E(EV_TIMER), "no time is set" },
{ TASK_NEW, E(EV_RESUME) | E(EV_RESTART), "the first wish is start or pause" },
{ TASK_OPENING, E(EV_PAUSE) | E(EV_RESUME) | E(EV_RESTART) | E(EV_STOP),
	"wishes wait until open() has returned" },
{ TASK_OPENING, E(EV_START) | E(EV_TIMER) | E(EV_DRAINED),
	"the thread is inside open()" },
{ TASK_RUNNING, E(EV_START) | E(EV_OPENED), "it is open" },
{ TASK_RUNNING, E(EV_TIMER) | E(EV_DRAINED), "nothing is due" },
{ TASK_BACKOFF, E(EV_START) | E(EV_OPENED) | E(EV_RETRYABLE) | E(EV_HUMAN) |
	E(EV_FATAL) | E(EV_DRAINED), "nothing is open" },
{ TASK_DRAINING, E(EV_START) | E(EV_OPENED), "it is open" },
{ TASK_DRAINING, E(EV_TIMER), "no time is set" },
{ TASK_PAUSED, E(EV_START) | E(EV_OPENED) | E(EV_RETRYABLE) | E(EV_HUMAN) |
	E(EV_FATAL) | E(EV_DRAINED), "nothing is open" },
{ TASK_PAUSED, E(EV_TIMER), "no time is set" },
{ TASK_RESTARTING, E(EV_START) | E(EV_OPENED), "it is open" },
{ TASK_RESTARTING, E(EV_TIMER), "no time is set" },
{ TASK_FAILED, E(EV_START) | E(EV_OPENED) | E(EV_RETRYABLE) | E(EV_HUMAN) |
	E(EV_FATAL) | E(EV_DRAINED), "nothing is open" },
{ TASK_STOPPING, E(EV_START) | E(EV_OPENED), "it is open" },
{ TASK_STOPPING, E(EV_TIMER), "the deadline ends the drain itself" },
{ TASK_STOPPING, E(EV_PAUSE) | E(EV_RESUME) | E(EV_RESTART) | E(EV_STOP),
	"stop is the last wish" },
{ TASK_STOPPED, E(TASK_EVENT_N) - 1, "the thread has ended" },
};
/* clang-format on */

const struct task_transition *
task_fsm_find(enum task_state from, enum task_event event)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].from == from && rows[i].event == event)
			return &rows[i];
	}
	return NULL;
}

const char *
task_fsm_impossible(enum task_state from, enum task_event event)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(impossible); i++) {
		if (impossible[i].state == from &&
		    (impossible[i].events & E(event)) != 0)
			return impossible[i].why;
	}
	return NULL;
}

const struct task_transition *
task_fsm_rows(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(rows);
	return rows;
}

const char *
task_state_name(enum task_state s)
{
	return s < TASK_STATE_N ? state_names[s] : "?";
}

const char *
task_state_kafka(enum task_state s)
{
	return s < TASK_STATE_N ? state_kafka[s] : "?";
}

const char *
task_event_name(enum task_event e)
{
	return e < TASK_EVENT_N ? event_names[e] : "?";
}

const char *
task_action_name(enum task_action a)
{
	return a < TASK_ACTION_N ? action_names[a] : "?";
}

int
task_fsm_print(struct leat_buf *to)
{
	size_t i;

	leat_buf_add_str(to, "```mermaid\nstateDiagram-v2\n"
	    "    [*] --> new\n");
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].from != rows[i].to)
			leat_buf_printf(to, "    %s --> %s: %s\n",
			    state_names[rows[i].from], state_names[rows[i].to],
			    event_names[rows[i].event]);
	}
	leat_buf_add_str(to, "    stopped --> [*]\n```\n\n"
	    "| From | Event | To | Action | The log says |\n"
	    "|---|---|---|---|---|\n");
	for (i = 0; i < ARRAY_LEN(rows); i++)
		leat_buf_printf(to, "| %s | %s | %s | %s | %s |\n",
		    state_names[rows[i].from], event_names[rows[i].event],
		    state_names[rows[i].to], action_names[rows[i].action],
		    rows[i].words);
	return to->failed ? -1 : 0;
}
