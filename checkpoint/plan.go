package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/s2"
)

// Cell is one of the user's cells as read; Kind is the reader's.
type Cell struct {
	Text string
	Kind uint8
}

// Op is one operation, as planned. It does not change.
type Op struct {
	Seq      int64 // the row's number in the input, from 1
	Line     int
	Action   string
	Gsid     string
	Item     string // canonical JSON of the request's element
	Lookups  string // JSON of the request's lookups, "" for none
	Names    string // the names only the server can resolve, "" for none
	Key      [16]byte
	Hash     [16]byte
	Modified int64  // the row's ModifiedDate, epoch milliseconds, 0 for none
	Aside    string // what the row says of its record and does not send, "" for nothing; read back by Ops alone
	Attempts int    // sends so far, when read back
}

// Problem is a problem of a row, in words.
type Problem struct {
	Place, Field, Code, Value, Message, Mend string
	Warning                                  bool
}

// Fate is where a row stands.
type Fate struct {
	Status    Status
	Gsid      string
	Field     string
	Code      string
	Reason    string
	Attempts  int
	RequestID string
	At        int64 // epoch milliseconds
	Server    int64
}

// Batch gathers planned rows for one transaction, in input order. It keeps
// copies: the cells and items given to Add may change afterwards.
type Batch struct {
	cells []chunk
	ops   []Op
	fates []seqFate
	found []seqProblem
	rows  int
	items []byte   // of ops, whose strings these are: strings of their own would be a third of all garbage of a plan
	spare [][]byte // of chunks that were written
}

type seqFate struct {
	seq int64
	Fate
}

type seqProblem struct {
	seq int64
	n   int
	Problem
}

// Reset empties the batch for other rows; it keeps its memory.
func (b *Batch) Reset() {
	for i := range b.cells {
		b.spare = append(b.spare, b.cells[i].data[:0])
	}
	clear(b.ops)
	clear(b.fates)
	clear(b.found)
	b.cells, b.ops, b.fates, b.found, b.rows, b.items = b.cells[:0], b.ops[:0], b.fates[:0], b.found[:0], 0, b.items[:0]
}

// Rows is how many rows the batch holds.
func (b *Batch) Rows() int { return b.rows }

// Empty says that there is nothing to be written.
func (b *Batch) Empty() bool { return b.rows == 0 && len(b.found) == 0 }

// Add adds a row with its cells as read, and either an operation (nil: none is
// planned) or a fate (nil: the row is pending).
func (b *Batch) Add(seq int64, line int, cells []Cell, op *Op, fate *Fate, problems []Problem) {
	if n := len(b.cells); n == 0 || b.cells[n-1].rows == cellRows {
		var data []byte
		if n := len(b.spare); n > 0 {
			data, b.spare = b.spare[n-1], b.spare[:n-1]
		}
		b.cells = append(b.cells, chunk{seq: seq, data: data})
	}
	last := &b.cells[len(b.cells)-1]
	last.data = appendRow(last.data, line, cells)
	last.rows++
	b.rows++
	if op != nil {
		b.addOp(op)
	}
	if fate != nil {
		b.fates = append(b.fates, seqFate{seq, *fate})
	}
	for n, problem := range problems {
		b.found = append(b.found, seqProblem{seq, n, problem})
	}
}

// AddDraft adds an operation that is planned for the while, without its row:
// see Run.DropDrafts.
func (b *Batch) AddDraft(op *Op) {
	b.rows++
	b.addOp(op)
}

func (b *Batch) addOp(op *Op) {
	b.ops = append(b.ops, *op)
	from := len(b.items)
	b.items = append(b.items, op.Item...)
	item := b.items[from:]
	b.ops[len(b.ops)-1].Item = unsafe.String(unsafe.SliceData(item), len(item))
}

// Ops are the batch's operations, which may be changed until it is written.
// Their items are void once it is reset.
func (b *Batch) Ops() []Op { return b.ops }

