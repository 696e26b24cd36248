# SPDX-License-Identifier: Apache-2.0
"""For each API what protocol_check.py asks, in the version under test, and
what it expects: every element asked for answered, and the right error codes.

A case is called with the Broker of protocol_check.py and the version. Its first
request must be one that a broker answers at once at any time, since it is
asked again in the pipeline.
"""
import time
import uuid

import kafka_records

NONE, OUT_OF_RANGE, CORRUPT, UNKNOWN_TOPIC = 0, 1, 2, 3
INVALID_TOPIC, INVALID_ACKS, INVALID_GROUP = 17, 21, 24
UNKNOWN_MEMBER, ILLEGAL_GENERATION = 25, 22
TOPIC_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG = 36, 37, 40
INVALID_REQUEST, GROUP_NOT_FOUND, NON_EMPTY_GROUP = 42, 69, 68
SESSION_NOT_FOUND, MEMBER_ID_REQUIRED, INVALID_RECORD = 70, 79, 87
UNKNOWN_TOPIC_ID, TXN_ID_NOT_FOUND, SECURITY_DISABLED = 100, 105, 54
NO_OPERATIONS = -0x80000000

TOPIC, BROKER = 2, 4		# types of resources


class Skip(Exception):
    """The case needs an API that is not served."""


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def same(got, want, what):
    expect(got == want, '%s: %r instead of %r' % (what, got, want))


def answered(got, want, what):
    """Each element once, in any order."""
    got, want = sorted(got), sorted(want)
    expect(got == want, '%s: %r answered, %r asked' % (what, got, want))


def prepare(b):
    """A topic of three partitions with ten records in partition 0."""
    b.topic = b.name('topic')
    b.unknown = 'check-none-' + b.run
    create(b, b.topic, 3)
    b.topic_id = metadata_of(b, b.topic)['TopicId'] \
        if b.best('Metadata') >= 10 else None
    b.stamp = int(time.time() * 1000) - 100000
    b.records = 0
    if b.serves('Produce'):
        for i in range(2):
            write(b, b.topic, kafka_records.batch(
                [(b'k%d' % (5 * i + j), b'v', [(b'h', None)])
                 for j in range(5)], b.stamp + 5 * i))
        b.records = 10


def write(b, topic, batch):
    """Into partition 0; a new topic may not have its leader yet."""
    v = min(12, b.best('Produce'))
    end = time.monotonic() + 10
    while True:
        r = b.call('Produce', produce_body(b, v, [(topic, 0, batch)]), v)
        error = r['Responses'][0]['PartitionResponses'][0]['ErrorCode']
        if error not in (3, 6) or time.monotonic() > end:
            break
        time.sleep(0.02)
    same(error, NONE, 'error of Produce to ' + topic)


def create(b, name, partitions, configs=()):
    if not b.serves('CreateTopics'):
        b.call('Metadata', {'Topics': [{'Name': name}]})
        return
    r = b.call('CreateTopics', {
        'Topics': [{'Name': name, 'NumPartitions': partitions,
                    'ReplicationFactor': 1,
                    'Configs': [{'Name': k, 'Value': v} for k, v in configs]}],
        'timeoutMs': 10000}, b.best('CreateTopics'))
    same(r['Topics'][0]['ErrorCode'], NONE, 'error of creating %s' % name)
    wait_for_topic(b, name)


def metadata_of(b, name):
    r = b.call('Metadata', {'Topics': [{'Name': name}],
                            'AllowAutoTopicCreation': False},
               b.best('Metadata'))
    return r['Topics'][0]


def wait_for_topic(b, name, there=True):
    end = time.monotonic() + 15
    while True:
        t = metadata_of(b, name)
        if (t['ErrorCode'] == NONE and all(
                p['ErrorCode'] == NONE for p in t['Partitions'])) == there:
            return
        expect(time.monotonic() < end, '%s is not %s: error %d' % (
            name, 'there' if there else 'gone', t['ErrorCode']))
        time.sleep(0.02)


# ------------------------------------------------------ metadata and cluster

def case_api_versions(b, v):
    r = b.call('ApiVersions', {'ClientSoftwareName': 'check',
                               'ClientSoftwareVersion': '1.0'})
    same(r['ErrorCode'], NONE, 'error')
    keys = [a['ApiKey'] for a in r['ApiKeys']]
    same(len(set(keys)), len(keys), 'number of different APIs')
    same({a['ApiKey']: (a['MinVersion'], a['MaxVersion'])
          for a in r['ApiKeys']}, b.versions, 'versions')
    b.call('ApiVersions', {})
    if v < 3:
        return
    # What makes clients change over to EndTxn 5 and its kin.
    feature = {'Name': 'transaction.version'}
    end = b.versions.get(b.protocol.key('EndTxn'), (0, 0))[1]
    finalized = [f for f in r.get('FinalizedFeatures', [])
                 if f['Name'] == feature['Name']]
    supported = [f for f in r.get('SupportedFeatures', [])
                 if f['Name'] == feature['Name']]
    if end >= 5:
        same(finalized, [dict(feature, MaxVersionLevel=2, MinVersionLevel=2)],
             'finalized')
        expect(r['FinalizedFeaturesEpoch'] >= 0, 'no epoch of the features')
        same(supported, [] if v == 3 else
             [dict(feature, MinVersion=0, MaxVersion=2)], 'supported')
    else:
        same(finalized, [], 'finalized')


def check_partitions(t, brokers):
    same(sorted(p['PartitionIndex'] for p in t['Partitions']),
         list(range(len(t['Partitions']))), 'partitions')
    for p in t['Partitions']:
        same(p['ErrorCode'], NONE, 'error of a partition')
        expect(p['LeaderId'] in brokers, 'leader %d' % p['LeaderId'])
        expect(p['LeaderId'] in p['ReplicaNodes'] and
               p['LeaderId'] in p['IsrNodes'], 'the leader is no replica')


def case_metadata(b, v):
    ask = {'AllowAutoTopicCreation': False}
    every = [] if v == 0 else None
    r = b.call('Metadata', dict(ask, Topics=every))
    brokers = {x['NodeId']: x for x in r['Brokers']}
    expect(brokers, 'no broker')
    for x in brokers.values():
        expect(x['Host'] and x['Port'] > 0, 'broker at %(Host)s:%(Port)d' % x)
    if v >= 1:
        expect(r['ControllerId'] in brokers, 'controller %d'
               % r['ControllerId'])
    if v >= 2:
        expect(r['ClusterId'], 'no cluster id')
    names = [t['Name'] for t in r['Topics']]
    same(names.count(b.topic), 1, 'times our topic is among all')
    if v >= 1:
        r = b.call('Metadata', dict(ask, Topics=[]))
        same(r['Topics'], [], 'topics')
    bad = 'not a name!'
    want = {b.topic: NONE, bad: INVALID_TOPIC}
    if v >= 4:
        want[b.unknown] = UNKNOWN_TOPIC
    r = b.call('Metadata', dict(
        ask, Topics=[{'Name': n} for n in want],
        IncludeTopicAuthorizedOperations=v >= 8,
        IncludeClusterAuthorizedOperations=8 <= v <= 10))
    answered([(t['Name'], t['ErrorCode']) for t in r['Topics']],
             want.items(), 'topics')
    t = [t for t in r['Topics'] if t['Name'] == b.topic][0]
    same(len(t['Partitions']), 3, 'partitions')
    check_partitions(t, brokers)
    if v >= 8:
        expect(t['TopicAuthorizedOperations'] != NO_OPERATIONS,
               'no authorized operations')
    if 8 <= v <= 10:
        expect(r['ClusterAuthorizedOperations'] != NO_OPERATIONS,
               'no authorized operations of the cluster')
    if v >= 10:
        same(t['TopicId'], b.topic_id, 'topic id')
        expect(t['TopicId'].int != 0, 'the topic id is zero')
    if v >= 12:
        other = uuid.uuid4()
        r = b.call('Metadata', dict(ask, Topics=[
            {'Name': None, 'TopicId': b.topic_id},
            {'Name': None, 'TopicId': other}]))
        answered([(t['TopicId'].hex, t['ErrorCode']) for t in r['Topics']],
                 [(b.topic_id.hex, NONE), (other.hex, UNKNOWN_TOPIC_ID)],
                 'topics by id')
        same([t['Name'] for t in r['Topics'] if t['ErrorCode'] == NONE],
             [b.topic], 'name by id')


def case_describe_cluster(b, v):
    r = b.call('DescribeCluster', {'IncludeClusterAuthorizedOperations': True})
    same(r['ErrorCode'], NONE, 'error')
    expect(r['ClusterId'], 'no cluster id')
    expect(r['ControllerId'] in [x['BrokerId'] for x in r['Brokers']],
           'controller %d' % r['ControllerId'])
    expect(r['ClusterAuthorizedOperations'] != NO_OPERATIONS,
           'no authorized operations')
    b.call('DescribeCluster', {})


def case_describe_topic_partitions(b, v):
    api = 'DescribeTopicPartitions'
    r = b.call(api, {'Topics': [{'Name': b.topic}, {'Name': b.unknown}]})
    answered([(t['Name'], t['ErrorCode'], len(t['Partitions']))
              for t in r['Topics']],
             [(b.topic, NONE, 3), (b.unknown, UNKNOWN_TOPIC, 0)], 'topics')
    same(r['NextCursor'], None, 'cursor')
    r = b.call(api, {'Topics': [{'Name': b.topic}],
                     'ResponsePartitionLimit': 2})
    same(len(r['Topics'][0]['Partitions']), 2, 'partitions with a limit')
    same(r['NextCursor'], {'TopicName': b.topic, 'PartitionIndex': 2},
         'cursor')
    r = b.call(api, {'Topics': [{'Name': b.topic}], 'Cursor': r['NextCursor']})
    same([p['PartitionIndex'] for p in r['Topics'][0]['Partitions']], [2],
         'partitions behind the cursor')
    b.call(api, {'Topics': []})


# ---------------------------------------------------------- produce and fetch

def topic_key(b, name, v, since):
    """The name or, from version `since`, the id of a topic."""
    if v < since:
        return {'Name': name}
    return {'TopicId': b.topic_id if name == b.topic else uuid.UUID(int=77)}


