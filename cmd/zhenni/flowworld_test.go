package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	sdk "zhenni/holder"
)

// flowServices are what the parties of the flows ask for.
func flowServices() string {
	services := []string{}
	for _, s := range []struct{ category, id, purpose, liveness, possession string }{
		{"payment", "visitor", "enter", "passive", "true"}, {"payment", "wallet", "pay", "none", "true"}, {"payment", "vote", "resolve", "none", "true"},
		{"payment", "pension", "alive", "passive", "true"}, {"payment", "gate", "enter", "passive", "false"},
		{"hotel", "stay", "check-in", "passive", "false"}, {"person", "person.check", "check", "none", "true"},
	} {
		age := "120"
		if s.liveness == "none" {
			age = "0"
		}
		services = append(services, fmt.Sprintf(`{"id":%q,"zh":"试","en":"Trial","category":%q,"purposes":[%q],"level":"lite","factors":[["face"]],
		  "without_face":[["card"]],"liveness":%q,"liveness_max_age_s":%s,"capture_max_age_s":%[5]s,"possession":%s,"fmr":1e-5}`,
			s.id, s.category, s.purpose, s.liveness, age, s.possession))
	}
	return `{"version":"flows","services":[` + strings.Join(services, ",") + `]}`
}

// flowWorld is a server with sessions, the parties around it, and the transcript of what they do. Each party has a folder of its own:
// nothing goes from one to another but what is shown, scanned or said.
type flowWorld struct {
	issueWorld
	t       *testing.T
	flags   []string
	server  *process
	gate    *gate
	apart   bool // each command of a party is a process of its own
	flows   int  // begun so far
	pairs   int  // of persons who asked each other by name
	holders map[string]*phoneParty
}

// The people of the flows; the visitor has a credential whose template is not rotated, which a terminal can capture for.
var flowPeople = []string{"citizen", "payer", "ann", "ben", "eve", "pensioner", "visitor"}

// startFlows starts the server, adds the parties and gives so many people, the first ones, their phones.
func startFlows(t *testing.T, people int) *flowWorld {
	t.Helper()
	w := &flowWorld{issueWorld: newIssueWorld(t), t: t, holders: map[string]*phoneParty{}}
	write(t, w.beside("services.json"), flowServices())
	write(t, w.beside("engine.jwk"), mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key))
	w.flags = append(w.issueWorld.flags(), "--catalogue", w.beside("services.json"), "--sessions", "make", "--person-party", "square")
	w.server = startProcess(t, w.store, w.flags...)
	w.gate = startGate(t, w.address(), func() string {
		w.server.kill(t)
		w.server = startProcess(t, w.store, w.flags...)
		return w.address()
	})
	w.party("app", "issuer")
	for party, service := range map[string]string{"clerk": "visitor", "payee": "wallet", "registry": "vote", "office": "pension", "square": "person.check"} {
		w.party(party, "verifier", service)
	}
	w.terminal("kiosk", "gate")
	w.terminal("hotel", "stay")
	write(t, w.beside("hotel/face"), string(faceBytes(10, 1))) // what its device captures of the citizen
	for i, name := range flowPeople[:people] {
		w.person(name, i)
	}
	return w
}

func (w *flowWorld) beside(name string) string { return filepath.Join(filepath.Dir(w.store), name) }
func (w *flowWorld) address() string           { return strings.TrimPrefix(w.server.url, "http://") }

