// Package sandbox is the people of a server in which nobody is real, for who writes a client of its API: subjects that are known by what
// becomes of whoever asks about them. There is one for every end of a session, one for every problem that the API answers with, and some
// who are plain people. Their ids are the same in every sandbox; their keys are not.
//
// It makes what a store is filled with ([Town.Commands]) and the files that a developer is given ([Town.Write]), and plays the phones of the
// subjects ([Phones]): by the package holder over HTTP, so that a session with one takes the steps, signatures and evidence of any other.
package sandbox
