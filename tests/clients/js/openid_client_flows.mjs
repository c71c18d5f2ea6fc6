// Flows of openid-client: openid_client_flows.mjs FLOW DEPLOYMENT.

import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { callbackOf, expectCalled, expectRefused, run } from './deployment.mjs'

const confidential = (at) => new client.Configuration(at.server, at.client.id, at.client.secret)
const withPublic = (at) => new client.Configuration(at.server, at.public_client, undefined, client.None())

/** Tokens by the authorization code grant with PKCE. */
async function logIn(at, config, extra = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: at.redirect_uri,
    scope: at.scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...extra,
  })
  const callback = await callbackOf(at, url)
  const checks = { pkceCodeVerifier: verifier, expectedState: state }
  const tokens = await client.authorizationCodeGrant(config, callback, checks)
  assert.equal(tokens.scope, at.scope)
  await call(at, config, tokens)
  return tokens
}

async function call(at, config, tokens) {
  await expectCalled(await client.fetchProtectedResource(config, tokens.access_token, new URL(at.api), 'GET'))
}

await run({
  code: (at) => logIn(at, confidential(at)),

  code_without_pkce: async (at) => {
    const config = confidential(at)
    const state = client.randomState()
    const url = client.buildAuthorizationUrl(config, { redirect_uri: at.redirect_uri, scope: at.scope, state })
    const tokens = await client.authorizationCodeGrant(config, await callbackOf(at, url), { expectedState: state })
    await call(at, config, tokens)
  },

  public_code: (at) => logIn(at, withPublic(at)),

  credentials_by_basic: (at) => {
    const basic = client.ClientSecretBasic(at.client.secret)
    return logIn(at, new client.Configuration(at.server, at.client.id, undefined, basic))
  },

  denied: async (at) => {
    const tried = logIn(at, confidential(at), { login_hint: 'nobody' })
    await assert.rejects(tried, (error) => error instanceof client.AuthorizationResponseError && error.error === 'access_denied')
  },

  client_credentials: async (at) => {
    const config = confidential(at)
    const tokens = await client.clientCredentialsGrant(config, { scope: at.scope })
    assert.equal(tokens.refresh_token, undefined)
    await call(at, config, tokens)
    const impostor = new client.Configuration(at.server, at.client.id, 'not-the-secret')
    // A 401 with a challenge is an error of its own kind in this library.
    await assert.rejects(client.clientCredentialsGrant(impostor), (error) =>
      error instanceof client.ResponseBodyError ? error.error === at.wrong_secret : error instanceof client.WWWAuthenticateChallengeError)
  },

  refresh: async (at) => {
    const config = confidential(at)
    const before = await logIn(at, config)
    const after = await client.refreshTokenGrant(config, before.refresh_token)
    assert.notEqual(after.access_token, before.access_token)
    assert.notEqual(after.refresh_token, before.refresh_token)
    await call(at, config, after)
    await expectRefused(at, before.access_token)
  },

  revoke: async (at) => {
    const config = confidential(at)
    const tokens = await logIn(at, config)
    for (const kind of ['access_token', 'refresh_token']) {
      await client.tokenRevocation(config, tokens[kind], { token_type_hint: kind })
      await expectRefused(at, tokens.access_token)
    }
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
  },

  password: async (at) => {
    const config = confidential(at)
    const pair = { username: at.person.name, password: at.person.password }
    const tokens = await client.genericGrantRequest(config, 'password', pair)
    await call(at, config, tokens)
    await call(at, config, await client.refreshTokenGrant(config, tokens.refresh_token))
    const guess = client.genericGrantRequest(config, 'password', { ...pair, password: 'guessed' })
    await assert.rejects(guess, { error: at.wrong_password })
  },
})
