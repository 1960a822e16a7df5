package writers

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// marked are rows to mark.
func marked(rows ...MarkedRow) iter.Seq2[MarkedRow, error] {
	return func(yield func(MarkedRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

const (
	xmlHead    = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainSpace  = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	relSpace   = `xmlns="http://schemas.openxmlformats.org/package/2006/relationships"`
	testStyles = `<styleSheet ` + mainSpace + `><fonts count="1"><font><sz val="11"/></font></fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor theme="4" tint="0.5"/><bgColor indexed="64"/></patternFill></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="14" fontId="0" fillId="2" borderId="0" xfId="0" applyNumberFormat="1"><alignment horizontal="right"/><protection locked="0"/></xf><xf numFmtId="9" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs></styleSheet>`
	sheetHead  = `<worksheet ` + mainSpace + `>`
)

// plainBook is the parts of a workbook of one sheet, Goals.
func plainBook(sheet string) map[string]string {
	return map[string]string{
		"[Content_Types].xml":        xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`,
		"_rels/.rels":                xmlHead + `<Relationships ` + relSpace + `><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            xmlHead + `<workbook ` + mainSpace + `><sheets><sheet name="Goals" sheetId="1" r:id="rId1"/></sheets><definedNames><definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">Goals!$A$1:$B$9</definedName><definedName name="Mine">Goals!$A$1:$B$9</definedName></definedNames></workbook>`,
		"xl/_rels/workbook.xml.rels": xmlHead + `<Relationships ` + relSpace + `><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`,
		"xl/styles.xml":              xmlHead + testStyles,
		"xl/worksheets/sheet1.xml":   xmlHead + sheetHead + sheet + `</worksheet>`,
	}
}

func packed(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, parts[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// marking marks a workbook and gives the copy's parts.
func marking(t testing.TB, book []byte, o MarkOptions, rows ...MarkedRow) (string, map[string]string) {
	t.Helper()
	o.Source, o.Size = bytes.NewReader(book), int64(len(book))
	if o.Sheet == "" {
		o.Sheet = "Goals"
	}
	if o.HeaderRow == 0 {
		o.HeaderRow = 1
	}
	if o.Header == nil {
		o.Header = []string{"Name", "Status"}
	}
	for i := len(o.Columns); i < len(o.Header); i++ {
		o.Columns = append(o.Columns, i)
	}
	path, err := MarkBook(filepath.Join(t.TempDir(), "errors"), o, marked(rows...))
	if err != nil {
		t.Fatal(err)
	}
	parts := unpacked(t, path)
	for name, text := range parts {
		if strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".rels") || strings.HasSuffix(name, ".vml") {
			wellFormed(t, name, text)
		}
	}
	return path, parts
}

func unpacked(t testing.TB, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	parts := map[string]string{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(text)
	}
	return parts
}

func wellFormed(t testing.TB, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
	}
}

// has wants texts in a part, in this order.
func has(t *testing.T, part string, texts ...string) {
	t.Helper()
	rest := part
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Errorf("no %s (in this order) in\n%s", text, part)
			return
		}
		rest = after
	}
}

const twoRows = `<sheetData><row r="1" spans="1:2"><c r="A1" t="inlineStr"><is><t>Name</t></is></c><c r="B1" t="inlineStr"><is><t>Status</t></is></c></row>` +
	`<row r="2" spans="1:2" hidden="1" ht="30"><c r="A2" t="inlineStr"><is><r><rPr><b/></rPr><t>ri</t></r><r><t>ch</t></r></is></c><c r="B2" s="1"><v>44000</v></c></row>` +
	`<row r="3"><c r="A3" s="2"><f>1+1</f><v>2</v></c></row></sheetData>`

func TestMarksInPlace(t *testing.T) {
	book := plainBook(`<dimension ref="A1:B3"/><sheetViews><sheetView workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols><col min="1" max="1" width="20" customWidth="1"/><col min="3" max="16384" width="9" hidden="1" style="2"/></cols>` + twoRows +
		`<sheetProtection sheet="1" password="CC1A"/><autoFilter ref="A1:B3"><filterColumn colId="1"/></autoFilter><mergeCells count="1"><mergeCell ref="E9:F9"/></mergeCells><pageMargins left="1" right="1" top="1" bottom="1" header="0" footer="0"/><extLst><ext uri="{X}"/></extLst>`)
	path, parts := marking(t, packed(t, book), MarkOptions{},
		MarkedRow{Row: 2, Bad: []BadCell{{1, "not <a> \"status\""}}, Problem: "p & q", Status: "invalid", Run: "r1"},
		MarkedRow{Row: 3, Bad: []BadCell{{1, "blank"}, {-1, "all"}}, Problem: "x", Status: "rejected", Run: "r1"})
	if filepath.Base(path) != "errors.xlsx" {
		t.Errorf("the copy is %s", path)
	}
	sheet := parts["xl/worksheets/sheet1.xml"]
	has(t, sheet, `<dimension ref="A1:F3"/>`, `<col min="1" max="1" width="20" customWidth="1"/><col min="3" max="3" width="60" customWidth="1"/>`, `<col min="7" max="16384" width="9" hidden="1" style="2"/></cols>`,
		`<c r="C1" t="inlineStr"><is><t xml:space="preserve">_problem</t></is></c>`, `_status`, `_run`, `_line`,
		`<row r="2" spans="1:6" hidden="1" ht="30"><c r="A2" t="inlineStr"><is><r><rPr><b/></rPr><t>ri</t></r><r><t>ch</t></r></is></c><c r="B2" s="3"><v>44000</v></c>`, `p &amp; q`,
		`<c r="A3" s="2"><f>1+1</f><v>2</v></c><c r="B3" s="4"/><c r="C3" s="5" t="inlineStr">`,
		`<sheetProtection sheet="1" password="CC1A"/><autoFilter ref="A1:F3"><filterColumn colId="1"/></autoFilter><mergeCells`, `<legacyDrawing `, `r:id="rIdGsbatch2"/><extLst>`)
	has(t, parts["xl/styles.xml"], `<fills count="5">`, `<fgColor rgb="FFFFC7CF"/><bgColor theme="4" tint="0.5"/>`, `<cellXfs count="6">`,
		`<xf numFmtId="14" fontId="0" fillId="3" borderId="0" xfId="0" applyNumberFormat="1" applyFill="1"><alignment horizontal="right"/><protection locked="0"/></xf>`)
	has(t, parts["xl/workbook.xml"], `hidden="1">'Goals'!$A$1:$F$3</definedName><definedName name="Mine">Goals!$A$1:$B$9</definedName>`)
	has(t, parts["xl/comments1.xml"], `<comment ref="B2" authorId="0">`, `gsbatch: not &lt;a&gt; &quot;status&quot;`, `ref="B3"`, `ref="C3"`)
	has(t, parts["xl/drawings/vmlDrawing1.vml"], `<x:Row>1</x:Row><x:Column>1</x:Column>`)
	has(t, parts["[Content_Types].xml"], `Extension="vml"`, `/xl/comments1.xml`)
	for _, same := range []string{"_rels/.rels", "xl/_rels/workbook.xml.rels"} {
		if parts[same] != book[same] {
			t.Errorf("%s changed", same)
		}
	}
}

// What an earlier copy marked and is good now is as it was before that.
func TestMarksAreTakenOff(t *testing.T) {
	book := plainBook(`<cols><col min="1" max="1" width="20" customWidth="1"/></cols>` + twoRows)
	book["xl/worksheets/_rels/sheet1.xml.rels"] = xmlHead + `<Relationships ` + relSpace + `><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments" Target="../comments1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/vmlDrawing" Target="../drawings/vmlDrawing1.vml"/></Relationships>`
	book["xl/worksheets/sheet1.xml"] = strings.Replace(book["xl/worksheets/sheet1.xml"], "</worksheet>", `<legacyDrawing r:id="rId2"/></worksheet>`, 1)
	book["xl/comments1.xml"] = xmlHead + `<comments ` + mainSpace + `><authors><author>Ann</author></authors><commentList><comment ref="B2" authorId="0"><text><t>mine</t></text></comment><comment ref="A1" authorId="0"><text><r><t>head</t></r></text></comment></commentList></comments>`
	book["xl/drawings/vmlDrawing1.vml"] = `<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout><v:shape id="_x0000_s1025"><x:ClientData ObjectType="Note"><x:Row>1</x:Row><x:Column>1</x:Column></x:ClientData></v:shape></xml>`
	first, one := marking(t, packed(t, book), MarkOptions{FillGsid: true, Gsid: -1},
		MarkedRow{Row: 2, Bad: []BadCell{{1, "bad status"}, {0, "bad name"}}, Problem: "both", Status: "invalid", Run: "r1"},
		MarkedRow{Row: 3, Gsid: "1CG0", Status: "created", Run: "r1"})
	has(t, one["xl/comments1.xml"], `<author>gsbatch</author></authors>`, `<text><r><t>mine</t></r><r>`, "\n\ngsbatch: bad status", `<comment ref="A1"`, `<comment ref="A2" authorId="1">`)
	has(t, one["xl/drawings/vmlDrawing1.vml"], `data="1,100"`, `<x:Row>1</x:Row><x:Column>1</x:Column>`, `<x:Row>1</x:Row><x:Column>0</x:Column>`)
	text, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	header := []string{"Name", "Status", "Gsid", "_problem", "_status", "_run", "_line"}
	_, two := marking(t, text, MarkOptions{Header: header, Gsid: 2, FillGsid: true},
		MarkedRow{Row: 2, Gsid: "1CG1", Status: "created", Run: "r2"},
		MarkedRow{Row: 3, Gsid: "1CG0", Bad: []BadCell{{1, "now this"}}, Problem: "new", Status: "invalid", Run: "r2"})
	sheet := two["xl/worksheets/sheet1.xml"]
	has(t, sheet, `<c r="C2" t="inlineStr"><is><t xml:space="preserve">1CG1</t></is></c><c r="D2"/>`, `<c r="B3" s="`, `>1CG0<`, `>new<`)
	if strings.Contains(sheet, "H1") {
		t.Errorf("more columns were added: %s", sheet)
	}
	comments := two["xl/comments1.xml"]
	has(t, comments, `<comment ref="B2" authorId="0"><text><r><t>mine</t></r></text></comment>`, `<comment ref="B3" authorId="1">`)
	if strings.Contains(comments, "bad ") || strings.Contains(two["xl/drawings/vmlDrawing1.vml"], "<x:Column>0<") {
		t.Errorf("old comments stay: %s", comments)
	}
	if red := redCells(t, two); !slices.Equal(red, []string{"B3"}) {
		t.Errorf("red are %v", red)
	}
	if fill := fillOfCell(t, two, "B2"); fill != `<fgColor theme="4" tint="0.5"/>` {
		t.Errorf("the fill of B2 is %s now", fill)
	}
}

// Comments are known when another program has saved the copy, without authors
// and with runs put together.
func TestMarksThatAnotherProgramSaved(t *testing.T) {
	book := plainBook(twoRows + `<legacyDrawing r:id="rId2"/>`)
	book["docProps/app.xml"] = `<Properties><Application>LibreOffice/7.4</Application></Properties>`
	book["xl/styles.xml"] = strings.Replace(book["xl/styles.xml"], `<fgColor theme="4" tint="0.5"/><bgColor indexed="64"/>`, `<fgColor rgb="FFFFC7CF"/><bgColor rgb="FFCCCCFF"/>`, 1)
	book["xl/worksheets/_rels/sheet1.xml.rels"] = xmlHead + `<Relationships ` + relSpace + `><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments" Target="../comments1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/vmlDrawing" Target="../drawings/vmlDrawing1.vml"/></Relationships>`
	book["xl/comments1.xml"] = xmlHead + `<comments ` + mainSpace + `><authors><author> </author></authors><commentList><comment ref="B2" authorId="0"><text><t>mine&#10;&#10;gsbatch: old</t><rPh sb="0" eb="1"><t>x</t></rPh></text></comment><comment ref="A2" authorId="0"><text><r><t>` + "\n" + `gsbatch: </t></r><r><t>old</t></r></text></comment><comment ref="A1" authorId="0"><text><t>theirs</t></text></comment></commentList></comments>`
	book["xl/drawings/vmlDrawing1.vml"] = `<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shape id="a"><x:ClientData ObjectType="Note"><x:Row>1</x:Row><x:Column>0</x:Column></x:ClientData></v:shape><v:shape id="b"><x:ClientData ObjectType="Note"><x:Row>1</x:Row><x:Column>1</x:Column></x:ClientData></v:shape></xml>`
	_, parts := marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2, Bad: []BadCell{{-1, "row"}}, Problem: "p"}, MarkedRow{Row: 3})
	has(t, parts["xl/comments1.xml"], `<author>gsbatch</author>`, `<comment ref="B2" authorId="0"><text><t>mine</t><rPh sb="0" eb="1"><t>x</t></rPh></text></comment><comment ref="A1" authorId="0"><text><t>theirs</t></text></comment><comment ref="C2" authorId="1">`)
	if drawing := parts["xl/drawings/vmlDrawing1.vml"]; strings.Contains(drawing, `id="a"`) || !strings.Contains(drawing, `id="b"`) {
		t.Errorf("the drawing is %s", drawing)
	}
	if fill := fillOfCell(t, parts, "B2"); fill != "" {
		t.Errorf("the fill of B2 is %s", fill)
	}
	_, parts = marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2, Bad: []BadCell{{1, "new"}}, Problem: "p"}, MarkedRow{Row: 3})
	has(t, parts["xl/comments1.xml"], `<text><r><t>mine</t></r><r>`, "gsbatch: new</t></r><rPh")
}