def produce_body(b, v, parts, acks=-1, txn=None):
    return {'TransactionalId': txn, 'Acks': acks, 'TimeoutMs': 10000,
            'TopicData': [dict(topic_key(b, t, v, 13), PartitionData=[
                {'Index': p, 'Records': r}]) for t, p, r in parts]}


def one_record(b):
    return kafka_records.batch([(b'k', b'v', [])], b.stamp)


def produce_results(r):
    return [(p['Index'], p['ErrorCode']) for t in r['Responses']
            for p in t['PartitionResponses']]


def first_batches(b, v):
    """A batch adds its partition to the transaction."""
    def batch(epoch, sequence):
        return kafka_records.batch([(b'k', b'v', [])], b.stamp,
                                   (t.producer, epoch, sequence), True)

    def produce(parts):
        deadline = time.monotonic() + 15
        while True:
            r = produce_results(b.call('Produce', produce_body(
                b, v, [(topic, p, data) for p, data in parts], txn=t.id)))
            # A new topic may not have its leader yet.
            if not {3, 6, 51} & {e for _, e in r}:
                return r
            expect(time.monotonic() < deadline, 'still %r' % r)
            time.sleep(0.02)
    topic = b.name('first')
    create(b, topic, 3)
    t = Transaction(b)
    answered(produce([(0, batch(t.epoch, 0)), (1, batch(t.epoch, 0))]),
             [(0, NONE), (1, NONE)], 'results of the first batches')
    same(produce([(2, batch(t.epoch, 1))]), [(2, 45)], 'results of a second')
    same(produce([(2, batch(t.epoch + 1, 0))]), [(2, 47)],
         'results of an epoch to come')
    r = b.call('EndTxn', {'TransactionalId': t.id, 'ProducerId': t.producer,
                          'ProducerEpoch': t.epoch, 'Committed': True}, 5)
    same(r['ErrorCode'], NONE, 'error of EndTxn')
    same(produce([(0, batch(t.epoch, 1))]), [(0, 47)], 'results of a late one')
    delete(b, [topic])


def case_produce(b, v):
    if v < 3:
        # Advertised for old clients' sake, and may be refused by a close.
        try:
            b.call('Produce', produce_body(b, v, [(b.topic, 1, b'')]))
        except Exception as e:
            expect('Closed' in type(e).__name__, str(e))
        return
    r = b.call('Produce', produce_body(b, v, []))
    same(r['Responses'], [], 'responses')
    last = -1
    for acks in (-1, 1):
        for compress in (False, True):
            batch = kafka_records.batch(
                [(b'k', None, []), (None, b'v', [(b'h', b'x')])], b.stamp,
                compress=compress)
            r = b.call('Produce', produce_body(b, v, [(b.topic, 1, batch)],
                                               acks))
            same(produce_results(r), [(1, NONE)], 'results')
            p = r['Responses'][0]['PartitionResponses'][0]
            expect(p['BaseOffset'] >= 0 and (
                last < 0 or p['BaseOffset'] == last + 2),
                'base offset %d behind %d' % (p['BaseOffset'], last))
            last = p['BaseOffset']
    missing = UNKNOWN_TOPIC if v < 13 else UNKNOWN_TOPIC_ID
    r = b.call('Produce', produce_body(b, v, [(b.unknown, 0, one_record(b))]))
    same(produce_results(r), [(0, missing)], 'results of an unknown topic')
    body = produce_body(b, v, [(b.topic, 1, one_record(b))])
    body['TopicData'][0]['PartitionData'].append(
        {'Index': 99, 'Records': one_record(b)})
    r = b.call('Produce', body)
    answered(produce_results(r), [(1, NONE), (99, UNKNOWN_TOPIC)], 'results')
    broken = bytearray(one_record(b))
    broken[-1] ^= 1
    r = b.call('Produce', produce_body(b, v, [(b.topic, 1, bytes(broken))]))
    same(produce_results(r), [(1, CORRUPT)], 'results of a broken batch')
    r = b.call('Produce', produce_body(b, v, [(b.topic, 1, one_record(b))], 7))
    same(produce_results(r), [(1, INVALID_ACKS)], 'results with acks=7')
    r = b.call('Produce', produce_body(b, v, [(b.topic, 1, b'')]))
    same(produce_results(r), [(1, INVALID_RECORD)], 'results of no batch')
    # acks=0: no answer at all, and the next one is in its place.
    if v >= 12:
        first_batches(b, v)
    b.send_only('Produce', produce_body(b, v, [(b.topic, 1, one_record(b))], 0))
    r = b.call('Produce', produce_body(b, v, [(b.topic, 1, one_record(b))], 1))
    same(produce_results(r), [(1, NONE)], 'results behind acks=0')


def fetch_body(b, v, parts, wait=0, isolation=0, session=(0, -1), forget=()):
    """parts: [(topic, partition, offset)]"""
    what = 'Topic' if v < 13 else 'TopicId'
    by_name = {}
    for t, p, o in parts:
        by_name.setdefault(t, []).append({
            'Partition': p, 'FetchOffset': o, 'PartitionMaxBytes': 1 << 20})

    def key(t):
        return t if v < 13 else topic_key(b, t, v, 13)['TopicId']

    return {'MaxWaitMs': wait, 'MinBytes': 1, 'MaxBytes': 1 << 24,
            'IsolationLevel': isolation, 'SessionId': session[0],
            'SessionEpoch': session[1],
            'Topics': [{what: key(t), 'Partitions': ps}
                       for t, ps in by_name.items()],
            'ForgottenTopicsData': [{what: key(t), 'Partitions': [p]}
                                    for t, p in forget]}


def fetched(r):
    return [(p['PartitionIndex'], p['ErrorCode']) for t in r['Responses']
            for p in t['Partitions']]


def case_fetch(b, v):
    r = b.call('Fetch', fetch_body(b, v, []))
    same(r['Responses'], [], 'responses')
    missing = UNKNOWN_TOPIC if v < 13 else UNKNOWN_TOPIC_ID
    for isolation in (0, 1):
        r = b.call('Fetch', fetch_body(b, v, [
            (b.topic, 0, 0), (b.topic, 2, 0), (b.topic, 99, 0),
            (b.unknown, 0, 0)], isolation=isolation))
        answered(fetched(r), [(0, NONE), (2, NONE), (99, UNKNOWN_TOPIC),
                              (0, missing)], 'partitions')
        for t in r['Responses']:
            for p in t['Partitions']:
                check_fetched(b, v, p, isolation)
    r = b.call('Fetch', fetch_body(b, v, [(b.topic, 0, 1 << 40)]))
    same(fetched(r), [(0, OUT_OF_RANGE)], 'partitions')
    # In the middle of a batch: the whole batch, or the records from there.
    r = b.call('Fetch', fetch_body(b, v, [(b.topic, 0, 7)]))
    got = kafka_records.read(r['Responses'][0]['Partitions'][0]['Records'])
    expect(7 in [x[0] for x in got], 'offset 7 is not among %r' % [
        x[0] for x in got])
    began = time.monotonic()
    r = b.call('Fetch', fetch_body(b, v, [(b.topic, 2, 0)], wait=60))
    expect(time.monotonic() - began >= 0.055, 'a long poll of 60 ms took less')
    same(fetched(r), [(2, NONE)], 'partitions')
    if v >= 7:
        fetch_sessions(b, v)


def check_fetched(b, v, p, isolation):
    if p['ErrorCode'] != NONE:
        expect(not p['Records'], 'records with an error')
        same(p['HighWatermark'], -1, 'high watermark with an error')
        return
    records = kafka_records.read(p['Records'] or b'')
    same(len(records), p['HighWatermark'], 'records up to the high watermark')
    same([x[0] for x in records], list(range(len(records))), 'offsets')
    if isolation == 1:
        same(p['AbortedTransactions'], [], 'aborted transactions')
    else:
        expect(not p['AbortedTransactions'], 'aborted transactions')
    if p['PartitionIndex'] == 0:
        same(p['HighWatermark'], b.records, 'high watermark')
        if v >= 5:
            same(p['LogStartOffset'], 0, 'log start')
        same(p['LastStableOffset'], b.records, 'last stable offset')
        same([(x[1], x[2]) for x in records],
             [(b.stamp + i, b'k%d' % i) for i in range(10)], 'records')


def fetch_sessions(b, v):
    both = [(b.topic, 0, b.records), (b.topic, 2, 0)]
    r = b.call('Fetch', fetch_body(b, v, both, session=(0, 0)))
    same(r['ErrorCode'], NONE, 'error')
    sid = r['SessionId']
    answered(fetched(r), [(0, NONE), (2, NONE)], 'partitions of a new session')
    expect(sid > 0, 'no session is made')
    r = b.call('Fetch', fetch_body(b, v, [], session=(sid, 1)))
    same((r['ErrorCode'], r['SessionId'], r['Responses']), (NONE, sid, []),
         'a fetch of nothing new')
    r = b.call('Fetch', fetch_body(b, v, [(b.topic, 0, 0)],
                                   session=(sid, 2), forget=[(b.topic, 2)]))
    same(fetched(r), [(0, NONE)], 'a fetch from another offset')
    r = b.call('Fetch', fetch_body(b, v, [], session=(sid, 9)))
    same((r['ErrorCode'], r['Responses']), (71, []), 'a wrong epoch')
    r = b.call('Fetch', fetch_body(b, v, [], session=(0x70000001, 1)))
    same((r['ErrorCode'], r['Responses']), (SESSION_NOT_FOUND, []),
         'an unknown session')
    b.call('Fetch', fetch_body(b, v, [], session=(sid, -1)))


def list_offset(b, v, partition, timestamp, topic=None):
    r = b.call('ListOffsets', {'ReplicaId': -1, 'TimeoutMs': 5000, 'Topics': [
        {'Name': topic or b.topic, 'Partitions': [
            {'PartitionIndex': partition, 'Timestamp': timestamp,
             'MaxNumOffsets': 5}]}]})
    same(len(r['Topics']), 1, 'topics')
    same(r['Topics'][0]['Name'], topic or b.topic, 'topic')
    same(len(r['Topics'][0]['Partitions']), 1, 'partitions')
    p = r['Topics'][0]['Partitions'][0]
    same(p['PartitionIndex'], partition, 'partition')
    return p


