// SPDX-License-Identifier: Apache-2.0
// The tour of @platformatic/kafka. usage: node platformatic_tour.mjs HOST:PORT
import {
  Admin, ConfigResourceTypes, Consumer, FetchIsolationLevels, IncrementalAlterConfigOperationTypes, Producer,
  compressionsAlgorithms, stringDeserializers, stringSerializers
} from '@platformatic/kafka'
import { check, half, nap, name, refused, same, tour, wait } from './tour.mjs'

let admin, base

const create = (topic, partitions = 1, configs = []) =>
  admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
const producer = (more = {}) => new Producer({ ...base, serializers: stringSerializers, acks: -1, ...more })
const consumer = (groupId, more = {}) => new Consumer({
  ...base, groupId, deserializers: stringDeserializers, sessionTimeout: 10000, rebalanceTimeout: 10000,
  heartbeatInterval: 300, maxWaitTime: 100, minBytes: 1, autocommit: false, ...more
})

// Consumes until n messages are there.
async function take (topic, n, what, where = { mode: 'earliest' }, more = {}) {
  const got = []
  const c = consumer(more.groupId ?? name(`g${Math.random()}`.replace('.', '')), more)
  const stream = await c.consume({ topics: [topic], ...where })
  stream.on('data', m => got.push(m))
  await wait(`${what}: messages`, () => got.length >= n)
  await nap(100)
  await stream.close()
  await c.close(true)
  same(`${what}: messages`, got.length, n)
  return got
}

async function topics () {
  const topic = name('admin')
  await create(topic, 2, [{ name: 'retention.ms', value: '3600000' }])
  await refused('create again', 'TOPIC_ALREADY_EXISTS', () => create(topic, 2))
  const config = async () => {
    const [r] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: null }]
    })
    return Object.fromEntries(r.configs.map(c => [c.name, c.value]))
  }
  same('describe: retention.ms', (await config())['retention.ms'], '3600000')
  await admin.alterConfigs({
    resources: [{
      resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: [{ name: 'retention.ms', value: '7200000' }]
    }]
  })
  await wait('alter', async () => (await config())['retention.ms'] === '7200000')
  check('alter configs', true)
  await admin.incrementalAlterConfigs({
    resources: [{
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
      configs: [{
        name: 'max.message.bytes', value: '5000', configOperation: IncrementalAlterConfigOperationTypes.SET
      }]
    }]
  })
  await wait('alter', async () => (await config())['max.message.bytes'] === '5000')
  same('the other is as it was', (await config())['retention.ms'], '7200000')
  const p = producer({ retries: 0 })
  await refused('a record of more than max.message.bytes', 'MESSAGE_TOO_LARGE', () =>
    p.send({ messages: [{ topic, value: 'x'.repeat(20000), partition: 0 }] }))
  await p.close()
  await admin.createPartitions({ topics: [{ name: topic, count: 5, assignments: null }] })
  const metadata = () => admin.metadata({ topics: [topic], forceUpdate: true, autocreateTopics: false })
  await wait('grow', async () => (await metadata()).topics.get(topic).partitionsCount === 5)
  check('create partitions', true)
  check('listed', (await admin.listTopics()).includes(topic))
  await admin.deleteTopics({ topics: [topic] })
  await wait('delete', async () => !(await admin.listTopics()).includes(topic))
  check('delete topic', true)
  const [dirs] = await admin.describeLogDirs({ topics: [] })
  check('describe log dirs', dirs.results.length > 0, dirs)
}

async function codecs () {
  for (const [compression, { available }] of Object.entries(compressionsAlgorithms)) {
    if (!available) {
      console.log(`no ${compression} in this version of Node.js`)
      continue
    }
    for (const acks of [0, 1, -1]) {
      const topic = name(`${compression}-${acks}`)
      await create(topic)
      const stamp = BigInt(Date.now() - 5000)
      const messages = Array.from({ length: 100 }, (_, i) => ({
        topic,
        key: i % 3 === 0 ? undefined : `key ${i}`,
        value: i % 7 === 0 ? undefined : `value ${i} `.repeat(20),
        timestamp: stamp + BigInt(i),
        headers: { h: String(i) },
        partition: 0
      }))
      const p = producer()
      const label = `${compression} acks=${acks}`
      const sent = await p.send({ messages, acks, compression })
      if (acks !== 0) same(`${label}: offset given`, sent.offsets, [{ topic, partition: 0, offset: 0n }])
      const got = await take(topic, 100, label)
      await p.close()
      const nothing = s => s === null || s === undefined || s.length === 0 ? '' : s
      same(`${label}: contents`, got.map(m => [
        m.partition, nothing(m.key), nothing(m.value), m.timestamp, m.headers.get('h')
      ]), messages.map(m => [0, nothing(m.key), nothing(m.value), m.timestamp, m.headers.h]))
      same(`${label}: offsets`, got.map(m => m.offset), messages.map((_, i) => BigInt(i)))
    }
  }
}

