// A relying party that asks by CIBA with openid-client: node client.mjs '{"issuer":…,"client":…,"key":PEM file,"jwk":file,…}'.
// It writes a line of JSON for each thing it comes to know, and with "ping" waits for a line before it collects.
import { readFileSync } from 'node:fs'
import { createPrivateKey } from 'node:crypto'
import { createInterface } from 'node:readline'
import * as openid from 'openid-client'

const asked = JSON.parse(process.argv[2])
const say = (what) => console.log(JSON.stringify(what))

const jwk = JSON.parse(readFileSync(asked.jwk, 'utf8'))
const der = createPrivateKey(readFileSync(asked.key)).export({ type: 'pkcs8', format: 'der' })
const algorithm = jwk.kty === 'OKP' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])

const config = await openid.discovery(new URL(asked.issuer), asked.client, undefined, openid.PrivateKeyJwt({ key, kid: jwk.kid }))
openid.enableNonRepudiationChecks(config) // verifies the signature of the ID token by jwks_uri
say({ issuer: config.serverMetadata().issuer })

const request = { scope: asked.scope, login_hint: asked.hint, binding_message: asked.message, requested_expiry: '60' }
if (asked.ping) request.client_notification_token = asked.ping
const waiting = await openid.initiateBackchannelAuthentication(config, request)
say({ auth_req_id: waiting.auth_req_id, expires_in: waiting.expires_in, interval: waiting.interval })

if (asked.ping) {
  for await (const _ of createInterface({ input: process.stdin })) break // the ping came
}
try {
  const tokens = await openid.pollBackchannelAuthenticationGrant(config, waiting, undefined, { signal: AbortSignal.timeout(50_000) })
  say({ claims: tokens.claims(), token_type: tokens.token_type })
  try {
    await openid.genericGrantRequest(config, 'urn:openid:params:grant-type:ciba', { auth_req_id: waiting.auth_req_id })
    say({ again: 'given' })
  } catch (e) {
    say({ again: e.error })
  }
} catch (e) {
  say({ error: e.error ?? String(e) })
}
