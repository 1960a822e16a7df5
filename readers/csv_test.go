package readers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
)

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		name, content string
		o             readers.Options
		want          []string
	}{
		{"comma", "a,b\n1,2\n", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"semicolon with decimal commas", "a;b\n1,5;2,5\n3,5;4\n", readers.Options{}, []string{"a|b", "2|1,5|2,5", "3|3,5|4"}},
		{"tab", "a\tb\n1,2\t2\n", readers.Options{}, []string{"a|b", "2|1,2|2"}},
		{"pipe", "a|b\n1|2", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"delimiters inside quotes", "\"a;x;y\",b\n\"1;2;3\",2\n", readers.Options{}, []string{"a;x;y|b", "2|1;2;3|2"}},
		{"delimiter given", "a;b\n1;2\n", readers.Options{Delimiter: ','}, []string{"a;b", "2|1;2"}},
		{"sep line", "sep=;\r\na,x;b\r\n1;2\r\n", readers.Options{}, []string{"a,x|b", "2|1|2"}},
		{"quoted sep line", "\"sep=|\"\na|b\n1|2\n", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"CRLF", "a,b\r\n1,2\r\n", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"CR alone", "a,b\r1,2\r3,4\r", readers.Options{}, []string{"a|b", "2|1|2", "3|3|4"}},
		{"LF and CRLF mixed", "a,b\n1,2\r\n\"3\",4\r\n5,\"6\"\n", readers.Options{}, []string{"a|b", "2|1|2", "3|3|4", "4|5|6"}},
		{"no line end at the end", "a,b\n1,\"2\"", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"line breaks in quotes stay as they are", "a,b\r\n\"1\r\n2\n3\r4\",x\r\n", readers.Options{}, []string{"a|b", "2|1\r\n2\n3\r4|x"}},
		{"quotes in quotes", "a,b\n\"\"\"1\"\"\",\"\"\n", readers.Options{}, []string{"a|b", "2|\"1\"|"}},
		{"blanks kept", "a,b\n 1 ,\" 2 \"\n", readers.Options{}, []string{"a|b", "2| 1 | 2 "}},
		{"header trimmed", " a ,\u00a0b\u200b\n1,2\n", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"header only", "a,b\n", readers.Options{}, []string{"a|b"}},
		{"header only, without line end", "a,b", readers.Options{}, []string{"a|b"}},
		{"blank records", "\n,\na,b\n\n1,2\n , \n3,4\n\n\n", readers.Options{}, []string{"a|b", "5|1|2", "7|3|4"}},
		{"long row with blanks", "a,b\n1,2,, \n", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"columns without name or text", "a,,b,\n1,,2,\n", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"header row given", "Goals of 2025\n\n2024,2025\n1,2\n", readers.Options{HeaderRow: 3}, []string{"2024|2025", "4|1|2"}},
		{"one column", "name\nx\ny\n", readers.Options{}, []string{"name", "2|x", "3|y"}},
		{"UTF-8 mark", "\xEF\xBB\xBF\"a\",b\nä,2\n", readers.Options{}, []string{"a|b", "2|ä|2"}},
		{"UTF-16LE mark", "\xFF\xFEa\x00,\x00b\x00\n\x00\xe4\x00,\x00=\xd8\x00\xde\n\x00", readers.Options{}, []string{"a|b", "2|ä|😀"}},
		{"UTF-16BE mark", "\xFE\xFF\x00a\x00,\x00b\x00\n\x00\xe4\x00,\x002", readers.Options{}, []string{"a|b", "2|ä|2"}},
		{"UTF-16LE without mark", "a\x00\t\x00b\x00\n\x001\x00\t\x002\x00", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"UTF-16BE without mark", "\x00a\x00\t\x00b\x00\n\x001\x00\t\x002", readers.Options{}, []string{"a|b", "2|1|2"}},
		{"Windows-1252", "a,b\n\x93caf\xe9\x94,\x80\n", readers.Options{}, []string{"a|b", "2|“café”|€"}},
		{"Windows-1252 given", "a\n\xc3\xa9\n", readers.Options{Encoding: "windows-1252"}, []string{"a", "2|Ã©"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantRows(t, file(t, "a.csv", c.content), c.o, c.want...)
			wantRows(t, file(t, "a.csv.gz", packed(t, c.content)), c.o, c.want...)
		})
	}
}

