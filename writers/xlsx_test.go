package writers

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

func TestXLSXReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xlsx")
	header := []Column{{Name: "Gsid"}, {Name: "Due", Kind: Date}, {Name: "Value", Kind: Number}, {Name: "Note", Width: 50}}
	rows := [][]string{
		{"00042", "2025-03-04", "12.5", "=1+1"},
		{"1E5", "2025-03-04T10:30:00", "-7", " outer blanks "},
		{"'=1", "1899-12-31", "007", "two\nlines"},
		{"<&>\"", "2025-02-30", "1234567890123456", "_x000D_ stays"},
		{"-5", "", "", "x"},
	}
	writeTable(t, path, header, TableOptions{Sheet: "Goals"}, rows...)
	want := [][]string{{"Gsid", "Due", "Value", "Note"},
		{"00042", "45720", "12.5", "=1+1"},
		{"1E5", "45720.4375", "-7", " outer blanks "},
		{"'=1", "1899-12-31", "007", "two\nlines"},
		{"<&>\"", "2025-02-30", "1234567890123456", "_x000D_ stays"},
		{"-5", "", "", "x"},
	}
	if diff := cmp.Diff(want, readSheet(t, path)); diff != "" {
		t.Error(diff)
	}
	checkLook(t, path)
}

// checkLook holds what a user sees of the sheet: types, widths, header, filter.
func checkLook(t *testing.T, path string) {
	book := openBook(t, path)
	for cell, want := range map[string]excelize.CellType{
		"A2": excelize.CellTypeInlineString, "A3": excelize.CellTypeInlineString, "D2": excelize.CellTypeInlineString,
		"C4": excelize.CellTypeInlineString, "C2": excelize.CellTypeUnset, "B2": excelize.CellTypeUnset,
	} {
		if got, err := book.GetCellType("Goals", cell); err != nil || got != want {
			t.Errorf("%s has type %v, %v; want %v", cell, got, err, want)
		}
		if f, err := book.GetCellFormula("Goals", cell); err != nil || f != "" {
			t.Errorf("%s has formula %q, %v", cell, f, err)
		}
	}
	for cell, want := range map[string]string{"B2": "2025-03-04", "B3": "2025-03-04 10:30:00"} {
		if got, err := book.GetCellValue("Goals", cell); err != nil || got != want {
			t.Errorf("%s is shown as %q, %v; want %q", cell, got, err, want)
		}
	}
	panes, err := book.GetPanes("Goals")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("panes: %+v, %v", panes, err)
	}
	names := book.GetDefinedName()
	if len(names) != 1 || names[0].RefersTo != "'Goals'!$A$1:$D$6" {
		t.Errorf("filter: %+v", names)
	}
	for column, want := range map[string]float64{"A": 9, "B": 20, "D": 50} {
		if got, err := book.GetColWidth("Goals", column); err != nil || got != want {
			t.Errorf("column %s is %v wide, %v; want %v", column, got, err, want)
		}
	}
}

func TestXLSXNotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xlsx")
	fits, long := strings.Repeat("ü", 32_767), strings.Repeat("ü", 32_768)
	wide := strings.Repeat("😀", 16_384)
	table := writeTable(t, path, Columns("a", "b"), TableOptions{},
		[]string{"1", fits}, []string{"2", long}, []string{"3", wide}, []string{"4", "a\x00b"}, []string{"5", "a\xffb"})
	want := [][]string{{"a", "b"}, {"1", fits}, {"2"}, {"3"}, {"4", "a\ufffdb"}, {"5", "a\ufffdb"}}
	if diff := cmp.Diff(want, readSheet(t, path)); diff != "" {
		t.Errorf("%.500s", diff)
	}
	first, total := table.Notes()
	text := ""
	for _, note := range first {
		text += note.String() + "\n"
	}
	if total != 4 || text != `row 3, b: 32768 characters, a cell holds 32767; left blank, write .csv or .jsonl for the whole
row 4, b: 32768 characters, a cell holds 32767; left blank, write .csv or .jsonl for the whole
row 5, b: characters that a workbook cannot hold were replaced by U+FFFD
row 6, b: characters that a workbook cannot hold were replaced by U+FFFD
` {
		t.Errorf("%d notes:\n%s", total, text)
	}
}

func TestNotesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xlsx")
	table, err := NewTable(path, Columns("a"), TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if err := table.Write([]string{"\x01"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Commit(); err != nil {
		t.Fatal(err)
	}
	if first, total := table.Notes(); len(first) != 100 || total != 1000 {
		t.Errorf("%d notes kept of %d", len(first), total)
	}
}

func TestXLSXLimits(t *testing.T) {
	folder := t.TempDir()
	_, err := NewTable(filepath.Join(folder, "a.xlsx"), Columns(make([]string, 16_385)...), TableOptions{})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("16,385 columns: %v", err)
	}
	table, err := NewTable(filepath.Join(folder, "b.xlsx"), Columns("a"), TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Abort()
	row := []string{""}
	for i := 2; i <= 1_048_576; i++ {
		if err := table.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Write(row); !errors.Is(err, ErrTooLarge) {
		t.Errorf("row 1,048,577: %v", err)
	}
	if err := table.Commit(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Commit: %v", err)
	}
	if got := everything(t, folder); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
	part := limitedPart{w: &brokenWriter{left: 10}, left: 3}
	if _, err := part.Write([]byte("1234")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("part of a workbook over its limit: %v", err)
	}
}

func TestXLSXSheetNames(t *testing.T) {
	for _, name := range []string{"a/b", strings.Repeat("x", 32), "'a"} {
		path := filepath.Join(t.TempDir(), "a.xlsx")
		if _, err := NewTable(path, Columns("a"), TableOptions{Sheet: name}); err == nil {
			t.Errorf("sheet name %q is no error", name)
		}
		if got := everything(t, filepath.Dir(path)); len(got) != 0 {
			t.Errorf("the folder holds %q", got)
		}
	}
}

// TestXLSXTextReadsBack looks for text that the workbook's escapes change.
func TestXLSXTextReadsBack(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"_x000D_", "_x005F_", "_x0041_", "x0042_", "_x", "x41_", "\r", "\u00a0", "&", "]]>", "_", "a", " ", "\n", "\t", "&lt;", "<", "ü", "😀", "'", "="})
		pieces := rapid.SliceOfN(rapid.SliceOfN(piece, 1, 6), 1, 20).Draw(t, "pieces")
		path := filepath.Join(folder, "a.xlsx")
		table, err := NewTable(path, Columns("a"), TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{{"a"}}
		for _, p := range pieces {
			row := []string{strings.Join(p, "")}
			want = append(want, row)
			if err := table.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := table.Commit(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, readSheet(t, path)); diff != "" {
			t.Fatal(diff)
		}
	})
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func readSheet(t fataler, path string) [][]string {
	t.Helper()
	book, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func openBook(t *testing.T, path string) *excelize.File {
	t.Helper()
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}
