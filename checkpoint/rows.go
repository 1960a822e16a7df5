package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
)

// Line is one row of the input with what became of it.
type Line struct {
	Seq    int64
	Line   int
	Cells  []Cell // valid until the next line
	Action string // "" where nothing was planned
	Fate   Fate
}

// Lines yields every row in input order, as of the last Fold. It reads each
// table once, side by side.
func (r *Run) Lines(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		if err := r.eachLine(ctx, func(line Line) bool { return yield(line, nil) }); err != nil {
			yield(Line{}, err)
		}
	}
}

func (r *Run) eachLine(ctx context.Context, yield func(Line) bool) error {
	ops, err := newSideReader(ctx, r.db, `SELECT seq, action, gsid FROM ops ORDER BY seq`, func(rows *sql.Rows, o *Op) (int64, error) {
		return o.Seq, rows.Scan(&o.Seq, &o.Action, &o.Gsid)
	})
	if err != nil {
		return err
	}
	defer ops.close()
	fates, err := newSideReader(ctx, r.db, `SELECT seq, status, gsid, field, code, reason, attempts, request_id, at, server FROM fates ORDER BY seq`, scanFate)
	if err != nil {
		return err
	}
	defer fates.close()
	chunks, err := r.db.read.QueryContext(ctx, `SELECT seq, rows, chunk FROM cells ORDER BY seq`)
	if err != nil {
		return r.db.wrap(err)
	}
	defer chunks.Close() //nolint:errcheck // read only; Err below tells
	var packed unpacker
	for chunks.Next() {
		more, err := r.linesOfChunk(chunks, &packed, ops, fates, yield)
		if err != nil || !more {
			return err
		}
	}
	return r.db.wrap(chunks.Err())
}

func (r *Run) linesOfChunk(chunks *sql.Rows, packed *unpacker, ops *sideReader[Op], fates *sideReader[fateRow], yield func(Line) bool) (more bool, err error) {
	var first, n int64
	var stored sql.RawBytes
	if err := chunks.Scan(&first, &n, &stored); err != nil {
		return false, r.db.wrap(err)
	}
	packed.open(stored)
	var cells []Cell
	for seq := first; seq < first+n; seq++ {
		line := Line{Seq: seq}
		line.Line, cells = packed.row(cells)
		line.Cells = cells
		op, err := ops.at(seq)
		if err != nil {
			return false, r.db.wrap(err)
		}
		fate, err := fates.at(seq)
		if err != nil {
			return false, r.db.wrap(err)
		}
		line.Fate.Status = Pending
		if op != nil {
			line.Action, line.Fate.Gsid = op.Action, op.Gsid
		}
		if fate != nil {
			line.Fate = fate.Fate
			if line.Fate.Gsid == "" && op != nil {
				line.Fate.Gsid = op.Gsid
			}
		}
		if packed.bad {
			return false, &StorageError{Path: r.db.path, Err: fmt.Errorf("row %d: %w", seq, errDamaged)}
		}
		if !yield(line) {
			return false, nil
		}
	}
	return true, nil
}

// fateRow is a fate with its row's number.
type fateRow struct {
	Fate
	seq int64
}

func scanFate(rows *sql.Rows, f *fateRow) (int64, error) {
	err := rows.Scan(&f.seq, &f.Status, &f.Gsid, &f.Field, &f.Code, &f.Reason, &f.Attempts, &f.RequestID, &f.At, &f.Server)
	return f.seq, err
}

// sideReader reads a query ordered by seq in step with another.
type sideReader[T any] struct {
	rows    *sql.Rows
	scan    func(*sql.Rows, *T) (seq int64, err error)
	current T
	seq     int64 // of current; 0 before the first and after the last
	more    bool
}

func newSideReader[T any](ctx context.Context, db *database, query string, scan func(*sql.Rows, *T) (int64, error)) (*sideReader[T], error) {
	rows, err := db.read.QueryContext(ctx, query)
	if err != nil {
		return nil, db.wrap(err)
	}
	return &sideReader[T]{rows: rows, scan: scan, more: true}, rows.Err()
}

// at gives the record of that seq, or nil if there is none. seqs must rise.
func (s *sideReader[T]) at(seq int64) (*T, error) {
	for s.more && s.seq < seq {
		if !s.rows.Next() {
			s.more = false
			return nil, s.rows.Err()
		}
		var err error
		if s.seq, err = s.scan(s.rows, &s.current); err != nil {
			return nil, err
		}
	}
	if s.seq == seq {
		return &s.current, nil
	}
	return nil, nil
}

func (s *sideReader[T]) close() { _ = s.rows.Close() }

// opBatch is how many operations are read at a time, so that no long read
// stands in the way of SQLite's folding of its write-ahead log.
const opBatch = 2000

// PendingOps yields in input order the operations of rows that are pending, as
// of the last Fold. One bit a row is kept in memory.
func (r *Run) PendingOps(ctx context.Context) iter.Seq2[Op, error] {
	return func(yield func(Op, error) bool) {
		done, attempts, err := r.decided(ctx)
		if err != nil {
			yield(Op{}, err)
			return
		}
		texts, items := map[int64]string{0: ""}, &itemReader{run: r}
		for next := done.nextClear(1); next <= r.info.Input.Rows; next = done.nextClear(next) {
			ops, err := r.readOps(ctx, next, opBatch, texts, items)
			if err != nil {
				yield(Op{}, err)
				return
			}
			if len(ops) == 0 {
				return
			}
			for i := range ops {
				if done.has(ops[i].Seq) {
					continue
				}
				ops[i].Attempts = attempts[ops[i].Seq]
				if !yield(ops[i], nil) {
					return
				}
			}
			next = ops[len(ops)-1].Seq + 1
		}
	}
}

