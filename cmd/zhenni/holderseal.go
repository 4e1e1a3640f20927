package main

type holderSeal struct {
	phoneFlags
	EngineKey string `required:"" type:"path" placeholder:"FILE" help:"The engine's public key, as zhenni keys identity prints it."`
	Session   string `required:"" placeholder:"ID" help:"The session it is for, and no other."`
}

// Help is shown by zhenni holder seal --help.
func (holderSeal) Help() string {
	return `Prints the rotation key, sealed: a counter's or hotel's own device captures, and the engine rotates that one capture. With the key every template of the credential can be inverted, so it is sealed to nobody else.

Example:

    zhenni holder seal --keys phone.keys --engine-key identity.jwk --session s-1`
}

// Run seals the key.
func (c *holderSeal) Run(out *output) error {
	engine, err := readEngineKey(c.EngineKey)
	if err != nil {
		return err
	}
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	sealed, err := phone.SealRotation(engine, c.Session)
	if err != nil {
		return err
	}
	return out.Print("%s", sealed)
}
