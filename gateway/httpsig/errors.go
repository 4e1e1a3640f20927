package httpsig

import (
	"errors"
	"fmt"
)

// Errors of a signature, in the order in which they occur. They wrap into a text that names the field and what is wrong
// with it, and no value. Of keys that can not be made there is [zhenni.ErrBadValue].
var (
	// ErrSyntax: a field or a part of the request is not in the one form that is read, or beyond its bound.
	ErrSyntax = errors.New("httpsig: malformed signature")
	// ErrProfile: the signature can be read, and is not one of the profile: a component or a parameter is missing or is
	// not taken.
	ErrProfile = errors.New("httpsig: signature outside the profile")
	// ErrTime: the time is outside the signature's window.
	ErrTime = errors.New("httpsig: signature out of time")
	// ErrKey: the signature names another key than the one it is to be verified with, or another algorithm than the key's.
	ErrKey = errors.New("httpsig: not the key of the signature")
	// ErrDigest: the body is not the one the digest was made of, or the digest is of an algorithm that is not taken.
	ErrDigest = errors.New("httpsig: digest of the body")
	// ErrSignature: the signature was not made by the key over this request.
	ErrSignature = errors.New("httpsig: wrong signature")
)

// The names of the fields, as errors tell them.
const (
	inputField     = "Signature-Input"
	signatureField = "Signature"
	digestField    = "Content-Digest"
)

// refuse is the error of a group that tells where something is wrong, and what.
func refuse(group error, where, fault string) error {
	return fmt.Errorf("%w: %s: %s", group, where, fault)
}