// redCells are the cells whose format has the red fill.
func redCells(t *testing.T, parts map[string]string) []string {
	t.Helper()
	var sheet struct {
		Cells []struct {
			Ref string `xml:"r,attr"`
		} `xml:"sheetData>row>c"`
	}
	if err := xml.Unmarshal([]byte(parts["xl/worksheets/sheet1.xml"]), &sheet); err != nil {
		t.Fatal(err)
	}
	var red []string
	for _, c := range sheet.Cells {
		if strings.Contains(fillOfCell(t, parts, c.Ref), badColor) {
			red = append(red, c.Ref)
		}
	}
	return red
}

// fillOfCell is the fgColor element of a cell's fill.
func fillOfCell(t *testing.T, parts map[string]string, ref string) string {
	t.Helper()
	_, after, _ := strings.Cut(parts["xl/worksheets/sheet1.xml"], `<c r="`+ref+`"`)
	tag, _, _ := strings.Cut(after, ">")
	format := 0
	if _, s, ok := strings.Cut(tag, ` s="`); ok {
		if _, err := fmt.Sscanf(s, "%d", &format); err != nil {
			t.Fatal(err)
		}
	}
	b, err := openParts(bytes.NewReader(packed(t, parts)), int64(len(packed(t, parts))), "Goals")
	if err != nil {
		t.Fatal(err)
	}
	styles, err := b.readStyles("xl/styles.xml")
	if err != nil {
		t.Fatal(err)
	}
	return styles.fills[styles.fillOf(format)].fore
}

