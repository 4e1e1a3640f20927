package httpsig

import "bytes"

// A Field is a header field that a signature may cover.
type Field struct {
	// Name is in lower case.
	Name string
	// Value is empty where the request does not have the field.
	Value []byte
}

// A Request is what a signature is made over. It belongs to the caller; nothing of it is changed but by [Signer.Sign]. The
// caller takes its parts as they came, before any of its own normalisation, and refuses what says one thing twice: two lines
// of a field that is named here.
type Request struct {
	Method []byte
	// Authority is the Host field: a name or an address, with or without a port.
	Authority []byte
	// TLS says which port is the one that a name without a port means: 443, otherwise 80.
	TLS bool
	// Path and Query are as sent, percent-encoded, without the "?" between them.
	Path, Query []byte
	// Fields are those that a signature may cover, at most 11: a signature covers 16 things, five of them its own.
	Fields []Field
	Body   []byte
	// BodyFollows says that there is a body, and that it has not come yet: Body is empty, and [Claim.VerifyBody] gets it.
	BodyFollows bool
	// BodySHA256 is the digest of Body where the caller has it already; it is believed.
	BodySHA256 *[32]byte
	// The fields of the signature, empty where the request does not have them.
	ContentDigest, SignatureInput, Signature []byte
}

// The components that are not header fields of the caller's choice.
const (
	componentMethod    = "@method"
	componentAuthority = "@authority"
	componentPath      = "@path"
	componentQuery     = "@query"
	componentDigest    = "content-digest"
)

// field returns the value of the caller's field of that name, without the white space around it. It is empty where the
// request does not have the field; listed says whether a signature may cover it at all.
func (r *Request) field(name []byte) (value []byte, listed bool) {
	for i := range r.Fields {
		if string(name) == r.Fields[i].Name {
			return bytes.Trim(r.Fields[i].Value, " \t"), true
		}
	}
	return nil, false
}

// appendComponent appends the value of a component (RFC 9421 §2). None has a line break, by which one component could
// pose as two.
func (r *Request) appendComponent(dst, name []byte) ([]byte, error) {
	switch string(name) {
	case componentMethod:
		return appendChecked(dst, componentMethod, r.Method, '!')
	case componentAuthority:
		return r.appendAuthority(dst)
	case componentPath:
		return r.appendPath(dst)
	case componentQuery:
		if bytes.IndexByte(r.Query, '#') >= 0 {
			return dst, refuse(ErrSyntax, componentQuery, "there is a fragment")
		}
		if len(r.Query) == 0 {
			return append(dst, '?'), nil
		}
		return appendChecked(append(dst, '?'), componentQuery, r.Query, '!')
	case componentDigest:
		return appendChecked(dst, digestField, r.ContentDigest, ' ')
	}
	value, listed := r.field(name)
	if !listed {
		return dst, refuse(ErrProfile, inputField, "covers a component that is not taken")
	}
	return appendChecked(dst, "a covered field", value, ' ')
}

// appendChecked appends a value that is there, within its bound and of ASCII from lowest to '~'.
func appendChecked(dst []byte, name string, value []byte, lowest byte) ([]byte, error) {
	switch {
	case len(value) == 0:
		return dst, refuse(ErrProfile, name, "covered, and the request does not have it")
	case len(value) > maxField:
		return dst, refuse(ErrSyntax, name, "more than 2048 bytes")
	case !within(value, lowest):
		return dst, refuse(ErrSyntax, name, "there is a character that is not visible ASCII")
	}
	return append(dst, value...), nil
}

func (r *Request) appendPath(dst []byte) ([]byte, error) {
	if len(r.Path) == 0 {
		return append(dst, '/'), nil
	}
	if r.Path[0] != '/' || bytes.ContainsAny(r.Path, "?#") {
		return dst, refuse(ErrSyntax, componentPath, "not an absolute path")
	}
	return appendChecked(dst, componentPath, r.Path, '!')
}

// appendAuthority appends the host in lower case, without a port that says nothing (RFC 9110 §4.2.3).
func (r *Request) appendAuthority(dst []byte) ([]byte, error) {
	host := r.Authority
	if colon := bytes.LastIndexByte(host, ':'); colon >= 0 {
		port := string(host[colon+1:]) // of an address in brackets and no port, its end: no number
		if port == "" || r.TLS && port == "443" || !r.TLS && port == "80" {
			host = host[:colon]
		}
	}
	if len(host) == 0 || len(host) > 255 {
		return dst, refuse(ErrSyntax, componentAuthority, "not a name or an address")
	}
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if !authorityByte[c] {
			return dst, refuse(ErrSyntax, componentAuthority, "not a name or an address")
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// authorityByte marks the characters of a host and a port (RFC 3986 §3.2), which leave out those of a user.
var authorityByte = table("abcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:[]")

// nonceByte marks the base64url alphabet.
var nonceByte = table("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

func table(members string) (t [256]bool) {
	for i := range len(members) {
		t[members[i]] = true
	}
	return t
}

// appendBase appends the signature base (RFC 9421 §2.5): a line for each component, and one for what the signature says
// of itself.
func (r *Request) appendBase(dst []byte, components [][]byte, parameters []byte) ([]byte, error) {
	for _, name := range components {
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `": `...)
		var err error
		if dst, err = r.appendComponent(dst, name); err != nil {
			return dst, err
		}
		dst = append(dst, '\n')
	}
	dst = append(dst, `"@signature-params": `...)
	return append(dst, parameters...), nil
}
