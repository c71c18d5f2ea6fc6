// Flows of client-oauth2: client_oauth2_flows.mjs FLOW DEPLOYMENT.

import assert from 'node:assert/strict'
import ClientOAuth2 from 'client-oauth2'
import { callbackOf, expectCalled, run } from './deployment.mjs'

const application = (at, extra = {}) => new ClientOAuth2({
  clientId: at.client.id,
  authorizationUri: at.authorize,
  redirectUri: at.redirect_uri,
  scopes: at.scope.split(' '),
  state: 's+t&a=t%e',
  ...extra,
})

await run({
  implicit: async (at) => {
    const library = application(at)
    const token = await library.token.getToken((await callbackOf(at, library.token.getUri())).href)
    assert.equal(token.tokenType, 'bearer')
    assert.equal(token.refreshToken, undefined)
    assert.equal(token.data.scope, at.scope)
    const seconds = (token.expires - Date.now()) / 1000
    assert.ok(seconds > 3000 && seconds <= 3600, `it expires in ${seconds} s`)
    const { url, headers } = token.sign({ method: 'GET', url: at.api })
    await expectCalled(await fetch(url, { headers }))
    // An answer to another request is none to this one.
    const other = application(at, { state: 'another' })
    await assert.rejects(other.token.getToken((await callbackOf(at, library.token.getUri())).href), /Invalid state/)
  },

  denied: async (at) => {
    const library = application(at, { query: { login_hint: 'nobody' } })
    const tried = library.token.getToken((await callbackOf(at, library.token.getUri())).href)
    await assert.rejects(tried, (error) => error.code === 'EAUTH' && error.body.error === 'access_denied')
  },
})