func TestMarksInATable(t *testing.T) {
	book := plainBook(twoRows + `<tableParts count="1"><tablePart r:id="rId1"/></tableParts>`)
	book["xl/worksheets/_rels/sheet1.xml.rels"] = xmlHead + `<Relationships ` + relSpace + `><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/table" Target="/xl/tables/table1.xml"/></Relationships>`
	book["xl/tables/table1.xml"] = xmlHead + `<table ` + mainSpace + ` id="1" name="T" displayName="T" ref="A1:B3" totalsRowShown="0"><autoFilter ref="A1:B3"/><tableColumns count="2"><tableColumn id="1" name="Name"/><tableColumn id="4" name="Status"/></tableColumns></table>`
	_, parts := marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2, Bad: []BadCell{{1, "n"}}, Problem: "p", Status: "invalid", Run: "r"}, MarkedRow{Row: 3})
	has(t, parts["xl/tables/table1.xml"], `ref="A1:F3"`, `<autoFilter ref="A1:F3"/>`, `<tableColumns count="6">`, `<tableColumn id="5" name="_problem"/>`, `id="8" name="_line"`)
	if sheet := parts["xl/worksheets/sheet1.xml"]; strings.Contains(sheet, "<autoFilter") {
		t.Errorf("a filter of the sheet beside that of the table: %s", sheet)
	}
	has(t, parts["xl/worksheets/sheet1.xml"], `</sheetData><legacyDrawing `, `<tableParts`)
}

