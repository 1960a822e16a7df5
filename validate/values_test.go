package validate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
	"gsbatch/validate"
)

func TestDates(t *testing.T) {
	due := func(iso string) string { return made(`"DueDate":"` + iso + `"`) }
	for _, test := range []struct{ format, cell, want string }{
		{"", "2025-03-04", due("2025-03-04")},
		{"", "2025-3-4", due("2025-03-04")},
		{"", "2025/03/04", due("2025-03-04")},
		{"", "2025-03-04T00:00:00", due("2025-03-04")},
		{"", "2025-03-04T00:00:00.000Z", due("2025-03-04")},
		{"", "2025-03-04 10:30", `~time-dropped: DueDate`},
		{"", "4 March 2025", due("2025-03-04")},
		{"", "March 4, 2025", due("2025-03-04")},
		{"", "4-Mar-25", due("2025-03-04")},
		{"", "2025 Mar 4", due("2025-03-04")},
		{"", "13/04/2025", due("2025-04-13")},
		{"", "04/13/2025", due("2025-04-13")},
		{"", "04/04/2025", due("2025-04-04")},
		{"", "13/04/2025 12:00:00 AM", due("2025-04-13")},
		{"", "2025-02-29", `impossible-date: Due Date "2025-02-29": February 2025 has no day 29`},
		{"", "30 February 2025", `impossible-date: Due Date "30 February 2025": February 2025 has no day 30`},
		{"", "2025-13-01", `impossible-date: Due Date "2025-13-01": there is no month 13`},
		{"", "31/31/2025", `impossible-date: Due Date "31/31/2025": there is no month 31`},
		{"", "0202-03-04", `implausible-date: Due Date "0202-03-04": the year 202 is not plausible`},
		{"", "03/04/2025", `ambiguous-date: Due Date "03/04/2025": it is 3 April or 4 March`},
		{"", "03/04/25", `ambiguous-date: Due Date "03/04/25": its day, month and year cannot be told apart`},
		{"", "next week", `not-a-date: Due Date "next week": it is no date`},
		{"", "March 2025", `not-a-date: Due Date "March 2025": it is no date`},
		{"", "45720", `not-a-date: Due Date "45720": it looks like the number by which Excel keeps 2025-03-04`},
		{"", "2025-03-04 25:61", `not-a-date: Due Date "2025-03-04 25:61": it has a time that cannot be read`},
		{"DD/MM/YYYY", "3/4/2025", due("2025-04-03")},
		{"DD/MM/YYYY", "2025-04-03", due("2025-04-03")},
		{"DD/MM/YYYY", "3.4.2025", `not-a-date: Due Date "3.4.2025": it has not the form DD/MM/YYYY`},
		{"DD/MM/YYYY", "31/04/2025", `impossible-date: Due Date "31/04/2025": April 2025 has no day 31`},
		{"M/D/YY", "3/4/25", due("2025-03-04")},
		{"D. MMMM YYYY", "4. March 2025", due("2025-03-04")},
		{"MMM D, YYYY", "Mar 4, 2025", due("2025-03-04")},
		{"YYYYMMDD", "20250304", due("2025-03-04")},
		{"DDMMYY", "040325", due("2025-03-04")},
	} {
		cfg := validate.Config{Picklists: tenant(), DateFormat: test.format}
		c, table := compile(t, cfg, "Name,Status,EntityType,CompanyId,Due Date\nG,New,COMPANY,"+ibm+`,"`+test.cell+`"`+"\n")
		got := lines(t, c, table)[0]
		want := strings.Replace(test.want, "~time-dropped: DueDate", "~time-dropped: Due Date \"2025-03-04 10:30\": the time of day is dropped\n"+due("2025-03-04"), 1)
		if got != want {
			t.Errorf("%s %q:\n got %s\nwant %s", test.format, test.cell, got, want)
		}
	}
}

