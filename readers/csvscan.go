package readers

import (
	"bytes"
	"fmt"
	"io"
)

// csvScanner cuts UTF-8 text into the records of RFC 4180, with the line and
// column of every field. Quotes are strict: a quoted cell ends where the cell
// ends, and an unquoted cell has none. Line breaks inside quotes are kept byte
// for byte. It works on a window of its buffer; a record that is not whole in
// the window is scanned again when more has been read.
type csvScanner struct {
	r          io.Reader
	file       string
	delimiter  byte
	eol        byte // '\n', or '\r' in a file whose lines end with that alone
	maxRecord  int
	maxColumns int

	buf        []byte
	start, end int // the window: what is read and not yet scanned
	eof        bool
	failed     error // that follows the window
	at         int   // physical line at which the window begins

	// Of the record last read:
	record    int // its number, from 1
	line      int // its first physical line
	text      []byte
	fields    []csvField // cut text into cells
	quotes    bool       // positions holds the fields' places; else a field's column is its offset in text plus 1
	positions []position
	unescaped []byte // cells with doubled quotes, without the doubling
	scratch   []byte
}

// csvField is the part of the record's text that is one cell.
type csvField struct{ from, to int32 }

// errShort says that the window ends inside a record.
const errShort = sentinel("record goes on beyond the window")

func newCSVScanner(r io.Reader, file string, delimiter, eol byte, l Limits) *csvScanner {
	return &csvScanner{
		r: r, file: file, delimiter: delimiter, eol: eol, at: 1,
		maxRecord: int(l.Record), maxColumns: l.Columns,
	}
}

// next reads one record; io.EOF after the last. An empty line is a record with one empty field.
func (s *csvScanner) next() error {
	for {
		n, err := s.parse(s.buf[s.start:s.end])
		if err == nil {
			s.start += n
			s.record++
			return nil
		}
		if err != errShort { //nolint:errorlint // parse returns the sentinel itself
			return err
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// fill makes the window longer. A scanner of a block has nothing to read: its
// block ends behind a record, or inside one that is too long.
func (s *csvScanner) fill() error {
	switch {
	case s.r == nil && s.start == s.end:
		return io.EOF
	case s.r == nil:
		return s.tooLong()
	case s.failed != nil:
		return s.failed
	}
	s.end = copy(s.buf, s.buf[s.start:s.end])
	s.start = 0
	if s.end == len(s.buf) {
		if len(s.buf) > s.maxRecord {
			return s.tooLong()
		}
		grown := make([]byte, min(max(2*len(s.buf), textBlock), s.maxRecord+1))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, end, err := readBlock(s.r, s.buf[s.end:])
	s.end += n
	s.eof = end
	if n > 0 {
		s.failed, err = err, nil
	}
	return err
}

// tooLong tells of a record over the limit: most often a quote is never closed.
func (s *csvScanner) tooLong() error {
	e := s.wrong(position{s.at, 1}, fmt.Sprintf("record is longer than %d bytes", s.maxRecord), "check that every quote is closed")
	e.Err = ErrLimit
	return e
}

// parse scans the record at the start of w and tells its length with its line end.
func (s *csvScanner) parse(w []byte) (int, error) {
	s.fields = s.fields[:0]
	s.line = s.at
	if len(w) == 0 {
		if s.eof {
			return 0, io.EOF
		}
		return 0, errShort
	}
	line, n := w, len(w)
	if i := bytes.IndexByte(w, s.eol); i >= 0 {
		line, n = w[:i], i+1
	} else if !s.eof {
		return 0, errShort
	}
	if bytes.IndexByte(line, '"') >= 0 {
		return s.parseQuoted(w)
	}
	if s.eol == '\n' && len(line) > 0 && line[len(line)-1] == '\r' && n > len(line) {
		line = line[:len(line)-1]
	}
	if i := bytes.IndexByte(line, s.otherEOL()); i >= 0 {
		return 0, s.mixed(position{s.line, i + 1})
	}
	s.quotes = false
	s.text = line
	s.at++
	return n, s.split(line)
}

func (s *csvScanner) otherEOL() byte { return '\n' ^ '\r' ^ s.eol }

// split cuts a line without quotes.
func (s *csvScanner) split(line []byte) error {
	from := 0
	for {
		i := bytes.IndexByte(line[from:], s.delimiter)
		if i < 0 {
			break
		}
		s.fields = append(s.fields, csvField{int32(from), int32(from + i)})
		from += i + 1
	}
	s.fields = append(s.fields, csvField{int32(from), int32(len(line))})
	return s.checkColumns()
}

func (s *csvScanner) checkColumns() error {
	if len(s.fields) <= s.maxColumns {
		return nil
	}
	e := s.wrong(position{s.line, 0}, fmt.Sprintf("record has more than %d cells", s.maxColumns), "check the delimiter and the quotes")
	e.Err = ErrLimit
	return e
}

func (s *csvScanner) mixed(at position) error {
	if s.eol == '\n' {
		return s.wrong(at, "carriage return outside quotes in a file whose lines end otherwise", "put the cell in quotes, or save the file with one kind of line end")
	}
	return s.wrong(at, "line feed outside quotes in a file whose lines end with a carriage return", "put the cell in quotes, or save the file with one kind of line end")
}

func (s *csvScanner) wrong(at position, what, mend string) *Error {
	return &Error{Place: Place{File: s.file, Line: at.line, Column: at.column}, What: what, Mend: mend, Err: ErrRow}
}

// position tells where field i of the record last read stands; for -1 or a
// field it does not have, where the record does.
func (s *csvScanner) position(i int) position {
	switch {
	case i < 0 || i >= len(s.fields):
		return position{s.line, 0}
	case s.quotes:
		return s.positions[i]
	}
	return position{s.line, int(s.fields[i].from) + 1}
}

func (s *csvScanner) locate(serial, i int) (position, bool) {
	if serial != s.record || i < 0 || i >= len(s.fields) {
		return position{}, false
	}
	return s.position(i), true
}
