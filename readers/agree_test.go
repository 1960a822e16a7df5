package readers_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"gsbatch/readers"
)

// TestAgreesWithExcelize compares every cell of generated workbooks, written
// cell by cell (shared strings) and streamed (inline strings), with what
// excelize reads back raw.
func TestAgreesWithExcelize(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			path := filepath.Join(t.TempDir(), "a.xlsx")
			columns, rows := 1+rng.IntN(12), rng.IntN(60)
			if err := randomWorkbook(rng, path, columns, rows, seed%2 == 0); err != nil {
				t.Fatal(err)
			}
			compareWithExcelize(t, path, columns)
		})
	}
}

func randomWorkbook(rng *rand.Rand, path string, columns, rows int, stream bool) error {
	f := excelize.NewFile()
	head := make([]any, columns)
	for i := range head {
		head[i] = fmt.Sprintf("Column %d", i)
	}
	table := [][]any{head}
	for range rows {
		row := make([]any, columns)
		for i := range row {
			row[i] = randomValue(rng)
		}
		table = append(table, row)
	}
	if stream {
		w, err := f.NewStreamWriter("Sheet1")
		if err != nil {
			return err
		}
		for i, row := range table {
			if err := w.SetRow("A"+strconv.Itoa(i+1), row); err != nil {
				return err
			}
		}
		return errors.Join(w.Flush(), f.SaveAs(path), f.Close())
	}
	for i, row := range table {
		if err := f.SetSheetRow("Sheet1", "A"+strconv.Itoa(i+1), &row); err != nil {
			return err
		}
	}
	return errors.Join(f.SaveAs(path), f.Close())
}

func randomValue(rng *rand.Rand) any {
	switch rng.IntN(9) {
	case 0:
		return nil
	case 1:
		return rng.IntN(1 << 40)
	case 2:
		return rng.NormFloat64()
	case 3:
		return rng.IntN(2) == 0
	case 4:
		return " <b>&amp; \"ä€😀\" \n line ]]> "
	case 5:
		return "_x0041_ _x005F_ _"
	case 6:
		return strings.Repeat("lång ", rng.IntN(500))
	case 7:
		return float64(rng.IntN(1000)) * 1e15
	default:
		return "same text"
	}
}

func compareWithExcelize(t *testing.T, path string, columns int) {
	t.Helper()
	f, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if len(table.Header()) != columns {
		t.Fatalf("header %q, want %d columns", table.Header(), columns)
	}
	read := make(map[int]bool)
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		read[row.Line] = true
		for i, cell := range row.Cells {
			name := row.Place(i).Cell
			want, err := f.GetCellValue("Sheet1", name)
			if err != nil {
				t.Fatal(err)
			}
			if got := cell.Text; !sameValue(cell.Kind, got, want) {
				t.Errorf("%s: %q of kind %d, excelize reads %q", name, got, cell.Kind, want)
			}
		}
	}
	all, err := f.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range all {
		if i > 0 && !read[i+1] && strings.TrimSpace(strings.Join(row, "")) != "" {
			t.Errorf("row %d was not read: %q", i+1, row)
		}
	}
}

// sameValue allows for truth values, which excelize gives as 1 and 0, and for
// other spellings of one number.
func sameValue(kind readers.Kind, got, want string) bool {
	switch kind {
	case readers.Bool:
		return got == map[string]string{"1": "TRUE", "0": "FALSE"}[want]
	case readers.Number:
		a, errA := strconv.ParseFloat(got, 64)
		b, errB := strconv.ParseFloat(want, 64)
		return errA == nil && errB == nil && a == b
	}
	return got == want
}

// TestBuiltinStyles reads what excelize writes with the number formats that
// have no code in the file.
func TestBuiltinStyles(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	want := map[int]string{
		0: "45720.25", 1: "45720.25", 9: "4572025%", 14: "2025-03-04T06:00:00", 15: "2025-03-04T06:00:00", 17: "2025-03-04T06:00:00",
		18: "2025-03-04T06:00:00", 22: "2025-03-04T06:00:00", 37: "45720.25", 45: "2025-03-04T06:00:00", 46: "1097286:00:00", 49: "45720.25",
	}
	if err := f.SetCellValue("Sheet1", "A1", "a"); err != nil {
		t.Fatal(err)
	}
	for id := range want {
		style, err := f.NewStyle(&excelize.Style{NumFmt: id})
		if err != nil {
			t.Fatal(err)
		}
		cell := "A" + strconv.Itoa(id+2)
		if err := errors.Join(f.SetCellValue("Sheet1", cell, 45720.25), f.SetCellStyle("Sheet1", cell, cell, style)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "a.xlsx")
	if err := f.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if got := row.Cells[0].Text; got != want[row.Line-2] {
			t.Errorf("format %d: %q, want %q", row.Line-2, got, want[row.Line-2])
		}
	}
}
