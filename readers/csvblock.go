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
	block, most := &b.csv, int(k.c.table.limits.Record)+1
	n := k.begin(block, most)
	now, quoted, counted := k.at, false, 0
	for {
		m, end, err := readBlock(k.in, block.buf[n:])
		if err != nil {
			return k.c.text.source.readError(err)
		}
		n += m
		now, quoted = k.count(block.buf[counted:n], now, quoted)
		counted = n
		if end {
			k.end, block.eof, block.to = true, true, n
			return nil
		}
		if k.at.offset > 0 || n == most {
			break
		}
		block.buf = append(block.buf, make([]byte, min(n, most-n))...)
	}
	if block.to = k.at.offset; block.to == 0 {
		block.to = n // the scanner says that it is too long
	}
	k.rest = block.buf[block.to:n]
	return nil
}

// begin puts what is left of the block before at the start of this one, and
// returns its length.
func (k *csvCutter) begin(block *csvBlock, most int) int {
	size := max(len(block.buf), min(csvBlockSize, most))
	for size < len(k.rest) {
		size = min(2*size, most)
	}
	if size > len(block.buf) {
		block.buf = make([]byte, size)
	}
	k.at.offset = 0
	block.record, block.line, block.eof = k.at.record, k.at.line, false
	return copy(block.buf, k.rest)
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
