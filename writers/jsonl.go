package writers

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonlTable encodes each row as one JSON object. A blank cell is "": a null
// would ask an import to clear the field.
type jsonlTable struct {
	w       io.Writer
	columns []Column
	keys    [][]byte // `{"a":`, `,"b":` …
	buf     []byte
	rows    int
	notes   notes
}

func newJSONL(w io.Writer, header []Column) (*jsonlTable, error) {
	t := &jsonlTable{w: w, columns: header, buf: make([]byte, 0, bufferSize+4096)}
	seen := make(map[string]bool, len(header))
	for i, c := range header {
		if seen[c.Name] {
			return nil, fmt.Errorf("two columns are named %q, an object has room for one; rename one or write .csv", c.Name)
		}
		seen[c.Name] = true
		key := []byte{','}
		if i == 0 {
			key[0] = '{'
		}
		key, _ = appendJSON(key, c.Name)
		t.keys = append(t.keys, append(key, ':'))
	}
	return t, nil
}

func (t *jsonlTable) row(cells []string, _ Look) error {
	t.rows++
	for i, cell := range cells {
		t.buf = append(t.buf, t.keys[i]...)
		kind := t.columns[i].Kind
		if kind == Number && isDecimal(cell) || kind == Bool && (cell == "true" || cell == "false") {
			t.buf = append(t.buf, cell...)
			continue
		}
		var whole bool
		if t.buf, whole = appendJSON(t.buf, cell); !whole {
			t.notes.add(t.rows, t.columns[i].Name, "bytes that are not UTF-8 were replaced by U+FFFD")
		}
	}
	t.buf = append(t.buf, '}', '\n')
	if len(t.buf) < bufferSize {
		return nil
	}
	return t.close()
}

func (t *jsonlTable) close() error {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *jsonlTable) release()      {}
func (t *jsonlTable) noted() *notes { return &t.notes }

// appendJSON appends s as a JSON string (RFC 8259). Bytes that are not UTF-8
// become U+FFFD; whole is false then. U+2028 and U+2029 are escaped because
// programs that split lines may take them for one's end.
func appendJSON(b []byte, s string) (out []byte, whole bool) {
	const hex = "0123456789abcdef"
	b, whole = append(b, '"'), true
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), "\ufffd"...)
			whole = false
			start = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(b, s[start:i]...), `\u202`...)
			b = append(b, hex[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"'), whole
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// isDecimal reports whether s is a JSON number without an exponent, of at most
// 15 digits, which every program reads back exactly.
func isDecimal(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	digits, point := 0, -1
	for i := range len(s) {
		switch {
		case '0' <= s[i] && s[i] <= '9':
			digits++
		case s[i] == '.' && point < 0:
			point = i
		default:
			return false
		}
	}
	whole := s
	if point >= 0 {
		whole = s[:point]
	}
	return whole != "" && (whole == "0" || whole[0] != '0') && point != len(s)-1 && digits <= 15
}
