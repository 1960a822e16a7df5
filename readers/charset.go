package readers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// text is a source whose charset is known and whose every byte was checked.
type text struct {
	source  *source
	charset charset
	mark    int64 // length of the byte order mark
	notice  string
}

// openText finds the charset of s, or takes the given one, and reads all of it
// once: a byte that is not text in that charset is an error with its place.
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
	if t.charset == "" {
		return t, t.guess()
	}
	return t, t.check()
}

func (s *source) readError(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Place: s.whole(), What: "cannot be read", Err: bare(err)}
}

// reader reads the text from its start as UTF-8, without byte order mark.
func (t *text) reader() (io.Reader, error) {
	in, err := t.source.content()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, in, t.mark); err != nil {
		return nil, t.source.readError(err)
	}
	if t.charset == utf8Set {
		return in, nil
	}
	return newDecoder(in, t.charset, t.source.name), nil
}

// check reads a text of known charset to its end.
func (t *text) check() error {
	if t.charset != utf8Set {
		in, err := t.reader()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			return t.source.readError(err)
		}
		return nil
	}
	at, err := t.firstInvalid()
	if err != nil || at < 0 {
		return err
	}
	return t.invalid(at, "is not valid UTF-8", "mend that byte, or name the charset with --encoding "+string(windows))
}

// guess decides between UTF-8 and Windows-1252 by the whole text. Bytes that
// are not UTF-8 in a text that has proper UTF-8 elsewhere are damage, which
// Windows-1252 would only hide.
func (t *text) guess() error {
	t.charset = utf8Set
	at, err := t.firstInvalid()
	if err != nil || at < 0 {
		return err
	}
	in, err := t.reader()
	if err != nil {
		return err
	}
	b, multi, err := examine(in, at)
	switch {
	case err != nil:
		return t.source.readError(err)
	case b == 0:
		return t.invalid(at, "is a NUL byte, which text does not contain", "export the file again as text")
	case multi:
		return t.invalid(at, "is not valid UTF-8, while other characters of the file seem to be: the file is damaged, or in another charset", "mend that byte, save the file as UTF-8, or name its charset with --encoding")
	}
	t.charset = windows
	t.notice = "the file is not UTF-8 and was read as Windows-1252; check accents and dashes, or name its charset with --encoding"
	return t.check()
}

// invalid is the error about the byte at offset at of the UTF-8 text.
func (t *text) invalid(at int64, what, mend string) error {
	in, err := t.reader()
	if err != nil {
		return err
	}
	pos, err := positionOf(in, at)
	if err != nil {
		return t.source.readError(err)
	}
	one := make([]byte, 1)
	if _, err := io.ReadFull(in, one); err != nil {
		return t.source.readError(err)
	}
	if one[0] == 0 {
		what, mend = "is a NUL byte, which text does not contain", "export the file again as text"
	}
	place := Place{File: t.source.name, Line: pos.line, Column: pos.column}
	return &Error{Place: place, What: fmt.Sprintf("byte 0x%02X %s", one[0], what), Mend: mend, Err: ErrDamaged}
}

// firstInvalid finds the first byte that is NUL or not part of valid UTF-8, by
// its offset in the text; -1 if there is none.
func (t *text) firstInvalid() (int64, error) {
	at, halved, err := t.firstInvalidHalves()
	if !halved && err == nil {
		var in io.Reader
		if in, err = t.reader(); err == nil {
			at, err = firstInvalid(in)
		}
	}
	if err != nil {
		return 0, t.source.readError(err)
	}
	return at, nil
}

// halvesSize is the size of a file whose halves are worth a goroutine.
const halvesSize = 8 << 20

// firstInvalidHalves reads the halves of a large file side by side, parted where
// a character begins; not halved is any other. Nothing else of a file can be
// done until its charset is known, so this is a tenth of checking it.
func (t *text) firstInvalidHalves() (at int64, halved bool, err error) {
	s := t.source
	if s.gzip || s.size < halvesSize {
		return 0, false, nil
	}
	middle, around := s.size/2, make([]byte, utf8.UTFMax)
	if _, err := s.file.ReadAt(around, middle); err != nil {
		return 0, false, err
	}
	for len(around) > 0 && !utf8.RuneStart(around[0]) {
		around = around[1:]
		middle++
	}
	var first, second int64
	var wrong error
	done := make(chan struct{})
	go func() {
		defer close(done)
		second, wrong = firstInvalid(io.NewSectionReader(s.file, middle, s.size-middle))
	}()
	first, err = firstInvalid(io.NewSectionReader(s.file, t.mark, middle-t.mark))
	<-done
	switch {
	case err != nil || first >= 0:
		return first, true, err
	case wrong != nil || second < 0:
		return second, true, wrong
	}
	return middle - t.mark + second, true, nil
}

// firstInvalid finds the first byte of r that is NUL or not part of valid
// UTF-8; -1 if there is none.
func firstInvalid(r io.Reader) (int64, error) {
	buf := make([]byte, textBlock)
	var base int64
	kept := 0
	for {
		n, end, err := readBlock(r, buf[kept:])
		if err != nil {
			return 0, err
		}
		b := buf[:kept+n]
		whole := b
		if !end {
			whole = b[:len(b)-partial(b)]
		}
		if bytes.IndexByte(whole, 0) >= 0 || !utf8.Valid(whole) {
			return base + int64(invalidIndex(whole)), nil
		}
		if end {
			return -1, nil
		}
		base += int64(len(whole))
		kept = copy(buf, b[len(whole):])
	}
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
