package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// A command reads the same whether the parser knows it alone or beside all others: what its help says, and what it says of
// what is not there.
func TestACommandAloneReadsAsAmongAll(t *testing.T) {
	among := reader(t, new(commands))
	for field := range reflect.TypeFor[commands]().Fields() {
		name := commandName(field)
		grammar := grammarOf([]string{name})
		if n := reflect.TypeOf(grammar).Elem().NumField(); n != 1 {
			t.Fatalf("%s: a grammar of %d commands, want 1", name, n)
		}
		alone := reader(t, grammar)
		for _, args := range [][]string{{name, "--help"}, {name, "--no-such-flag"}, {name, "no-such-argument", "--help"}, {name}} {
			if said, wanted := alone(args), among(args); said != wanted {
				t.Errorf("zhenni %s: %s\nwant %s", strings.Join(args, " "), said, wanted)
			}
		}
	}
	for _, args := range [][]string{nil, {"--help"}, {"no-such-command"}, {"Serve"}} {
		if _, all := grammarOf(args).(*commands); !all {
			t.Errorf("zhenni %s: not the grammar of all commands", strings.Join(args, " "))
		}
	}
}

// reader returns a function that returns all that a parser of the grammar says to args.
func reader(t *testing.T, grammar any) func(args []string) string {
	t.Helper()
	var said bytes.Buffer
	parser, err := newParser(grammar, kong.Writers(&said, &said), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return func(args []string) string {
		said.Reset()
		if _, err := parser.Parse(args); err != nil {
			said.WriteString(err.Error())
		}
		return said.String()
	}
}
