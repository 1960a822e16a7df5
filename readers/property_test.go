package readers_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gsbatch/readers"
)

// TestWrittenRowsComeBack writes random rows with encoding/csv in every
// delimiter, charset and line end, and reads them with their places.
func TestWrittenRowsComeBack(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "delimiter")
		columns := rapid.IntRange(2, 6).Draw(t, "columns")
		cell := rapid.StringOf(rapid.RuneFrom([]rune("ab1,;\t|\"\n é€ž😀x")))
		names := []string{"a", "b", "c", "d", "e", "f"}
		table := [][]string{names[:columns]}
		for range rapid.IntRange(0, 20).Draw(t, "rows") {
			row := rapid.SliceOfN(cell, columns, columns).Draw(t, "row")
			row[0] += "x" // blank rows are skipped
			table = append(table, row)
		}
		ending := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "ending")
		charset := rapid.SampledFrom([]string{"utf-8", "mark", "utf-16le"}).Draw(t, "charset")
		content, places := written(t, table, delimiter, ending)
		path := filepath.Join(dir, "a.csv")
		if err := os.WriteFile(path, []byte(encoded(content, charset)), 0o600); err != nil {
			t.Fatal(err)
		}
		o := readers.Options{Delimiter: delimiter, Limits: readers.Limits{Record: 4096}} // a small window, to cross its border
		comparePlaces(t, path, o, table, places, ending)
	})
}

func encoded(content, charset string) string {
	switch charset {
	case "mark":
		return "\xEF\xBB\xBF" + content
	case "utf-16le":
		b := []byte("\xFF\xFE")
		for _, r := range content {
			if r > 0xFFFF {
				r -= 0x10000
				high, low := 0xD800+r>>10, 0xDC00+r&0x3FF
				b = append(b, byte(high), byte(high>>8), byte(low), byte(low>>8))
				continue
			}
			b = append(b, byte(r), byte(r>>8))
		}
		return string(b)
	}
	return content
}

// written is the table as CSV and the line and column that encoding/csv gives
// each cell when it reads that.
func written(t *rapid.T, table [][]string, delimiter rune, ending string) (string, [][2]int) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = delimiter, ending == "\r\n"
	if err := w.WriteAll(table); err != nil {
		t.Fatal(err)
	}
	content := b.String()
	var places [][2]int
	r := csv.NewReader(strings.NewReader(content))
	r.Comma = delimiter
	for range table {
		row, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		for i := range row {
			line, column := r.FieldPos(i)
			places = append(places, [2]int{line, column})
		}
	}
	return content, places
}

func comparePlaces(t *rapid.T, path string, o readers.Options, want [][]string, places [][2]int, ending string) {
	table, err := readers.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	columns := len(want[0])
	i := 1
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if i == len(want) || row.Line != i+1 {
			t.Fatalf("row %d is the %dth of %d", row.Line, i, len(want))
		}
		for c, cell := range row.Cells {
			if text := strings.ReplaceAll(want[i][c], "\n", ending); cell.Text != text {
				t.Errorf("row %d, cell %d: %q, want %q", i, c, cell.Text, text)
			}
			p := row.Place(c)
			if at := places[i*columns+c]; at != [2]int{p.Line, p.Column} {
				t.Errorf("row %d, cell %d at %v, want %v", i, c, p, at)
			}
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d rows, want %d", i, len(want))
	}
}

// TestMemoryStaysFlat samples the heap while many rows go by.
func TestMemoryStaysFlat(t *testing.T) {
	const rows, most = 30000, 2 << 20
	for name, path := range map[string]string{"csv": benchCSV(t, rows), "xlsx": benchXLSX(t, rows/3)} {
		t.Run(name, func(t *testing.T) {
			table, err := readers.Open(context.Background(), path, readers.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			n := 0
			for _, err := range table.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n%(rows/30) == 0 {
					runtime.GC()
					runtime.ReadMemStats(&now)
					if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > most {
						t.Fatalf("%d bytes more on the heap after %d rows", grown, n)
					}
				}
			}
		})
	}
}
