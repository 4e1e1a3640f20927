//go:build !unix

package ingress

import "time"

func processor() time.Duration { return 0 }
