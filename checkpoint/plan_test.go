package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"
)

// planned is a row as a test plans it.
type planned struct {
	Line     int
	Cells    []Cell
	Op       *Op
	Fate     *Fate
	Problems []Problem
}

func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.Just(""), rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }), // NUL, torn UTF-8
		rapid.SampledFrom([]string{"a\x00b", "\xff\xfe", "\t\n\\n", "'; DROP TABLE ops; --", string(bytes.Repeat([]byte("x"), 70_000))}))
}

func anyRow() *rapid.Generator[planned] {
	return rapid.Custom(func(t *rapid.T) planned {
		row := planned{Line: rapid.IntRange(1, 1<<34).Draw(t, "line")}
		for range rapid.IntRange(0, 5).Draw(t, "cells") {
			row.Cells = append(row.Cells, Cell{Text: anyText().Draw(t, "cell"), Kind: rapid.Byte().Draw(t, "kind")})
		}
		text := anyText()
		if rapid.Bool().Draw(t, "has op") {
			op := &Op{Line: row.Line, Action: "create", Gsid: text.Draw(t, "gsid"), Item: text.Draw(t, "item"),
				Lookups: text.Draw(t, "lookups"), Names: text.Draw(t, "names"), Modified: rapid.Int64().Draw(t, "modified")}
			copy(op.Key[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
			copy(op.Hash[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "hash"))
			row.Op = op
		} else {
			row.Fate = &Fate{Status: Invalid, Field: text.Draw(t, "field"), Code: "c", Reason: text.Draw(t, "reason"), Attempts: 3, At: -1, Server: 1 << 60}
			for range rapid.IntRange(0, 2).Draw(t, "problems") {
				row.Problems = append(row.Problems, Problem{Place: text.Draw(t, "place"), Value: text.Draw(t, "value"), Warning: rapid.Bool().Draw(t, "warning")})
			}
		}
		return row
	})
}

// What was planned comes back to the byte, whatever is in it and however the
// rows fell into batches.
func TestPlanRoundTrip(t *testing.T) {
	t.Parallel()
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	used := new(Batch)
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(anyRow(), 0, 12).Draw(rt, "rows")
		runs++
		run, err := folder.Create(t.Context(), Info{ID: fmt.Sprint("r", runs)}, Holder{})
		if err != nil {
			rt.Fatal(err)
		}
		defer run.Close()
		planner, batch := run.Planner(), used
		batch.Reset()
		for i := range rows {
			row := &rows[i]
			if row.Op != nil {
				row.Op.Seq = int64(i + 1)
			}
			batch.Add(int64(i+1), row.Line, row.Cells, row.Op, row.Fate, row.Problems)
			if rapid.IntRange(0, 3).Draw(rt, "new batch") == 0 {
				if err := planner.Write(t.Context(), batch); err != nil {
					rt.Fatal(err)
				}
				batch.Reset()
			}
		}
		if err := planner.Write(t.Context(), batch); err != nil {
			rt.Fatal(err)
		}
		if err := run.SetInfo(t.Context(), func(i *Info) { i.Input.Rows = int64(len(rows)) }); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(rows, readPlan(rt, t, run), cmpEmpty()); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// cmpEmpty takes a nil slice for an empty one.
func cmpEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b []Cell) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

// readPlan reads a plan back.
func readPlan(rt *rapid.T, t *testing.T, run *Run) []planned {
	rows := []planned{}
	pending := map[int64]Op{}
	for op, err := range run.PendingOps(t.Context()) {
		if err != nil {
			rt.Fatal(err)
		}
		pending[op.Seq] = op
	}
	for line, err := range run.Lines(t.Context()) {
		if err != nil {
			rt.Fatal(err)
		}
		row := planned{Line: line.Line, Cells: append([]Cell(nil), line.Cells...)}
		if op, ok := pending[line.Seq]; ok {
			row.Op = &op
			if line.Action != op.Action || line.Fate.Status != Pending {
				rt.Fatalf("row %d is %q, %s", line.Seq, line.Action, line.Fate.Status)
			}
		} else {
			row.Fate = &line.Fate
		}
		var err error
		if row.Problems, err = run.Problems(t.Context(), line.Seq); err != nil {
			rt.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// Rows at the borders of chunks and of reads.
func TestBorders(t *testing.T) {
	for _, n := range []int{0, 1, cellRows - 1, cellRows, cellRows + 1, 2 * cellRows, opBatch - 1, opBatch, opBatch + 1} {
		_, run := newRun(t, n)
		seq := int64(0)
		for line, err := range run.Lines(t.Context()) {
			seq++
			if err != nil || line.Seq != seq || line.Line != int(seq)+1 || line.Cells[0].Text != fmt.Sprint("goal ", seq) {
				t.Fatalf("%d rows: row %d is %+v, %v", n, seq, line, err)
			}
		}
		if got := pendingSeqs(t, run); seq != int64(n) || len(got) != n {
			t.Errorf("%d rows: %d lines, %d operations", n, seq, len(got))
		}
		closeRun(t, run)
	}
}

// Damaged cells are an error, never a shorter row.
func TestDamagedCells(t *testing.T) {
	whole := appendRow(appendRow(nil, 2, []Cell{{Text: "ab"}, {Text: "c", Kind: 1}}), 300, []Cell{{Text: ""}})
	for n := range len(whole) {
		u := unpacker{chunk: string(whole[:n])}
		u.row(nil)
		if !u.bad {
			u.row(nil)
		}
		if !u.bad {
			t.Errorf("%d of %d bytes were taken for two rows", n, len(whole))
		}
	}
	_, run := newRun(t, 3)
	defer closeRun(t, run)
	short := s2.Encode(nil, whole[:len(whole)-3])
	if _, err := run.db.write.Exec(`UPDATE cells SET rows = 2, chunk = ?`, short); err != nil {
		t.Fatal(err)
	}
	var storage *StorageError
	lines := 0
	for _, err := range run.Lines(t.Context()) {
		if err == nil {
			lines++
		} else if !errors.As(err, &storage) {
			t.Errorf("got %v", err)
		}
	}
	if lines != 1 || storage == nil {
		t.Errorf("%d lines were read, then %v", lines, storage)
	}
	for table, read := range map[string]func() error{
		"cells": func() error {
			for _, err := range run.Lines(t.Context()) {
				return err
			}
			return nil
		},
		"items": func() error {
			_, err := run.ChangesOf(t.Context(), []int64{2})
			return err
		},
	} {
		if _, err := run.db.write.Exec(`UPDATE ` + table + ` SET chunk = substr(chunk, 1, length(chunk) - 1)`); err != nil {
			t.Fatal(err)
		}
		if err := read(); !errors.As(err, &storage) {
			t.Errorf("damaged %s: %v", table, err)
		}
	}
}

func TestBitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 300
		b := make(bitmap, size/64+1)
		model := map[int64]bool{}
		for _, seq := range rapid.SliceOf(rapid.Int64Range(0, size)).Draw(t, "seqs") {
			b.set(seq)
			model[seq] = true
		}
		for from := range rapid.SampledFrom([]int64{0, 64, 128, 256}).Draw(t, "full words") {
			b.set(from)
			model[from] = true
		}
		for seq := int64(0); seq <= size; seq++ {
			if b.has(seq) != model[seq] {
				t.Fatalf("has(%d) is %v", seq, b.has(seq))
			}
			next := seq
			for model[next] {
				next++
			}
			if got := b.nextClear(seq); got != next {
				t.Fatalf("nextClear(%d) is %d, want %d", seq, got, next)
			}
		}
	})
	b := make(bitmap, 1)
	b.set(1 << 40) // beyond the run: of no meaning, and no panic
	if b.has(1<<40) || b.nextClear(1<<40) != 1<<40 {
		t.Error("a number beyond the set is in it")
	}
}

// A plan's commits need not be on the disk, but the one that makes it a plan
// and all after it are, however the run is taken up.
func TestCommitsAreSyncedOncePlanned(t *testing.T) {
	t.Parallel()
	synced := func(run *Run) bool {
		var level int
		if err := run.db.write.QueryRow(`PRAGMA synchronous`).Scan(&level); err != nil {
			t.Fatal(err)
		}
		return level == 2
	}
	folder, run := newRun(t, 3)
	if !synced(run) {
		t.Error("the commits of a plan that is made are not synced")
	}
	closeRun(t, run)
	run, err := folder.Lock(t.Context(), "a", Holder{})
	if err != nil {
		t.Fatal(err)
	}
	if !synced(run) {
		t.Error("the commits of a run that is taken up are not synced")
	}
	closeRun(t, run)
	fresh, err := folder.Create(t.Context(), Info{ID: "b"}, Holder{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeRun(t, fresh)
	if synced(fresh) {
		t.Error("each commit of a plan under way is synced")
	}
	journal(t, fresh, intent(1)) // never done: planning comes first
	if !synced(fresh) {
		t.Error("a journal's commits are not synced")
	}
}
