package httpsig_test

import (
	"bytes"
	"fmt"
	"time"

	"zhenni/gateway/httpsig"
)

// A relying party signs a request by its session key, and the service verifies it.
func Example() {
	signer, err := httpsig.NewHMACSigner("session-17", bytes.Repeat([]byte{1}, httpsig.MinSecret))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := &httpsig.Request{
		Method: []byte("POST"), Authority: []byte("id.example"), TLS: true, Path: []byte("/v1/verifications"),
		Fields: []httpsig.Field{{Name: "content-type", Value: []byte("application/json")}},
		Body:   []byte(`{}`),
	}
	stamp := httpsig.Stamp{Created: time.Unix(1_700_000_000, 0), Nonce: "dGhlLWZpcnN0LW5vbmNl"}
	if err := signer.Sign(r, stamp); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Content-Digest: %s\nSignature-Input: %s\n", r.ContentDigest, r.SignatureInput)

	var claim httpsig.Claim
	if err := claim.Parse(r, stamp.Created.Add(time.Second)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, to be remembered until %s\n", claim.Nonce, claim.Until().UTC().Format(time.RFC3339))
	fmt.Println(claim.Verify(signer.Key()))
	r.Path = []byte("/v1/credentials")
	if err := claim.Parse(r, stamp.Created); err == nil {
		fmt.Println(claim.Verify(signer.Key()))
	}
	// Output:
	// Content-Digest: sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:
	// Signature-Input: sig=("@method" "@authority" "@path" "@query" "content-digest" "content-type");created=1700000000;nonce="dGhlLWZpcnN0LW5vbmNl";keyid="session-17";tag="zhenni"
	// dGhlLWZpcnN0LW5vbmNl, to be remembered until 2023-11-14T22:14:20Z
	// <nil>
	// httpsig: wrong signature: Signature: not made by the key over this request
}
