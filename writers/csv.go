package writers

import (
	"io"
	"strings"
)

// byteOrderMark makes Excel read a CSV file as UTF-8.
const byteOrderMark = "\ufeff"

// csvTable encodes rows as CSV. Rows are collected and written in large pieces.
type csvTable struct {
	w     io.Writer
	guard bool
	buf   []byte
	none  notes
}

func newCSV(w io.Writer, header []Column, guard, mark bool) (*csvTable, error) {
	t := &csvTable{w: w, guard: guard, buf: make([]byte, 0, bufferSize+4096)}
	if mark {
		t.buf = append(t.buf, byteOrderMark...)
	}
	names := make([]string, len(header))
	for i, c := range header {
		names[i] = c.Name
	}
	return t, t.row(names, Look{})
}

func (t *csvTable) row(cells []string, _ Look) error {
	for i, cell := range cells {
		if i > 0 {
			t.buf = append(t.buf, ',')
		}
		// A row of one blank cell would be a blank line, which readers skip.
		if quote := len(cells) == 1 && cell == ""; quote || needsQuotes(cell) {
			t.quote(cell)
			continue
		}
		if t.guard && needsGuard(cell) {
			t.buf = append(t.buf, guardMark)
		}
		t.buf = append(t.buf, cell...)
	}
	t.buf = append(t.buf, '\r', '\n')
	if len(t.buf) < bufferSize {
		return nil
	}
	return t.flush()
}

func (t *csvTable) quote(cell string) {
	t.buf = append(t.buf, '"')
	if t.guard && needsGuard(cell) {
		t.buf = append(t.buf, guardMark)
	}
	for {
		i := strings.IndexByte(cell, '"')
		if i < 0 {
			break
		}
		t.buf = append(t.buf, cell[:i+1]...)
		t.buf = append(t.buf, '"')
		cell = cell[i+1:]
	}
	t.buf = append(t.buf, cell...)
	t.buf = append(t.buf, '"')
}

// needsQuotes reports whether a cell must be quoted, or had better be: other
// delimiters, or blanks at either end, mislead programs that guess. So does
// "sep=" at the start of a file.
func needsQuotes(s string) bool {
	if s == "" {
		return false
	}
	for i := harmless(s); i < len(s); i++ {
		switch s[i] {
		case ',', '"', '\n', '\r', ';', '\t', '|', 0:
			return true
		}
	}
	return s[0] == ' ' || s[len(s)-1] == ' ' || strings.HasPrefix(s, "sep=")
}

// harmless is the length of a piece at the start of s that has no character to
// be quoted for. Eight bytes are compared at once: one at a time it was more
// than half of writing a table.
func harmless(s string) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		e := s[i : i+8]
		x := uint64(e[0]) | uint64(e[1])<<8 | uint64(e[2])<<16 | uint64(e[3])<<24 | uint64(e[4])<<32 | uint64(e[5])<<40 | uint64(e[6])<<48 | uint64(e[7])<<56
		found := (x - ' '*ones) &^ x // a control character
		for _, c := range [...]uint64{'"' * ones, ',' * ones, ';' * ones, '|' * ones} {
			found |= (x ^ c - ones) &^ (x ^ c)
		}
		if found&highs != 0 {
			return i
		}
	}
	return i
}

func (t *csvTable) flush() error {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *csvTable) close() error  { return t.flush() }
func (t *csvTable) release()      {}
func (t *csvTable) noted() *notes { return &t.none }
