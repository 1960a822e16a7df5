package readers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
)

const (
	mainNS = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relNS  = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	sheet1 = "xl/worksheets/sheet1.xml"
)

// parts are the parts of a small workbook with one sheet "S" of these rows.
func parts(rows string) map[string]string {
	return map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="` + relNS + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook ` + mainNS + ` xmlns:r="` + relNS + `"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": rels("worksheets/sheet1.xml", "worksheet", "sharedStrings.xml", "sharedStrings", "styles.xml", "styles"),
		"xl/sharedStrings.xml":       `<sst ` + mainNS + `><si><t>a</t></si><si><t>b</t></si><si><r><t>x </t></r><r><rPr><b/></rPr><t xml:space="preserve"> y</t></r><rPh sb="0" eb="1"><t>PHON</t></rPh></si><si><t>1_x000D_2_x005F_x0041_&amp;</t></si><si/></sst>`,
		"xl/styles.xml":              styles("General", "yyyy\\-mm\\-dd", "h:mm", "[h]:mm:ss", "0.0%", `[Red]"day"0`, `[$-409]d/m/yy h:mm AM/PM;@`, "0.00E+00", "mmm"),
		sheet1:                       sheetXML(rows),
	}
}

func sheetXML(rows string) string {
	return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n<worksheet " + mainNS + `><dimension ref="A1:A1"/><sheetData>` + rows + `</sheetData><pageMargins left="0.7"/></worksheet>`
}

func rels(pairs ...string) string {
	b := `<Relationships>`
	for i := 0; i < len(pairs); i += 2 {
		b += fmt.Sprintf(`<Relationship Id="r%d" Type="%s/%s" Target="%s"/>`, i/2+1, relNS, pairs[i+1], pairs[i])
	}
	return b + `</Relationships>`
}

// styles are cell formats 0, 1, 2 … with these number format codes.
func styles(codes ...string) string {
	formats, cells := "", ""
	for i, code := range codes {
		code = strings.NewReplacer(`"`, "&quot;", "&", "&amp;").Replace(code)
		formats += fmt.Sprintf(`<numFmt numFmtId="%d" formatCode="%s"/>`, 200+i, code)
		cells += fmt.Sprintf(`<xf numFmtId="%d"/>`, 200+i)
	}
	return `<styleSheet ` + mainNS + `><numFmts>` + formats + `</numFmts><cellXfs>` + cells + `</cellXfs><dxfs><dxf><numFmt numFmtId="200" formatCode="d"/></dxf></dxfs></styleSheet>`
}

func build(t testing.TB, p map[string]string) string {
	t.Helper()
	var list []string
	for _, name := range []string{"_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml", sheet1, "xl/worksheets/sheet2.xml", "xl/chartsheets/sheet1.xml"} {
		if content, ok := p[name]; ok {
			list = append(list, name, content)
		}
	}
	return zipped(t, list...)
}

func workbookOf(t testing.TB, rows string) string {
	t.Helper()
	return build(t, parts(rows))
}

const header = `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>`

