package webhook

import (
	"context"
	"fmt"
	"testing"

	"zhenni"
)

// BenchmarkChanged is what a change of a session costs its actor, where its own party hears nothing of it and so many others have
// webhooks.
func BenchmarkChanged(b *testing.B) {
	for _, endpoints := range []int{0, 1, MaxEndpoints} {
		b.Run(fmt.Sprint(endpoints), func(b *testing.B) {
			w := newWorld(b)
			w.start()
			defer w.close()
			for n := range endpoints {
				party := zhenni.RelyingParty{ID: fmt.Sprint("party-", n), Tenant: 1, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer}
				if _, err := w.courier.Set(context.Background(), party, Registration{URL: "https://a.example/"}); err != nil {
					b.Fatal(err)
				}
			}
			before := w.begin(1, "office", 0)
			after := w.after(before, openedBy(1, 0))
			for b.Loop() {
				w.courier.Changed(before, after)
			}
		})
	}
}