// readOps reads at most limit operations from row number from on.
func (r *Run) readOps(ctx context.Context, from int64, limit int, texts map[int64]string, items *itemReader) ([]Op, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq, line, action, gsid, item, lookups, names, key, hash, modified FROM ops WHERE seq >= ? ORDER BY seq LIMIT ?`, from, limit)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	ops := make([]Op, 0, limit)
	refs := make([][2]int64, 0, limit)
	for rows.Next() {
		var op Op
		var ref [2]int64
		var key, hash sql.RawBytes
		if err := rows.Scan(&op.Seq, &op.Line, &op.Action, &op.Gsid, &op.Item, &ref[0], &ref[1], &key, &hash, &op.Modified); err != nil {
			return nil, r.db.wrap(err)
		}
		copy(op.Key[:], key)
		copy(op.Hash[:], hash)
		ops, refs = append(ops, op), append(refs, ref)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, r.db.wrap(err)
	}
	for i := range ops {
		if ops[i].Lookups, err = r.text(ctx, refs[i][0], texts); err != nil {
			return nil, err
		}
		if ops[i].Names, err = r.text(ctx, refs[i][1], texts); err != nil {
			return nil, err
		}
		if err = items.fill(ctx, &ops[i]); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

// text reads a shared text, each one once while it is remembered.
func (r *Run) text(ctx context.Context, id int64, texts map[int64]string) (string, error) {
	if text, known := texts[id]; known {
		return text, nil
	}
	var text string
	if err := r.db.read.QueryRowContext(ctx, `SELECT text FROM texts WHERE id = ?`, id).Scan(&text); err != nil {
		return "", r.db.wrap(err)
	}
	if len(texts) > maxTexts {
		clear(texts)
		texts[0] = ""
	}
	texts[id] = text
	return text, nil
}

// decided marks the rows whose fate is not pending, and tells how often the
// pending ones were sent. Of a stretch in which every row has a fate SQLite
// counts the rows and tells none of them, which is a sixth of the time.
func (r *Run) decided(ctx context.Context) (bitmap, map[int64]int, error) {
	const stretch = 4096
	total := r.info.Input.Rows
	done := make(bitmap, total/64+1)
	for from := int64(1); from <= total; from += stretch {
		upto := min(from+stretch-1, total)
		var n int64
		if err := r.db.read.QueryRowContext(ctx, `SELECT count(*) FROM fates WHERE seq BETWEEN ? AND ?`, from, upto).Scan(&n); err != nil {
			return nil, nil, r.db.wrap(err)
		}
		if n == upto-from+1 {
			for seq := from; seq <= upto; seq++ {
				done.set(seq)
			}
		} else if n > 0 {
			if err := r.eachSeq(ctx, func(seq, _ int64) { done.set(seq) }, `SELECT seq, 0 FROM fates WHERE seq BETWEEN ? AND ?`, from, upto); err != nil {
				return nil, nil, err
			}
		}
	}
	attempts := map[int64]int{}
	err := r.eachSeq(ctx, func(seq, n int64) {
		done.clear(seq)
		attempts[seq] = int(n)
	}, `SELECT seq, attempts FROM fates WHERE status = 'pending'`)
	return done, attempts, err
}

// eachSeq calls do for each row of a query of two numbers.
func (r *Run) eachSeq(ctx context.Context, do func(seq, n int64), query string, args ...any) error {
	rows, err := r.db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var seq, n int64
		if err := rows.Scan(&seq, &n); err != nil {
			return r.db.wrap(err)
		}
		do(seq, n)
	}
	return r.db.wrap(rows.Err())
}

// bitmap is a set of row numbers.
type bitmap []uint64

func (b bitmap) set(seq int64) {
	if i := seq / 64; i < int64(len(b)) {
		b[i] |= 1 << (seq % 64)
	}
}

func (b bitmap) clear(seq int64) {
	if i := seq / 64; i < int64(len(b)) {
		b[i] &^= 1 << (seq % 64)
	}
}

func (b bitmap) has(seq int64) bool {
	i := seq / 64
	return i < int64(len(b)) && b[i]&(1<<(seq%64)) != 0
}

// nextClear is the first number from seq on that is not in the set.
func (b bitmap) nextClear(seq int64) int64 {
	for b.has(seq) {
		if seq%64 == 0 && b[seq/64] == ^uint64(0) {
			seq += 64
			continue
		}
		seq++
	}
	return seq
}

// DoubtfulKeys are the natural keys of creates that are in doubt or parked:
// while one is, no other row of its key is sent. They are few, so that they are
// found by their index and not by a walk over the operations (CROSS JOIN).
func (r *Run) DoubtfulKeys(ctx context.Context) ([][16]byte, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT o.key FROM fates f CROSS JOIN ops o ON o.seq = f.seq WHERE f.status IN ('in_doubt', 'parked') AND o.action = 'create'`)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var keys [][16]byte
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, r.db.wrap(err)
		}
		var key [16]byte
		copy(key[:], raw)
		keys = append(keys, key)
	}
	return keys, r.db.wrap(rows.Err())
}