func TestDateColumnDecides(t *testing.T) {
	text := "Gsid,DueDate,metric." + metricARR + ".timestamp,metric." + metricARR + ".actualValue\n" +
		goal1 + ",03/04/2025,,\n" +
		goal2 + ",13/04/2025,03/04/2025,1\n" +
		goal1[:35] + "9,,04/13/2025,2\n"
	check(t, validate.Config{}, text,
		`update {"record":{"Gsid":"`+goal1+`","DueDate":"2025-04-03"}}`,
		`update {"record":{"Gsid":"`+goal2+`","DueDate":"2025-04-13","metricsAssociation":[{"metricId":"`+metricARR+`","actualValue":[{"value":1,"timestamp":"2025-03-04"}]}]}}`,
		`update {"record":{"Gsid":"`+goal1[:35]+`9","metricsAssociation":[{"metricId":"`+metricARR+`","actualValue":[{"value":2,"timestamp":"2025-04-13"}]}]}}`)
	check(t, validate.Config{}, "Gsid,DueDate\n"+goal1+",03/04/2025\n"+goal2+",13/04/2025\n"+goal1[:35]+"9,04/13/2025\n",
		`contradictory-dates: Due Date "03/04/2025": line 3 has the day first (13/04/2025), line 4 the month (04/13/2025)`,
		`contradictory-dates: Due Date "13/04/2025": line 3 has the day first (13/04/2025), line 4 the month (04/13/2025)`,
		`contradictory-dates: Due Date "04/13/2025": line 3 has the day first (13/04/2025), line 4 the month (04/13/2025)`)
}

func TestDateFormatErrors(t *testing.T) {
	for format, want := range map[string]string{
		"DD/MM":       `date format "DD/MM": day, month and year must all be there, as in DD/MM/YYYY`,
		"DD/MM/YYY":   `date format "DD/MM/YYY": "YYY" is no token; use D, DD, M, MM, MMM, MMMM, YY, YYYY`,
		"DD/MM/DD":    `date format "DD/MM/DD": D occurs twice`,
		"DMYYYY":      `date format "DMYYYY": D and M of one letter need a separator beside them`,
		"%d.%m.%Y":    `date format "%d.%m.%Y": "Y" is no token; use D, DD, M, MM, MMM, MMMM, YY, YYYY`,
		"DD/HH/YYYY":  `date format "DD/HH/YYYY": "H" is no token; use D, DD, M, MM, MMM, MMMM, YY, YYYY and separators`,
		"02-Jan-2006": `date format "02-Jan-2006": "0" is no token; use D, DD, M, MM, MMM, MMMM, YY, YYYY and separators`,
	} {
		table := openCSV(t, "Gsid,Name\n"+goal1+",A\n")
		_, err := validate.Compile(t.Context(), table, validate.Config{DateFormat: format})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", format, err, want)
		}
	}
}

func TestGsids(t *testing.T) {
	for _, test := range []struct{ cell, want string }{
		{strings.ToLower(goal1), `bad-gsid: Gsid "` + strings.ToLower(goal1) + `" is in lower case; a Gsid is written in capitals`},
		{goal1[:35], `bad-gsid: Gsid "` + goal1[:35] + `" has 35 characters, a Gsid has 36`},
		{goal1[:35] + "\u0410", `bad-gsid: Gsid "` + goal1[:35] + "\u0410" + `" contains U+0410 ('` + "\u0410" + `'), which is no letter A–Z`},
		{goal1[:20] + " " + goal1[20:], `bad-gsid: Gsid "` + goal1[:20] + " " + goal1[20:] + `" contains a blank`},
		{goal1[:35] + "?", `bad-gsid: Gsid "` + goal1[:35] + `?" contains '?'; a Gsid has only A–Z and 0–9`},
		{"#N/A", `excel-error: Gsid has the Excel error value #N/A`},
		{" " + ibm + "\u200b", "~gsid-prefix: Gsid \"" + ibm + "\" looks like a company id\n" + `update {"record":{"Gsid":"` + ibm + `","Name":"A"}}`},
	} {
		check(t, validate.Config{}, "Gsid,Name\n"+test.cell+",A\n", test.want)
	}
}

