package writers

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// TestRowsAgreeWithExcelize writes dates, times, numbers and truth values both
// itself and by excelize, cell by cell, and reads them back raw.
func TestRowsAgreeWithExcelize(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	columns := []Column{{Name: "d", Kind: Date}, {Name: "t", Kind: Date}, {Name: "n", Kind: Number}, {Name: "b", Kind: Bool}, {Name: "x"}}
	path := filepath.Join(t.TempDir(), "a.xlsx")
	table, err := NewTable(path, columns, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	book := excelize.NewFile()
	defer func() { _ = book.Close() }()
	stream, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SetRow("A1", []any{"d", "t", "n", "b", "x"}); err != nil {
		t.Fatal(err)
	}
	first := time.Date(1900, time.March, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5000 {
		day := first.AddDate(0, 0, rng.IntN(2_958_404))
		at := day.Add(time.Duration(rng.Int64N(86_400_000)) * time.Millisecond)
		n := strconv.FormatFloat(float64(rng.IntN(1_000_000)-500_000)/float64([]int{1, 10, 1000, 100_000}[rng.IntN(4)]), 'f', -1, 64)
		v, _ := strconv.ParseFloat(n, 64)
		text := someCell(rng)
		if err := table.Write([]string{day.Format("2006-01-02"), at.Format("2006-01-02T15:04:05.999Z"), n, strconv.FormatBool(i%2 == 0), text}); err != nil {
			t.Fatal(err)
		}
		values := []any{day, at, v, i%2 == 0, text}
		if text == "" {
			values[4] = nil
		}
		if err := stream.SetRow(fmt.Sprintf("A%d", i+2), values); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(t.TempDir(), "b.xlsx")
	if err := table.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := stream.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := book.SaveAs(other); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inMillis(t, readSheet(t, other)), inMillis(t, readSheet(t, path))); diff != "" {
		t.Error(diff)
	}
}

// inMillis rounds the times to milliseconds: the last digits of a serial number
// depend on the order of sums.
func inMillis(t *testing.T, rows [][]string) [][]string {
	t.Helper()
	for _, row := range rows[1:] {
		v, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		row[1] = strconv.FormatInt(int64(v*86_400_000+0.5), 10)
	}
	return rows
}

func someCell(rng *rand.Rand) string {
	pieces := []string{"", "a", "B c", "&", "<p>", " ", "\n", "é", "😀", "_", "_x000D_", "=1", "\x01", "\xff", "\ufffe", "long text that goes on"}
	return pieces[rng.IntN(len(pieces))] + pieces[rng.IntN(len(pieces))]
}
