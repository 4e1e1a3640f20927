package scale

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/engine"
	"zhenni/storage"
)

// A run that does not fit is refused with the largest number that does.
func TestFit(t *testing.T) {
	for _, one := range []struct {
		room Room
		most string // "" fits
	}{
		{Room{Disk: 100 << 30, Memory: 23 << 30}, ""},
		{Room{Disk: 30 << 30, Memory: 23 << 30}, "credentials fit"},
		{Room{Disk: 100 << 30, Memory: 3 << 30}, "credentials fit"},
		{Room{Disk: 1 << 30, Memory: 23 << 30}, "nothing of use fits"},
	} {
		s := small(t)
		s.Credentials, s.Questions = 100_000_000, 1<<20
		err := s.Fit(one.room)
		if one.most == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if !errors.Is(err, ErrFit) || !strings.Contains(err.Error(), one.most) {
			t.Errorf("%+v: %v", one.room, err)
			continue
		}
		if one.most != "credentials fit" {
			continue
		}
		_, said, _ := strings.Cut(err.Error(), "is free: ")
		if _, err := fmt.Sscan(said, &s.Credentials); err != nil {
			t.Fatal(err, said)
		}
		if err := s.Fit(one.room); err != nil {
			t.Errorf("what is said to fit: %v", err)
		}
		if s.Credentials++; s.Fit(one.room) == nil {
			t.Errorf("%+v: %d fit too", one.room, s.Credentials)
		}
	}
}

// Nothing is written before it is known to fit.
func TestRunRefusesWhatDoesNotFit(t *testing.T) {
	s := small(t)
	if _, err := s.Run(t.Context(), host(1<<20, func(string) { t.Error("a step begins") })); !errors.Is(err, ErrFit) || len(leftBehind(t, s.Dir)) != 0 {
		t.Errorf("%v, left %v", err, leftBehind(t, s.Dir))
	}
}

// The bytes that are asked for are those that a store takes, and the arena holds who it is for.
func TestNeedsAreWhatIsTaken(t *testing.T) {
	s := small(t)
	s.Credentials = 20_000
	folder := t.TempDir()
	if _, err := storage.CreateKeyFile(filepath.Join(folder, rootFile), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := (order{Scale: s, Step: stepImport, Folder: folder}).do(t.Context(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	for name, each := range map[string]int64{"base": int64(s.Dim) + baseEach, "keys": keysEach} {
		var taken int64
		err := filepath.WalkDir(filepath.Join(folder, storeDir, name), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				taken += info.Size()
			}
			return err
		})
		if want := s.Credentials * each; err != nil || taken > want*11/10 || taken < want*8/10 {
			t.Errorf("%s takes %d bytes, %d are said, %v", name, taken, want, err)
		}
	}
	arena, err := engine.NewArena(s.Dim, s.arena(1))
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	p, err := s.people()
	if err != nil {
		t.Fatal(err)
	}
	for segment := range engine.Segments {
		if n := p.first[segment+1] - p.first[segment]; n*engine.Segments > arena.Stats().Capacity {
			t.Errorf("segment %d has %d credentials, of %d rows", segment, n, arena.Stats().Capacity)
		}
	}
}