def case_list_offsets(b, v):
    same(b.call('ListOffsets', {'ReplicaId': -1})['Topics'], [], 'topics')
    same(list_offset(b, v, 99, -1)['ErrorCode'], UNKNOWN_TOPIC, 'error')
    same(list_offset(b, v, 0, -1, b.unknown)['ErrorCode'], UNKNOWN_TOPIC,
         'error')
    if v == 0:
        same(list_offset(b, v, 0, -1)['OldStyleOffsets'][0], b.records,
             'latest')
        return

    def at(timestamp, partition=0):
        p = list_offset(b, v, partition, timestamp)
        same(p['ErrorCode'], NONE, 'error')
        return p['Offset'], p['Timestamp']

    same(at(-1), (b.records, -1), 'latest')
    same(at(-2), (0, -1), 'earliest')
    same(at(b.stamp + 7), (7, b.stamp + 7), 'by timestamp')
    same(at(b.stamp - 100), (0, b.stamp), 'by an early timestamp')
    same(at(b.stamp + 10**10), (-1, -1), 'by a timestamp in the future')
    if v >= 7:
        same(at(-3), (9, b.stamp + 9), 'of the largest timestamp')
        same(at(-3, 2), (-1, -1), 'of the largest timestamp of nothing')
    if v >= 8:
        same(at(-4)[0], 0, 'earliest local')
    parts = [{'PartitionIndex': i, 'Timestamp': -2} for i in range(3)]
    r = b.call('ListOffsets', {'ReplicaId': -1, 'IsolationLevel': 1,
                               'Topics': [{'Name': b.topic,
                                           'Partitions': parts}]})
    answered([(p['PartitionIndex'], p['ErrorCode'])
              for p in r['Topics'][0]['Partitions']],
             [(i, NONE) for i in range(3)], 'partitions')


def case_offset_for_leader_epoch(b, v):
    def ask(topic, partition, epoch):
        r = b.call('OffsetForLeaderEpoch', {'Topics': [
            {'Topic': topic, 'Partitions': [
                {'Partition': partition, 'LeaderEpoch': epoch}]}]})
        same(len(r['Topics']), 1, 'topics')
        same(r['Topics'][0]['Topic'], topic, 'topic')
        p, = r['Topics'][0]['Partitions']
        same(p['Partition'], partition, 'partition')
        return p
    p = ask(b.topic, 0, 0)
    same(p['ErrorCode'], NONE, 'error')
    p = ask(b.topic, 0, 1000000)
    same((p['ErrorCode'], p['EndOffset']), (NONE, -1), 'of a later epoch')
    same(ask(b.topic, 99, 0)['ErrorCode'], UNKNOWN_TOPIC, 'error')
    same(ask(b.unknown, 0, 0)['ErrorCode'], UNKNOWN_TOPIC, 'error')
    same(b.call('OffsetForLeaderEpoch', {})['Topics'], [], 'topics')


# -------------------------------------------------------------------- topics

def case_create_topics(b, v):
    same(b.call('CreateTopics', {})['Topics'], [], 'topics')
    fine, dry = b.name('create'), b.name('dry')
    bad = 'not a name!'

    def spec(name, n=1, configs=()):
        return {'Name': name, 'NumPartitions': n, 'ReplicationFactor': 1,
                'Configs': [{'Name': k, 'Value': x} for k, x in configs]}
    r = b.call('CreateTopics', {'timeoutMs': 10000, 'Topics': [
        spec(fine, 2, [('retention.ms', '100000')]), spec(b.topic), spec(bad),
        spec(dry + 'z', 0), spec(dry + 'c', 1, [('no.such.config', '1')])]})
    answered([(t['Name'], t['ErrorCode']) for t in r['Topics']],
             [(fine, NONE), (b.topic, TOPIC_EXISTS), (bad, INVALID_TOPIC),
              (dry + 'z', INVALID_PARTITIONS),
              (dry + 'c', INVALID_CONFIG)], 'topics')
    wait_for_topic(b, fine)
    t = [t for t in r['Topics'] if t['Name'] == fine][0]
    if v >= 5:
        same((t['NumPartitions'], t['ReplicationFactor']), (2, 1), 'shape')
        same([c['Value'] for c in t['Configs']
              if c['Name'] == 'retention.ms'], ['100000'], 'retention.ms')
    m = metadata_of(b, fine)
    same(len(m['Partitions']), 2, 'partitions')
    if v >= 7:
        same(t['TopicId'], m['TopicId'], 'topic id')
    if v >= 1:
        r = b.call('CreateTopics', {'timeoutMs': 10000, 'validateOnly': True,
                                    'Topics': [spec(dry)]})
        same([(t['Name'], t['ErrorCode']) for t in r['Topics']],
             [(dry, NONE)], 'topics')
        same(metadata_of(b, dry)['ErrorCode'], UNKNOWN_TOPIC,
             'error of a topic that was only validated')
    if v >= 4:
        more = b.name('default')
        r = b.call('CreateTopics', {'timeoutMs': 10000, 'Topics': [
            {'Name': more, 'NumPartitions': -1, 'ReplicationFactor': -1}]})
        same(r['Topics'][0]['ErrorCode'], NONE, 'error with defaults')
        delete(b, [more])
    delete(b, [fine])


def delete(b, names):
    if not b.serves('DeleteTopics'):
        return
    v = b.best('DeleteTopics')
    body = {'TimeoutMs': 10000, 'TopicNames': names,
            'Topics': [{'Name': n} for n in names]}
    r = b.call('DeleteTopics', body, v)
    same([t['ErrorCode'] for t in r['Responses']], [NONE] * len(names),
         'errors of deleting')


def case_delete_topics(b, v):
    same(b.call('DeleteTopics', {'TimeoutMs': 1000})['Responses'], [],
         'responses')
    one, two = b.name('delete'), b.name('delete')
    create(b, one, 2)
    create(b, two, 1)
    two_id = metadata_of(b, two)['TopicId'] if v >= 6 else None
    if v >= 6:
        other = uuid.uuid4()
        r = b.call('DeleteTopics', {'TimeoutMs': 10000, 'Topics': [
            {'Name': one}, {'Name': None, 'TopicId': two_id},
            {'Name': b.unknown}, {'Name': None, 'TopicId': other}]})
        answered([(t['Name'] or t['TopicId'].hex, t['ErrorCode'])
                  for t in r['Responses']],
                 [(one, NONE), (two, NONE), (b.unknown, UNKNOWN_TOPIC),
                  (other.hex, UNKNOWN_TOPIC_ID)], 'topics')
    else:
        r = b.call('DeleteTopics', {'TimeoutMs': 10000, 'TopicNames': [
            one, two, b.unknown]})
        answered([(t['Name'], t['ErrorCode']) for t in r['Responses']],
                 [(one, NONE), (two, NONE), (b.unknown, UNKNOWN_TOPIC)],
                 'topics')
    wait_for_topic(b, one, False)
    wait_for_topic(b, two, False)


def case_create_partitions(b, v):
    same(b.call('CreatePartitions', {'TimeoutMs': 1000})['Results'], [],
         'results')
    t = b.name('grow')
    create(b, t, 2)

    def grow(n, dry=False, assign=None):
        r = b.call('CreatePartitions', {
            'TimeoutMs': 10000, 'ValidateOnly': dry, 'Topics': [
                {'Name': t, 'Count': n, 'Assignments': assign},
                {'Name': b.unknown, 'Count': 9}]})
        got = dict((x['Name'], x['ErrorCode']) for x in r['Results'])
        same(len(r['Results']), 2, 'results')
        same(got[b.unknown], UNKNOWN_TOPIC, 'error')
        return got[t]
    same(grow(4, True), NONE, 'error of validating')
    same(len(metadata_of(b, t)['Partitions']), 2, 'partitions')
    same(grow(4), NONE, 'error')
    end = time.monotonic() + 10
    while len(metadata_of(b, t)['Partitions']) != 4:
        expect(time.monotonic() < end, 'the topic does not grow')
        time.sleep(0.02)
    same(grow(3), INVALID_PARTITIONS, 'error of shrinking')
    node = metadata_of(b, t)['Partitions'][0]['LeaderId']
    same(grow(5, False, [{'BrokerIds': [node]}]), NONE,
         'error with an assignment')
    delete(b, [t])


def case_delete_records(b, v):
    same(b.call('DeleteRecords', {'TimeoutMs': 1000})['Topics'], [], 'topics')
    t = b.name('trim')
    create(b, t, 2)
    write(b, t, kafka_records.batch([(b'k', b'v', [])] * 6, b.stamp))

    def trim(parts):
        r = b.call('DeleteRecords', {'TimeoutMs': 5000, 'Topics': [
            {'Name': t, 'Partitions': [
                {'PartitionIndex': p, 'Offset': o} for p, o in parts]}]})
        return [(p['PartitionIndex'], p['LowWatermark'], p['ErrorCode'])
                for x in r['Topics'] for p in x['Partitions']]
    answered(trim([(0, 2), (1, 0)]), [(0, 2, NONE), (1, 0, NONE)], 'results')
    same(trim([(0, 100)]), [(0, -1, OUT_OF_RANGE)], 'results')
    same(trim([(99, 0)]), [(99, -1, UNKNOWN_TOPIC)], 'results')
    same(trim([(0, -1)]), [(0, 6, NONE)], 'results of -1')
    delete(b, [t])


def config_of(b, name, key, v=None):
    r = b.call('DescribeConfigs', {'Resources': [
        {'ResourceType': TOPIC, 'ResourceName': name,
         'ConfigurationKeys': [key]}]}, v or b.best('DescribeConfigs'))
    same([c['Name'] for c in r['Results'][0]['Configs']], [key], 'configs')
    return r['Results'][0]['Configs'][0]['Value']


