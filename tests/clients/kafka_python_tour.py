#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tour of python3-kafka 2.0.2, which speaks the oldest versions.
usage: kafka_python_tour.py HOST:PORT"""
import logging
import sys
import threading
import time

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (ConfigResource, ConfigResourceType, KafkaAdminClient,
                         NewPartitions, NewTopic)
from kafka.errors import (KafkaError, MessageSizeTooLargeError,
                          TopicAlreadyExistsError,
                          UnknownTopicOrPartitionError)
from kafka.structs import OffsetAndMetadata

import tour
from tour import check, name, same

logging.disable(logging.CRITICAL)
address = tour.start(sys.argv)
BASE = {'bootstrap_servers': address, 'reconnect_backoff_ms': 50,
        'reconnect_backoff_max_ms': 500}


def codecs_here():
    """This version has no zstd; the others as their modules are there."""
    from kafka import codec
    return [None, 'gzip'] + (['snappy'] if codec.has_snappy() else []) + (
        ['lz4'] if codec.has_lz4() else [])


def new_admin():
    return KafkaAdminClient(request_timeout_ms=20000, **BASE)


admin = new_admin()


def create(topic, partitions=1, configs=None):
    admin.create_topics([NewTopic(topic, partitions, 1,
                                  topic_configs=configs or {})], 20000)


def producer(**conf):
    base = {'retries': 100, 'retry_backoff_ms': 50, 'request_timeout_ms':
            20000, 'max_in_flight_requests_per_connection': 1}
    return KafkaProducer(**dict(BASE, **dict(base, **conf)))


def consumer(*topics, **conf):
    base = {'enable_auto_commit': False, 'auto_offset_reset': 'earliest',
            'session_timeout_ms': 10000, 'heartbeat_interval_ms': 300,
            'fetch_max_wait_ms': 100, 'retry_backoff_ms': 50,
            'metadata_max_age_ms': 2000, 'group_id': None}
    return KafkaConsumer(*topics, **dict(BASE, **dict(base, **conf)))


def take(c, n, what, seconds=30):
    got = []
    end = time.monotonic() + seconds
    while len(got) < n and time.monotonic() < end:
        for messages in c.poll(200).values():
            got += messages
    same('%s: messages' % what, len(got), n)
    same('%s: no more' % what, c.poll(50), {})
    return got


def read_all(topic, n, what):
    c = consumer()
    c.assign([TopicPartition(topic, p)
              for p in sorted(c.partitions_for_topic(topic))])
    c.seek_to_beginning()
    got = take(c, n, what)
    c.close()
    return got


def topics():
    t = name('admin')
    create(t, 2, {'retention.ms': '3600000', 'max.message.bytes': '5000'})
    check('listed', t in admin.list_topics())
    d, = admin.describe_topics([t])
    same('describe: partitions', sorted(
        p['partition'] for p in d['partitions']), [0, 1])
    try:
        create(t)
        check('create: again', False, 'no error')
    except TopicAlreadyExistsError:
        check('create: again', True)

    def config():
        r = admin.describe_configs([ConfigResource(
            ConfigResourceType.TOPIC, t)])
        return {c[0]: c[1] for c in r[0].resources[0][4]}
    same('describe: retention.ms', config()['retention.ms'], '3600000')
    admin.alter_configs([ConfigResource(
        ConfigResourceType.TOPIC, t, {'retention.ms': '7200000',
                                      'max.message.bytes': '5000'})])
    tour.wait('alter: retention.ms', lambda:
              config()['retention.ms'] == '7200000')
    check('alter: retention.ms', True)
    p = producer(retries=0)
    try:
        p.send(t, b'x' * 20000, partition=0).get(20)
        check('a record of more than max.message.bytes is refused', False,
              'no error')
    except MessageSizeTooLargeError:
        check('a record of more than max.message.bytes is refused', True)
    p.close()
    admin.create_partitions({t: NewPartitions(5)}, 20000)
    tour.wait('grow', lambda: len(
        admin.describe_topics([t])[0]['partitions']) == 5)
    check('create partitions', True)
    admin.delete_topics([t], 20000)
    tour.wait('delete', lambda: t not in admin.list_topics())
    try:
        admin.delete_topics([t], 20000)
        check('delete: again', False, 'no error')
    except UnknownTopicOrPartitionError:
        check('delete: again', True)


def codecs():
    for codec in codecs_here():
        for acks in (0, 1, 'all'):
            t = name('%s-%s' % (codec, acks))
            create(t)
            p = producer(compression_type=codec, acks=acks, linger_ms=20)
            stamp = int(time.time() * 1000) - 5000
            want, futures = [], []
            for i in range(100):
                key = None if i % 3 == 0 else b'key %d' % i
                value = None if i % 7 == 0 else b'value %d ' % i * 20
                if key is None and value is None:
                    key = b'k'  # this client wants one of them
                heads = [('h', b'%d' % i), ('empty', b'')]
                futures.append(p.send(t, value, key, heads, 0, stamp + i))
                want.append((key, value, heads, stamp + i))
            p.flush(30)
            what = '%s acks=%s' % (codec, acks)
            sent = [f.get(20).offset for f in futures]
            if acks != 0:
                same('%s: offsets given' % what, sent, list(range(100)))
            p.close()
            got = read_all(t, 100, what)
            same('%s: contents' % what, [
                (m.key, m.value, m.headers, m.timestamp) for m in got], want)
            same('%s: offsets' % what, [m.offset for m in got],
                 list(range(100)))


def positions():
    t = name('positions')
    create(t)
    p = producer()
    stamp = 1600000000000
    for i in range(50):
        p.send(t, b'%d' % i, timestamp_ms=stamp + i * 1000)
    p.flush(30)
    c = consumer()
    tp = TopicPartition(t, 0)
    c.assign([tp])
    c.seek(tp, 20)
    same('from offset 20', [m.offset for m in take(c, 30, 'from 20')],
         list(range(20, 50)))
    found = c.offsets_for_times({tp: stamp + 30500})[tp]
    same('offset of a timestamp', (found.offset, found.timestamp),
         (31, stamp + 31000))
    same('offset of a late timestamp',
         c.offsets_for_times({tp: stamp + 10**9})[tp], None)
    same('beginning', c.beginning_offsets([tp]), {tp: 0})
    same('end', c.end_offsets([tp]), {tp: 50})
    c.seek_to_end(tp)
    same('position at the end', c.position(tp), 50)
    p.send(t, b'late')
    p.flush(30)
    same('from the end', [m.value for m in take(c, 1, 'late')], [b'late'])
    c.close()
    p.close()


def middle():
    t, g = name('middle'), name('middle-group')
    create(t, 3)
    p = producer(acks='all')
    c = consumer(t, group_id=g)
    futures = []
    n = tour.half(lambda i: futures.append(
        p.send(t, b'%d' % i, b'k%d' % (i % 10))))
    p.flush(40)
    acked = {}
    for i, f in enumerate(futures):
        m = f.get(30)
        acked[m.partition, m.offset] = b'%d' % i
    # Without idempotence a record may be there twice, once acknowledged.
    seen = {}

    def step():
        try:
            for messages in c.poll(200).values():
                for m in messages:
                    seen[m.partition, m.offset] = m.value
        except KafkaError:
            pass  # the broker was away
    tour.wait('the consumer through the middle',
              lambda: acked.keys() <= seen.keys(), 40, step)
    same('through the middle: what a group read', {
        k: v for k, v in seen.items() if k in acked}, acked)
    check('through the middle: not less', len(seen) >= n)
    c.close()
    p.close()


class Watcher(kafka.ConsumerRebalanceListener):
    """A member of a group in a thread of its own."""

    def __init__(self, group, topic, seen):
        self.c = consumer(group_id=group)
        self.c.subscribe([topic], listener=self)
        self.parts = []
        self.seen = seen
        self.stop = False
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def on_partitions_assigned(self, parts):
        self.parts = sorted(p.partition for p in parts)

    def on_partitions_revoked(self, parts):
        self.parts = []
        self.commit()

    def commit(self):
        try:
            self.c.commit()
        except KafkaError as e:
            self.error = e

    def run(self):
        while not self.stop:
            for tp, messages in self.c.poll(50).items():
                for m in messages:
                    self.seen.add((m.partition, m.offset))
        self.commit()
        self.c.close(autocommit=False)

    def end(self):
        self.stop = True
        self.thread.join(30)
        check('a member ends', not self.thread.is_alive())


def groups():
    t, g = name('group'), name('group')
    create(t, 4)
    p = producer()
    seen, futures = set(), []

    def work():
        for i in range(4):
            futures.append(p.send(t, b'x', partition=i))
        time.sleep(0.02)

    def shared(n):
        tour.wait('%d members' % n, lambda: sorted(sum(
            (m.parts for m in members), [])) == [0, 1, 2, 3] and all(
                m.parts for m in members), 40, work)
        check('%d members share' % n, True)
    members = []
    for n in (1, 2, 3):
        members.append(Watcher(g, t, seen))
        shared(n)
    for n in (2, 1):
        members.pop(0).end()
        shared(n)
    p.flush(30)
    acked = {(m.partition, m.offset) for m in (f.get(20) for f in futures)}
    tour.wait('all is read', lambda: acked <= set(seen), 30)
    same('each record was read, without a gap', set(seen), acked)
    states = {x[0]: x[1] for x in admin.list_consumer_groups()}
    check('the group is listed', states.get(g) == 'consumer', states)
    d, = admin.describe_consumer_groups([g])
    same('the group is stable', (d.state, len(d.members)), ('Stable', 1))
    members[0].end()
    ends = {i: 1 + max(o for q, o in acked if q == i) for i in range(4)}
    got = {tp.partition: o.offset for tp, o in
           admin.list_consumer_group_offsets(g).items()}
    same('committed', got, ends)
    c = consumer(t, group_id=g)
    p.send(t, b'last', partition=2)
    p.flush(30)
    same('a commit resumes', [(m.partition, m.value) for m in
                              take(c, 1, 'resumed')], [(2, b'last')])
    tp = TopicPartition(t, 1)
    c.commit({tp: OffsetAndMetadata(3, 'three \u20ac')})
    same('metadata of a commit', c.committed(tp, metadata=True),
         OffsetAndMetadata(3, 'three \u20ac'))
    c.close()
    (group, error), = admin.delete_consumer_groups([g])
    same('delete the group', (group, error.errno), (g, 0))
    check('the group is gone', g not in [
        x[0] for x in admin.list_consumer_groups()])
    p.close()


topics()
codecs()
positions()
middle()
admin = new_admin()  # the old one does not try again
groups()
tour.finish()
