# SPDX-License-Identifier: Apache-2.0
"""Record batches (magic 2), written and strictly read."""
import gzip
import struct

HEAD = struct.Struct('>qiibIhiqqqhii')  # up to and with the record count

_table = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82f63b78 if _n & 1 else 0)
    _table.append(_n)


def crc32c(data):
    c = 0xffffffff
    for b in data:
        c = _table[(c ^ b) & 0xff] ^ c >> 8
    return c ^ 0xffffffff


def varint(n):
    n = n << 1 ^ n >> 63
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _blob(b):
    return varint(-1) if b is None else varint(len(b)) + b


def _record(delta, time_delta, key, value, headers):
    r = b'\0' + varint(time_delta) + varint(delta) + _blob(key) + _blob(value)
    r += varint(len(headers))
    for name, v in headers:
        r += _blob(name) + _blob(v)
    return varint(len(r)) + r


def batch(records, timestamp, producer=(-1, -1, -1), transactional=False,
          compress=False):
    """records: [(key, value, headers)]; timestamps count up from `timestamp`."""
    body = b''.join(_record(i, i, k, v, h)
                    for i, (k, v, h) in enumerate(records))
    attributes = (1 if compress else 0) | (16 if transactional else 0)
    if compress:
        body = gzip.compress(body)
    n = len(records)
    rest = struct.pack('>hiqqqhii', attributes, n - 1, timestamp,
                       timestamp + n - 1, producer[0], producer[1],
                       producer[2], n) + body
    return struct.pack('>qiibI', 0, len(rest) + 9, 0, 2, crc32c(rest)) + rest


class _Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        if n < 0 or self.at + n > len(self.data):
            raise ValueError('a record goes past its end')
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self):
        n = shift = 0
        while True:
            b = self.take(1)[0]
            n |= (b & 0x7f) << shift
            shift += 7
            if not b & 0x80:
                return n >> 1 ^ -(n & 1)

    def blob(self):
        n = self.varint()
        return None if n == -1 else bytes(self.take(n))


def read(data):
    """[(offset, timestamp, key, value, headers, attributes)] of whole batches;
    a part of one at the end is left out, as Kafka allows."""
    out = []
    at = 0
    while len(data) - at >= HEAD.size:
        (base, length, _, magic, crc, attributes, last, first, _, _, _, _,
         n) = HEAD.unpack_from(data, at)
        if magic != 2:
            raise ValueError('a batch of magic %d' % magic)
        end = at + 12 + length
        if end > len(data):
            break
        if crc32c(data[at + 21:end]) != crc:
            raise ValueError('a batch with a wrong CRC at offset %d' % base)
        body = data[at + HEAD.size:end]
        codec = attributes & 7
        if codec == 1:
            body = gzip.decompress(body)
        elif codec:
            raise ValueError('no decoder for codec %d' % codec)
        if last + 1 < n:
            raise ValueError('more records than offsets')
        r = _Reader(body)
        for _ in range(n):
            length = r.varint()
            stop = r.at + length
            r.take(1)
            time_delta = r.varint()
            delta = r.varint()
            key, value = r.blob(), r.blob()
            headers = [(r.blob(), r.blob()) for _ in range(r.varint())]
            if r.at != stop:
                raise ValueError('a record of another length than it says')
            out.append((base + delta, first + time_delta, key, value, headers,
                        attributes))
        if r.at != len(body):
            raise ValueError('bytes behind the last record of a batch')
        at = end
    return out
