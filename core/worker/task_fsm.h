/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_fsm.h: the life of a task, as a table. The task's thread raises events;
 * the table says what state comes next, what is to be done on the way, and what
 * the log says. docs/STATES.md is printed from the same table.
 */
#ifndef LEAT_CORE_WORKER_TASK_FSM_H
#define LEAT_CORE_WORKER_TASK_FSM_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/buf.h>

/* name, our word, Kafka Connect's word */
#define TASK_STATES(X)                                                  \
	X(TASK_NEW, "new", "UNASSIGNED")                                \
	X(TASK_OPENING, "opening", "RUNNING")                           \
	X(TASK_RUNNING, "running", "RUNNING")                           \
	X(TASK_BACKOFF, "backoff", "RUNNING")                           \
	X(TASK_DRAINING, "draining", "RUNNING")                         \
	X(TASK_PAUSED, "paused", "PAUSED")                              \
	X(TASK_RESTARTING, "restarting", "RESTARTING")                  \
	X(TASK_FAILED, "failed", "FAILED")                              \
	X(TASK_STOPPING, "stopping", "UNASSIGNED")                      \
	X(TASK_STOPPED, "stopped", "STOPPED")

#define TASK_EVENTS(X)                                                  \
	X(EV_START, "start")                                            \
	X(EV_OPENED, "opened")                                          \
	X(EV_RETRYABLE, "retryable error")                              \
	X(EV_HUMAN, "error for a human")                                \
	X(EV_FATAL, "fatal error")                                      \
	X(EV_TIMER, "timer")                                            \
	X(EV_PAUSE, "pause")                                            \
	X(EV_RESUME, "resume")                                          \
	X(EV_RESTART, "restart")                                        \
	X(EV_DRAINED, "drained")                                        \
	X(EV_STOP, "stop")

#define TASK_ACTIONS(X)                                                 \
	X(ACT_NONE, "-")                                                \
	X(ACT_OPEN, "open")                                             \
	X(ACT_RUN, "enter the loop")                                    \
	X(ACT_BACKOFF, "close, schedule with jitter")                   \
	X(ACT_FAIL, "close, keep the error")                            \
	X(ACT_FAIL_LATER, "close, keep the error, schedule late")       \
	X(ACT_DRAIN, "stop taking, finish what is taken")               \
	X(ACT_CLOSE, "close")                                           \
	X(ACT_CALL_OFF, "call the next try off")                        \
	X(ACT_REOPEN, "close, open")                                    \
	X(ACT_INTERRUPT, "finish what is taken, with a deadline")       \
	X(ACT_END, "close, end the thread")

#define TASK_FSM_ENUM2(id, word) id,
#define TASK_FSM_ENUM3(id, word, kafka) id,

enum task_state { TASK_STATES(TASK_FSM_ENUM3) TASK_STATE_N };
enum task_event { TASK_EVENTS(TASK_FSM_ENUM2) TASK_EVENT_N };
enum task_action { TASK_ACTIONS(TASK_FSM_ENUM2) TASK_ACTION_N };

struct task_transition {
	enum task_state from;
	enum task_event event;
	enum task_state to;
	enum task_action action;
	const char *words;	/* for the log; a constant message */
};

/* The row for a pair, or NULL where the pair cannot happen. */
const struct task_transition *task_fsm_find(enum task_state from,
    enum task_event event);
/* Why a pair without a row cannot happen; NULL for a pair with one. */
const char *task_fsm_impossible(enum task_state from, enum task_event event);

const struct task_transition *task_fsm_rows(size_t *ret_n);
const char *task_state_name(enum task_state s);
const char *task_state_kafka(enum task_state s);
const char *task_event_name(enum task_event e);
const char *task_action_name(enum task_action a);

/* The table as a Mermaid diagram and a Markdown table: docs/STATES.md. */
int task_fsm_print(struct leat_buf *to);

#endif
