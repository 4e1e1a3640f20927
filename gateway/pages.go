package gateway

import (
	"github.com/valyala/fasthttp"

	"zhenni/gateway/pages"
)

// pageRoutes are the routes of the pages, which are for people and no part of the API: /openapi.json has none of them. They are
// open to all: what a page shows, it asks the API for.
func pageRoutes(files []pages.File) []*route {
	var routes []*route
	for i := range files {
		f := &files[i]
		routes = append(routes, &route{method: "GET", path: "pages", pattern: f.Path, handle: func(s *Server, rq *request) error { return s.page(rq, f) }})
	}
	return routes
}

// page answers with a file of the pages. A server without sessions has none.
func (s *Server) page(rq *request, f *pages.File) error {
	if s.config.Sessions == nil {
		return refuse(kindNotFound, "")
	}
	h := &rq.ctx.Response.Header
	for _, field := range pages.Headers {
		h.Set(field[0], field[1])
	}
	h.Set(fasthttp.HeaderETag, f.ETag)
	h.Set(fasthttp.HeaderCacheControl, f.CacheControl())
	if string(rq.ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)) == f.ETag {
		rq.ctx.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	h.SetContentType(f.Media)
	rq.ctx.Response.SetBodyRaw(f.Body)
	return nil
}
