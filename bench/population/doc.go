// Package population makes people who do not exist, as many as a country has, and the questions that a day brings about
// them. Subject i, its credential and every capture of it are functions of a seed and of i: nothing is held, anything can be
// made in any order, on any machine, by several goroutines at once.
//
//	population.go    how many, whose, under which credential
//	likeness.go      how alike two captures are: a model with parameters
//	fitted.go        the parameters, fitted to published embeddings, with the error of the fit
//	skew.go          whom the questions are about
//	question.go      what is asked, and what the answer must be
//
// # Model
//
// An embedding is a unit vector with three parts that are orthogonal:
//
//	capture = a·m + √(1−a²)·(r·v + √(1−r²)·e)
//
// m is the direction all captures of an encoder share; a, drawn once a person, is how near to it the person lies. v is the
// person: a vector of independent elements whose spread falls along the elements, w(k) = 1/(1+k/decay), with a share in
// common with the others of its group. e is drawn once a capture as v is. The reference of a person has r = 1. The cosine of a
// probe with it, c = a² + (1−a²)·r, is drawn first and r follows: c is a cubic of a normal deviate (Fleishman's power method,
// Psychometrika 43, 1978), part of which belongs to the person, or, for a small share of poor captures, a normal of its own.
// So location, spread and lower tail of the mated scores are parameters, and the non-mated scores follow from a, the decay and
// the groups.
//
// What is not modelled: pairs of look-alikes (twins), so that the errors of one pair of persons are less alike than in the data;
// and references of different quality.
package population
