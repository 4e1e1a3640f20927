package httpsig

import (
	"bytes"
	"slices"
)

// parameter is a set of the parameters of a signature.
type parameter uint8

const (
	sayCreated parameter = 1 << iota
	sayExpires
	sayNonce
	sayKeyID
	sayAlg
	sayTag
)

func (p parameter) has(other parameter) bool { return p&other != 0 }

// readInput reads Signature-Input, label=("name" "name");parameter=value;parameter=value, and returns its label.
func (c *Claim) readInput(field []byte) (label []byte, err error) {
	if err := checkField(inputField, field); err != nil {
		return nil, err
	}
	in := cursor{data: field}
	label = in.key()
	if len(label) == 0 || !in.take('=') {
		return nil, refuse(ErrSyntax, inputField, "want a label and a list")
	}
	start := in.at
	if err := c.readComponents(&in); err != nil {
		return nil, err
	}
	for in.take(';') {
		if err := c.readParameter(&in); err != nil {
			return nil, err
		}
	}
	c.parameters = field[start:in.at]
	return label, checkEnd(&in, inputField)
}

// checkEnd refuses what follows the one member of a dictionary.
func checkEnd(in *cursor, name string) error {
	if in.atEnd() {
		return nil
	}
	if in.spaces(); in.take(',') {
		return refuse(ErrProfile, name, "more than one signature")
	}
	return refuse(ErrSyntax, name, "something follows the signature")
}

// readComponents reads the list of names.
func (c *Claim) readComponents(in *cursor) error {
	if !in.take('(') {
		return refuse(ErrSyntax, inputField, "want a label and a list")
	}
	for !in.take(')') {
		if c.covered > 0 && !in.take(' ') {
			return refuse(ErrSyntax, inputField, "the components are not separated by one space")
		}
		name, ok := in.text()
		switch {
		case !ok:
			return refuse(ErrSyntax, inputField, "a component is not a plain string")
		case in.next() == ';':
			return refuse(ErrProfile, inputField, "a component has a parameter")
		case c.covered == maxComponents:
			return refuse(ErrProfile, inputField, "more than 16 components")
		case slices.ContainsFunc(c.names[:c.covered], func(other []byte) bool { return bytes.Equal(name, other) }):
			return refuse(ErrProfile, inputField, "a component occurs twice")
		}
		c.names[c.covered] = name
		c.covered++
	}
	return nil
}

// readParameter reads name=value behind a semicolon.
func (c *Claim) readParameter(in *cursor) error {
	name := in.key()
	if len(name) == 0 || !in.take('=') {
		return refuse(ErrSyntax, inputField, "a parameter is not a name and a value")
	}
	switch string(name) {
	case "created":
		return c.readInteger(in, sayCreated, "created", &c.Created)
	case "expires":
		return c.readInteger(in, sayExpires, "expires", &c.Expires)
	case "nonce":
		return c.readText(in, sayNonce, "nonce", &c.Nonce)
	case "keyid":
		return c.readText(in, sayKeyID, "keyid", &c.KeyID)
	case "alg":
		return c.readText(in, sayAlg, "alg", &c.alg)
	case "tag":
		return c.readText(in, sayTag, "tag", &c.tag)
	}
	return refuse(ErrProfile, inputField, "there is a parameter that is not taken")
}

func (c *Claim) readInteger(in *cursor, p parameter, name string, dst *int64) error {
	value, ok := in.integer()
	if !ok {
		return refuse(ErrSyntax, inputField, name+" is not a number of at most 15 digits")
	}
	*dst = value
	return c.say(p, name)
}

func (c *Claim) readText(in *cursor, p parameter, name string, dst *[]byte) error {
	value, ok := in.text()
	if !ok {
		return refuse(ErrSyntax, inputField, name+" is not a plain string")
	}
	*dst = value
	return c.say(p, name)
}

// say notes that a parameter was there. RFC 9651 lets the last of two win; some readers let the first.
func (c *Claim) say(p parameter, name string) error {
	if c.said.has(p) {
		return refuse(ErrSyntax, inputField, name+" occurs twice")
	}
	c.said |= p
	return nil
}

// readSignature reads Signature, label=:base64:, whose label is that of Signature-Input.
func (c *Claim) readSignature(field, label []byte) error {
	if err := checkField(signatureField, field); err != nil {
		return err
	}
	in := cursor{data: field}
	if string(in.key()) != string(label) || !in.take('=') {
		return refuse(ErrSyntax, signatureField, "want the label of Signature-Input and a byte sequence")
	}
	n, ok := in.binary(&c.signature)
	if !ok {
		return refuse(ErrSyntax, signatureField, "not canonical base64 of at most 64 bytes between colons")
	}
	c.length = n
	return checkEnd(&in, signatureField)
}