func (w *flowWorld) folder(party string) string {
	w.t.Helper()
	if err := os.MkdirAll(w.beside(party), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return w.beside(party)
}

// party adds a relying party, which keeps its key.
func (w *flowWorld) party(id, role string, more ...string) {
	w.t.Helper()
	args := []string{"rp", "add", id, "--store", w.store, "--tenant", "1", "--role", role}
	for i, flag := range more {
		if i == 0 {
			args = append(args, "--service")
		}
		args = append(args, flag)
	}
	write(w.t, filepath.Join(w.folder(id), "api.key"), mustRun(w.t, args...))
}

// terminal adds a relying party that is one terminal, which signs all that it asks.
func (w *flowWorld) terminal(id, service string) {
	w.t.Helper()
	keys := filepath.Join(w.folder(id), id+".keys")
	write(w.t, keys+".jwk", mustRun(w.t, "terminal", "keys", "--keys", keys, "--id", id))
	w.party(id, "verifier,terminal", service, "--jwks", keys+".jwk")
}

// person gives somebody a phone with a credential, and a capture of the own face.
func (w *flowWorld) person(name string, i int) {
	w.t.Helper()
	p := &phoneParty{w: w, name: name, dir: w.folder(name)}
	keys := []string{"--keys", p.in("phone.keys")}
	with := func(args ...string) string { return mustRun(w.t, append(args, keys...)...) }
	with("holder", "keys")
	for file, sample := range map[string]int{"photo": -1, "live": 1} {
		write(w.t, p.in(file), string(faceBytes(10+i, sample)))
		if name != "visitor" {
			with("holder", "rotate", p.in(file), "--model", "synthetic-512", "--out", p.in(file))
		}
	}
	write(w.t, p.in("name"), canaryName)
	write(w.t, p.in("me.json"), fmt.Sprintf(`{"name":%q,"number":%q}`, canaryName, flowNumber(i)))
	issue := []string{"holder", "issue"}
	if name != "visitor" {
		issue = append(issue, "--rotated")
	}
	p.id = strings.TrimSpace(with(append(issue, "--url", w.server.url, "--api-key-file", w.beside("app/api.key"), "--identity", p.in("me.json"),
		"--engine-key", w.beside("engine.jwk"), "--reference", p.in("photo"), "--region", "330100", "--transaction", "issue-"+name)...))
	w.holders[name] = p
}

// flowNumber is an ID number of nobody.
func flowNumber(i int) string {
	digits := fmt.Sprintf("11010519491231%03d", 100+i)
	sum := 0
	for n, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += weight * int(digits[n]-'0')
	}
	return digits + string("10X98765432"[sum%11])
}

// say adds a line to the transcript.
func (w *flowWorld) say(format string, args ...any) { fmt.Fprintf(w.t.Output(), format+"\n", args...) }

// command runs a command of a party, with the server's address, and returns its exit code and what it printed.
func (w *flowWorld) command(args ...string) (code int, results, notes string) {
	w.t.Helper()
	args = append(args, "--url", w.gate.url(), "--json")
	if !w.apart {
		return runCommand(w.t, args...)
	}
	return runApart(w.t, args...)
}

// runApart runs a command in a process of its own, and returns its exit code and what it printed.
func runApart(t *testing.T, args ...string) (code int, results, notes string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), beZhenni+"=1"), &stdout, &stderr
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Error(err)
		return -1, "", ""
	}
	return c.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// shown reads the last view that a command printed.
func shown[V any](text string) (v V) {
	for decoder := json.NewDecoder(strings.NewReader(text)); ; {
		var next V
		if decoder.Decode(&next) != nil {
			return v
		}
		v = next
	}
}

// phoneParty is a person with a phone.
type phoneParty struct {
	w             *flowWorld
	name, dir, id string
	flow          int // whose seat it has
}

func (p *phoneParty) in(name string) string { return filepath.Join(p.dir, name) }

func (p *phoneParty) seat() string { return p.in(fmt.Sprintf("seat-%d.json", p.flow)) }

// does has the phone do something in its session, which has to end with an exit code.
func (p *phoneParty) does(want int, args ...string) sdk.SeatView {
	p.w.t.Helper()
	code, results, notes := p.w.command(append(append([]string{"holder", "session"}, args...), "--seat", p.seat())...)
	v := shown[sdk.SeatView](results)
	said := "nothing"
	if v.Session != "" {
		said = seatText(v)
	}
	p.w.say("   %-9s zhenni holder session %s -> %s", p.name, p.w.brief(args), said)
	if code != want {
		p.w.t.Fatalf("%s: %s: exit code %d, want %d: %s", p.name, strings.Join(args, " "), code, want, notes)
	}
	return v
}

// opens takes a seat, as often as the code on the screen passes while the server is away.
func (p *phoneParty) opens(scan func() string) (v sdk.SeatView) {
	p.w.t.Helper()
	p.flow = p.w.flows
	notes := ""
	for range 5 {
		code, results, said := p.w.command("holder", "session", "open", scan(), "--keys", p.in("phone.keys"), "--seat", p.seat())
		if notes = said; code == 0 {
			v = shown[sdk.SeatView](results)
			p.w.say("   %-9s zhenni holder session open -> %s", p.name, seatText(v))
			return v
		}
	}
	p.w.t.Fatalf("%s does not open: %s", p.name, notes)
	return v
}

