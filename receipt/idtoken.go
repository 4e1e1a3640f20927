package receipt

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"slices"
	"strconv"
	"time"

	"zhenni"
)

// idTokenType is what an ID token says that it is: no result is taken for one, and none for a result.
const idTokenType = "JWT"

// IDTokenLifetime is how long an ID token may be taken from when it is made: it is proof of a moment, for who asked.
const IDTokenLifetime = 5 * time.Minute

// amrValues are the words of RFC 8176 among the methods of results.
var amrValues = []string{"face", "vbm", "fpt", "pin", "pop", "sc"}

// IDTokenAlgorithm is the name by which ID tokens are signed (RFC 7518, RFC 8037), empty where the key in use makes none: clients
// know nothing of SM2.
func (i *Issuer) IDTokenAlgorithm() string {
	if a := i.signers[0].Key().Algorithm(); a != SM2 {
		return algorithms[a].alg
	}
	return ""
}

// IDToken returns the ID token (OpenID Connect Core 1.0, CIBA Core 1.0) of a result: what the result says of the person, to whom
// it says it and nobody else, for the authentication request of that id and the access token beside it. at is when it is made. Of
// anything but a real person's yes that this issuer signed it is [zhenni.ErrBadResult]; without a key that clients know,
// [zhenni.ErrUnavailable]. request and access are of the characters of base64url, dot and dash.
func (i *Issuer) IDToken(result []byte, request, access string, at time.Time) ([]byte, error) {
	c, _, err := Open(string(result), i.own())
	switch {
	case err != nil:
		return nil, err
	case c.Outcome != zhenni.Match || c.Evaluation || c.Issuer != i.name:
		return nil, bad("an ID token is of the yes of a real person")
	case at.Add(maxAhead).Before(c.At):
		return nil, bad("an ID token is made after the result")
	case i.IDTokenAlgorithm() == "":
		return nil, fmt.Errorf("%w: receipt: ID tokens are not signed by %s", zhenni.ErrUnavailable, SM2)
	}
	signer := i.signers[0]
	key := signer.Key()
	head := fmt.Sprintf(`{"alg":"%s","kid":"%s","typ":"%s"}`, i.IDTokenAlgorithm(), key.ID(), idTokenType)
	message := urlBase64.EncodeToString([]byte(head)) + "." + urlBase64.EncodeToString(c.idToken(key, request, access, at))
	signature, err := signer.Sign([]byte(message))
	if err != nil {
		return nil, err
	}
	return []byte(message + "." + urlBase64.EncodeToString(signature)), nil
}

// own are the keys of the issuer's own results.
func (i *Issuer) own() (keys Keys) {
	for _, s := range i.signers {
		keys = append(keys, s.Key())
	}
	return keys
}

// idToken writes the payload of an ID token. No value needs an escape.
func (c *Claims) idToken(key Key, request, access string, at time.Time) []byte {
	b := appendText([]byte{'{'}, "iss", c.Issuer)
	b = appendText(append(b, ','), "sub", c.Subject)
	b = appendText(append(b, ','), "aud", c.Audience)
	b = strconv.AppendInt(append(b, `,"iat":`...), at.Unix(), 10)
	b = strconv.AppendInt(append(b, `,"exp":`...), at.Add(IDTokenLifetime).Unix(), 10)
	b = strconv.AppendInt(append(b, `,"auth_time":`...), c.At.Unix(), 10)
	b = appendText(append(b, ','), "acr", c.Level.String())
	b = appendWords(b, "amr", slices.DeleteFunc(slices.Clone(c.Methods), func(m string) bool { return !slices.Contains(amrValues, m) }))
	b = appendText(append(b, ','), "at_hash", accessHash(key.Algorithm(), access))
	b = appendText(append(b, ','), "txn", c.Transaction)
	return append(appendText(append(b, ','), "urn:openid:params:jwt:claim:auth_req_id", request), '}')
}

// accessHash is the left half of the access token's digest, by the hash of the algorithm: SHA-512 of Ed25519.
func accessHash(a Algorithm, access string) string {
	if a == Ed25519 {
		sum := sha512.Sum512([]byte(access))
		return urlBase64.EncodeToString(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(access))
	return urlBase64.EncodeToString(sum[:len(sum)/2])
}