func TestCSVErrors(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		name, content string
		o             readers.Options
		kind          error
		want          string
	}{
		{"short row", "a,b,c\n1,2,3\n1,2\n", readers.Options{}, readers.ErrRow, "a.csv:3: row has 2 cells, the header has 3; add the missing delimiters; if the delimiter is not ',', say --delimiter"},
		{"long row", "a;b\n1;2;x\n", readers.Options{}, readers.ErrRow, `a.csv:2:5: row has 3 cells, the header has 2: "x" is beyond the header`},
		{"text below a blank header", "a,,c\n1,2,3\n", readers.Options{}, readers.ErrRow, `a.csv:2:3: cell "2" is in a column without a header`},
		{"duplicate header", "Name,b,\"x\ny\", NAME\n", readers.Options{}, readers.ErrNotTable, `a.csv:2:4: header "NAME" stands also at a.csv:1:1; rename one of the two columns`},
		{"no header", "1,2\n3,4\n", readers.Options{}, readers.ErrNotTable, `a.csv:1: first row has no letter in any cell, so it is no header: "1, 2"`},
		{"header row beyond the end", "a\n", readers.Options{HeaderRow: 2}, readers.ErrNotTable, "a.csv: has no header: row 2 is blank or beyond the end"},
		{"header row blank", "a\n\nb\n", readers.Options{HeaderRow: 2}, readers.ErrNotTable, "a.csv: has no header: row 2 is blank or beyond the end"},
		{"unclosed quote", "a,b\n1,2\n\"3\n4,5\n", readers.Options{}, readers.ErrRow, "a.csv:3:1: quote opened here is never closed"},
		{"unclosed quote after a line break in quotes", "a,b\n\"1\n\",\"2\n3\n", readers.Options{}, readers.ErrRow, "a.csv:3:3: quote opened here is never closed"},
		{"bare quote", "a,b\n1,5\" pipe\n", readers.Options{}, readers.ErrRow, "a.csv:2:4: quote inside a cell that is not quoted"},
		{"text after quote", "a,b\n\"1\" x,2\n", readers.Options{}, readers.ErrRow, "a.csv:2:4: text after the closing quote of a cell that began in line 2, column 1"},
		{"CR in an LF file", "a,b\n1,x\ry\n", readers.Options{}, readers.ErrRow, "a.csv:2:4: carriage return outside quotes in a file whose lines end otherwise"},
		{"CR in an LF file, quotes", "a,b\n\"1\",x\ry\n", readers.Options{}, readers.ErrRow, "a.csv:2:6: carriage return outside quotes"},
		{"LF in a CR file", "a,b\r1,2\n3,4\r", readers.Options{}, readers.ErrRow, "a.csv:2:4: line feed outside quotes"},
		{"CRLF in a CR file", "a,b\r\"1\",2\r\n3,4\r", readers.Options{}, readers.ErrRow, "a.csv:3:1: line feed outside quotes"},
		{"NUL", "a,b\n1,\x00\n", readers.Options{}, readers.ErrDamaged, "a.csv:2:3: byte 0x00 is a NUL byte"},
		{"damaged UTF-8", "a,b\nä,2\n1,\xe4\n", readers.Options{}, readers.ErrDamaged, "a.csv:3:3: byte 0xE4 is not valid UTF-8, while other characters of the file seem to be"},
		{"not the given UTF-8", "a\n\xe4\n", readers.Options{Encoding: "utf-8"}, readers.ErrDamaged, "a.csv:2:1: byte 0xE4 is not valid UTF-8"},
		{"not the UTF-8 of its mark", "\xEF\xBB\xBFa\n\xe4\n", readers.Options{}, readers.ErrDamaged, "a.csv:2:1: byte 0xE4 is not valid UTF-8"},
		{"neither UTF-8 nor Windows-1252", "a\nx\x81\n", readers.Options{}, readers.ErrDamaged, "a.csv:2:2: bytes 81 are no text in windows-1252"},
		{"half a UTF-16 unit", "\xFF\xFEa\x00\n\x00b", readers.Options{}, readers.ErrDamaged, "a.csv:2:1: bytes 62 are no text in utf-16le"},
		{"half a surrogate pair", "\xFF\xFEa\x00\n\x00=\xd8b\x00", readers.Options{}, readers.ErrDamaged, "a.csv:2:1: bytes 3D D8 are no text in utf-16le"},
		{"NUL in UTF-16", "\xFF\xFEa\x00\n\x00\x00\x00", readers.Options{}, readers.ErrDamaged, "a.csv:2:1: bytes 00 00 are no text in utf-16le"},
		{"UTF-32", "\xFF\xFE\x00\x00a\x00\x00\x00", readers.Options{}, readers.ErrNotTable, "a.csv: is written in UTF-32"},
		{"mark against option", "\xFF\xFEa\x00", readers.Options{Encoding: "utf-8"}, readers.ErrOption, "a.csv: begins with the mark of utf-16le, but --encoding says utf-8"},
		{"record too long", "a,b\n" + long + ",1\n", readers.Options{Limits: readers.Limits{Record: 100}}, readers.ErrLimit, "a.csv:2:1: record is longer than 100 bytes; check that every quote is closed"},
		{"too many columns", "a,b,c\n", readers.Options{Limits: readers.Limits{Columns: 2}}, readers.ErrLimit, "a.csv:1: record has more than 2 cells"},
		{"too many rows", "a\n1\n2\n3\n", readers.Options{Limits: readers.Limits{Rows: 2}}, readers.ErrLimit, "a.csv:4: table has more than 2 rows; split the file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, file(t, "a.csv", c.content), c.o, c.kind, c.want)
		})
	}
}

