package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"zhenni/storage/audit"
)

// auditCommand is audit.
type auditCommand struct {
	Verify auditVerify `cmd:"" help:"Check an audit log from its files alone."`
	Key    auditKey    `cmd:"" help:"Print the public key of a store's audit log."`
	Accept auditAccept `cmd:"" help:"Go on with a store that was restored from a backup, and record it."`
}

type auditKey struct {
	Store string `type:"path" default:"zhenni-data" env:"ZHENNI_STORE" placeholder:"DIR" help:"Folder of the store (default ${default})."`
	auditFlags
}

// Help is shown by zhenni audit key --help.
func (auditKey) Help() string {
	return `The key lies in the folder of the log. Keep a copy elsewhere and check by that: whoever can change the folder can put another log into it.

Examples:

    zhenni audit key --store zhenni-data > log.pub`
}

// Run prints the key.
func (c *auditKey) Run(out *output) error {
	dir := c.auditFlags.dir(c.Store)
	key, err := audit.PublicKey(audit.Folder(dir))
	if err != nil {
		return environment("%s: %w", dir, err)
	}
	return out.Print("%s", key)
}

type auditVerify struct {
	Dir     string `arg:"" optional:"" type:"path" help:"Folder of the log, or a copy of it."`
	Proof   string `type:"path" placeholder:"FILE" help:"Check one proof in place of a folder, as GET /v1/verifications/<id>/proof answers it."`
	Key     string `required:"" type:"path" placeholder:"FILE" help:"Public key of the log, a line <name>+<hash>+<key>."`
	Origin  string `placeholder:"TEXT" help:"First line of the log's checkpoints. Default: the name of its key."`
	Witness string `type:"path" placeholder:"FILE" help:"Public key of the witness."`
	Seen    string `type:"path" placeholder:"FILE" help:"A checkpoint got from elsewhere, best from the witness, that the log must continue. Without it a log whose end was cut and signed again by its owner passes."`
	JSON    bool   `help:"Print one JSON object."`
}

// Help is shown by zhenni audit verify --help.
func (auditVerify) Help() string {
	return `Reads every entry, tile and checkpoint of a log that no server has open, or one proof, and changes nothing. Exit code 1 says that something is wrong.

Examples:

    zhenni audit verify zhenni-data/audit --key log.pub
    zhenni audit verify copy --key log.pub --witness witness.pub --seen cosigned --json | jq .problems
    zhenni audit verify --proof proof.json --key log.pub`
}

// Run checks the log.
func (c *auditVerify) Run(out *output) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	switch {
	case (c.Dir == "") == (c.Proof == ""):
		return usage("want the folder of a log, or --proof with one proof")
	case c.Proof != "":
		return c.verifyProof(keys, out)
	}
	if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
		return environment("%s is not a folder that can be read", c.Dir)
	}
	report, err := audit.Verify(audit.Folder(c.Dir), keys)
	if err != nil {
		return environment("the check did not finish: %w", err)
	}
	if err := c.print(report, out); err != nil {
		return err
	}
	if !report.OK() {
		return notSo("%s: something is wrong in %d places", c.Dir, report.Wrong)
	}
	return nil
}

func (c *auditVerify) keys() (keys audit.Keys, err error) {
	keys.Origin = c.Origin
	line, err := readLine(c.Key)
	if err != nil {
		return keys, usage("--key: %w", err)
	}
	if keys.Log, err = note.NewVerifier(line); err != nil {
		return keys, usage("--key: %w", err)
	}
	if c.Witness != "" {
		line, err := readLine(c.Witness)
		if err != nil {
			return keys, usage("--witness: %w", err)
		}
		if keys.Witness, err = audit.NewCosignatureVerifier(line); err != nil {
			return keys, usage("--witness: %w", err)
		}
	}
	if c.Seen != "" {
		if keys.Seen, err = readSmall(c.Seen); err != nil {
			return keys, usage("--seen: %w", err)
		}
	}
	return keys, nil
}

// maxKeyFile bounds the files of keys and checkpoints that are read whole.
const maxKeyFile = 64 << 10

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeyFile {
		return nil, errors.New(path + " is too large for what it should be")
	}
	return os.ReadFile(path)
}

func readLine(path string) (string, error) {
	text, err := readSmall(path)
	return strings.TrimSpace(string(text)), err
}

func (c *auditVerify) print(report audit.Report, out *output) error {
	if c.JSON {
		return out.JSON(struct {
			OK bool `json:"ok"`
			audit.Report
		}{report.OK(), report})
	}
	rows := [][]string{
		{"log", report.Origin},
		{"entries", fmt.Sprint(report.Size)},
		{"signed", fmt.Sprint(report.Signed)},
		{"cosigned", fmt.Sprint(report.Witnessed)},
		{"deleted in order", fmt.Sprint(report.Pruned)},
		{"checkpoints", fmt.Sprint(report.Checkpoints)},
		{"tiles", fmt.Sprint(report.Tiles)},
	}
	if err := out.Table(rows); err != nil {
		return err
	}
	if report.OK() {
		return out.Print("Nothing is wrong.")
	}
	rows = [][]string{{"wrong", "what"}}
	for _, p := range report.Problems {
		rows = append(rows, []string{p.File, p.Text})
	}
	return out.Table(rows)
}
