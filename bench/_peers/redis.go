package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"zhenni"
)

// redis is a private instance in memory alone, on a port of the loopback.
type redis struct {
	*server
	addr, version string
}

func startRedis(ctx context.Context, dir, program string) (_ *redis, err error) {
	path, err := find(program, "redis-server")
	if err != nil {
		return nil, err
	}
	version, err := output(command(ctx, account{}, path, "--version"))
	if err != nil {
		return nil, err
	}
	who, err := unprivileged("redis", "nobody")
	if err != nil {
		return nil, err
	}
	if err := who.own(dir); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redis{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), version: firstField(version, "v=")}
	cmd := command(context.WithoutCancel(ctx), who, path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", dir)
	cmd.Dir = dir
	if r.server, err = startServer(cmd, syscall.SIGTERM); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.stop())
		}
	}()
	client := r.client()
	defer client.Close()
	return r, r.until(ctx, func() error { return client.Ping(ctx).Err() })
}

// client has one connection; an asker has one client.
func (r *redis) client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: r.addr, PoolSize: 1, MaxRetries: -1, DisableIdentity: true, Protocol: 2,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute, ReadBufferSize: 256 << 10, WriteBufferSize: 256 << 10})
}

// A format is one way of storing a reference as a string, under a key of its own.
type format struct {
	about  string
	prefix byte
	encode func(dst []byte, w *workload, i int, reference []float32) []byte
	accept func(w *workload, t int, value []byte) bool
}

var formats = []format{
	{
		about: "int8", prefix: 'i',
		encode: func(dst []byte, w *workload, i int, _ []float32) []byte {
			return append(dst, rawBytes(w.reference(i))...)
		},
		accept: func(w *workload, t int, value []byte) bool { return w.decide(t, value) },
	},
	{
		about: "float32", prefix: 'f',
		encode: func(dst []byte, _ *workload, _ int, reference []float32) []byte { return littleFloats(dst, reference) },
		accept: func(w *workload, t int, value []byte) bool {
			return dotLittle(w.float(w.probeOf(t)), value) >= w.cosine()
		},
	},
}

// key is the prefix and the 16 bytes of the credential's id.
func (f format) key(dst []byte, id zhenni.CredentialID) []byte {
	return append(append(dst, f.prefix), id[:]...)
}

