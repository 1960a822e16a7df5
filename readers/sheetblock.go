package readers

import (
	"errors"
	"io"
)

// sheetBlock is some rows of a sheet. A workbook is unpacked and scanned from
// front to back: what can be done side by side is what follows.
type sheetBlock struct {
	rows  []Row
	cells []Cell // of all rows, one after another
	err   error  // that follows the rows
}

// sheetBlockRows is how many rows a block has.
const sheetBlockRows = 256

// sheetCutter fills blocks with the rows of a sheet.
type sheetCutter struct {
	b     *sheetTable
	s     *sheetScanner
	texts rowTexts
	end   bool
}

func newSheetCutter(b *sheetTable) (*sheetCutter, error) {
	s, err := b.book.openSheet(b.sheet)
	if err != nil {
		return nil, err
	}
	return &sheetCutter{b: b, s: s}, nil
}

func (k *sheetCutter) close() error { return k.s.close() }

func (k *sheetCutter) next(b *Block) error {
	if k.end {
		return io.EOF
	}
	block, width := &b.sheet, len(k.b.heading.names)
	if block.rows == nil {
		block.rows, block.cells = make([]Row, 0, sheetBlockRows), make([]Cell, sheetBlockRows*width)
	}
	block.rows, block.err = block.rows[:0], nil
	for len(block.rows) < sheetBlockRows {
		at := len(block.rows) * width
		row := Row{Cells: block.cells[at : at+width : at+width], place: placer{table: k.b.table}}
		err := k.row(&row)
		if err != nil {
			k.end = true
			if !errors.Is(err, io.EOF) {
				block.err = err
			}
			return nil
		}
		block.rows = append(block.rows, row)
	}
	return nil
}

// row reads the next row that has text.
func (k *sheetCutter) row(row *Row) error {
	for {
		if err := k.s.next(); err != nil {
			return err
		}
		if k.s.row > k.b.header && !k.s.blank() {
			return k.b.fill(row, k.s, &k.texts)
		}
	}
}

// rows gives the rows that were read already.
func (k *sheetCutter) rows(b *Block, yield func(Row, error) bool) error {
	for _, row := range b.sheet.rows {
		if !yield(row, nil) {
			return nil
		}
	}
	return b.sheet.err
}