func TestMarksOfOddSheets(t *testing.T) {
	odd := `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>Name</x:t></x:is></x:c><x:c t="inlineStr"><x:is><x:t>Status</x:t></x:is></x:c></x:row><!-- <c r="B9"> --><x:row><x:c><x:v>1</x:v></x:c></x:row><x:row s="1" customFormat="1"><x:c><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>`
	book := plainBook("")
	book["xl/worksheets/sheet1.xml"] = odd
	delete(book, "xl/styles.xml")
	book["xl/_rels/workbook.xml.rels"] = strings.Replace(book["xl/_rels/workbook.xml.rels"], "/styles\"", "/theme\"", 1)
	book["[Content_Types].xml"] = strings.Replace(strings.Replace(book["[Content_Types].xml"], "spreadsheetml.sheet.main", "spreadsheetml.template.main", 1), "/xl/styles.xml", "/xl/x.xml", 1)
	path, parts := marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2, Bad: []BadCell{{1, "n"}}, Problem: "p"}, MarkedRow{Row: 3, Bad: []BadCell{{1, "n"}}})
	has(t, parts["xl/worksheets/sheet1.xml"], `<x:cols><x:col min="3"`, `<!-- <c r="B9"> -->`, `<x:row><x:c><x:v>1</x:v></x:c><x:c r="B2" s="1"/><x:c r="C2" t="inlineStr">`, `<x:autoFilter ref="A1:F3"/><x:legacyDrawing`)
	has(t, parts["[Content_Types].xml"], "spreadsheetml.sheet.main", "/xl/styles.xml")
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if comments, err := f.GetComments("Goals"); err != nil || len(comments) != 2 {
		t.Errorf("comments %v, %v", comments, err)
	}
}

