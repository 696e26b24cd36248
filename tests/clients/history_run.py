#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a history under whatever is done to the broker meanwhile, and checks
it. usage: history_run.py HOST:PORT STOP-FILE [SEED]

Producers (plain, idempotent, transactional) and consumers (a group, and one
that jumps about) work until STOP-FILE is there; then everything is flushed,
read once more and checked by history.py. With HISTORY_POWER=1 in the
environment the broker may lose power too: everybody asks for acks=all, and what
was read before it was durable counts for nothing.
"""
import os
import random
import sys
import threading
import time

from confluent_kafka import (OFFSET_BEGINNING, Consumer, KafkaError,
                             KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import AdminClient, NewTopic

import history
import tour

PARTITIONS = 3
END_S = 60  # for what is still to come when the work is over
POWER = 'HISTORY_POWER' in os.environ
GAP = 10**9  # between the numbers of two producers
BASE = {'reconnect.backoff.ms': 20, 'reconnect.backoff.max.ms': 300,
        'socket.timeout.ms': 10000, 'log_level': 0,
        'topic.metadata.refresh.interval.ms': 5000}


class Run:
    def __init__(self, address, stop_file, seed):
        self.address = address
        self.stop_file = stop_file
        self.seed = seed
        self.topic = tour.name('history')
        self.group = tour.name('history')
        self.h = history.History()
        self.lock = threading.Lock()
        self.stopping = False
        self.enough = threading.Event()  # the group has read all
        self.failed = []

    def conf(self, **more):
        conf = {'bootstrap.servers': self.address}
        conf.update(BASE)
        conf.update({k.replace('_', '.'): v for k, v in more.items()})
        return conf

    def over(self):
        if not self.stopping and os.path.exists(self.stop_file):
            self.stopping = True
        return self.stopping

    def thread(self, fn, *args):
        def guarded():
            try:
                fn(*args)
            except BaseException as e:  # it is told at the end
                self.failed.append('%s: %r' % (fn, e))
                raise
        t = threading.Thread(target=guarded, daemon=True)
        t.start()
        return t


# ------------------------------------------------------------------ producers

class Numbers:
    """A producer's sends, with numbers that are its own."""

    def __init__(self, run, index, kind):
        self.run = run
        self.id = '%s-%d' % (kind, index)
        self.random = random.Random('%s %s' % (run.seed, self.id))
        self.next = index * GAP
        self.sends = []
        self.waiting = 0
        with run.lock:
            run.h.kinds[self.id] = kind

    def send(self, p, txn=None):
        s = history.Send(self.id, self.random.randrange(PARTITIONS),
                         self.next, None, txn)
        self.next += 1

        def report(error, m):
            self.waiting -= 1
            if error is None:
                s.offset = m.offset()
        while True:
            try:
                p.produce(self.run.topic, str(s.value), partition=s.partition,
                          on_delivery=report)
                break
            except BufferError:
                p.poll(0.05)
        self.waiting += 1
        self.sends.append(s)

    def done(self):
        with self.run.lock:
            self.run.h.sends += self.sends

    def fatal(self, error):
        with self.run.lock:
            self.run.h.fatal.append((self.id, str(error)))


def steady(run, index, kind):
    """Sends all the time."""
    n = Numbers(run, index, kind)
    conf = run.conf(linger_ms=2, message_timeout_ms=60000,
                    retry_backoff_ms=30, acks='all')
    if kind == history.IDEMPOTENT:
        conf['enable.idempotence'] = True
    elif not POWER:
        conf['acks'] = '1'

    def on_error(error):
        if error.fatal():
            n.fatal(error)
    conf['error_cb'] = on_error
    p = Producer(conf)
    while not run.over():
        for _ in range(n.random.randrange(1, 20)):
            n.send(p)
        p.poll(0.01)
        time.sleep(0.002)
    p.flush(END_S)
    n.done()


