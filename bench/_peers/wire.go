package main

import (
	"encoding/binary"
	"math"
)

// The binary forms of PostgreSQL (src/backend/utils/adt), in which parameters are sent and rows are copied: text would
// be the client's work and the server's, not the comparison's.

// appendReal appends a real[] of one dimension.
func appendReal(dst []byte, v []float32) []byte {
	const oidFloat4 = 700
	dst = appendArrayHead(dst, oidFloat4, len(v))
	for _, x := range v {
		dst = binary.BigEndian.AppendUint32(dst, 4)
		dst = binary.BigEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// realHead is the length of what stands before the elements of a real[].
const realHead = 20

// appendArrayHead appends dimensions, flags, element type, length and lower bound.
func appendArrayHead(dst []byte, element uint32, n int) []byte {
	for _, word := range []uint32{1, 0, element, uint32(n), 1} {
		dst = binary.BigEndian.AppendUint32(dst, word)
	}
	return dst
}

// appendVector appends a pgvector vector: its dimension, two unused bytes, its elements.
func appendVector(dst []byte, v []float32) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(v)))
	dst = binary.BigEndian.AppendUint16(dst, 0)
	for _, x := range v {
		dst = binary.BigEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// appendSized appends a value with its length before it, as a field of a tuple or an element of an array.
func appendSized(dst, value []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// oidUUID is the type of an id.
const oidUUID = 2950

// appendQuestion appends one element of an array of the composite type (id uuid, probe T).
func appendQuestion(dst, id []byte, probeType uint32, probe []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(4+8+len(id)+8+len(probe)))
	dst = binary.BigEndian.AppendUint32(dst, 2)
	dst = binary.BigEndian.AppendUint32(dst, oidUUID)
	dst = appendSized(dst, id)
	dst = binary.BigEndian.AppendUint32(dst, probeType)
	return appendSized(dst, probe)
}

// copyHead and copyEnd frame a binary COPY; every tuple begins with its number of fields.
const copyHead = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

const copyEnd = "\xff\xff"
