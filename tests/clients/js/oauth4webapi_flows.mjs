// Flows of oauth4webapi: oauth4webapi_flows.mjs FLOW DEPLOYMENT.

import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { callbackOf, expectCalled, expectRefused, run } from './deployment.mjs'

const confidential = (at) => [{ client_id: at.client.id }, oauth.ClientSecretBasic(at.client.secret)]
const withPublic = (at) => [{ client_id: at.public_client }, oauth.None()]

/** Tokens by the authorization code grant with PKCE. */
async function logIn(at, [client, authentication], extra = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(at.server.authorization_endpoint)
  const parameters = {
    client_id: client.client_id,
    redirect_uri: at.redirect_uri,
    response_type: 'code',
    scope: at.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...extra,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const callback = oauth.validateAuthResponse(at.server, client, await callbackOf(at, url), state)
  const answer = await oauth.authorizationCodeGrantRequest(
    at.server, client, authentication, callback, at.redirect_uri, verifier,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(at.server, client, answer)
  assert.equal(tokens.scope, at.scope)
  await call(at, tokens)
  return tokens
}

async function refreshed(at, [client, authentication], token) {
  const answer = await oauth.refreshTokenGrantRequest(at.server, client, authentication, token)
  return oauth.processRefreshTokenResponse(at.server, client, answer)
}

async function call(at, tokens) {
  await expectCalled(await oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(at.api)))
}

await run({
  code: (at) => logIn(at, confidential(at)),

  // What the library allows only when it is told so by name.
  code_without_pkce: async (at) => {
    const [client, authentication] = confidential(at)
    const state = oauth.generateRandomState()
    const url = new URL(at.server.authorization_endpoint)
    const parameters = { client_id: client.client_id, redirect_uri: at.redirect_uri, response_type: 'code', scope: at.scope, state }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    const callback = oauth.validateAuthResponse(at.server, client, await callbackOf(at, url), state)
    const answer = await oauth.authorizationCodeGrantRequest(
      at.server, client, authentication, callback, at.redirect_uri, oauth.nopkce,
    )
    await call(at, await oauth.processAuthorizationCodeResponse(at.server, client, answer))
  },

  public_code: (at) => logIn(at, withPublic(at)),

  credentials_in_the_body: (at) => logIn(at, [{ client_id: at.client.id }, oauth.ClientSecretPost(at.client.secret)]),

  denied: async (at) => {
    const tried = logIn(at, confidential(at), { login_hint: 'nobody' })
    await assert.rejects(tried, (error) => error instanceof oauth.AuthorizationResponseError && error.error === 'access_denied')
  },

  client_credentials: async (at) => {
    const [client, authentication] = confidential(at)
    const parameters = new URLSearchParams({ scope: at.scope })
    const ask = async (method) => {
      const answer = await oauth.clientCredentialsGrantRequest(at.server, client, method, parameters)
      return oauth.processClientCredentialsResponse(at.server, client, answer)
    }
    const tokens = await ask(authentication)
    assert.equal(tokens.refresh_token, undefined)
    await call(at, tokens)
    // A 401 with a challenge is an error of its own kind in this library.
    await assert.rejects(ask(oauth.ClientSecretPost('not-the-secret')), (error) =>
      error instanceof oauth.ResponseBodyError ? error.error === at.wrong_secret : error instanceof oauth.WWWAuthenticateChallengeError)
  },

  refresh: async (at) => {
    const before = await logIn(at, confidential(at))
    const after = await refreshed(at, confidential(at), before.refresh_token)
    assert.notEqual(after.access_token, before.access_token)
    assert.notEqual(after.refresh_token, before.refresh_token)
    await call(at, after)
    await expectRefused(at, before.access_token)
  },

  revoke: async (at) => {
    const [client, authentication] = confidential(at)
    const tokens = await logIn(at, [client, authentication])
    for (const kind of ['access_token', 'refresh_token']) {
      const parameters = { additionalParameters: { token_type_hint: kind } }
      const answer = await oauth.revocationRequest(at.server, client, authentication, tokens[kind], parameters)
      await oauth.processRevocationResponse(answer)
      await expectRefused(at, tokens.access_token)
    }
    await assert.rejects(refreshed(at, [client, authentication], tokens.refresh_token), { error: 'invalid_grant' })
  },

  // The library leaves this grant to its generic request.
  password: async (at) => {
    const [client, authentication] = confidential(at)
    const ask = async (password) => {
      const pair = { username: at.person.name, password }
      const answer = await oauth.genericTokenEndpointRequest(at.server, client, authentication, 'password', pair)
      return oauth.processGenericTokenEndpointResponse(at.server, client, answer)
    }
    const tokens = await ask(at.person.password)
    await call(at, tokens)
    await call(at, await refreshed(at, confidential(at), tokens.refresh_token))
    await assert.rejects(ask('guessed'), { error: at.wrong_password })
  },
})