func TestLists(t *testing.T) {
	linked := func(ids ...string) string {
		item := made("")
		return item[:len(item)-1] + `,"association":{"CTA":["` + strings.Join(ids, `","`) + `"]}}`
	}
	one(t, validate.Config{}, "CTA", cta1+" ;\n"+cta2+";", linked(cta1, cta2))
	one(t, validate.Config{}, "CTA", cta1+","+cta2, linked(cta1, cta2))
	one(t, validate.Config{}, "CTA", cta1+", "+cta2+" "+cta1[:35]+"Q", linked(cta1, cta2, cta1[:35]+"Q"))
	one(t, validate.Config{}, "CTA", " ; ", made(""))
	one(t, validate.Config{}, "CTA", cta1+";"+cta1, "~repeated: CTA has the Gsid "+cta1+" twice; it is sent once\n"+linked(cta1))
	one(t, validate.Config{}, "CTA", cta1+",X", `bad-gsid: CTA "`+cta1+`,X" contains ','; a Gsid has only A–Z and 0–9`)
	one(t, validate.Config{}, "CTA", sp1, "~gsid-prefix: CTA \""+sp1+"\" looks like a success plan id\n"+linked(sp1))
	one(t, validate.Config{}, "CTA Remove", cta1, `remove-in-create: CTA Remove has nothing to remove from a new goal`)
	one(t, validate.Config{}, "Associated Work", work1+";"+work1[:35]+"C", made(`"AssociatedWork":["`+work1+`","`+work1[:35]+`C"]`))
	check(t, validate.Config{}, "Gsid,SP,SP Remove\n"+goal1+","+sp1+","+sp1+"\n",
		"add-and-remove: SP "+sp1+" is in both SP and SP Remove")
}

func TestTexts(t *testing.T) {
	check(t, validate.Config{}, "Gsid,Name\n"+
		goal1+",\" A\"\n"+
		goal2+",\"A\nB\"\n"+
		goal1[:35]+"3,A\x01B\n"+
		goal1[:35]+"4,A\u202eB\n"+
		goal1[:35]+"5,"+strings.Repeat("é", 256)+"\n",
		"~outer-blanks: Name \" A\" begins or ends with a blank; it is sent as it stands\n"+`update {"record":{"Gsid":"`+goal1+`","Name":" A"}}`,
		"~line-break: Name \"A\\nB\" has a line break; it is sent as it stands\n"+`update {"record":{"Gsid":"`+goal2+`","Name":"A\nB"}}`,
		"control-character: Name \"A\\x01B\" contains the control character U+0001",
		"~hidden-character: Name \"A\\u202eB\" contains U+202E, which changes the direction of writing\n"+`update {"record":{"Gsid":"`+goal1[:35]+"4\",\"Name\":\"A\u202eB\"}}",
		"~long-text: Name has 256 characters; more than 255 may be refused or cut\n"+`update {"record":{"Gsid":"`+goal1[:35]+`5","Name":"`+strings.Repeat("é", 256)+`"}}`)
}

func TestActiveHTML(t *testing.T) {
	for _, test := range []struct{ html, active string }{
		{"plain, 3 < 4 & 5 > 2", ""},
		{"<p>Hello<br/></p>", ""},
		{`<p style="color:red">x</p><a href="https://example.com/?a=b">y</a><img src="cid:1">`, ""},
		{`<p>x</p><script>alert(1)</script>`, "<script>"},
		{`<SCRIPT src=//evil></SCRIPT>`, "<script>"},
		{`<img src=x onerror=alert(1)>`, `<img onerror="alert(1)">`},
		{`<a href=" java	script:alert(1)">x</a>`, `<a href=" java\tscript:alert(1)">`},
		{`<p onclick="f()">x</p>`, `<p onclick="f()">`},
		{`<iframe src="https://example.com"></iframe>`, "<iframe>"},
	} {
		want := made(`"Description":` + quoted(test.html))
		if test.active != "" {
			want = "~active-html: Description contains " + test.active + "; it is sent as it stands\n" + want
		}
		one(t, validate.Config{}, "Description", test.html, want)
	}
}

// quoted is s as a JSON string; the tests' texts need no more.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\t", `\t`).Replace(s) + `"`
}

