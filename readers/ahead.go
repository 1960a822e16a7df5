package readers

import (
	"io"
)

// ahead reads from r in a goroutine of its own, a few pieces ahead of who reads
// from it: so a part of a workbook is unpacked on one processor while it is
// scanned on another, which takes a fifth off. The goroutine ends at the end of
// r, at an error, and within one piece of Close, which waits for it.
type ahead struct {
	r      io.ReadCloser
	pieces chan piece
	free   chan []byte
	stop   chan struct{}
	ended  chan struct{}
	piece  piece // that is being read
	rest   []byte
}

// piece is some bytes and the error that follows them.
type piece struct {
	buf []byte
	n   int
	err error
}

const (
	pieceSize   = 128 << 10
	piecesAhead = 2
	// aheadSize is the size of a part that is worth a goroutine.
	aheadSize = 4 * pieceSize
)

func readAhead(r io.ReadCloser) *ahead {
	a := &ahead{
		r: r, pieces: make(chan piece, piecesAhead), free: make(chan []byte, piecesAhead+1),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	for range piecesAhead + 1 {
		a.free <- make([]byte, pieceSize)
	}
	go a.pump()
	return a
}

// pump fills pieces until r ends or nobody wants more.
func (a *ahead) pump() {
	defer close(a.ended)
	for {
		var p piece
		select {
		case p.buf = <-a.free:
		case <-a.stop:
			return
		}
		var end bool
		if p.n, end, p.err = readBlock(a.r, p.buf); end {
			p.err = io.EOF
		}
		select {
		case a.pieces <- p:
		case <-a.stop:
			return
		}
		if p.err != nil {
			return
		}
	}
}

// Read implements io.Reader.
func (a *ahead) Read(b []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.piece.err != nil {
			return 0, a.piece.err
		}
		if a.piece.buf != nil {
			a.free <- a.piece.buf
		}
		a.piece = <-a.pieces
		a.rest = a.piece.buf[:a.piece.n]
	}
	n := copy(b, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the reading and closes r. It is called once, after the last Read.
func (a *ahead) Close() error {
	close(a.stop)
	<-a.ended
	return a.r.Close()
}
