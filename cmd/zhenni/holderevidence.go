package main

import (
	"crypto/sha256"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// questionFlags say what evidence is about, and for whom.
type questionFlags struct {
	Probe       string `type:"path" placeholder:"FILE" help:"The capture as it is sent: float32, the least significant byte first. Without it the evidence is about a verification without a probe."`
	SealedPIN   string `name:"sealed-pin" placeholder:"TEXT" help:"Without a probe: the sealed PIN as it is sent, where there is one."`
	Asker       string `required:"" placeholder:"ID" help:"The relying party that asks."`
	Transaction string `required:"" placeholder:"ID" help:"Its transaction."`
	Nonce       string `placeholder:"TEXT" help:"The nonce of the signature of its request, where that is signed."`
}

// question is what evidence about a credential is signed for.
func (f questionFlags) question(credential zhenni.CredentialID) (q sdk.Question, err error) {
	q = sdk.Question{Credential: credential, Transaction: f.Transaction, Party: f.Asker, Nonce: f.Nonce}
	if f.Probe != "" && f.SealedPIN != "" {
		return q, usage("--probe and --sealed-pin exclude each other")
	}
	q.Capture = sha256.Sum256([]byte(f.SealedPIN))
	if f.Probe != "" {
		probe, err := readProbe("--probe", f.Probe)
		if err != nil {
			return q, err
		}
		q.Capture = probe.Digest()
	}
	return q, nil
}

type holderEvidence struct {
	Kind string `arg:"" enum:"possession,liveness" help:"possession: this is the credential's device. liveness: a living person was captured, as far as the phone can tell."`
	phoneFlags
	questionFlags
	Level string `enum:"passive,active" default:"passive" help:"Of liveness: passive or active (default ${default})."`
}

// Help is shown by zhenni holder evidence --help.
func (holderEvidence) Help() string {
	return `Prints a token for the field evidence of a verification. It holds for this capture, transaction, party and request, and for as long as the service lets it.

Example:

    zhenni holder evidence possession --keys phone.keys --probe me.rotated.f32 --asker hotel --transaction check-in-1`
}

// Run signs the evidence.
func (c *holderEvidence) Run(out *output) error {
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	q, err := c.question(phone.Credential)
	if err != nil {
		return err
	}
	var token []byte
	if c.Kind == "possession" {
		token, err = phone.Possession(q, time.Now())
	} else {
		token, err = phone.Liveness(q, livenessLevel(c.Level), time.Now())
	}
	if err != nil {
		return err
	}
	return out.Print("%s", token)
}

// livenessLevel is the one of a flag.
func livenessLevel(word string) zhenni.Liveness {
	if word == zhenni.LivenessActive.String() {
		return zhenni.LivenessActive
	}
	return zhenni.LivenessPassive
}
