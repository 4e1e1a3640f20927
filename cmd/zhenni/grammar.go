package main

import (
	"reflect"
	"strings"
)

// grammarOf is what the parser has to know of [commands] to read args: a pointer to a struct with the one command that they
// begin with, or to all of them where they begin with none. The hundreds of flags of all take a tenth of a second to read.
func grammarOf(args []string) any {
	all := reflect.TypeFor[commands]()
	for field := range all.Fields() {
		if len(args) > 0 && commandName(field) == args[0] {
			return reflect.New(reflect.StructOf([]reflect.StructField{field})).Interface()
		}
	}
	return new(commands)
}

// commandName is how a command is called, of the field that describes it.
func commandName(field reflect.StructField) string {
	if name := field.Tag.Get("name"); name != "" {
		return name
	}
	return strings.ToLower(field.Name)
}
