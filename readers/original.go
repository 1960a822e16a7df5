package readers

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
)

// Original is a workbook that was read before, opened once more to be copied.
type Original struct {
	source *source
}

// OpenOriginal opens the workbook at path, of which sha256 is the hash in hex of
// the file as it was; one that is packed with gzip is unpacked into a temporary
// file. The errors, one of a file that has changed included, are *Error, or
// ctx's own.
func OpenOriginal(ctx context.Context, path, sha256 string) (*Original, error) {
	o := Options{Limits: Limits{}.orDefault()}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &Error{Place: Place{File: path}, What: "is no file that could be read twice", Err: ErrNotTable}
	}
	s, err := openSource(ctx, path, o)
	if err != nil {
		return nil, err
	}
	sum, err := s.sha256()
	if err == nil && hex.EncodeToString(sum[:]) != sha256 {
		err = &Error{Place: s.whole(), What: "is no longer the file that was read", Err: ErrDamaged}
	}
	if err == nil && s.gzip {
		s, err = s.unpack(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &Original{source: s}, nil
}

// ReadAt implements io.ReaderAt over the workbook, unpacked.
func (o *Original) ReadAt(p []byte, off int64) (int, error) { return o.source.file.ReadAt(p, off) }

// Size is the length of the workbook, unpacked.
func (o *Original) Size() int64 { return o.source.size }

// Unchanged is an error if the file was written to since it was opened.
func (o *Original) Unchanged() error { return o.source.unchanged() }

// Close closes the file and removes what was unpacked.
func (o *Original) Close() error { return o.source.close() }
