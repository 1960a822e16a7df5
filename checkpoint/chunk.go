package checkpoint

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/s2"
)

// chunk is what up to some rows have in one table, one after the other,
// packed as one record: rows apart would take three times the room, and a
// planned row twice the time.
type chunk struct {
	seq  int64 // of the first row
	rows int
	data []byte
}

// How many rows lie together in one record. Items are sometimes read out of
// their order, each with all that lie with it.
const (
	cellRows = 256
	itemRows = 64
)

// errDamaged says that a chunk is not as it was written.
var errDamaged = errors.New("what is stored of the rows is damaged")

// appendItem lays an operation's item behind the ones before it.
func appendItem(data []byte, seq int64, item string) []byte {
	data = binary.AppendUvarint(data, uint64(seq))
	data = binary.AppendUvarint(data, uint64(len(item)))
	return append(data, item...)
}

// appendRow lays a row's line and cells behind the ones before it, each text
// behind its length.
func appendRow(data []byte, line int, cells []Cell) []byte {
	data = binary.AppendUvarint(data, uint64(line))
	data = binary.AppendUvarint(data, uint64(len(cells)))
	for _, cell := range cells {
		data = append(data, cell.Kind)
		data = binary.AppendUvarint(data, uint64(len(cell.Text)))
		data = append(data, cell.Text...)
	}
	return data
}

// unpacker takes a chunk apart again.
type unpacker struct {
	chunk string
	bad   bool
	buf   []byte
}

// open begins with a chunk as it is stored.
func (u *unpacker) open(stored []byte) {
	var err error
	u.buf, err = s2.Decode(u.buf[:cap(u.buf)], stored)
	u.chunk, u.bad = string(u.buf), err != nil
}

func (u *unpacker) uvarint() int {
	n, shift := uint64(0), 0
	for i := range len(u.chunk) {
		n |= uint64(u.chunk[i]&0x7f) << shift
		if u.chunk[i] < 0x80 {
			u.chunk = u.chunk[i+1:]
			return int(n)
		}
		if shift += 7; shift > 28 {
			break
		}
	}
	u.bad = true
	return 0
}

// text reads the next text of a known length.
func (u *unpacker) text(n int) (text string) {
	if n > len(u.chunk) {
		u.bad, n = true, len(u.chunk)
	}
	text, u.chunk = u.chunk[:n], u.chunk[n:]
	return text
}

// item reads the next item.
func (u *unpacker) item() (seq int64, item string) {
	seq = int64(u.uvarint())
	return seq, u.text(u.uvarint())
}

// row reads the next row into cells, which it reuses.
func (u *unpacker) row(cells []Cell) (line int, _ []Cell) {
	line = u.uvarint()
	cells = cells[:0]
	for range u.uvarint() {
		if len(u.chunk) == 0 {
			u.bad = true
		}
		if u.bad {
			break
		}
		kind := u.chunk[0]
		u.chunk = u.chunk[1:]
		cells = append(cells, Cell{Text: u.text(u.uvarint()), Kind: kind})
	}
	return line, cells
}

// itemReader reads the items of operations, quickly where they are asked for in
// input order.
type itemReader struct {
	run    *Run
	packed unpacker
	seqs   []int64  // of the chunk that was read last
	items  []string // likewise
}

// fillItems ends a query of n operations, and adds their items to them.
func (r *Run) fillItems(ctx context.Context, rows *sql.Rows, n int, op func(int) *Op) error {
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return r.db.wrap(err)
	}
	items := itemReader{run: r}
	for i := range n {
		if err := items.fill(ctx, op(i)); err != nil {
			return err
		}
	}
	return nil
}

// fill adds its item to an operation that was read without. One that was
// planned anew has its own.
func (x *itemReader) fill(ctx context.Context, op *Op) error {
	if op.Item != "" {
		return nil
	}
	at, known := slices.BinarySearch(x.seqs, op.Seq)
	if !known {
		if err := x.load(ctx, op.Seq); err != nil {
			return err
		}
		if at, known = slices.BinarySearch(x.seqs, op.Seq); !known {
			return &StorageError{Path: x.run.db.path, Err: fmt.Errorf("row %d: %w", op.Seq, errDamaged)}
		}
	}
	op.Item = strings.Clone(x.items[at]) // or it would keep the whole chunk
	return nil
}

// load reads the chunk that has the item of row seq, if any does.
func (x *itemReader) load(ctx context.Context, seq int64) error {
	var stored []byte
	var rows int
	err := x.run.db.read.QueryRowContext(ctx, `SELECT rows, chunk FROM items WHERE seq <= ? ORDER BY seq DESC LIMIT 1`, seq).Scan(&rows, &stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return x.run.db.wrap(err)
	}
	x.packed.open(stored)
	x.seqs, x.items = x.seqs[:0], x.items[:0]
	for i := 0; i < rows && !x.packed.bad; i++ {
		seq, item := x.packed.item()
		x.seqs, x.items = append(x.seqs, seq), append(x.items, item)
	}
	if x.packed.bad {
		return &StorageError{Path: x.run.db.path, Err: fmt.Errorf("row %d: %w", seq, errDamaged)}
	}
	return nil
}
