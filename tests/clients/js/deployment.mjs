// The deployment that a flow runs against, and the browser of its user.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/** What the test wrote to the file that it names on the command line. */
export function deployment() {
  const at = JSON.parse(readFileSync(process.argv[3], 'utf8'))
  at.server = {
    issuer: new URL(at.authorize).origin,
    authorization_endpoint: at.authorize,
    token_endpoint: at.token,
    revocation_endpoint: at.revoke,
  }
  return at
}

/** Follows redirects as a browser does, up to where it would call the client. */
export async function callbackOf(at, url) {
  for (let hop = 0; hop < 10; hop += 1) {
    const answer = await fetch(url, { redirect: 'manual' })
    const location = answer.headers.get('location')
    assert.ok(location, `the browser stays at ${url}: ${answer.status} ${await answer.text()}`)
    if (location.startsWith(at.redirect_uri)) return new URL(location)
    url = location
  }
  assert.fail(`the browser is sent in circles: ${url}`)
}

/** The API let the request through to its upstream. */
export async function expectCalled(answer) {
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  assert.equal(JSON.parse(text).target, '/called')
}

/** The API does not take the token. */
export async function expectRefused(at, token) {
  const answer = await fetch(at.api, { headers: { authorization: `Bearer ${token}` } })
  assert.ok([401, 403].includes(answer.status), `${answer.status} ${await answer.text()}`)
}

/** Runs the flow that the command line names. */
export async function run(flows) {
  const flow = flows[process.argv[2]]
  assert.ok(flow, `no flow ${process.argv[2]}`)
  await flow(deployment())
}