func TestMetrics(t *testing.T) {
	columns := "metric.a.r.r. GROWTH.base value,metric." + metricARR + ".targetValue,metric.usage.actualValue,metric.Usage.timestamp,metric.usage.Remove"
	row := func(cells string) string {
		return "Gsid," + columns + "\n" + goal1 + "," + cells + "\n"
	}
	update := func(more string) string { return `update {"record":{"Gsid":"` + goal1 + `"` + more + `}}` }
	for _, test := range []struct{ cells, want string }{
		{"10.0,8,15%,2025-01-10,no", update(`,"metricsAssociation":[{"metricId":"` + metricPct + `","actualValue":[{"value":15,"timestamp":"2025-01-10"}]},{"metricId":"` + metricARR + `","baseValue":10,"targetValue":8}]`)},
		{`"1,234,567.5","1.234,5",,,yes`, update(`,"metricsAssociation":[{"metricId":"` + metricARR + `","baseValue":1234567.5,"targetValue":1234.5}],"metricsDissociation":["` + metricPct + `"]`)},
		{`"1,234",,,,`, `ambiguous-number: baseValue "1,234" of metric "A.R.R. growth" may be 1234 or 1.234`},
		{`$5,15%,,,`, `not-a-number: baseValue "$5" of metric "A.R.R. growth" is no number` + "\n" + `percent: targetValue "15%" of metric "A.R.R. growth" is a percentage, the metric's unit is DECIMAL`},
		{",,5,,", `metric-without-timestamp: metric "Usage" has an actualValue and no timestamp`},
		{",,,2025-01-10,", `metric-without-value: metric "Usage" has a timestamp and no actualValue`},
		{",,5,2025-01-10,yes", `add-and-remove: metric "Usage" is given a value and removed`},
		{",,,,maybe", `not-a-bool: remove "maybe" of metric "Usage" is neither yes nor no`},
		{",,0.15,2025-01-10,", `~small-percentage: actualValue "0.15" of metric "Usage" is less than one per cent` + "\n" + update(`,"metricsAssociation":[{"metricId":"`+metricPct+`","actualValue":[{"value":0.15,"timestamp":"2025-01-10"}]}]`)},
	} {
		check(t, validate.Config{}, row(test.cells), test.want)
	}
	one(t, validate.Config{}, "metric.Usage.remove", "yes", `remove-in-create: metric "Usage" cannot be removed from a new goal`)
	c, _ := compile(t, validate.Config{Picklists: tenant()}, "Gsid,metric.Usgae.baseValue\n"+goal1+",1\n")
	want := `unknown-metric: metric "Usgae" is not in this tenant; closest: "Usage"`
	if p := c.HeaderProblems(); len(p) != 1 || p[0].Code+": "+p[0].Message != want || p[0].Warning {
		t.Errorf("%+v", p)
	}
}

