package readers

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"unsafe"
)

// csvBlock is a piece of a CSV file that begins and ends with a record.
type csvBlock struct {
	buf    []byte
	to     int  // length of its records, with their line ends
	line   int  // physical line at which it begins
	eof    bool // its last record ends the file, perhaps without a line end
	before int  // records before it, once that is known
	s      *csvScanner
	row    Row

	// Of the last reading:
	base    int // before, then
	records int // blank ones among them
}

// csvCutter cuts a CSV file where a line ends outside quotes, which the number
// of quotes before tells. That is true as long as quotes stand where they may:
// the first that does not is an error of the block it is in, and what comes
// after is never asked for. It reads the text at the speed of memory, since it
// leaves it to the readers of the blocks to count records.
type csvCutter struct {
	c    *csvTable
	in   io.Reader
	rest []byte // of the block before, of which it is a part: the beginning of a record
	line int    // physical line at which that begins
	end  bool
	err  error // that follows the block before
}

// csvBlockSize is the usual size: some hundred rows, within the cache of a processor.
const csvBlockSize = 256 << 10

// newCSVCutter cuts what is below the header.
func newCSVCutter(c *csvTable) (*csvCutter, error) {
	s, err := c.belowHeader()
	if err != nil {
		return nil, err
	}
	return &csvCutter{c: c, in: s.r, rest: s.buf[s.start:s.end], line: s.at}, nil
}

func (k *csvCutter) close() error { return nil }

// next reads a block: as many records as fit, or one that is longer.
func (k *csvCutter) next(b *Block) error {
	if k.end {
		return cmp.Or(k.err, io.EOF)
	}
	block, most := &b.csv, int(k.c.table.limits.Record)+1
	n := k.begin(block, most)
	quoted, scanned := false, 0
	for {
		m, end, err := readBlock(k.in, block.buf[n:])
		if err != nil {
			k.end, k.err = true, k.c.text.source.readError(err)
		}
		n += m
		if end {
			k.end, block.eof, block.to = true, true, n
			return nil
		}
		block.to, quoted = lastRecord(block.buf[:n], scanned, quoted)
		scanned = n
		if k.err != nil && block.to == 0 {
			return k.err
		}
		if block.to > 0 || n == most {
			break
		}
		block.buf = append(block.buf, make([]byte, min(n, most-n))...)
	}
	if block.to == 0 {
		block.to = n // the scanner says that it is too long
	}
	k.line += bytes.Count(block.buf[:block.to], []byte{'\n'})
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
	block.line, block.eof, block.before = k.line, false, 0
	return copy(block.buf, k.rest)
}

// lastRecord finds the last line end of text outside quotes and returns the
// offset behind it, 0 for none. Up to scanned there is none, and there the text
// is quoted or not; the second result is the same of its end.
func lastRecord(text []byte, scanned int, quoted bool) (to int, quotedAtEnd bool) {
	part := text[scanned:]
	quoted = quoted != (bytes.Count(part, []byte{'"'})%2 == 1)
	for inside := quoted; ; inside = !inside {
		quote := bytes.LastIndexByte(part, '"')
		if !inside {
			if i := bytes.LastIndexByte(part[quote+1:], '\n'); i >= 0 {
				return scanned + quote + 1 + i + 1, quoted
			}
		}
		if quote < 0 {
			return 0, quoted
		}
		part = part[:quote]
	}
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
	block.base = block.before
	s.record, s.at = block.base, block.line
	for {
		err := s.next()
		block.records = s.record - block.base
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.text.source.readError(err)
		case s.blank():
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
