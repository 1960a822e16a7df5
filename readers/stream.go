package readers

import (
	"context"
	"io"
)

// stream reads from something that may never answer, such as a terminal or a
// pipe without a writer, whose opening alone may wait. Once ctx is done its
// reads return ctx's cause; the opening or read under way cannot be broken off
// and is left behind. It is for one reader at a time.
type stream struct {
	ctx    context.Context
	open   func() (io.ReadCloser, error)
	reads  chan []byte // what the read under way brought; nil: not begun
	failed error       // set before reads is closed
	rest   []byte
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// more waits for the next piece.
func (s *stream) more() error {
	if s.reads == nil {
		s.reads = make(chan []byte)
		go s.pump()
	}
	select {
	case piece, ok := <-s.reads:
		if !ok {
			return s.failed
		}
		s.rest = piece
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

// pump reads until the stream ends or nobody wants more.
func (s *stream) pump() {
	defer close(s.reads)
	r, err := s.open()
	if err != nil {
		s.failed = err
		return
	}
	defer func() { _ = r.Close() }() // it was read to its end, or nobody listens
	var buffers [2][32 << 10]byte    // one is with the reader while the other is filled
	for i := 0; ; i = 1 - i {
		n, err := r.Read(buffers[i][:])
		if n > 0 {
			select {
			case s.reads <- buffers[i][:n]:
			case <-s.ctx.Done():
				return
			}
		}
		if err != nil {
			s.failed = err
			return
		}
	}
}