// answers shows the own face.
func (p *phoneParty) answers(more ...string) sdk.SeatView {
	p.w.t.Helper()
	return p.does(0, append([]string{"answer", "--keys", p.in("phone.keys"), "--probe", p.in("live")}, more...)...)
}

// askerParty is a party, or a person, that asks in one session.
type askerParty struct {
	w          *flowWorld
	name, file string
	person     bool
	begun      sdk.Begun
}

// begins has a party begin the session of the next flow.
func (w *flowWorld) begins(party, kind string, args ...string) *askerParty {
	w.t.Helper()
	w.flows++
	a := &askerParty{w: w, name: party, file: filepath.Join(w.folder(party), fmt.Sprintf("session-%d.json", w.flows))}
	args = append([]string{"begin", kind, "--transaction", fmt.Sprintf("flow-%d", w.flows)}, args...)
	code, results, notes := w.command(append(append([]string{"session"}, args...), a.as()...)...)
	if code != 0 {
		w.t.Fatalf("%s begins: exit code %d: %s", party, code, notes)
	}
	a.begun = shown[sdk.Begun](results)
	w.say("   %-9s zhenni session %s -> %s", party, w.brief(args), a.begun.Session)
	return a
}

// as are the flags of the party in its session.
func (a *askerParty) as() []string {
	switch {
	case a.person:
		return []string{"--session", a.file}
	case a.name == "kiosk", a.name == "hotel":
		return []string{"--session", a.file, "--terminal-keys", a.w.beside(a.name + "/" + a.name + ".keys")}
	}
	return []string{"--session", a.file, "--api-key-file", filepath.Join(filepath.Dir(a.file), "api.key")}
}

// runs has the party run a command, which has to end with an exit code.
func (a *askerParty) runs(want int, args ...string) sdk.SessionView {
	a.w.t.Helper()
	code, results, notes := a.w.command(append(args, a.as()...)...)
	v := shown[sdk.SessionView](results)
	a.w.say("   %-9s zhenni %s -> %s", a.name, a.w.brief(args), askedText(v))
	if code != want {
		a.w.t.Fatalf("%s: %s: exit code %d, want %d: %s", a.name, strings.Join(args, " "), code, want, notes)
	}
	return v
}

// sees is the command by which the party reads its session.
func (a *askerParty) sees() []string {
	if a.person {
		return []string{"holder", "person", "see"}
	}
	return []string{"session", "see"}
}

// scan is what a phone reads off the party's screen.
func (a *askerParty) scan() string {
	a.w.t.Helper()
	return strings.TrimSpace(mustRun(a.w.t, "session", "qr", "--session", a.file))
}

// link is what the party sends to whoever is to take a seat.
func (a *askerParty) link(seat int) func() string {
	return func() string { return a.begun.Links[seat] }
}

// brief is a command without what is the same for all.
func (w *flowWorld) brief(args []string) string {
	text := strings.ReplaceAll(strings.Join(args, " "), filepath.Dir(w.store)+"/", "")
	for name, p := range w.holders {
		text = strings.ReplaceAll(text, p.id, name+"'s")
	}
	return text
}

// following is a command of a party that follows its session up to its end.
type following struct {
	name  string
	ended chan string
}

// follow begins one in the background.
func (w *flowWorld) follow(name string, args ...string) *following {
	f := &following{name, make(chan string, 1)}
	go func() {
		code, results, notes := w.command(append(args, "--follow", "--for", "2m")...)
		f.ended <- fmt.Sprintf("%d %s %s", code, ended(shown[sdk.SeatView](results).Outcome, shown[sdk.SeatView](results).Confirmed), notes)
	}()
	return f
}

func (p *phoneParty) follows() *following {
	return p.w.follow(p.name, "holder", "session", "see", "--seat", p.seat())
}

func (a *askerParty) follows() *following {
	return a.w.follow(a.name, append(a.sees(), a.as()...)...)
}

// outcome is how a session ended, as one party was told.
type outcome struct {
	End       zhenni.SessionEnd
	Confirmed bool
}
