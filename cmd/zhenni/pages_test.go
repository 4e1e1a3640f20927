//go:build pages

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// pageServices are asked for on the pages.
const pageServices = `{"version":"pages","services":[
  {"id": "registration", "zh": "不动产登记", "en": "Registration of real estate", "category": "housing", "purposes": ["register"], "level": "lite",
   "factors": [["face"]], "without_face": [["card"]], "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-5},
  {"id": "fee", "zh": "学费", "en": "Tuition", "category": "payment", "purposes": ["pay"], "level": "lite",
   "factors": [["face"]], "without_face": [["card"]], "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-5},
  {"id": "person.check", "zh": "真你", "en": "Person-to-person check", "category": "person", "purposes": ["check"], "level": "lite",
   "factors": [["face"]], "without_face": [["card"]], "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-5}
]}`

// The people of the pages: each has a credential on a device of the same number.
var pagePeople = []int{holder, stranger, 5}

// The pages, in the browsers of those who use them, against a server in a process of its own. What a phone does beside its browser,
// the test of the browsers asks this process for: to sign with a device, and to show a face. ZHENNI_PAGES names the folder that
// make pages has put the test in, ZHENNI_PAGES_ONLY a pattern of names where not all are wanted.
func TestPages(t *testing.T) {
	folder := os.Getenv("ZHENNI_PAGES")
	if folder == "" {
		t.Fatal("ZHENNI_PAGES is not set: make pages")
	}
	w := startPages(t)
	world := map[string]any{"url": w.server.url, "keys": w.keys, "credentials": w.issuePages(), "name": canaryName, "selfie": selfie(t)}
	world["app"], world["camera"] = w.seeingApp()
	phones := httptest.NewServer(w.phones())
	defer phones.Close()
	world["phones"] = phones.URL
	text, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter", "spec", "--test-name-pattern", os.Getenv("ZHENNI_PAGES_ONLY"), "pages.test.js")
	node.Dir, node.Env = folder, append(os.Environ(), "ZHENNI_WORLD="+string(text))
	node.Stdout, node.Stderr = t.Output(), t.Output()
	if err := node.Run(); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{"asker_token", "#"} {
		if strings.Contains(w.server.notes.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// startPages starts a server with sessions and the parties that begin them.
func startPages(t *testing.T) *lifeWorld {
	w := &lifeWorld{issueWorld: newIssueWorld(t), t: t, keys: map[string]string{}}
	catalogue := w.beside("services.json")
	write(t, catalogue, pageServices)
	w.started = append(w.flags(), "--sessions", "make", "--history", "make", "--catalogue", catalogue, "--holder-app", "http://"+freeAddress(t)+"/#")
	t.Setenv("ZHENNI_PERSON_PARTY", "person")
	w.server = startProcess(t, w.store, w.started...)
	for _, p := range [][]string{
		{"app", "--tenant", lifeTenant, "--role", "issuer"},
		{"desk", "--tenant", lifeTenant, "--role", "terminal"},
		{"counter", "--tenant", lifeTenant, "--role", "verifier", "--service", "registration", "--name", "政务服务中心"},
		{"school", "--tenant", lifeTenant, "--role", "verifier", "--service", "fee", "--name", "第一小学"},
		{"person", "--tenant", lifeTenant, "--role", "verifier", "--service", "person.check", "--name", "真你"},
	} {
		w.keys[p[0]] = strings.TrimSpace(w.command(append([]string{"rp", "add"}, p...)...))
	}
	return w
}

// seeingApp starts a holder's app where the server's pages hand over to, and returns how it is entered, and the film of a camera
// that sees its holder.
func (w *lifeWorld) seeingApp() (start, film string) {
	w.t.Helper()
	const width, height = 640, 480
	key := w.beside("app.key")
	write(w.t, key, w.keys["app"])
	phone := w.pictured(w.t, w.server.url, key, 7)
	var frames bytes.Buffer
	fmt.Fprintf(&frames, "YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420jpeg\n", width, height)
	for sample := range uint64(3) {
		frames.WriteString("FRAME\n")
		frames.Write(blocksPicture(7, sample+1, width, height).Pix)
		frames.Write(bytes.Repeat([]byte{128}, width*height/2))
	}
	film = w.beside("camera.y4m")
	write(w.t, film, frames.String())
	listen := strings.Trim(strings.TrimPrefix(w.started[len(w.started)-1], "http:"), "/#")
	page := startApp(w.t, append([]string{"--listen", listen, "--seat", w.beside("app.seat"), "--url", w.server.url}, phone...)...)
	return page.address + "/#" + page.key, film
}

// issuePages issues a credential to each person, on a device of theirs.
func (w *lifeWorld) issuePages() map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	for i, person := range pagePeople {
		q := w.next("desk", "POST", "/v1/credentials")
		number := []string{canaryNumber, "440101199001010011", "44010119900101002X"}[i]
		q.body = w.sealed(q, number, `"reference_float32":"`+face(person, -1)+`",`+deviceFields("device_", byte(person)))
		ids[strconv.Itoa(person)] = w.ask(q, 201, `"active"`)
	}
	return ids
}

// selfie is a picture as a phone sends it, base64 of a JPEG.
func selfie(t *testing.T) string {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 120, 120))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i % 120)
	}
	var text bytes.Buffer
	if err := jpeg.Encode(&text, picture, nil); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text.Bytes())
}

// phones answers what a phone computes: GET /face/PERSON/SAMPLE, and POST /possession, signed by the device of a person.
func (w *lifeWorld) phones() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /face/{person}/{sample}", func(answer http.ResponseWriter, rq *http.Request) {
		person, _ := strconv.Atoi(rq.PathValue("person"))
		sample, _ := strconv.Atoi(rq.PathValue("sample"))
		fmt.Fprint(answer, face(person, sample))
	})
	mux.HandleFunc("POST /possession", func(answer http.ResponseWriter, rq *http.Request) {
		var asked struct {
			Person                                  byte
			Credential, Transaction, Party, Capture string
		}
		if err := json.NewDecoder(rq.Body).Decode(&asked); err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		credential, err := zhenni.ParseCredentialID(asked.Credential)
		captured, undecoded := base64.RawURLEncoding.DecodeString(asked.Capture)
		if err != nil || undecoded != nil {
			http.Error(answer, "no credential or no capture", http.StatusBadRequest)
			return
		}
		token, err := evidence.Sign(evidence.Claims{
			Kind: evidence.Possession, Subject: credential, Capture: sha256.Sum256(captured), Transaction: asked.Transaction,
			Party: asked.Party, IssuedAt: time.Now().Unix(),
		}, device(asked.Person))
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = answer.Write(token)
	})
	return mux
}