// DropDrafts takes all operations out of a plan that is being made, so that it
// can be filled.
func (r *Run) DropDrafts(ctx context.Context) error {
	return r.db.transaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM ops; DELETE FROM items; DELETE FROM asides; DELETE FROM texts`)
		return err
	})
}

// Planner writes a plan.
type Planner struct {
	run    *Run
	texts  map[string]int64
	items  chunk  // that was written last
	packed []byte // likewise any chunk
}

// Planner starts the plan of a run that was just created.
func (r *Run) Planner() *Planner {
	return &Planner{run: r, texts: map[string]int64{"": 0}}
}

// Write adds the batch to the plan in one transaction; a thousand rows a time
// is fast. It keeps nothing of the batch.
func (p *Planner) Write(ctx context.Context, b *Batch) error {
	return p.run.db.transaction(ctx, func(tx *sql.Tx) error {
		w := planWriter{ctx: ctx, tx: tx}
		for i := range b.cells {
			w.exec(&w.cells, `INSERT INTO cells (seq, rows, chunk) VALUES (?, ?, ?)`, b.cells[i].seq, b.cells[i].rows, p.pack(&b.cells[i]))
		}
		for ops := range slices.Chunk(b.ops, itemRows) {
			p.items = chunk{seq: ops[0].Seq, rows: len(ops), data: p.items.data[:0]}
			for i := range ops {
				p.items.data = appendItem(p.items.data, ops[i].Seq, ops[i].Item)
			}
			w.exec(&w.items, `INSERT INTO items (seq, rows, chunk) VALUES (?, ?, ?)`, p.items.seq, p.items.rows, p.pack(&p.items))
		}
		lookups, lookupsID := "", int64(0) // most often those of the row before
		for i := range b.ops {
			if op := &b.ops[i]; op.Lookups != lookups {
				lookups, lookupsID = op.Lookups, p.text(&w, op.Lookups)
			}
			w.op(&b.ops[i], lookupsID, p.text(&w, b.ops[i].Names))
		}
		for i := range b.fates {
			w.fate(b.fates[i].seq, &b.fates[i].Fate)
		}
		for i := range b.found {
			w.problem(b.found[i].seq, b.found[i].n, &b.found[i].Problem)
		}
		return w.close()
	})
}

// pack is the chunk as it is stored, valid until the next call.
func (p *Planner) pack(c *chunk) []byte {
	p.packed = s2.Encode(p.packed[:cap(p.packed)], c.data)
	return p.packed
}

// maxTexts bounds the memory of text's ids; beyond it a text is stored again.
const maxTexts = 50_000

// text is the id of a text that many rows share.
func (p *Planner) text(w *planWriter, text string) int64 {
	id, known := p.texts[text]
	if known {
		return id
	}
	result := w.exec(&w.texts, `INSERT INTO texts (text) VALUES (?)`, text)
	if result == nil {
		return 0
	}
	id, err := result.LastInsertId()
	w.err = errors.Join(w.err, err)
	if len(p.texts) < maxTexts {
		p.texts[text] = id
	}
	return id
}

// planWriter holds a transaction's prepared statements and its first error.
type planWriter struct {
	ctx                          context.Context
	tx                           *sql.Tx
	cells, items, ops            *sql.Stmt
	problems, texts              *sql.Stmt
	asides, befores              *sql.Stmt
	newOps, newCreates, newFates bulk
	opened                       []*sql.Stmt // all of them
	err                          error
}

// bulkRows is how many rows one statement inserts: to execute one costs as much
// as to insert a row or two.
const bulkRows = 32

// bulk gathers rows of a table for one statement.
type bulk struct {
	into string // INSERT INTO table (columns) VALUES
	wide int    // columns
	args []any
	stmt *sql.Stmt // of bulkRows rows
}

// insert adds a row to those of b, and inserts them once they are enough. The
// last of them are inserted by close.
func (w *planWriter) insert(b *bulk, into string, args ...any) {
	b.into, b.wide = into, len(args)
	if b.args = append(b.args, args...); len(b.args) < bulkRows*len(args) {
		return
	}
	w.exec(&b.stmt, b.query(bulkRows), b.args...)
	b.args = b.args[:0]
}

// query is the statement that inserts so many rows.
func (b *bulk) query(rows int) string {
	row := "(?" + strings.Repeat(", ?", b.wide-1) + ")"
	return b.into + row + strings.Repeat(", "+row, rows-1)
}

// rest inserts the rows that are left.
func (w *planWriter) rest(b *bulk) {
	if w.err == nil && len(b.args) > 0 {
		_, w.err = w.tx.ExecContext(w.ctx, b.query(len(b.args)/b.wide), b.args...)
	}
}

func (w *planWriter) exec(stmt **sql.Stmt, query string, args ...any) sql.Result {
	if w.err != nil {
		return nil
	}
	if *stmt == nil {
		if *stmt, w.err = w.tx.PrepareContext(w.ctx, query); w.err != nil {
			return nil
		}
		w.opened = append(w.opened, *stmt)
	}
	result, err := (*stmt).ExecContext(w.ctx, args...)
	w.err = err
	return result
}

// op inserts an operation without its item. The columns of most creates are
// fewer, which takes a fifth off writing a plan of them.
func (w *planWriter) op(op *Op, lookups, names int64) {
	if op.Action == "create" && op.Gsid == "" && op.Modified == 0 {
		w.insert(&w.newCreates, `INSERT INTO ops (seq, line, lookups, names, key, hash) VALUES `,
			op.Seq, int64(op.Line), lookups, names, op.Key[:], op.Hash[:])
	} else {
		w.insert(&w.newOps, `INSERT INTO ops (seq, line, action, gsid, lookups, names, key, hash, modified) VALUES `,
			op.Seq, int64(op.Line), op.Action, op.Gsid, lookups, names, op.Key[:], op.Hash[:], op.Modified)
	}
	if op.Aside != "" {
		w.exec(&w.asides, `INSERT INTO asides (seq, doc) VALUES (?, ?)`, op.Seq, op.Aside)
	}
}

func (w *planWriter) fate(seq int64, f *Fate) {
	w.insert(&w.newFates, `INSERT OR REPLACE INTO fates (seq, status, gsid, field, code, reason, attempts, request_id, at, server) VALUES `,
		seq, string(f.Status), f.Gsid, f.Field, f.Code, f.Reason, f.Attempts, f.RequestID, f.At, f.Server)
}

func (w *planWriter) problem(seq int64, n int, p *Problem) {
	w.exec(&w.problems, `INSERT INTO problems (seq, n, place, field, code, value, message, mend, warning) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		seq, n, p.Place, p.Field, p.Code, p.Value, p.Message, p.Mend, p.Warning)
}

// close inserts what was gathered and gives the first error.
func (w *planWriter) close() error {
	w.rest(&w.newOps)
	w.rest(&w.newCreates)
	w.rest(&w.newFates)
	err := w.err
	for _, stmt := range w.opened {
		err = errors.Join(err, stmt.Close())
	}
	return err
}