def case_describe_configs(b, v):
    same(b.call('DescribeConfigs', {'Resources': []})['Results'], [],
         'results')
    node = str(metadata_of(b, b.topic)['Partitions'][0]['LeaderId'])
    asked = [(TOPIC, b.topic), (TOPIC, b.unknown), (BROKER, node)]
    for extra in (False, True):
        r = b.call('DescribeConfigs', {
            'Resources': [{'ResourceType': t, 'ResourceName': n,
                           'ConfigurationKeys': None} for t, n in asked],
            'IncludeSynonyms': extra, 'IncludeDocumentation': extra})
        answered([(x['ResourceType'], x['ResourceName'], x['ErrorCode'])
                  for x in r['Results']],
                 [(TOPIC, b.topic, NONE), (TOPIC, b.unknown, UNKNOWN_TOPIC),
                  (BROKER, node, NONE)], 'resources')
        for x in r['Results']:
            if x['ErrorCode'] == NONE:
                expect(len(x['Configs']) > 10, 'only %d configs of %s'
                       % (len(x['Configs']), x['ResourceName']))
        t = [x for x in r['Results'] if x['ResourceName'] == b.topic][0]
        names = [c['Name'] for c in t['Configs']]
        same(len(set(names)), len(names), 'different names')
        for n in ('cleanup.policy', 'retention.ms', 'segment.bytes',
                  'max.message.bytes', 'min.insync.replicas',
                  'compression.type', 'message.timestamp.type'):
            expect(n in names, '%s is missing' % n)
        if v >= 1 and not extra:
            expect(all(not c['Synonyms'] for c in t['Configs']),
                   'synonyms that nobody asked for')
        if v >= 3:
            expect(all(c['ConfigType'] > 0 for c in t['Configs']),
                   'a config without a type')
    r = b.call('DescribeConfigs', {'Resources': [
        {'ResourceType': TOPIC, 'ResourceName': b.topic,
         'ConfigurationKeys': ['retention.ms', 'cleanup.policy']}]})
    answered([c['Name'] for c in r['Results'][0]['Configs']],
             ['retention.ms', 'cleanup.policy'], 'configs')


def case_alter_configs(b, v):
    same(b.call('AlterConfigs', {})['Responses'], [], 'responses')
    t = b.name('alter')
    create(b, t, 1, [('retention.bytes', '5000000')])

    def alter(configs, dry=False, name=t):
        r = b.call('AlterConfigs', {'ValidateOnly': dry, 'Resources': [
            {'ResourceType': TOPIC, 'ResourceName': name, 'Configs': [
                {'Name': k, 'Value': x} for k, x in configs]}]})
        same([(x['ResourceType'], x['ResourceName'])
              for x in r['Responses']], [(TOPIC, name)], 'resources')
        return r['Responses'][0]['ErrorCode']
    same(alter([('retention.ms', '7777777')], True), NONE, 'error')
    same(alter([('retention.ms', '1234567')]), NONE, 'error')
    wait_config(b, t, 'retention.ms', '1234567')
    wait_config(b, t, 'retention.bytes', '-1')	# all are replaced
    same(alter([('no.such.config', '1')]), INVALID_CONFIG, 'error')
    same(alter([('retention.ms', 'x')]), INVALID_CONFIG, 'error')
    same(alter([], name=b.unknown), UNKNOWN_TOPIC, 'error')
    delete(b, [t])


def wait_config(b, topic, key, want):
    end = time.monotonic() + 10
    while config_of(b, topic, key) != want:
        expect(time.monotonic() < end, '%s is %s instead of %s' % (
            key, config_of(b, topic, key), want))
        time.sleep(0.02)


def case_incremental_alter_configs(b, v):
    api = 'IncrementalAlterConfigs'
    same(b.call(api, {})['Responses'], [], 'responses')
    t = b.name('alter')
    create(b, t, 1, [('retention.bytes', '5000000')])

    def alter(op, key, value, dry=False, name=t):
        r = b.call(api, {'ValidateOnly': dry, 'Resources': [
            {'ResourceType': TOPIC, 'ResourceName': name, 'Configs': [
                {'Name': key, 'ConfigOperation': op, 'Value': value}]}]})
        same([(x['ResourceType'], x['ResourceName'])
              for x in r['Responses']], [(TOPIC, name)], 'resources')
        return r['Responses'][0]['ErrorCode']
    same(alter(0, 'retention.ms', '7777777', True), NONE, 'error')
    same(alter(0, 'retention.ms', '1234567'), NONE, 'error')
    wait_config(b, t, 'retention.ms', '1234567')
    wait_config(b, t, 'retention.bytes', '5000000')
    same(alter(2, 'cleanup.policy', 'compact'), NONE, 'error of append')
    wait_config(b, t, 'cleanup.policy', 'delete,compact')
    same(alter(3, 'cleanup.policy', 'delete'), NONE, 'error of subtract')
    wait_config(b, t, 'cleanup.policy', 'compact')
    same(alter(1, 'retention.ms', None), NONE, 'error of delete')
    wait_config(b, t, 'retention.ms', '604800000')
    same(alter(0, 'no.such.config', '1'), INVALID_CONFIG, 'error')
    same(alter(0, 'retention.ms', '1', name=b.unknown), UNKNOWN_TOPIC, 'error')
    delete(b, [t])


def case_describe_log_dirs(b, v):
    r = b.call('DescribeLogDirs', {'Topics': [
        {'Topic': b.topic, 'Partitions': [0, 2]}]})
    found = [(t['Name'], p['PartitionIndex'], p['PartitionSize'] > 0)
             for x in r['Results'] for t in x['Topics']
             for p in t['Partitions']]
    answered(found, [(b.topic, 0, b.records > 0), (b.topic, 2, False)],
             'partitions')
    for x in r['Results']:
        same(x['ErrorCode'], NONE, 'error')
        expect(x['LogDir'].startswith('/'), 'folder %r' % x['LogDir'])
        if v >= 4:
            expect(x['TotalBytes'] >= x['UsableBytes'] > 0, 'room')
    r = b.call('DescribeLogDirs', {'Topics': None})
    names = [t['Name'] for x in r['Results'] for t in x['Topics']]
    same(names.count(b.topic), 1, 'times our topic is among all')


def case_elect_leaders(b, v):
    r = b.call('ElectLeaders', {'TimeoutMs': 5000, 'TopicPartitions': [
        {'Topic': b.topic, 'Partitions': [0, 1]},
        {'Topic': b.unknown, 'Partitions': [0]}]})
    answered([(t['Topic'], p['PartitionId'], p['ErrorCode'])
              for t in r['ReplicaElectionResults']
              for p in t['PartitionResult']],
             [(b.topic, 0, 84), (b.topic, 1, 84),
              (b.unknown, 0, UNKNOWN_TOPIC)], 'partitions')
    b.call('ElectLeaders', {'TimeoutMs': 5000, 'TopicPartitions': None})


def case_list_reassignments(b, v):
    api = 'ListPartitionReassignments'
    for topics in (None, [], [{'Name': b.topic, 'PartitionIndexes': [0]}]):
        r = b.call(api, {'TimeoutMs': 5000, 'Topics': topics})
        same((r['ErrorCode'], r['Topics']), (NONE, []), 'answer')


def case_describe_quotas(b, v):
    for components in ([], [{'EntityType': 'user', 'MatchType': 0,
                             'Match': 'x'}],
                       [{'EntityType': 'user', 'MatchType': 2,
                         'Match': None}]):
        r = b.call('DescribeClientQuotas', {'Components': components})
        same((r['ErrorCode'], r['Entries']), (NONE, []), 'answer')


def case_alter_quotas(b, v):
    b.call('AlterClientQuotas', {'Entries': []})
    r = b.call('AlterClientQuotas', {'ValidateOnly': True, 'Entries': [
        {'Entity': [{'EntityType': 'user', 'EntityName': None}],
         'Ops': [{'Key': 'producer_byte_rate', 'Value': 1e6}]}]})
    same(len(r['Entries']), 1, 'entries')


def case_list_config_resources(b, v):
    r = b.call('ListConfigResources', {})
    same(r['ErrorCode'], NONE, 'error')
    if v >= 1:
        r = b.call('ListConfigResources', {'ResourceTypes': [TOPIC]})
        names = [x['ResourceName'] for x in r['ConfigResources']]
        expect(b.topic in names, 'our topic is not listed')


# -------------------------------------------------------------------- groups

def case_find_coordinator(b, v):
    node = metadata_of(b, b.topic)['Partitions'][0]['LeaderId']
    if v < 4:
        for kind in (0, 1) if v >= 1 else (0,):
            r = b.call('FindCoordinator', {'Key': 'g', 'KeyType': kind})
            wait_coordinator(b, kind)
            r = b.call('FindCoordinator', {'Key': 'g', 'KeyType': kind})
            same((r['ErrorCode'], r['NodeId']), (NONE, node), 'answer')
            expect(r['Host'] and r['Port'] > 0, 'where')
        return
    for kind in (0, 1):
        b.call('FindCoordinator', {'KeyType': kind, 'CoordinatorKeys': []})
        wait_coordinator(b, kind)
        r = b.call('FindCoordinator', {'KeyType': kind,
                                       'CoordinatorKeys': ['a', 'b']})
        answered([(c['Key'], c['ErrorCode'], c['NodeId'])
                  for c in r['Coordinators']],
                 [('a', NONE, node), ('b', NONE, node)], 'keys')


def wait_coordinator(b, kind):
    """Until the internal topic is there."""
    v = b.best('FindCoordinator')
    end = time.monotonic() + 15
    while True:
        r = b.call('FindCoordinator', {'Key': 'a', 'KeyType': kind,
                                       'CoordinatorKeys': ['a', 'b']}, v)
        found = r['Coordinators'] if v >= 4 else [r]
        if all(c['ErrorCode'] == NONE for c in found):
            return
        expect(time.monotonic() < end, 'no coordinator')
        time.sleep(0.05)


