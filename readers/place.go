package readers

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// Place is where something stands in an input file.
type Place struct {
	File   string // base name of the file, "stdin" for standard input
	Sheet  string // XLSX
	Cell   string // XLSX: "C42", or "42" for a whole row
	Line   int    // CSV and JSONL: physical line from 1; XLSX: the sheet's row
	Column int    // CSV and JSONL: byte column in that line, as UTF-8, from 1; 0 for the whole row
}

// String is the place as people write it: goals.xlsx:Goals!C42, goals.csv:12:5,
// goals.csv:12 for a whole row, and goals.csv for the whole file.
func (p Place) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Sheet != "" {
		b.WriteByte(':')
		b.WriteString(p.Sheet)
		if p.Cell != "" {
			b.WriteByte('!')
			b.WriteString(p.Cell)
		}
		return b.String()
	}
	if p.Line > 0 {
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(p.Line))
		if p.Column > 0 {
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(p.Column))
		}
	}
	return b.String()
}

// sentinel is an error that is only a name to compare with.
type sentinel string

func (s sentinel) Error() string { return string(s) }

// What an *Error can be by errors.Is, beside the errors of the file system.
const (
	// ErrNotTable: the file is no table that this package reads, or its header is wrong.
	ErrNotTable = sentinel("not a table")
	// ErrRow: a row does not fit its header or is not written as its format demands.
	ErrRow = sentinel("row not readable")
	// ErrDamaged: the file is cut off, its checksum fails, its XML or charset is broken, or it changed while it was read.
	ErrDamaged = sentinel("damaged file")
	// ErrLimit: the file is over one of Limits.
	ErrLimit = sentinel("over a limit")
	// ErrAmbiguous: the file can be read in more than one way, and an option must say which.
	ErrAmbiguous = sentinel("ambiguous")
	// ErrOption: an option is unknown, or does not apply to this file.
	ErrOption = sentinel("wrong option")
)

// Error is why a file cannot be read as a table. Its text is one line: place,
// what is wrong, and how to mend it.
type Error struct {
	Place Place
	What  string // what is wrong, with the value
	Mend  string // what to do, "" where there is nothing to advise
	Err   error  // a sentinel of this package, or the cause
}

// Error is the place, what is wrong, the cause if there is one, and the mend.
func (e *Error) Error() string {
	text := e.What
	if place := e.Place.String(); place != "" {
		text = place + ": " + text
	}
	var name sentinel
	if cause := causeText(e.Err); cause != "" && !(errors.As(e.Err, &name) && cause == string(name)) {
		text += ": " + cause
	}
	if e.Mend != "" {
		text += "; " + e.Mend
	}
	return text
}

// Unwrap gives the sentinel or the cause.
func (e *Error) Unwrap() error { return e.Err }

func causeText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// caused is a cause that is also one of the sentinels.
type caused struct {
	is  sentinel
	err error
}

func (c caused) Error() string   { return c.err.Error() }
func (c caused) Unwrap() []error { return []error{c.is, c.err} }

// damage makes a cause one of damage. Where bytes are missing, the end of a
// file is no end that a caller may take for the end of its rows.
func damage(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return caused{ErrDamaged, err}
}

// quote is a value for a message: quoted, and cut to what fits on a line.
func quote(s string) string {
	const most = 60
	n := 0
	for i := range s {
		if n == most {
			return strconv.Quote(s[:i]) + "…"
		}
		n++
	}
	return strconv.Quote(s)
}

// count is a number with its noun, in the plural where it is due.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
