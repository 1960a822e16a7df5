package readers_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gsbatch/readers"
)

// unusual is a part in which no cell or shared string has the usual form, and
// all mean the same.
func unusual(part string) string {
	return strings.NewReplacer("<c ", "<c\t", "<si>", "<si >").Replace(part)
}

// readingOf reads a workbook of these parts.
func readingOf(t *testing.T, path string, p map[string]string) (r reading) {
	t.Helper()
	if err := os.WriteFile(path, []byte(build(t, p)), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := readers.Open(context.Background(), path, readers.Options{Sheet: "S"})
	if err != nil {
		return reading{err: err.Error()}
	}
	defer table.Close()
	return inOrder(table)
}

// comparesUsual wants the same of a sheet and of its unusual form. A quoted
// piece of the sheet in an error shows which it is.
func comparesUsual(t *testing.T, path string, p map[string]string) {
	t.Helper()
	got := readingOf(t, path, p)
	sheet, table := p[sheet1], p[sharedPart]
	if p[sheet1] = unusual(sheet); table != "" {
		p[sharedPart] = unusual(table)
	}
	want := readingOf(t, path, p)
	p[sheet1] = sheet
	if table != "" {
		p[sharedPart] = table
	}
	got.err, want.err = strings.ReplaceAll(got.err, "<c ", `<c\t`), strings.ReplaceAll(want.err, "<si >", "<si>")
	if d := cmp.Diff(want, got, cmp.AllowUnexported(reading{})); d != "" {
		t.Errorf("unusual (-) and usual (+):\n%s\n%s", d, sheet)
	}
}

const sharedPart = "xl/sharedStrings.xml"

// usualParts are a workbook of cells in all forms, usual and other.
func usualParts() map[string]string {
	p := parts("")
	rows := header
	for i, cells := range []string{
		`<c r="A#" t="s"><v>0</v></c><c r="B#"><v>1.50</v></c>`, `<c r="A#" s="1"><v>45000</v></c><c r="B#" s="1"/>`, `<c r="A#" t="inlineStr"><is><t>x &amp; y</t></is></c>`,
		`<c r="A#" t="inlineStr"><is><t xml:space="preserve"> a_x0041_ </t></is></c><c r="B#" t="str"><f>1</f><v>é_x000D_</v></c>`, `<c r="A#" t="b"><v>1</v></c><c r="B#" t="e"><v>#N/A</v></c>`,
		`<c t="d" r="A#"><v>2025-03-04</v></c><c r="B#" t="s"><v>2</v></c>`, `<c r="A#"><f>A1</f></c><c r="B#"><v></v></c>`, `<c r="A#" t="n"><v>007</v></c><c r="B#" t="s"><v>3</v></c>`,
		`<c r="A#" t="inlineStr"><is><r><t>ri</t></r><r><t>ch</t></r></is></c><c r="B#" t="inlineStr"><is><t/></is></c>`, `<c r="A#" t="str"><v>a]]&gt;b</v></c>`, `<c><v>1</v></c>`,
	} {
		n := strconv.Itoa(i + 2)
		rows += `<row r="` + n + `">` + strings.ReplaceAll(cells, "#\"", n+"\"") + `</row>`
	}
	p[sheet1] = sheetXML(rows)
	return p
}

// TestUsualCells reads cells in their usual form and in another, whole and broken.
func TestUsualCells(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xlsx")
	p := usualParts()
	comparesUsual(t, path, p)
	if got := readingOf(t, path, p); got.err != "" || len(got.rows) != 11 {
		t.Fatalf("%d rows, %s", len(got.rows), got.err)
	}
	for _, odd := range []string{
		`<c r="A2" r="A2"><v>1</v></c>`, `<c r="A2" t="s" t="s"><v>1</v></c>`, `<c r="A2" t="s"><v>99</v></c>`, `<c r="B2"><v>1</v></c><c r="A2"><v>1</v></c>`, `<c r="A3"><v>1</v></c>`,
		`<c r="A2" s="99"><v>1</v></c>`, `<c r="A2" t="x"><v>1</v></c>`, `<c r="A2" q="x"><v>1</v></c>`, `<c r="A2" t="inlineStr"><v>1</v></c>`, `<c r="A2"><is><t>1</t></is></c>`,
		`<c r="A2" t="b"><v>2</v></c>`, `<c r="A2"><v>1</v><v>1</v></c>`, `<c r="A2"><v>&bad;</v></c>`, `<c r="A2"><v>a>b</v></c>`, `<c r="A2" t="str"><v>]]></v></c>`, `<c r="A2" t="str"><v>` + "\x01" + `</v></c>`,
		`<c r="A2"><v>1</v></x>`, `<c r="A2"/ >`, `<c r="A2"><v xml:space="preserve">1</v></c>`, `<c r="A2" t="str"><v>a` + "\r\n" + `b</v></c>`, `<c/><c r="C2"/>`, `<c r="ZZZZ2"><v>1</v></c>`, `<c r="A02"><v>1</v></c>`,
	} {
		q := usualParts()
		q[sheet1] = sheetXML(header + `<row r="2">` + odd + `</row>`)
		comparesUsual(t, path, q)
	}
	rng := rand.New(rand.NewPCG(11, 12))
	whole, table := p[sheet1], p[sharedPart]
	for range mutations(t) / 4 {
		p[sheet1], p[sharedPart] = string(mutate(rng, []byte(whole))), table
		comparesUsual(t, path, p)
		p[sheet1], p[sharedPart] = whole, string(mutate(rng, []byte(table)))
		comparesUsual(t, path, p)
		if t.Failed() {
			return
		}
	}
}

// TestLongSharedStrings reads strings that fill the pieces of the table in odd ways.
func TestLongSharedStrings(t *testing.T) {
	var table, rows strings.Builder
	var want []string
	for i, n := range []int{0, 1, 1<<20 - 1, 0, 1, 1 << 20, 1<<20 + 1, 5, 1 << 19, 1 << 19, 1, 1<<20 - 2, 2, 3} {
		text := strings.Repeat(string(rune('a'+i)), n)
		table.WriteString("<si><t>" + text + "</t></si>")
		rows.WriteString(`<row><c><v>1</v></c><c t="s"><v>` + strconv.Itoa(i) + `</v></c></row>`)
		want = append(want, text)
	}
	p := parts(`<row><c t="str"><v>x</v></c><c t="str"><v>y</v></c></row>` + rows.String())
	p[sharedPart] = "<sst " + mainNS + ">" + table.String() + "</sst>"
	path := filepath.Join(t.TempDir(), "a.xlsx")
	if err := os.WriteFile(path, []byte(build(t, p)), 0o600); err != nil {
		t.Fatal(err)
	}
	workbook, err := readers.Open(context.Background(), path, readers.Options{Limits: readers.Limits{Ratio: -1}})
	if err != nil {
		t.Fatal(err)
	}
	defer workbook.Close()
	i := 0
	for row, err := range workbook.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if row.Cells[1].Text != want[i] {
			t.Errorf("string %d has %d letters, want %d", i, len(row.Cells[1].Text), len(want[i]))
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d rows, want %d", i, len(want))
	}
}

// TestNothingReadsOn leaves a large sheet after a row, and wants no goroutine
// to go on with it.
func TestNothingReadsOn(t *testing.T) {
	path := benchXLSX(t, 20_000)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for range 20 {
		table, err := readers.Open(context.Background(), path, readers.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range table.Rows() {
			break
		}
		blocks, err := table.Blocks()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blocks.Next(); err != nil {
			t.Fatal(err)
		}
		if err := blocks.Close(); err != nil {
			t.Fatal(err)
		}
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
