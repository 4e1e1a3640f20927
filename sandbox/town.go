package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/holder"
	"zhenni/simd"
	"zhenni/storage/disk"
)

// Town is a sandbox on disk: its folder, of mode 0700, and who is in it.
type Town struct {
	dir      string
	model    zhenni.Model
	subjects []Subject
	parties  []Party
	byName   map[string]*Subject
	byID     map[zhenni.CredentialID]*Subject
}

// Person is how a subject is known to the engine.
type Person struct{ Name, Number string }

// People knows persons as the engine of the sandbox does.
type People interface {
	Subject(p Person) (zhenni.SubjectHandle, zhenni.NameTag, error)
}

// NewTown is the town of a folder, with faces of a model and a subject for each problem.
func NewTown(dir string, model zhenni.Model, problems []Problem) *Town {
	t := &Town{dir: dir, model: model, subjects: Subjects(problems), byName: map[string]*Subject{}, byID: map[zhenni.CredentialID]*Subject{}}
	for i := range t.subjects {
		s := &t.subjects[i]
		t.byName[s.Name], t.byID[s.Credential] = s, s
	}
	for _, p := range parties {
		p.APIKey, p.SigningKey = "keys/"+p.ID+".key", "keys/"+p.ID+".pem"
		if p.ID == "kiosk" {
			p.Terminal = "keys/" + p.ID + ".terminal"
		}
		t.parties = append(t.parties, p)
	}
	return t
}

// Problem implements gateway.Sandbox.
func (t *Town) Problem(about zhenni.CredentialID) string {
	if s := t.byID[about]; s != nil {
		return s.Code
	}
	return ""
}

// Commands draws every key, writes the files of the folder, and returns what a new store is filled with.
func (t *Town) Commands(people People, at time.Time) (all []zhenni.Command, err error) {
	for _, folder := range []string{"keys", "phones", "probes", "questions"} {
		if err := os.MkdirAll(filepath.Join(t.dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
		}
	}
	for i := range t.parties {
		party, err := t.parties[i].make(t.dir, at)
		if err != nil {
			return nil, err
		}
		all = append(all, zhenni.PutRelyingParty{Party: party})
	}
	for i := range t.subjects {
		s := &t.subjects[i]
		enrol, err := t.enrol(s, i, people, at)
		if err != nil {
			return nil, err
		}
		all = append(all, enrol)
		if s.conduct == unusable {
			all = append(all, zhenni.LockFactors{ID: s.Credential, Tenant: Tenant, Factors: 1 << zhenni.FactorFace, Locked: true, At: at})
		}
		if err := t.writeProbe(s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// enrol makes the credential of a subject, on a phone of theirs where they have one.
func (t *Town) enrol(s *Subject, i int, people People, at time.Time) (e zhenni.Enrol, err error) {
	embedding, row := make([]float32, t.model.Dim), make([]int8, t.model.Dim)
	population(t.model.Dim).Reference(s.face, embedding)
	simd.Quantize(row, embedding, 0)
	e = zhenni.Enrol{ID: s.Credential, Tenant: Tenant, Level: zhenni.LevelFull, Model: t.model.ID, Row: row, At: at, Region: 330100}
	if e.Subject, e.NameTag, err = people.Subject(person(i)); err != nil || !s.HasPhone() {
		return e, err
	}
	phone, err := holder.NewPhone(zhenni.KeyEd25519)
	if err != nil {
		return e, err
	}
	defer phone.Forget()
	phone.Credential, e.Device = s.Credential, phone.Public()
	return e, phone.Save(t.path(s, "phone"), nil)
}

// person is somebody who does not exist: a number of 31 December 1949 in a district of Beijing, and a name after it.
func person(i int) Person {
	digits := fmt.Sprintf("11010519491231%03d", i)
	sum := 0
	for n, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += weight * int(digits[n]-'0')
	}
	name := []rune("沙盒")
	for _, digit := range fmt.Sprint(i + 1) {
		name = append(name, []rune("零一二三四五六七八九")[digit-'0'])
	}
	return Person{string(name), digits + string("10X98765432"[sum%11])}
}

// path is where something of a subject lies.
func (t *Town) path(s *Subject, what string) string {
	return filepath.Join(t.dir, filepath.FromSlash(s.file(what)))
}

// file names something of a subject from the folder.
func (s *Subject) file(what string) string {
	switch what {
	case "phone":
		return "phones/" + s.Name + ".keys"
	case "probe":
		return "probes/" + s.Name + ".f32"
	}
	return "questions/" + s.Name + ".json"
}

// capture is what the phone of a subject captures.
func (t *Town) capture(s *Subject) (holder.Probe, error) {
	embedding := make([]float32, t.model.Dim)
	population(t.model.Dim).Probe(s.shown, 0, embedding)
	return holder.NewProbe(embedding)
}

// writeProbe writes a capture of a subject, and the question whether it is of them.
func (t *Town) writeProbe(s *Subject) error {
	probe, err := t.capture(s)
	if err != nil {
		return err
	}
	question, err := json.Marshal(map[string]any{
		"credential": s.Credential, "probe_float32": base64.StdEncoding.EncodeToString(probe), "service": "door", "purpose": "enter",
	})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(t.path(s, "probe"), probe, 0o600), os.WriteFile(t.path(s, "question"), append(question, 10), 0o600)); err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	return nil
}

// subjectDocument is a subject as it is shown. Files are named from the folder.
type subjectDocument struct {
	Name       string              `json:"name"`
	Kind       string              `json:"kind"`
	Happens    string              `json:"happens"`
	Credential zhenni.CredentialID `json:"credential"`
	LoginHint  zhenni.CredentialID `json:"login_hint"`
	Question   string              `json:"question_file"`
	Probe      string              `json:"probe_file"`
	Phone      string              `json:"phone_file,omitempty"`
}

func (t *Town) documents() (all []subjectDocument) {
	for i := range t.subjects {
		s := &t.subjects[i]
		d := subjectDocument{
			Name: s.Name, Kind: s.Kind(), Happens: s.Happens, Credential: s.Credential, LoginHint: s.Credential,
			Question: s.file("question"), Probe: s.file("probe"),
		}
		if s.HasPhone() {
			d.Phone = s.file("phone")
		}
		all = append(all, d)
	}
	return all
}

// Subjects implements gateway.Sandbox.
func (t *Town) Subjects() []byte {
	text, err := json.Marshal(map[string]any{"subjects": t.documents()})
	if err != nil {
		panic(err) // strings have a written form
	}
	return text
}

// Write writes sandbox.json, by which a client finds the server and everybody in it.
func (t *Town) Write(url, issuer string) error {
	text, err := json.MarshalIndent(map[string]any{
		"url": url, "issuer": issuer, "folder": t.dir, "parties": t.parties, "subjects": t.documents(),
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := disk.Replace(filepath.Join(t.dir, "sandbox.json"), append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	return nil
}
