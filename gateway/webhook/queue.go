package webhook

import "container/heap"

// queue is a heap of messages, the one that is due first in front.
type queue []*notice

func (q *queue) push(n *notice) { heap.Push((*byTime)(q), n) }
func (q *queue) pop() *notice   { return heap.Pop((*byTime)(q)).(*notice) }

// byTime implements [heap.Interface].
type byTime queue

func (q byTime) Len() int           { return len(q) }
func (q byTime) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q byTime) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *byTime) Push(n any)        { *q = append(*q, n.(*notice)) }

func (q *byTime) Pop() any {
	last := len(*q) - 1
	n := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return n
}
