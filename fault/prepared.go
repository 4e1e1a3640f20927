package fault

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"zhenni"
)

// prepared is a store with a history: an import with its snapshot, four spells of service behind it, and what every
// credential of it must answer. Copies of it are damaged.
type prepared struct {
	dir      string // store and key file
	register *Register
	key      string
}

// Spells of service: how much each changes.
const (
	imported     = 160
	spellEnrols  = 50
	spellRevokes = 35
)

// prepare makes the stages of a store in s: after the import, after each spell that ended in order, and after one that
// was killed. The last two are to be damaged; those before them are what they are rolled back to.
func (r *Rig) prepare(ctx context.Context, s *scratch) (stages []prepared, err error) {
	work := filepath.Join(s.dir, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	store, register := filepath.Join(work, "store"), NewRegister()
	if err := r.importPeople(store, work, register); err != nil {
		return nil, err
	}
	d := &drill{rig: r, register: register, random: rand.New(rand.NewPCG(r.Seed, 6)), store: store}
	if d.address, err = freeAddress(); err != nil {
		return nil, err
	}
	const spells = 4
	for spell := range spells {
		if err := d.spell(ctx, spell == spells-1); err != nil {
			return nil, err
		}
		p := prepared{filepath.Join(s.dir, "stage"+strconv.Itoa(spell)), register.fork(), d.key}
		if err := copyPrepared(work, p.dir); err != nil {
			return nil, err
		}
		stages = append(stages, p)
	}
	return stages, os.RemoveAll(work)
}

func (p prepared) store() string { return filepath.Join(p.dir, "store") }

// copyPrepared copies a store and its key file, and nothing else of the folder.
func copyPrepared(from, to string) error {
	store := filepath.Join(to, "store")
	if err := copyFolder(filepath.Join(from, "store"), store); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	return copyFile(keyFile(filepath.Join(from, "store")), keyFile(store))
}

// spell serves the store, changes it and ends, in order or killed.
func (d *drill) spell(ctx context.Context, killed bool) (err error) {
	if d.server, err = d.rig.start(ctx, d.store, d.address); err != nil {
		return err
	}
	defer d.server.kill()
	if d.key == "" {
		if d.key, err = d.rig.addParty(d.store); err != nil {
			return err
		}
	}
	one := asker{to: d.register, random: d.random}
	if one.client, err = newClient(d.server.URL, d.key); err != nil {
		return err
	}
	defer one.client.Close()
	for range spellEnrols {
		if err := one.enrol(); err != nil {
			return err
		}
	}
	for range spellRevokes {
		at := d.random.IntN(d.register.Len())
		if err := one.revoke(at, d.register.snapshot()[at]); err != nil {
			return err
		}
	}
	if killed {
		return nil
	}
	return d.server.terminate()
}

// importPeople makes the store with an import of people, by way of the command line, on a base where the seed is odd.
func (r *Rig) importPeople(store, work string, register *Register) error {
	people, mapping := filepath.Join(work, "people.csv"), filepath.Join(work, "map.csv")
	numbers := make([]int, imported)
	for i := range numbers {
		numbers[i] = register.next()
	}
	if err := writePeople(people, numbers); err != nil {
		return err
	}
	enrol := []string{"enrol", people, "--map", mapping, "--store", store, "--key-file", keyFile(store),
		"--profile", r.Profile, "--create-key"}
	if r.Seed%2 == 1 {
		enrol = append(enrol, "--base")
	}
	if _, err := command(r.Binary, enrol...); err != nil {
		return err
	}
	f, err := os.Open(mapping)
	if err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil || len(records) != imported+1 {
		return fmt.Errorf("fault: the import mapped %d people: %w", len(records)-1, err)
	}
	for _, record := range records[1:] {
		number, err := strconv.Atoi(record[1])
		id, idErr := zhenni.ParseCredentialID(record[2])
		if err := errors.Join(err, idErr); err != nil {
			return fmt.Errorf("fault: the import's map: %w", err)
		}
		register.enrolled(number, id, register.Now())
	}
	return nil
}

// writePeople writes the references of people as labelled embeddings; a person's number is the label.
func writePeople(path string, numbers []int) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, "image_id,identity")
	for i := range dim {
		fmt.Fprintf(w, ",e%d", i)
	}
	for _, number := range numbers {
		fmt.Fprintf(w, "\n%d,%d", number, number)
		for _, x := range person(number).reference().Int8 {
			fmt.Fprintf(w, ",%d", x)
		}
	}
	fmt.Fprintln(w)
	return errors.Join(w.Flush(), f.Close())
}
