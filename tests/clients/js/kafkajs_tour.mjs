// SPDX-License-Identifier: Apache-2.0
// The tour of kafkajs. usage: node kafkajs_tour.mjs HOST:PORT
import { createRequire } from 'node:module'
import { check, half, nap, name, refused, same, tour, wait } from './tour.mjs'

const require = createRequire(import.meta.url)
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require('kafkajs')
const zstd = require('@bokuweb/zstd-wasm')
const { lz4Compress, lz4Decompress } = await import('@platformatic/wasm-utils')

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
await zstd.init()
const codec = (compress, decompress) => () => ({
  compress: async encoder => Buffer.from(compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(decompress(buffer))
})
CompressionCodecs[CompressionTypes.LZ4] = codec(lz4Compress, lz4Decompress)
CompressionCodecs[CompressionTypes.ZSTD] = codec(zstd.compress, zstd.decompress)

let kafka, admin

const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 100 }
const create = (topic, numPartitions = 1, configEntries = []) =>
  admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true })

function consumer (groupId, more = {}) {
  return kafka.consumer({
    groupId, sessionTimeout: 10000, heartbeatInterval: 300, maxWaitTimeInMs: 100, retry, ...more
  })
}

// Runs a consumer until n records are there, then stops it.
async function take (topic, n, what, more = {}, where = {}) {
  const got = []
  const c = consumer(where.groupId ?? name(`group-${Math.random()}`), more)
  await c.connect()
  await c.subscribe({ topic, fromBeginning: true })
  await c.run({
    autoCommit: where.groupId !== undefined,
    eachMessage: async ({ partition, message }) => { got.push({ partition, ...message }) }
  })
  if (where.offset !== undefined) c.seek({ topic, partition: 0, offset: where.offset })
  await wait(`${what}: messages`, () => got.length >= n)
  await nap(150)
  await c.disconnect()
  same(`${what}: messages`, got.length, n)
  return got
}

async function topics () {
  const topic = name('admin')
  await create(topic, 2, [{ name: 'retention.ms', value: '3600000' }])
  same('create again', await create(topic), false)
  const config = async () => {
    const r = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] })
    return Object.fromEntries(r.resources[0].configEntries.map(c => [c.configName, c.configValue]))
  }
  same('describe: retention.ms', (await config())['retention.ms'], '3600000')
  await admin.alterConfigs({
    resources: [{
      type: ConfigResourceTypes.TOPIC, name: topic,
      configEntries: [{ name: 'retention.ms', value: '7200000' }, { name: 'max.message.bytes', value: '5000' }]
    }]
  })
  await wait('alter', async () => (await config())['retention.ms'] === '7200000')
  check('alter configs', true)
  const p = kafka.producer({ retry: { retries: 0 } })
  await p.connect()
  await refused('a record of more than max.message.bytes', 'MESSAGE_TOO_LARGE', () =>
    p.send({ topic, messages: [{ value: 'x'.repeat(20000) }] }))
  await p.disconnect()
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  await wait('grow', async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === 5)
  check('create partitions', true)
  await admin.deleteTopics({ topics: [topic] })
  await wait('delete', async () => !(await admin.listTopics()).includes(topic))
  check('delete topic', true)
  const cluster = await admin.describeCluster()
  check('describe cluster', cluster.brokers.length === 1 && cluster.controller === cluster.brokers[0].nodeId, cluster)
}

async function codecs () {
  for (const [what, compression] of Object.entries(CompressionTypes)) {
    for (const acks of [0, 1, -1]) {
      const topic = name(`${what}-${acks}`)
      await create(topic)
      const stamp = Date.now() - 5000
      const messages = Array.from({ length: 100 }, (_, i) => ({
        key: i % 3 === 0 ? null : `key ${i}`,
        value: i % 7 === 0 ? null : `value ${i} `.repeat(20),
        timestamp: String(stamp + i),
        headers: { h: String(i), empty: '' },
        partition: 0
      }))
      const p = kafka.producer({ retry })
      await p.connect()
      await p.send({ topic, acks, compression, messages })
      await p.disconnect()
      const label = `${what} acks=${acks}`
      const got = await take(topic, 100, label)
      same(`${label}: contents`, got.map(m => ({
        key: m.key && String(m.key),
        value: m.value && String(m.value),
        timestamp: m.timestamp,
        headers: Object.fromEntries(Object.entries(m.headers).map(([k, v]) => [k, String(v)])),
        partition: m.partition
      })), messages)
      same(`${label}: offsets`, got.map(m => m.offset), messages.map((_, i) => String(i)))
    }
  }
}

