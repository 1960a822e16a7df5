package main

import (
	"context"
	"io"
)

// stopReader reads from a stream that may never answer, such as a terminal:
// once ctx is done its reads return ctx's cause, and the read under way is
// left behind. It is for one reader at a time.
type stopReader struct {
	ctx    context.Context
	r      io.Reader
	reads  chan []byte // what the read under way brought; nil: none is
	failed error       // set before reads is closed
	rest   []byte
}

// stdinReader returns stdin for data: a signal ends its reads.
func (app *App) stdinReader() io.Reader { return &stopReader{ctx: app.stop, r: app.stdin} }

func (s *stopReader) Read(p []byte) (int, error) {
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
func (s *stopReader) more() error {
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
func (s *stopReader) pump() {
	var buffers [2][32 << 10]byte // one is with the reader while the other is filled
	for i := 0; ; i = 1 - i {
		n, err := s.r.Read(buffers[i][:])
		if n > 0 {
			select {
			case s.reads <- buffers[i][:n]:
			case <-s.ctx.Done():
				return
			}
		}
		if err != nil {
			s.failed = err
			close(s.reads)
			return
		}
	}
}
