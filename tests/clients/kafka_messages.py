# SPDX-License-Identifier: Apache-2.0
"""Kafka's messages, encoded and strictly decoded by their definitions.

A definition is one of the JSON files of tests/data/kafka-messages. A message is
a dict of the fields' names; what is left out has the definition's default.
"""
import json
import os
import re
import struct
import uuid

FIXED = {'int8': '>b', 'int16': '>h', 'uint16': '>H', 'int32': '>i',
         'uint32': '>I', 'int64': '>q', 'float64': '>d'}


NAMES = set()  # of all fields of all messages


class Malformed(Exception):
    """An answer that is not laid out as its definition says."""


class Versions:
    def __init__(self, text):
        self.lo, self.hi = 1, 0
        if text in (None, 'none'):
            return
        if text.endswith('+'):
            self.lo, self.hi = int(text[:-1]), 32767
        elif '-' in text:
            self.lo, self.hi = (int(x) for x in text.split('-'))
        else:
            self.lo = self.hi = int(text)

    def __contains__(self, v):
        return self.lo <= v <= self.hi


class Field:
    def __init__(self, d, common):
        self.name = d['name']
        NAMES.add(self.name)
        self.type = d['type']
        self.versions = Versions(d.get('versions', d.get('taggedVersions')))
        self.nullable = Versions(d.get('nullableVersions'))
        self.tagged = Versions(d.get('taggedVersions'))
        self.tag = d.get('tag')
        self.array = self.type.startswith('[]')
        self.element = self.type[2:] if self.array else self.type
        self.default = d.get('default')
        self.fields = None
        if self.element[0].isupper():
            fields = d.get('fields') or common[self.element]
            self.fields = [Field(f, common) for f in fields]

    def default_value(self, v):
        d = self.default
        if d == 'null':
            return None
        if self.array:
            return []
        if self.fields:
            return {}
        if self.element in FIXED:
            if d is None or d == '':
                return 0
            return d if isinstance(d, (int, float)) else int(d, 0)
        if self.element == 'bool':
            return d in (True, 'true')
        if self.element == 'string':
            return d or ''
        if self.element == 'uuid':
            return uuid.UUID(int=0)
        return b''


