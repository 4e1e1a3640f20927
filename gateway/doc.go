// Package gateway is the HTTP ingress: it listens, refuses what is malformed, authenticates, decodes, asks a [Node]
// and encodes its answer. It decides nothing about persons.
//
// A request passes these places in order, each of which can only refuse it:
//
//	listener.go   connections are counted, in all and by address
//	conn.go       the head is read whole, under a deadline, and checked before fasthttp sees a byte of it
//	guard.go      the rules a head must keep: one framing, one host, one spelling
//	server.go     the route and the transaction id
//	authentication.go   the relying party, by API key, signature or client certificate, and its role
//	signature.go, session.go   the head of a signed request, and that it is the first with its nonce
//	body.go       the body is read once into memory that the gateway owns and lends to the node, and is the one signed
//	verification.go, batch.go, enrolment.go, credential.go    what the route does
//	issue.go, prove.go    a credential for a subject, and the face that is proved before the app gets one
//	policy.go, evidence.go    a verification for a service: who may ask, on which evidence
//	also.go       one with a probe of each of two factors
//	unprobed.go, pin.go   one without a probe, by what is held and a PIN; and how a PIN is set
//	bothfactors.go        one with both; pinrenewal.go makes a PIN anew at its use
//	transaction.go   a verification is recorded before it is answered, and a transaction sent again is not run again
//	quota.go      its items are counted against the party's quota
//	operator.go, partychange.go, ownparty.go    relying parties, as an operator keeps them and each its own keys: registry.go
//	personbegin.go, persons.go, personshare.go    persons who ask each other; inbox.go holders who ask for themselves
//	ciba.go       sessions for clients of OpenID Connect: cibaclient.go who asks, cibaask.go and cibatoken.go what, cibaping.go tells
//	receipt.go    what is answered is signed, where that is asked for
//	problem.go    the one place where an error becomes a status and a text
//
// A signed request is nobody's until its body was read and found to be the one that was signed: rq.party is zero before, and
// a handler that answers without reading the body answers nothing. So the proof is in two halves, and a handler can leave
// out neither. Each half costs a stranger's request no more than it has to: package httpsig says what is done in which order.
//
// What runs the process is served apart, on a unix socket (admin.go), and the metrics there and on a listener of their own
// (exposition.go). What keeps relying parties is served on that socket, and to operators who sign on another listener, if
// there is one (operator.go). All of it is absent from the public listener.
package gateway
