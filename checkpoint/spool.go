package checkpoint

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Spool keeps the records of an export under way, page by page, so that one
// that was broken off goes on where it was. It is a file of lines: a head, the
// records, and after each page a mark with the position reached and a checksum
// of the page. What follows the last whole mark is dropped when it is opened.
// Nothing is synced: a page that the disk never saw is fetched again. It
// belongs to one process at a time.
type Spool struct {
	path  string
	lock  *lock
	file  *os.File
	w     *bufio.Writer
	head  json.RawMessage
	at    json.RawMessage // of the last mark
	size  int64           // of the file as far as it counts
	crc   uint32          // of the records since the last mark
	count int
	known int // records up to the last mark
}

// spoolMark ends a page.
type spoolMark struct {
	Records int             `json:"n"`
	CRC     uint32          `json:"crc"`
	At      json.RawMessage `json:"at"`
}

// The first byte of a line says what it is.
const (
	spoolHead   = 'h'
	spoolRecord = 'r'
	spoolPage   = 'p'
)

// Spool opens the spool of the export that key stands for, made by an earlier
// process or empty. One that was begun longer than maxAge ago is emptied, and
// so are those of other exports that nobody holds. A spool that another
// process has is a *LockedError.
func (t *Tenant) Spool(key string, maxAge time.Duration, holder Holder) (*Spool, error) {
	dir := filepath.Join(t.folder.dir, "exports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &StorageError{Path: dir, Err: err}
	}
	sum := sha256.Sum256([]byte(t.name + "\x00" + key))
	name := hex.EncodeToString(sum[:12])
	removeOldSpools(dir, name, maxAge)
	s := &Spool{path: filepath.Join(dir, name+".jsonl")}
	var err error
	if s.lock, err = acquireLock(filepath.Join(dir, name+".lock"), "that exports the same goals", holder); err != nil {
		return nil, err
	}
	if err = s.open(maxAge); err != nil {
		return nil, errors.Join(s.wrap(err), s.Close())
	}
	return s, nil
}

// removeOldSpools removes the customers' data that exports which nobody went
// on with have left. What cannot be removed stays until the next time.
func removeOldSpools(dir, but string, maxAge time.Duration) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name, isSpool := strings.CutSuffix(entry.Name(), ".jsonl")
		info, err := entry.Info()
		if !isSpool || name == but || err != nil || time.Since(info.ModTime()) < maxAge {
			continue
		}
		l, err := acquireLock(filepath.Join(dir, name+".lock"), "of an export", Holder{})
		if err != nil {
			continue
		}
		_ = os.Remove(filepath.Join(dir, entry.Name()))
		_ = l.release()
	}
}

func (s *Spool) open(maxAge time.Duration) (err error) {
	if s.file, err = os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.w = bufio.NewWriterSize(nil, 256<<10)
	if time.Since(info.ModTime()) >= maxAge {
		return s.rewind()
	}
	if err := s.recover(); err != nil {
		return err
	}
	return s.rewind()
}

// recover reads up to the last whole mark.
func (s *Spool) recover() error {
	var crc uint32
	var at int64
	count := 0
	lines := bufio.NewReaderSize(s.file, 1<<20)
	for {
		line, err := readLine(lines)
		if err != nil {
			return err
		}
		if line == nil {
			return nil
		}
		at += int64(len(line))
		switch line[0] {
		case spoolHead:
			s.head = bytes.Clone(line[1 : len(line)-1])
			if !json.Valid(s.head) {
				s.head = nil
				return nil
			}
		case spoolRecord:
			count++
			crc = crc32.Update(crc, crc32.IEEETable, line)
			continue
		case spoolPage:
			var mark spoolMark
			if json.Unmarshal(line[1:], &mark) != nil || mark.CRC != crc || mark.Records != count {
				return nil
			}
			s.at, s.known, s.count = mark.At, count, count
		default:
			return nil
		}
		crc, s.size = 0, at
		if s.head == nil {
			s.size, s.at, s.known, s.count = 0, nil, 0, 0
			return nil
		}
	}
}

