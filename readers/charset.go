package readers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"
)

// charset is how text is written in bytes, by the name that Options.Encoding takes.
type charset string

const (
	utf8Set    charset = "utf-8"
	utf16LE    charset = "utf-16le"
	utf16BE    charset = "utf-16be"
	windows    charset = "windows-1252"
	allCharset         = "utf-8, utf-16le, utf-16be or windows-1252"
)

const textBlock = 256 << 10

// bomOf tells the charset that a byte order mark declares and the mark's length.
func bomOf(head []byte) (charset, int) {
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		return utf8Set, 3
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return utf16LE, 2
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return utf16BE, 2
	}
	return "", 0
}

// utf16Pattern guesses the charset of UTF-16 without a mark: of text in a
// western language nearly every other byte is NUL.
func utf16Pattern(head []byte) charset {
	var nul [2]int
	for i, b := range head {
		if b == 0 {
			nul[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case half < 2:
		return ""
	case nul[1]*10 >= half*4 && nul[0]*20 <= half:
		return utf16LE
	case nul[0]*10 >= half*4 && nul[1]*20 <= half:
		return utf16BE
	}
	return ""
}

// text is a source whose charset is known, or UTF-8 until a byte says otherwise:
// up to there Windows-1252 would be the same. Every reader of it checks every byte.
type text struct {
	source   *source
	mark     int64 // length of the byte order mark
	declared bool  // by an option, the mark, or the pattern of UTF-16

	mu      sync.Mutex
	charset charset
	notice  string
}

// openText finds the charset of s by its beginning, or takes the given one.
func openText(s *source, encoding string) (*text, error) {
	t := &text{source: s, charset: charset(encoding)}
	in, err := s.content()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4096)
	n, _, err := readBlock(in, head)
	if err != nil {
		return nil, s.readError(err)
	}
	head = head[:n]
	declared, mark := bomOf(head)
	t.mark = int64(mark)
	if bytes.HasPrefix(head, []byte("\xFF\xFE\x00\x00")) {
		return nil, &Error{Place: s.whole(), What: "is written in UTF-32, which is not read", Mend: "save it as UTF-8", Err: ErrNotTable}
	}
	switch {
	case declared != "" && encoding != "" && declared != t.charset:
		return nil, &Error{Place: s.whole(), What: fmt.Sprintf("begins with the mark of %s, but --encoding says %s", declared, encoding), Mend: "leave --encoding out", Err: ErrOption}
	case declared != "":
		t.charset = declared
	case encoding == "":
		t.charset = utf16Pattern(head)
	}
	if t.declared = t.charset != ""; !t.declared {
		t.charset = utf8Set
	}
	return t, nil
}

// name is the charset as far as it is known, and what a user should be told of it.
func (t *text) name() (charset, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.charset, t.notice
}

func (s *source) readError(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Place: s.whole(), What: "cannot be read", Err: bare(err)}
}

// raw reads the bytes of the text behind the byte order mark.
func (t *text) raw() (io.Reader, error) {
	in, err := t.source.content()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, in, t.mark); err != nil {
		return nil, t.source.readError(err)
	}
	return in, nil
}

// reader reads the text from its start as UTF-8, without byte order mark. A
// byte that is not text in its charset is an *Error with its place.
func (t *text) reader() (io.Reader, error) {
	in, err := t.raw()
	if err != nil {
		return nil, err
	}
	if c, _ := t.name(); c != utf8Set {
		return newDecoder(in, c, t.source.name), nil
	}
	return &utf8Reader{text: t, in: in}, nil
}

// otherwise decides what a text is whose byte at offset at is not UTF-8: without
// error it is Windows-1252. Where the text has proper UTF-8 elsewhere, the byte is
// damage, which Windows-1252 would only hide.
func (t *text) otherwise(at int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.charset == windows {
		return nil
	}
	in, err := t.raw()
	if err != nil {
		return err
	}
	one, multi, err := examine(in, at)
	switch {
	case err != nil:
		return t.source.readError(err)
	case one == 0:
		return t.invalid(at, one, "is a NUL byte, which text does not contain", "export the file again as text")
	case t.declared:
		return t.invalid(at, one, "is not valid UTF-8", "mend that byte, or name the charset with --encoding "+string(windows))
	case multi:
		return t.invalid(at, one, "is not valid UTF-8, while other characters of the file seem to be: the file is damaged, or in another charset", "mend that byte, save the file as UTF-8, or name its charset with --encoding")
	}
	t.charset = windows
	t.notice = "the file is not UTF-8 and was read as Windows-1252; check accents and dashes, or name its charset with --encoding"
	return nil
}

// invalid is the error about a byte, at offset at of the UTF-8 text.
func (t *text) invalid(at int64, one byte, what, mend string) error {
	pos, err := t.position(at)
	if err != nil {
		return err
	}
	place := Place{File: t.source.name, Line: pos.line, Column: pos.column}
	return &Error{Place: place, What: fmt.Sprintf("byte 0x%02X %s", one, what), Mend: mend, Err: ErrDamaged}
}

// position tells the line and column at offset at of the UTF-8 text.
func (t *text) position(at int64) (position, error) {
	in, err := t.raw()
	if err != nil {
		return position{}, err
	}
	pos, err := positionOf(in, at)
	if err != nil {
		err = t.source.readError(err)
	}
	return pos, err
}

// partial is the length of an incomplete rune at the end of b.
func partial(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		c := b[len(b)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func invalidIndex(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}

// examine tells the byte at offset at and whether any valid sequence of
// several bytes stands anywhere in r.
func examine(r io.Reader, at int64) (one byte, multi bool, err error) {
	buf := make([]byte, textBlock)
	var base int64
	kept := 0
	for {
		n, end, err := readBlock(r, buf[kept:])
		if err != nil {
			return 0, false, err
		}
		b := buf[:kept+n]
		if i := at - base; i >= 0 && i < int64(len(b)) {
			one = b[i]
		}
		i := 0
		for i < len(b) && (end || utf8.FullRune(b[i:])) {
			_, size := utf8.DecodeRune(b[i:])
			multi = multi || size > 1
			i += size
		}
		if end {
			return one, multi, nil
		}
		base += int64(i)
		kept = copy(buf, b[i:])
	}
}

// positionOf reads r up to offset at and tells the line and column there.
func positionOf(r io.Reader, at int64) (position, error) {
	pos := position{1, 1}
	buf := make([]byte, textBlock)
	for at > 0 {
		n, err := r.Read(buf[:min(at, textBlock)])
		for _, b := range buf[:n] {
			pos.column++
			if b == '\n' {
				pos = position{pos.line + 1, 1}
			}
		}
		at -= int64(n)
		if err != nil && at > 0 {
			return pos, err
		}
	}
	return pos, nil
}
