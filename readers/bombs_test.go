package readers_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"gsbatch/readers"
)

// packedParts zips parts that are written in pieces, so that a bomb need not be
// held whole.
func packedParts(t testing.TB, parts map[string]func(io.Writer)) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, write := range parts {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		write(w)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// again writes head, n times piece, and tail.
func again(head, piece string, n int, tail string) func(io.Writer) {
	return func(w io.Writer) {
		_, _ = io.WriteString(w, head)
		many := strings.Repeat(piece, 1+(1<<20)/len(piece))
		for left := n * len(piece); left > 0; left -= len(many) {
			_, _ = io.WriteString(w, many[:min(left, len(many))])
		}
		_, _ = io.WriteString(w, tail)
	}
}

// bombed is a small workbook with one part replaced.
func bombed(t testing.TB, name string, write func(io.Writer)) string {
	t.Helper()
	all := map[string]func(io.Writer){}
	for part, text := range parts(mutableRows()) {
		all[part] = again(text, " ", 0, "")
	}
	all[name] = write
	return packedParts(t, all)
}

// lol is a document type whose entities unpack to 10^depth times "lol".
func lol(depth int) string {
	text := `<!DOCTYPE x [<!ENTITY e0 "lol">`
	for i := 1; i <= depth; i++ {
		text += fmt.Sprintf(`<!ENTITY e%d "%s">`, i, strings.Repeat(fmt.Sprintf("&e%d;", i-1), 10))
	}
	return text + "]>"
}

// bombs are 20 files that are small and would cost much.
func bombs(t testing.TB) map[string]string {
	t.Helper()
	sheet := "<worksheet " + mainNS + "><sheetData>" + header
	end := "</sheetData></worksheet>"
	sst := "<sst " + mainNS + ">"
	row := `<row><c t="s"><v>0</v></c></row>`
	files := map[string]string{
		"sheet of blanks.xlsx":          bombed(t, sheet1, again(sheet, "    ", 2<<20, end)),
		"sheet of rows.xlsx":            bombed(t, sheet1, again(sheet, row, 1<<20, end)),
		"sheet of cells.xlsx":           bombed(t, sheet1, again(sheet+`<row>`, `<c t="s"><v>0</v></c>`, 1<<20, "</row>"+end)),
		"one long text.xlsx":            bombed(t, sheet1, again(sheet+`<row><c t="str"><v>`, "aaaaaaaa", 2<<20, "</v></c></row>"+end)),
		"one long comment.xlsx":         bombed(t, sheet1, again(sheet+"<!--", "aaaaaaaa", 2<<20, "-->"+end)),
		"one long attribute.xlsx":       bombed(t, sheet1, again(sheet+`<row a="`, "aaaaaaaa", 2<<20, `"></row>`+end)),
		"many attributes.xlsx":          bombed(t, sheet1, again(sheet+`<row `, `a="b" `, 2<<20, `></row>`+end)),
		"deep nesting.xlsx":             bombed(t, sheet1, again(sheet, "<a>", 1<<20, end)),
		"entities in the sheet.xlsx":    bombed(t, sheet1, again(lol(9)+sheet, "<row><c><v>&e9;</v></c></row>", 1, end)),
		"entities in the strings.xlsx":  bombed(t, "xl/sharedStrings.xml", again(lol(9)+sst, "<si><t>&e9;</t></si>", 1, "</sst>")),
		"entities in the workbook.xlsx": bombed(t, "xl/workbook.xml", again(lol(9)+"<workbook>", "&e9;", 1, "</workbook>")),
		"shared strings.xlsx":           bombed(t, "xl/sharedStrings.xml", again(sst, "<si><t>a</t></si>", 1<<20, "</sst>")),
		"one long shared string.xlsx":   bombed(t, "xl/sharedStrings.xml", again(sst+"<si><t>", "aaaaaaaa", 2<<20, "</t></si></sst>")),
		"styles.xlsx":                   bombed(t, "xl/styles.xml", again("<styleSheet "+mainNS+"><cellXfs>", `<xf numFmtId="200"/>`, 1<<20, "</cellXfs></styleSheet>")),
		"relationships.xlsx":            bombed(t, "xl/_rels/workbook.xml.rels", again("<Relationships>", `<Relationship Id="r1" Target="a"/>`, 1<<20, "</Relationships>")),
		"a part nobody reads.xlsx":      bombed(t, "xl/media/image1.png", again("", "aaaaaaaa", 2<<20, "")),
		"far row number.xlsx":           bombed(t, sheet1, again(sheet, `<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>`, 1, end)),
	}
	inner := packed(t, strings.Repeat("a,b\n", 2<<20))
	files["lines.csv.gz"] = inner
	files["one line.csv.gz"] = packed(t, "a,b\n"+strings.Repeat("a", 10<<20))
	files["lines.jsonl.gz"] = packed(t, strings.Repeat("{\"a\":1}\n", 1<<20))
	return files
}

// TestBombs: each is refused for less than 200 MB; and with the limit of the
// ratio lifted, so that what is inside is met, none costs more.
func TestBombs(t *testing.T) {
	files := bombs(t)
	var longest, inside time.Duration
	var largest uint64
	for name, content := range files {
		path := file(t, name, content)
		n, took, cost, err := costOf(path, readers.Options{})
		if err == nil {
			t.Errorf("%s of %d bytes: %d rows and no error", name, len(content), n)
		}
		longest, largest = max(longest, took), max(largest, cost)
		_, took, cost, _ = costOf(path, readers.Options{Limits: readers.Limits{Ratio: -1}}) // some are tables then
		inside, largest = max(inside, took), max(largest, cost)
		if largest > 200<<20 {
			t.Errorf("%s: %d MB", name, largest>>20)
		}
	}
	t.Logf("promise S4: %d bombs refused, the slowest in %v; read in spite of their ratio, the slowest in %v; at most %d MB allocated",
		len(files), longest.Round(10*time.Microsecond), inside.Round(time.Millisecond), largest>>20)
}

// costOf reads a file and says how long that took and what it allocated in all.
func costOf(path string, o readers.Options) (rows int, took time.Duration, allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	rows, err = readCount(path, o)
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	return rows, took, after.TotalAlloc - before.TotalAlloc, err
}