// readLine returns the next line with its end; nil where none is whole.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line)
		var rest []byte
		rest, err = r.ReadBytes('\n')
		line = append(line, rest...)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return line, nil
}

// rewind drops what lies behind size and goes on writing there.
func (s *Spool) rewind() error {
	if err := s.file.Truncate(s.size); err != nil {
		return err
	}
	_, err := s.file.Seek(s.size, io.SeekStart)
	s.w.Reset(s.file)
	s.crc, s.count = 0, s.known
	return err
}

func (s *Spool) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &StorageError{Path: s.path, Err: err}
}

// Head is what Begin was given; nil while the spool is empty.
func (s *Spool) Head() json.RawMessage { return s.head }

// Position is that of the last mark; nil where there is none.
func (s *Spool) Position() json.RawMessage { return s.at }

// Len is the number of records up to the last mark.
func (s *Spool) Len() int { return s.known }

// Begin empties the spool and gives it a head, which is JSON.
func (s *Spool) Begin(head json.RawMessage) error {
	s.head, s.at, s.size, s.known = head, nil, 0, 0
	if err := s.rewind(); err != nil {
		return s.wrap(err)
	}
	return s.line(spoolHead, head)
}

// Empty drops all that the spool has.
func (s *Spool) Empty() error {
	s.head, s.at, s.size, s.known = nil, nil, 0, 0
	return s.wrap(s.rewind())
}

func (s *Spool) line(kind byte, text []byte) error {
	s.size += int64(len(text)) + 2
	_ = s.w.WriteByte(kind) // an error stays with the writer
	_, _ = s.w.Write(text)
	return s.wrap(s.w.WriteByte('\n'))
}

// Add appends a record, one JSON text without line breaks.
func (s *Spool) Add(record []byte) error {
	s.crc = crc32.Update(s.crc, crc32.IEEETable, []byte{spoolRecord})
	s.crc = crc32.Update(s.crc, crc32.IEEETable, record)
	s.crc = crc32.Update(s.crc, crc32.IEEETable, []byte{'\n'})
	s.count++
	return s.line(spoolRecord, record)
}

// Mark ends a page: the records so far are kept with this position, as JSON.
func (s *Spool) Mark(position json.RawMessage) error {
	text, err := json.Marshal(spoolMark{Records: s.count, CRC: s.crc, At: position})
	if err != nil {
		return s.wrap(err)
	}
	if err := s.line(spoolPage, text); err != nil {
		return err
	}
	s.at, s.known, s.crc = position, s.count, 0
	return s.wrap(s.w.Flush())
}

// SpoolRecord is a record with its place, which At takes.
type SpoolRecord struct {
	Text  []byte // valid until the next
	Place int64
}

// Records yields the records up to the last mark, in order.
func (s *Spool) Records() iter.Seq2[SpoolRecord, error] {
	return func(yield func(SpoolRecord, error) bool) {
		at := int64(0)
		lines := bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), 1<<20)
		for left := s.known; left > 0; {
			line, err := readLine(lines)
			if err == nil && line == nil {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				yield(SpoolRecord{}, s.wrap(err))
				return
			}
			place := at
			at += int64(len(line))
			if line[0] != spoolRecord {
				continue
			}
			left--
			if !yield(SpoolRecord{Text: line[1 : len(line)-1], Place: place}, nil) {
				return
			}
		}
	}
}

// At reads the record at a place that Records gave.
func (s *Spool) At(place int64) ([]byte, error) {
	line, err := readLine(bufio.NewReaderSize(io.NewSectionReader(s.file, place, s.size-place), 4<<10))
	if err == nil && line == nil {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, s.wrap(err)
	}
	return line[1 : len(line)-1], nil
}

// Close lets the spool go; what was marked stays for the next process.
func (s *Spool) Close() error {
	var err error
	if s.file != nil {
		err = s.wrap(s.file.Close())
		s.file = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.release())
		s.lock = nil
	}
	return err
}

// Discard removes the spool's records; Close comes after it all the same.
func (s *Spool) Discard() error { return s.wrap(os.Remove(s.path)) }