func TestXLSXCells(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{`<c r="A2" t="s"><v>2</v></c>`, "x  y"},
		{`<c r="A2" t="s"><v>3</v></c>`, "1\r2_x0041_&"},
		{`<c r="A2" t="inlineStr"><is><t>&#228; &lt;ü&gt;</t></is></c>`, "ä <ü>"},
		{`<c r="A2" t="inlineStr"><is><t><![CDATA[<&>]]> </t></is></c>`, "<&> "},
		{`<c r="A2" t="str"><f>"x"</f><v>x</v></c>`, "x"},
		{`<c r="A2" t="str"><v>_xD83D__xDE00__xD83D_</v></c>`, "😀_xD83D_"},
		{`<c r="A2" t="b"><v>1</v></c>`, "bool=TRUE"},
		{`<c r="A2" t="b"><v>0</v></c>`, "bool=FALSE"},
		{`<c r="A2" t="e"><v>#N/A</v></c>`, "err=#N/A"},
		{`<c r="A2"><v>45000</v></c>`, "num=45000"},
		{`<c r="A2" t="n"><v>45000.0</v></c>`, "num=45000"},
		{`<c r="A2"><v>4.5E4</v></c>`, "num=45000"},
		{`<c r="A2"><v>1.234567890123456E+15</v></c>`, "num=1234567890123456"},
		{`<c r="A2"><v>12345678901234567890</v></c>`, "num=12345678901234567890"},
		{`<c r="A2"><v>1.2345678901234567E19</v></c>`, "num=1.2345678901234567E19"},
		{`<c r="A2"><v>0.30000000000000004</v></c>`, "num=0.30000000000000004"},
		{`<c r="A2"><v>-0.0</v></c>`, "num=0"},
		{`<c r="A2"><v>007</v></c>`, "num=7"},
		{`<c r="A2" s="4"><v>0.15000000000000002</v></c>`, "pct=15%"},
		{`<c r="A2" s="4"><v>0.1234</v></c>`, "pct=12.34%"},
		{`<c r="A2" s="4"><v>-1</v></c>`, "pct=-100%"},
		{`<c r="A2" s="4"><v>0</v></c>`, "pct=0%"},
		{`<c r="A2" s="1"><v>45720</v></c>`, "date=2025-03-04"},
		{`<c r="A2" s="1"><v>45720.4375</v></c>`, "date=2025-03-04T10:30:00"},
		{`<c r="A2" s="6"><v>45720.437500001</v></c>`, "date=2025-03-04T10:30:00"},
		{`<c r="A2" s="1"><v>1</v></c>`, "date=1900-01-01"},
		{`<c r="A2" s="1"><v>59</v></c>`, "date=1900-02-28"},
		{`<c r="A2" s="1"><v>60</v></c>`, "date=1900-02-29"},
		{`<c r="A2" s="1"><v>61</v></c>`, "date=1900-03-01"},
		{`<c r="A2" s="1"><v>2958465</v></c>`, "date=9999-12-31"},
		{`<c r="A2" s="1"><v>2958466</v></c>`, "num=2958466"},
		{`<c r="A2" s="1"><v>0</v></c>`, "num=0"},
		{`<c r="A2" s="1"><v>-1</v></c>`, "num=-1"},
		{`<c r="A2" s="2"><v>0.4375</v></c>`, "10:30:00"},
		{`<c r="A2" s="2"><v>45720.4375</v></c>`, "date=2025-03-04T10:30:00"},
		{`<c r="A2" s="3"><v>1.5</v></c>`, "36:00:00"},
		{`<c r="A2" s="5"><v>45720</v></c>`, "num=45720"},
		{`<c r="A2" s="7"><v>45720</v></c>`, "num=45720"},
		{`<c r="A2" s="8"><v>45720</v></c>`, "date=2025-03-04"},
		{`<c r="A2" t="d"><v>2025-03-04T00:00:00Z</v></c>`, "date=2025-03-04"},
		{`<c r="A2" t="d"><v>2025-03-04T10:30:00</v></c>`, "date=2025-03-04T10:30:00"},
		{`<c r="A2" t="d"><v>10:30:00</v></c>`, "10:30:00"},
		{`<c r="A2"><f>1+1</f></c>`, "novalue="},
		{`<c r="A2"><f>1+1</f><v></v></c>`, "novalue="},
		{`<c r="A2" t="str"><f>1+1</f></c>`, "novalue="},
		{`<c r="A2" t="str"><f>""</f><v></v></c>`, "blank="},
		{`<c r="A2"><f t="shared" si="0"/><v>2</v></c>`, "num=2"},
		{`<c r="A2"><f t="array" ref="A2:A3">{1}</f><v>2</v></c>`, "num=2"},
		{`<c r="A2" t="s"><v>4</v></c>`, "blank="},
		{`<c r="A2" s="3"/>`, "blank="},
		{`<c r="A2"><v/></c>`, "blank="},
		{`<c><v>7</v></c>`, "num=7"},
		{`<c r="A2" x:y="1" xmlns:x="urn:x"><v>7</v><extLst><ext/></extLst></c>`, "num=7"},
	} {
		rows := header + `<row r="2">` + c.cell + `<c r="B2"><v>9</v></c></row>`
		t.Run(c.cell, func(t *testing.T) {
			wantRows(t, file(t, "a.xlsx", workbookOf(t, rows)), readers.Options{}, "a|b", "2|"+c.want+"|num=9")
		})
	}
}