// Views and extensions have elements of the names that rows and sheets have.
func TestMarksAmongExtensions(t *testing.T) {
	book := plainBook(strings.Replace(strings.Replace(twoRows, `<v>44000</v></c></row>`, `<v>44000</v><extLst><ext uri="{C}"/></extLst></c><extLst><ext uri="{R}"/></extLst></row>`, 1), `<f>1+1</f><v>2</v>`, `<v>2</v><extLst/>`, 1) +
		`<customSheetViews><customSheetView guid="{V}"><autoFilter ref="A1:A2"/></customSheetView></customSheetViews>`)
	_, parts := marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2, Bad: []BadCell{{1, "n"}}, Problem: "p"}, MarkedRow{Row: 3, Bad: []BadCell{{0, "n"}}, Problem: "q"})
	has(t, parts["xl/worksheets/sheet1.xml"], `<v>44000</v><extLst><ext uri="{C}"/></extLst></c><c r="C2"`, `</c><extLst><ext uri="{R}"/></extLst></row>`, `<v>2</v><extLst/></c><c r="C3"`,
		`<autoFilter ref="A1:F3"/><customSheetViews><customSheetView guid="{V}"><autoFilter ref="A1:A2"/>`)
}

func TestMarksCoveredCells(t *testing.T) {
	book := plainBook(twoRows + `<mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells>`)
	_, parts := marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2}, MarkedRow{Row: 3, Bad: []BadCell{{1, "hidden"}}, Problem: "p"})
	if red := redCells(t, parts); !slices.Equal(red, []string{"C3"}) {
		t.Errorf("red are %v, want the cell of the problem, since B3 cannot be seen", red)
	}
}

