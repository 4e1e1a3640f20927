package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// blocksModel tells pictures apart by their blocks: a model for tests.
const blocksModel = "../../holder/capture/onnx/testdata/blocks.json"

// blocksPicture is a picture of a person of a number, as large as a model or a camera takes it. No two samples are alike: what was
// enrolled, to the bit, would be refused as a replay.
func blocksPicture(number, sample uint64, width, height int) *image.Gray {
	picture := image.NewGray(image.Rect(0, 0, width, height))
	random := rand.New(rand.NewPCG(number, 0))
	var blocks [16][8]uint8
	for y := range blocks {
		for x := range blocks[y] {
			blocks[y][x] = uint8(255 * random.IntN(2))
		}
	}
	noise := rand.New(rand.NewPCG(number, sample+1))
	side := min(width, height) // the middle, which is what the page takes
	for y := range height {
		for x := range width {
			inX, inY := x-(width-side)/2, y-(height-side)/2
			if inX >= 0 && inX < side && inY >= 0 && inY < side {
				picture.SetGray(x, y, color.Gray{blocks[inY*16/side][inX*8/side]/8*7 + uint8(noise.IntN(16))})
			}
		}
	}
	return picture
}

func encodedPNG(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// pictured gives a person a phone with a credential whose template is of a picture: the flags that name its keys.
func (w *issueWorld) pictured(t *testing.T, url, app string, number int) []string {
	t.Helper()
	in := func(name string) string {
		return filepath.Join(filepath.Dir(w.store), fmt.Sprintf("%d-%s", number, name))
	}
	phone := []string{"--keys", in("phone.keys")}
	with := func(args ...string) string { return mustRun(t, append(args, phone...)...) }
	with("holder", "keys")
	write(t, in("me.png"), string(encodedPNG(t, blocksPicture(uint64(number), 0, 128, 128))))
	mustRun(t, "holder", "capture", in("me.png"), "--model", blocksModel, "--out", in("me.f32"))
	with("holder", "rotate", in("me.f32"), "--model", "blocks-1", "--out", in("me.rotated"))
	write(t, in("me.json"), fmt.Sprintf(`{"name":%q,"number":%q}`, canaryName, flowNumber(number)))
	write(t, in("engine.jwk"), mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key))
	with("holder", "issue", "--url", url, "--api-key-file", app, "--identity", in("me.json"), "--engine-key", in("engine.jwk"),
		"--reference", in("me.rotated"), "--region", "330100", "--transaction", fmt.Sprintf("issue-%d", number))
	return phone
}

// appPage is zhenni holder app, as its page asks it.
type appPage struct{ address, key string }

// startApp runs the command until the test ends.
func startApp(t *testing.T, args ...string) appPage {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	read, written := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		var notes bytes.Buffer
		ended <- run(ctx, append([]string{"holder", "app", "--listen", "127.0.0.1:0", "--model", blocksModel}, args...), &output{results: written, notes: &notes})
		_ = written.CloseWithError(fmt.Errorf("the app ended: %s", notes.String()))
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("the app ended with %d", code)
		}
	})
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, key, _ := strings.Cut(strings.TrimSpace(line), "/#")
	return appPage{address, key}
}

func (a appPage) do(t *testing.T, method, path, media string, body []byte) seen {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, a.address+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Session-Token", a.key)
	request.Header.Set("Content-Type", media)
	request.Header.Set("Capture-Source", "camera")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := seen{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// A session by the app: what the camera saw becomes an answer, of another person a no and of the own one a yes; started again, the
// app goes on in its seat.
//
// FAULTS: B8
func TestAppByHand(t *testing.T) {
	t.Parallel()
	w := startSessionWorld(t)
	key := w.path("desk.key")
	write(t, key, w.key)
	phone := w.pictured(t, w.server.url, key, 1)
	args := append([]string{"--seat", w.path("seat.json"), "--url", w.server.url, "--liveness", "passive"}, phone...)
	id, links := w.begins(`{"kind":"counter","service":"stay","purpose":"check-in"}`)
	page, seat := startApp(t, args...), "/seats/"+id+".0"
	if a := page.do(t, "POST", "/look", "application/json", []byte(`{"invitation":"`+links[0]+`"}`)); a.text("party") != "desk" || a.text("state") != "waiting" {
		t.Fatalf("%v", a)
	}
	opened := page.do(t, "POST", seat+"/open", "application/json", []byte(`{"party":"desk"}`))
	w.post("/v1/sessions/"+id+"/code", "", map[string]any{"code": opened.text("code")}, 200)
	if a := page.do(t, "POST", seat+"/answer", "image/png", encodedPNG(t, blocksPicture(2, 1, 128, 128))); a.text("outcome") != "live" || a["tries_left"] != 2.0 {
		t.Fatalf("the picture of somebody else: %v", a)
	}
	page = startApp(t, args...)
	if a := page.do(t, "POST", seat+"/answer", "image/png", encodedPNG(t, blocksPicture(1, 1, 128, 128))); a.text("outcome") != "completed" || !a.is("confirmed") {
		t.Fatalf("the own picture: %v", a)
	}
	if text, err := os.ReadFile(w.path("seat.json")); err != nil || strings.Contains(string(text), page.key) {
		t.Errorf("the seat: %v", err)
	}
	for name, c := range map[string][]string{
		"an address for all": append([]string{"--listen", "0.0.0.0:0", "--model", blocksModel}, args...),
		"no model":           append([]string{"--model", w.path("desk.key")}, args...),
	} {
		if code, _, notes := runCommand(t, append([]string{"holder", "app"}, c...)...); code != exitUsage {
			t.Errorf("%s: exit code %d: %s", name, code, notes)
		}
	}
}