class Transactions:
    """Transactions that commit or abort, with and without offsets."""

    def __init__(self, run, index):
        self.run = run
        self.n = Numbers(run, index, history.TRANSACTIONAL)
        self.txn = 0
        self.outcomes = {}
        self.p = None

    def connect(self):
        """A fresh producer of the same id, which ends what the old one left."""
        end = time.monotonic() + END_S
        while True:
            self.p = Producer(self.run.conf(
                transactional_id='%s-%s' % (self.run.topic, self.n.id),
                linger_ms=2, retry_backoff_ms=30,
                transaction_timeout_ms=60000, message_timeout_ms=30000))
            try:
                self.p.init_transactions(15)
                return
            except KafkaException:
                if time.monotonic() > end:
                    raise

    def once(self):
        """The outcome."""
        abort = self.n.random.random() < 0.3
        self.p.begin_transaction()
        for _ in range(self.n.random.randrange(1, 30)):
            self.n.send(self.p, self.txn)
            self.p.poll(0)
        if abort:
            if self.n.random.random() < 0.7:
                self.p.flush(20)  # so that there is something to abort
            self.end(self.p.abort_transaction)
            return history.ABORTED
        self.end(self.p.commit_transaction)
        return history.COMMITTED

    def end(self, call):
        end = time.monotonic() + END_S
        while True:
            try:
                return call(10)
            except KafkaException as e:
                if not e.args[0].retriable() or time.monotonic() > end:
                    raise

    def go(self):
        self.connect()
        while not self.run.over():
            result = history.UNKNOWN
            try:
                result = self.once()
            except KafkaException as e:
                result = self.trouble(e.args[0])
            self.outcomes[self.n.id, self.txn] = result
            self.txn += 1
        self.p.flush(20)
        self.n.done()
        with self.run.lock:
            self.run.h.txns.update(self.outcomes)

    def trouble(self, error):
        if error.txn_requires_abort():
            try:
                self.end(self.p.abort_transaction)
                return history.ABORTED
            except KafkaException:
                pass
        # A new one: whether the old one's commit arrived is to be seen.
        self.connect()
        return history.UNKNOWN


# ------------------------------------------------------------------ consumers

class Watch:
    def __init__(self, run, name, uncommitted):
        self.run = run
        self.name = name
        self.epoch = 0
        self.polls = []
        with run.lock:
            run.h.readers[name] = uncommitted

    def see(self, messages):
        by_part = {}
        for m in messages:
            if m.error() is None:
                by_part.setdefault(m.partition(), []).append(
                    (m.offset(), int(m.value())))
        for part, records in by_part.items():
            self.polls.append(history.Poll(self.name, self.epoch, part,
                                           records))
        return {p: r[-1][0] + 1 for p, r in by_part.items()}

    def done(self):
        with self.run.lock:
            self.run.h.polls += self.polls


def consumer(run, isolation, **more):
    base = dict(enable_auto_commit=False, auto_offset_reset='earliest',
                session_timeout_ms=6000, heartbeat_interval_ms=300,
                fetch_wait_max_ms=50, isolation_level=isolation,
                group_id=run.group)
    base.update(more)
    return Consumer(run.conf(**base))


def member(run, index, assigned):
    """Of the group: polls and commits, and now and then leaves and comes
    again. assigned[index] is what it has."""
    rnd = random.Random('%s member %d' % (run.seed, index))
    w = Watch(run, 'member-%d' % index, False)
    commits = []
    read = {}  # what is to be committed
    with run.lock:
        run.h.groups.setdefault(run.group, []).append(w.name)

    def on_assign(c, parts):
        w.epoch += 1
        assigned[index] = {p.partition for p in parts}
        read.clear()

    def on_revoke(c, parts):
        w.epoch += 1
        assigned[index] = set()
        read.clear()
    while not run.enough.is_set():
        c = consumer(run, 'read_committed')
        c.subscribe([run.topic], on_assign=on_assign, on_revoke=on_revoke)
        until = time.monotonic() + rnd.uniform(3, 9)
        while not run.enough.is_set() and (
                run.over() or time.monotonic() < until):
            read.update(w.see(c.consume(200, 0.05)))
            if read and (run.stopping or rnd.random() < 0.5) and \
                    commit(run, c, read, commits):
                read.clear()
        c.close()
        w.epoch += 1
        assigned[index] = set()
    w.done()
    with run.lock:
        run.h.commits += commits


def commit(run, c, at, commits):
    try:
        done = c.commit(offsets=[TopicPartition(run.topic, p, o)
                                 for p, o in at.items()], asynchronous=False)
    except KafkaException:
        return False  # refused, or not known: then it is no promise
    for p in done:
        if p.error is None:
            commits.append((run.group, p.partition, p.offset))
    return all(p.error is None for p in done)


