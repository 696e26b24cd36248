# SPDX-License-Identifier: Apache-2.0
"""Looks for anomalies in what clients did to a broker and what they saw of it.

The idea is that of Jepsen's Kafka workload: every record carries a number that
no other has, so that from the sends, the polls and a last reading of
everything it can be said what was lost, doubled, reordered or shown too early.
"""

PLAIN, IDEMPOTENT, TRANSACTIONAL = 'plain', 'idempotent', 'transactional'
COMMITTED, ABORTED, UNKNOWN = 'committed', 'aborted', 'unknown'


class Send:
    """A record: its offset is None while nobody acknowledged it."""

    def __init__(self, producer, partition, value, offset=None, txn=None):
        self.producer = producer
        self.partition = partition
        self.value = value
        self.offset = offset
        self.txn = txn


class Poll:
    """Records that a consumer got from a partition at a time. A new epoch
    begins where its position was set or its partitions were given anew."""

    def __init__(self, consumer, epoch, partition, records):
        self.consumer = consumer
        self.epoch = epoch
        self.partition = partition
        self.records = records  # [(offset, value)]


class History:
    def __init__(self):
        self.kinds = {}  # producer: kind
        self.sends = []  # in the order of each producer
        self.txns = {}  # (producer, number): outcome
        self.readers = {}  # consumer: may it see uncommitted ones?
        self.groups = {}  # group: [consumer]
        self.polls = []  # in the order of each consumer
        self.commits = []  # (group, partition, offset), acknowledged
        self.fatal = []  # (producer, error)
        # The last reading, by partition.
        self.all = {}  # [(offset, value)], uncommitted ones too
        self.shown = {}  # [(offset, value)], read_committed
        self.ends = {}  # offset behind the last
        self.committed = {}  # (group, partition): offset, or -1


def outcome(h, send):
    if send.txn is None:
        return COMMITTED
    return h.txns.get((send.producer, send.txn), UNKNOWN)


def divergence(h):
    """An offset has one value, whoever looks and whenever."""
    found = {}
    seen = [(s.partition, s.offset, s.value, 'acknowledged to %s' % s.producer)
            for s in h.sends if s.offset is not None]
    for p in h.polls:
        seen += [(p.partition, o, v, 'polled by %s' % p.consumer)
                 for o, v in p.records]
    for reading in (h.all, h.shown):
        for part, records in reading.items():
            seen += [(part, o, v, 'read at the end') for o, v in records]
    for part, offset, value, how in seen:
        was = found.setdefault((part, offset), (value, how))
        if was[0] != value:
            yield '%d@%d: %d %s, %d %s' % (part, offset, was[0], was[1],
                                           value, how)


def lost(h):
    """What was acknowledged is there, and shown if it was committed."""
    everything = {p: dict(r) for p, r in h.all.items()}
    shown = {p: {v for _, v in r} for p, r in h.shown.items()}
    for s in h.sends:
        if s.offset is not None and everything.get(s.partition, {}).get(
                s.offset) != s.value:
            yield '%d of %s, acknowledged at %d@%d' % (
                s.value, s.producer, s.partition, s.offset)
        acknowledged = s.offset is not None or s.txn is not None
        if acknowledged and outcome(h, s) == COMMITTED and s.value \
                not in shown.get(s.partition, ()):
            yield '%d of %s in %d is committed, and not shown' % (
                s.value, s.producer, s.partition)


def duplicate(h):
    """A producer with sequence numbers writes nothing twice."""
    kind = {s.value: h.kinds[s.producer] for s in h.sends}
    at = {}
    for part, records in h.all.items():
        for offset, value in records:
            where = at.setdefault(value, (part, offset))
            if where != (part, offset) and kind.get(value) != PLAIN:
                yield '%d at %d@%d and %d@%d' % ((value,) + where +
                                                 (part, offset))


def unwritten(h):
    """Nothing is read that nobody sent."""
    sent = {(s.partition, s.value) for s in h.sends}
    for part, records in h.all.items():
        for offset, value in records:
            if (part, value) not in sent:
                yield '%d at %d@%d' % (value, part, offset)


def reordered(h):
    """In a partition the records of a producer keep their order."""
    place = {}
    for i, s in enumerate(h.sends):
        place[s.value] = (s.producer, i)
    for part, records in h.all.items():
        last = {}
        for offset, value in records:
            if value not in place:
                continue
            producer, i = place[value]
            if h.kinds[producer] == PLAIN:
                continue
            if i < last.get(producer, (-1, None))[0]:
                yield '%d of %s at %d@%d, behind a later one' % (
                    value, producer, part, offset)
            last[producer] = (i, offset)


