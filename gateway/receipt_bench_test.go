package gateway

import (
	"testing"

	"zhenni"
	"zhenni/receipt"
)

// BenchmarkSingleSigned is [BenchmarkSingle] with its result, by each algorithm. What it takes more is the signature and
// what is signed, beside what package receipt measures of both.
func BenchmarkSingleSigned(b *testing.B) {
	for _, algorithm := range []receipt.Algorithm{receipt.Ed25519, receipt.ES256, receipt.SM2} {
		b.Run(algorithm.String(), func(b *testing.B) {
			s := benchServer(b)
			s.config.Receipts = testReceipts(b, algorithm, 1)
			s.node.(instantNode).records[testID(1)] = zhenni.Credential{ID: testID(1), Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusActive}
			benchLoopback(b, s.Serve, func() { _ = s.http.Shutdown() })
		})
	}
}
