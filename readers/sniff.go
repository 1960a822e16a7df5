package readers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// dialect is how a CSV file is written.
type dialect struct {
	delimiter byte
	eol       byte
	skip      int64 // length of a leading "sep=;" line
}

const (
	sampleSize    = textBlock
	sampleRecords = 200
)

// delimiters are those that are looked for, the commonest first.
func delimiters() []byte { return []byte{',', ';', '\t', '|'} }

// sniff finds the dialect of the text: the given delimiter, or that of a "sep="
// line, or the one that cuts a sample most evenly. The header is record headerRow,
// or for 0 the first that is not blank.
func sniff(t *text, delimiter rune, headerRow int, l Limits) (dialect, error) {
	d := dialect{}
	in, err := t.reader()
	if err != nil {
		return d, err
	}
	sample := make([]byte, sampleSize)
	n, whole, err := readBlock(in, sample)
	if err != nil {
		return d, t.source.readError(err)
	}
	sample = sample[:n]
	d.eol = lineEndOf(sample)
	sep, n := sepLine(sample)
	d.skip = int64(n)
	sample = sample[n:]
	switch {
	case delimiter != 0:
		if delimiter >= 128 || delimiter < ' ' && delimiter != '\t' || delimiter == '"' {
			return d, &Error{Place: t.source.whole(), What: "delimiter " + quote(string(delimiter)) + " is not usable", Mend: "name one ASCII character that is no quote and no line end", Err: ErrOption}
		}
		d.delimiter = byte(delimiter)
	case sep != 0:
		d.delimiter = sep
	default:
		d.delimiter = evenest(sample, d.eol, whole, headerRow, l)
	}
	return d, nil
}

// lineEndOf tells how the first line outside quotes ends.
func lineEndOf(sample []byte) byte {
	quoted := false
	for i, b := range sample {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '\n':
			return '\n'
		case b == '\r' && (i+1 == len(sample) || sample[i+1] != '\n'):
			return '\r'
		}
	}
	return '\n'
}

// sepLine recognises the line "sep=;" by which spreadsheets declare a
// delimiter, and tells its length with its line end.
func sepLine(sample []byte) (byte, int) {
	line := sample
	n := len(sample)
	if i := bytes.IndexAny(sample, "\r\n"); i >= 0 {
		line, n = sample[:i], i+1
		if bytes.HasPrefix(sample[i:], []byte("\r\n")) {
			n++
		}
	}
	line = bytes.Trim(line, `"`)
	if len(line) == 5 && bytes.EqualFold(line[:4], []byte("sep=")) {
		return line[4], n
	}
	return 0, 0
}

// evenness is how well a delimiter cuts a sample.
type evenness struct {
	clean bool // no quote out of place
	like  int  // records in a thousand with as many cells as the header
	cells int  // of the header
}

func (e evenness) better(o evenness) bool {
	switch {
	case (e.cells > 1) != (o.cells > 1):
		return e.cells > 1
	case e.clean != o.clean:
		return e.clean
	case e.like != o.like:
		return e.like > o.like
	}
	return e.cells > o.cells
}

func evenest(sample []byte, eol byte, whole bool, headerRow int, l Limits) byte {
	best, chosen := evenness{}, byte(',')
	for _, d := range delimiters() {
		if e := measure(sample, d, eol, whole, headerRow, l); e.better(best) {
			best, chosen = e, d
		}
	}
	return chosen
}

func measure(sample []byte, delimiter, eol byte, whole bool, headerRow int, l Limits) evenness {
	l.Columns = len(sample) + 1 // too many columns are an error of the reader
	s := newCSVScanner(nil, "", delimiter, eol, l)
	s.buf, s.end, s.eof = sample, len(sample), whole
	e := evenness{clean: true}
	like, total := 0, 0
	for total < sampleRecords {
		n, err := s.parse(s.buf[s.start:s.end])
		if err != nil {
			e.clean = errors.Is(err, io.EOF) || errors.Is(err, errShort)
			break
		}
		s.start += n
		s.record++
		if s.record < headerRow || s.blank() {
			continue
		}
		if e.cells == 0 {
			e.cells = len(s.fields)
		}
		total++
		if len(s.fields) == e.cells {
			like++
		}
	}
	if total > 0 {
		e.like = like * 1000 / total
	}
	return e
}

// blank says that no cell of the record has any text.
func (s *csvScanner) blank() bool {
	for _, f := range s.fields {
		if !isBlank(s.text[f.from:f.to]) {
			return false
		}
	}
	return true
}

func isBlank(b []byte) bool {
	if len(b) > 0 && b[0] > ' ' && b[0] < 0x80 {
		return false
	}
	return len(bytes.TrimFunc(b, isOuter)) == 0
}

// name is the delimiter for a message.
func (d dialect) name() string {
	if d.delimiter == '\t' {
		return "tab"
	}
	return fmt.Sprintf("%q", d.delimiter)
}