func TestXLSX1904(t *testing.T) {
	p := parts(header + `<row r="2"><c r="A2" s="1"><v>0</v></c><c r="B2" s="1"><v>44258.5</v></c></row>`)
	p["xl/workbook.xml"] = strings.Replace(p["xl/workbook.xml"], "<sheets>", `<workbookPr date1904="1"/><sheets>`, 1)
	path := file(t, "a.xlsx", build(t, p))
	wantRows(t, path, readers.Options{}, "a|b", "2|date=1904-01-01|date=2025-03-04T12:00:00")
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if !table.Date1904() || table.Sheet() != "S" {
		t.Errorf("date1904 %v, sheet %q", table.Date1904(), table.Sheet())
	}
}

func TestXLSXRows(t *testing.T) {
	for _, c := range []struct {
		name, rows string
		o          readers.Options
		want       []string
	}{
		{"sparse", header + `<row r="3"><c r="B3"><v>1</v></c></row><row r="9"><c r="A9"><v>2</v></c></row>`, readers.Options{}, []string{"a|b", "3|blank=|num=1", "9|num=2|blank="}},
		{"no references", `<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row><c><v>1</v></c><c><v>2</v></c></row>`, readers.Options{}, []string{"a|b", "2|num=1|num=2"}},
		{"hidden", header + `<row r="2" hidden="1"><c r="A2"><v>1</v></c></row>`, readers.Options{}, []string{"a|b", "2h|num=1|blank="}},
		{"styled blanks beyond the header", header + `<row r="2"><c r="A2"><v>1</v></c><c r="F2" s="1"/></row><row r="3"><c r="XFD3" s="1"/></row>`, readers.Options{}, []string{"a|b", "2|num=1|blank="}},
		{"header lower down", `<row r="1"><c r="D1" t="s"><v>3</v></c></row><row r="4"><c r="C4" t="s"><v>0</v></c><c r="E4" t="s"><v>1</v></c></row><row r="5"><c r="E5"><v>1</v></c></row>`, readers.Options{HeaderRow: 4}, []string{"a|b", "5|blank=|num=1"}},
		{"header only", header, readers.Options{}, []string{"a|b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantRows(t, file(t, "a.xlsx", workbookOf(t, c.rows)), c.o, c.want...)
		})
	}
}

func TestXLSXDialects(t *testing.T) {
	rows := header + `<row r="2"><c r="A2"><v>1</v></c></row>`
	strict := parts(rows)
	for name, content := range strict {
		content = strings.ReplaceAll(content, "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main")
		strict[name] = strings.ReplaceAll(content, relNS, "http://purl.oclc.org/ooxml/officeDocument/relationships")
	}
	prefixed := parts(rows)
	r := strings.NewReplacer("<?", "<?", "</", "</x:", "<", "<x:", "xmlns=", "xmlns:x=")
	for _, name := range []string{sheet1, "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"} {
		prefixed[name] = r.Replace(prefixed[name])
	}
	compatible := parts(rows)
	compatible[sheet1] = strings.Replace(compatible[sheet1], "<dimension", `<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="v"><v:row xmlns:v="urn:v"/></mc:Choice></mc:AlternateContent><dimension`, 1)
	compatible[sheet1] = strings.Replace(compatible[sheet1], "<pageMargins", `<extLst><ext xmlns:x14="urn:x14"><x14:row/></ext></extLst><pageMargins`, 1)
	noStrings := parts(strings.ReplaceAll(strings.ReplaceAll(rows, `t="s"><v>0</v>`, `t="str"><v>a</v>`), `t="s"><v>1</v>`, `t="str"><v>b</v>`))
	delete(noStrings, "xl/sharedStrings.xml")
	delete(noStrings, "xl/styles.xml")
	noStrings["xl/_rels/workbook.xml.rels"] = rels("/xl/worksheets/sheet1.xml", "worksheet")
	wide := parts(rows)
	wide[sheet1] = utf16le(strings.Replace(wide[sheet1], "UTF-8", "UTF-16", 1))
	for name, p := range map[string]map[string]string{"strict": strict, "prefixed": prefixed, "compatible": compatible, "no strings": noStrings, "UTF-16": wide} {
		t.Run(name, func(t *testing.T) {
			wantRows(t, file(t, "a.xlsx", build(t, p)), readers.Options{}, "a|b", "2|num=1|blank=")
		})
	}
}

