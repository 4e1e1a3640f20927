// Package capacity finds the settings under which a system answers most, and says from few measurements what another load
// would need. It knows no server: what it measures comes through interfaces of its own.
//
//	sweep.go    knobs turned one at a time, measured in rounds, settings that are clearly worse abandoned early
//	law.go      throughput against shards: the universal scalability law
//	fit.go      lines through measured costs, and what a memory read costs once rows outgrow the cache
//	profile.go  what one verification and one credential cost, and the file that keeps it
//	plan.go     what a demand needs: pure arithmetic on a profile, every assumption in words
//	sample.go   the measurements a profile is fitted to, and held against
//	reshard.go  the latency before, while and after the number of shards changes under load
//
// # Sweep
//
// A reading of a setting is short, and readings of a shared machine drift. So the settings of one knob are read once a
// round, in an order that rotates, and the model is log(rate) = setting + round + noise: a machine that slows down slows a
// whole round. After every round from the second on, the noise is pooled over the settings still in the race, and one is
// abandoned when it lies below the best by more than the one-sided t-interval of a difference of two means, at
// [Confidence] divided among the settings compared and the looks taken (Bonferroni). At the end the setting it started
// with is kept unless it was abandoned: a change has to pay.
package capacity
