package main

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"

	"zhenni/gateway"
	"zhenni/receipt"
	"zhenni/storage/audit"
)

// receiptFlags say how results are signed.
type receiptFlags struct {
	secretFlags
	ResultKey       string   `type:"path" env:"ZHENNI_RESULT_KEY" placeholder:"FILE" help:"Sign results with this key, as zhenni keys new-result-key makes it. It takes --pseudonym-root."`
	ResultKeyBefore []string `type:"path" env:"ZHENNI_RESULT_KEY_BEFORE" placeholder:"FILE" help:"A key before, which signs answers that are given again as it signed them first. For as long as answers are kept after it was rotated: a day, and where there are sessions 31 days and an hour. Given again it is of a rotation before, at most ${max_keys_before}."`
	ResultJWKS      string   `name:"result-jwks" type:"path" env:"ZHENNI_RESULT_JWKS" placeholder:"FILE" help:"Public keys to be published beside, as a JSON Web Key Set: those of before, and the next."`
	PseudonymRoot   string   `type:"path" env:"ZHENNI_PSEUDONYM_ROOT" placeholder:"FILE" help:"Root of the names that relying parties know persons by, as zhenni keys new-pseudonym-root makes it. Under another one everybody is new."`
	Issuer          string   `default:"zhenni" env:"ZHENNI_ISSUER" placeholder:"NAME" help:"Name of the service in its results, best its public URL (default ${default})."`
}

// signs says whether results are signed, and refuses flags that do not go together.
func (f receiptFlags) signs() (bool, error) {
	if f.ResultKey == "" && (f.PseudonymRoot != "" || len(f.ResultKeyBefore) > 0 || f.ResultJWKS != "") {
		return false, usage("--pseudonym-root, --result-key-before and --result-jwks take --result-key")
	}
	if f.ResultKey != "" && f.PseudonymRoot == "" {
		return false, usage("--result-key: it takes --pseudonym-root: a yes names the person")
	}
	return f.ResultKey != "", nil
}

// issuer opens what results are signed with.
func (f receiptFlags) issuer(pseudonyms *receipt.Pseudonyms) (*receipt.Issuer, error) {
	signers, err := f.signers()
	if err != nil {
		return nil, err
	}
	var published receipt.Keys
	if f.ResultJWKS != "" {
		if published, err = readResultKeys("--result-jwks", f.ResultJWKS); err != nil {
			return nil, err
		}
	}
	issuer, err := receipt.NewIssuer(f.Issuer, pseudonyms, published, signers...)
	if err != nil {
		return nil, usage("--issuer, --result-jwks: %w", err)
	}
	return issuer, nil
}

// maxKeysBefore bounds the keys before: a rotation a week, within the days for which answers of sessions are kept.
const maxKeysBefore = 5

// signers opens the keys of results, the one that signs first. Refused is a key that is there twice: the one that should be in its
// place is not covered.
func (f receiptFlags) signers() ([]receipt.Signer, error) {
	if n := len(f.ResultKeyBefore); n > maxKeysBefore {
		return nil, usage("--result-key-before: %d keys, want at most %d", n, maxKeysBefore)
	}
	current, err := f.signer("--result-key", f.ResultKey)
	if err != nil {
		return nil, err
	}
	signers, files := []receipt.Signer{current}, map[string]string{current.Key().ID(): "--result-key " + f.ResultKey}
	for _, path := range f.ResultKeyBefore {
		before, err := f.signer("--result-key-before", path)
		if err != nil {
			return nil, err
		}
		id := before.Key().ID()
		if there, twice := files[id]; twice {
			return nil, usage("--result-key-before %s: it is the same key as %s", path, there)
		}
		signers, files[id] = append(signers, before), "--result-key-before "+path
	}
	return signers, nil
}

// pseudonyms opens the root of the names of persons.
func (f receiptFlags) pseudonyms() (*receipt.Pseudonyms, error) {
	_, root, err := f.open("--pseudonym-root", f.PseudonymRoot, pseudonymPurpose)
	if err != nil {
		return nil, err
	}
	pseudonyms, err := receipt.NewPseudonyms(root)
	if err != nil {
		return nil, usage("--pseudonym-root: %w", err)
	}
	return pseudonyms, nil
}

// signResults has a gateway sign results, where there is a key to sign with, and knows the root of the pseudonyms of a store
// again, which may not be written to.
func (f receiptFlags) signResults(c *gateway.Config, store string, readOnly bool) error {
	if signs, err := f.signs(); err != nil || !signs {
		return err
	}
	pseudonyms, err := f.pseudonyms()
	if err != nil {
		return err
	}
	issuer, err := f.issuer(pseudonyms)
	if err != nil {
		return err
	}
	c.Receipts = issuer
	check := pseudonyms.Check()
	return keepPseudonyms(store, hex.EncodeToString(check[:]), readOnly)
}

// pinnedPseudonyms is the file in a store's folder by which the root of its pseudonyms is known again, so that nobody is new
// to the relying parties because a flag named another file.
const pinnedPseudonyms = "pseudonyms.check"

// keepPseudonyms refuses another root than the first, and writes down the first.
func keepPseudonyms(store, check string, readOnly bool) error {
	path := filepath.Join(store, pinnedPseudonyms)
	known, err := readLine(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !readOnly:
		err = audit.Folder(store).Write(audit.Content{Name: pinnedPseudonyms, Data: []byte(check + "\n")})
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && known != check:
		return notSo("--pseudonym-root: it is not the root so far, and everybody would be new to every relying party: name that one, or delete %s where that is meant", path)
	}
	if err != nil {
		return environment("--store: %w", err)
	}
	return nil
}

// passingReceipts signs results with keys that nobody keeps, by the algorithm of that word.
func passingReceipts(word string) (gateway.Receipts, error) {
	algorithm, err := receipt.ParseAlgorithm(word)
	if err != nil {
		return nil, usage("%w", err)
	}
	secret, err := receipt.NewSecret(algorithm, nil)
	if err != nil {
		return nil, environment("%w", err)
	}
	signer, err := receipt.NewSigner(algorithm, secret)
	if err != nil {
		return nil, environment("%w", err)
	}
	root, err := receipt.NewSecret(receipt.Ed25519, nil) // any random bytes
	if err != nil {
		return nil, environment("%w", err)
	}
	pseudonyms, err := receipt.NewPseudonyms(root)
	if err != nil {
		return nil, environment("%w", err)
	}
	return receipt.NewIssuer("bench", pseudonyms, nil, signer)
}
