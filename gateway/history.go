package gateway

import (
	"context"
	"time"

	"zhenni"
)

// History tells the holder of a credential who asked about it. Its methods may be called from several goroutines.
type History interface {
	// Note takes note of decisions that were recorded. It waits for no disk, and the slices stay the caller's.
	Note(who zhenni.Asker, at time.Time, ids []zhenni.CredentialID, outcomes []zhenni.Outcome)
	// Asked returns at most limit questions about a credential of a tenant, the newest first, from a place on.
	Asked(ctx context.Context, tenant zhenni.TenantID, id zhenni.CredentialID, from zhenni.AskedCursor, limit int) (zhenni.AskedPage, error)
	// Forget hides, durably, what was noted about credentials so far.
	Forget(ctx context.Context, ids ...zhenni.CredentialID) error
	// Stats returns the counts since start.
	Stats() zhenni.HistoryStats
}

// historyPage is the most entries of a page.
const historyPage = 100

// note tells the history of a decision that was recorded. What an evaluation asks is about nobody.
func (s *Server) note(rq *request, d zhenni.Decision) {
	if d.Change || s.config.History == nil || rq.evaluation() {
		return
	}
	who := zhenni.Asker{Tenant: rq.askedTenant(), Party: rq.party.ID}
	if rq.terms.granted != nil { // so that both are of the catalogue, of which there are few
		who.Service, who.Purpose = rq.terms.service, rq.terms.purpose
	}
	ids := d.IDs
	if rq.noted != nil {
		ids = rq.noted
	}
	s.config.History.Note(who, d.At, ids, d.Outcomes)
}

// history is GET /v1/credentials/{id}/history: the newest page of who asked.
func (s *Server) history(rq *request) error { return s.asked(rq, zhenni.AskedCursor{}) }

// olderHistory is GET /v1/credentials/{id}/history/{cursor}: a later page.
func (s *Server) olderHistory(rq *request) error {
	written, _ := rq.ctx.UserValue("cursor").(string)
	from, err := zhenni.ParseAskedCursor(written)
	if err != nil {
		return refuse(kindNotFound, "")
	}
	return s.asked(rq, from)
}

// asked answers with the page from a place on. Of a credential of another tenant nothing is there.
func (s *Server) asked(rq *request, from zhenni.AskedCursor) error {
	id, err := s.ownCredential(rq)
	if err != nil {
		return err
	}
	ctx, cancel := s.batchTime()
	defer cancel()
	page, err := s.config.History.Asked(ctx, rq.party.Tenant, id, from, historyPage)
	if err != nil {
		return err
	}
	s.writeHistory(rq, id, page)
	return nil
}

// forgetHistory is POST /v1/credentials/{id}/history/forget. Repeating it forgets what was noted since.
func (s *Server) forgetHistory(rq *request) error {
	if !rq.bodyRead {
		return refuse(kindSyntax, "this request takes no body")
	}
	id, err := s.ownCredential(rq)
	if err != nil {
		return err
	}
	if err := s.forget(id); err != nil {
		return err
	}
	answer := append(make([]byte, 0, 160), `{"credential":"`...)
	answer = append(append(answer, id.String()...), `","history":"forgotten"`...)
	rq.writeJSON(200, append(s.appendOrigin(answer, rq, false), '}'))
	return nil
}

// forget hides what was noted about a credential, where anything is.
func (s *Server) forget(id zhenni.CredentialID) error {
	if s.config.History == nil {
		return nil
	}
	ctx, cancel := s.batchTime()
	defer cancel()
	return s.config.History.Forget(ctx, id)
}

// ownCredential reads the id of the path, which is of a credential of the key's tenant.
func (s *Server) ownCredential(rq *request) (zhenni.CredentialID, error) {
	if s.config.History == nil {
		return zhenni.CredentialID{}, refuse(kindNotFound, "")
	}
	id, err := rq.credentialID()
	if err != nil {
		return id, err
	}
	_, err = s.owned(rq, id)
	return id, err
}

func (s *Server) writeHistory(rq *request, id zhenni.CredentialID, page zhenni.AskedPage) {
	answer := append(make([]byte, 0, 512+160*len(page.Entries)), `{"credential":"`...)
	answer = append(append(answer, id.String()...), `","entries":[`...)
	for i, e := range page.Entries {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = appendAsked(answer, e)
	}
	answer = appendTime(append(answer, ']'), "since", page.Since)
	answer = append(answer, `,"gaps":[`...)
	for i, g := range page.Gaps {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(append(append(answer, `{"cause":"`...), g.Cause.String()...), '"')
		answer = append(appendTime(appendTime(answer, "from", g.From), "to", g.To), '}')
	}
	answer = append(answer, ']')
	if page.Next != (zhenni.AskedCursor{}) {
		answer = append(append(append(answer, `,"next":"`...), page.Next.String()...), '"')
	}
	rq.writeJSON(200, append(s.appendOrigin(answer, rq, false), '}'))
}

func appendAsked(dst []byte, e zhenni.Asked) []byte {
	dst = append(append(append(dst, `{"outcome":"`...), e.Verdict...), '"')
	for _, member := range [...]struct{ name, value string }{{"party", e.Party}, {"service", e.Service}, {"purpose", e.Purpose}} {
		if member.value != "" {
			dst = append(append(append(dst, `,"`...), member.name...), `":`...)
			dst = appendString(dst, member.value)
		}
	}
	return append(appendTime(dst, "time", e.At), '}')
}
