package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dgraph-io/ristretto/v2/z"

	"zhenni"
	"zhenni/storage/audit"
)

var benchModel = zhenni.Model{ID: "bench-face.1", Dim: 512, Factor: zhenni.FactorFace}

func benchStore(b *testing.B) *Store {
	opts := testOptions(b)
	opts.Model = benchModel
	return openStore(b, opts)
}

var benchRow = func() []int8 {
	row := make([]int8, benchModel.Dim)
	for i := range row {
		row[i] = int8(i%255 - 127)
	}
	return row
}()

// benchEnrol spreads n evenly over the ids, ascending in n.
func benchEnrol(n, of uint64) zhenni.Enrol {
	var id zhenni.CredentialID
	binary.BigEndian.PutUint64(id[:], n*(^uint64(0)/of))
	return zhenni.Enrol{ID: id, Tenant: 7, Level: zhenni.LevelFull, Model: benchModel.ID, Row: benchRow, At: testTime}
}

func randomEnrol() zhenni.Enrol {
	e := benchEnrol(0, 1)
	binary.BigEndian.PutUint64(e.ID[:], rand.Uint64())
	binary.BigEndian.PutUint64(e.ID[8:], rand.Uint64())
	return e
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("commands=%d", size), func(b *testing.B) {
			s := benchStore(b)
			cmds := make([]zhenni.Command, size)
			for b.Loop() {
				for i := range cmds {
					cmds[i] = randomEnrol()
				}
				mustApply(b, s, cmds...)
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "credentials/s")
		})
	}
}

// BenchmarkGroupCommit has 64 callers of one command each, alone and with the audit log as the recorder: a node's rate.
func BenchmarkGroupCommit(b *testing.B) {
	for _, recorded := range []bool{false, true} {
		b.Run(fmt.Sprintf("recorded=%t", recorded), func(b *testing.B) {
			opts := testOptions(b)
			opts.Model = benchModel
			if recorded {
				opts.Recorder = benchRecorder(b, opts.Root)
			}
			s := openStore(b, opts)
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mustApply(b, s, randomEnrol())
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "credentials/s")
		})
	}
}

// benchRecorder is the audit log of a node.
func benchRecorder(b *testing.B, root RootKey) Recorder {
	files := audit.Folder(b.TempDir())
	secrets, err := audit.OpenSecrets(files, root, nil)
	if err != nil {
		b.Fatal(err)
	}
	log, err := audit.Open(audit.Options{Files: files, Signer: secrets.Signer, Key: secrets.Key})
	if err != nil {
		b.Fatal(err)
	}
	changes, err := audit.OpenChanges(log, secrets)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(changes.Close(), log.Close()); err != nil {
			b.Error(err)
		}
	})
	return changes
}

func filledStore(b *testing.B, n uint64) *Store {
	s := benchStore(b)
	im, err := s.NewImport(context.Background(), ImportOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := im.Add(benchEnrol(i, n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := im.Commit(); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkReference(b *testing.B) {
	const n = 100_000
	s := filledStore(b, n)
	// Every slot agrees: a read is no walk.
	if err := s.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return nil }); err != nil {
		b.Fatal(err)
	}
	b.Run("one", func(b *testing.B) {
		row := make([]int8, benchModel.Dim)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Reference(benchEnrol(rand.Uint64N(n), n).ID, row); err != nil {
				b.Fatal(err)
			}
		}
	})
	// What an id that nobody has costs where not every row is in memory. A row of another tenant that is in memory costs none.
	b.Run("absent", func(b *testing.B) {
		row := make([]int8, benchModel.Dim)
		for b.Loop() {
			id := benchEnrol(rand.Uint64N(n), n).ID
			id[15] ^= 0xff
			if _, err := s.Reference(id, row); !errors.Is(err, zhenni.ErrNotFound) {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			row := make([]int8, benchModel.Dim)
			for pb.Next() {
				if _, err := s.Reference(benchEnrol(rand.Uint64N(n), n).ID, row); err != nil {
					b.Error(err)
				}
			}
		})
	})
	// Badger alone: the same two values read, nothing opened.
	b.Run("badger", func(b *testing.B) {
		var sc scratch
		b.ReportAllocs()
		for b.Loop() {
			txn := s.begin(false)
			id := benchEnrol(rand.Uint64N(n), n).ID
			sc.key = appendStatusKey(sc.key[:0], id)
			err := get(txn, &sc)
			sc.key = appendTemplateKey(sc.key[:0], id, benchModel.Factor)
			if err2 := get(txn, &sc); err != nil || err2 != nil {
				b.Fatal(err, err2)
			}
			txn.Discard()
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			if err := s.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "references/s")
	})
}

func BenchmarkOpenRecord(b *testing.B) {
	s := benchStore(b)
	mustApply(b, s, benchEnrol(1, 2))
	var sc scratch
	sc.key = appendTemplateKey(nil, benchEnrol(1, 2).ID, benchModel.Factor)
	if err := s.look(func(txn reading) error { return get(txn, &sc) }); err != nil {
		b.Fatal(err)
	}
	ring := *s.ring.Load()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.vault.open(ring, sc.key, sc.value, &sc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkImport(b *testing.B) {
	const n = 200_000
	b.Run("sealed", func(b *testing.B) {
		for b.Loop() {
			filledStore(b, n)
		}
		b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "credentials/s")
	})
	// The same keys with values of the same length, straight to Badger's stream writer.
	b.Run("raw", func(b *testing.B) {
		for b.Loop() {
			rawImport(b, n)
		}
		b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "credentials/s")
	})
}

func rawImport(b *testing.B, n uint64) {
	opts := testOptions(b).withDefaults()
	db, err := openBadger(opts, true)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	writer := db.NewStreamWriter()
	if err := writer.Prepare(); err != nil {
		b.Fatal(err)
	}
	status := make([]byte, sealOverhead+statusSize)
	template := make([]byte, sealOverhead+templateHeadSize+benchModel.Dim)
	for from := uint64(0); from < n; from += importBlock {
		out := z.NewBuffer(importBlock*1024, "raw")
		for i := from; i < min(n, from+importBlock); i++ {
			id := benchEnrol(i, n).ID
			stage(out, streamCredentials, record{appendStatusKey(nil, id), status})
			stage(out, streamCredentials, record{appendTemplateKey(nil, id, benchModel.Factor), template})
		}
		if err := writer.Write(out); err != nil {
			b.Fatal(err)
		}
		_ = out.Release()
	}
	if err := writer.Flush(); err != nil {
		b.Fatal(err)
	}
}

// What a count of a migration, and a page of its queue, cost.
func BenchmarkMigration(b *testing.B) {
	const n = 100_000
	s := filledStore(b, n)
	later := benchModel
	later.ID = "bench.2"
	if _, err := s.Apply(context.Background(), []zhenni.Command{zhenni.PutModel{Model: later}}); err != nil {
		b.Fatal(err)
	}
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			if m, err := s.Migration(b.Context(), later.ID, 0); err != nil || m.Pending != n {
				b.Fatal(m, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/credential")
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			if page, _, _, err := s.Pending(later.ID, 0, zhenni.CredentialID{}, 1000); err != nil || len(page) != 1000 {
				b.Fatal(len(page), err)
			}
		}
	})
}