def jumper(run):
    """Reads uncommitted records too, from here and there."""
    rnd = random.Random('%s jumper' % run.seed)
    w = Watch(run, 'jumper', True)
    c = consumer(run, 'read_uncommitted', group_id=run.group + '-none')
    high = 0
    while not run.over():
        w.epoch += 1
        c.assign([TopicPartition(run.topic, p, rnd.randrange(high + 1))
                  for p in range(PARTITIONS)])
        until = time.monotonic() + rnd.uniform(0.2, 2)
        while time.monotonic() < until and not run.over():
            at = w.see(c.consume(500, 0.05))
            high = max([high // 2] + list(at.values()))
    c.close()
    w.done()


# -------------------------------------------------------------------- the end

def read_all(run, isolation):
    """{partition: [(offset, value)]}, and the ends."""
    c = consumer(run, isolation, group_id=run.group + '-all',
                 enable_partition_eof=True)
    c.assign([TopicPartition(run.topic, p, OFFSET_BEGINNING)
              for p in range(PARTITIONS)])
    found = {p: [] for p in range(PARTITIONS)}
    ended = {}
    end = time.monotonic() + END_S
    while len(ended) < PARTITIONS:
        if time.monotonic() > end:
            tour.fail('reading all, ' + isolation, 'the end',
                      {p: len(r) for p, r in found.items()})
        for m in c.consume(1000, 0.2):
            if m.error() is None:
                found[m.partition()].append((m.offset(), int(m.value())))
            elif m.error().code() == KafkaError._PARTITION_EOF:
                ended[m.partition()] = m.offset()
    c.close()
    return found, ended


def catch_up(run, assigned):
    """Until the group has committed past the last record that is shown."""
    c = consumer(run, 'read_committed')
    parts = [TopicPartition(run.topic, p) for p in range(PARTITIONS)]
    end = time.monotonic() + END_S
    while True:
        try:
            at = {p.partition: p.offset for p in c.committed(parts, 10)}
        except KafkaException:
            at = {}
        if all(at.get(p, -1) >= (r[-1][0] + 1 if r else 0) or not r
               for p, r in run.h.shown.items()):
            break
        if time.monotonic() > end:
            tour.fail('the group catches up', run.h.ends, (at, assigned))
        time.sleep(0.05)
    run.enough.set()
    return c, parts


def finish(run, workers, members, assigned):
    for t in workers:
        t.join(END_S * 2)
        tour.check('a client comes to its end', not t.is_alive())
    # Transactions that a producer left open are ended by another of its id.
    run.h.all, run.h.ends = read_all(run, 'read_uncommitted')
    run.h.shown, _ = read_all(run, 'read_committed')
    c, parts = catch_up(run, assigned)
    for t in members:
        t.join(END_S)
        tour.check('a member comes to its end', not t.is_alive())
    for p in c.committed(parts, 10):
        run.h.committed[run.group, p.partition] = p.offset
    c.close()


def create(run):
    """The topic, whatever is done to the broker meanwhile."""
    admin = AdminClient(run.conf())
    end = time.monotonic() + END_S
    while True:
        f, = admin.create_topics([NewTopic(run.topic, PARTITIONS, 1)],
                                 request_timeout=10).values()
        try:
            f.result(20)
            return
        except KafkaException as e:
            if e.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


def main():
    address, stop_file = sys.argv[1:3]
    seed = sys.argv[3] if len(sys.argv) > 3 else str(time.time())
    print('seed %s' % seed, flush=True)
    run = Run(address, stop_file, seed)
    create(run)
    assigned = {}
    workers = [run.thread(steady, run, 1, history.PLAIN)]
    workers += [run.thread(steady, run, i, history.IDEMPOTENT) for i in (2, 3)]
    workers += [run.thread(Transactions(run, i).go) for i in (4, 5)]
    workers += [run.thread(jumper, run)]
    members = [run.thread(member, run, i, assigned) for i in range(3)]
    finish(run, workers, members, assigned)
    tour.same('all clients worked', run.failed, [])
    h = run.h
    acked = sum(s.offset is not None for s in h.sends)
    outcomes = list(h.txns.values())
    print('%d records sent, %d acknowledged, %d at the end; %d transactions '
          'committed, %d aborted, %d unknown; %d polls, %d commits' % (
              len(h.sends), acked, sum(len(r) for r in h.all.values()),
              outcomes.count(history.COMMITTED),
              outcomes.count(history.ABORTED),
              outcomes.count(history.UNKNOWN), len(h.polls), len(h.commits)))
    tour.check('something happened', acked > 0 and h.commits and
               history.COMMITTED in outcomes)
    if POWER:
        history.forget_not_durable(h)
        found = history.anomalies(h, history.POWER_CHECKS)
    else:
        found = history.anomalies(h)
    for name, texts in found:
        print('ANOMALY %s: %d times\n  %s' % (
            name, len(texts), '\n  '.join(texts[:10])))
    tour.same('anomalies', [n for n, _ in found], [])
    tour.finish()


if __name__ == '__main__':
    main()
