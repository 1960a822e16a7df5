package readers

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner cuts UTF-8 text into lines and each line into the keys and
// values of one JSON object, strictly by RFC 8259.
type jsonScanner struct {
	r         io.Reader
	file      string
	maxRecord int

	buf        []byte
	start, end int
	eof        bool

	// Of the object last read:
	line    int // its physical line
	text    []byte
	p       int    // how far the object is scanned
	scratch []byte // decoded keys and values
	members []jsonMember
}

// jsonMember is one key of an object and its value, as parts of the scanner's scratch.
type jsonMember struct {
	key, value span
	kind       Kind
	keyAt      int // offset in the line
	valueAt    int
}

type span struct{ from, to int }

func newJSONScanner(r io.Reader, file string, l Limits) *jsonScanner {
	return &jsonScanner{r: r, file: file, maxRecord: int(l.Record), buf: make([]byte, min(textBlock, int(l.Record)+1))}
}

// next reads the object of the next line that is not blank; io.EOF after the last.
func (s *jsonScanner) next(maxColumns int) error {
	for {
		line, err := s.readLine()
		if err != nil {
			return err
		}
		s.line++
		if s.text = line; len(bytes.Trim(line, " \t\r")) > 0 {
			return s.object(maxColumns)
		}
	}
}

