package writers

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"
)

func TestFormatOf(t *testing.T) {
	for _, test := range []struct {
		name string
		want Format
		gz   bool
		err  string
	}{
		{"a.csv", CSV, false, ""},
		{"dir.xlsx/A.CSV", CSV, false, ""},
		{"a.csv.gz", CSV, true, ""},
		{"a.jsonl", JSONL, false, ""},
		{"a.ndjson.gz", JSONL, true, ""},
		{"a.xlsx", XLSX, false, ""},
		{"a.xlsx.gz", XLSX, true, ""},
		{"a.xls", "", false, "a.xls: unknown table format; name it .csv, .xlsx or .jsonl, with .gz behind it to pack it"},
		{"a", "", false, "a: unknown table format; name it .csv, .xlsx or .jsonl, with .gz behind it to pack it"},
	} {
		f, gz, err := FormatOf(test.name)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if f != test.want || gz != test.gz && err == nil || text != test.err {
			t.Errorf("FormatOf(%q) = %v, %v, %v", test.name, f, gz, err)
		}
	}
}

func TestCSVBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	writeTable(t, path, Columns("Name", "=Note"), TableOptions{},
		[]string{"00042", ""},
		[]string{"a,b", `say "hi"`},
		[]string{"one\r\ntwo", " x "},
		[]string{"=1+1", "-5"},
		[]string{"=\"a\"", "a;b"},
		[]string{"sep=;", "ü"},
	)
	wantContent(t, path, "\ufeffName,'=Note\r\n"+
		"00042,\r\n"+
		"\"a,b\",\"say \"\"hi\"\"\"\r\n"+
		"\"one\r\ntwo\",\" x \"\r\n"+
		"'=1+1,-5\r\n"+
		"\"'=\"\"a\"\"\",\"a;b\"\r\n"+
		"\"sep=;\",ü\r\n")
}

func TestCSVRawAndSingleColumn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	writeTable(t, path, Columns("a"), TableOptions{RawFormulas: true}, []string{"=1+1"}, []string{""}, []string{"'=1"})
	wantContent(t, path, "\ufeffa\r\n=1+1\r\n\"\"\r\n'=1\r\n")
}

func TestEmptyTables(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a.csv", "a.csv.gz", "a.jsonl", "a.xlsx"} {
		writeTable(t, filepath.Join(folder, name), Columns("a", "b"), TableOptions{})
	}
	wantContent(t, filepath.Join(folder, "a.csv"), "\ufeffa,b\r\n")
	wantContent(t, filepath.Join(folder, "a.jsonl"), "")
	if got := readSheet(t, filepath.Join(folder, "a.xlsx")); !cmp.Equal(got, [][]string{{"a", "b"}}) {
		t.Errorf("a.xlsx: %q", got)
	}
}

func TestJSONLBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	header := []Column{{Name: `Na"me`}, {Name: "Value", Kind: Number}, {Name: "Due", Kind: Date}}
	table := writeTable(t, path, header, TableOptions{},
		[]string{"00042", "12.50", "2025-03-04"},
		[]string{"a\"\\\n\r\t\x01\u2028<&>", "-0.5", ""},
		[]string{"ü\xff𝄞", "007", "soon"},
		[]string{"=1+1", "1234567890123456", "x"},
	)
	wantContent(t, path, `{"Na\"me":"00042","Value":12.50,"Due":"2025-03-04"}
{"Na\"me":"a\"\\\n\r\t\u0001\u2028<&>","Value":-0.5,"Due":""}
{"Na\"me":"ü`+"\ufffd"+`𝄞","Value":"007","Due":"soon"}
{"Na\"me":"=1+1","Value":"1234567890123456","Due":"x"}
`)
	first, total := table.Notes()
	want := []Note{{Row: 3, Column: `Na"me`, Text: "bytes that are not UTF-8 were replaced by U+FFFD"}}
	if !cmp.Equal(first, want) || total != 1 {
		t.Errorf("notes: %v, %d", first, total)
	}
}

func TestJSONLColumnsOfOneName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	_, err := NewTable(path, Columns("a", "b", "a"), TableOptions{})
	if err == nil || !strings.Contains(err.Error(), `two columns are named "a"`) {
		t.Errorf("got %v", err)
	}
	if got := everything(t, filepath.Dir(path)); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestGzip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv.gz")
	writeTable(t, path, Columns("a"), TableOptions{}, []string{"x"})
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != "\ufeffa\r\nx\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestStream(t *testing.T) {
	for _, test := range []struct {
		format Format
		want   string
	}{
		{CSV, "a,b\r\n1,'=2\r\n"},
		{JSONL, `{"a":"1","b":"=2"}` + "\n"},
	} {
		var out bytes.Buffer
		table, err := NewStream(&out, "stdout", Columns("a", "b"), TableOptions{Format: test.format})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(table.Write([]string{"1", "=2"}), table.Commit()); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("%s: got %q, want %q", test.format, out.String(), test.want)
		}
	}
	if _, err := NewStream(io.Discard, "stdout", Columns("a"), TableOptions{Format: "xml"}); err == nil ||
		err.Error() != `stdout: create: unknown table format "xml"; choose csv, xlsx or jsonl` {
		t.Errorf("got %v", err)
	}
	if _, err := NewStream(io.Discard, "stdout", nil, TableOptions{Format: CSV}); err == nil {
		t.Errorf("a table without a column is no error")
	}
}

