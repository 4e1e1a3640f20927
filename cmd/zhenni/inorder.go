package main

import (
	"context"
	"runtime"
	"sync"
)

// inOrder has parts produced one after another, worked on by every processor, and taken in the order that they were passed
// in, by one goroutine. It holds three parts for each processor at most. The first error of take, or the end of ctx, ends it
// without another take, and pass returns it; after an error of produce what was passed is still taken.
func inOrder[P any](ctx context.Context, produce func(pass func(P) error) error, work func(P), take func(P) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	type job struct {
		part   P
		worked chan struct{}
	}
	workers := runtime.GOMAXPROCS(0)
	working, taking := make(chan job, workers), make(chan job, 2*workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for j := range working {
				work(j.part)
				close(j.worked)
			}
		})
	}
	group.Go(func() {
		for j := range taking {
			<-j.worked
			if ctx.Err() != nil {
				continue
			}
			if err := take(j.part); err != nil {
				stop(err)
			}
		}
	})
	err := produce(func(part P) error {
		if ctx.Err() == nil {
			j := job{part, make(chan struct{})}
			taking <- j
			working <- j
		}
		return context.Cause(ctx)
	})
	close(working)
	close(taking)
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
