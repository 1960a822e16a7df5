package validate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
)

func TestDuplicates(t *testing.T) {
	text := "Name,Status,EntityType,Company\nA,New,COMPANY,IBM\n a ,New,company,ibm\nA,New,COMPANY,Meta\nA,New,GLOBAL,IBM\n"
	want := []string{
		`create {"record":{"Name":"A","StatusId":"` + statusNew + `","EntityType":"COMPANY","CompanyName":"IBM"}}`,
		"~outer-blanks: Name \" a \" begins or ends with a blank; it is sent as it stands\nduplicate: line 2 already has a goal of the same name, entity and parent: \" a \"",
		`create {"record":{"Name":"A","StatusId":"` + statusNew + `","EntityType":"COMPANY","CompanyName":"Meta"}}`,
		`create {"record":{"Name":"A","StatusId":"` + statusNew + `","EntityType":"GLOBAL","CompanyName":"IBM"}}`,
	}
	check(t, validate.Config{}, text, want...)
	want[1] = "~outer-blanks: Name \" a \" begins or ends with a blank; it is sent as it stands\n" + `create {"record":{"Name":" a ","StatusId":"` + statusNew + `","EntityType":"COMPANY","CompanyName":"ibm"}}`
	check(t, validate.Config{AllowDuplicates: true}, text, want...)
	check(t, validate.Config{AllowDuplicates: true}, "Gsid,Name\n"+goal1+",A\n"+goal1+",B\n",
		`update {"record":{"Gsid":"`+goal1+`","Name":"A"}}`,
		"duplicate: line 2 already updates the Gsid "+goal1)
}

func TestManyRowsAreToldApart(t *testing.T) {
	var b strings.Builder
	b.WriteString("Gsid,Name\n")
	const n = 5000
	for i := range n {
		fmt.Fprintf(&b, "1CG0%032d,A\n", i)
	}
	fmt.Fprintf(&b, "1CG0%032d,B\n", 17)
	c, table := compile(t, validate.Config{}, b.String())
	for i, line := range lines(t, c, table) {
		if dup := strings.HasPrefix(line, "duplicate: line 19 "); dup != (i == n) {
			t.Fatalf("row %d: %s", i, line)
		}
	}
}

