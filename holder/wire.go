package holder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"zhenni"
)

// maxAnswer bounds an answer of a server, and an event of a stream, in bytes.
const maxAnswer = 1 << 20

// wire is a server, and what does the requests.
type wire struct {
	base      *url.URL
	transport http.RoundTripper
}

func newWire(address string, transport http.RoundTripper) (wire, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || strings.Trim(base.Path, "/")+base.RawQuery != "" {
		return wire{}, fmt.Errorf("%w: url: want http or https, and a host", zhenni.ErrBadValue)
	}
	if transport == nil {
		return wire{}, fmt.Errorf("%w: a client wants a transport", zhenni.ErrBadValue)
	}
	return wire{&url.URL{Scheme: base.Scheme, Host: base.Host}, transport}, nil
}

// Refusal is a server's answer that is none of what was asked (RFC 9457).
type Refusal struct {
	Status      int    `json:"status"`
	Code        string `json:"code"`
	Title       string `json:"title"`
	Detail      string `json:"detail"`
	Action      string `json:"action"`
	Retryable   bool   `json:"retryable"`
	Transaction string `json:"txn"`
}

// Error says what was refused and what to do about it.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("server: %d %s: %s", r.Status, r.Code, r.Title)
	for _, more := range []string{r.Detail, r.Action} {
		if more == "" || more == r.Title {
			continue
		}
		if !strings.HasSuffix(text, ".") {
			text += "."
		}
		text += " " + more
	}
	return text
}

// Again reports whether the same request may be sent once more after an error: there was no answer, or the server says so.
func Again(err error) bool {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Retryable
	}
	return errors.Is(err, zhenni.ErrUnavailable)
}

// request makes a request, and returns its body too. A body of nil is none.
func (w *wire) request(ctx context.Context, method, path string, body any) (*http.Request, []byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", zhenni.ErrBadValue, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, w.base.JoinPath(path).String(), bytes.NewReader(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", zhenni.ErrBadValue, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, text, nil
}

// send does a request. The body of an answer of status 2xx or 304 is the caller's to read and close; any other is a [*Refusal].
func (w *wire) send(request *http.Request) (*http.Response, error) {
	response, err := w.transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	if response.StatusCode/100 == 2 || response.StatusCode == http.StatusNotModified {
		return response, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w: the answer is cut: %w", zhenni.ErrUnavailable, err)
	}
	refusal := &Refusal{}
	_ = json.Unmarshal(text, refusal) // what is no problem document of a zhenni has its status at least
	refusal.Status = response.StatusCode
	return nil, refusal
}

// read does a request and reads the answer into what it is of, nothing where it stayed the same. The entity tag is returned.
func (w *wire) read(request *http.Request, into any) (tag string, err error) {
	response, err := w.send(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil || len(text) > maxAnswer {
		return "", fmt.Errorf("%w: the answer is cut, or longer than %d bytes", zhenni.ErrUnavailable, maxAnswer)
	}
	tag = response.Header.Get("ETag")
	if response.StatusCode == http.StatusNotModified {
		return tag, nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return "", fmt.Errorf("%w: the answer is not what was asked for: %w", zhenni.ErrUnavailable, err)
	}
	return tag, nil
}
