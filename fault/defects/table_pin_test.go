package defects

// pinDefects are those of PINs and of verifications without a probe, across the packages.
var pinDefects = []defect{
	{
		name: "pin-asked-of-strangers", file: "service.go", caught: "TestPINBesideWhatIsHeld",
		old: "	if !s.Possession && !s.WithoutFace.guardsPIN() {", new: "	if false {",
		does: "a service is taken that lets anybody use up anybody's attempts at a PIN",
	},
	{
		name: "pin-of-whoever-holds-nothing", file: "policy.go", caught: "TestPINAloneIsNotShown",
		old: "	if set&held == 0 {", new: "	if false {",
		does: "a PIN is looked at that nothing held goes with",
	},
	{
		name: "identity-as-a-pin", file: "identity/header.go", caught: "TestSealedPIN",
		old: "	case string(h.typ) != typ:", new: "	case string(h.typ) != typ && string(h.typ) != SealedTyp:",
		does: "what was sealed as one thing is opened as another",
	},
	{
		name: "pin-not-counted", file: "gateway/unprobed.go", caught: "TestGuessesAtOnce",
		old: "	err := s.countPIN(rq, id, false, deadline)\n", new: "	var err error\n",
		does: "a PIN is guessed without end",
	},
	{
		name: "attempt-of-a-stranger", file: "gateway/unprobed.go", caught: "TestNoWithoutAFace",
		old: "	if !fit {\n		return zhenni.PIN{}, nil\n	}\n", new: "",
		does: "whoever has a phone of any kind blocks the PIN of any person",
	},
	{
		name: "count-kept-at-a-right-pin", file: "gateway/unprobed.go", caught: "TestVerifiedWithoutAFace",
		old: "	err = s.countPIN(rq, id, true, deadline)\n", new: "",
		does: "the fifth right PIN pauses its holder",
	},
	{
		name: "answer-as-soon-as-known", file: "gateway/unprobed.go", caught: "TestEntriesAreAnsweredInSteps",
		old: "	defer s.level(begun)\n", new: "",
		does: "how long an answer takes tells whether a credential exists, and has a PIN",
	},
	{
		name: "pin-of-a-full-credential-by-mail", file: "gateway/pin.go", caught: "TestSetPIN",
		old: "	if c.Level == zhenni.LevelFull && !rq", new: "	if false && !rq",
		does: "the PIN of a full credential is set where nobody was seen",
	},
	{
		name: "pin-of-the-day-of-birth", file: "gateway/pin.go", caught: "TestSetPIN",
		old: "		err = digits.Weak(birth)\n", new: "		err = digits.Weak(birth.AddDate(1, 0, 0))\n",
		does: "a PIN is taken that is printed on the card",
	},
	{
		name: "pin-set-again", file: "gateway/pin.go", caught: "TestSetPINAgain",
		old: "		return true, nil\n", new: "		return false, nil\n",
		does: "a request that is sent again clears the count of attempts",
	},
}