async function positions () {
  const topic = name('positions')
  await create(topic)
  const stamp = 1600000000000
  const p = kafka.producer({ retry })
  await p.connect()
  await p.sendBatch({
    topicMessages: [{
      topic,
      messages: Array.from({ length: 50 }, (_, i) => ({ value: String(i), timestamp: String(stamp + i * 1000) }))
    }]
  })
  await p.disconnect()
  same('topic offsets', await admin.fetchTopicOffsets(topic), [{ partition: 0, offset: '50', high: '50', low: '0' }])
  same('by timestamp', await admin.fetchTopicOffsetsByTimestamp(topic, stamp + 30500), [{ partition: 0, offset: '31' }])
  same('by a late timestamp', await admin.fetchTopicOffsetsByTimestamp(topic, stamp + 1e9), [{ partition: 0, offset: '50' }])
  const got = []
  const c = consumer(name('positions'))
  await c.connect()
  await c.subscribe({ topic })
  await c.run({ autoCommit: false, eachMessage: async ({ message }) => { got.push(message.offset) } })
  c.seek({ topic, partition: 0, offset: '20' })
  await wait('from an offset', () => got.length >= 30)
  same('from an offset', got, Array.from({ length: 30 }, (_, i) => String(20 + i)))
  await c.disconnect()
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] })
  await wait('delete records', async () => (await admin.fetchTopicOffsets(topic))[0].low === '10')
  check('delete records', true)
}

async function middle () {
  const topic = name('middle')
  await create(topic, 3)
  const p = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry })
  await p.connect()
  const seen = new Map()
  const c = consumer(name('middle'))
  await c.connect()
  await c.subscribe({ topic, fromBeginning: true })
  await c.run({
    eachMessage: async ({ partition, message }) => { seen.set(`${partition}/${message.offset}`, String(message.value)) }
  })
  // One at a time: kafkajs takes only one request of an idempotent producer.
  const acked = []
  let last = Promise.resolve()
  const n = await half(i => {
    last = last.then(async () => {
      const [r] = await p.send({ topic, acks: -1, messages: [{ key: `k${i % 10}`, value: String(i) }] })
      acked.push([`${r.partition}/${r.baseOffset}`, String(i)])
    })
  })
  await last
  same('through the middle: acknowledged', acked.length, n)
  await wait('through the middle: read', () => acked.every(([at]) => seen.has(at)), 40)
  same('through the middle: what a group read', [...seen].sort(), acked.sort())
  await c.disconnect()
  await p.disconnect()
}

