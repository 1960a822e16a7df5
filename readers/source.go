package readers

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/klauspost/compress/gzip"
)

// source is the bytes of an input: a regular file, or a spool of a stream.
type source struct {
	file     *os.File
	name     string // base name for messages
	path     string // as given to Open
	size     int64
	modified time.Time
	temp     string // spool still to be removed at close, "" if none
	gzip     bool
	packed   *source // the file as it is stored, of which this is the unpacked copy; else nil
	ratio    int64   // most that gzip may unpack from one byte
}

// openSource opens path, spooling standard input and other streams into a file
// in o.TempDir that no other user can read.
func openSource(ctx context.Context, path string, o Options) (*source, error) {
	if path == "-" {
		if o.Stdin == nil {
			return nil, &Error{Place: Place{File: "stdin"}, What: "no standard input to read", Mend: "name a file", Err: ErrOption}
		}
		return spool(ctx, cmp.Or(o.StdinName, "stdin"), path, func() (io.ReadCloser, error) { return io.NopCloser(o.Stdin), nil }, o)
	}
	name := filepath.Base(path)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return spool(ctx, name, path, func() (io.ReadCloser, error) { return os.Open(path) }, o)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Place: Place{File: path}, What: "cannot be opened", Mend: "check the path and its permissions", Err: bare(err)}
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = &Error{Place: Place{File: path}, What: "cannot be examined", Err: bare(err)}
	case info.IsDir():
		err = &Error{Place: Place{File: path}, What: "is a folder", Mend: "name a file in it", Err: ErrNotTable}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &source{file: f, name: name, path: path, size: info.Size(), modified: info.ModTime(), ratio: o.Limits.Ratio}
	return s.noteGzip()
}

// bare takes operation and path off an error of the file system: the place
// says them already.
func bare(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// spool copies a stream into a temporary file, which is unlinked at once where
// the system allows that.
func spool(ctx context.Context, name, path string, open func() (io.ReadCloser, error), o Options) (*source, error) {
	f, err := os.CreateTemp(o.TempDir, "gsbatch-spool-*")
	if err != nil {
		return nil, &Error{Place: Place{File: name}, What: "cannot be copied to a temporary file", Mend: "free or name another temporary folder", Err: err}
	}
	s := &source{file: f, name: name, path: path, temp: f.Name(), ratio: o.Limits.Ratio}
	if runtime.GOOS != "windows" && os.Remove(f.Name()) == nil {
		s.temp = ""
	}
	if s.size, err = io.Copy(f, &stream{ctx: ctx, open: open}); err != nil {
		if own, ok := errors.AsType[*Error](err); ok {
			return nil, errors.Join(own, s.close())
		}
		err = &Error{Place: Place{File: name}, What: "cannot be copied to a temporary file", Mend: "check the space in the temporary folder", Err: err}
		return nil, errors.Join(err, s.close())
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("spool of %s: %w", name, err), s.close())
	}
	s.modified = info.ModTime()
	return s.noteGzip()
}

func (s *source) noteGzip() (*source, error) {
	head, err := s.head(2)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.gzip = bytes.Equal(head, []byte{0x1f, 0x8b})
	return s, nil
}

// head gives the first n bytes of the file, fewer where it is shorter.
func (s *source) head(n int) ([]byte, error) {
	b := make([]byte, n)
	n, _, err := readBlock(s.raw(), b)
	if err != nil {
		return nil, &Error{Place: s.whole(), What: "cannot be read", Err: bare(err)}
	}
	return b[:n], nil
}

// raw reads the file's bytes from the start, independently of other readers.
func (s *source) raw() *io.SectionReader { return io.NewSectionReader(s.file, 0, s.size) }

// content reads the file from the start, unpacked where it is a gzip file.
func (s *source) content() (io.Reader, error) {
	raw := s.raw()
	if !s.gzip {
		return raw, nil
	}
	z, err := gzip.NewReader(raw)
	if err != nil {
		return nil, s.damaged(err)
	}
	return &gunzip{source: s, raw: raw, z: z}, nil
}

func (s *source) damaged(err error) error {
	return &Error{Place: s.whole(), What: "is damaged or cut off", Mend: "export or copy it again", Err: damage(err)}
}

func (s *source) whole() Place { return Place{File: s.name} }

// unchanged is an error if the file was written to since it was opened. A
// source without a file never changes.
func (s *source) unchanged() error {
	switch {
	case s.file == nil:
		return nil // a Stored table
	case s.packed != nil:
		return s.packed.unchanged()
	}
	info, err := s.file.Stat()
	if err != nil {
		return &Error{Place: s.whole(), What: "cannot be examined", Err: bare(err)}
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.modified) {
		return &Error{Place: s.whole(), What: "changed while it was being read", Mend: "close it in other programs and try again", Err: ErrDamaged}
	}
	return nil
}

func (s *source) sha256() (sum [32]byte, err error) {
	if s.packed != nil {
		return s.packed.sha256()
	}
	h := sha256.New()
	if _, err := io.Copy(h, s.raw()); err != nil {
		return sum, fmt.Errorf("hash of %s: %w", s.name, bare(err))
	}
	h.Sum(sum[:0])
	return sum, s.unchanged()
}

func (s *source) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.packed != nil {
		err = errors.Join(err, s.packed.close())
	}
	if s.temp != "" {
		err = errors.Join(err, os.Remove(s.temp))
		s.temp = ""
	}
	return err
}

// unpack copies what a gzip file holds into a temporary file, since a workbook
// is not read from front to back. On an error s is given back, and stays open.
func (s *source) unpack(ctx context.Context, o Options) (*source, error) {
	copied, err := spool(ctx, s.name, s.path, func() (io.ReadCloser, error) {
		r, err := s.content()
		if err == nil && o.Limits.File > 0 {
			r = io.LimitReader(r, o.Limits.File+1)
		}
		return io.NopCloser(r), err
	}, o)
	if err != nil {
		return s, err
	}
	copied.packed = s
	return copied, nil
}

// gunzip unpacks a gzip file and refuses one that unpacks beyond all measure.
type gunzip struct {
	source *source
	raw    *io.SectionReader
	z      *gzip.Reader
	out    int64
}

func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	g.out += int64(n)
	if g.source.ratio > 0 && g.out > harmless {
		in, seekErr := g.raw.Seek(0, io.SeekCurrent)
		if seekErr == nil && g.out > in*g.source.ratio {
			return 0, &Error{Place: g.source.whole(), What: fmt.Sprintf("unpacks to more than %d times its size", g.source.ratio), Mend: "unpack it yourself if you trust it", Err: ErrLimit}
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, g.source.damaged(err)
	}
	return n, err
}

// readBlock fills b, or reads what is left of r and says that it ended. Unlike
// io.ReadFull it tells the end of r from a reader's own "unexpected EOF".
func readBlock(r io.Reader, b []byte) (n int, end bool, err error) {
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		if err == io.EOF { // not errors.Is: a wrapped EOF is damage, not the end
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// harmless is a size below which the ratio of unpacking does not matter.
const harmless = 1 << 20
