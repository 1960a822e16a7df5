package writers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// rawKind is a kind of token of a rawScanner.
type rawKind uint8

const (
	rawText  rawKind = iota // text, a comment, an instruction or CDATA
	rawStart                // <a …>
	rawEnd                  // </a>
	rawEmpty                // <a …/>
)

// rawScanner cuts a part of a workbook into tokens whose bytes together are the
// part, so that what is not meant stays as it is to the byte. It trusts that
// the part is well-formed, as a reader found it; names are as they are written.
type rawScanner struct {
	r          io.Reader
	buf        []byte
	start, end int
	eof        bool
	prefix     string // of the root element, with its colon
	rooted     bool

	// The token last read, valid until the next:
	kind rawKind
	raw  []byte
	name string // local where the prefix is the root's, else with its prefix
}

const (
	rawWindow   = 64 << 10
	maxRawToken = 512 << 20
)

// errNotMarkable says that a workbook cannot be copied with marks; a workbook
// of the failed rows takes its place.
type errNotMarkable string

func (e errNotMarkable) Error() string { return string(e) }

// NotMarkable says why err, of MarkBook, is about a workbook that cannot be
// marked; "" for any other error.
func NotMarkable(err error) string {
	why, _ := errors.AsType[errNotMarkable](err)
	return string(why)
}

func newRawScanner(r io.Reader) *rawScanner {
	return &rawScanner{r: r, buf: make([]byte, rawWindow)}
}

// next reads a token; io.EOF after the last.
func (x *rawScanner) next() error {
	for {
		n := x.scan(x.buf[x.start:x.end])
		if n > 0 {
			x.raw = x.buf[x.start : x.start+n]
			x.start += n
			return x.classify()
		}
		if x.eof {
			if x.start == x.end {
				return io.EOF
			}
			return errors.New("a part of the workbook ends inside a tag")
		}
		if err := x.fill(); err != nil {
			return err
		}
	}
}

// scan is the length of the token at the start of w, 0 where w is too short.
func (x *rawScanner) scan(w []byte) int {
	switch {
	case len(w) == 0:
		return 0
	case w[0] != '<':
		if i := bytes.IndexByte(w, '<'); i >= 0 {
			return i
		}
		if x.eof {
			return len(w)
		}
		return 0
	case len(w) < 9 && !x.eof:
		return 0
	}
	switch {
	case bytes.HasPrefix(w, []byte("<!--")):
		return through(w, 4, "-->")
	case bytes.HasPrefix(w, []byte("<?")):
		return through(w, 2, "?>")
	case bytes.HasPrefix(w, []byte("<![CDATA[")):
		return through(w, 9, "]]>")
	}
	return tagLength(w)
}

// tagLength is the length of the tag at the start of w, 0 where it does not end there.
func tagLength(w []byte) int {
	quote := byte(0)
	for i, b := range w {
		switch {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '>':
			return i + 1
		}
	}
	return 0
}

// through is the length of w up to and with closing, looked for from on; 0 where there is none.
func through(w []byte, from int, closing string) int {
	if i := bytes.Index(w[from:], []byte(closing)); i >= 0 {
		return from + i + len(closing)
	}
	return 0
}

func (x *rawScanner) fill() error {
	x.end = copy(x.buf, x.buf[x.start:x.end])
	x.start = 0
	if x.end == len(x.buf) {
		if len(x.buf) > maxRawToken {
			return fmt.Errorf("text or tag of a workbook is longer than %d bytes", maxRawToken)
		}
		x.buf = append(x.buf, make([]byte, len(x.buf))...)
	}
	n, err := x.r.Read(x.buf[x.end:])
	x.end += n
	if errors.Is(err, io.EOF) {
		x.eof = true
		return nil
	}
	return err
}

// classify tells the kind and the name of the token just cut.
func (x *rawScanner) classify() error {
	w := x.raw
	x.kind, x.name = rawText, ""
	if w[0] != '<' {
		if !x.rooted && (bytes.HasPrefix(w, []byte("\xff\xfe")) || bytes.HasPrefix(w, []byte("\xfe\xff")) || bytes.IndexByte(w, 0) >= 0) {
			return errNotMarkable("its parts are not in UTF-8")
		}
		return nil
	}
	if w[1] == '?' || w[1] == '!' {
		return nil
	}
	name := w[1:]
	switch {
	case w[1] == '/':
		x.kind, name = rawEnd, w[2:]
	case w[len(w)-2] == '/':
		x.kind = rawEmpty
	default:
		x.kind = rawStart
	}
	if i := bytes.IndexAny(name, " \t\r\n/>"); i >= 0 {
		name = name[:i]
	}
	if !x.rooted {
		x.rooted = true
		if i := bytes.IndexByte(name, ':'); i >= 0 {
			x.prefix = string(name[:i+1])
		}
	}
	x.name = intern(name[rawPrefix(name, x.prefix):])
	return nil
}

