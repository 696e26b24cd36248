// SPDX-License-Identifier: Apache-2.0
// The tour of node-rdkafka, which builds a librdkafka of its own.
// usage: node node_rdkafka_tour.mjs HOST:PORT
import { createRequire } from 'node:module'
import { check, half, nap, name, refused, same, tour, wait } from './tour.mjs'

const Kafka = createRequire(import.meta.url)('node-rdkafka')

let base, admin

// A call whose last argument is called with an error and a result.
const done = (object, method, ...args) => new Promise((resolve, reject) =>
  object[method](...args, (error, result) => error ? reject(error) : resolve(result)))

const create = (topic, partitions = 1) =>
  done(admin, 'createTopic', { topic, num_partitions: partitions, replication_factor: 1 }, 20000)

async function producer (more = {}) {
  const p = new Kafka.Producer({ ...base, dr_cb: true, 'linger.ms': 5, 'retry.backoff.ms': 50, ...more })
  p.acked = []
  p.failed = []
  p.on('delivery-report', (error, r) => error ? p.failed.push(error) : p.acked.push(`${r.partition}/${r.offset}`))
  p.on('event.error', () => {})
  await done(p, 'connect', {})
  p.setPollInterval(20)
  return p
}

async function consumer (groupId, topic, more = {}) {
  const c = new Kafka.KafkaConsumer({
    ...base,
    'group.id': groupId,
    'enable.auto.commit': false,
    'session.timeout.ms': 10000,
    'heartbeat.interval.ms': 300,
    'fetch.wait.max.ms': 100,
    ...more
  }, { 'auto.offset.reset': 'earliest' })
  c.got = []
  c.on('data', m => c.got.push(m))
  c.on('event.error', () => {})
  await done(c, 'connect', {})
  c.subscribe([topic])
  c.consume()
  return c
}

async function take (topic, n, what, groupId = name(`g${Math.random()}`), more = {}) {
  const c = await consumer(groupId, topic, more)
  await wait(`${what}: messages`, () => c.got.length >= n)
  await nap(150)
  same(`${what}: messages`, c.got.length, n)
  return c
}

async function codecs () {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    for (const acks of [0, 1, -1]) {
      const topic = name(`${codec}-${acks}`)
      const label = `${codec} acks=${acks}`
      await create(topic)
      const p = await producer({ 'compression.codec': codec, acks })
      const stamp = Date.now() - 5000
      const want = Array.from({ length: 100 }, (_, i) =>
        [i % 3 === 0 ? null : `key ${i}`, i % 7 === 0 ? null : `value ${i} `.repeat(20), stamp + i, String(i)])
      for (const [key, value, at, h] of want) p.produce(topic, 0, value && Buffer.from(value), key, at, null, [{ h }])
      await done(p, 'flush', 20000)
      same(`${label}: errors`, p.failed, [])
      await done(p, 'disconnect')
      const c = await take(topic, 100, label)
      same(`${label}: contents`, c.got.map(m =>
        [m.key && String(m.key), m.value && String(m.value), m.timestamp, String(m.headers[0].h)]), want)
      await done(c, 'disconnect')
    }
  }
}

async function middle () {
  const topic = name('middle')
  await create(topic, 3)
  const p = await producer({ 'enable.idempotence': true })
  const c = await consumer(name('middle'), topic)
  const n = await half(i => p.produce(topic, null, Buffer.from(String(i)), `k${i % 10}`))
  await done(p, 'flush', 40000)
  await wait('through the middle: reports', () => p.acked.length + p.failed.length >= n)
  same('through the middle: acknowledged', [p.acked.length, p.failed], [n, []])
  await wait('through the middle: read', () => c.got.length >= n, 40)
  same('through the middle: what a group read', c.got.map(m => `${m.partition}/${m.offset}`).sort(), p.acked.sort())
  await done(c, 'disconnect')
  await done(p, 'disconnect')
}

async function groups () {
  const topic = name('group')
  const groupId = name('group')
  await create(topic, 4)
  const p = await producer()
  let sent = 0
  const members = []
  const shared = () => wait(`${members.length} members share`, () => {
    p.produce(topic, sent % 4, Buffer.from(String(sent++)))
    const parts = members.map(c => c.assignments().map(a => a.partition))
    return parts.flat().sort().join() === '0,1,2,3' && parts.every(x => x.length > 0)
  })
  const seen = new Set()
  for (let i = 0; i < 3; i++) {
    const c = await consumer(groupId, topic)
    c.on('data', m => seen.add(Number(m.value)))
    members.push(c)
    await shared()
    check(`${i + 1} members share`, true)
  }
  for (let i = 0; i < 2; i++) {
    const c = members.shift()
    if (c.got.length > 0) c.commitSync()
    await done(c, 'disconnect')
    await shared()
  }
  await done(p, 'flush', 20000)
  await wait('all is read', () => seen.size === sent)
  check('each record was read, without a gap', true)
  members[0].commitSync()
  await done(members[0], 'disconnect')
  p.produce(topic, 2, Buffer.from('last'))
  await done(p, 'flush', 20000)
  const c = await take(topic, 1, 'a commit resumes', groupId)
  same('a commit resumes', String(c.got[0].value), 'last')
  await done(c, 'disconnect')
  await done(p, 'disconnect')
}

async function transactions () {
  const topic = name('txn')
  await create(topic, 2)
  const p = await producer({ 'transactional.id': name('txn') })
  await done(p, 'initTransactions', 20000)
  for (let n = 0; n < 4; n++) {
    await done(p, 'beginTransaction')
    for (let i = 0; i < 10; i++) p.produce(topic, i % 2, Buffer.from(`${n}-${i}`))
    if (n % 2 === 1) await done(p, 'flush', 20000)
    await done(p, n % 2 === 0 ? 'commitTransaction' : 'abortTransaction', 20000)
  }
  const c = await take(topic, 20, 'read_committed', undefined, { 'isolation.level': 'read_committed' })
  check('committed transactions alone', c.got.every(m => /^[02]-/.test(String(m.value))))
  await done(c, 'disconnect')
  await done(await take(topic, 40, 'read_uncommitted', undefined, { 'isolation.level': 'read_uncommitted' }), 'disconnect')
  await done(p, 'disconnect')
}

await tour(async address => {
  base = { 'bootstrap.servers': address, 'reconnect.backoff.ms': 50, 'reconnect.backoff.max.ms': 500 }
  admin = Kafka.AdminClient.create(base)
  const topic = name('admin')
  await create(topic, 2)
  await refused('create again', 'code: 36', () => create(topic, 2))
  await done(admin, 'createPartitions', topic, 5, 20000)
  await done(admin, 'deleteTopic', topic, 20000)
  check('topics are made, grow and go', true)
  await codecs()
  await middle()
  await groups()
  await transactions()
  admin.disconnect()
})
