// Package ingress measures the HTTP layer beside what bounds it: every format that a server takes, closed and open loops, with
// the answers recorded and not, next to straw men that do less, and what happens to it under more than it can carry. It is a
// library: no flags, no globals, nothing printed.
//
//	press.go        questions in every format, sent and counted against the truth
//	straw.go        raw rows over HTTP, a node that decides nothing, a server in this process
//	cases.go        the measurements, in turns, and what of each other they should reach
//	experiment.go   overload, one hot credential, bulk beside singles
//	checks.go       everything checked around a verification, beside its primitives
//	checksready.go  the requests of that, made and signed ahead
//	primitives.go   what it can not do without
//	soak.go         hours of load, sampled
//	judge.go        whether the samples rise or fall
package ingress
