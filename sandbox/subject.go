package sandbox

import (
	"crypto/sha256"
	"fmt"

	"zhenni"
	"zhenni/engine/accuracy"
)

// Tenant is that of all who are in a sandbox.
const Tenant zhenni.TenantID = 1

// Problem is one with which the API answers.
type Problem struct {
	Code, Title, Action string
	Status              int
}

// Apart are the codes of problems that no subject can stand for, each with the reason.
var Apart = map[string]string{
	"party_not_found":     "only operators name other parties, on the operator's routes, which a sandbox's parties do not reach",
	"operator_kept_apart": "it is told to operators alone, on the operator's routes",
}

// conduct is what the phone of a subject does in a session.
type conduct uint8

const (
	none       conduct = iota // no phone
	proves                    // shows the own face
	differs                   // shows another face, until no try is left
	declines                  // does not want to
	ignores                   // does not open the session
	misreads                  // gives two digits that are not those
	unusable                  // has a credential of which the face is locked
	calledBack                // is asked no more, once it has opened
)

// Subject is somebody in a sandbox.
type Subject struct {
	// Name is by what they are known: the end of a session, or the code of a problem.
	Name string
	// Happens says what becomes of who asks about them.
	Happens string
	// Credential follows from the name.
	Credential zhenni.CredentialID
	// Code is of the problem that questions about them are answered with; empty for none.
	Code string

	conduct conduct
	// face is whose they have, of the population; shown is whose their captures are of.
	face, shown int
}

// Kind is plain, session or problem.
func (s *Subject) Kind() string {
	var end zhenni.SessionEnd
	switch {
	case s.Code != "":
		return "problem"
	case end.UnmarshalText([]byte(s.Name)) == nil:
		return "session"
	}
	return "plain"
}

// HasPhone reports whether the sandbox plays a phone of theirs.
func (s *Subject) HasPhone() bool { return s.conduct != none }

// played are those with a phone.
var played = []Subject{
	{Name: "mated", Happens: "Their captures match; sessions are completed and confirmed.", conduct: proves},
	{Name: "non-mated", Happens: "Their captures are of somebody else and do not match; sessions are completed and not confirmed.", conduct: differs},
	{Name: "completed", Happens: "Proves who they are: the session is completed and confirmed, once who asks at a counter has typed the code.", conduct: proves},
	{Name: "refused", Happens: "Opens the session and declines.", conduct: declines},
	{Name: "timeout", Happens: "Never opens the session; it ends at its deadline: ask for expires_in_s 10.", conduct: ignores},
	{Name: "wrong_code", Happens: "Opens the session and reads out two digits that are not those; whoever types them ends it. Of kinds with a code.", conduct: misreads},
	{Name: "credential_unusable", Happens: "Has a credential of which the face is locked. The phone sees that; who asks sees a session completed and not confirmed.", conduct: unusable},
	{Name: "cancelled", Happens: "Opens the session, whereupon who asks takes it back.", conduct: calledBack},
	{Name: "quorum_failed", Happens: "Does not match: a group in which they are needed has no quorum any more.", conduct: differs},
}

// population are the faces of a sandbox.
func population(dim int) accuracy.Population { return accuracy.Population{Seed: 2026, Dim: dim} }

// strangers are the first of the faces that nobody in a sandbox has: each is shown by one subject.
const strangers = 1 << 20

// Subjects are all, those with phones first, then one for each problem that is not [Apart].
func Subjects(problems []Problem) (all []Subject) {
	all = append(all, played...)
	for _, p := range problems {
		if Apart[p.Code] == "" {
			all = append(all, Subject{Name: p.Code, Code: p.Code, Happens: fmt.Sprintf("%d: %s %s", p.Status, p.Title, p.Action)})
		}
	}
	for i := range all {
		s := &all[i]
		s.Credential = credentialOf(s.Name)
		if s.face, s.shown = i, i; s.conduct == differs {
			s.shown = strangers + i
		}
	}
	return all
}

// credentialOf is the id of a subject. It is the same in every sandbox.
func credentialOf(name string) zhenni.CredentialID {
	sum := sha256.Sum256([]byte("zhenni sandbox subject 1 " + name))
	return zhenni.NewCredentialID([16]byte(sum[:16]))
}
