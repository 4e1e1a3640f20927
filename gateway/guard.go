package gateway

import (
	"bytes"
	"encoding/hex"
	"strings"
)

// A head is what the guard has established about a request whose head it let through.
type head struct {
	host          []byte
	contentLength int64
}

// Positions in the list of fields that may occur once only.
const (
	fieldService = iota
	fieldPurpose
	fieldHost
	fieldContentLength
	fieldTransferEncoding
	fieldContentEncoding
	fieldConnection
	fieldExpect
	fieldUpgrade
	fieldTrailer
	fieldAuthorization
	fieldContentType
	fieldTransaction
	fieldModel
	fieldSignature
	fieldSignatureInput
	fieldContentDigest
	fieldIdempotencyKey
	singleFields
)

// singleNames are the fields that decide something; a second one of any of them is refused.
var singleNames = [singleFields]string{
	"service", "purpose",
	"host", "content-length", "transfer-encoding", "content-encoding", "connection", "expect", "upgrade", "trailer",
	"authorization", "content-type", "transaction-id", "model",
	"signature", "signature-input", "content-digest", "idempotency-key",
}

// checkHead checks one whole head, its closing empty line included. What it lets through has one reading only: HTTP/1.1,
// GET or POST, a path without query, fields of visible ASCII on lines of their own, one Host, at most one framing.
func checkHead(raw []byte) (head, *refusal) {
	end := bytes.Index(raw, crlf)
	if r := checkRequestLine(raw[:end]); r != nil {
		return head{}, r
	}
	var single [singleFields][]byte
	count := 0
	for rest := raw[end+2:]; !bytes.Equal(rest, crlf); count++ {
		line, next, _ := bytes.Cut(rest, crlf)
		rest = next
		if count == maxFields {
			return head{}, &refusal{kind: kindHeadLarge}
		}
		if r := checkField(line, &single); r != nil {
			return head{}, r
		}
	}
	return checkFraming(raw[0] == 'G', &single)
}

var crlf = []byte("\r\n")

// checkRequestLine checks "METHOD SP path SP HTTP/1.1".
func checkRequestLine(line []byte) *refusal {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, protocol, _ := bytes.Cut(rest, []byte(" "))
	switch {
	case string(protocol) != "HTTP/1.1":
		return &refusal{kindMalformed, "the protocol is not HTTP/1.1"}
	case string(method) != "GET" && string(method) != "POST":
		if len(method) == 0 || len(bytes.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) != 0 {
			return &refusal{kindMalformed, "the method is not a name in capitals"}
		}
		return &refusal{kind: kindMethod}
	case len(target) == 0 || target[0] != '/':
		return &refusal{kindMalformed, "the target is not a path"}
	}
	for i, c := range target {
		switch {
		case c <= ' ' || c >= 0x7f || c == '#' || c == '%' && !startsHex(target[i+1:]):
			return &refusal{kindMalformed, "the target has a character that is not allowed"}
		case c == '?':
			return &refusal{kind: kindQuery}
		}
	}
	return nil
}

// startsHex reports whether s starts with the two digits of a percent-encoded byte (RFC 3986).
func startsHex(s []byte) bool {
	if len(s) < 2 {
		return false
	}
	_, err := hex.Decode(make([]byte, 1), s[:2])
	return err == nil
}

// checkField checks one "name: value" line and notes it where it is one that decides something.
func checkField(line []byte, single *[singleFields][]byte) *refusal {
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found || len(name) == 0 {
		return &refusal{kindMalformed, "a header line has no field name"}
	}
	for _, c := range name {
		if !tokenByte[c] {
			return &refusal{kindMalformed, "a field name has a character that is not allowed"}
		}
	}
	for _, c := range value {
		if c != '\t' && (c < ' ' || c >= 0x7f) {
			return &refusal{kindMalformed, "a field value has a character that is not visible ASCII"}
		}
	}
	value = bytes.Trim(value, " \t")
	for i, known := range singleNames {
		if len(name) == len(known) && strings.EqualFold(string(name), known) {
			if single[i] != nil {
				return &refusal{kindMalformed, known + " occurs twice"}
			}
			if single[i] = value; value == nil {
				single[i] = []byte{}
			}
			return nil
		}
	}
	return nil
}

// checkFraming checks the fields that say how long the body is, whom it is for and what happens to the connection.
func checkFraming(get bool, single *[singleFields][]byte) (head, *refusal) {
	h := head{host: single[fieldHost]}
	if encoding := single[fieldTransferEncoding]; encoding != nil {
		if single[fieldContentLength] == nil && strings.EqualFold(string(encoding), "chunked") {
			return h, &refusal{kind: kindLength}
		}
		return h, &refusal{kindMalformed, "transfer-encoding is not taken"}
	}
	if length := single[fieldContentLength]; length != nil {
		n, ok := parseLength(length)
		if !ok {
			return h, &refusal{kindMalformed, "content-length is not a plain number"}
		}
		h.contentLength = n
	}
	connection := string(single[fieldConnection])
	switch {
	case !validHost(h.host):
		return h, &refusal{kindMalformed, "host is missing or not a name"}
	case get && h.contentLength > 0:
		return h, &refusal{kindMalformed, "GET has a body"}
	case single[fieldExpect] != nil && (string(single[fieldExpect]) != "100-continue" || h.contentLength == 0):
		return h, &refusal{kind: kindExpect}
	case single[fieldUpgrade] != nil || single[fieldTrailer] != nil:
		return h, &refusal{kindMalformed, "upgrade and trailer are not taken"}
	case connection != "" && !strings.EqualFold(connection, "close") && !strings.EqualFold(connection, "keep-alive"):
		return h, &refusal{kindMalformed, "connection is neither close nor keep-alive"}
	}
	if encoding := single[fieldContentEncoding]; encoding != nil && !strings.EqualFold(string(encoding), "identity") {
		return h, &refusal{kind: kindEncoding}
	}
	return h, nil
}

// parseLength reads a Content-Length: digits without sign or leading zero, below 10^18.
func parseLength(s []byte) (int64, bool) {
	if len(s) == 0 || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// validHost reports whether s can be a name or an address with a port. It is compared, never resolved.
func validHost(s []byte) bool {
	for _, c := range s {
		if !tokenByte[c] && c != ':' && c != '[' && c != ']' || c == '%' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 255
}

// tokenByte marks the characters of an RFC 9110 token.
var tokenByte = func() (table [256]bool) {
	for c := range 128 {
		table[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
			strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return table
}()
