package holder_test

import (
	"fmt"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/holder"
)

// A phone shows its face to a hotel: what leaves it is rotated, and it signs that it is the one of the credential, for this
// capture and this check-in.
func Example() {
	phone, err := holder.NewPhone(zhenni.KeyEd25519)
	if err != nil {
		fmt.Println(err)
		return
	}
	phone.Credential = zhenni.CredentialID{15: 7} // as the issue said

	captured := []float32{0.6, -0.2, 0.1, 0.7, 0.3, 0.1} // by a capture.Extractor
	rotated, err := phone.Rotate(captured, zhenni.Model{ID: "face-1", Dim: len(captured), Factor: zhenni.FactorFace})
	if err != nil {
		fmt.Println(err)
		return
	}
	probe, err := holder.NewProbe(rotated)
	if err != nil {
		fmt.Println(err)
		return
	}
	question := holder.Question{Credential: phone.Credential, Capture: probe.Digest(), Transaction: "check-in-1", Party: "hotel"}
	now := time.Unix(1_700_000_000, 0)
	token, err := phone.Possession(question, now)
	if err != nil {
		fmt.Println(err)
		return
	}

	seen, err := evidence.Open(token, phone.Public(), evidence.Expected{
		Subject: phone.Credential, Capture: probe.Digest(), Transaction: "check-in-1", Party: "hotel", MaxAge: time.Minute,
	}, now)
	fmt.Println(len(rotated), seen.Kind, err)
	// Output: 8 possession <nil>
}