func TestNumbersOfPeople(t *testing.T) {
	m := &validate.Mapping{Name: "m.yaml", Columns: []validate.ColumnRule{{Header: "N", Field: "n__gc", Type: "number", OnBlank: "keep", Otherwise: "pass"}}}
	for text, want := range map[string]string{
		"007.50": "7.5", "-0": "0", "+3": "3", ".5": "0.5", "1e3": "1000", "12,5": "12.5", "0,125": "0.125", "1234,567": "1234.567",
		"1 234,5": "1234.5", "1'234": "1234", "1,234,567": "1234567", "1.234.567,89": "1234567.89", "\u221215": "-15", "12345678901234567890.10": "12345678901234567890.1",
		"15%": "15",
	} {
		one(t, validate.Config{Mapping: m}, "N", text, made(`"n__gc":`+want))
	}
	for _, text := range []string{"1,234", "1,23,456", "(5)", "5 EUR", "1.2.3", "--5", "NaN", "Inf", "0x10", "1,234.567,8", "."} {
		c, table := compile(t, validate.Config{Mapping: m, Picklists: tenant()}, "Gsid,N\n"+goal1+",\""+text+"\"\n")
		if got := lines(t, c, table)[0]; !strings.HasPrefix(got, "not-a-number: ") && !strings.HasPrefix(got, "ambiguous-number: ") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// A point may part thousands where the column's other numbers have a comma.
func TestPointBesideDecimalComma(t *testing.T) {
	m := &validate.Mapping{Name: "m.yaml", Columns: []validate.ColumnRule{{Header: "N", Field: "n__gc", Type: "number", OnBlank: "keep", Otherwise: "pass"}}}
	c, table := compile(t, validate.Config{Mapping: m, Picklists: tenant()}, "Gsid,N\n"+goal1+",1.234\n"+goal2+",\"12,5\"\n")
	want := []string{
		`ambiguous-number: n__gc "1.234" may be 1.234 or 1234: other numbers of the column have a decimal comma`,
		`update {"record":{"Gsid":"` + goal2 + `","n__gc":12.5}}`,
	}
	if diff := cmp.Diff(want, lines(t, c, table)); diff != "" {
		t.Error(diff)
	}
	c, table = compile(t, validate.Config{Mapping: m, Picklists: tenant()}, "Gsid,N\n"+goal1+",1.234\n"+goal2+",12.5\n")
	if got := lines(t, c, table)[0]; got != `update {"record":{"Gsid":"`+goal1+`","n__gc":1.234}}` {
		t.Error(got)
	}
}

func TestCellKinds(t *testing.T) {
	rows := `{"Gsid":"` + goal1 + `","Name":"A","t__gc":"x","n__gc":10.50,"b__gc":true,"l__gc":["a","b"],"z__gc":null,"CTA":["` + cta1 + `","` + cta2 + `"]}` + "\n" +
		`{"Gsid":"` + goal2 + `","Name":["a","b"],"n__gc":12345678901234567}` + "\n" +
		`{"Gsid":1234567890123456789}` + "\n"
	table := openFile(t, "goals.jsonl", rows)
	c, err := validate.Compile(t.Context(), table, validate.Config{Picklists: tenant()})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`update {"record":{"Gsid":"` + goal1 + `","Name":"A","b__gc":true,"l__gc":"a;b","n__gc":10.5,"t__gc":"x"},"association":{"CTA":["` + cta1 + `","` + cta2 + `"]}}`,
		"list: Name takes one value, the cell has a list\ndigits-lost: n__gc \"12345678901234567\" is a number of more than 15 digits, which is not kept exactly",
		"digits-lost: Gsid \"1234567890123456789\" is a number of more than 15 digits, which is not kept exactly",
	}
	if diff := cmp.Diff(want, lines(t, c, table)); diff != "" {
		t.Error(diff)
	}
}

// TestWorkbookKinds checks the kinds of cells that only a workbook has.
func TestWorkbookKinds(t *testing.T) {
	header := "Gsid,Name,DueDate,p__gc,d__gc,metric.Usage.baseValue"
	c, _ := compile(t, validate.Config{Picklists: tenant()}, header+"\n"+goal1+",A,,,,\n")
	for _, test := range []struct {
		name string
		col  int
		cell readers.Cell
		want string
	}{
		{"date", 2, readers.Cell{Text: "2025-03-04", Kind: readers.Date}, `"DueDate":"2025-03-04"`},
		{"serial", 2, readers.Cell{Text: "45720", Kind: readers.Number}, `"DueDate":"2025-03-04"`},
		{"serial with time", 2, readers.Cell{Text: "45720.5", Kind: readers.Number}, `~time-dropped: Due Date "45720.5": the time of day is dropped`},
		{"year", 2, readers.Cell{Text: "2025", Kind: readers.Number}, `not-a-date: Due Date "2025": the number is no plausible date`},
		{"bool", 2, readers.Cell{Text: "TRUE", Kind: readers.Bool}, `not-a-date: Due Date "TRUE": it is no date`},
		{"error", 2, readers.Cell{Text: "#REF!", Kind: readers.ErrorValue}, `excel-error: DueDate has the Excel error value #REF!`},
		{"no value", 2, readers.Cell{Kind: readers.NoValue}, `formula-without-value: DueDate has a formula whose value was not saved`},
		{"null", 2, readers.Cell{Kind: readers.Null}, `{"record":{"Gsid":"` + goal1 + `","Name":"A"}}`},
		{"percent", 3, readers.Cell{Text: "15%", Kind: readers.Percent}, `percent: p__gc "15%" is a percentage, which may be meant as text or as a number`},
		{"custom date", 4, readers.Cell{Text: "2025-03-04", Kind: readers.Date}, `"d__gc":"2025-03-04"`},
		{"percentage", 5, readers.Cell{Text: "15%", Kind: readers.Percent}, `"baseValue":15`},
		{"number name", 1, readers.Cell{Text: "1.5E3", Kind: readers.Number}, `"Name":"1500"`},
		{"float", 3, readers.Cell{Text: "0.30000000000000004", Kind: readers.Number}, `"p__gc":0.3`},
	} {
		cells := []readers.Cell{{Text: goal1}, {Text: "A"}, {}, {}, {}, {}}
		cells[test.col] = test.cell
		var op validate.Operation
		var got strings.Builder
		for _, p := range c.Check(readers.Row{Line: 2, Cells: cells}, &op) {
			if p.Warning {
				got.WriteString("~")
			}
			got.WriteString(p.Code + ": " + p.Message + "\n")
		}
		got.Write(op.Item)
		if !strings.Contains(got.String(), test.want) {
			t.Errorf("%s: %s lacks %s", test.name, got.String(), test.want)
		}
	}
}
