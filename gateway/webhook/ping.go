package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"zhenni"
)

// ErrNotTaken: the endpoint answered, and asking it again would not change what.
var ErrNotTaken = errors.New("webhook: the endpoint does not take it")

// Ping posts a document in JSON with a bearer token, where and as messages are sent, and takes any answer of 2xx (CIBA Core 1.0
// §10.2). No answer, and one that another attempt may better, is [zhenni.ErrUnavailable]; a redirect, which is not followed, and any
// other answer is [ErrNotTaken]; an address that is none, [zhenni.ErrBadValue].
func (c *Client) Ping(ctx context.Context, address, bearer string, body []byte) error {
	status, err := c.send(ctx, address, body, http.Header{"User-Agent": {"zhenni-ciba/1"}, "Authorization": {"Bearer " + bearer}})
	switch {
	case err != nil:
		return err
	case status/100 == 2:
		return nil
	case status/100 == 5, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: webhook: answered %d", zhenni.ErrUnavailable, status)
	}
	return fmt.Errorf("%w: answered %d", ErrNotTaken, status)
}