func TestCutAndPackedFiles(t *testing.T) {
	whole := packed(t, "a,b\n"+strings.Repeat("1,2\n", 1000))
	wantError(t, file(t, "a.csv.gz", whole[:len(whole)-5]), readers.Options{}, readers.ErrDamaged, "a.csv.gz: is damaged or cut off")
	wantError(t, file(t, "a.csv.gz", whole[:5]), readers.Options{}, readers.ErrDamaged, "a.csv.gz: is damaged or cut off")
	bomb := packed(t, "a,b\n"+strings.Repeat("1,2\n", 1<<20))
	wantError(t, file(t, "a.csv.gz", bomb), readers.Options{}, readers.ErrLimit, "a.csv.gz: unpacks to more than 200 times its size")
}

func TestCSVPlaces(t *testing.T) {
	content := "sep=,\n\"a\",\"b\",c\n1,\"x\r\ny\",3\n\"ä\n\n\",5,\"6\"\n7,8,9\n"
	table, err := readers.Open(context.Background(), file(t, "a.csv", content), readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	var got []string
	for col := range table.Header() {
		got = append(got, table.HeaderPlace(col).String())
	}
	var first readers.Row
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if first.Cells == nil {
			first = row
		}
		for col := -1; col < 3; col++ {
			got = append(got, row.Place(col).String())
		}
	}
	got = append(got, first.Place(1).String(), table.HeaderPlace(9).String())
	want := []string{
		"a.csv:2:1", "a.csv:2:5", "a.csv:2:9",
		"a.csv:3", "a.csv:3:1", "a.csv:3:3", "a.csv:4:4",
		"a.csv:5", "a.csv:5:1", "a.csv:7:3", "a.csv:7:5",
		"a.csv:8", "a.csv:8:1", "a.csv:8:3", "a.csv:8:5",
		"a.csv:3", "a.csv",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("places (-want +got):\n%s", d)
	}
}