func TestIDMap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ids.csv")
	if err := os.WriteFile(path, []byte("object,NAME,gsid\nCompanies,IBM,"+ibm+"\ncompany,Twin,"+ibm[:35]+"1\ncompany,twin ,"+ibm[:35]+"2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ids, err := validate.ReadIDMap(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	// Twins cannot be told apart by their name.
	if got := ids.Listed("Company"); len(got) != 1 || got[0] != [2]string{"IBM", ibm} {
		t.Errorf("listed %q", got)
	}
	if ids.Learn("relationship", "R", ibm); ids.Listed("relationship") != nil || ids.Listed("opportunity") != nil {
		t.Error("what no file lists is listed")
	}
	check(t, validate.Config{IDs: ids}, "Name,Status,EntityType,Company,CompanyId,Opportunity\n"+
		"A,New,COMPANY, ibm ,,\n"+
		"B,New,COMPANY,IBN,,\n"+
		"C,New,COMPANY,TWIN,,\n"+
		"D,New,COMPANY,IBM,"+ibm[:35]+"9,\n"+
		"E,New,COMPANY,"+ibm+",,\n"+
		"F,New,OPPORTUNITY,,,Deal\n"+
		"G,New,COMPANY,Zwilling und Partner,,\n",
		`create {"record":{"Name":"A","StatusId":"`+statusNew+`","EntityType":"COMPANY","CompanyId":"`+ibm+`"}}`,
		`unknown-company: company "IBN" is not in the id map; closest: "IBM"`,
		`ambiguous-company: company "TWIN" is the name of `+ibm[:35]+`1 and `+ibm[:35]+`2 in the id map`,
		`conflict: CompanyId is `+ibm[:35]+`9, but the id map says that "IBM" is `+ibm,
		`create {"record":{"Name":"E","StatusId":"`+statusNew+`","EntityType":"COMPANY","CompanyId":"`+ibm+`"}}`,
		`create {"record":{"Name":"F","StatusId":"`+statusNew+`","EntityType":"OPPORTUNITY","OpportunityName":"Deal"}}`,
		`unknown-company: company "Zwilling und Partner" is not in the id map`)
}

func TestLearnedIDs(t *testing.T) {
	ids := &validate.IDMap{}
	ids.Learn("company", "IBM", ibm)
	check(t, validate.Config{IDs: ids}, "Name,Status,EntityType,Company\nA,New,COMPANY,ibm\nA,New,COMPANY,Meta\n",
		`create {"record":{"Name":"A","StatusId":"`+statusNew+`","EntityType":"COMPANY","CompanyId":"`+ibm+`"}}`,
		`create {"record":{"Name":"A","StatusId":"`+statusNew+`","EntityType":"COMPANY","CompanyName":"Meta"}}`)
}

func TestIDMapErrors(t *testing.T) {
	for text, want := range map[string]string{
		"Object,Name\ncompany,IBM\n":                          "id map ids.csv: no column Gsid; an id map has the columns Object, Name and Gsid, this file has Object, Name",
		"Object,Name,Gsid\ncompany,IBM,\n":                    "id map ids.csv:2: Object, Name and Gsid must all be filled",
		"Object,Name,Gsid\ncompany," + ibm + ",IBM\n":         `id map ids.csv:2:9: the name "` + ibm + `" is a Gsid; are Name and Gsid swapped?`,
		"Object,Name,Gsid\ncompany,IBM," + ibm[:35] + "\n":    `id map ids.csv:2:13: Gsid "` + ibm[:35] + `" has 35 characters, a Gsid has 36; copy the Gsid anew from Gainsight`,
		"Object,Name,Gsid,G_sid\ncompany,IBM," + ibm + ",x\n": "id map ids.csv:1:18: two columns Gsid; leave one out",
	} {
		path := filepath.Join(t.TempDir(), "ids.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := validate.ReadIDMap(t.Context(), path); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestBlankError(t *testing.T) {
	check(t, validate.Config{BlankError: true}, "Gsid,Name,Status,EntityType,CompanyId,CompanyName,CTA Remove,DueDate\n"+
		",A,New,COMPANY,"+ibm+",,,\n",
		"blank: DueDate is blank")
}

func TestModifiedDate(t *testing.T) {
	for text, want := range map[string]int64{"1675156758024": 1675156758024, "2023-01-31T09:19:18.024Z": 1675156758024, "2023-01-31 09:19:18": 1675156758000, "": 0, "soon": 0} {
		c, table := compile(t, validate.Config{}, "Gsid,Name,ModifiedDate\n"+goal1+",A,"+text+"\n")
		var op validate.Operation
		for row := range table.Rows() {
			if p := c.Check(row, &op); len(p) != 0 != (text == "soon") {
				t.Errorf("%q: %v", text, p)
			}
		}
		if op.ModifiedDate != want {
			t.Errorf("%q: %d, want %d", text, op.ModifiedDate, want)
		}
	}
}

func TestCheckUpdate(t *testing.T) {
	c, table := compile(t, validate.Config{Picklists: tenant()}, "Name,Status,EntityType,CompanyId\nA,New,COMPANY,"+ibm+"\n")
	var op validate.Operation
	for row := range table.Rows() {
		if p := c.Check(row, &op); len(p) > 0 || op.Action != validate.Create {
			t.Error(p, op)
		}
		if p := c.CheckUpdate(row, goal1, &op); len(p) > 0 {
			t.Error(p)
		}
	}
	if got, want := string(op.Item), `{"record":{"Gsid":"`+goal1+`","Name":"A","StatusId":"`+statusNew+`"}}`; got != want {
		t.Errorf("item %s, want %s", got, want)
	}
}

func TestGlobalNeedsNoParentColumn(t *testing.T) {
	check(t, validate.Config{}, "Name,Status,EntityType\nA,New,Global\n", `create {"record":{"Name":"A","StatusId":"`+statusNew+`","EntityType":"GLOBAL"}}`)
}

func TestGroups(t *testing.T) {
	var b strings.Builder
	b.WriteString("Gsid,Status,Name\n")
	for i := range 40 {
		status := "Ontrack"
		if i >= 37 {
			status = "Wrong"
		}
		fmt.Fprintf(&b, "1CG0%032d,%s,N\n", i, status)
	}
	for i := range 60 {
		fmt.Fprintf(&b, "BAD%d,,N\n", i)
	}
	c, table := compile(t, validate.Config{Picklists: tenant()}, b.String())
	var g validate.Groups
	var op validate.Operation
	for row := range table.Rows() {
		for _, p := range c.Check(row, &op) {
			g.Add(p)
		}
	}
	if g.Errors() != 100 || g.Warnings() != 0 || g.Dropped() != 0 {
		t.Errorf("%d errors, %d warnings, %d dropped", g.Errors(), g.Warnings(), g.Dropped())
	}
	all := g.All()
	if len(all) != 28 {
		t.Fatalf("%d groups", len(all))
	}
	var got []string
	for _, i := range []int{0, 1, 2, 27} {
		got = append(got, all[i].Text())
	}
	want := []string{
		`goals.csv:2:38: status "Ontrack" is not in this tenant; closest: "On Track" (37 rows: line 2, line 3, line 4 …)`,
		`goals.csv:39:38: status "Wrong" is not in this tenant; it has New, On Track, Risk, risk (3 rows: line 39, line 40, line 41)`,
		`goals.csv:42:1: Gsid "BAD0" has 4 characters, a Gsid has 36`,
		`goals.csv:67:1: Gsid "BAD25" has 5 characters, a Gsid has 36 (35 rows with this and other values: line 67, line 68, line 69 …)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := `write one of this tenant's names, or map the value under columns: "Status": {field: StatusName, values: {"Ontrack": "On Track"}}`; all[0].Mend != want {
		t.Errorf("mend %s", all[0].Mend)
	}
	wantMap := "version: 1\ncolumns:\n  \"Status\":\n    field: StatusName\n    values:\n      \"Ontrack\": \"On Track\"\n      \"Wrong\": \"?\"\n"
	if diff := cmp.Diff(wantMap, g.ValueMaps()); diff != "" {
		t.Error(diff)
	}
	load(t, g.ValueMaps())
}

func TestGroupsAreBounded(t *testing.T) {
	var g validate.Groups
	for i := range 3000 {
		g.Add(validate.Problem{Line: i, Code: "c", Field: fmt.Sprint("f", i), Value: "v", Message: "m"})
	}
	if len(g.All()) != 1000 || g.Errors() != 3000 || g.Dropped() != 2000 {
		t.Errorf("%d groups, %d errors, %d dropped", len(g.All()), g.Errors(), g.Dropped())
	}
}

// TestEqualContentEqualHash: neither the order of the columns nor the writing
// of the headers and of the values changes what is sent.
func TestEqualContentEqualHash(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		fields := []struct{ headers, cells []string }{
			{[]string{"Name", "GOAL NAME", "goal_name"}, []string{"Renew é"}},
			{[]string{"Status", "status name", "StatusId"}, []string{statusNew}},
			{[]string{"EntityType", "entity-type", "ENTITY"}, []string{"COMPANY", "company", " Company"}},
			{[]string{"Company", "company_name", "CompanyName"}, []string{"IBM", " IBM "}},
			{[]string{"DueDate", "due date"}, []string{"2025-03-04", "2025/3/4", "4 Mar 2025"}},
			{[]string{"a__gc", "a__GC"}, []string{"x"}},
			{[]string{"b__gc"}, []string{"y"}},
			{[]string{"metric.Usage.basevalue", "METRIC.usage.Base Value", "metric." + metricPct + ".baseValue"}, []string{"15", "15%", "15.0"}},
			{[]string{"metric.a.r.r. growth.targetValue"}, []string{"8"}},
			{[]string{"CTA", "ctas"}, []string{cta1 + ";" + cta2, cta1 + " ; " + cta2}},
		}
		build := func(label string) validate.Operation {
			order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).Draw(rt, label)
			var header, row []string
			for _, i := range order {
				header = append(header, rapid.SampledFrom(fields[i].headers).Draw(rt, label+" header"))
				row = append(row, rapid.SampledFrom(fields[i].cells).Draw(rt, label+" cell"))
			}
			return firstOperation(rt, filepath.Join(dir, "goals.csv"), strings.Join(header, ",")+"\n"+strings.Join(row, ",")+"\n")
		}
		a, b := build("a"), build("b")
		hash := func(op validate.Operation) [16]byte {
			return validate.PayloadHash("goals", op.Action, op.Gsid, op.Item, op.Lookups)
		}
		if hash(a) != hash(b) || a.Key != b.Key || string(a.Item) != string(b.Item) {
			rt.Fatalf("%s\n%s", a.Item, b.Item)
		}
	})
}

