package gateway

import (
	"time"

	"zhenni"
)

// verdictMembers is `"outcome":"…"` with what explains it, by outcome. An outcome that is none is a refusal.
var verdictMembers = func() (members [256][]byte) {
	for i := range members {
		o := zhenni.Outcome(i)
		if o == zhenni.Pending || i >= zhenni.OutcomeCount {
			o = zhenni.RefusedInternal
		}
		member := `"outcome":"` + o.Verdict() + `"`
		if reason := o.Reason(); reason != "" {
			member += `,"reason":"` + reason + `"`
			if o.Retryable() {
				member += `,"retryable":true`
			} else {
				member += `,"retryable":false`
			}
		}
		members[i] = []byte(member)
	}
	return members
}()

// appendOrigin writes the members every answer ends with: the profile where one decided, the transaction, the mark of
// an evaluation tenant.
func (s *Server) appendOrigin(dst []byte, rq *request, withProfile bool) []byte {
	if withProfile {
		dst = append(dst, s.by(rq).member...)
	}
	dst = append(dst, `,"transaction":"`...)
	dst = append(dst, rq.transaction...)
	dst = append(dst, '"')
	if rq.party.Evaluation {
		dst = append(dst, `,"evaluation":true`...)
	}
	return dst
}

// appendTime writes a member with t in UTC, to the millisecond.
func appendTime(dst []byte, name string, t time.Time) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	t = t.UTC()
	dst = t.AppendFormat(dst, time.RFC3339) // which has a fast path; a layout with milliseconds has none
	ms := t.Nanosecond() / 1e6
	return append(dst[:len(dst)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
}

// writeJSON sets the answer; body is the request's own.
func (rq *request) writeJSON(status int, body []byte) {
	rq.ctx.SetStatusCode(status)
	rq.ctx.Response.Header.SetContentType("application/json")
	rq.ctx.Response.SetBodyRaw(body)
}
