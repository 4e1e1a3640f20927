// Package actors hosts the engine: it spreads verifications over supervised shards, admits no more than it can hold,
// keeps one failing item from failing its neighbours, and changes the number of shards while it serves.
//
//	/node ── /shards ─┬─ 1-0   segments  0 … 31, one engine.Matcher
//	                  └─ 1-1   segments 32 … 63, one engine.Matcher
//
// The 64 segments of the engine's arena are the unit of ownership. A shard is an actor that owns some of them; nobody
// else reads or writes their rows while it does. The placement (segment → shard) is an immutable snapshot that
// [Node.SetShards] swaps whole.
//
// # A verification
//
// [Node.Verify] sorts the items of a batch by shard, takes an admission token for each item from every shard concerned
// or refuses the whole batch, sends messages of at most Config.MessageItems items, and waits for a countdown that the
// batch carries. There is no future and no reply message. Each part is answered exactly once, whatever happens to its
// shard, and gives its tokens back exactly once, so Admitted = Σ Outcomes + Expired as soon as nothing is in flight.
//
// # Models
//
// A node compares by several models beside each other ([Config.Beside]): a shard has a matcher for each, over an arena and a
// store of that model alone. A batch names its model, and [Node.Verify] chooses by that, once and nowhere else. What a shard
// knows besides rows is of the credential, whatever model is asked for: its failed attempts, its strikes; and a change is read
// again by every matcher before it is acknowledged.
//
// A batch of one may have a second probe, of a model of another factor ([zhenni.Batch.Also]). The shard compares both, whatever
// the first says, and leaves one outcome of the two before it counts: one attempt at the credential, where either missed it.
//
// # Failed attempts
//
// A shard holds the verdicts of a part against the attempts at their credentials ([zhenni.AttemptRules]) before anybody sees
// them, item by item in their order. As one shard decides all items of a credential, this is exact under any number of
// clients, and within a batch. An item whose credential is barred is compared with the reference all the same, and its
// outcome is overwritten with NoMatch: the work, and so the time, is that of every other item, which a comparison with a
// decoy would only come near to. Non-matches are counted where the engine had a reference to compare with, so no id that
// somebody made up takes memory; and not for tenants of evaluation.
//
// The counts lie with the segment, as rows do: they outlive a shard's restart and go to its successor. Every one that a
// batch changes comes back with it ([zhenni.Batch.Attempts]) under a version that grows over all restarts; whoever answers
// records it first, and gives the newest to the next node ([Config.Counted]). What is counted of a batch that is then not
// answered stays counted here, and is forgotten by a restart unless a later count of the credential is recorded. Memory is
// bounded by [Config.AttemptsHeld]; without room for a count there is no verdict.
//
// # Failure
//
// A panic is caught around the matcher; the items it left pending run one by one, the culprit is refused, and only then
// does the shard hand itself to its supervisor, which restarts it with its mailbox intact. The library's own limit on
// restarts is not used, because a shard that it stops loses its queue: a shard that panics too often instead refuses
// everything it is sent, says so through [Node.Ready], and rebuilds from the store after a pause.
package actors