// readLine gives the next line without its line feed, valid until the next call.
func (s *jsonScanner) readLine() ([]byte, error) {
	scanned := 0
	for {
		w := s.buf[s.start:s.end]
		if i := bytes.IndexByte(w[scanned:], '\n'); i >= 0 {
			s.start += scanned + i + 1
			return w[:scanned+i], nil
		}
		if s.eof {
			if len(w) == 0 {
				return nil, io.EOF
			}
			s.start = s.end
			return w, nil
		}
		scanned = len(w)
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

func (s *jsonScanner) fill() error {
	s.end = copy(s.buf, s.buf[s.start:s.end])
	s.start = 0
	if s.end == len(s.buf) {
		if len(s.buf) > s.maxRecord {
			place := Place{File: s.file, Line: s.line + 1}
			return &Error{Place: place, What: fmt.Sprintf("line is longer than %d bytes", s.maxRecord), Mend: "write one object a line", Err: ErrLimit}
		}
		grown := make([]byte, min(2*len(s.buf), s.maxRecord+1))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, end, err := readBlock(s.r, s.buf[s.end:])
	s.end += n
	s.eof = end
	return err
}

// object scans the line.
func (s *jsonScanner) object(maxColumns int) error {
	s.p, s.scratch, s.members = 0, s.scratch[:0], s.members[:0]
	if s.peek() != '{' {
		return s.wrong(s.p, "line does not begin with an object", "write one JSON object a line")
	}
	s.p++
	if s.peek() == '}' {
		s.p++
		return s.lineEnd()
	}
	for {
		if err := s.member(); err != nil {
			return err
		}
		if len(s.members) > maxColumns {
			e := s.wrong(0, fmt.Sprintf("object has more than %d keys", maxColumns), "write one record a line")
			e.Err = ErrLimit
			return e
		}
		switch s.peek() {
		case ',':
			s.p++
		case '}':
			s.p++
			return s.lineEnd()
		default:
			return s.unexpected("a comma or the end of the object")
		}
	}
}

func (s *jsonScanner) lineEnd() error {
	if s.peek(); s.p < len(s.text) {
		return s.wrong(s.p, "text after the end of the object", "write one JSON object a line")
	}
	return nil
}

// peek skips blanks and gives the byte there, 0 at the end of the line.
func (s *jsonScanner) peek() byte {
	for s.p < len(s.text) {
		switch b := s.text[s.p]; b {
		case ' ', '\t', '\r':
			s.p++
		default:
			return b
		}
	}
	return 0
}

func (s *jsonScanner) member() error {
	m := jsonMember{}
	if s.peek() != '"' {
		return s.unexpected("a key in quotes")
	}
	var err error
	m.keyAt = s.p
	if m.key, err = s.str(); err != nil {
		return err
	}
	if s.peek() != ':' {
		return s.unexpected("a colon")
	}
	s.p++
	s.peek()
	m.valueAt = s.p
	if m.kind, m.value, err = s.value(); err != nil {
		return err
	}
	s.members = append(s.members, m)
	return nil
}

// value scans a scalar, or an array of scalars.
func (s *jsonScanner) value() (Kind, span, error) {
	switch s.peek() {
	case '[':
		v, err := s.list()
		return List, v, err
	case '{':
		return 0, span{}, s.wrong(s.p, "object inside an object", "give its members keys of their own, as in \"parent.name\"")
	}
	return s.scalar()
}

func (s *jsonScanner) scalar() (Kind, span, error) {
	switch b := s.peek(); {
	case b == '"':
		v, err := s.str()
		return Text, v, err
	case b == '-' || '0' <= b && b <= '9':
		v, err := s.number()
		return Number, v, err
	case s.word("true"):
		return Bool, s.keep("TRUE"), nil
	case s.word("false"):
		return Bool, s.keep("FALSE"), nil
	case s.word("null"):
		return Null, s.keep(""), nil
	}
	return 0, span{}, s.unexpected("a value")
}

func (s *jsonScanner) word(w string) bool {
	if !bytes.HasPrefix(s.text[s.p:], []byte(w)) {
		return false
	}
	s.p += len(w)
	return true
}

func (s *jsonScanner) keep(text string) span {
	from := len(s.scratch)
	s.scratch = append(s.scratch, text...)
	return span{from, len(s.scratch)}
}

// list scans an array of scalars and joins them with ";".
func (s *jsonScanner) list() (span, error) {
	from := len(s.scratch)
	s.p++
	if s.peek() == ']' {
		s.p++
		return span{from, from}, nil
	}
	for {
		at := s.p
		kind, item, err := s.item()
		switch {
		case err != nil:
			return span{}, err
		case kind == Null:
			return span{}, s.wrong(at, "null inside an array", "leave it out")
		case bytes.IndexByte(s.scratch[item.from:item.to], ';') >= 0:
			return span{}, s.wrong(at, fmt.Sprintf("item %s has a semicolon, which parts the items of a list", quote(string(s.scratch[item.from:item.to]))), "give the list as text")
		}
		switch s.peek() {
		case ',':
			s.scratch = append(s.scratch, ';')
			s.p++
			s.peek()
		case ']':
			s.p++
			return span{from, len(s.scratch)}, nil
		default:
			return span{}, s.unexpected("a comma or the end of the array")
		}
	}
}

func (s *jsonScanner) item() (Kind, span, error) {
	if b := s.peek(); b == '[' || b == '{' {
		return 0, span{}, s.wrong(s.p, "array or object inside an array", "give an array of texts or numbers")
	}
	return s.scalar()
}

// number scans a number and keeps it as it is written.
func (s *jsonScanner) number() (span, error) {
	from := s.p
	if s.text[s.p] == '-' {
		s.p++
	}
	switch {
	case s.p < len(s.text) && s.text[s.p] == '0':
		s.p++
	case s.digits() == 0:
		return span{}, s.unexpected("a digit")
	}
	if s.p < len(s.text) && s.text[s.p] == '.' {
		s.p++
		if s.digits() == 0 {
			return span{}, s.unexpected("a digit")
		}
	}
	if s.p < len(s.text) && (s.text[s.p] == 'e' || s.text[s.p] == 'E') {
		s.p++
		if s.p < len(s.text) && (s.text[s.p] == '+' || s.text[s.p] == '-') {
			s.p++
		}
		if s.digits() == 0 {
			return span{}, s.unexpected("a digit")
		}
	}
	return s.keep(string(s.text[from:s.p])), nil
}

func (s *jsonScanner) digits() int {
	from := s.p
	for s.p < len(s.text) && '0' <= s.text[s.p] && s.text[s.p] <= '9' {
		s.p++
	}
	return s.p - from
}

// str scans a string and decodes its escapes.
func (s *jsonScanner) str() (span, error) {
	opened := s.p
	s.p++
	from := len(s.scratch)
	for {
		plain := s.p
		for s.p < len(s.text) && s.text[s.p] >= ' ' && s.text[s.p] != '"' && s.text[s.p] != '\\' {
			s.p++
		}
		s.scratch = append(s.scratch, s.text[plain:s.p]...)
		switch {
		case s.p == len(s.text):
			return span{}, s.wrong(opened, "string is never closed", "check the quotes; a line break inside a string is written \\n")
		case s.text[s.p] == '"':
			s.p++
			return span{from, len(s.scratch)}, nil
		case s.text[s.p] < ' ':
			return span{}, s.wrong(s.p, fmt.Sprintf("control character 0x%02X inside a string", s.text[s.p]), "escape it")
		}
		if err := s.escape(); err != nil {
			return span{}, err
		}
	}
}

func (s *jsonScanner) escape() error {
	const names, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if s.p+1 < len(s.text) {
		if i := bytes.IndexByte([]byte(names), s.text[s.p+1]); i >= 0 {
			s.scratch = append(s.scratch, values[i])
			s.p += 2
			return nil
		}
	}
	r, ok := s.unicode(s.p)
	size := 6
	if ok && utf16.IsSurrogate(r) {
		low, _ := s.unicode(s.p + 6)
		r = utf16.DecodeRune(r, low)
		ok, size = r != utf8.RuneError, 12
	}
	if !ok || r == 0 {
		return s.wrong(s.p, "wrong escape in a string", "see RFC 8259, section 7")
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	s.p += size
	return nil
}

// unicode decodes an escape like \u00e9 at offset p.
func (s *jsonScanner) unicode(p int) (rune, bool) {
	if p+6 > len(s.text) || s.text[p] != '\\' || s.text[p+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s.text[p+2:p+6]), 16, 16)
	return rune(v), err == nil
}

func (s *jsonScanner) unexpected(want string) error {
	if s.peek() == 0 {
		return s.wrong(s.p, "line ends where "+want+" is due", "write one whole JSON object a line; is the file cut off?")
	}
	r, _ := utf8.DecodeRune(s.text[s.p:])
	return s.wrong(s.p, fmt.Sprintf("%q stands where %s is due", r, want), "mend the JSON")
}

func (s *jsonScanner) wrong(at int, what, mend string) *Error {
	return &Error{Place: s.place(at), What: what, Mend: mend, Err: ErrRow}
}

// place is where offset at of the line is.
func (s *jsonScanner) place(at int) Place {
	return Place{File: s.file, Line: s.line, Column: at + 1}
}
