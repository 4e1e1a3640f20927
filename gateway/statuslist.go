package gateway

import (
	"fmt"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// StatusLists are Token Status Lists that were published. Its method may be called from several goroutines.
type StatusLists interface {
	// Page returns a list: its signed token, which stays as it is, a strong validator with its quotes, and for how long it
	// may be cached. ok is false where there is no list of that number.
	Page(list uint32, now time.Time) (token []byte, etag string, maxAge time.Duration, ok bool)
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
