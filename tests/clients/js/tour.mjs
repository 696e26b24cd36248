// SPDX-License-Identifier: Apache-2.0
// What the tours in JavaScript share: checks with a line each, deadlines, and
// the middle of a tour, where the broker may be killed and started again.
import { existsSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual, inspect } from 'node:util'

const timeout = Number(process.env.TOUR_TIMEOUT ?? 60) * 1000
const run = `${Date.now()}-${process.pid}`
let passed = 0

export const name = what => `tour-${run}-${what}`
export const nap = ms => new Promise(resolve => setTimeout(resolve, ms))

export function fail (what, expected, seen) {
  console.log(`FAIL ${what}\n  expected: ${expected}\n  seen:     ${seen}`)
  process.exit(1)
}

export function check (what, good, seen = '') {
  if (!good) fail(what, 'it holds', inspect(seen))
  passed++
  console.log(`ok ${what}`)
}

export function same (what, seen, expected) {
  if (!isDeepStrictEqual(seen, expected)) {
    fail(what, inspect(expected).slice(0, 1500), inspect(seen).slice(0, 1500))
  }
  passed++
  console.log(`ok ${what}`)
}

export async function wait (what, condition, seconds = 30) {
  const end = Date.now() + seconds * 1000
  while (!await condition()) {
    if (Date.now() > end) fail(what, `within ${seconds} s`, 'still not')
    await nap(20)
  }
}

// The error's type or name when the call fails.
export async function refused (what, expected, call) {
  let seen = 'no error'
  try {
    await call()
  } catch (error) {
    seen = inspect(error, { depth: 6 })
  }
  check(what, seen.includes(expected), seen)
}

// Calls produce(i) for a while. With TOUR_HALF in the environment until that
// file, made here, is taken away: meanwhile the broker is killed and restarted.
export async function half (produce) {
  const path = process.env.TOUR_HALF
  const end = Date.now() + (path ? timeout : 500)
  if (path) writeFileSync(path, '')
  let i = 0
  while (Date.now() < end && (!path || existsSync(path))) {
    produce(i++)
    await nap(10)
  }
  if (path && existsSync(path)) fail('the middle', 'the broker is started again', 'it is not')
  for (let n = 0; n < 10; n++) produce(i++)
  return i
}

export async function tour (main) {
  if (process.argv.length !== 3) {
    console.error(`usage: ${process.argv[1]} HOST:PORT`)
    process.exit(2)
  }
  setTimeout(() => fail('the tour', `it ends within ${timeout / 1000} s`, 'it does not'), timeout)
  try {
    await main(process.argv[2])
  } catch (error) {
    fail('the tour', 'no error', inspect(error, { depth: 6 }))
  }
  console.log(`${passed} checks passed`)
  process.exit(0)
}