async function positions () {
  const topic = name('positions')
  await create(topic)
  const stamp = 1600000000000n
  const p = producer()
  await p.send({
    messages: Array.from({ length: 50 }, (_, i) => ({ topic, value: String(i), timestamp: stamp + BigInt(i) * 1000n }))
  })
  const at = async timestamp => {
    const [t] = await admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] })
    return t.partitions[0].offset
  }
  same('earliest', await at(-2n), 0n)
  same('latest', await at(-1n), 50n)
  same('of the largest timestamp', await at(-3n), 49n)
  same('by timestamp', await at(stamp + 30500n), 31n)
  same('by a late timestamp', await at(stamp + 1000000000n), -1n)
  const got = await take(topic, 30, 'from an offset', {
    mode: 'manual', offsets: [{ topic, partition: 0, offset: 20n }]
  })
  same('from an offset', got.map(m => m.value), Array.from({ length: 30 }, (_, i) => String(20 + i)))
  const [t] = await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 10n }] }] })
  same('delete records', t.partitions, [{ partition: 0, lowWatermark: 10n }])
  same('the new start', await at(-2n), 10n)
  await p.close()
}

async function middle () {
  const topic = name('middle')
  await create(topic, 3)
  const p = producer({ idempotent: true, retries: 200, retryDelay: 100 })
  const c = consumer(name('middle'), { retries: 200, retryDelay: 100 })
  const seen = new Map()
  const follow = async () => {
    const stream = await c.consume({ topics: [topic], mode: 'earliest' })
    stream.on('data', m => seen.set(`${m.partition}/${m.offset}`, m.value))
    // This client gives a stream up when the broker has gone.
    stream.on('error', () => { nap(200).then(follow).catch(() => nap(200).then(follow)) })
  }
  await follow()
  const acked = []
  let last = Promise.resolve()
  const n = await half(i => {
    last = last.then(async () => {
      const { offsets: [r] } = await p.send({ messages: [{ topic, key: `k${i % 10}`, value: String(i) }] })
      acked.push([`${r.partition}/${r.offset}`, String(i)])
    })
  })
  await last
  same('through the middle: acknowledged', acked.length, n)
  await wait('through the middle: read', () => acked.every(([at]) => seen.has(at)), 40)
  same('through the middle: what a group read', [...seen].sort(), acked.sort())
  await c.close(true)
  await p.close()
}

