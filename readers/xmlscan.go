package readers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// xmlToken is a kind of token.
type xmlToken uint8

const (
	xmlStart xmlToken = iota + 1
	xmlEnd
	xmlText
)

// namespace is what a workbook's part may use a name for.
type namespace uint8

const (
	otherNS namespace = iota
	mainNS            // SpreadsheetML, transitional or strict
	noNS
)

// xmlScanner cuts one part of a workbook into tokens. It knows as much XML as
// such parts use and refuses the rest: a document type, an entity beyond the
// five, tags that do not match, anything that is not well-formed. Self-closing
// elements give a start and an end. Comments and instructions are passed over.
type xmlScanner struct {
	r        io.Reader
	part     string // name of the part in the workbook, for errors
	maxToken int

	buf        []byte
	start, end int
	eof        bool

	open      []byte // names of the open elements, one after another
	marks     []int  // where each begins in open
	bindings  []binding
	defaultNS namespace // of names without a prefix
	rooted    bool
	closing   bool // an end for a self-closing element is due

	// The token last read, valid until the next:
	name    []byte // local name of a start or end
	ns      namespace
	attrs   []xmlAttr
	text    []byte // decoded text
	scratch []byte
}

// xmlAttr is an attribute as it is written.
type xmlAttr struct {
	name  []byte // with its prefix
	value []byte // undecoded
}

// binding is a prefix, "" for the default, bound from a depth on.
type binding struct {
	prefix string
	ns     namespace
	depth  int
}

const (
	xmlWindow    = 64 << 10
	xmlDepth     = 200
	xmlAttrs     = 200
	transitional = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	strictMain   = "http://purl.oclc.org/ooxml/spreadsheetml/main"
)

func newXMLScanner(r io.Reader, part string, l Limits) *xmlScanner {
	return &xmlScanner{r: r, part: part, maxToken: int(l.Record), buf: make([]byte, min(xmlWindow, int(l.Record)+1)), defaultNS: noNS}
}

// depth is the number of open elements.
func (x *xmlScanner) depth() int { return len(x.marks) }

// next reads a token; io.EOF after the root element and all that follows it.
// Blank text between tags is a token too.
func (x *xmlScanner) next() (xmlToken, error) {
	if x.closing {
		x.closing = false
		return xmlEnd, x.pop()
	}
	for {
		n, token, err := x.scan(x.buf[x.start:x.end])
		if err == errShort { //nolint:errorlint // scan returns the sentinel itself
			if err := x.fill(); err != nil {
				return 0, err
			}
			continue
		}
		x.start += n
		if err != nil || token != 0 {
			return token, err
		}
	}
}

// fill makes the window longer.
func (x *xmlScanner) fill() error {
	x.end = copy(x.buf, x.buf[x.start:x.end])
	x.start = 0
	if x.end == len(x.buf) {
		if len(x.buf) > x.maxToken {
			return caused{ErrLimit, x.wrong("text or tag is longer than %d bytes", x.maxToken)}
		}
		grown := make([]byte, min(2*len(x.buf), x.maxToken+1))
		copy(grown, x.buf)
		x.buf = grown
	}
	n, end, err := readBlock(x.r, x.buf[x.end:])
	x.end += n
	x.eof = end
	return err
}

func (x *xmlScanner) wrong(format string, args ...any) error {
	return caused{ErrDamaged, errors.New("malformed XML: " + fmt.Sprintf(format, args...))}
}

// scan reads a token, 0 for one to pass over, from the start of w.
func (x *xmlScanner) scan(w []byte) (int, xmlToken, error) {
	if len(w) == 0 {
		return 0, 0, x.atEnd()
	}
	if w[0] != '<' {
		return x.scanText(w)
	}
	if len(w) == 1 {
		return 0, 0, x.short("tag")
	}
	switch w[1] {
	case '/':
		return x.scanEnd(w)
	case '?':
		return x.skip(w, "<?", "?>")
	case '!':
		return x.scanDeclaration(w)
	}
	return x.scanStart(w)
}

func (x *xmlScanner) atEnd() error {
	switch {
	case !x.eof:
		return errShort
	case x.depth() > 0:
		return x.wrong("the part ends inside <%s>", x.top())
	case !x.rooted:
		return x.wrong("the part is empty")
	}
	return io.EOF
}

// short is errShort, or at the end of the part the error that what is cut off.
func (x *xmlScanner) short(what string) error {
	if x.eof {
		return x.wrong("the part ends inside a %s", what)
	}
	return errShort
}

