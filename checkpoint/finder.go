package checkpoint

import (
	"context"
	"slices"
)

// Finder finds rows of a run by their line, in any order. Rows that lie near
// each other cost one read.
type Finder struct {
	run    *Run
	seqs   []int64       // of the chunks, rising
	first  map[int64]int // line of a chunk's first row, once it was read
	loaded int           // index of the chunk in rows, -1 none
	packed unpacker
	rows   []foundRow
}

type foundRow struct {
	line  int
	cells []Cell
}

// Finder reads where the run's rows lie, some bytes for each 256 of them.
func (r *Run) Finder(ctx context.Context) (*Finder, error) {
	f := &Finder{run: r, first: map[int64]int{}, loaded: -1}
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq FROM cells ORDER BY seq`)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, r.db.wrap(err)
		}
		f.seqs = append(f.seqs, seq)
	}
	return f, r.db.wrap(rows.Err())
}

// Cells are the cells of the row of that line, as they were read; nil if the
// run has no such row. They are valid until the next call.
func (f *Finder) Cells(ctx context.Context, line int) ([]Cell, error) {
	low, high := 0, len(f.seqs) // the row is in [low, high) if it is anywhere
	for high-low > 1 {
		middle := (low + high) / 2
		first, err := f.firstLine(ctx, middle)
		if err != nil {
			return nil, err
		}
		if line < first {
			high = middle
		} else {
			low = middle
		}
	}
	if len(f.seqs) == 0 {
		return nil, nil
	}
	if err := f.load(ctx, low); err != nil {
		return nil, err
	}
	at, found := slices.BinarySearchFunc(f.rows, line, func(row foundRow, line int) int { return row.line - line })
	if !found {
		return nil, nil
	}
	return f.rows[at].cells, nil
}

func (f *Finder) firstLine(ctx context.Context, chunk int) (int, error) {
	if line, known := f.first[f.seqs[chunk]]; known {
		return line, nil
	}
	err := f.load(ctx, chunk)
	return f.first[f.seqs[chunk]], err
}

// load reads a chunk, unless it is the one that was read last.
func (f *Finder) load(ctx context.Context, chunk int) error {
	if f.loaded == chunk {
		return nil
	}
	var n int
	var stored []byte
	err := f.run.db.read.QueryRowContext(ctx, `SELECT rows, chunk FROM cells WHERE seq = ?`, f.seqs[chunk]).Scan(&n, &stored)
	if err != nil {
		return f.run.db.wrap(err)
	}
	f.packed.open(stored)
	f.rows, f.loaded = f.rows[:0], chunk
	for range n {
		line, cells := f.packed.row(nil)
		f.rows = append(f.rows, foundRow{line, cells})
	}
	if f.packed.bad || n == 0 {
		return &StorageError{Path: f.run.db.path, Err: errDamaged}
	}
	f.first[f.seqs[chunk]] = f.rows[0].line
	return nil
}