// firstOperation is the operation of the first row of a CSV text.
func firstOperation(t rapid.TB, path, text string) validate.Operation {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	c, err := validate.Compile(context.Background(), table, validate.Config{Picklists: tenant()})
	if err != nil {
		t.Fatal(err)
	}
	var op validate.Operation
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if p := c.Check(row, &op); len(p) > 0 {
			t.Fatal(p)
		}
	}
	return op
}

func FuzzDate(f *testing.F) {
	for _, seed := range []string{"2025-03-04", "3/4/2025 10:30 PM", "4-Mar-25", "2025-03-04T00:00:00+02:00", "31.12.1999", "::", "1/2/3"} {
		f.Add("DD/MM/YYYY", seed)
		f.Add("", seed)
	}
	f.Add("MMMM D, YY", "March 4, 25")
	f.Fuzz(func(t *testing.T, format, text string) {
		if iso, ok := validate.ParseDate(format, text); ok {
			if again, ok := validate.ParseDate("", iso); !ok || again != iso || len(iso) != 10 {
				t.Errorf("%q by %q gives %q", text, format, iso)
			}
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"1,234.5", "1e-7", "-0.0", "1 234", "٣", "1e999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := validate.TextNumber(text)
		if ok && !gainsight.IsNumber(n) {
			t.Errorf("%q gives %q, which is no JSON number", text, n)
		}
	})
}

// FuzzCheck checks whatever a cell may hold: a row is an operation or problems.
func FuzzCheck(f *testing.F) {
	f.Add("A", "New", "COMPANY", "03/04/2025", "<b onclick=x>", "1,5")
	f.Add("#N/A", "\x00", "", "45720", "<script", "15%")
	c, _ := compile(f, validate.Config{Picklists: tenant(), AllowDuplicates: true}, "Name,Status,EntityType,CompanyId,DueDate,Description,metric.Usage.baseValue,CTA\nA,New,GLOBAL,,,,,\n")
	f.Fuzz(func(t *testing.T, name, status, entity, due, description, metric string) {
		var op validate.Operation
		cells := []readers.Cell{{Text: name}, {Text: status}, {Text: entity}, {Text: ibm}, {Text: due}, {Text: description}, {Text: metric}, {Text: description}}
		for _, p := range c.Check(readers.Row{Line: 2, Cells: cells}, &op) {
			if p.Message == "" || p.Code == "" || p.Mend == "" || strings.ContainsAny(p.Message+p.Mend, "\x00\x1b\n\u202e") || !utf8.ValidString(p.Message+p.Mend) {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	c, row := benchRow(b)
	var op validate.Operation
	b.ReportAllocs()
	for b.Loop() {
		if p := c.Check(row, &op); len(p) > 0 {
			b.Fatal(p)
		}
	}
}

// BenchmarkScout looks at the row that BenchmarkCheck checks.
func BenchmarkScout(b *testing.B) {
	c, row := benchRow(b)
	scout := c.Scout()
	b.ReportAllocs()
	for b.Loop() {
		if !scout.Look(row).Clean {
			b.Fatal("not clean")
		}
	}
}

func benchRow(b *testing.B) (*validate.Checker, readers.Row) {
	b.Helper()
	c, _ := compile(b, validate.Config{Picklists: tenant(), AllowDuplicates: true},
		"Name,Status,Goal Type,EntityType,Company,Due Date,Description,Associated Work,cf_a__gc,cf_b__gc,cf_c__gc,CTA\nA,New,Default,COMPANY,IBM,2025-03-04,d,,x,y,z,\n")
	cells := []readers.Cell{{Text: "Adopt the product"}, {Text: "On Track"}, {Text: "Default"}, {Text: "COMPANY"}, {Text: "International Business"}, {Text: "2025-03-04"},
		{Text: "<p>Reach 80 per cent of seats</p>"}, {Text: "", Kind: readers.Blank}, {Text: "x"}, {Text: "y"}, {Text: "z"}, {Text: "", Kind: readers.Blank}}
	return c, readers.Row{Line: 2, Cells: cells}
}