func TestCSVNotices(t *testing.T) {
	notices := wantRows(t, file(t, "a.csv", "a\n\xe4\n\n\nx\n\n"), readers.Options{}, "a", "2|ä", "5|x")
	want := []string{
		"the file is not UTF-8 and was read as Windows-1252; check accents and dashes, or name its charset with --encoding",
		"2 blank rows between the others skipped",
	}
	if d := cmp.Diff(want, notices); d != "" {
		t.Error(d)
	}
}

// A charset must be judged by the whole file: the byte that tells stands far
// behind the first block, or a rune lies across its border.
func TestCharsetOfALongFile(t *testing.T) {
	for _, n := range []int{256<<10 - 3, 256<<10 - 2, 256<<10 - 1} {
		filler := "a\n" + strings.Repeat("x", n-2) + "\n"
		wantRows(t, file(t, "a.csv", filler+"€\n"), readers.Options{}, "a", "2|"+strings.Repeat("x", n-2), "3|€")
		wantRows(t, file(t, "a.csv", filler+"\x80\n"), readers.Options{}, "a", "2|"+strings.Repeat("x", n-2), "3|€")
		wantError(t, file(t, "a.csv", filler+"€\n\x80\n"), readers.Options{}, readers.ErrDamaged, "a.csv:4:1: byte 0x80")
		wantError(t, file(t, "a.csv", "€"+filler+"\xe2\x82"), readers.Options{}, readers.ErrDamaged, "a.csv:3:1: byte 0xE2")
	}
}

// TestCharsetAtBorders puts characters, whole and broken, over the border of
// what is read at once.
func TestCharsetAtBorders(t *testing.T) {
	const border = 256 << 10
	line := strings.Repeat("x", 63) + "\n"
	filler := "head\n" + strings.Repeat(line, border/len(line))
	for shift := range 8 {
		before := filler[:border-shift]
		for _, c := range []struct {
			middle string
			at     int // of the wrong byte in it
			want   string
		}{
			{"€uro", 0, ""}, {"😀", 0, ""}, {"\xe2\x82", 0, "byte 0xE2"}, {"\xf0\x9f\x98", 0, "byte 0xF0"}, {"\x80\x80\x80\x80\x80", 0, "byte 0x80"}, {"€\x82", 3, "byte 0x82"}, {"\x00", 0, "byte 0x00"},
		} {
			place := fmt.Sprintf("a.csv:%d:%d: ", 1+strings.Count(before, "\n"), border-shift-strings.LastIndexByte(before, '\n')+c.at)
			path := file(t, "a.csv", before+c.middle+strings.Repeat("y", shift%4)+"\nlast\n")
			o := readers.Options{Encoding: "utf-8"}
			wantBlocks(t, path, o)
			if c.want != "" {
				wantError(t, path, o, readers.ErrDamaged, place+c.want)
			}
			o.Encoding = ""
			wantBlocks(t, path, o)
			if c.want == "" || c.at > 0 || c.middle == "\x00" {
				continue
			}
			decoded := map[string]string{"\xe2\x82": "â‚", "\xf0\x9f\x98": "ðŸ˜", "\x80\x80\x80\x80\x80": "€€€€€"}[c.middle]
			rows := rowsOf(t, path, o)
			if n := len(rows); rows[n-1] != "last" || rows[n-2] != before[strings.LastIndexByte(before, '\n')+1:]+decoded+strings.Repeat("y", shift%4) {
				t.Errorf("%q, %d before the border: the last rows are %q", c.middle, shift, rows[n-2:])
			}
		}
	}
}

func rowsOf(t *testing.T, path string, o readers.Options) (rows []string) {
	t.Helper()
	table, err := readers.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Clone(row.Cells[0].Text))
	}
	return rows
}