def aborted_read(h):
    """Whoever wants committed records never sees others; and at the end all
    records of a transaction are shown, or none."""
    bad = {s.value for s in h.sends if outcome(h, s) == ABORTED}
    for p in h.polls:
        if h.readers.get(p.consumer):
            continue
        for offset, value in p.records:
            if value in bad:
                yield '%d at %d@%d, polled by %s' % (
                    value, p.partition, offset, p.consumer)
    shown = {v for r in h.shown.values() for _, v in r}
    for value in sorted(shown & bad):
        yield '%d, read at the end' % value
    for p in h.polls:
        if h.readers.get(p.consumer):
            continue
        for offset, value in p.records:
            if value not in shown and value not in bad:
                yield '%d at %d@%d was shown to %s, and later not' % (
                    value, p.partition, offset, p.consumer)
    parts = {}
    for s in h.sends:
        if s.txn is not None and outcome(h, s) == UNKNOWN:
            parts.setdefault((s.producer, s.txn), []).append(s)
    for (producer, txn), sends in parts.items():
        # Those that it could not write were never part of it.
        acked = [s.value in shown for s in sends if s.offset is not None]
        if any(acked) and not all(acked):
            yield 'transaction %d of %s is shown in part' % (txn, producer)


def polls(h):
    """From poll to poll offsets grow, and nothing in between is left out."""
    last = {}
    reading = {}
    for uncommitted, source in ((True, h.all), (False, h.shown)):
        for part, records in source.items():
            offsets = [o for o, _ in records]
            reading[uncommitted, part] = (offsets, {
                o: i for i, o in enumerate(offsets)})
    for p in h.polls:
        at = (p.consumer, p.epoch, p.partition)
        offsets, index = reading.get(
            (bool(h.readers.get(p.consumer)), p.partition), ([], {}))
        for offset, _ in p.records:
            before = last.get(at)
            if before is not None and offset <= before:
                yield '%s at %d: %d behind %d' % (p.consumer, p.partition,
                                                  offset, before)
            elif before in index and offset in index and \
                    index[offset] != index[before] + 1:
                yield '%s at %d: from %d to %d, past %d records' % (
                    p.consumer, p.partition, before, offset,
                    index[offset] - index[before] - 1)
            last[at] = offset


def group_gap(h):
    """The members of a group together see all that is shown."""
    for group, consumers in h.groups.items():
        members = set(consumers)
        seen = {(p.partition, o) for p in h.polls if p.consumer in members
                for o, _ in p.records}
        for part, records in h.shown.items():
            for offset, value in records:
                if (part, offset) not in seen:
                    yield '%s never saw %d at %d@%d' % (group, value, part,
                                                        offset)


def commits(h):
    """A commit stands behind what its group was given, and stays."""
    furthest = {}
    for group, consumers in h.groups.items():
        for p in h.polls:
            if p.consumer in consumers and p.records:
                at = (group, p.partition)
                furthest[at] = max(furthest.get(at, 0), p.records[-1][0] + 1)
    highest = {}
    for group, part, offset in h.commits:
        highest[group, part] = max(highest.get((group, part), -1), offset)
        if offset > furthest.get((group, part), 0):
            yield '%s committed %d@%d ahead of what it read, %d' % (
                group, part, offset, furthest.get((group, part), 0))
    for (group, part), offset in h.committed.items():
        if offset > h.ends.get(part, 0):
            yield '%s has %d@%d, and the log ends at %d' % (
                group, part, offset, h.ends.get(part, 0))
    for (group, part), offset in highest.items():
        if h.committed.get((group, part), -1) < offset:
            yield '%s committed %d@%d, and has %d' % (
                group, part, offset, h.committed.get((group, part), -1))


def fatal(h):
    """No producer was told that it cannot go on."""
    for producer, error in h.fatal:
        yield '%s: %s' % (producer, error)


CHECKS = (divergence, lost, duplicate, unwritten, reordered, aborted_read,
          polls, group_gap, commits, fatal)


# What holds through a loss of power too: what was read before it was durable
# may be gone then, and its offsets are given out again.
POWER_CHECKS = (divergence, lost, duplicate, unwritten, reordered,
                aborted_read, fatal)


def forget_not_durable(h):
    """Leaves out of the polls what nobody was promised: records that were not
    acknowledged there, and are not there at the end."""
    acked = {(s.partition, s.offset, s.value) for s in h.sends}
    in_txn = {s.value for s in h.sends if s.txn is not None}
    for p in h.polls:
        now = dict(h.all.get(p.partition, ()))
        p.records = [(o, v) for o, v in p.records
                     if now.get(o) == v or (p.partition, o, v) in acked or
                     v in in_txn and not h.readers.get(p.consumer)]


def anomalies(h, checks=CHECKS):
    """[(name, [text])] of the checks that found something."""
    found = []
    for c in checks:
        texts = list(c(h))
        if texts:
            found.append((c.__name__, texts))
    return found