class Member:
    """Of a classic group, alone in it."""

    def __init__(self, b, group, instance=None):
        self.b, self.group, self.instance = b, group, instance
        wait_coordinator(b, 0)
        self.id = ''
        self.join()
        self.sync()

    def join(self, name='JoinGroup'):
        b = self.b
        body = {'GroupId': self.group, 'SessionTimeoutMs': 30000,
                'RebalanceTimeoutMs': 5000, 'MemberId': self.id,
                'GroupInstanceId': self.instance,
                'ProtocolType': 'consumer', 'Protocols': [
                    {'Name': 'range', 'Metadata': b'\0\1'},
                    {'Name': 'other', 'Metadata': b''}], 'Reason': None}
        if (b.version if b.api == name else b.best(name)) < 5:
            del body['GroupInstanceId']
        r = b.call(name, body)
        if r['ErrorCode'] == MEMBER_ID_REQUIRED:
            expect(r['MemberId'], 'a member id is required, and none given')
            same(r['Members'], [], 'members')
            body['MemberId'] = r['MemberId']
            r = b.call(name, body)
        same(r['ErrorCode'], NONE, 'error of joining')
        same(r['Leader'], r['MemberId'], 'leader')
        same([(m['MemberId'], m['Metadata']) for m in r['Members']],
             [(r['MemberId'], b'\0\1')], 'members')
        same(r['ProtocolName'], 'range', 'protocol')
        self.id, self.generation = r['MemberId'], r['GenerationId']
        self.joined = r

    def sync(self, assignment=b'mine'):
        r = self.b.call('SyncGroup', {
            'GroupId': self.group, 'GenerationId': self.generation,
            'MemberId': self.id, 'ProtocolType': 'consumer',
            'ProtocolName': 'range', 'Assignments': [
                {'MemberId': self.id, 'Assignment': assignment}]})
        same((r['ErrorCode'], r['Assignment']), (NONE, assignment),
             'answer to SyncGroup')
        return r

    def leave(self):
        b = self.b
        v = b.version if b.api == 'LeaveGroup' else b.best('LeaveGroup')
        r = b.call('LeaveGroup', leave_body(v, self.group, [self.id]), v)
        same(r['ErrorCode'], NONE, 'error of leaving')
        if v >= 3:
            same([(m['MemberId'], m['ErrorCode']) for m in r['Members']],
                 [(self.id, NONE)], 'members')


def leave_body(v, group, ids):
    if v < 3:
        return {'GroupId': group, 'MemberId': ids[0]}
    return {'GroupId': group, 'Members': [{'MemberId': i} for i in ids]}


def case_join_group(b, v):
    body = {'GroupId': '', 'SessionTimeoutMs': 30000, 'MemberId': '',
            'RebalanceTimeoutMs': 5000, 'ProtocolType': 'consumer',
            'Protocols': [{'Name': 'range', 'Metadata': b''}]}
    same(b.call('JoinGroup', body)['ErrorCode'], INVALID_GROUP, 'error')
    g = b.name('group')
    m = Member(b, g)
    if v >= 7:
        same(m.joined['ProtocolType'], 'consumer', 'protocol type')
    r = b.call('JoinGroup', dict(body, GroupId=g, MemberId='nobody'))
    same(r['ErrorCode'], UNKNOWN_MEMBER, 'error of an unknown member')
    same(r['Members'], [], 'members')
    r = b.call('JoinGroup', dict(body, GroupId=g, MemberId=m.id,
                                 ProtocolType='connect'))
    same(r['ErrorCode'], 23, 'error of another protocol type')
    r = b.call('JoinGroup', dict(body, GroupId=b.name('group'),
                                 SessionTimeoutMs=1))
    same(r['ErrorCode'], 26, 'error of a short session')
    m.join()
    m.sync()
    m.leave()
    if v >= 5:
        s = Member(b, b.name('group'), 'instance-1')
        s.id = ''		# it comes again as another
        if v >= 9:
            body = {'GroupId': s.group, 'SessionTimeoutMs': 30000,
                    'MemberId': '', 'RebalanceTimeoutMs': 5000,
                    'GroupInstanceId': 'instance-1',
                    'ProtocolType': 'consumer', 'Protocols': [
                        {'Name': 'range', 'Metadata': b'\0\1'},
                        {'Name': 'other', 'Metadata': b''}]}
            r = b.call('JoinGroup', body)
            same((r['ErrorCode'], r['SkipAssignment']), (NONE, True),
                 'a static member again')
            s.id = r['MemberId']
        else:
            b.call('JoinGroup', {
                'GroupId': s.group, 'SessionTimeoutMs': 30000, 'MemberId': '',
                'RebalanceTimeoutMs': 5000, 'GroupInstanceId': 'instance-1',
                'ProtocolType': 'consumer', 'Protocols': [
                    {'Name': 'range', 'Metadata': b'\0\1'},
                    {'Name': 'other', 'Metadata': b''}]})


def case_sync_group(b, v):
    g = b.name('group')
    protocol = {'ProtocolType': 'consumer', 'ProtocolName': 'range'}
    r = b.call('SyncGroup', dict(protocol, GroupId=g, GenerationId=3,
                                 MemberId='nobody'))
    same((r['ErrorCode'], r['Assignment']), (UNKNOWN_MEMBER, b''), 'answer')
    m = Member(b, g)
    r = m.sync()
    if v >= 5:
        same((r['ProtocolType'], r['ProtocolName']), ('consumer', 'range'),
             'protocol')
        r = b.call('SyncGroup', {
            'GroupId': g, 'GenerationId': m.generation, 'MemberId': m.id,
            'ProtocolType': 'consumer', 'ProtocolName': 'other'})
        same(r['ErrorCode'], 23, 'error of another protocol')
    r = b.call('SyncGroup', dict(protocol, GroupId=g, MemberId=m.id,
                                 GenerationId=m.generation + 7))
    same((r['ErrorCode'], r['Assignment']), (ILLEGAL_GENERATION, b''),
         'answer')
    m.leave()


def case_heartbeat(b, v):
    g = b.name('group')
    body = {'GroupId': g, 'GenerationId': 3, 'MemberId': 'nobody'}
    same(b.call('Heartbeat', body)['ErrorCode'], UNKNOWN_MEMBER, 'error')
    m = Member(b, g)
    body.update(GenerationId=m.generation, MemberId=m.id)
    same(b.call('Heartbeat', body)['ErrorCode'], NONE, 'error')
    body.update(GenerationId=m.generation + 1)
    same(b.call('Heartbeat', body)['ErrorCode'], ILLEGAL_GENERATION, 'error')
    body.update(GenerationId=m.generation, MemberId='nobody')
    same(b.call('Heartbeat', body)['ErrorCode'], UNKNOWN_MEMBER, 'error')
    m.leave()


def case_leave_group(b, v):
    g = b.name('group')
    r = b.call('LeaveGroup', leave_body(v, g, ['nobody']))
    if v < 3:
        same(r['ErrorCode'], UNKNOWN_MEMBER, 'error')
        Member(b, g).leave()
        return
    Member(b, g).leave()
    m = Member(b, g)
    r = b.call('LeaveGroup', leave_body(v, g, [m.id, 'nobody']))
    same(r['ErrorCode'], NONE, 'error')
    answered([(x['MemberId'], x['ErrorCode']) for x in r['Members']],
             [(m.id, NONE), ('nobody', UNKNOWN_MEMBER)], 'members')
    Member(b, g, 'instance-2')
    r = b.call('LeaveGroup', {'GroupId': g, 'Members': [
        {'MemberId': '', 'GroupInstanceId': 'instance-2'},
        {'MemberId': '', 'GroupInstanceId': 'nobody'}]})
    answered([(x['GroupInstanceId'], x['ErrorCode']) for x in r['Members']],
             [('instance-2', NONE), ('nobody', UNKNOWN_MEMBER)], 'members')


def commit_body(b, v, group, parts, member=('', -1)):
    """parts: [(topic, partition, offset, metadata)]"""
    topics = {}
    for t, p, o, m in parts:
        topics.setdefault(t, []).append({
            'PartitionIndex': p, 'CommittedOffset': o,
            'CommittedMetadata': m})
    return {'GroupId': group, 'MemberId': member[0],
            'GenerationIdOrMemberEpoch': member[1], 'Topics': [
                dict(topic_key(b, t, v, 10), Partitions=ps)
                for t, ps in topics.items()]}


def committed(r):
    return [(p['PartitionIndex'], p['ErrorCode']) for t in r['Topics']
            for p in t['Partitions']]


def case_offset_commit(b, v):
    wait_coordinator(b, 0)
    g = b.name('group')
    r = b.call('OffsetCommit', commit_body(b, v, g, []))
    same(r['Topics'], [], 'topics')
    text = 'note \u00e4\u20ac'
    r = b.call('OffsetCommit', commit_body(b, v, g, [
        (b.topic, 0, 5, text), (b.topic, 1, 1, None), (b.topic, 2, 0, '')]))
    answered(committed(r), [(0, NONE), (1, NONE), (2, NONE)], 'partitions')
    if v >= 1:
        got = fetch_offsets(b, g, [0, 1, 2])
        same(got, {0: (5, text), 1: (1, ''), 2: (0, '')}, 'offsets')
    r = b.call('OffsetCommit', commit_body(b, v, g, [
        (b.topic, 0, 6, 'x' * 5000)]))
    same(committed(r), [(0, 12)], 'error of large metadata')
    r = b.call('OffsetCommit', commit_body(b, v, g, [(b.unknown, 0, 6, '')]))
    same(committed(r), [(0, UNKNOWN_TOPIC if v < 10 else UNKNOWN_TOPIC_ID)],
         'error of an unknown topic')
    if v >= 1:
        r = b.call('OffsetCommit', commit_body(
            b, v, g, [(b.topic, 0, 6, '')], ('nobody', 3)))
        expect(committed(r)[0][1] in (UNKNOWN_MEMBER, ILLEGAL_GENERATION,
                                      GROUP_NOT_FOUND),
               'a commit of nobody: error %d' % committed(r)[0][1])
        m = Member(b, b.name('group'))
        r = b.call('OffsetCommit', commit_body(
            b, v, m.group, [(b.topic, 0, 8, 'm')], (m.id, m.generation)))
        same(committed(r), [(0, NONE)], 'partitions of a member')
        r = b.call('OffsetCommit', commit_body(
            b, v, m.group, [(b.topic, 0, 9, 'm')], (m.id, m.generation + 1)))
        same(committed(r), [(0, ILLEGAL_GENERATION)], 'of a generation')
        r = b.call('OffsetCommit', commit_body(
            b, v, m.group, [(b.topic, 0, 9, 'm')], ('nobody', m.generation)))
        same(committed(r), [(0, UNKNOWN_MEMBER)], 'of an unknown member')
        same(fetch_offsets(b, m.group, [0]), {0: (8, 'm')}, 'offsets')
        m.leave()


