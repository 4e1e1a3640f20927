package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/evidence"
	"zhenni/identity"
)

const lodgingService = `{"version":"sessions","services":[{
  "id": "stay", "zh": "住", "en": "Stay", "category": "hotel", "purposes": ["check-in"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-5
}]}`

// sessionWorld is a server with sessions that signs its results, and the relying party desk, which issues too.
type sessionWorld struct {
	issueWorld
	bulk
	t      *testing.T
	server *process
	key    string
	flags  []string
}

func startSessionWorld(t *testing.T) *sessionWorld {
	t.Helper()
	w := &sessionWorld{issueWorld: newIssueWorld(t), t: t}
	w.bulk = bulk{dir: filepath.Dir(w.store)}
	write(t, w.path("services.json"), lodgingService)
	w.flags = append(w.issueWorld.flags(), "--catalogue", w.path("services.json"), "--sessions", "make")
	w.start()
	w.key = strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", w.store, "--tenant", "1", "--role", "issuer,verifier", "--service", "stay"))
	return w
}

func (w *sessionWorld) start() { w.server = w.signing(w.t, w.store, w.flags...) }

// restart kills the server and starts another on what it left.
func (w *sessionWorld) restart() {
	w.server.kill(w.t)
	w.start()
}

// seen is what an answer says.
type seen map[string]any

func (a seen) text(name string) string { s, _ := a[name].(string); return s }
func (a seen) is(name string) bool     { b, _ := a[name].(bool); return b }

// post sends a document, by desk where there is no token, and wants a status.
func (w *sessionWorld) post(path, token string, document any, want int) seen {
	w.t.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send("POST", path, token, body, want)
}

func (w *sessionWorld) get(path, token string) seen {
	w.t.Helper()
	return w.send("GET", path, token, nil, 200)
}

// byNobody is a token in the place of which there is neither token nor key.
const byNobody = "nobody"

func (w *sessionWorld) send(method, path, token string, body []byte, want int) (a seen) {
	w.t.Helper()
	request, err := http.NewRequest(method, w.server.url+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	switch token {
	case byNobody:
	case "":
		request.Header.Set("Authorization", "Bearer "+w.key)
	default:
		request.Header.Set("Session-Token", token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, response.StatusCode, text, want)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// citizen is a person of a number, with a device and perhaps a rotation key.
type citizen struct {
	number int
	id     string
	key    rotation.Key
	token  zhenni.SessionToken
}

// issue has a citizen be issued a credential, enrolled rotated where the key is not zero.
func (w *sessionWorld) citizen(number int, key rotation.Key) *citizen {
	w.t.Helper()
	c := &citizen{number: number, key: key, token: sha256.Sum256([]byte{byte(number), 7})}
	transaction := "issue-" + strconv.Itoa(number)
	sealed, err := identity.Seal(w.to, canaryName, idNumberOf(number), "desk/"+transaction)
	if err != nil {
		w.t.Fatal(err)
	}
	reference := faceBytes(number, -1)
	commitment := ""
	if key != (rotation.Key{}) {
		reference = rotated(w.t, reference, key)
		sum := key.Commitment()
		commitment = `,"rotation_commitment":"` + base64.StdEncoding.EncodeToString(sum[:]) + `"`
	}
	document := fmt.Sprintf(`{"identity":%q,"transaction":%q,"region":"330100","reference_float32":%q,%s%s}`, sealed, transaction,
		base64.StdEncoding.EncodeToString(reference), deviceFields("device_", byte(number)), commitment)
	c.id = w.send("POST", "/v1/credentials", "", []byte(document), 201).text("credential")
	return c
}

// rotated is a vector in the domain of a key.
func rotated(t *testing.T, vector []byte, key rotation.Key) []byte {
	t.Helper()
	x := make([]float32, len(vector)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(vector[4*i:]))
	}
	r, err := rotation.New(key, zhenni.Model{ID: "synthetic-512", Dim: len(x), Factor: zhenni.FactorFace})
	if err == nil {
		err = r.Apply(x, x)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, len(vector))
	for _, v := range x {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// holds is what the phone of a citizen shows for a transaction: the members of a document.
func (c *citizen) holds(t *testing.T, transaction string) map[string]any {
	t.Helper()
	subject, err := zhenni.ParseCredentialID(c.id)
	if err != nil {
		t.Fatal(err)
	}
	token, err := evidence.Sign(evidence.Claims{
		Kind: evidence.Possession, Subject: subject, Capture: sha256.Sum256(c.token[:]), Transaction: transaction, Party: "desk", IssuedAt: time.Now().Unix(),
	}, device(byte(c.number)))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"credential": c.id, "phone": c.token.String(), "evidence": string(token)}
}

// shows is a document with a capture.
func shows(probe []byte) map[string]any {
	return map[string]any{"probe_float32": base64.StdEncoding.EncodeToString(probe)}
}

// takes has a citizen open the seat of a link, and show the face.
func (w *sessionWorld) takes(c *citizen, link string) (a seen) {
	w.t.Helper()
	part := strings.Split(link, ".")
	seat := "/v1/sessions/" + part[0] + "/seats/" + part[1]
	opened := w.post(seat+"/open", part[2], c.holds(w.t, "session."+part[0]+"."+part[1]+".open"), 200)
	if code := opened.text("code"); code != "" {
		w.post("/v1/sessions/"+part[0]+"/code", "", map[string]any{"code": code}, 200)
	}
	if a = w.post(seat+"/answer", c.token.String(), shows(faceBytes(c.number, 1)), 200); a.text("state") != "confirmed" {
		w.t.Errorf("%s: %v", link, a)
	}
	return a
}

// arrives has a citizen arrive at the desk as at a hotel.
func (w *sessionWorld) arrives(c *citizen) seen {
	w.t.Helper()
	return w.arrival(c, 201)
}

// arrival is the answer to a citizen at the desk.
func (w *sessionWorld) arrival(c *citizen, want int) seen {
	w.t.Helper()
	sum := sha256.Sum256(c.token[:])
	name := "arrival." + hex.EncodeToString(sum[:16])
	document := c.holds(w.t, name)
	document["party"] = "desk"
	if c.key != (rotation.Key{}) {
		sealed, err := identity.SealRotation(w.to, c.key, "desk/"+name)
		if err != nil {
			w.t.Fatal(err)
		}
		document["rotation_key"] = sealed
	}
	return w.post("/v1/arrivals", byNobody, document, want)
}
