// Package webhook tells relying parties of their sessions at addresses of theirs: by the conventions of Standard Webhooks 1.0, at
// least once each, and never at an address inside.
//
// # Message
//
// A message is a POST of {"type", "timestamp", "data"} in JSON with three fields: Webhook-Id, which is the same however often the
// message is sent; Webhook-Timestamp, the second in which it is sent; and Webhook-Signature, "v1," and the base64 of HMAC-SHA256
// of id, timestamp and body with dots between them, once for each secret that is in force. A receiver checks it with [Verify]
// and remembers the id.
//
// # Queue
//
// What has to be told follows from the sessions as they are: see [owed]. The queue is in memory, bounded, and made again at each start
// and after it ran over; what is durable beside the sessions is what became of a message, under its id. So nothing is lost to a
// crash, and what was told before one is told again only where the crash came between the answer and its record.
//
// A message that is not taken with a status of 2xx is sent again after 5 s, 1 min, 5 min, 30 min, 2 h, 6 h and 12 h, each time after a
// moment drawn from all of the pause; then, or 22 hours after what it tells, it is a dead letter, kept for a week. An endpoint that failed
// five times in a row rests for longer and longer, and is then tried with one message. 410 ends it.
//
// # Addresses
//
// Where messages go is an operator's to say: a party changes its address only among the hosts that it was given. A host is
// resolved once for each connection; all its addresses have to be public, or in a network that the operator allows, and it is one
// of those that is connected to. No proxy, no redirect, no cookie; nothing of an answer is kept but its status.
//
// Pings of OpenID CIBA ([Client.Ping]) go by the same rules. When they are sent, and again, is package gateway's.
package webhook