def offset_fetch(b, v, groups):
    """groups: {name: None or {topic: [partition]}}; the answer by group."""
    def topics(t):
        if t is None:
            return None
        return [dict(topic_key(b, n, v, 10), PartitionIndexes=p)
                for n, p in t.items()]
    if v >= 8:
        r = b.call('OffsetFetch', {'Groups': [
            {'GroupId': g, 'Topics': topics(t)} for g, t in groups.items()]},
            v)
        answered([x['GroupId'] for x in r['Groups']], list(groups), 'groups')
        return {x['GroupId']: (x['ErrorCode'], x['Topics'])
                for x in r['Groups']}
    (g, t), = groups.items()
    r = b.call('OffsetFetch', {'GroupId': g, 'Topics': topics(t)}, v)
    return {g: (r.get('ErrorCode', NONE), r['Topics'])}


def by_partition(topics):
    return {p['PartitionIndex']: (p['CommittedOffset'], p['Metadata'])
            for t in topics for p in t['Partitions']}


def fetch_offsets(b, group, partitions):
    v = b.best('OffsetFetch')
    error, topics = offset_fetch(b, v, {group: {b.topic: partitions}})[group]
    same(error, NONE, 'error of OffsetFetch')
    return by_partition(topics)


def case_offset_fetch(b, v):
    wait_coordinator(b, 0)
    g, other = b.name('group'), b.name('group')
    answer = offset_fetch(b, v, {other: {b.topic: [0, 2]}})
    same(answer[other][0], NONE, 'error')
    same(by_partition(answer[other][1]), {0: (-1, ''), 2: (-1, '')},
         'offsets of an unknown group')
    w = b.best('OffsetCommit')
    r = b.call('OffsetCommit', commit_body(b, w, g, [
        (b.topic, 0, 5, 'five'), (b.topic, 2, 7, None)]), w)
    answered(committed(r), [(0, NONE), (2, NONE)], 'commit')
    asked = {g: {b.topic: [0, 1]}}
    if v >= 8:
        asked[other] = {b.topic: [1]}
    answer = offset_fetch(b, v, asked)
    same(by_partition(answer[g][1]), {0: (5, 'five'), 1: (-1, '')}, 'offsets')
    if v < 10:
        same([t['Name'] for t in answer[g][1]], [b.topic], 'topics')
    if v >= 2:
        answer = offset_fetch(b, v, {g: None})
        same(by_partition(answer[g][1]), {0: (5, 'five'), 2: (7, '')},
             'all offsets')
        answer = offset_fetch(b, v, {other: None})
        same(answer[other], (NONE, []), 'all offsets of an unknown group')
    if v < 8:
        answer = offset_fetch(b, v, {g: {}})
        same(answer[g], (NONE, []), 'offsets of no topic')
    if v < 10:
        answer = offset_fetch(b, v, {g: {b.unknown: [0]}})
        same(by_partition(answer[g][1]), {0: (-1, '')},
             'offsets of an unknown topic')


def case_offset_delete(b, v):
    g = b.name('group')
    wait_coordinator(b, 0)
    r = b.call('OffsetDelete', {'GroupId': g, 'Topics': [
        {'Name': b.topic, 'Partitions': [{'PartitionIndex': 0}]}]})
    same(r['ErrorCode'], GROUP_NOT_FOUND, 'error')
    w = b.best('OffsetCommit')
    b.call('OffsetCommit', commit_body(b, w, g, [
        (b.topic, 0, 5, ''), (b.topic, 1, 5, '')]), w)
    r = b.call('OffsetDelete', {'GroupId': g, 'Topics': [
        {'Name': b.topic, 'Partitions': [{'PartitionIndex': 0}]}]})
    same((r['ErrorCode'], committed(r)), (NONE, [(0, NONE)]), 'answer')
    same(fetch_offsets(b, g, [0, 1]), {0: (-1, ''), 1: (5, '')}, 'offsets')
    b.call('OffsetDelete', {'GroupId': g, 'Topics': []})


def case_describe_groups(b, v):
    wait_coordinator(b, 0)
    none = b.name('group')
    r = b.call('DescribeGroups', {'Groups': []})
    same(r['Groups'], [], 'groups')
    m = Member(b, b.name('group'))
    r = b.call('DescribeGroups', {'Groups': [m.group, none],
                                  'IncludeAuthorizedOperations': v >= 3})
    answered([x['GroupId'] for x in r['Groups']], [m.group, none], 'groups')
    g = {x['GroupId']: x for x in r['Groups']}
    same((g[none]['ErrorCode'], g[none]['GroupState']),
         (GROUP_NOT_FOUND if v >= 6 else NONE, 'Dead'), 'an unknown group')
    mine = g[m.group]
    same((mine['ErrorCode'], mine['GroupState'], mine['ProtocolType'],
          mine['ProtocolData']), (NONE, 'Stable', 'consumer', 'range'),
         'our group')
    same([(x['MemberId'], x['MemberMetadata'], x['MemberAssignment'])
          for x in mine['Members']], [(m.id, b'\0\1', b'mine')], 'members')
    if v >= 3:
        expect(mine['AuthorizedOperations'] != NO_OPERATIONS,
               'no authorized operations')
    m.leave()
    r = b.call('DescribeGroups', {'Groups': [m.group]})
    same((r['Groups'][0]['GroupState'], r['Groups'][0]['Members']),
         ('Empty', []), 'our group without members')


def case_list_groups(b, v):
    wait_coordinator(b, 0)
    b.call('ListGroups', {})
    m = Member(b, b.name('group'))

    def listed(**filters):
        r = b.call('ListGroups', filters)
        same(r['ErrorCode'], NONE, 'error')
        return [x for x in r['Groups'] if x['GroupId'] == m.group]
    g, = listed()
    same(g['ProtocolType'], 'consumer', 'protocol type')
    if v >= 4:
        same(g['GroupState'], 'Stable', 'state')
        same(len(listed(StatesFilter=['stable', 'Empty'])), 1, 'groups')
        same(len(listed(StatesFilter=['Empty'])), 0, 'groups')
    if v >= 5:
        same(g['GroupType'].lower(), 'classic', 'type')
        same(len(listed(TypesFilter=['Classic'])), 1, 'groups')
        same(len(listed(TypesFilter=['consumer'])), 0, 'groups')
    m.leave()


def case_delete_groups(b, v):
    wait_coordinator(b, 0)
    none = b.name('group')
    same(b.call('DeleteGroups', {'GroupsNames': []})['Results'], [],
         'results')
    m, empty = Member(b, b.name('group')), b.name('group')
    w = b.best('OffsetCommit')
    b.call('OffsetCommit', commit_body(b, w, empty, [(b.topic, 0, 1, '')]), w)
    r = b.call('DeleteGroups', {'GroupsNames': [m.group, empty, none]})
    answered([(x['GroupId'], x['ErrorCode']) for x in r['Results']],
             [(m.group, NON_EMPTY_GROUP), (empty, NONE),
              (none, GROUP_NOT_FOUND)], 'groups')
    same(fetch_offsets(b, empty, [0]), {0: (-1, '')}, 'offsets')
    m.leave()


def case_consumer_group_heartbeat(b, v):
    api = 'ConsumerGroupHeartbeat'
    r = b.call(api, {'GroupId': b.name('group'), 'MemberId': 'nobody',
                     'MemberEpoch': 5, 'RebalanceTimeoutMs': 5000})
    expect(r['ErrorCode'] in (UNKNOWN_MEMBER, GROUP_NOT_FOUND),
           'error %d of an unknown member' % r['ErrorCode'])
    wait_coordinator(b, 0)
    g, me = b.name('group'), str(uuid.uuid4())
    r = b.call(api, {'GroupId': g, 'MemberId': me if v >= 1 else '',
                     'MemberEpoch': 0, 'RebalanceTimeoutMs': 5000,
                     'SubscribedTopicNames': [b.topic],
                     'TopicPartitions': []})
    same((r['ErrorCode'], r['ErrorMessage']), (NONE, None), 'error')
    me, epoch = r['MemberId'], r['MemberEpoch']
    expect(me and epoch > 0, 'member %r of epoch %d' % (me, epoch))
    end = time.monotonic() + 10
    while True:
        got = r['Assignment']
        if got and got['TopicPartitions']:
            break
        expect(time.monotonic() < end, 'no assignment')
        time.sleep(0.05)
        r = b.call(api, {'GroupId': g, 'MemberId': me, 'MemberEpoch': epoch})
        same(r['ErrorCode'], NONE, 'error')
        epoch = r['MemberEpoch']
    answered([(t['TopicId'].hex, sorted(t['Partitions']))
              for t in got['TopicPartitions']],
             [(b.topic_id.hex, [0, 1, 2])], 'assignment')
    r = b.call(api, {'GroupId': g, 'MemberId': me, 'MemberEpoch': epoch,
                     'TopicPartitions': [
                         {'TopicId': b.topic_id, 'Partitions': [0, 1, 2]}]})
    same(r['ErrorCode'], NONE, 'error')
    r = b.call(api, {'GroupId': g, 'MemberId': me, 'MemberEpoch': -1})
    same((r['ErrorCode'], r['MemberEpoch']), (NONE, -1), 'leaving')


def case_consumer_group_describe(b, v):
    api = 'ConsumerGroupDescribe'
    none = b.name('group')
    same(b.call(api, {'GroupIds': []})['Groups'], [], 'groups')
    g, me = b.name('group'), str(uuid.uuid4())
    r = b.call('ConsumerGroupHeartbeat', {
        'GroupId': g, 'MemberId': me, 'MemberEpoch': 0,
        'RebalanceTimeoutMs': 5000, 'SubscribedTopicNames': [b.topic],
        'TopicPartitions': []})
    same(r['ErrorCode'], NONE, 'error of joining')
    me = r['MemberId']
    r = b.call(api, {'GroupIds': [g, none],
                     'IncludeAuthorizedOperations': True})
    answered([(x['GroupId'], x['ErrorCode']) for x in r['Groups']],
             [(g, NONE), (none, GROUP_NOT_FOUND)], 'groups')
    mine = [x for x in r['Groups'] if x['GroupId'] == g][0]
    same([x['MemberId'] for x in mine['Members']], [me], 'members')
    b.call('ConsumerGroupHeartbeat', {'GroupId': g, 'MemberId': me,
                                      'MemberEpoch': -1})


# -------------------------------------------------------------- transactions