async function groups () {
  const topic = name('group')
  const groupId = name('group')
  await create(topic, 4)
  const p = kafka.producer({ retry })
  await p.connect()
  const seen = new Set()
  const sent = []
  const members = []
  async function join () {
    const c = consumer(groupId, { metadataMaxAge: 2000 })
    const member = { c, parts: [] }
    c.on(c.events.GROUP_JOIN, e => { member.parts = e.payload.memberAssignment[topic] ?? [] })
    await c.connect()
    await c.subscribe({ topic, fromBeginning: true })
    await c.run({
      partitionsConsumedConcurrently: 4,
      eachMessage: async ({ partition, message }) => { seen.add(`${partition}/${message.offset}`) }
    })
    members.push(member)
  }
  async function shared () {
    await wait(`${members.length} members share`, async () => {
      const r = await p.send({ topic, messages: [0, 1, 2, 3].map(partition => ({ value: 'x', partition })) })
      for (const { partition, baseOffset } of r) sent.push(`${partition}/${baseOffset}`)
      const all = members.flatMap(m => m.parts).sort()
      return all.join() === '0,1,2,3' && members.every(m => m.parts.length > 0)
    })
    check(`${members.length} members share`, true)
  }
  for (let i = 0; i < 3; i++) {
    await join()
    await shared()
  }
  const [d] = (await admin.describeGroups([groupId])).groups
  same('describe groups', [d.state, d.members.length, d.protocolType], ['Stable', 3, 'consumer'])
  for (let i = 0; i < 2; i++) {
    await members.shift().c.disconnect()
    await shared()
  }
  await wait('all is read', () => sent.every(at => seen.has(at)))
  same('each record was read, without a gap', [...seen].sort(), sent.sort())
  await members[0].c.disconnect()
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  same('committed', partitions.sort((a, b) => a.partition - b.partition).map(x => Number(x.offset)),
    [0, 1, 2, 3].map(i => sent.filter(at => at.startsWith(`${i}/`)).length))
  await p.send({ topic, messages: [{ value: 'last', partition: 2 }] })
  const got = await take(topic, 1, 'a commit resumes', {}, { groupId })
  same('a commit resumes', String(got[0].value), 'last')
  await admin.setOffsets({ groupId, topic, partitions: [{ partition: 1, offset: '3', metadata: 'a note \u20ac' }] })
  const [o] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const one = o.partitions.find(x => x.partition === 1)
  same('set offsets', one.offset, '3')
  check('the group is listed', (await admin.listGroups()).groups.some(g => g.groupId === groupId))
  await admin.deleteGroups([groupId])
  check('the group is deleted', !(await admin.listGroups()).groups.some(g => g.groupId === groupId))
  await p.disconnect()
}

async function commits () {
  const topic = name('manual')
  const groupId = name('manual')
  await create(topic)
  const p = kafka.producer({ retry })
  await p.connect()
  await p.send({ topic, messages: Array.from({ length: 10 }, (_, i) => ({ value: String(i) })) })
  await p.disconnect()
  const c = consumer(groupId)
  await c.connect()
  await c.subscribe({ topic, fromBeginning: true })
  let done = false
  await c.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      if (message.offset !== '6') return
      await c.commitOffsets([{ topic, partition: 0, offset: '7', metadata: 'by hand' }])
      done = true
    }
  })
  await wait('commit by hand', () => done)
  await c.disconnect()
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  same('commit by hand', [partitions[0].offset, partitions[0].metadata], ['7', 'by hand'])
}

async function transactions () {
  const topic = name('txn')
  const groupId = name('txn')
  await create(topic, 2)
  const p = kafka.producer({ transactionalId: name('txn'), idempotent: true, maxInFlightRequests: 1, retry })
  await p.connect()
  for (let n = 0; n < 4; n++) {
    const t = await p.transaction()
    await t.send({
      topic, messages: Array.from({ length: 10 }, (_, i) => ({ value: `${n}-${i}`, partition: i % 2 }))
    })
    await (n % 2 === 0 ? t.commit() : t.abort())
  }
  const got = await take(topic, 20, 'read_committed')
  check('committed transactions alone', got.every(m => /^[02]-/.test(String(m.value))))
  await take(topic, 40, 'read_uncommitted', { readUncommitted: true })
  const at = { consumerGroupId: groupId, topics: [{ topic, partitions: [{ partition: 0, offset: '5' }] }] }
  for (const commit of [false, true]) {
    const t = await p.transaction()
    await t.send({ topic, messages: [{ value: 'more', partition: 0 }] })
    await t.sendOffsets(at)
    await (commit ? t.commit() : t.abort())
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
    same(`offsets of a transaction, ${commit}`, partitions.filter(x => x.partition === 0).map(x => x.offset),
      [commit ? '5' : '-1'])
  }
  await p.disconnect()
}

await tour(async address => {
  kafka = new Kafka({ clientId: 'tour', brokers: [address], logLevel: logLevel.NOTHING, retry })
  admin = kafka.admin({ retry })
  await admin.connect()
  await topics()
  await codecs()
  await positions()
  await middle()
  await groups()
  await commits()
  await transactions()
})
