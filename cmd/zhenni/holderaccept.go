package main

import "time"

type holderAccept struct {
	phoneFlags
	Code      string `arg:"" help:"What the code of the terminal says, as zhenni terminal offer prints it."`
	Identity  string `required:"" type:"path" placeholder:"FILE" help:"JSON object of the strings name and number: who the credential is for. They are sealed to the engine; the terminal can not read them."`
	EngineKey string `required:"" type:"path" placeholder:"FILE" help:"The engine's public key, as zhenni keys identity prints it."`
	Rotated   bool   `help:"The template that the terminal sends was rotated by this phone's key, as holder rotate does: the credential keeps by which, and can be a guest at a hotel."`
}

// Help is shown by zhenni holder accept --help.
func (holderAccept) Help() string {
	return `Prints, for the terminal, who is to be issued a credential, sealed for this issue alone, and that it is for this phone. The credential that the terminal prints is put on the phone by zhenni holder keys --credential.

Example:

    zhenni holder accept "$scanned" --keys phone.keys --identity me.json --engine-key identity.jwk > accepted.json`
}

// Run answers the code.
func (c *holderAccept) Run(out *output) error {
	engine, err := readEngineKey(c.EngineKey)
	if err != nil {
		return err
	}
	name, number, err := readIdentity(c.Identity)
	if err != nil {
		return err
	}
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	accepted, err := phone.Accept(c.Code, engine, name, number, time.Now())
	if err != nil {
		return usage("%w", err)
	}
	if c.Rotated {
		commitment := phone.Commitment()
		accepted.Rotation = commitment[:]
	}
	return out.JSON(accepted)
}
