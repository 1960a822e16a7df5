package readers

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// utf8Reader passes on a text that is UTF-8 until a byte says otherwise. It
// gives no part of a character, so that what follows one may be decoded.
type utf8Reader struct {
	text   *text
	in     io.Reader
	offset int64  // in the text, of what was checked
	part   []byte // of a character, which in has the rest of
	ready  []byte // checked, and not given yet
	room   [32]byte
	then   io.Reader // what follows in another charset
	end    error     // what follows else
}

// Read gives checked bytes.
func (r *utf8Reader) Read(p []byte) (int, error) {
	for len(p) > 0 && r.end == nil && r.then == nil && len(r.ready) == 0 {
		if len(p) >= len(r.room) {
			if n := r.check(p); n > 0 {
				return n, nil
			}
			continue
		}
		r.ready = r.room[:r.check(r.room[:])]
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case r.then != nil:
		return r.then.Read(p)
	}
	return 0, r.end
}

// check fills buf and tells how many bytes of it are checked, before whatever
// follows them.
func (r *utf8Reader) check(buf []byte) int {
	n := copy(buf, r.part)
	m, err := r.in.Read(buf[n:])
	b := buf[:n+m]
	whole := b
	if err != io.EOF { // not errors.Is: a wrapped EOF is damage, not the end
		whole = b[:len(b)-partial(b)]
	}
	r.part = append(r.part[:0], b[len(whole):]...)
	if r.end = err; bytes.IndexByte(whole, 0) >= 0 || !utf8.Valid(whole) {
		n := invalidIndex(whole)
		r.decode(r.offset+int64(n), b[n:])
		whole = whole[:n]
	}
	r.offset += int64(len(whole))
	return len(whole)
}

// decode goes on in another charset, from offset at of the text, with rest before
// what in still has.
func (r *utf8Reader) decode(at int64, rest []byte) {
	end := r.end
	if r.end = r.text.otherwise(at); r.end != nil {
		return
	}
	d := newDecoder(io.MultiReader(bytes.NewReader(bytes.Clone(rest)), &ended{r.in, end}), windows, r.text.source.name)
	if d.at, r.end = r.text.position(at); r.end == nil {
		r.then = d
	}
}

// ended is a reader that may have come to its end.
type ended struct {
	in  io.Reader
	end error
}

func (e *ended) Read(p []byte) (int, error) {
	if e.end != nil {
		return 0, e.end
	}
	return e.in.Read(p)
}
