package readers

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// Blocks cuts the rows of a table into blocks, for several goroutines to read
// side by side. One goroutine takes the blocks, in order, with Next. Any may
// read the rows of one, and again. Together they are the rows of Table.Rows, at
// the same places, but that the Lines of a CSV file's begin anew in each block
// until Settle. One goroutine settles each block, when its rows were read, and
// gives it back with Done, in order.
type Blocks struct {
	table *Table
	cut   cutter
	free  chan *Block
	whole bool  // Next came to the end
	wrong bool  // Done told of an error
	lines int   // of a CSV file, before the next block to be settled
	bytes int64 // likewise
	seen  tally
}

// cutter cuts a table of one format.
type cutter interface {
	// next fills b with what follows; io.EOF after the last row.
	next(b *Block) error
	// rows yields the rows of b until yield says false.
	rows(b *Block, yield func(Row, error) bool) error
	close() error
}

// Block is a run of rows. It is read by one goroutine at a time.
type Block struct {
	cut   cutter
	csv   csvBlock
	sheet sheetBlock

	// Of the last reading:
	first int // line of the first row
	seen  tally
	err   error
}

// blocksKept is how many blocks are kept to be used again.
const blocksKept = 64

// Blocks begins to cut the table; nil where its format cannot be cut: read its
// Rows. Close what it returns.
func (t *Table) Blocks() (*Blocks, error) {
	b := &Blocks{table: t, free: make(chan *Block, blocksKept)}
	var err error
	switch body := t.body.(type) {
	case *csvTable:
		if body.dialect.eol != '\n' {
			return nil, nil
		}
		b.seen.last, b.lines = body.header, body.header
		b.cut, err = newCSVCutter(body)
	case *sheetTable:
		b.seen.last = body.header
		b.cut, err = newSheetCutter(body)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Next gives the next block; io.EOF after the last, an *Error where the file
// cannot be read on.
func (b *Blocks) Next() (*Block, error) {
	var block *Block
	select {
	case block = <-b.free:
	default:
		block = new(Block)
	}
	block.cut = b.cut
	err := b.cut.next(block)
	if errors.Is(err, io.EOF) {
		b.whole = true
		if changed := b.table.source.unchanged(); changed != nil {
			return nil, changed
		}
	}
	if err != nil {
		return nil, err
	}
	return block, nil
}

// FleetingRows is Rows whose texts, too, are valid only until the next row is
// read: to make strings of them takes a tenth of planning them.
func (t *Table) FleetingRows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		blocks, err := t.Blocks()
		switch {
		case err != nil:
		case blocks == nil:
			t.Rows()(yield)
			return
		default:
			var more bool
			if more, err = blocks.inOrder(yield); !more {
				_ = blocks.Close() // nobody wants to know
				return
			}
			err = errors.Join(err, blocks.Close())
		}
		if err != nil {
			yield(Row{}, err)
		}
	}
}

// inOrder yields the rows of all blocks; more is false where yield was.
func (b *Blocks) inOrder(yield func(Row, error) bool) (more bool, err error) {
	for {
		block, err := b.Next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return true, err
		}
		block.csv.before = b.lines
		for row, err := range block.Rows() {
			if err != nil {
				break // Done tells
			}
			if !yield(row, nil) {
				return false, nil
			}
		}
		b.Settle(block)
		if err := b.Done(block); err != nil {
			return true, err
		}
	}
}

// Rows yields the rows of the block, as Table.Rows does.
func (b *Block) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		b.seen, b.first = tally{}, 0
		b.err = b.cut.rows(b, func(row Row, err error) bool {
			if b.seen.rows == 0 {
				b.first, b.seen.last = row.Line, row.Line-1
			}
			b.seen.rows++
			b.seen.blank += row.Line - b.seen.last - 1
			b.seen.last = row.Line
			if row.Hidden {
				b.seen.hidden++
			}
			return yield(row, err)
		})
		if b.err != nil {
			yield(Row{}, b.err)
		}
	}
}

// Settle tells by how much the Lines of a block's rows, as they were read, are
// to be raised. Rows read from now on have the Lines of Table.Rows.
func (b *Blocks) Settle(block *Block) int {
	if _, csv := b.table.body.(*csvTable); !csv {
		return 0
	}
	block.csv.before = b.lines
	b.lines += block.csv.records
	b.bytes += int64(block.csv.to)
	return block.csv.before - block.csv.base
}

// Share is the part of the table that was settled, between 0 and 1, as far as
// that can be said: 0 where it cannot.
func (b *Blocks) Share() float64 {
	if s := b.table.source; !s.gzip && s.size > 0 {
		return float64(b.bytes) / float64(s.size)
	}
	return 0
}

// Done takes a settled block back whose rows were read to their end, and all before it.
// Its rows and their texts are then void. It returns the error that the rows
// ended with, or that the table has too many.
func (b *Blocks) Done(block *Block) error {
	if err := b.enter(block); err != nil {
		b.wrong = true
		return err
	}
	select {
	case b.free <- block:
	default:
	}
	return nil
}

// enter adds a block to what was seen of the table.
func (b *Blocks) enter(block *Block) error {
	most, seen := b.table.limits.Rows, block.seen
	if most > 0 && b.seen.rows+seen.rows > most {
		return b.tooMany(block, most-b.seen.rows)
	}
	if block.err != nil || seen.rows == 0 {
		return block.err
	}
	raised := block.csv.before - block.csv.base
	b.seen.blank += block.first + raised - b.seen.last - 1 + seen.blank
	b.seen.rows += seen.rows
	b.seen.hidden += seen.hidden
	b.seen.last = seen.last + raised
	return nil
}

// tooMany finds the row of the block, after so many others, that is over the limit.
func (b *Blocks) tooMany(block *Block, others int) error {
	for row, err := range block.Rows() {
		if err != nil {
			return err
		}
		if others == 0 {
			return b.table.tooManyRows(row.Place(-1))
		}
		others--
	}
	return fmt.Errorf("%s: a block with fewer rows than it had", b.table.Name())
}

// Close ends the cutting. Where every block was done, the table's notices then
// tell what was seen.
func (b *Blocks) Close() error {
	err := b.cut.close()
	if b.whole && !b.wrong && err == nil {
		b.table.saw(b.seen)
	}
	return err
}
