package httpsig

import (
	"crypto/sha256"
	"crypto/sha512"
)

// A digest is what Content-Digest says of a body (RFC 9530): one digest, or two that both have to be right.
type digest struct {
	has256, has512 bool
	sum256         [sha256.Size]byte
	sum512         [sha512.Size]byte
}

// read reads the field. SHA-1, MD5 and whatever else there is are refused wherever they stand: beside a good digest they
// could only tell of another body to who checks no better.
func (d *digest) read(field []byte) error {
	if err := checkField(digestField, field); err != nil {
		return err
	}
	in := cursor{data: field}
	for {
		if err := d.readMember(&in); err != nil {
			return err
		}
		if in.atEnd() {
			return nil
		}
		in.spaces()
		if !in.take(',') {
			return refuse(ErrSyntax, digestField, "something follows a digest")
		}
		in.spaces()
	}
}

func (d *digest) readMember(in *cursor) error {
	var has *bool
	var sum []byte
	name := in.key()
	switch string(name) {
	case "sha-256":
		has, sum = &d.has256, d.sum256[:]
	case "sha-512":
		has, sum = &d.has512, d.sum512[:]
	case "":
		return refuse(ErrSyntax, digestField, "there is no name of an algorithm")
	default:
		return refuse(ErrDigest, digestField, "an algorithm is neither sha-256 nor sha-512")
	}
	if *has {
		return refuse(ErrSyntax, digestField, "an algorithm occurs twice")
	}
	var value octets
	if !in.take('=') {
		return refuse(ErrSyntax, digestField, "an algorithm has no digest")
	}
	if n, ok := in.binary(&value); !ok || n != len(sum) {
		return refuse(ErrSyntax, digestField, "a digest is not canonical base64 of its length between colons")
	}
	copy(sum, value[:])
	*has = true
	return nil
}

// agrees reports whether a digest that somebody made already is the one that the field has, where it has one.
func (d *digest) agrees(sum256 *[sha256.Size]byte) bool {
	return sum256 == nil || !d.has256 || *sum256 == d.sum256
}

// matches reports whether every digest is that of the body. It makes those that nobody made already.
func (d *digest) matches(body []byte, sum256 *[sha256.Size]byte) bool {
	if d.has256 && sum256 == nil && sha256.Sum256(body) != d.sum256 {
		return false
	}
	return d.agrees(sum256) && (!d.has512 || sha512.Sum512(body) == d.sum512)
}

// appendDigest appends the field of a body's SHA-256.
func appendDigest(dst []byte, sum [sha256.Size]byte) []byte {
	dst = append(dst, "sha-256=:"...)
	dst = canonical.AppendEncode(dst, sum[:])
	return append(dst, ':')
}