func (x *xmlScanner) skip(w []byte, opening, closing string) (int, xmlToken, error) {
	i := bytes.Index(w[len(opening):], []byte(closing))
	if i < 0 {
		return 0, 0, x.short("comment or instruction")
	}
	body := w[len(opening) : len(opening)+i]
	if !utf8.Valid(body) || opening == "<!--" && bytes.Contains(body, []byte("--")) {
		return 0, 0, x.wrong("comment or instruction with characters it must not have")
	}
	return len(opening) + i + len(closing), 0, nil
}

func (x *xmlScanner) scanDeclaration(w []byte) (int, xmlToken, error) {
	const cdata = "<![CDATA["
	switch {
	case bytes.HasPrefix(w, []byte("<!--")):
		return x.skip(w, "<!--", "-->")
	case bytes.HasPrefix(w, []byte(cdata)):
		i := bytes.Index(w[len(cdata):], []byte("]]>"))
		if i < 0 {
			return 0, 0, x.short("CDATA section")
		}
		body := w[len(cdata) : len(cdata)+i]
		if x.depth() == 0 || !utf8.Valid(body) || bytes.ContainsFunc(body, isControl) {
			return 0, 0, x.wrong("CDATA section out of place or with characters it must not have")
		}
		x.text = body
		return len(cdata) + i + 3, xmlText, nil
	case len(w) < len(cdata) && !x.eof:
		return 0, 0, errShort
	case bytes.HasPrefix(w, []byte("<!DOCTYPE")):
		return 0, 0, caused{ErrDamaged, errors.New("a document type (DOCTYPE), which no workbook has, is refused")}
	}
	return 0, 0, x.wrong("unknown declaration")
}

func isControl(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF'
}

func (x *xmlScanner) scanText(w []byte) (int, xmlToken, error) {
	i := bytes.IndexByte(w, '<')
	if i < 0 {
		if !x.eof {
			return 0, 0, errShort
		}
		i = len(w)
	}
	raw := w[:i]
	if x.depth() == 0 {
		if x.rooted || !bytes.HasPrefix(raw, []byte("\xEF\xBB\xBF")) {
			if len(bytes.Trim(raw, " \t\r\n")) > 0 {
				return 0, 0, x.wrong("text outside the root element")
			}
			return i, 0, nil
		}
		return 3, 0, nil
	}
	var err error
	x.text, err = x.decode(raw)
	return i, xmlText, err
}

// decode replaces entities and checks every character; the result is valid
// until the next token.
func (x *xmlScanner) decode(raw []byte) ([]byte, error) {
	i := plainLength(raw)
	if i == len(raw) {
		return raw, nil
	}
	out := x.scratch[:0]
	out = append(out, raw[:i]...)
	for i < len(raw) {
		switch b := raw[i]; {
		case b == '&':
			r, size := entity(raw[i:])
			if size == 0 {
				return nil, x.wrong("unknown entity at %s", quote(string(raw[i:])))
			}
			out = utf8.AppendRune(out, r)
			i += size
		case b == '\r':
			out = append(out, '\n')
			i++
			if i < len(raw) && raw[i] == '\n' {
				i++
			}
		case b < utf8.RuneSelf:
			if isControl(rune(b)) || b == '>' && i >= 2 && raw[i-1] == ']' && raw[i-2] == ']' {
				return nil, x.wrong("character 0x%02X in text", b)
			}
			out = append(out, b)
			i++
		default:
			r, size := utf8.DecodeRune(raw[i:])
			if r == utf8.RuneError && size == 1 || isControl(r) {
				return nil, x.wrong("byte 0x%02X is not valid UTF-8", b)
			}
			out = append(out, raw[i:i+size]...)
			i += size
		}
	}
	x.scratch = out
	return out, nil
}

// plainLength is the length of the ASCII text at the start of raw without any
// character to be looked at: most texts are no more. Eight bytes are compared at
// once, which is worth a tenth of reading a sheet.
func plainLength(raw []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(raw); i += 8 {
		x := binary.LittleEndian.Uint64(raw[i:])
		amp, gt := x^'&'*ones, x^'>'*ones
		if (x|(x-' '*ones)|(amp-ones)&^amp|(gt-ones)&^gt)&highs != 0 {
			break
		}
	}
	for i < len(raw) && raw[i] >= ' ' && raw[i] < utf8.RuneSelf && raw[i] != '&' && raw[i] != '>' {
		i++
	}
	return i
}

// entity decodes the reference at the start of raw; its length is 0 if there is none.
func entity(raw []byte) (rune, int) {
	end := bytes.IndexByte(raw[:min(len(raw), 12)], ';')
	if end < 3 {
		return 0, 0
	}
	name := string(raw[1:end])
	switch name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	if name[0] != '#' {
		return 0, 0
	}
	base, digits := 10, name[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || !utf8.ValidRune(rune(v)) || v > utf8.MaxRune || isControl(rune(v)) {
		return 0, 0
	}
	return rune(v), end + 1
}
