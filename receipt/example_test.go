package receipt_test

import (
	"errors"
	"fmt"

	"zhenni"
	"zhenni/receipt"
)

// A relying party checks a result by the key that the service publishes, and for itself: what was said to another says
// nothing to it.
func ExampleVerify() {
	const jwks = `{"keys":[{"crv":"Ed25519","kty":"OKP","x":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","kid":"UDDReOZl1ipXAfp9wYsm13sDBMK5og--QWdBjzuf6o4","use":"sig","alg":"EdDSA"}]}`
	const result = "eyJhbGciOiJFZERTQSIsImtpZCI6IlVERFJlT1psMWlwWEFmcDl3WXNtMTNzREJNSzVvZy0tUVdkQmp6dWY2bzQiLCJ0eXAiOiJ6aGVubmktcmVzdWx0K2p3dCJ9." +
		"eyJpc3MiOiJodHRwczovL3poZW5uaS5leGFtcGxlIiwiYXVkIjoiYmFuayIsImlhdCI6MTcwMDAwMDAwMCwidHhuIjoidC0xIiwi" +
		"cHJvZmlsZSI6IjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZmIiwib3V0Y29tZSI6Im1hdGNoIiwic3ViIjoiQndjSEJ3" +
		"Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3YyIsImFjciI6ImxpdGUiLCJhbXIiOlsiZmFjZSJdLCJsb2dfaW5k" +
		"ZXgiOjB9" +
		".Xm_283IgyGHAKVNgJqOFXGuwfK2nRHuok1Pf_uqbubeS_txiB-jgS6iAi41dxXdW7jLF3FT-RmGdDkGXt59dDA"
	keys, err := receipt.ParseKeys([]byte(jwks))
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := receipt.Verify(result, keys, receipt.Expectations{Audience: "bank", Real: true})
	fmt.Println(claims.Outcome.Verdict(), claims.Level, claims.Methods, err)
	_, err = receipt.Verify(result, keys, receipt.Expectations{Audience: "hotel"})
	fmt.Println(errors.Is(err, zhenni.ErrBadResult), err)
	// Output:
	// match lite [face] <nil>
	// true zhenni: bad result: it was made for bank, not for hotel
}