def init_producer(b, txn, timeout=60000):
    """(id, epoch); waits while an earlier transaction ends."""
    if txn is not None:
        wait_coordinator(b, 1)
    end = time.monotonic() + 15
    while True:
        r = b.call('InitProducerId', {'TransactionalId': txn,
                                      'TransactionTimeoutMs': timeout})
        if r['ErrorCode'] not in (14, 15, 16, 51):
            break
        expect(time.monotonic() < end, 'InitProducerId: error %d'
               % r['ErrorCode'])
        time.sleep(0.02)
    same(r['ErrorCode'], NONE, 'error of InitProducerId')
    expect(r['ProducerId'] >= 0 and r['ProducerEpoch'] >= 0,
           'producer %(ProducerId)d of epoch %(ProducerEpoch)d' % r)
    return r['ProducerId'], r['ProducerEpoch']


def case_init_producer_id(b, v):
    one = b.call('InitProducerId', {'TransactionalId': None,
                                    'TransactionTimeoutMs': 60000})
    two = init_producer(b, None)
    expect(one['ProducerId'] != two[0], 'one producer id for two')
    same(two[1], 0, 'epoch')
    t = b.name('txn')
    first, second = init_producer(b, t), init_producer(b, t)
    same(second, (first[0], first[1] + 1), 'producer and epoch')
    r = b.call('InitProducerId', {'TransactionalId': '',
                                  'TransactionTimeoutMs': 60000})
    same(r['ErrorCode'], INVALID_REQUEST, 'error')
    r = b.call('InitProducerId', {'TransactionalId': t,
                                  'TransactionTimeoutMs': 1 << 30})
    same(r['ErrorCode'], 50, 'error of a long timeout')
    if v >= 3:
        r = b.call('InitProducerId', {
            'TransactionalId': t, 'TransactionTimeoutMs': 60000,
            'ProducerId': second[0], 'ProducerEpoch': second[1]})
        same((r['ErrorCode'], r['ProducerId'], r['ProducerEpoch']),
             (NONE, second[0], second[1] + 1), 'a raised epoch')
        r = b.call('InitProducerId', {
            'TransactionalId': b.name('txn'), 'TransactionTimeoutMs': 60000,
            'ProducerId': 0, 'ProducerEpoch': 0})
        same((r['ErrorCode'], r['ProducerEpoch']), (NONE, 0),
             'a new transactional id with a producer id')


class Transaction:
    def __init__(self, b):
        self.b = b
        self.id = b.name('txn')
        self.producer, self.epoch = init_producer(b, self.id)

    def add(self, topics, v=None, who=None):
        """{topic: [partition]} -> [(partition, error)]"""
        b = self.b
        if v is None:
            v = min(3, b.best('AddPartitionsToTxn'))
        asked = [{'Name': t, 'Partitions': p} for t, p in topics.items()]
        producer = who if who is not None else self.producer
        if v <= 3:
            r = b.call('AddPartitionsToTxn', {
                'V3AndBelowTransactionalId': self.id,
                'V3AndBelowProducerId': producer,
                'V3AndBelowProducerEpoch': self.epoch,
                'V3AndBelowTopics': asked}, v)
            results = r['ResultsByTopicV3AndBelow']
        else:
            r = b.call('AddPartitionsToTxn', {'Transactions': [
                {'TransactionalId': self.id, 'ProducerId': producer,
                 'ProducerEpoch': self.epoch, 'VerifyOnly': False,
                 'Topics': asked}]}, v)
            same(r['ErrorCode'], NONE, 'error')
            t, = r['ResultsByTransaction']
            same(t['TransactionalId'], self.id, 'transactional id')
            results = t['TopicResults']
        return [(p['PartitionIndex'], p['PartitionErrorCode'])
                for t in results for p in t['ResultsByPartition']]

    def begin(self, partition=1):
        """Adds a partition and writes a record into it."""
        end = time.monotonic() + 15
        while True:
            got = self.add({self.b.topic: [partition]})
            if got[0][1] != 51:
                break
            expect(time.monotonic() < end, 'the last one does not end')
            time.sleep(0.02)
        same(got, [(partition, NONE)], 'partitions')

    def end(self, commit, v=None):
        b = self.b
        if v is None:
            v = b.version if b.api == 'EndTxn' else min(4, b.best('EndTxn'))
        r = b.call('EndTxn', {
            'TransactionalId': self.id, 'ProducerId': self.producer,
            'ProducerEpoch': self.epoch, 'Committed': commit}, v)
        return r

    def settled(self, commit):
        """As end(), waiting while the one before is being ended."""
        deadline = time.monotonic() + 15
        while True:
            r = self.end(commit)
            if r['ErrorCode'] != 51:
                return r
            expect(time.monotonic() < deadline, 'the last one does not end')
            time.sleep(0.02)


def case_add_partitions(b, v):
    t = Transaction(b)
    got = t.add({b.topic: [0, 1]}, v)
    answered(got, [(0, NONE), (1, NONE)], 'partitions')
    got = t.add({b.topic: [2], b.unknown: [0]}, v)
    answered(got, [(0, UNKNOWN_TOPIC), (2, 55)], 'partitions')
    got = t.add({b.topic: [2]}, v, t.producer + 1000000)
    same(got, [(2, 49)], 'partitions of another producer')
    same(t.end(False)['ErrorCode'], NONE, 'error of EndTxn')


def case_add_offsets(b, v):
    def add(t, producer=None):
        return b.call('AddOffsetsToTxn', {
            'TransactionalId': t.id,
            'ProducerId': t.producer if producer is None else producer,
            'ProducerEpoch': t.epoch, 'GroupId': b.run})['ErrorCode']
    wait_coordinator(b, 0)
    t = Transaction(b)
    same(add(t, t.producer + 1000000), 49, 'error of another producer')
    same(add(t), NONE, 'error')
    same(t.end(False)['ErrorCode'], NONE, 'error of EndTxn')


def case_end_txn(b, v):
    t = Transaction(b)
    r = b.call('EndTxn', {'TransactionalId': t.id, 'ProducerId': t.producer
                          + 1000000, 'ProducerEpoch': t.epoch,
                          'Committed': True})
    same(r['ErrorCode'], 49, 'error of another producer')
    for commit in (True, False):
        t.begin()
        r = t.end(commit)
        same(r['ErrorCode'], NONE, 'error')
        if v >= 5:
            same((r['ProducerId'], r['ProducerEpoch']),
                 (t.producer, t.epoch + 1), 'producer and epoch')
            end_again(t, commit)
            t.epoch += 1
    if v >= 5:
        same(t.settled(False)['ErrorCode'], NONE, 'error of no transaction')


def end_again(t, commit):
    """The answer was lost; the other outcome, older epochs, other calls."""
    r = t.settled(commit)
    same((r['ErrorCode'], r['ProducerId'], r['ProducerEpoch']),
         (NONE, t.producer, t.epoch + 1), 'the answer again')
    same(t.end(not commit)['ErrorCode'], 48, 'error of the other outcome')
    t.epoch += 1
    same(t.end(True)['ErrorCode'], 48, 'error of a commit of nothing')
    t.epoch += 1
    same(t.end(commit)['ErrorCode'], 90, 'error of an epoch to come')
    t.epoch -= 2


def added_offsets(b, t, g, commit):
    """Without AddOffsetsToTxn before."""
    deadline = time.monotonic() + 15
    while True:
        got = commit(t, [(b.topic, 1, 9, None)])
        if got not in ([(1, 14)], [(1, 15)], [(1, 16)]):
            break
        expect(time.monotonic() < deadline, 'no coordinator')
        time.sleep(0.02)
    same(got, [(1, NONE)], 'partitions')
    same(commit(t, [(b.topic, 1, 9, None)], t.producer + 1000000), [(1, 49)],
         'partitions of another producer')
    same(t.end(True)['ErrorCode'], NONE, 'error of EndTxn')


def case_txn_offset_commit(b, v):
    def commit(t, parts, producer=None):
        topics = {}
        for n, p, o, m in parts:
            topics.setdefault(n, []).append({
                'PartitionIndex': p, 'CommittedOffset': o,
                'CommittedMetadata': m})
        return committed(b.call('TxnOffsetCommit', {
            'TransactionalId': t.id, 'GroupId': g,
            'ProducerId': t.producer if producer is None else producer,
            'ProducerEpoch': t.epoch, 'Topics': [
                {'Name': n, 'Partitions': ps} for n, ps in topics.items()]}))
    wait_coordinator(b, 0)
    g = b.name('group')
    t = Transaction(b)
    commit(t, [])
    if v >= 5:
        added_offsets(b, t, g, commit)
    end = min(4, b.best('AddOffsetsToTxn'))
    for done in (False, True):
        deadline = time.monotonic() + 15
        while True:
            r = b.call('AddOffsetsToTxn', {
                'TransactionalId': t.id, 'ProducerId': t.producer,
                'ProducerEpoch': t.epoch, 'GroupId': g}, end)
            if r['ErrorCode'] != 51:
                break
            expect(time.monotonic() < deadline, 'the last one does not end')
        same(r['ErrorCode'], NONE, 'error of AddOffsetsToTxn')
        answered(commit(t, [(b.topic, 0, 4, 'in'), (b.topic, 2, 3, None)]),
                 [(0, NONE), (2, NONE)], 'partitions')
        w = b.best('OffsetFetch')
        if w >= 7 and w < 10:
            r = b.call('OffsetFetch', {
                'RequireStable': True, 'GroupId': g,
                'Topics': [{'Name': b.topic, 'PartitionIndexes': [0]}],
                'Groups': [{'GroupId': g, 'Topics': [
                    {'Name': b.topic, 'PartitionIndexes': [0]}]}]}, w)
            topics = r['Groups'][0]['Topics'] if w >= 8 else r['Topics']
            same(topics[0]['Partitions'][0]['ErrorCode'], 88,
                 'error of an offset that is not stable')
        same(t.end(done)['ErrorCode'], NONE, 'error of EndTxn')
        want = {0: (4, 'in')} if done else {0: (-1, '')}
        deadline = time.monotonic() + 10
        while fetch_offsets(b, g, [0]) != want:
            expect(time.monotonic() < deadline, 'offsets are %r, not %r' % (
                fetch_offsets(b, g, [0]), want))
            time.sleep(0.02)


