#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a broker every API in every version that it advertises, and decodes the
answers strictly by Kafka's own message definitions.

usage: protocol_check.py HOST:PORT [API...]

Prints a line per API and per fault, and a last line "N checks passed" or
"N checks passed, M failed"; the exit status says which. With the names of APIs
it checks only those.
"""
import os
import socket
import struct
import sys
import time
import traceback
import uuid

import kafka_messages
import protocol_cases
from kafka_messages import Malformed
from protocol_cases import Skip, expect

HERE = os.path.dirname(os.path.abspath(__file__))
DEFINITIONS = os.path.join(HERE, '..', 'data', 'kafka-messages')
DEADLINE_S = float(os.environ.get('CHECK_DEADLINE', '15'))
LONG = 'LEAT_LONG' in os.environ


class Closed(Exception):
    """The broker ended the connection."""


class Connection:
    def __init__(self, address):
        self.sock = socket.create_connection(address, DEADLINE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError) as e:
            raise Closed(str(e)) from None

    def take(self, n):
        out = b''
        while len(out) < n:
            try:
                b = self.sock.recv(n - len(out))
            except ConnectionError as e:
                raise Closed(str(e)) from None
            if not b:
                raise Closed('after %d of %d bytes' % (len(out), n))
            out += b
        return out

    def frame(self):
        n = struct.unpack('>i', self.take(4))[0]
        if n < 4 or n > 100 << 20:
            raise Malformed('a frame of %d bytes' % n)
        return self.take(n)

    def silent(self, seconds):
        """Nothing comes, and the connection stays."""
        self.sock.settimeout(seconds)
        try:
            b = self.sock.recv(1)
        except socket.timeout:
            return True
        except ConnectionError:
            return False
        finally:
            self.sock.settimeout(DEADLINE_S)
        return b is None

    def closed(self):
        """Waits for the end of the connection; False: an answer came."""
        try:
            return self.sock.recv(1) == b''
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    def close(self):
        self.sock.close()


class Broker:
    """What the cases talk through: one connection, renewed when it ends."""

    def __init__(self, address, protocol):
        self.address = address
        self.protocol = protocol
        self.conn = None
        self.correlation = 0x7fffff00	# goes on below zero
        self.unknown_tags = False
        self.api = None			# the one under test, and its version
        self.version = None
        self.longest = {}		# (key, version): frame
        self.first = {}
        self.bodies = {}  # of the longest
        self.asked = 0
        self.versions = {}
        self.run = uuid.uuid4().hex[:8]
        self.names = 0

    def name(self, what):
        self.names += 1
        return 'check-%s-%s-%d' % (self.run, what, self.names)

    def negotiate(self):
        r = self.call('ApiVersions', {}, 0)
        expect(r['ErrorCode'] == 0, 'ApiVersions: error %d' % r['ErrorCode'])
        for a in r['ApiKeys']:
            self.versions[a['ApiKey']] = (a['MinVersion'], a['MaxVersion'])

    def serves(self, name):
        return self.protocol.key(name) in self.versions

    def best(self, name):
        key = self.protocol.key(name)
        if key not in self.versions:
            raise Skip('%s is not served' % name)
        lo, hi = self.versions[key]
        for v in range(hi, lo - 1, -1):
            if self.protocol.find(key, True, v):
                return v
        raise Skip('%s: no version in common' % name)

    def next_correlation(self):
        c = self.correlation
        self.correlation = c + 1 if c < 0x7fffffff else -0x80000000
        return c

    def connection(self):
        if self.conn is None:
            self.conn = Connection(self.address)
        return self.conn

    def drop(self):
        if self.conn:
            self.conn.close()
            self.conn = None

    def encode(self, name, body, version):
        key = self.protocol.key(name)
        c = self.next_correlation()
        frame = self.protocol.encode(
            key, version, c, body, self.unknown_tags,
            None if self.asked % 5 == 4 else 'check')
        at = (key, version)
        if len(frame) > len(self.longest.get(at, b'')):
            self.longest[at] = frame
            self.bodies[at] = body
        self.first.setdefault(at, frame)
        return key, c, frame

    def call(self, name, body, version=None):
        """Asks and decodes. Without a version: the one under test, or the
        highest for other APIs than the one under test."""
        if version is None:
            version = self.version if name == self.api else self.best(name)
        key, c, frame = self.encode(name, body, version)
        self.asked += 1
        conn = self.connection()
        try:
            conn.send(frame)
            answer = conn.frame()
            got, r = self.protocol.decode(key, version, answer)
        except (Closed, Malformed, socket.timeout) as e:
            self.drop()
            what = 'no answer in time' if isinstance(e, socket.timeout) else e
            raise type(e)('%s v%d: %s (asked %r)'
                          % (name, version, what, body)) from None
        if got != c:
            self.drop()
            raise Malformed('%s v%d: correlation id %d instead of %d'
                            % (name, version, got, c))
        return r

    def send_only(self, name, body, version=None):
        _, _, frame = self.encode(name, body, version if version is not None
                                  else self.version)
        self.connection().send(frame)


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def ok(self, n=1):
        self.passed += n

    def fail(self, what, e):
        self.failed += 1
        print('FAIL %s: %s' % (what, e), flush=True)
        if 'CHECK_TRACE' in os.environ:
            traceback.print_exception(type(e), e, e.__traceback__)

    def check(self, what, fn, *args):
        try:
            fn(*args)
        except (AssertionError, Closed, Malformed, OSError, ValueError,
                KeyError, IndexError) as e:
            if isinstance(e, KeyError):
                e = KeyError('field %s is missing' % e)
            self.fail(what, e)
            return False
        self.ok()
        return True


def must_close(broker, frame, what):
    c = Connection(broker.address)
    try:
        c.send(frame)
        expect(c.closed(), what + ': answered, or left open')
    except Closed:
        pass
    finally:
        c.close()


def reframe(body):
    return struct.pack('>i', len(body)) + body


def truncated(broker, key, version):
    """A frame that is shorter than its content must end the connection."""
    frame = broker.longest[key, version]
    body = frame[4:]
    head = 10 + max(0, struct.unpack_from('>h', body, 8)[0])
    flexible = version in broker.protocol.find(key, True, version).flexible
    head += 1 if flexible else 0
    if head >= len(body):
        return
    cuts = {len(body) - 1, (head + len(body)) // 2, head}
    if LONG:
        cuts = range(head, len(body))
    for cut in sorted(cuts):
        must_close(broker, reframe(body[:cut]), '%d of %d bytes'
                   % (cut, len(body)))


def null_and_empty(broker, key, version):
    """What may be null or empty is answered then too, whatever the answer."""
    m = broker.protocol.find(key, True, version)
    name = broker.protocol.name(key)
    for what, body in kafka_messages.variants(m.fields, version,
                                              broker.bodies[key, version]):
        if (name, version, what) in protocol_cases.MAY_CLOSE:
            continue
        try:
            broker.call(name, body, version)
        except (Closed, Malformed, OSError) as e:
            raise AssertionError('with %s: %s' % (what, e)) from None


def check_api(broker, report, key):
    name = broker.protocol.name(key)
    lo, hi = broker.versions[key]
    case = protocol_cases.CASES.get(name)
    if case is None:
        report.fail(name, AssertionError('served, and there is no case'))
        return
    asked, failed, skipped = broker.asked, report.failed, None
    for v in range(lo, hi + 1):
        m = broker.protocol.find(key, True, v)
        if m is None:
            report.fail('%s v%d' % (name, v),
                        AssertionError('advertised, but not defined'))
            continue
        for tags in ([False, True] if v in m.flexible else [False]):
            broker.api, broker.version = name, v
            broker.unknown_tags = tags
            try:
                report.check('%s v%d%s' % (
                    name, v, ' with unknown tags' if tags else ''),
                    case, broker, v)
            except Skip as e:
                skipped = e
            finally:
                broker.api = broker.version = None
                broker.unknown_tags = False
        if (key, v) not in broker.longest or (name == 'Produce' and v < 3):
            continue
        if name not in protocol_cases.MAY_WAIT:
            report.check('%s v%d' % (name, v), null_and_empty, broker, key, v)
        report.check('%s v%d cut short' % (name, v), truncated, broker, key,
                     v)
    print('%-4s %s %d-%d: %d requests%s' % (
        'ok' if report.failed == failed else 'FAIL', name, lo, hi,
        broker.asked - asked, '; left out: %s' % skipped if skipped else ''),
        flush=True)


# ------------------------------------------------- what belongs to no one API

def check_unknown_version(broker):
    c = Connection(broker.address)
    c.send(reframe(struct.pack('>hhih', 18, 99, 7, -1) + b'\0\xff\xfe'))
    got, r = broker.protocol.decode(18, 0, c.frame())
    expect(got == 7, 'correlation id %d' % got)
    expect(r['ErrorCode'] == 35, 'error %d, not UNSUPPORTED_VERSION'
           % r['ErrorCode'])
    expect(any(a['ApiKey'] == 18 for a in r['ApiKeys']),
           'the answer does not say which versions of ApiVersions there are')
    # The connection goes on.
    c.send(broker.protocol.encode(18, 0, 8, {}))
    got, _ = broker.protocol.decode(18, 0, c.frame())
    expect(got == 8, 'correlation id %d' % got)
    c.close()


def check_garbage(broker):
    head = struct.pack('>hhih', 3, 1, 1, -1)
    for what, data in (
            ('HTTP', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
            ('TLS', bytes.fromhex('160301020001fc03030000000000000000000000')),
            ('a negative length', struct.pack('>i', -1)),
            ('a huge length', struct.pack('>i', 0x7fffffff)),
            ('an empty frame', struct.pack('>i', 0)),
            ('a header cut short', reframe(head[:7])),
            ('an unknown API', reframe(struct.pack('>hhih', 999, 0, 1, -1))),
            ('a negative API', reframe(struct.pack('>hhih', -3, 0, 1, -1))),
            ('an unknown version', reframe(struct.pack('>hhih', 3, 99, 1, -1))),
            ('a negative version', reframe(struct.pack('>hhih', 3, -1, 1, -1))),
            ('an array of 2^31-1', reframe(head + struct.pack('>i', 2**31 - 1))),
            ('a null name', reframe(head + struct.pack('>ih', 1, -1))),
            ('a name of length -2', reframe(head + struct.pack('>ih', 1, -2)))):
        must_close(broker, data, what)


def check_pipeline(broker):
    """All kinds of requests at once on a connection, answered in order."""
    asked = []
    data = b''
    for (key, v), frame in sorted(broker.first.items()):
        name = broker.protocol.name(key)
        if name in protocol_cases.NOT_IN_PIPELINE or (
                name == 'Produce' and v < 3):
            continue
        c = broker.next_correlation()
        frame = bytearray(frame)
        struct.pack_into('>i', frame, 8, c)
        asked.append((key, v, c))
        data += frame
    conn = Connection(broker.address)
    half = len(data) // 2		# in two pieces, cut anywhere
    conn.send(data[:half])
    conn.send(data[half:])
    for key, v, c in asked:
        got, _ = broker.protocol.decode(key, v, conn.frame())
        expect(got == c, '%s v%d: correlation id %d instead of %d'
               % (broker.protocol.name(key), v, got, c))
    conn.close()
    print('ok   %d requests in a pipeline' % len(asked), flush=True)


def check_slow_sender(broker):
    """A frame that comes byte by byte."""
    frame = broker.protocol.encode(3, 1, 5, {'Topics': []})
    conn = Connection(broker.address)
    for i in range(len(frame)):
        conn.send(frame[i:i + 1])
    got, _ = broker.protocol.decode(3, 1, conn.frame())
    expect(got == 5, 'correlation id %d' % got)
    conn.close()


def main():
    host, port = sys.argv[1].rsplit(':', 1)
    only = set(sys.argv[2:])
    protocol = kafka_messages.Protocol(DEFINITIONS)
    broker = Broker((host, int(port)), protocol)
    report = Report()
    began = time.monotonic()
    broker.negotiate()
    protocol_cases.prepare(broker)
    for key in sorted(broker.versions):
        if (key, True) not in protocol.messages:
            report.fail('API %d' % key, AssertionError('not known here'))
        elif not only or protocol.name(key) in only:
            check_api(broker, report, key)
    for what, fn in (('an unknown version of ApiVersions',
                      check_unknown_version),
                     ('garbage', check_garbage),
                     ('pipeline', check_pipeline),
                     ('byte by byte', check_slow_sender)):
        report.check(what, fn, broker)
    print('%d requests in %.1f s' % (broker.asked, time.monotonic() - began))
    if report.failed:
        print('%d checks passed, %d failed' % (report.passed, report.failed))
        return 1
    print('%d checks passed' % report.passed)
    return 0


if __name__ == '__main__':
    sys.exit(main())