class Message:
    """One request or response with all its versions."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        text = re.sub(r'(?m)^\s*//.*$|(?<=[\],{}\s])//[^"\n]*$', '', text)
        d = json.loads(text)
        self.name = d['name']
        self.key = d['apiKey']
        self.request = d['type'] == 'request'
        self.valid = Versions(d['validVersions'])
        self.flexible = Versions(d['flexibleVersions'])
        common = {}
        for c in d.get('commonStructs', []):
            common[c['name']] = c['fields']
        self.fields = [Field(f, common) for f in d['fields']]


def load(folder):
    """{(key, is_request): [Message, ...]}, the newest definition first."""
    found = {}
    for sub in ('', 'v3.9'):
        place = os.path.join(folder, sub)
        for name in sorted(os.listdir(place)):
            if not name.endswith('.json'):
                continue
            m = Message(os.path.join(place, name))
            found.setdefault((m.key, m.request), []).append(m)
    return found


# ---------------------------------------------------------------- encoding

def uvarint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


class Encoder:
    """unknown_tags puts a tagged field that nobody knows into each struct."""

    def __init__(self, version, flexible, unknown_tags=False):
        self.v = version
        self.flex = flexible
        self.unknown = unknown_tags

    def length(self, n, classic):
        if self.flex:
            return uvarint(n + 1)
        return struct.pack(classic, n)

    def value(self, f, x, element=False):
        if x is None and (element or self.v not in f.nullable):
            raise ValueError('%s cannot be null in version %d'
                             % (f.name, self.v))
        if f.array and not element:
            if x is None:
                return self.length(-1, '>i')
            return self.length(len(x), '>i') + b''.join(
                self.value(f, e, True) for e in x)
        kind = f.element
        if f.fields is not None:
            mark = b''
            if not element and self.v in f.nullable:
                if x is None:
                    return b'\xff'
                mark = b'\x01'
            return mark + self.struct(f.fields, x)
        if kind in FIXED:
            return struct.pack(FIXED[kind], x)
        if kind == 'bool':
            return b'\1' if x else b'\0'
        if kind == 'uuid':
            return x.bytes
        if kind == 'string':
            if x is None:
                return self.length(-1, '>h')
            x = x.encode()
            return self.length(len(x), '>h') + x
        if x is None:
            return self.length(-1, '>i')
        return self.length(len(x), '>i') + bytes(x)

    def struct(self, fields, d):
        for k in d:
            if k not in NAMES:
                raise KeyError('no message has a field ' + k)
        out = b''
        tags = {}
        for f in fields:
            if self.v not in f.versions:
                continue
            x = d.get(f.name, f.default_value(self.v))
            if self.v in f.tagged:
                if f.name in d and x != f.default_value(self.v):
                    tags[f.tag] = self.value(f, x)
            else:
                out += self.value(f, x)
        if not self.flex:
            return out
        if self.unknown:
            tags[9999] = b'xyz'
        out += uvarint(len(tags))
        for t in sorted(tags):
            out += uvarint(t) + uvarint(len(tags[t])) + tags[t]
        return out


# ---------------------------------------------------------------- decoding

class Decoder:
    def __init__(self, data, version, flexible):
        self.data = data
        self.at = 0
        self.v = version
        self.flex = flexible

    def take(self, n):
        if n < 0 or self.at + n > len(self.data):
            raise Malformed('%d bytes wanted at %d of %d'
                            % (n, self.at, len(self.data)))
        self.at += n
        return self.data[self.at - n:self.at]

    def unpack(self, fmt):
        return struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0]

    def uvarint(self):
        n = shift = 0
        while True:
            b = self.take(1)[0]
            n |= (b & 0x7f) << shift
            if not b & 0x80:
                if b == 0 and shift > 0:
                    raise Malformed('a number of more bytes than it needs')
                return n
            shift += 7
            if shift > 28:
                raise Malformed('a number of more than five bytes')

    def length(self, classic):
        n = self.uvarint() - 1 if self.flex else self.unpack(classic)
        if n < -1:
            raise Malformed('a length of %d' % n)
        return n

    def value(self, f, element=False):
        may_be_null = not element and self.v in f.nullable
        kind = f.element
        if f.array and not element:
            n = self.length('>i')
            if n == -1:
                if not may_be_null:
                    raise Malformed('null for the array ' + f.name)
                return None
            if n > len(self.data):
                raise Malformed('%s of %d elements' % (f.name, n))
            return [self.value(f, True) for _ in range(n)]
        if f.fields is not None:
            if may_be_null:
                mark = self.unpack('>b')
                if mark == -1:
                    return None
                if mark != 1:
                    raise Malformed('%s begins with %d' % (f.name, mark))
            return self.struct(f.fields, f.name)
        if kind in FIXED:
            return self.unpack(FIXED[kind])
        if kind == 'bool':
            b = self.take(1)[0]
            if b > 1:
                raise Malformed('%s: a bool of %d' % (f.name, b))
            return b == 1
        if kind == 'uuid':
            return uuid.UUID(bytes=bytes(self.take(16)))
        n = self.length('>h' if kind == 'string' else '>i')
        if n == -1:
            if not may_be_null:
                raise Malformed('null for ' + f.name)
            return None
        b = bytes(self.take(n))
        if kind != 'string':
            return b
        try:
            return b.decode()
        except UnicodeDecodeError:
            raise Malformed('%s is not UTF-8: %r' % (f.name, b)) from None

    def struct(self, fields, where):
        d = {}
        for f in fields:
            if self.v in f.versions and self.v not in f.tagged:
                try:
                    d[f.name] = self.value(f)
                except Malformed as e:
                    raise Malformed('%s.%s: %s' % (where, f.name, e)) from None
        if self.flex:
            self.tags(fields, d, where)
        return d

    def tags(self, fields, d, where):
        known = {f.tag: f for f in fields
                 if self.v in f.versions and self.v in f.tagged}
        last = -1
        for _ in range(self.uvarint()):
            tag = self.uvarint()
            size = self.uvarint()
            if tag <= last:
                raise Malformed('%s: tag %d behind %d' % (where, tag, last))
            if tag not in known:
                raise Malformed('%s: unknown tag %d' % (where, tag))
            last = tag
            start = self.at
            d[known[tag].name] = self.value(known[tag])
            if self.at - start != size:
                raise Malformed('%s: tag %d has %d bytes, says %d'
                                % (where, tag, self.at - start, size))


# ---------------------------------------------------------------- variants

def variants(fields, version, body):
    """(what, body) with each nullable field null and each array empty, down
    into the first element of each array."""
    for f in fields:
        if version not in f.versions:
            continue
        if version in f.nullable:
            yield f.name + ' null', dict(body, **{f.name: None})
        x = body.get(f.name)
        if f.array and x:
            yield f.name + ' empty', dict(body, **{f.name: []})
        if not f.fields or not x:
            continue
        inner = x[0] if f.array else x
        for what, y in variants(f.fields, version, inner):
            yield '%s.%s' % (f.name, what), dict(
                body, **{f.name: [y] + x[1:] if f.array else y})


API_VERSIONS = 18


class Protocol:
    def __init__(self, folder):
        self.messages = load(folder)

    def find(self, key, request, version):
        for m in self.messages.get((key, request), []):
            if version in m.valid:
                return m
        return None

    def name(self, key):
        m = self.messages.get((key, True))
        return m[0].name[:-len('Request')] if m else 'API %d' % key

    def key(self, name):
        for (key, request), m in self.messages.items():
            if request and m[0].name == name + 'Request':
                return key
        raise KeyError(name)

    def encode(self, key, version, correlation, body, unknown_tags=False,
               client_id='check'):
        """A whole frame."""
        m = self.find(key, True, version)
        e = Encoder(version, version in m.flexible, unknown_tags)
        head = struct.pack('>hhi', key, version, correlation)
        if client_id is None:
            head += b'\xff\xff'
        else:
            head += struct.pack('>h', len(client_id)) + client_id.encode()
        if e.flex:
            head += e.struct([], {})
        out = head + e.struct(m.fields, body)
        return struct.pack('>i', len(out)) + out

    def decode(self, key, version, frame):
        """(correlation id, body) of a frame without its length."""
        m = self.find(key, False, version)
        d = Decoder(frame, version, version in m.flexible)
        correlation = d.unpack('>i')
        if d.flex and key != API_VERSIONS:
            d.tags([], {}, 'header')
        body = d.struct(m.fields, m.name)
        if d.at != len(frame):
            raise Malformed('%d bytes behind the end of %s version %d'
                            % (len(frame) - d.at, m.name, version))
        return correlation, body