async function groups () {
  const topic = name('group')
  const groupId = name('group')
  await create(topic, 4)
  const p = producer()
  const seen = new Set()
  const sent = []
  const members = []
  async function join () {
    const c = consumer(groupId)
    const stream = await c.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
    const waiting = new Set()
    stream.on('data', m => {
      seen.add(`${m.partition}/${m.offset}`)
      // A commit is refused while the group changes: then it is read again.
      const done = m.commit().catch(() => {}).finally(() => waiting.delete(done))
      waiting.add(done)
    })
    members.push({ c, stream, waiting })
  }
  const parts = ({ c }) => c.assignments?.find(a => a.topic === topic)?.partitions ?? []
  async function shared () {
    await wait(`${members.length} members share`, async () => {
      const r = await p.send({ messages: [0, 1, 2, 3].map(partition => ({ topic, value: 'x', partition })) })
      for (const { partition, offset } of r.offsets) sent.push(`${partition}/${offset}`)
      return members.flatMap(parts).sort().join() === '0,1,2,3' && members.every(m => parts(m).length > 0)
    })
    check(`${members.length} members share`, true)
  }
  async function leave () {
    const { c, stream, waiting } = members.shift()
    await stream.close()
    await Promise.all(waiting)
    await c.close(true)
  }
  for (let i = 0; i < 3; i++) {
    await join()
    await shared()
  }
  const d = (await admin.describeGroups({ groups: [groupId] })).get(groupId)
  same('describe groups', [d.state, d.members.size, d.protocolType], ['STABLE', 3, 'consumer'])
  for (let i = 0; i < 2; i++) {
    await leave()
    await shared()
  }
  await wait('all is read', () => sent.every(at => seen.has(at)))
  same('each record was read, without a gap', [...seen].sort(), sent.sort())
  await leave()
  const committed = async () => {
    const [g] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
    return g.topics[0].partitions.sort((a, b) => a.partitionIndex - b.partitionIndex).map(x => Number(x.committedOffset))
  }
  same('committed', await committed(), [0, 1, 2, 3].map(i => sent.filter(at => at.startsWith(`${i}/`)).length))
  await p.send({ messages: [{ topic, value: 'last', partition: 2 }] })
  const got = await take(topic, 1, 'a commit resumes', { mode: 'committed' }, { groupId })
  same('a commit resumes', got[0].value, 'last')
  await admin.alterConsumerGroupOffsets({
    groupId, topics: [{ name: topic, partitionOffsets: [{ partition: 1, offset: 3n }] }]
  })
  same('alter offsets', (await committed())[1], 3)
  check('the group is listed', (await admin.listGroups()).has(groupId))
  await admin.deleteConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionIndexes: [1] }] })
  same('delete offsets', (await committed()).length, 3)
  await admin.deleteGroups({ groups: [groupId] })
  check('the group is deleted', !(await admin.listGroups()).has(groupId))
  await p.close()
}

async function transactions () {
  const topic = name('txn')
  const source = name('txn-in')
  await create(topic, 2)
  await create(source)
  const p = producer({ idempotent: true, transactionalId: name('txn'), retries: 50, retryDelay: 50 })
  const send = (t, n) => t.send({
    messages: Array.from({ length: 10 }, (_, i) => ({ topic, value: `${n}-${i}`, partition: i % 2 }))
  })
  const committed = { isolationLevel: FetchIsolationLevels.READ_COMMITTED }
  const uncommitted = { isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED }
  // This version of the client shows aborted records to everybody: what it can
  // show is that a transaction under way stays hidden.
  let t = await p.beginTransaction()
  await send(t, 0)
  await t.commit()
  t = await p.beginTransaction()
  await send(t, 1)
  await take(topic, 10, 'read_committed, one under way', undefined, committed)
  await take(topic, 20, 'read_uncommitted, one under way', undefined, uncommitted)
  await t.commit()
  await take(topic, 20, 'read_committed', undefined, committed)
  t = await p.beginTransaction()
  await send(t, 2)
  await t.abort()
  const one = producer()
  await one.send({ messages: Array.from({ length: 5 }, (_, i) => ({ topic: source, value: String(i) })) })
  await one.close()
  const groupId = name('txn')
  const c = consumer(groupId)
  const stream = await c.consume({ topics: [source], mode: 'earliest' })
  const batch = []
  stream.on('data', m => batch.push(m))
  await wait('read to change', () => batch.length === 5)
  for (const commit of [false, true]) {
    t = await p.beginTransaction()
    await t.addConsumer(c)
    await t.send({ messages: [{ topic, value: 'more', partition: 0 }] })
    await t.addOffset(batch[4])
    await (commit ? t.commit() : t.abort())
    const at = async () =>
      (await c.listCommittedOffsets({ topics: [{ topic: source, partitions: [0] }] })).get(source)[0]
    if (commit) await wait('the offsets of a transaction', async () => await at() === 5n)
    same(`offsets of a transaction, ${commit}`, await at(), commit ? 5n : -1n)
  }
  await stream.close()
  await c.close(true)
  await p.close()
}

await tour(async address => {
  base = { clientId: 'tour', bootstrapBrokers: [address], retries: 20, retryDelay: 50, metadataMaxAge: 2000 }
  admin = new Admin(base)
  await topics()
  await codecs()
  await positions()
  await middle()
  await groups()
  await transactions()
})