func TestMarksKeepFormulas(t *testing.T) {
	book := plainBook(strings.Replace(twoRows, `<v>44000</v>`, `<f>""</f><v></v>`, 1))
	_, parts := marking(t, packed(t, book), MarkOptions{Gsid: 1, FillGsid: true}, MarkedRow{Row: 2, Gsid: "1CG0"}, MarkedRow{Row: 3, Gsid: "1CG2", Bad: []BadCell{{0, "n"}}})
	has(t, parts["xl/worksheets/sheet1.xml"], `<c r="B2" s="1"><f>""</f><v></v></c>`, `<c r="A3" s="3"><f>1+1</f><v>2</v></c><c r="B3" t="inlineStr"><is><t xml:space="preserve">1CG2</t>`)
}

func TestMacroBook(t *testing.T) {
	book := plainBook(twoRows)
	book["[Content_Types].xml"] = strings.Replace(book["[Content_Types].xml"], "openxmlformats-officedocument.spreadsheetml.sheet.main+xml", "ms-excel.sheet.macroEnabled.main+xml", 1)
	book["xl/vbaProject.bin"] = "\x00macro"
	path, parts := marking(t, packed(t, book), MarkOptions{}, MarkedRow{Row: 2, Bad: []BadCell{{0, "n"}}})
	if filepath.Base(path) != "errors.xlsm" || parts["xl/vbaProject.bin"] != "\x00macro" {
		t.Errorf("the copy is %s with %q", path, parts["xl/vbaProject.bin"])
	}
}

func TestNotMarkable(t *testing.T) {
	strict := plainBook(twoRows)
	for name, text := range strict {
		strict[name] = strings.ReplaceAll(text, sheetML, "http://purl.oclc.org/ooxml/spreadsheetml/main")
	}
	full := plainBook(strings.Replace(twoRows, `</row>`, `<c r="XFD1"><v>1</v></c></row>`, 1))
	for name, book := range map[string]map[string]string{"Strict": strict, "no column left": full} {
		dir, text := t.TempDir(), packed(t, book)
		_, err := MarkBook(filepath.Join(dir, "errors"), MarkOptions{Source: bytes.NewReader(text), Size: int64(len(text)), Sheet: "Goals", HeaderRow: 1, Header: []string{"Name"}, Columns: []int{0}, Gsid: -1}, marked())
		if !strings.Contains(NotMarkable(err), name) {
			t.Errorf("%s: %v", name, err)
		}
		if left := everything(t, dir); len(left) != 0 {
			t.Errorf("the folder holds %q", left)
		}
	}
}

// A copy that fails at any row, or whose source changed, leaves nothing.
func TestMarksAppearWholeOrNotAt(t *testing.T) {
	text := packed(t, plainBook(twoRows))
	broken := errors.New("broken")
	for _, o := range []MarkOptions{{}, {Check: func() error { return broken }}} {
		dir := t.TempDir()
		o.Source, o.Size, o.Sheet, o.HeaderRow, o.Header, o.Columns, o.Gsid = bytes.NewReader(text), int64(len(text)), "Goals", 1, []string{"Name"}, []int{0}, -1
		_, err := MarkBook(filepath.Join(dir, "errors"), o, func(yield func(MarkedRow, error) bool) {
			if yield(MarkedRow{Row: 2}, nil) && o.Check == nil {
				yield(MarkedRow{}, broken)
			}
		})
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if left := everything(t, dir); len(left) != 0 {
			t.Errorf("the folder holds %q", left)
		}
	}
	_, err := MarkBook(filepath.Join(t.TempDir(), "errors"), MarkOptions{Source: bytes.NewReader(text), Size: int64(len(text)), Sheet: "Goals", HeaderRow: 1, Header: []string{"Name"}, Columns: []int{0}, Gsid: -1}, marked(MarkedRow{Row: 9}))
	if !strings.Contains(NotMarkable(err), "no row 9") {
		t.Errorf("a row that is not there: %v", err)
	}
}

