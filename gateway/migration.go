package gateway

import (
	"context"
	"encoding/hex"
	"strconv"

	"zhenni"
)

// Migrations says how far the live credentials of each tenant have templates of each model. Its methods may be called from
// several goroutines.
type Migrations interface {
	// Migrations counts them, for which it walks them all; it ends with ctx. A tenant without credentials has no count.
	Migrations(ctx context.Context) ([]zhenni.Migration, error)
	// Pending returns at most limit of those without a template of a model, behind an id, and the id to go on behind, where
	// there is more: [zhenni.ErrNotFound] for a model that there is not.
	Pending(model string, tenant zhenni.TenantID, behind zhenni.CredentialID, limit int) (
		pending []zhenni.CredentialID, next zhenni.CredentialID, more bool, err error)
}

// pendingPage is the most credentials of one page.
const pendingPage = 1000

// migration is GET /v1/models/{model}/migration: how many of the tenant's live credentials have a template of the model, and
// when that was counted.
func (s *Server) migration(rq *request) error {
	model, err := s.pathModel(rq)
	if err != nil {
		return err
	}
	ctx, cancel := s.batchTime()
	defer cancel()
	m, at, err := s.migrated(ctx, model, rq.party.Tenant)
	if err != nil {
		return err
	}
	answer := append(make([]byte, 0, 256), `{"model":`...)
	answer = appendString(answer, m.Model)
	answer = appendCount(answer, "total", m.Total)
	answer = appendCount(answer, "done", m.Done)
	answer = appendCount(answer, "pending", m.Pending)
	answer = appendTime(answer, "counted_at", at)
	rq.writeJSON(200, append(s.appendOrigin(answer, rq, false), '}'))
	return nil
}

// pending is GET /v1/models/{model}/pending: the first of the tenant's live credentials that have no template of the model.
func (s *Server) pending(rq *request) error { return s.pendingBehind(rq, zhenni.CredentialID{}) }

// morePending is GET /v1/models/{model}/pending/{cursor}: a later page.
func (s *Server) morePending(rq *request) error {
	written, _ := rq.ctx.UserValue("cursor").(string)
	behind, err := zhenni.ParseCredentialID(written)
	if err != nil {
		return refuse(kindNotFound, "")
	}
	return s.pendingBehind(rq, behind)
}

func (s *Server) pendingBehind(rq *request, behind zhenni.CredentialID) error {
	model, err := s.pathModel(rq)
	if err != nil {
		return err
	}
	ids, next, more, err := s.config.Migrations.Pending(model, rq.party.Tenant, behind, pendingPage)
	if err != nil {
		return err
	}
	answer := append(make([]byte, 0, 128+35*len(ids)), `{"model":`...)
	answer = append(appendString(answer, model), `,"pending":[`...)
	for i, id := range ids {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(hex.AppendEncode(append(answer, '"'), id[:]), '"')
	}
	answer = append(answer, ']')
	if more {
		answer = append(hex.AppendEncode(append(answer, `,"next":"`...), next[:]), '"')
	}
	rq.writeJSON(200, append(s.appendOrigin(answer, rq, false), '}'))
	return nil
}

// pathModel is the model that the path names, one of those served.
func (s *Server) pathModel(rq *request) (string, error) {
	written, _ := rq.ctx.UserValue("model").(string)
	if s.config.Migrations == nil {
		return "", refuse(kindNotFound, "this server knows no migrations")
	}
	rq.served = nil // what the head names is of no matter here
	return written, s.nameModel(rq, []byte(written))
}

func appendCount(dst []byte, name string, n int64) []byte {
	dst = append(append(append(dst, `,"`...), name...), `":`...)
	return strconv.AppendInt(dst, n, 10)
}
