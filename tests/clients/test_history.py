#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Made-up bad histories: each anomaly must be found, and it alone."""
import sys
import unittest

import history
from history import (ABORTED, COMMITTED, IDEMPOTENT, PLAIN, TRANSACTIONAL,
                     UNKNOWN, History, Poll, Send)


def good():
    """One partition: 1, 2 of an idempotent producer, 10, 11 committed, 12
    aborted, 20 of a plain one; a marker at 4 and one at 6."""
    h = History()
    h.kinds = {'i': IDEMPOTENT, 't': TRANSACTIONAL, 'p': PLAIN}
    h.sends = [Send('i', 0, 1, 0), Send('i', 0, 2, 1), Send('t', 0, 10, 2, 1),
               Send('t', 0, 11, 3, 1), Send('t', 0, 12, 5, 2),
               Send('p', 0, 20, 7)]
    h.txns = {('t', 1): COMMITTED, ('t', 2): ABORTED}
    h.readers = {'c': False, 'u': True}
    h.groups = {'g': ['c']}
    h.polls = [Poll('c', 0, 0, [(0, 1), (1, 2)]),
               Poll('u', 0, 0, [(0, 1), (1, 2), (2, 10), (3, 11), (5, 12)]),
               Poll('c', 0, 0, [(2, 10), (3, 11), (7, 20)]),
               Poll('u', 1, 0, [(5, 12), (7, 20)])]
    h.commits = [('g', 0, 2), ('g', 0, 8)]
    h.all = {0: [(0, 1), (1, 2), (2, 10), (3, 11), (5, 12), (7, 20)]}
    h.shown = {0: [(0, 1), (1, 2), (2, 10), (3, 11), (7, 20)]}
    h.ends = {0: 8}
    h.committed = {('g', 0): 8}
    return h


def drop(h, offset):
    """As if the broker had lost it before anybody read it."""
    for reading in (h.all, h.shown):
        reading[0] = [r for r in reading[0] if r[0] != offset]
    for p in h.polls:
        p.records = [r for r in p.records if r[0] != offset]


class Found(unittest.TestCase):
    def check_only(self, h, *names):
        found = history.anomalies(h)
        self.assertEqual([n for n, _ in found], list(names), found)

    def test_good(self):
        self.check_only(good())

    def test_lost(self):
        for offset in (0, 2, 7):
            h = good()
            drop(h, offset)
            h.commits = h.commits[:1]
            h.committed = {('g', 0): 2}
            self.check_only(h, 'lost')

    def test_lost_of_a_transaction_without_offset(self):
        h = good()
        drop(h, 3)
        h.sends[3].offset = None
        self.check_only(h, 'lost')

    def test_not_acknowledged_and_not_there(self):
        h = good()
        h.sends.append(Send('i', 0, 3))
        self.check_only(h)

    def test_not_acknowledged_and_there(self):
        h = good()
        h.sends.append(Send('p', 0, 21))
        h.ends[0] = 9
        for r in (h.all[0], h.shown[0], h.polls[2].records,
                  h.polls[3].records):
            r.append((8, 21))
        self.check_only(h)

    def test_divergence(self):
        h = good()
        h.polls.append(Poll('u', 2, 0, [(1, 20)]))
        self.check_only(h, 'divergence')
        h = good()
        h.sends[0].offset = 1
        self.check_only(h, 'divergence', 'lost')

    def test_duplicate(self):
        for value, names in ((2, ('duplicate',)), (20, ())):
            h = good()
            h.ends[0] = 9
            for r in (h.all[0], h.shown[0], h.polls[2].records,
                      h.polls[3].records):
                r.append((8, value))
            self.check_only(h, *names)

    def test_unwritten(self):
        h = good()
        h.ends[0] = 9
        for r in (h.all[0], h.shown[0], h.polls[2].records,
                  h.polls[3].records):
            r.append((8, 99))
        self.check_only(h, 'unwritten')

    def test_reordered(self):
        h = good()
        h.sends[0], h.sends[1] = h.sends[1], h.sends[0]
        self.check_only(h, 'reordered')

    def test_aborted_read(self):
        h = good()
        h.polls[2].records.insert(2, (5, 12))
        self.check_only(h, 'aborted_read')
        h = good()
        h.shown[0].insert(4, (5, 12))
        h.polls[2].records.insert(2, (5, 12))
        self.check_only(h, 'aborted_read')

    def test_shown_and_later_not(self):
        h = good()
        h.txns['t', 2] = UNKNOWN
        h.polls[2].records.insert(2, (5, 12))
        self.check_only(h, 'aborted_read')

    def test_in_part(self):
        h = good()
        h.txns['t', 1] = UNKNOWN
        h.shown[0] = [r for r in h.shown[0] if r[0] != 3]
        h.polls[2].records = [(2, 10), (7, 20)]
        self.check_only(h, 'aborted_read')

    def test_polls_backward(self):
        h = good()
        h.polls.append(Poll('c', 0, 0, [(1, 2)]))
        self.check_only(h, 'polls')
        h = good()
        h.polls.append(Poll('c', 1, 0, [(1, 2)]))
        self.check_only(h)

    def test_polls_past(self):
        h = good()
        h.polls[1].records = [(0, 1), (3, 11)]
        self.check_only(h, 'polls')

    def test_group_gap(self):
        h = good()
        h.polls[0].records = [(0, 1)]
        h.polls[2].epoch = 1
        self.check_only(h, 'group_gap')

    def test_commit_ahead(self):
        h = good()
        h.commits.append(('g', 0, 9))
        h.committed = {('g', 0): 9}
        self.check_only(h, 'commits')

    def test_commit_lost(self):
        h = good()
        h.committed = {('g', 0): 2}
        self.check_only(h, 'commits')

    def test_commit_behind_the_end(self):
        h = good()
        h.committed = {('g', 0): 100}
        self.check_only(h, 'commits')

    def test_fatal(self):
        h = good()
        h.fatal = [('i', 'no more')]
        self.check_only(h, 'fatal')


    def test_power(self):
        h = good()
        h.sends.append(Send('i', 0, 3))
        h.sends.append(Send('i', 0, 4))
        h.polls.append(Poll('c', 1, 0, [(8, 3), (9, 4)]))
        h.ends[0] = 9
        h.all[0].append((8, 4))  # 3 was lost with the power
        h.shown[0].append((8, 4))
        history.forget_not_durable(h)
        self.assertEqual(history.anomalies(h, history.POWER_CHECKS), [])
        h.sends[-2].offset = 8  # it was acknowledged
        self.assertEqual([n for n, _ in history.anomalies(
            h, history.POWER_CHECKS)], ['divergence', 'lost'])


if __name__ == '__main__':
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