func rawPrefix(name []byte, prefix string) int {
	if prefix != "" && bytes.HasPrefix(name, []byte(prefix)) {
		return len(prefix)
	}
	return 0
}

// intern saves an allocation for each of the names that sheets are made of.
func intern(name []byte) string {
	switch string(name) {
	case "c":
		return "c"
	case "v":
		return "v"
	case "f":
		return "f"
	case "row":
		return "row"
	case "is":
		return "is"
	case "t":
		return "t"
	case "r":
		return "r"
	}
	return string(name)
}

// opens says that the token begins the element of that name, empty or not.
func (x *rawScanner) opens(name string) bool {
	return (x.kind == rawStart || x.kind == rawEmpty) && x.name == name
}

func (x *rawScanner) closes(name string) bool { return x.kind == rawEnd && x.name == name }

// attr is the decoded value of an attribute of the tag, "" if it is not there.
func (x *rawScanner) attr(name string) string {
	from, to := findAttr(x.raw, name)
	if from < 0 {
		return ""
	}
	return unescape(string(x.raw[from:to]))
}

// attrLocal is attr of a name whose prefix may be any.
func (x *rawScanner) attrLocal(local string) string {
	for _, prefix := range []string{"r:", "d3p1:", "ns1:"} {
		if v := x.attr(prefix + local); v != "" {
			return v
		}
	}
	at := bytes.Index(x.raw, []byte(":"+local+"="))
	if at < 0 {
		return ""
	}
	begin := bytes.LastIndexAny(x.raw[:at], " \t\r\n") + 1
	return x.attr(string(x.raw[begin:at]) + ":" + local)
}

// findAttr is where the value of an attribute lies in a tag; -1 if it has none.
func findAttr(tag []byte, name string) (from, to int) {
	i := bytes.IndexAny(tag, " \t\r\n")
	for i >= 0 && i < len(tag) {
		for i < len(tag) && isBlankByte(tag[i]) {
			i++
		}
		eq := bytes.IndexByte(tag[i:], '=')
		if eq < 0 {
			return -1, -1
		}
		key := strings.TrimSpace(string(tag[i : i+eq]))
		j := i + eq + 1
		for j < len(tag) && isBlankByte(tag[j]) {
			j++
		}
		if j >= len(tag) {
			return -1, -1
		}
		end := bytes.IndexByte(tag[j+1:], tag[j])
		if end < 0 {
			return -1, -1
		}
		if key == name {
			return j + 1, j + 1 + end
		}
		i = j + 1 + end + 1
	}
	return -1, -1
}

func isBlankByte(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// setAttr gives the tag with an attribute of that value, in place of one it had.
func setAttr(tag []byte, name, value string) []byte {
	value = escape(value)
	if from, to := findAttr(tag, name); from >= 0 {
		return append(append(append([]byte(nil), tag[:from]...), value...), tag[to:]...)
	}
	end := len(tag) - 1
	if tag[end-1] == '/' {
		end--
	}
	out := append([]byte(nil), bytes.TrimRight(tag[:end], " \t\r\n")...)
	return append(append(out, ' '), name+`="`+value+`"`+string(tag[end:])...)
}

// escape makes a text that XML can carry, in an element or an attribute.
func escape(s string) string {
	if !isXMLText(s) {
		s = strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
				return '\ufffd'
			}
			return r
		}, strings.ToValidUTF8(s, "\ufffd"))
	}
	if !strings.ContainsAny(s, "&<>\"\r") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;").Replace(s)
}

// unescape undoes the entities of a value.
func unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "&")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, ";")
		if !found || !closed {
			return out.String()
		}
		out.WriteString(entityText(name))
		s = after
	}
}

func entityText(name string) string {
	switch name {
	case "amp":
		return "&"
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "quot":
		return `"`
	case "apos":
		return "'"
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	if n, err := strconv.ParseUint(digits, base, 21); err == nil {
		return string(rune(n))
	}
	return ""
}