func utf16le(s string) string {
	b := []byte("\xFF\xFE")
	for _, r := range s {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

func TestXLSXBrokenSheets(t *testing.T) {
	ok := `<row r="2"><c r="A2"><v>1</v></c></row>`
	for _, c := range []struct{ name, rows, want string }{
		{"row numbers fall", header + ok + ok, `a.xlsx:S!2: sheet cannot be read here: malformed XML: row number "2" after row 2`},
		{"row number is none", header + `<row r="x"/>`, `a.xlsx:S!1: sheet cannot be read here: malformed XML: row number "x" after row 1`},
		{"cell in another row", header + `<row r="2"><c r="A3"/></row>`, `a.xlsx:S!2: sheet cannot be read here: malformed XML: cell "A3" in row 2, column A or later was due`},
		{"cell twice", header + `<row r="2"><c r="B2"/><c r="B2"/></row>`, `a.xlsx:S!B2: sheet cannot be read here: malformed XML: cell "B2" in row 2, column C or later was due`},
		{"cells out of order", header + `<row r="2"><c r="B2"/><c r="A2"/></row>`, `a.xlsx:S!B2: sheet cannot be read here`},
		{"small letters", header + `<row r="2"><c r="a2"/></row>`, `a.xlsx:S!2: sheet cannot be read here`},
		{"no such string", header + `<row r="2"><c r="A2" t="s"><v>99</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: shared string "99" does not exist: the workbook has 5`},
		{"no such style", header + `<row r="2"><c r="A2" s="99"><v>1</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: cell format "99" does not exist`},
		{"no such type", header + `<row r="2"><c r="A2" t="q"><v>1</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: malformed XML: cell type "q" is not known`},
		{"unknown attribute", header + `<row r="2"><c r="A2" q="s"><v>1</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: malformed XML: a cell has the unknown attribute "q"`},
		{"number is none", header + `<row r="2"><c r="A2"><v>1,5</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: number "1,5" is none`},
		{"truth value is none", header + `<row r="2"><c r="A2" t="b"><v>2</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: truth value "2" is none`},
		{"date is none", header + `<row r="2"><c r="A2" t="d"><v>2025-13-01</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: date "2025-13-01" is none`},
		{"text in a cell", header + `<row r="2"><c r="A2">1</c></row>`, `a.xlsx:S!A2: sheet cannot be read here: malformed XML: text directly inside a cell`},
		{"unknown element", header + `<raw r="2"/>`, `a.xlsx:S!1: sheet cannot be read here: malformed XML: <raw> between rows`},
		{"foreign element", header + `<x:row xmlns:x="urn:x" r="2"/>`, `a.xlsx:S!1: sheet cannot be read here: malformed XML: <row> between rows`},
		{"entity", header + `<row r="2"><c r="A2" t="str"><v>&x;</v></c></row>`, `a.xlsx:S!A2: sheet cannot be read here: malformed XML: unknown entity at "&x;"`},
		{"UTF-8", header + "<row r=\"2\"><c r=\"A2\" t=\"str\"><v>\xff</v></c></row>", `a.xlsx:S!A2: sheet cannot be read here: malformed XML: byte 0xFF is not valid UTF-8`},
		{"tags", header + `<row r="2"></c>`, `a.xlsx:S!2: sheet cannot be read here: malformed XML: </c> closes <row>`},
		{"second data", header + `</sheetData><sheetData>` + ok, `a.xlsx:S!1: sheet cannot be read here: malformed XML: <sheetData> after the sheet's data`},
		{"row too far down", header + `<row r="1048577"/>`, `a.xlsx:S!1048577: sheet is over a limit: row number 1048577 is over 1048576`},
		{"text beyond the header", header + `<row r="2"><c r="C2"><v>1</v></c></row>`, `a.xlsx:S!C2: cell "1" is in a column without a header`},
		{"duplicate header", `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t> A</t></is></c></row>`, `a.xlsx:S!C1: header "A" stands also at a.xlsx:S!A1`},
		{"no header", ok, `a.xlsx:S!2: first row has no letter in any cell, so it is no header: "1"`},
		{"no data", `<row r="1"><c r="A1" s="1"/></row>`, `a.xlsx: has no data in any sheet`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := dump(file(t, "a.xlsx", workbookOf(t, c.rows)), readers.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestXLSXBrokenParts(t *testing.T) {
	rows := header + `<row r="2"><c r="A2"><v>1</v></c></row>`
	for _, c := range []struct {
		part, content, want string
	}{
		{sheet1, "", `a.xlsx: part "xl/worksheets/sheet1.xml": is missing from the workbook`},
		{"xl/sharedStrings.xml", "", `a.xlsx: part "xl/sharedStrings.xml": is missing from the workbook`},
		{"xl/styles.xml", "", `a.xlsx: part "xl/styles.xml": is missing from the workbook`},
		{"xl/_rels/workbook.xml.rels", "", `a.xlsx: part "xl/_rels/workbook.xml.rels": is missing from the workbook`},
		{"xl/workbook.xml", "<workbook/>", `a.xlsx: part "xl/workbook.xml": malformed XML: the root element is not a workbook`},
		{"xl/sharedStrings.xml", `<!DOCTYPE x [<!ENTITY a "b">]><sst/>`, `a.xlsx: part "xl/sharedStrings.xml": a document type (DOCTYPE)`},
		{sheet1, `<!DOCTYPE x>` + sheetXML(rows), `a.xlsx:S: sheet cannot be read here: a document type (DOCTYPE)`},
		{sheet1, strings.TrimSuffix(sheetXML(rows), "</worksheet>"), `a.xlsx:S!2: sheet cannot be read here: malformed XML: the part ends inside <worksheet>`},
		{sheet1, sheetXML(rows) + "<x/>", `a.xlsx:S!2: sheet cannot be read here: malformed XML: a second root element`},
		{"xl/sharedStrings.xml", `<sst ` + mainNS + `><si><t>a</t></si><sj/></sst>`, `a.xlsx: part "xl/sharedStrings.xml": malformed XML: <sj> between shared strings`},
	} {
		t.Run(c.want, func(t *testing.T) {
			p := parts(rows)
			if p[c.part] = c.content; c.content == "" {
				delete(p, c.part)
			}
			wantError(t, file(t, "a.xlsx", build(t, p)), readers.Options{}, readers.ErrDamaged, c.want)
		})
	}
}

func twoSheets(t testing.TB, state string) string {
	t.Helper()
	p := parts(header)
	p["xl/worksheets/sheet2.xml"] = sheetXML(header + `<row r="2"><c r="A2"><v>2</v></c></row>`)
	p["xl/chartsheets/sheet1.xml"] = `<chartsheet/>`
	p["xl/workbook.xml"] = `<workbook ` + mainNS + ` xmlns:r="` + relNS + `"><sheets><sheet name="Diagram" r:id="r5"/><sheet name="Goals" sheetId="1" r:id="r1"/><sheet name="R&amp;D" state="` + state + `" sheetId="2" r:id="r4"/></sheets></workbook>`
	p["xl/_rels/workbook.xml.rels"] = rels("worksheets/sheet1.xml", "worksheet", "sharedStrings.xml", "sharedStrings", "styles.xml", "styles", "worksheets/sheet2.xml", "worksheet", "chartsheets/sheet1.xml", "chartsheet")
	return file(t, "a.xlsx", build(t, p))
}

func TestXLSXSheets(t *testing.T) {
	visible, hidden := twoSheets(t, "visible"), twoSheets(t, "veryHidden")
	wantError(t, visible, readers.Options{}, readers.ErrAmbiguous, `a.xlsx: has 2 sheets with data: "Goals", "R&D"; say which one with --sheet`)
	wantError(t, visible, readers.Options{Sheet: "Gaols"}, readers.ErrOption, `a.xlsx: has no sheet "Gaols"; its sheets are "Diagram", "Goals", "R&D"; name one of them with --sheet; closest: "Goals"`)
	wantError(t, visible, readers.Options{Sheet: "diagram"}, readers.ErrOption, `a.xlsx: sheet "Diagram" is a chart or dialog`)
	wantRows(t, visible, readers.Options{Sheet: "r&d"}, "a|b", "2|num=2|blank=")
	notices := wantRows(t, hidden, readers.Options{}, "a|b")
	if d := cmp.Diff([]string{`hidden sheets were not read: "R&D"`}, notices); d != "" {
		t.Error(d)
	}
	wantRows(t, hidden, readers.Options{Sheet: "R&D"}, "a|b", "2|num=2|blank=")
}

func TestXLSXPlacesAndNotices(t *testing.T) {
	rows := `<row r="2"><c r="B2" t="s"><v>0</v></c><c r="AB2" t="s"><v>1</v></c></row><row r="5" hidden="true"><c r="B5"><v>1</v></c></row>`
	table, err := readers.Open(context.Background(), file(t, "a.xlsx", workbookOf(t, rows)), readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	got := []string{table.HeaderPlace(1).String()}
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.Place(-1).String(), row.Place(0).String(), row.Place(1).String())
	}
	got = append(got, table.Notices()...)
	want := []string{
		"a.xlsx:S!AB2", "a.xlsx:S!5", "a.xlsx:S!B5", "a.xlsx:S!AB5",
		"1 hidden row read like the others", "2 blank rows between the others skipped",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestXLSXLimits(t *testing.T) {
	rows := header + strings.Repeat(`<row><c><v>1</v></c></row>`, 100000)
	path := file(t, "a.xlsx", workbookOf(t, rows))
	for _, c := range []struct {
		l    readers.Limits
		want string
	}{
		{readers.Limits{File: 1000}, "a.xlsx: workbook of "},
		{readers.Limits{Unzipped: 1 << 20}, "a.xlsx: unpacks to more than 1048576 bytes"},
		{readers.Limits{Ratio: 10}, `a.xlsx: part "xl/worksheets/sheet1.xml" unpacks to more than 10 times its size`},
		{readers.Limits{Rows: 10, Ratio: -1}, "a.xlsx:S!12: table has more than 10 rows"},
		{readers.Limits{Columns: 1, Ratio: -1}, "a.xlsx:S!B1: sheet is over a limit: column 2 is over 1"},
	} {
		wantError(t, path, readers.Options{Limits: c.l}, readers.ErrLimit, c.want)
	}
	text := header + `<row r="2"><c r="A2" t="str"><v>` + strings.Repeat("x", 1000) + `</v></c></row>`
	wantError(t, file(t, "a.xlsx", workbookOf(t, text)), readers.Options{Limits: readers.Limits{Record: 500}}, readers.ErrLimit, "a.xlsx:S!A2: sheet is over a limit")
}

func TestXLSXDuplicateParts(t *testing.T) {
	wantError(t, file(t, "a.xlsx", zipped(t, "xl/workbook.xml", "x", "XL/workbook.xml", "y")), readers.Options{}, readers.ErrDamaged, `a.xlsx: part "XL/workbook.xml": the zip has two parts of this name`)
}

// TestXLSXBytes puts every byte at some places of a text, which is looked at
// eight bytes at a time.
func TestXLSXBytes(t *testing.T) {
	for _, at := range []int{0, 5, 7, 8, 17} {
		for b := range 256 {
			text := []byte("eighteen letters, ")
			text[at] = byte(b)
			path := file(t, "a.xlsx", workbookOf(t, header+`<row r="2"><c r="A2" t="str"><v>`+string(text)+`</v></c></row>`))
			rows, _, err := dump(path, readers.Options{})
			good := b >= ' ' && b < 0x80 && b != '&' && b != '<' || b == '\t' || b == '\n' || b == '\r'
			want := "2|" + strings.ReplaceAll(string(text), "\r", "\n") + "|blank="
			switch {
			case good != (err == nil):
				t.Errorf("byte 0x%02X at %d: error %v", b, at, err)
			case good && (len(rows) != 2 || rows[1] != want):
				t.Errorf("byte 0x%02X at %d: %q", b, at, rows)
			}
		}
	}
}
