package main

import (
	"strconv"
	"strings"

	"zhenni"
)

// referenceFlags say whose references issues are proved against, and on what evidence they are made.
type referenceFlags struct {
	ReferenceTenant []string `env:"ZHENNI_REFERENCE_TENANT" placeholder:"ISSUING=REFERENCE" help:"Prove the face against the references of tenant REFERENCE where the app asks for a credential of tenant ISSUING. The issuer of REFERENCE brings them in as credentials of subjects; nobody else asks about them. Repeatable."`
	IssueService    string   `env:"ZHENNI_ISSUE_SERVICE" placeholder:"ID" help:"Hold the captures that are so proved to this service of the catalogue, as credential.issue: the liveness that a terminal has to sign for, and how old. What a terminal brings that is held to a service of its own is not held to this one. Default: none is asked for."`

	TerminalIssueService string `env:"ZHENNI_TERMINAL_ISSUE_SERVICE" placeholder:"ID" help:"Hold all that terminals issue, templates of a further model and PINs that they bring, to this service of the catalogue, as credential.issue-at-terminal: the chip of the card, the phone that it is for, liveness, a look at the document; a PIN to card or document alone. Default: a terminal is believed."`
}

// tenants are the tenants of references by issuing tenant.
func (f referenceFlags) tenants() (map[zhenni.TenantID]zhenni.TenantID, error) {
	tenants := map[zhenni.TenantID]zhenni.TenantID{}
	for _, written := range f.ReferenceTenant {
		issuing, references, _ := strings.Cut(written, "=")
		from, err := strconv.ParseUint(issuing, 10, 32)
		to, bad := strconv.ParseUint(references, 10, 32)
		_, twice := tenants[zhenni.TenantID(from)]
		if err != nil || bad != nil || twice {
			return nil, usage("--reference-tenant %q: want ISSUING=REFERENCE, two numbers of tenants, each issuing one once", written)
		}
		tenants[zhenni.TenantID(from)] = zhenni.TenantID(to)
	}
	return tenants, nil
}
