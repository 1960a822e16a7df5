package readers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gsbatch/readers"
)

// told is all that a row says: its line, cells and places.
func told(row readers.Row) string {
	text := line(row) + " at " + row.Place(-1).String()
	for i := range row.Cells {
		text += " " + row.Place(i).String()
	}
	return strings.Clone(text)
}

// reading is what a table said: its rows, the error that ended them, its notices.
type reading struct {
	lines   []int
	rows    []string // as told; nil where nobody asked
	err     string
	notices []string
}

func (r *reading) add(row readers.Row) {
	r.lines, r.rows = append(r.lines, row.Line), append(r.rows, told(row))
}

func (r *reading) end(t *readers.Table, err error) reading {
	r.notices = t.Notices()
	if err != nil {
		r.err = err.Error()
	}
	return *r
}

func inOrder(t *readers.Table) (r reading) {
	for row, err := range t.Rows() {
		if err != nil {
			return r.end(t, err)
		}
		r.add(row)
	}
	return r.end(t, nil)
}

func fleeting(t *readers.Table) (r reading) {
	for row, err := range t.FleetingRows() {
		if err != nil {
			return r.end(t, err)
		}
		r.add(row)
	}
	return r.end(t, nil)
}

// inBlocks takes some blocks ahead, reads the last of them first, and all of
// them twice, settles them and, if it is to tell of the rows, reads them again.
func inBlocks(t *readers.Table, tell bool) (r reading) {
	blocks, err := t.Blocks()
	if err != nil {
		return r.end(t, err)
	}
	if blocks == nil {
		return inOrder(t)
	}
	for err == nil {
		var ahead []*readers.Block
		for len(ahead) < 3 && err == nil {
			var b *readers.Block
			if b, err = blocks.Next(); err == nil {
				ahead = append(ahead, b)
			}
		}
		first := make([]reading, len(ahead))
		for range 2 {
			for i, b := range slices.Backward(ahead) {
				first[i] = rowsOfBlock(b)
			}
		}
		for i, b := range ahead {
			raised := blocks.Settle(b)
			for _, line := range first[i].lines {
				r.lines = append(r.lines, line+raised)
			}
			if tell {
				r.rows = append(r.rows, rowsOfBlock(b).rows...)
			}
			if wrong := blocks.Done(b); wrong != nil {
				err = wrong
				break
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return r.end(t, errors.Join(err, blocks.Close()))
}

func rowsOfBlock(b *readers.Block) (r reading) {
	for row, err := range b.Rows() {
		if err == nil {
			r.add(row)
		}
	}
	return r
}

// differs compares what a table says in order and in blocks. Where the table
// has too many rows, the last block may have more of them.
func differs(path string, o readers.Options) error {
	var got [4]reading
	for i, read := range []func(*readers.Table) reading{
		inOrder, fleeting,
		func(t *readers.Table) reading { return inBlocks(t, true) },
		func(t *readers.Table) reading { return inBlocks(t, false) },
	} {
		table, err := readers.Open(context.Background(), path, o)
		if err != nil {
			return nil
		}
		got[i] = read(table)
		if err := table.Close(); err != nil {
			return err
		}
	}
	want := got[0]
	for _, got := range got[1:] {
		if n := len(want.lines); strings.Contains(want.err, "table has more than") && len(got.lines) > n {
			got.lines, got.rows = got.lines[:n], got.rows[:min(n, len(got.rows))]
		}
		if len(got.rows) == 0 && len(got.lines) > 0 {
			got.rows = want.rows
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(reading{}), cmpopts.EquateEmpty()); d != "" {
			return fmt.Errorf("in order (-) and in blocks (+):\n%s", d)
		}
	}
	return nil
}

// wantBlocks wants the blocks of a file to say what it says in order.
func wantBlocks(t *testing.T, path string, o readers.Options) {
	t.Helper()
	if o.Stdin != nil {
		return // it can be read once
	}
	if err := differs(path, o); err != nil {
		t.Error(err)
	}
}

// TestHostileBlocks reads files whose quotes, line ends and charsets fall on
// the borders of blocks, which a small limit of a record makes as small.
func TestHostileBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	cells := []string{"a", "", "long enough to be cut", `"q"`, `"a,b"`, "\"two\nlines\"", "\"cr\r\nlf\"", `"dou""bled"`, `""""`, "\"\n\n\"", `"a" `, `st"ray`, `"open`, "\r", "é", "\u200b", "''", `"x"y"`}
	ends := []string{"\n", "\r\n", "\r"}
	path := filepath.Join(t.TempDir(), "a.csv")
	n := 1500
	if testing.Short() {
		n = 500
	}
	for i := range n {
		end, odd := ends[rng.IntN(3)], rng.IntN(4)
		var b strings.Builder
		b.WriteString([]string{"", "", "", "\ufeff", "sep=,\n", "\n\n"}[rng.IntN(6)] + "x,y,z" + end)
		for range rng.IntN(40) {
			width := 3
			if rng.IntN(60) == 0 && odd == 0 {
				width = rng.IntN(5)
			}
			for c := range width {
				at := rng.IntN(10)
				if odd == 0 && rng.IntN(30) == 0 {
					at = rng.IntN(len(cells))
				}
				if c > 0 {
					b.WriteByte(',')
				}
				b.WriteString(cells[at])
			}
			if odd == 1 && rng.IntN(40) == 0 {
				end = ends[rng.IntN(3)]
			}
			b.WriteString(end)
		}
		content := b.String()
		if rng.IntN(3) == 0 && len(content) > 0 {
			content = content[:len(content)-rng.IntN(min(4, len(content)))]
		}
		charset := []string{"", "", "", "utf-16le", "utf-16be", "windows-1252"}[rng.IntN(6)]
		content = encoded(content, charset)
		if charset == "" && rng.IntN(4) == 0 {
			content = strings.ReplaceAll(content, "é", "\xe9")
			if rng.IntN(2) == 0 {
				content = strings.ReplaceAll(content, "\u200b", "")
			}
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		o := readers.Options{Delimiter: ',', Encoding: charset, Limits: readers.Limits{Record: int64(10 + rng.IntN(200))}}
		if rng.IntN(10) == 0 {
			o.Limits.Rows = 1 + rng.IntN(20)
		}
		if err := differs(path, o); err != nil {
			t.Fatalf("file %d, %d bytes a record: %q\n%v", i, o.Limits.Record, content, err)
		}
	}
}

// TestLargeBlocks reads a file of many blocks of the usual size, with a record
// that is longer than one.
func TestLargeBlocks(t *testing.T) {
	var b strings.Builder
	b.WriteString("x,y\n")
	for i := range 6000 {
		fmt.Fprintf(&b, "%d,\"some %d\nlines, %s\"\n", i, i, strings.Repeat("of text ", 1+i%40))
		if i == 3000 {
			fmt.Fprintf(&b, "%d,\"%s\"\n", i, strings.Repeat("long\n", 1<<18))
		}
	}
	b.WriteString("last,line")
	if err := differs(file(t, "a.csv", b.String()), readers.Options{}); err != nil {
		t.Error(err)
	}
	if err := differs(file(t, "a.csv", b.String()+"\n\n,\"open\n"+strings.Repeat("x\n", 1000)), readers.Options{}); err != nil {
		t.Error(err)
	}
	if err := differs(benchXLSX(t, 2000), readers.Options{}); err != nil {
		t.Error(err)
	}
}
