package gateway

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"zhenni"
)

// StatusLists are Token Status Lists that were published. Its methods may be called from several goroutines.
type StatusLists interface {
	// Page returns a list: its signed token, which stays as it is, a strong validator with its quotes, and for how long it
	// may be cached. ok is false where there is no list of that number.
	Page(list uint32, now time.Time) (token []byte, etag string, maxAge time.Duration, ok bool)
	// URI returns what a list says that it is, and what a holder is told of where it is.
	URI(list uint32) string
	// Stats returns what became of the lists since the start.
	Stats() zhenni.StatusListStats
}

const mediaStatusList = "application/statuslist+jwt"

// statusList is GET /status-lists/{list}. It takes no credential, and what is asked for is the same for everybody: who
// fetches a list does not say whom they were shown. A list has one spelling of its number.
func (s *Server) statusList(rq *request) error {
	number, _ := rq.ctx.UserValue("list").(string)
	list, err := strconv.ParseUint(number, 10, 32)
	if s.config.StatusLists == nil || err != nil || strconv.FormatUint(list, 10) != number {
		return refuse(kindNotFound, "")
	}
	token, etag, maxAge, ok := s.config.StatusLists.Page(uint32(list), s.config.Now())
	if !ok {
		return refuse(kindNotFound, "")
	}
	h := &rq.ctx.Response.Header
	h.Set(fasthttp.HeaderETag, etag)
	h.Set(fasthttp.HeaderCacheControl, fmt.Sprintf("public, max-age=%d", maxAge/time.Second))
	if string(rq.ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)) == etag {
		rq.ctx.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	h.SetContentType(mediaStatusList)
	rq.ctx.Response.SetBodyRaw(token)
	return nil
}

// appendStatusIndex writes where the status of a credential is published, for its holder: to an issuer or a terminal, who
// hands it on. Whoever else had it could tell the credential again wherever it is shown.
func (s *Server) appendStatusIndex(dst []byte, rq *request, c zhenni.Credential) []byte {
	forHolder := rq.party.Roles.Has(zhenni.RoleIssuer) || rq.party.Roles.Has(zhenni.RoleTerminal)
	if s.config.StatusLists == nil || c.StatusIndex == 0 || !forHolder {
		return dst
	}
	dst = append(dst, `,"status_list_uri":`...)
	dst = appendString(dst, s.config.StatusLists.URI(c.StatusIndex.List()))
	dst = append(dst, `,"status_list_idx":`...)
	return strconv.AppendUint(dst, uint64(c.StatusIndex.Index()), 10)
}

// A statusListCollector turns what the status lists tell of themselves into metrics when it is asked.
type statusListCollector struct{ lists StatusLists }

var (
	descStatusLists         = describe("status_lists", "Token status lists that are served.")
	descStatusListPublished = describe("status_lists_published_timestamp_seconds", "When all status lists were last as the store has it, 0 for not yet.")
	descStatusListFailures  = describe("status_list_failures_total", "Times that the status lists could not be filled or published.")
)

// Describe implements prometheus.Collector.
func (c statusListCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descStatusLists, descStatusListPublished, descStatusListFailures} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c statusListCollector) Collect(out chan<- prometheus.Metric) {
	s := c.lists.Stats()
	published := 0.0
	if !s.Published.IsZero() {
		published = float64(s.Published.Unix())
	}
	out <- prometheus.MustNewConstMetric(descStatusLists, prometheus.GaugeValue, float64(s.Lists))
	out <- prometheus.MustNewConstMetric(descStatusListPublished, prometheus.GaugeValue, published)
	out <- prometheus.MustNewConstMetric(descStatusListFailures, prometheus.CounterValue, float64(s.Failures))
}
