package readers

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

const decodeBlock = 64 << 10

// decoder turns UTF-16 or Windows-1252 into UTF-8 and refuses what is neither.
type decoder struct {
	r       io.Reader
	charset charset
	file    string
	high    [128]rune // Windows-1252: the upper half, 0 where undefined
	buf     []byte
	in      []byte // undecoded part of buf
	end     error  // what r ended with
	decoded []byte
	out     []byte // unread part of decoded
	at      position
}

func newDecoder(r io.Reader, c charset, file string) *decoder {
	d := &decoder{r: r, charset: c, file: file, buf: make([]byte, decodeBlock), at: position{1, 1}}
	for i := range d.high {
		d.high[i] = charmap.Windows1252.DecodeByte(byte(128 + i))
		switch byte(128 + i) {
		case 0x81, 0x8D, 0x8F, 0x90, 0x9D:
			d.high[i] = 0
		}
	}
	return d
}

// Read gives UTF-8. Line and column of an error count the text decoded so far.
func (d *decoder) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if err := d.decode(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// decode turns what was read into UTF-8, after reading more if need be.
func (d *decoder) decode() error {
	if d.end == nil {
		n := copy(d.buf, d.in)
		m, err := d.r.Read(d.buf[n:])
		d.in, d.end = d.buf[:n+m], err
	}
	d.decoded = d.decoded[:0]
	for len(d.in) > 0 {
		r, size := d.rune()
		if size == 0 && d.end == nil {
			break
		}
		if size == 0 || r == 0 {
			return d.refuse()
		}
		before := len(d.decoded)
		d.decoded = utf8.AppendRune(d.decoded, r)
		d.in = d.in[size:]
		d.at.column += len(d.decoded) - before
		if r == '\n' {
			d.at = position{d.at.line + 1, 1}
		}
	}
	d.out = d.decoded
	if len(d.out) == 0 {
		return d.end
	}
	return nil
}

// rune decodes the next rune and tells its length in bytes: 0 if only part of
// it is there. Rune 0 is what must not be in a text.
func (d *decoder) rune() (rune, int) {
	if d.charset == windows {
		if b := d.in[0]; b >= utf8.RuneSelf {
			return d.high[b-utf8.RuneSelf], 1
		}
		return rune(d.in[0]), 1
	}
	if len(d.in) < 2 {
		return 0, 0
	}
	r := d.unit(0)
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(d.in) < 4 {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, d.unit(2)); r == utf8.RuneError {
		return 0, 2
	}
	return r, 4
}

func (d *decoder) unit(i int) rune {
	if d.charset == utf16LE {
		return rune(d.in[i]) | rune(d.in[i+1])<<8
	}
	return rune(d.in[i])<<8 | rune(d.in[i+1])
}

func (d *decoder) refuse() error {
	if d.end != nil && !errors.Is(d.end, io.EOF) {
		return d.end
	}
	bytes := d.in[:min(len(d.in), 2)]
	if d.charset == windows {
		bytes = d.in[:1]
	}
	return &Error{
		Place: Place{File: d.file, Line: d.at.line, Column: d.at.column},
		What:  fmt.Sprintf("bytes % X are no text in %s", bytes, d.charset),
		Mend:  "export the file again, as UTF-8 if possible",
		Err:   ErrDamaged,
	}
}