def case_describe_producers(b, v):
    t = b.name('producers')
    create(b, t, 1)
    pid, epoch = init_producer(b, None)
    r = b.call('DescribeProducers', {'Topics': []})
    same(r['Topics'], [], 'topics')
    write(b, t, kafka_records.batch([(b'k', b'v', [])] * 3, b.stamp,
                                    (pid, epoch, 0)))
    r = b.call('DescribeProducers', {'Topics': [
        {'Name': t, 'PartitionIndexes': [0, 9]},
        {'Name': b.unknown, 'PartitionIndexes': [0]}]})
    answered([(x['Name'], p['PartitionIndex'], p['ErrorCode'])
              for x in r['Topics'] for p in x['Partitions']],
             [(t, 0, NONE), (t, 9, UNKNOWN_TOPIC),
              (b.unknown, 0, UNKNOWN_TOPIC)], 'partitions')
    p, = [p for x in r['Topics'] for p in x['Partitions']
          if p['ErrorCode'] == NONE]
    same([(x['ProducerId'], x['ProducerEpoch'], x['LastSequence'],
           x['CurrentTxnStartOffset']) for x in p['ActiveProducers']],
         [(pid, epoch, 2, -1)], 'producers')
    delete(b, [t])


def case_describe_transactions(b, v):
    wait_coordinator(b, 1)
    same(b.call('DescribeTransactions', {'TransactionalIds': []})
         ['TransactionStates'], [], 'states')
    t, none = Transaction(b), b.name('txn')
    t.begin()
    r = b.call('DescribeTransactions', {'TransactionalIds': [t.id, none]})
    answered([(x['TransactionalId'], x['ErrorCode'])
              for x in r['TransactionStates']],
             [(t.id, NONE), (none, TXN_ID_NOT_FOUND)], 'transactions')
    x, = [x for x in r['TransactionStates'] if x['TransactionalId'] == t.id]
    same((x['TransactionState'], x['ProducerId'], x['ProducerEpoch'],
          x['TransactionTimeoutMs'], x['Topics']),
         ('Ongoing', t.producer, t.epoch, 60000,
          [{'Topic': b.topic, 'Partitions': [1]}]), 'transaction')
    t.end(False)


def case_list_transactions(b, v):
    wait_coordinator(b, 1)
    b.call('ListTransactions', {})
    t = Transaction(b)
    t.begin()

    def listed(**filters):
        r = b.call('ListTransactions', filters)
        same(r['ErrorCode'], NONE, 'error')
        return r['UnknownStateFilters'], [
            x['TransactionState'] for x in r['TransactionStates']
            if x['TransactionalId'] == t.id]
    same(listed(), ([], ['Ongoing']), 'all')
    same(listed(StateFilters=['Ongoing', 'Nonsense']),
         (['Nonsense'], ['Ongoing']), 'by state')
    same(listed(StateFilters=['Empty']), ([], []), 'by another state')
    same(listed(ProducerIdFilters=[t.producer]), ([], ['Ongoing']),
         'by producer')
    same(listed(ProducerIdFilters=[t.producer + 1000000]), ([], []),
         'by another producer')
    if v >= 1:
        same(listed(DurationFilter=3600000), ([], []), 'by duration')
    if v >= 2:
        same(listed(TransactionalIdPattern='check-.*'), ([], ['Ongoing']),
             'by pattern')
        same(listed(TransactionalIdPattern='check'), ([], []),
             'by a pattern of its beginning')
        r = b.call('ListTransactions', {'TransactionalIdPattern': 'check-['})
        same((r['ErrorCode'], r['TransactionStates']), (128, []), 'a bad one')
    t.end(False)


def case_write_txn_markers(b, v):
    same(b.call('WriteTxnMarkers', {})['Markers'], [], 'markers')
    r = b.call('WriteTxnMarkers', {'Markers': [
        {'ProducerId': 987654321, 'ProducerEpoch': 0,
         'TransactionResult': False, 'CoordinatorEpoch': 0, 'Topics': [
             {'Name': b.unknown, 'PartitionIndexes': [0]}]}]})
    same([(p['PartitionIndex'], p['ErrorCode']) for m in r['Markers']
          for t in m['Topics'] for p in t['Partitions']],
         [(0, UNKNOWN_TOPIC)], 'partitions')


# ------------------------------------------------------------------ security

def case_sasl_handshake(b, v):
    # Without SASL on the listener it is refused, in the right layout.
    r = b.call('SaslHandshake', {'Mechanism': 'NO-SUCH'})
    expect(r['ErrorCode'] in (33, 34), 'error %d' % r['ErrorCode'])


def case_sasl_authenticate(b, v):
    r = b.call('SaslAuthenticate', {'AuthBytes': b'\0u\0p'})
    expect(r['ErrorCode'] in (34, 58), 'error %d' % r['ErrorCode'])
    b.drop()


def case_describe_acls(b, v):
    # What `any` is in filters.
    body = {'ResourceTypeFilter': 1, 'ResourceNameFilter': None,
            'PatternTypeFilter': 1, 'PrincipalFilter': None,
            'HostFilter': None, 'Operation': 1, 'PermissionType': 1}
    r = b.call('DescribeAcls', body)
    expect(r['ErrorCode'] in (NONE, SECURITY_DISABLED),
           'error %d' % r['ErrorCode'])
    r = b.call('DescribeAcls', dict(
        body, ResourceTypeFilter=TOPIC, ResourceNameFilter=b.topic,
        PatternTypeFilter=3, PrincipalFilter='User:x', HostFilter='*'))
    same(r['Resources'], [], 'resources')


def case_create_acls(b, v):
    b.call('CreateAcls', {'Creations': []})
    r = b.call('CreateAcls', {'Creations': [
        {'ResourceType': TOPIC, 'ResourceName': b.unknown,
         'ResourcePatternType': 3, 'Principal': 'User:check', 'Host': '*',
         'Operation': 3, 'PermissionType': 3}] * 2})
    same(len(r['Results']), 2, 'results')


def case_delete_acls(b, v):
    b.call('DeleteAcls', {'Filters': []})
    one = {'ResourceTypeFilter': TOPIC, 'ResourceNameFilter': b.unknown,
           'PatternTypeFilter': 3, 'PrincipalFilter': None,
           'HostFilter': None, 'Operation': 1, 'PermissionType': 1}
    r = b.call('DeleteAcls', {'Filters': [one, one]})
    same(len(r['FilterResults']), 2, 'results')


def case_describe_scram(b, v):
    r = b.call('DescribeUserScramCredentials', {'Users': None})
    if r['ErrorCode'] == SECURITY_DISABLED:
        return
    same(r['ErrorCode'], NONE, 'error')
    r = b.call('DescribeUserScramCredentials', {'Users': [
        {'Name': 'check-nobody'}]})
    same([(x['User'], x['ErrorCode'], x['CredentialInfos'])
          for x in r['Results']], [('check-nobody', 91, [])], 'users')


def case_alter_scram(b, v):
    r = b.call('AlterUserScramCredentials', {})
    same(r['Results'], [], 'results')
    r = b.call('AlterUserScramCredentials', {'Deletions': [
        {'Name': 'check-nobody', 'Mechanism': 1}]})
    same([(x['User'], x['ErrorCode'] != NONE) for x in r['Results']],
         [('check-nobody', True)], 'users')


# Asked for nonsense, these may wait for the other members of a group, or end
# the connection.
MAY_WAIT = {'JoinGroup', 'SyncGroup', 'SaslAuthenticate'}
# By the definition a name may be null before there is an id to ask by.
MAY_CLOSE = {('Metadata', 10, 'Topics.Name null'),
             ('Metadata', 11, 'Topics.Name null')}
# These end the connection.
NOT_IN_PIPELINE = {'SaslHandshake', 'SaslAuthenticate'}

CASES = {
    'ApiVersions': case_api_versions,
    'Metadata': case_metadata,
    'DescribeCluster': case_describe_cluster,
    'DescribeTopicPartitions': case_describe_topic_partitions,
    'Produce': case_produce,
    'Fetch': case_fetch,
    'ListOffsets': case_list_offsets,
    'OffsetForLeaderEpoch': case_offset_for_leader_epoch,
    'CreateTopics': case_create_topics,
    'DeleteTopics': case_delete_topics,
    'CreatePartitions': case_create_partitions,
    'DeleteRecords': case_delete_records,
    'DescribeConfigs': case_describe_configs,
    'AlterConfigs': case_alter_configs,
    'IncrementalAlterConfigs': case_incremental_alter_configs,
    'DescribeLogDirs': case_describe_log_dirs,
    'ElectLeaders': case_elect_leaders,
    'ListPartitionReassignments': case_list_reassignments,
    'DescribeClientQuotas': case_describe_quotas,
    'AlterClientQuotas': case_alter_quotas,
    'ListConfigResources': case_list_config_resources,
    'FindCoordinator': case_find_coordinator,
    'JoinGroup': case_join_group,
    'SyncGroup': case_sync_group,
    'Heartbeat': case_heartbeat,
    'LeaveGroup': case_leave_group,
    'OffsetCommit': case_offset_commit,
    'OffsetFetch': case_offset_fetch,
    'OffsetDelete': case_offset_delete,
    'DescribeGroups': case_describe_groups,
    'ListGroups': case_list_groups,
    'DeleteGroups': case_delete_groups,
    'ConsumerGroupHeartbeat': case_consumer_group_heartbeat,
    'ConsumerGroupDescribe': case_consumer_group_describe,
    'InitProducerId': case_init_producer_id,
    'AddPartitionsToTxn': case_add_partitions,
    'AddOffsetsToTxn': case_add_offsets,
    'EndTxn': case_end_txn,
    'TxnOffsetCommit': case_txn_offset_commit,
    'DescribeProducers': case_describe_producers,
    'DescribeTransactions': case_describe_transactions,
    'ListTransactions': case_list_transactions,
    'WriteTxnMarkers': case_write_txn_markers,
    'SaslHandshake': case_sasl_handshake,
    'SaslAuthenticate': case_sasl_authenticate,
    'DescribeAcls': case_describe_acls,
    'CreateAcls': case_create_acls,
    'DeleteAcls': case_delete_acls,
    'DescribeUserScramCredentials': case_describe_scram,
    'AlterUserScramCredentials': case_alter_scram,
}
