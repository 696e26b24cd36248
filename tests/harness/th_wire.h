/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_wire.h: a network that fails: a TCP relay on the loopback between a
 * program and a server.
 *
 * It listens on a free port and connects each who comes with the server's port.
 * A thread of its own passes the bytes, in both directions; the functions say
 * how, at once and for all connections, and may be called by the main thread
 * at any time.
 */
#ifndef LEAT_TESTS_HARNESS_TH_WIRE_H
#define LEAT_TESTS_HARNESS_TH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct th_wire;

struct th_wire *th_wire_open(uint16_t to_port);
/* Accepts NULL. */
void th_wire_close(struct th_wire *w);
uint16_t th_wire_port(const struct th_wire *w);

/* Both ends of all connections get a reset. */
void th_wire_cut(struct th_wire *w);
/* The same when the server has sent so many bytes more: within a message. */
void th_wire_cut_after(struct th_wire *w, size_t bytes);
/* Who comes is reset. */
void th_wire_refuse(struct th_wire *w, bool on);
/* Nothing passes, and nothing is closed, as long as it is on. */
void th_wire_stall(struct th_wire *w, bool on);
/*
 * Half-open: a connection, or all that there are now (which < 0), pass nothing
 * any more, and neither end hears that the other is gone. New ones are well.
 */
void th_wire_forget(struct th_wire *w, int which);
/* Each piece is late by so much. */
void th_wire_delay(struct th_wire *w, int ms);

/* Connections so far, and bytes that came from the server. */
size_t th_wire_count(struct th_wire *w);
size_t th_wire_bytes(struct th_wire *w);

#endif
