package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"zhenni"

	"github.com/valyala/fasthttp"
)

// Sandbox is a server in which nobody is real, for who writes a client of the API: subjects that end in every way in which something
// can. Its methods may be called from several goroutines.
type Sandbox interface {
	// Problem is the code of the problem that whoever asks about a credential is answered with, empty for none.
	Problem(about zhenni.CredentialID) (code string)
	// Subjects is the document of GET /sandbox/subjects. It is not written to.
	Subjects() []byte
	// Play has the phone of a subject play its part in a session, as a document says that it is asked to, and returns what the phone
	// sees then. An error that has a problem, a [Rehearsed], is answered with that.
	Play(ctx context.Context, subject string, document []byte) ([]byte, error)
}

// Rehearsed is an error of a [Sandbox] that is told by a problem of the API.
type Rehearsed interface {
	error
	// Problem is the code of it, and what is said beside; of another code it is an internal failure.
	Problem() (code, detail string)
}

// sandboxField is in every answer of a sandbox.
const sandboxField = "Sandbox"

// maxPlay bounds the time that a phone of a sandbox plays.
const maxPlay = 30 * time.Second

// mark says in an answer what kind of server gives it.
func (s *Server) mark(ctx *fasthttp.RequestCtx) {
	if s.config.Unrecorded {
		ctx.Response.Header.Set(unrecordedField, "true")
	}
	if s.config.Sandbox != nil {
		ctx.Response.Header.Set(sandboxField, "true")
	}
}

// sandboxRoutes are those of a sandbox alone, and no part of the API: /openapi.json has none of them.
func (s *Server) sandboxRoutes() []*route {
	if s.config.Sandbox == nil {
		return nil
	}
	return []*route{
		{method: "GET", path: "/sandbox/subjects", handle: (*Server).sandboxSubjects},
		{method: "POST", path: "/sandbox/phones/{subject}", handle: (*Server).playPhone},
	}
}

// sandboxSubjects is GET /sandbox/subjects.
func (s *Server) sandboxSubjects(rq *request) error {
	rq.writeJSON(200, s.config.Sandbox.Subjects())
	return nil
}

// playPhone is POST /sandbox/phones/{subject}.
func (s *Server) playPhone(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	subject, _ := rq.ctx.UserValue("subject").(string)
	ctx, cancel := context.WithTimeout(context.Background(), maxPlay)
	defer cancel()
	seen, err := s.config.Sandbox.Play(ctx, subject, body)
	var told Rehearsed
	if errors.As(err, &told) {
		code, detail := told.Problem()
		return refuse(kindOf(code), detail)
	}
	if err != nil {
		return err
	}
	rq.writeJSON(200, seen)
	return nil
}

// kindOf finds the kind of a code, internal where there is none.
func kindOf(code string) *kind {
	for _, k := range kinds {
		if k.code == code {
			return k
		}
	}
	return kindInternal
}

// rehearse refuses a request about a credential whose part in a sandbox it is to be refused: as if what causes the problem had come to
// pass, with what is told beside it.
func (s *Server) rehearse(rq *request, about ...zhenni.CredentialID) error {
	if s.config.Sandbox == nil {
		return nil
	}
	for _, id := range about {
		code := s.config.Sandbox.Problem(id)
		if code == "" {
			continue
		}
		k := kindOf(code)
		if k == kindQuota {
			rq.tellQuota(zhenni.Quota{PerMinute: 1}, 0, minuteSeconds, 0, 0)
			return rq.refuseFor(minuteSeconds*time.Second, k)
		}
		return refuse(k, "the sandbox plays this: nothing is wrong with the request")
	}
	return nil
}

// ProblemCode is one of the problems that the API answers with (RFC 9457).
type ProblemCode struct {
	Code      string `json:"code"`
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Action    string `json:"action"`
	Retryable bool   `json:"retryable"`
}

// ProblemCodes are all of them, in the order of their codes.
func ProblemCodes() []ProblemCode {
	var all []ProblemCode
	for _, k := range kinds {
		all = append(all, ProblemCode{k.code, k.status, k.title, k.action, k.retryable})
	}
	slices.SortFunc(all, func(a, b ProblemCode) int { return cmp.Compare(a.Code, b.Code) })
	return all
}
