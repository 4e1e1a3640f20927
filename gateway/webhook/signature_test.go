package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// The vector is that of the reference implementations of Standard Webhooks.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func parsed(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawn(t testing.TB, seed byte) Secret {
	t.Helper()
	s, err := NewSecret(bytes.NewReader(bytes.Repeat([]byte{seed}, newSecret)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignsAsTheSpecificationDoes(t *testing.T) {
	if got := Sign(vectorID, time.Unix(vectorTime, 0), []byte(vectorBody), parsed(t, vectorSecret)); got != vectorSignature {
		t.Errorf("%s, want %s", got, vectorSignature)
	}
}

func TestVerify(t *testing.T) {
	at, secret, other := time.Unix(vectorTime, 0), parsed(t, vectorSecret), drawn(t, 1)
	stamp := fmt.Sprint(vectorTime)
	for name, c := range map[string]struct {
		id, stamp, signature, body string
		now                        time.Time
		secrets                    []Secret
		good                       bool
	}{
		"the vector":               {vectorID, stamp, vectorSignature, vectorBody, at, []Secret{secret}, true},
		"at the end of its time":   {vectorID, stamp, vectorSignature, vectorBody, at.Add(Tolerance), []Secret{secret}, true},
		"before its time":          {vectorID, stamp, vectorSignature, vectorBody, at.Add(-Tolerance - time.Second), []Secret{secret}, false},
		"after its time":           {vectorID, stamp, vectorSignature, vectorBody, at.Add(Tolerance + time.Second), []Secret{secret}, false},
		"one of two secrets":       {vectorID, stamp, vectorSignature, vectorBody, at, []Secret{other, secret}, true},
		"behind another's":         {vectorID, stamp, "v1,AAAA v1a,AAAA " + vectorSignature, vectorBody, at, []Secret{secret}, true},
		"behind too many":          {vectorID, stamp, strings.Repeat("v1,AAAA ", maxSignatures) + vectorSignature, vectorBody, at, []Secret{secret}, false},
		"another secret":           {vectorID, stamp, vectorSignature, vectorBody, at, []Secret{other}, false},
		"no secret":                {vectorID, stamp, vectorSignature, vectorBody, at, []Secret{{}}, false},
		"another body":             {vectorID, stamp, vectorSignature, vectorBody + " ", at, []Secret{secret}, false},
		"another id":               {vectorID + "x", stamp, vectorSignature, vectorBody, at, []Secret{secret}, false},
		"an id that ends early":    {"msg", stamp, vectorSignature, vectorBody, at, []Secret{secret}, false},
		"no id":                    {"", stamp, vectorSignature, vectorBody, at, []Secret{secret}, false},
		"another time":             {vectorID, fmt.Sprint(vectorTime + 1), vectorSignature, vectorBody, at, []Secret{secret}, false},
		"a time of another form":   {vectorID, "0" + stamp, vectorSignature, vectorBody, at, []Secret{secret}, false},
		"a time far away":          {vectorID, "-9223372036854775808", vectorSignature, vectorBody, at, []Secret{secret}, false},
		"a scheme that is none":    {vectorID, stamp, "v2," + vectorSignature[3:], vectorBody, at, []Secret{secret}, false},
		"base64 of another form":   {vectorID, stamp, strings.TrimRight(vectorSignature, "="), vectorBody, at, []Secret{secret}, false},
		"the dot moved to the id":  {vectorID + "." + stamp, stamp, vectorSignature, vectorBody, at, []Secret{secret}, false},
		"no signature":             {vectorID, stamp, "", vectorBody, at, []Secret{secret}, false},
		"a signature without text": {vectorID, stamp, "v1,", vectorBody, at, []Secret{secret}, false},
	} {
		err := Verify(c.id, c.stamp, c.signature, []byte(c.body), c.now, c.secrets...)
		if (err == nil) != c.good || err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// While a secret takes the place of another, whoever has either is told.
func TestBothSecretsSignDuringGrace(t *testing.T) {
	now := time.Unix(vectorTime, 0)
	e := Endpoint{Secret: drawn(t, 1)}.renewed(drawn(t, 2), now.Add(time.Hour))
	for _, c := range []struct {
		at        time.Time
		old, both bool
	}{{now, true, true}, {now.Add(time.Hour - 1), true, true}, {now.Add(time.Hour), false, false}} {
		signature := Sign(vectorID, now, nil, e.secrets(c.at)...)
		if got := strings.Count(signature, "v1,") == 2; got != c.both {
			t.Errorf("after %v: %s", c.at.Sub(now), signature)
		}
		for secret, good := range map[Secret]bool{drawn(t, 1): c.old, drawn(t, 2): true} {
			if err := Verify(vectorID, fmt.Sprint(vectorTime), signature, nil, now, secret); (err == nil) != good {
				t.Errorf("after %v: %v", c.at.Sub(now), err)
			}
		}
	}
}

func TestSecretsAreReadInOneForm(t *testing.T) {
	s := drawn(t, 7)
	if parsed(t, s.Reveal()) != s {
		t.Error("a secret is another when it is read")
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", s, Endpoint{Secret: s}, s, s); strings.Contains(shown, s.Reveal()[6:20]) || strings.Contains(shown, s.key) {
		t.Error("printing shows a secret")
	}
	for _, bad := range []string{
		"", "whsec_", s.Reveal()[6:], s.Reveal() + " ", strings.TrimRight(s.Reveal(), "="), "whsec_" + strings.Repeat("A", 28), "whsec_" + strings.Repeat("A", 88),
	} {
		if _, err := ParseSecret(bad); !errors.Is(err, zhenni.ErrBadKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzVerify: nothing but what was signed is taken.
func FuzzVerify(f *testing.F) {
	f.Add(vectorID, fmt.Sprint(vectorTime), vectorSignature, []byte(vectorBody))
	f.Add("msg_1", "0", "v1,  v1a,", []byte(nil))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		err := Verify(id, stamp, signature, body, time.Unix(vectorTime, 0), parsed(t, vectorSecret))
		same := id == vectorID && stamp == fmt.Sprint(vectorTime) && string(body) == vectorBody && strings.Contains(signature, vectorSignature)
		if err == nil && !same {
			t.Errorf("%q %q %q %q is taken", id, stamp, signature, body)
		}
	})
}