// brokenWriter fails once it has taken left bytes.
type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestStreamThatBreaks(t *testing.T) {
	for _, format := range []Format{CSV, JSONL, XLSX} {
		for _, gz := range []bool{false, true} {
			err := fillStream(&brokenWriter{left: 1000}, TableOptions{Format: format, Gzip: gz})
			if !errors.Is(err, errBroken) {
				t.Errorf("%s, gzip %v: got %v", format, gz, err)
			}
		}
	}
}

func fillStream(w io.Writer, o TableOptions) error {
	table, err := NewStream(w, "stdout", Columns("a"), o)
	if err != nil {
		return err
	}
	defer table.Abort()
	for i := range 50_000 {
		if err := table.Write([]string{strconv.Itoa(i * i)}); err != nil {
			return errors.Join(err, mustFail(table))
		}
	}
	return table.Commit()
}

// mustFail holds that a table once broken stays broken.
func mustFail(t *Table) error {
	if t.Write([]string{"x"}) == nil || t.Commit() == nil {
		return errors.New("a broken table went on")
	}
	return nil
}

func TestWrongNumberOfCells(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	table, err := NewTable(path, Columns("a", "b"), TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Write([]string{"1"}); err == nil || !strings.HasSuffix(err.Error(), "a row has 1 cells, the header 2") {
		t.Errorf("Write: %v", err)
	}
	if err := table.Commit(); err == nil {
		t.Error("Commit of a broken table succeeded")
	}
	if got := everything(t, filepath.Dir(path)); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
}

// TestCSVReadsBack holds that a standard reader sees the cells that were
// written, but for guards and the line breaks that it normalises.
func TestCSVReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 4).Draw(t, "width")
		cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab,;\"'=-+@ \t\n12.ü😀")), 0, 8, -1)
		rows := rapid.SliceOf(rapid.SliceOfN(cell, width, width)).Draw(t, "rows")
		var out bytes.Buffer
		table, err := NewStream(&out, "x", Columns(make([]string, width)...), TableOptions{Format: CSV})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if err := table.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := table.Commit(); err != nil {
			t.Fatal(err)
		}
		got, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range got {
			for i := range row {
				row[i] = Unguard(row[i])
			}
		}
		want := append([][]string{make([]string, width)}, rows...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestJSONReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		b, whole := appendJSON(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil || got != s || !whole {
			t.Fatalf("%q became %s, read back as %q, %v, %v", s, b, got, whole, err)
		}
	})
}

func TestIsDecimal(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, "-0.5": true, "12": true, "12.50": true, "123456789012345": true,
		"": false, "-": false, ".5": false, "5.": false, "007": false, "00": false, "+1": false, "1e5": false,
		"1.2.3": false, "1,5": false, "1234567890123456": false, "1x": false, "--1": false,
	} {
		if got := isDecimal(s); got != want {
			t.Errorf("isDecimal(%q) = %v", s, got)
		}
	}
}

func writeTable(t *testing.T, path string, header []Column, o TableOptions, rows ...[]string) *Table {
	t.Helper()
	table, err := NewTable(path, header, o)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Abort()
	for _, row := range rows {
		if err := table.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Commit(); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)
	if left := visible(t, filepath.Dir(path)); len(left) != len(everything(t, filepath.Dir(path))) {
		t.Errorf("something hidden is left: %q", everything(t, filepath.Dir(path)))
	}
	return table
}

func BenchmarkTable(b *testing.B) {
	row := []string{"1CG03GFNBH1NOBHOND0312RSO7BB9EGHHBX2", "Adopt the new dashboard", "On Track", "COMPANY", "IBM",
		"2025-03-04", "<p>Three teams, two regions; \"live\" by March</p>", "-12.5", "", "", "a;b", "USD"}
	header := Columns("Gsid", "Name", "StatusName", "EntityType", "CompanyName", "DueDate", "Description", "v", "x", "y", "CTA", "CurrencyIsoCode")
	for _, format := range []Format{CSV, JSONL, XLSX} {
		b.Run(string(format), func(b *testing.B) {
			b.ReportAllocs()
			table, err := NewStream(io.Discard, "x", header, TableOptions{Format: format})
			if err != nil {
				b.Fatal(err)
			}
			defer table.Abort()
			for i := 0; i < b.N; i++ {
				if format == XLSX && i > 0 && i%1_000_000 == 0 {
					table.Abort()
					if table, err = NewStream(io.Discard, "x", header, TableOptions{Format: format}); err != nil {
						b.Fatal(err)
					}
				}
				if err := table.Write(row); err != nil {
					b.Fatal(err)
				}
			}
			if err := table.Commit(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// TestNeedsQuotes puts every byte at every place of a long cell.
func TestNeedsQuotes(t *testing.T) {
	for at := range 20 {
		for b := range 256 {
			cell := []byte("twenty letters long.")
			cell[at] = byte(b)
			want := strings.IndexByte(",\"\n\r;\t|\x00", byte(b)) >= 0 || byte(b) == ' ' && (at == 0 || at == len(cell)-1)
			if got := needsQuotes(string(cell)); got != want {
				t.Errorf("%q: %t, want %t", cell, got, want)
			}
		}
	}
}
