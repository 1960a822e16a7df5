package readers

import (
	"errors"
	"io"
	"unsafe"
)

// sheetBlock is some rows of a sheet. A workbook is unpacked and scanned from
// front to back: what can be done side by side is what follows.
type sheetBlock struct {
	rows  []Row
	cells []Cell // of all rows, one after another
	texts blockTexts
	err   error // that follows the rows
}

// blockTexts are the texts of a block's rows, in pieces of memory that the next
// rows use again: so a large sheet leaves nothing behind to be collected.
type blockTexts struct {
	pieces [][]byte
	at     int // piece that is being filled
}

func (t *blockTexts) reset() {
	t.at = 0
	for i := range t.pieces {
		t.pieces[i] = t.pieces[i][:0]
	}
}

func (t *blockTexts) add(text []byte) string {
	for t.at < len(t.pieces) && cap(t.pieces[t.at])-len(t.pieces[t.at]) < len(text) {
		t.at++
	}
	if t.at == len(t.pieces) {
		t.pieces = append(t.pieces, make([]byte, 0, max(textPiece, len(text))))
	}
	piece := &t.pieces[t.at]
	*piece = append(*piece, text...)
	kept := (*piece)[len(*piece)-len(text):]
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

const textPiece = 64 << 10

// sheetBlockRows is how many rows a block has.
const sheetBlockRows = 256

// sheetCutter fills blocks with the rows of a sheet.
type sheetCutter struct {
	b   *sheetTable
	s   *sheetScanner
	end bool
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
	block.texts.reset()
	for len(block.rows) < sheetBlockRows {
		at := len(block.rows) * width
		row := Row{Cells: block.cells[at : at+width : at+width], place: placer{table: k.b.table}}
		err := k.row(&row, &block.texts)
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
func (k *sheetCutter) row(row *Row, texts *blockTexts) error {
	for {
		if err := k.s.next(); err != nil {
			return err
		}
		if k.s.row > k.b.header && !k.s.blank() {
			return k.b.fill(row, k.s, texts.add(k.s.text))
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
