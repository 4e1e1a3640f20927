package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
	"zhenni/storage/audit"
)

// witnessCommand is witness.
type witnessCommand struct {
	Keygen witnessKeygen `cmd:"" help:"Make the key of a witness and print its public half."`
	Run    witnessRun    `cmd:"" help:"Cosign the checkpoints of a log, each a continuation of the one before."`
}

type witnessKeygen struct {
	KeyFile string `arg:"" type:"path" help:"File to make, mode 0600, for the secret key."`
	Name    string `required:"" placeholder:"NAME" help:"Name of the witness, best a domain of its keeper: printable ASCII without plus and space."`
}

// Help is shown by zhenni witness keygen --help.
func (witnessKeygen) Help() string {
	return `Examples:

    zhenni witness keygen witness.key --name witness.example > witness.pub`
}

// Run makes the key. The public key is the only line on standard output.
func (c *witnessKeygen) Run(out *output) error {
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return environment("no entropy for a key: %w", err)
	}
	text, err := audit.WitnessSecret(c.Name, secret)
	if err != nil {
		return usage("--name: %w", err)
	}
	f, err := os.OpenFile(c.KeyFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return environment("%w", err)
	}
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return environment("%s: %w", c.KeyFile, err)
	}
	return out.Print("%s", audit.CosignatureKey(c.Name, public))
}

type witnessRun struct {
	KeyFile string        `required:"" type:"path" env:"ZHENNI_WITNESS_KEY_FILE" placeholder:"FILE" help:"Secret key of the witness, as zhenni witness keygen makes it."`
	State   string        `type:"path" default:"zhenni-witness" env:"ZHENNI_WITNESS_STATE" placeholder:"DIR" help:"Folder of the witness: the checkpoint it cosigned last (default ${default}). A witness that lost it must take another key."`
	LogKey  string        `required:"" type:"path" env:"ZHENNI_LOG_KEY" placeholder:"FILE" help:"Public key of the log, as zhenni audit key prints it."`
	Origin  string        `placeholder:"TEXT" help:"First line of the log's checkpoints. Default: the name of its key."`
	URL     string        `name:"url" env:"ZHENNI_URL" placeholder:"URL" help:"Server of the log."`
	CA      string        `name:"ca" type:"path" env:"ZHENNI_CA" placeholder:"FILE" help:"Certificates in PEM to trust instead of the system's."`
	Log     string        `type:"path" placeholder:"DIR" help:"Folder of the log, or a copy of one, in place of --url: without a network."`
	Every   time.Duration `default:"10s" env:"ZHENNI_WITNESS_EVERY" help:"How often to ask (default ${default})."`
	Once    bool          `help:"Ask once and end. With --log always."`
}

// Help is shown by zhenni witness run --help.
func (witnessRun) Help() string {
	return `It reads the newest checkpoint, checks by tiles that it continues the one before, keeps it and brings it back with its cosignature. The checkpoint in its folder is what --witness-seen of serve and --seen of audit verify take. A log that went back, or tells two stories, ends it with exit code 1.

Run it on somebody else's machine: whoever has both folders can put both back.

Examples:

    zhenni witness run --key-file witness.key --log-key log.pub --url https://id.example:8443
    zhenni witness run --key-file witness.key --log-key log.pub --log copy-of-the-log`
}

// Run watches the log until ctx ends, or once.
func (c *witnessRun) Run(ctx context.Context, out *output) (err error) {
	if (c.URL == "") == (c.Log == "") {
		return usage("want one of --url and --log")
	}
	if c.Every < 100*time.Millisecond {
		return usage("--every: %v, want at least 100ms", c.Every)
	}
	lock, err := audit.LockFolder(c.State)
	if err != nil {
		return environment("--state: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	witness, err := c.open()
	if err != nil {
		return err
	}
	if c.Log != "" {
		return c.follow(ctx, witness, audit.FolderSource(audit.Folder(c.Log)), out)
	}
	log, err := newRemoteLog(c.URL, c.CA)
	if err != nil {
		return err
	}
	if c.Once {
		return c.follow(ctx, witness, log, out)
	}
	return c.watch(ctx, witness, log, out)
}

func (c *witnessRun) open() (*audit.Witness, error) {
	o := audit.WitnessOptions{Files: audit.Folder(c.State), Origin: c.Origin, Now: time.Now}
	line, err := readLine(c.LogKey)
	if err != nil {
		return nil, usage("--log-key: %w", err)
	}
	if o.Log, err = note.NewVerifier(line); err != nil {
		return nil, usage("--log-key: %w", err)
	}
	if o.Origin == "" {
		o.Origin = o.Log.Name()
	}
	info, err := os.Stat(c.KeyFile)
	if err != nil {
		return nil, usage("--key-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, usage("--key-file: %s has mode %04o, want 0600", c.KeyFile, info.Mode().Perm())
	}
	if line, err = readLine(c.KeyFile); err != nil {
		return nil, usage("--key-file: %w", err)
	}
	if o.Name, o.Key, err = audit.ParseWitnessSecret(line); err != nil {
		return nil, usage("--key-file: %w", err)
	}
	w, err := audit.OpenWitness(o)
	if err != nil {
		return nil, environment("--state: %s: %w", filepath.Clean(c.State), err)
	}
	return w, nil
}

// follow cosigns once and brings the cosignature back, where the log takes it.
func (c *witnessRun) follow(ctx context.Context, w *audit.Witness, log audit.Source, out *output) error {
	before := w.Size()
	cosigned, err := w.Follow(ctx, log)
	switch {
	case errors.Is(err, zhenni.ErrCorrupt), errors.Is(err, zhenni.ErrBadValue):
		return notSo("the log is not what it was: %w", err)
	case err != nil:
		return environment("%w", err)
	}
	if w.Size() != before {
		out.Note("Cosigned %d entries.", w.Size())
	}
	if remote, ok := log.(*remoteLog); ok {
		return remote.witnessed(ctx, cosigned)
	}
	return nil
}

// watch follows the log until ctx ends. A server that does not answer is asked again; a log that went back ends it.
func (c *witnessRun) watch(ctx context.Context, w *audit.Witness, log *remoteLog, out *output) error {
	ticker := time.NewTicker(c.Every)
	defer ticker.Stop()
	for {
		err := c.follow(ctx, w, log, out)
		var exit *exitError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &exit) && exit.code == exitNotSo:
			return err
		case err != nil:
			out.Note("%v", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