func TestRawScannerCopies(t *testing.T) {
	for _, doc := range []string{"<a/>", `<a b='>' c="/>">x<!-- < --><?p ?><![CDATA[<]]></a>`, "\xef\xbb\xbf<?xml?>\n<x:a xmlns:x=\"u\"><x:b  c = \"1\" /></x:a>\n", ""} {
		x := newRawScanner(io.MultiReader(strings.NewReader(doc[:len(doc)/2]), strings.NewReader(doc[len(doc)/2:])))
		var got bytes.Buffer
		err := x.next()
		for ; err == nil; err = x.next() {
			got.Write(x.raw)
		}
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if diff := cmp.Diff(doc, got.String()); diff != "" {
			t.Error(diff)
		}
	}
}

// A folder that cannot be written is an error of the copy, and no reason to
// write another workbook.
func TestMarksThatCannotBeWritten(t *testing.T) {
	text := packed(t, plainBook(twoRows))
	dir := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := MarkBook(filepath.Join(dir, "errors"), MarkOptions{Source: bytes.NewReader(text), Size: int64(len(text)), Sheet: "Goals", HeaderRow: 1, Header: []string{"Name"}, Columns: []int{0}, Gsid: -1}, marked(MarkedRow{Row: 2}))
	if _, ok := errors.AsType[*Error](err); !ok || NotMarkable(err) != "" {
		t.Errorf("got %v", err)
	}
}

// FuzzMarkBook wants no panic, whatever is in the parts that a reader has not
// looked at, and a copy that can be read where there is one.
func FuzzMarkBook(f *testing.F) {
	f.Add(twoRows, testStyles, `<comments><authors/><commentList><comment ref="B2"><text><t>x</t></text></comment></commentList></comments>`, `<xml><v:shape ><x:Row>1</x:Row></v:shape></xml>`, `<table ref="A1:B3"><tableColumns><tableColumn id="1"/></tableColumns></table>`)
	f.Add(`<sheetData/>`, `<`, `</comments>`, `</`, `<table`)
	f.Add(`<sheetData><row r="1"><c r="A1"/></row><row/></sheetData><cols><col min="9" max="1"/></cols>`, `<styleSheet><fills><fill/></fills><cellXfs><xf/><xf fillId="-1"`, `<a b="><r>`, `<v:shape ></v:shape><o:idmap data=`, `<table ref=":"/>`)
	f.Fuzz(func(t *testing.T, sheet, styles, comments, drawing, table string) {
		book := plainBook(sheet + `<legacyDrawing r:id="rId2"/>`)
		book["xl/styles.xml"], book["xl/comments1.xml"], book["xl/d.vml"], book["xl/t.xml"] = styles, comments, drawing, table
		book["xl/worksheets/_rels/sheet1.xml.rels"] = `<Relationships><Relationship Id="rId1" Type="x/comments" Target="../comments1.xml"/><Relationship Id="rId2" Type="x/vmlDrawing" Target="../d.vml"/><Relationship Id="rId3" Type="x/table" Target="../t.xml"/></Relationships>`
		text := packed(t, book)
		path, err := MarkBook(filepath.Join(t.TempDir(), "errors"), MarkOptions{Source: bytes.NewReader(text), Size: int64(len(text)), Sheet: "Goals", HeaderRow: 1, Header: []string{"Name", "Status"}, Columns: []int{0, 1}, Gsid: 1, FillGsid: true},
			marked(MarkedRow{Row: 2, Bad: []BadCell{{1, "why"}, {-1, "all"}}, Gsid: "g"}))
		if err == nil {
			unpacked(t, path)
		} else if NotMarkable(err) == "" {
			t.Errorf("not about the workbook: %v", err)
		}
	})
}

func TestAttributes(t *testing.T) {
	tag := []byte(`<c r="A1" s = '2' aspans="9" spans="1:2"/>`)
	if got := string(setAttr(setAttr(tag, "spans", "3:4"), "s", `"<`)); got != `<c r="A1" s = '&quot;&lt;' aspans="9" spans="3:4"/>` {
		t.Error(got)
	}
	if got := string(setAttr([]byte(`<c/>`), "s", "1")); got != `<c s="1"/>` {
		t.Error(got)
	}
}
