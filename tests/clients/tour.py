# SPDX-License-Identifier: Apache-2.0
"""What the tours in Python share: checks with a line each, deadlines, and the
middle of a tour, where the broker may be killed and started again."""
import os
import signal
import sys
import time
import uuid

RUN = uuid.uuid4().hex[:8]
TIMEOUT = float(os.environ.get('TOUR_TIMEOUT', '60'))
passed = 0


def name(what):
    """A name of this run's own."""
    return 'tour-%s-%s' % (RUN, what)


def fail(what, want, seen):
    print('FAIL %s\n  expected: %s\n  seen:     %s' % (what, want, seen))
    sys.stdout.flush()
    os._exit(1)


def same(what, seen, want):
    global passed
    if seen != want:
        fail(what, repr(want)[:2000], repr(seen)[:2000])
    passed += 1
    print('ok %s' % what, flush=True)


def check(what, good, seen=''):
    global passed
    if not good:
        fail(what, 'it holds', seen)
    passed += 1
    print('ok %s' % what, flush=True)


def wait(what, condition, seconds=30, step=None):
    """Until condition() is true; step() is called between the looks."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            fail(what, 'within %d s' % seconds, 'still not')
        if step is None:
            time.sleep(0.02)
        else:
            step()


def half(produce):
    """Calls produce(i) again and again for a while. With TOUR_HALF in the
    environment until that file, made here, is taken away: meanwhile the broker
    is killed and started again."""
    path = os.environ.get('TOUR_HALF')
    end = time.monotonic() + (TIMEOUT if path else 0.5)
    if path:
        with open(path, 'w'):
            pass
    i = 0
    while time.monotonic() < end and (not path or os.path.exists(path)):
        produce(i)
        i += 1
        time.sleep(0.01)
    if path and os.path.exists(path):
        fail('the middle', 'the broker is started again', 'it is not')
    for _ in range(10):
        produce(i)
        i += 1
    return i


def start(argv):
    """The address to go to; the whole tour has a time limit."""
    if len(argv) != 2:
        sys.exit('usage: %s HOST:PORT' % argv[0])

    def late(*_):
        fail('the tour', 'it ends within %d s' % TIMEOUT, 'it does not')
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, TIMEOUT)
    return argv[1]


def finish():
    print('%d checks passed' % passed, flush=True)
    os._exit(0)  # not held up by a client's threads