// fill stores every reference in both forms.
func (r *redis) fill(ctx context.Context, w *workload) error {
	client := r.client()
	defer client.Close()
	pipe := client.Pipeline()
	err := w.eachReference(ctx, func(i int, reference []float32) error {
		for _, f := range formats {
			pipe.Set(ctx, string(f.key(nil, w.ids[i])), f.encode(nil, w, i, reference), 0)
		}
		if pipe.Len() < 1024 {
			return nil
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	if err == nil {
		_, err = pipe.Exec(ctx)
	}
	return err
}

// Ways of asking Redis, as the ratios name them.
const redisPipelined = "GET pipelined"

// contenders fetches and compares in Go: with go-redis, as most do, and by a bare client that only writes requests and
// reads answers, which shows what the server gives.
func (r *redis) contenders(w *workload) []contender {
	row, float := formats[0], formats[1]
	way := func(kind, about string, f format, items int, dial func(f format) (asker, error)) contender {
		return contender{peer: peerRedis, kind: kind, about: about + ", " + f.about, clients: 8, items: items,
			dial: func(context.Context, int, int) (asker, error) { return dial(f) }}
	}
	library := func(do func(*redisAsker, context.Context, int, []bool) error) func(f format) (asker, error) {
		return func(f format) (asker, error) { return &redisAsker{r.client(), w, f, do}, nil }
	}
	one, pipelined, many := library((*redisAsker).one), library((*redisAsker).pipelined), library((*redisAsker).many)
	bare := func(f format) (asker, error) { return r.dialBare(w, f) }
	return []contender{
		way(kindSingle, "GET", row, 1, one),
		way(kindPipelined, redisPipelined, row, 256, pipelined),
		way(kindPipelined, redisPipelined, row, 1024, pipelined),
		way(kindPipelined, redisPipelined+" by a bare client", row, 1024, bare),
		way(kindBulk, "MGET", row, 1024, many),
		way(kindSingle, "GET", float, 1, one),
		way(kindPipelined, redisPipelined, float, 256, pipelined),
		way(kindPipelined, redisPipelined+" by a bare client", float, 1024, bare),
	}
}

// redisAsker is one connection of go-redis.
type redisAsker struct {
	client   *goredis.Client
	workload *workload
	format   format
	do       func(*redisAsker, context.Context, int, []bool) error
}

func (a *redisAsker) ask(ctx context.Context, first int, match []bool) error {
	return a.do(a, ctx, first, match)
}

func (a *redisAsker) close() error { return a.client.Close() }

func (a *redisAsker) key(t int) string {
	return string(a.format.key(nil, a.workload.claims[t]))
}

func (a *redisAsker) one(ctx context.Context, first int, match []bool) error {
	value, err := a.client.Get(ctx, a.key(first)).Bytes()
	if err != nil {
		return err
	}
	match[0] = a.format.accept(a.workload, first, value)
	return nil
}

func (a *redisAsker) pipelined(ctx context.Context, first int, match []bool) error {
	pipe := a.client.Pipeline()
	for i := range match {
		pipe.Get(ctx, a.key(first+i))
	}
	answers, err := pipe.Exec(ctx)
	if err != nil {
		return err
	}
	for i, answer := range answers {
		value, err := answer.(*goredis.StringCmd).Bytes()
		if err != nil {
			return err
		}
		match[i] = a.format.accept(a.workload, first+i, value)
	}
	return nil
}

func (a *redisAsker) many(ctx context.Context, first int, match []bool) error {
	keys := make([]string, len(match))
	for i := range keys {
		keys[i] = a.key(first + i)
	}
	values, err := a.client.MGet(ctx, keys...).Result()
	if err != nil {
		return err
	}
	for i, value := range values {
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("MGET answered %T", value)
		}
		match[i] = a.format.accept(a.workload, first+i, []byte(text))
	}
	return nil
}

// bareAsker is one connection without a library: requests are written as bytes, answers read in place.
type bareAsker struct {
	conn     net.Conn
	reader   *bufio.Reader
	workload *workload
	format   format
	request  []byte
	value    []byte
}

func (r *redis) dialBare(w *workload, f format) (asker, error) {
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		return nil, err
	}
	return &bareAsker{conn: conn, reader: bufio.NewReaderSize(conn, 256<<10), workload: w, format: f}, nil
}

func (a *bareAsker) close() error { return a.conn.Close() }

func (a *bareAsker) ask(_ context.Context, first int, match []bool) error {
	a.request = a.request[:0]
	for i := range match {
		a.request = append(a.request, "*2\r\n$3\r\nGET\r\n$17\r\n"...)
		a.request = append(a.format.key(a.request, a.workload.claims[first+i]), "\r\n"...)
	}
	if _, err := a.conn.Write(a.request); err != nil {
		return err
	}
	for i := range match {
		if err := a.read(); err != nil {
			return err
		}
		match[i] = a.format.accept(a.workload, first+i, a.value)
	}
	return nil
}

// read takes one bulk string.
func (a *bareAsker) read() error {
	head, err := a.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	size := -1
	if len(head) > 3 && head[0] == '$' {
		size, err = strconv.Atoi(string(head[1 : len(head)-2]))
	}
	if size < 0 || err != nil {
		return fmt.Errorf("the server answered %q", head)
	}
	whole, err := a.reader.Peek(size + 2)
	if err != nil {
		return err
	}
	a.value = append(a.value[:0], whole[:size]...)
	_, err = a.reader.Discard(size + 2)
	return err
}
