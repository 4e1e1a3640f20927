// Package bench asks a server as its users do and measures how it answers: a client for every wire format, closed and
// open loops of load, drills whose answers are known, and lists of trials run end to end. It is a library: it has no
// flags and no globals, and prints nothing.
//
//	client.go, verify.go, enrol.go   one connection, its requests and what their answers mean
//	ready.go                         requests made, and signed, before they are sent
//	arrow.go                         request bodies in columns, written once and sent many times
//	load.go                          closed and open loops, latencies without coordinated omission
//	drill.go, driver.go              questions about synthetic people, counted against the truth
//	transport.go                     the same load beside a server that only reads and answers
//	endtoend.go                      one list of trials by every way of asking
//
// Packages below it make populations and questions about them (population), measure the HTTP layer (ingress), read labelled
// files (labelled), run evaluations on all cores (evaluation), keep and compare what was measured (result) and draw reports
// (report).
package bench
