package readers

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// sharedStrings are the workbook's string table: texts in pieces of one size, so
// that there is never a second copy of them, as there is when one piece grows.
type sharedStrings struct {
	pieces []string
	piece  strings.Builder
	ends   []uint32       // of each string, in pieces that are all full
	long   map[int]string // those that no piece has room for
}

const stringPiece = 1 << 20

// add appends a string; false where the table is over its limit.
func (s *sharedStrings) add(text []byte) bool {
	end := len(s.pieces)*stringPiece + s.piece.Len()
	switch {
	case len(text) > stringPiece:
		if s.long == nil {
			s.long = make(map[int]string)
		}
		s.long[len(s.ends)] = string(text)
	case s.piece.Len()+len(text) > stringPiece:
		s.pieces = append(s.pieces, s.piece.String())
		s.piece = strings.Builder{}
		end = len(s.pieces) * stringPiece
		fallthrough
	default:
		if s.piece.Cap() == 0 {
			s.piece.Grow(stringPiece)
		}
		s.piece.Write(text)
		end += len(text)
	}
	s.ends = append(s.ends, uint32(end))
	return end < 1<<32-stringPiece
}

// done makes the last piece one of the others.
func (s *sharedStrings) done() {
	s.pieces = append(s.pieces, s.piece.String())
	s.piece = strings.Builder{}
}

// at is string i. One that did not fit into the piece of the string before
// begins at the start of its own.
func (s *sharedStrings) at(i int) string {
	to, from := int(s.ends[i]), 0
	if i > 0 {
		from = int(s.ends[i-1])
	}
	if from == to {
		return s.long[i]
	}
	piece := (to - 1) / stringPiece
	base := piece * stringPiece
	return s.pieces[piece][max(from-base, 0) : to-base]
}

// readStrings reads the string table.
func (w *workbook) readStrings(part string) error {
	x, closer, err := w.open(part)
	if err != nil {
		return err
	}
	if err := errors.Join(w.scanStrings(x), closer.Close()); err != nil {
		return w.wrong(part, err)
	}
	return nil
}

func (w *workbook) scanStrings(x *xmlScanner) error {
	if err := x.root("sst"); err != nil {
		return err
	}
	var item []byte
	for {
		if text, ok := x.usualItem(); ok {
			item = append(item[:0], text...)
			if !w.strings.add(unescape(item, 0)) {
				return tooManyStrings()
			}
			continue
		}
		token, err := x.next()
		if err != nil {
			return err
		}
		switch {
		case token == xmlText:
			if !allBlank(x.text) {
				return x.wrong("text between shared strings")
			}
		case token == xmlEnd:
			w.strings.done()
			return x.drain()
		case x.isMain("si"):
			if item, err = x.richText(item[:0]); err != nil {
				return err
			}
			if !w.strings.add(item) {
				return tooManyStrings()
			}
		case x.ns == mainNS && string(x.name) != "extLst":
			return x.wrong("<%s> between shared strings", clip(x.name))
		default:
			if err := x.skipElement(); err != nil {
				return err
			}
		}
	}
}

func tooManyStrings() error {
	return caused{ErrLimit, errors.New("shared strings of more than 4 GB")}
}

// root reads up to the start of the root element, which must be name.
func (x *xmlScanner) root(name string) error {
	if _, err := x.next(); err != nil {
		return err
	}
	if !x.isMain(name) {
		return x.wrong("the root element is <%s>, not <%s> of SpreadsheetML", clip(x.name), name)
	}
	return nil
}

func allBlank(b []byte) bool {
	for _, c := range b {
		if !isXMLBlank(c) {
			return false
		}
	}
	return true
}

// richText reads a string item just opened, to its end: its text, or the texts
// of its runs joined. Phonetic runs are left out. Blanks are kept as they are.
func (x *xmlScanner) richText(dst []byte) ([]byte, error) {
	depth := x.depth()
	from := len(dst)
	for {
		token, err := x.next()
		switch {
		case err != nil:
			return dst, err
		case token == xmlEnd:
			if x.depth() < depth {
				return unescape(dst, from), nil
			}
		case token == xmlText:
			if !allBlank(x.text) {
				return dst, x.wrong("text outside <t> in a string")
			}
		case x.isMain("t"):
			if dst, err = x.appendText(dst); err != nil {
				return dst, err
			}
		case x.isMain("r"):
		case x.isMain("rPh"), x.isMain("phoneticPr"), x.isMain("rPr"), x.ns != mainNS:
			if err := x.skipElement(); err != nil {
				return dst, err
			}
		default:
			return dst, x.wrong("<%s> in a string", clip(x.name))
		}
	}
}

// appendText reads the text of the element just opened, to its end.
func (x *xmlScanner) appendText(dst []byte) ([]byte, error) {
	for {
		token, err := x.next()
		switch {
		case err != nil:
			return dst, err
		case token == xmlEnd:
			return dst, nil
		case token == xmlStart:
			return dst, x.wrong("<%s> inside a text", clip(x.name))
		}
		dst = append(dst, x.text...)
	}
}

// unescape replaces escapes like _x000D_ in dst[from:] by their characters
// (ECMA-376 part 1, 22.9.2.19). A surrogate without its other half stays as it is.
func unescape(dst []byte, from int) []byte {
	first := bytes.IndexByte(dst[from:], '_')
	if first < 0 {
		return dst
	}
	out := from
	for in := from; in < len(dst); {
		if dst[in] == '_' {
			if r, size := escaped(dst[in:]); size > 0 {
				out += utf8.EncodeRune(dst[out:out+utf8.UTFMax], r)
				in += size
				continue
			}
		}
		dst[out] = dst[in]
		out++
		in++
	}
	return dst[:out]
}

// escaped decodes the escape, or the pair of escapes, at the start of b.
func escaped(b []byte) (rune, int) {
	const size = len("_x0000_")
	r := escapeUnit(b)
	if r < 0 || !utf16.IsSurrogate(r) {
		return r, sizeIf(r >= 0, size)
	}
	if len(b) < 2*size {
		return 0, 0
	}
	r = utf16.DecodeRune(r, escapeUnit(b[size:]))
	return r, sizeIf(r != utf8.RuneError, 2*size)
}

func sizeIf(ok bool, size int) int {
	if ok {
		return size
	}
	return 0
}

func escapeUnit(b []byte) rune {
	if len(b) < 7 || b[1] != 'x' || b[0] != '_' || b[6] != '_' {
		return -1
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(v)
}

// shared gives the string of a cell's index.
func (w *workbook) shared(index []byte) (string, error) {
	i, ok := smallInt(index)
	if !ok || i >= len(w.strings.ends) {
		return "", caused{ErrDamaged, fmt.Errorf("shared string %s does not exist: the workbook has %d", quote(string(index)), len(w.strings.ends))}
	}
	return w.strings.at(i), nil
}

// smallInt parses up to nine digits.
func smallInt(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(b) > 0 && len(b) <= 9
}
