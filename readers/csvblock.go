package readers

import (
	"bytes"
	"errors"
	"io"
	"unsafe"
)

// csvBlock is a piece of a CSV file that begins and ends with a record.
type csvBlock struct {
	buf    []byte
	to     int  // length of its records, with their line ends
	record int  // number of the record above
	line   int  // physical line at which it begins
	eof    bool // its last record ends the file, perhaps without a line end
	s      *csvScanner
	row    Row
}

// csvCutter cuts a CSV file where a line ends outside quotes, which the number
// of quotes before tells. That is true as long as quotes stand where they may:
// the first that does not is an error of the block it is in, and what comes
// after is never asked for. It reads the text at the speed of memory.
type csvCutter struct {
	c    *csvTable
	in   io.Reader
	rest []byte // of the block before, of which it is a part: the beginning of a record
	at   csvCount
	end  bool
}

// csvCount is a place between two records.
type csvCount struct{ offset, record, line int }

// csvBlockSize is the usual size: some hundred rows, within the cache of a processor.
const csvBlockSize = 256 << 10

func newCSVCutter(c *csvTable) (*csvCutter, error) {
	s, err := c.scanner()
	if err != nil {
		return nil, err
	}
	return &csvCutter{c: c, in: s.r, at: csvCount{line: s.at}}, nil
}

func (k *csvCutter) close() error { return nil }

// next reads a block: as many records as fit, or one that is longer.
func (k *csvCutter) next(b *Block) error {
	if k.end {
		return io.EOF
	}
	most := int(k.c.table.limits.Record) + 1
	block := &b.csv
	if block.buf == nil {
		block.buf = make([]byte, min(csvBlockSize, most))
	}
	for len(block.buf) < len(k.rest) {
		block.buf = make([]byte, min(2*len(block.buf), most))
	}
	block.record, block.line = k.at.record, k.at.line
	n, quoted, now := copy(block.buf, k.rest), false, csvCount{0, k.at.record, k.at.line}
	k.at.offset = 0
	scanned := 0
	for {
		m, end, err := readBlock(k.in, block.buf[n:])
		if err != nil {
			return k.c.text.source.readError(err)
		}
		n += m
		now, quoted = k.count(block.buf[scanned:n], now, quoted)
		scanned = n
		if end {
			k.end = true
			block.to, block.eof = n, true
			return nil
		}
		if k.at.offset > 0 || n == most {
			break
		}
		block.buf = append(block.buf, make([]byte, min(n, most-n))...)
	}
	block.to, block.eof = k.at.offset, false
	if block.to == 0 {
		block.to = n // the scanner says that it is too long
	}
	k.rest = block.buf[block.to:n]
	return nil
}

// count reads on from now, and notes in k.at the end of the last record.
func (k *csvCutter) count(text []byte, now csvCount, quoted bool) (csvCount, bool) {
	var last []byte // the part in which that is
	for {
		part := text
		i := bytes.IndexByte(text, '"')
		if i >= 0 {
			part = text[:i]
		}
		if lines := bytes.Count(part, []byte{'\n'}); lines > 0 {
			now.line += lines
			if !quoted {
				now.record += lines
				last, k.at = part, now
			}
		}
		now.offset += len(part)
		if i < 0 {
			break
		}
		quoted = !quoted
		now.offset++
		text = text[i+1:]
	}
	if last != nil {
		k.at.offset += bytes.LastIndexByte(last, '\n') + 1
	}
	return now, quoted
}

// rows scans a block. The cells' texts are the block's memory itself: to copy
// them costs a tenth of reading and checking.
func (k *csvCutter) rows(b *Block, yield func(Row, error) bool) error {
	c, block := k.c, &b.csv
	if block.s == nil {
		block.s = newCSVScanner(nil, c.text.source.name, c.dialect.delimiter, c.dialect.eol, c.table.limits)
		block.row = Row{Cells: make([]Cell, len(c.heading.names)), place: placer{table: c.table, fields: block.s}}
	}
	s, row := block.s, &block.row
	s.buf, s.start, s.end, s.eof = block.buf, 0, block.to, block.eof
	s.record, s.at = block.record, block.line
	for {
		err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.text.source.readError(err)
		case s.record <= c.header || s.blank():
			continue
		}
		if err := c.check(s); err != nil {
			return err
		}
		c.fill(row, s, unsafe.String(unsafe.SliceData(s.text), len(s.text)))
		if !yield(*row, nil) {
			return nil
		}
	}
}
