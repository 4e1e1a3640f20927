package gateway

import (
	"errors"
	"strconv"
	"strings"

	"zhenni"

	"github.com/valyala/fasthttp"
)

// AuditLog is what the gateway shows of the audit log. Its methods may be called from several goroutines.
type AuditLog interface {
	// Checkpoint returns the newest signed checkpoint, in the form of C2SP tlog-checkpoint.
	Checkpoint() []byte
	// Tile returns a tile or a bundle of entries by its path of C2SP tlog-tiles: [zhenni.ErrBadValue] for what is no
	// path, [zhenni.ErrNotFound] for what is not there. What it returned once it returns for good, until it is deleted.
	Tile(path string) ([]byte, error)
	// Witnessed keeps a checkpoint that the log's witness cosigned: [zhenni.ErrNotFound] where the log has no witness,
	// [zhenni.ErrCorrupt] for anything that it did not cosign or that is not of this log.
	Witnessed(cosigned []byte) error
	// Proof returns a JSON document that shows a party its verification, or one item of its batch, in the log:
	// [zhenni.ErrNotFound] for a transaction that the party has not made, [zhenni.ErrUnavailable] for one that no
	// checkpoint has yet.
	Proof(party zhenni.RelyingParty, transaction string, item int) ([]byte, error)
}

const (
	mediaText   = "text/plain; charset=utf-8"
	mediaOctets = "application/octet-stream"
	// immutable is said of what never changes under its address: a tile of a given width.
	immutable = "public, max-age=31536000, immutable"
	// maxCheckpointBytes bounds a checkpoint with its signatures.
	maxCheckpointBytes = 4 << 10
)

// checkpoint is GET /log/checkpoint.
func (s *Server) checkpoint(rq *request) error {
	if s.config.Audit == nil {
		return refuse(kindNotFound, "")
	}
	rq.ctx.Response.Header.SetContentType(mediaText)
	rq.ctx.Response.SetBodyRaw(s.config.Audit.Checkpoint())
	return nil
}

// tile is GET /log/tile/{path}. The log knows one spelling of each path.
func (s *Server) tile(rq *request) error {
	path, _ := rq.ctx.UserValue("path").(string)
	if s.config.Audit == nil {
		return refuse(kindNotFound, "")
	}
	data, err := s.config.Audit.Tile("tile/" + path)
	switch {
	case errors.Is(err, zhenni.ErrBadValue), errors.Is(err, zhenni.ErrNotFound):
		return refuse(kindNotFound, "")
	case err != nil:
		return err
	}
	rq.ctx.Response.Header.SetContentType(mediaOctets)
	rq.ctx.Response.Header.Set(fasthttp.HeaderCacheControl, immutable)
	rq.ctx.Response.SetBodyRaw(data)
	return nil
}

// witness is POST /log/witness: a checkpoint comes back with its witness' cosignature. Nobody need say who they are:
// the cosignature does.
func (s *Server) witness(rq *request) error {
	if s.config.Audit == nil {
		return refuse(kindNotFound, "")
	}
	if s.config.Unrecorded {
		return refuse(kindUnavailable, "the server records nothing, and takes no cosignatures")
	}
	if !hasMedia(rq, "text/plain") {
		return refuse(kindMedia, "")
	}
	cosigned, err := rq.readBody(maxCheckpointBytes, documentWeight)
	if err != nil {
		return err
	}
	err = s.config.Audit.Witnessed(cosigned)
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return refuse(kindNotFound, "")
	case errors.Is(err, zhenni.ErrCorrupt):
		return refuse(kindSyntax, "not a checkpoint of this log with its witness' cosignature")
	case err != nil:
		return err
	}
	rq.writeJSON(200, []byte(`{"status":"kept"}`))
	return nil
}

// proof is GET /v1/verifications/{id}/proof, of a single verification of who asks; an auditor's is
// GET /v1/parties/{party}/transactions/{id}/proof.
func (s *Server) proof(rq *request) error { return s.proveItem(rq, 0) }

// itemProof is proof of one item of a batch: …/proof/{item}.
func (s *Server) itemProof(rq *request) error {
	written, _ := rq.ctx.UserValue("item").(string)
	item, err := strconv.Atoi(written)
	if err != nil || item < 0 || item >= zhenni.MaxBatchItems || strconv.Itoa(item) != written {
		return refuse(kindNotFound, "")
	}
	return s.proveItem(rq, item)
}

// provenParty is whose verification is proven: that of who asks, or for an auditor of the party in the path. A party that is not
// there, or of another tenant, has made no transactions.
func (s *Server) provenParty(rq *request) zhenni.RelyingParty {
	if rq.ctx.UserValue("party") == nil {
		return rq.party
	}
	party, err := s.namedParty(rq)
	if err != nil {
		return zhenni.RelyingParty{}
	}
	return party
}

// provesSession reports whether the party that asks may open what was recorded of a session: whose credential was compared, and what
// came of it. It is a party that named the credentials itself, and learns no more of how they answered than the session shows it.
func (s *Server) provesSession(rq *request, transaction string) bool {
	parts := strings.Split(strings.TrimPrefix(transaction, zhenni.SessionTransactions), ".")
	id, err := zhenni.ParseSessionID(parts[0])
	if err != nil || len(parts) != 3 || s.config.Sessions == nil {
		return false
	}
	session, err := s.config.Sessions.Session(id)
	seat, err2 := strconv.Atoi(parts[1])
	return err == nil && err2 == nil && session.Party == rq.party.ID && session.Tenant == rq.party.Tenant && session.Named() &&
		session.Vouches(seat) && session.Transaction(seat) == transaction
}

// proveItem answers alike for a transaction that nobody made and one of another party.
func (s *Server) proveItem(rq *request, item int) error {
	transaction, _ := rq.ctx.UserValue("id").(string)
	if s.config.Audit == nil || !zhenni.ValidName(transaction) {
		return refuse(kindNotFound, "")
	}
	if s.config.Unrecorded {
		return refuse(kindUnavailable, "the server records nothing, and makes no proofs of what was recorded before")
	}
	if strings.HasPrefix(transaction, zhenni.SessionTransactions) && rq.ctx.UserValue("party") == nil && !s.provesSession(rq, transaction) {
		return refuse(kindNotFound, "")
	}
	document, err := s.config.Audit.Proof(s.provenParty(rq), transaction, item)
	if errors.Is(err, zhenni.ErrNotFound) {
		return refuse(kindNotFound, "")
	}
	if err != nil {
		return err
	}
	rq.writeJSON(200, document)
	return nil
}
