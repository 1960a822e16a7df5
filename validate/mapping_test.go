package validate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/validate"
)

func load(t testing.TB, text string) *validate.Mapping {
	t.Helper()
	m, err := validate.LoadMapping("map.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMapping(t *testing.T) {
	m := load(t, `
version: 1
object: goals
date_format: DD/MM/YYYY
clear_token: "-"
columns:
  Title: Name
  Account: CompanyName
  Notes: ignore
  Stage:
    field: StatusName
    values: {Green: On Track, Red: "?", Grey: "", 01: New, no: New}
    otherwise: error
  Segment: {field: segment__gc, values: {E: Enterprise}, default: Other, on_blank: default}
  Seats: {field: seats__gc, type: number}
  Live: {field: live__gc, type: date, date_format: D MMM YYYY, clear_token: none}
  Partner: {field: partner__gc, lookup: {object: company, multi_match: first, on_no_match: "null"}}
constants:
  EntityType: company
objects:
  company: account
`)
	head := "Title,Account,NOTES,stage,Segment,Seats,Live,Partner,Due Date,Gsid\n"
	check(t, validate.Config{Mapping: m}, head+
		"A,IBM,x,green,e,1e2,4 Mar 2025,Meta,03/04/2025,\n"+
		"B,IBM,,01,,,none,,,"+goal1+"\n"+
		"C,IBM,,red,X,ten,4/3/2025,"+ibm+",-,"+goal2+"\n"+
		"D,IBM,,Grey,X,,,,,"+goal1[:35]+"5\n"+
		"E,IBM,,Blue,X,,,,,"+goal1[:35]+"6\n"+
		"F,IBM,,NO,X,,,,,"+goal1[:35]+"7\n",
		`create {"record":{"Name":"A","StatusId":"`+statusOn+`","EntityType":"COMPANY","CompanyName":"IBM","DueDate":"2025-04-03","live__gc":"2025-03-04","partner_name":"Meta","seats__gc":100,"segment__gc":"Enterprise"}}`,
		`update {"record":{"Gsid":"`+goal1+`","Name":"B","StatusId":"`+statusNew+`","live__gc":null,"segment__gc":"Other"}}`,
		`unsure-value: StatusName "red" is mapped to ?, which nobody decided yet`+"\n"+
			`not-a-date: live__gc "4/3/2025": it has not the form D MMM YYYY`+"\n"+
			`not-a-number: seats__gc "ten" is no number`,
		`update {"record":{"Gsid":"`+goal1[:35]+`5","Name":"D","segment__gc":"Other"}}`,
		`unmapped-value: StatusName "Blue" is not in the value map of its column`,
		`update {"record":{"Gsid":"`+goal1[:35]+`7","Name":"F","StatusId":"`+statusNew+`","segment__gc":"Other"}}`,
	)
	c, table := compile(t, validate.Config{Mapping: m, Picklists: tenant()}, head+"A,IBM,x,green,e,1e2,4 Mar 2025,Meta,03/04/2025,\n")
	var op validate.Operation
	for row := range table.Rows() {
		c.Check(row, &op)
	}
	want := `{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"account","multiMatchOption":"MARKASERROR","onNoMatch":"ERROR"},` +
		`"partner__gc":{"fields":{"partner_name":"Name"},"lookupField":"Gsid","objectName":"account","multiMatchOption":"FIRSTMATCH","onNoMatch":"NULLABLE"}}`
	if diff := cmp.Diff(want, string(op.Lookups)); diff != "" {
		t.Error(diff)
	}
	if op.ServerNames != "company IBM\naccount Meta" {
		t.Errorf("server names %q", op.ServerNames)
	}
}

func TestMappingSendsParentsOnPurpose(t *testing.T) {
	m := load(t, "version: 1\ncolumns:\n  Owner:\n    field: CompanyId\n    on_update: send\n")
	check(t, validate.Config{Mapping: m}, "Gsid,Owner\n"+goal1+","+ibm+"\n", `update {"record":{"Gsid":"`+goal1+`","CompanyId":"`+ibm+`"}}`)
}

func TestMappingErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"columns: {A: Name}", `no version; begin the file with "version: 1"`},
		{"version: 2", `version is "2", want 1`},
		{"version: 1\ncolums: {}", `the mapping file has no key "colums"; did you mean columns?`},
		{"version: 1\ncolumns:\n  A: Nmae", `there is no field "Nmae"; did you mean Name?`},
		{"version: 1\ncolumns:\n  A: CreatedDate", `the field CreatedDate is written by the server`},
		{"version: 1\ncolumns:\n  A: Name\n  B: Goal Name", `line 4: column "B" and column "A" are both for Goal Name; leave one out`},
		{"version: 1\ncolumns:\n  A B: Name\n  a_b: Status", `columns "A B" and "a_b" are one header`},
		{"version: 1\ncolumns:\n  A: Name\n  A: Status", `already defined`},
		{"version: 1\ncolumns:\n  A:\n    field: Status\n    otherwise: error", `column "A" says otherwise, but has no values`},
		{"version: 1\ncolumns:\n  A:\n    field: Status\n    type: text", `type is for custom fields (…__gc), not for Status`},
		{"version: 1\ncolumns:\n  A:\n    field: Name\n    date_format: DD/MM/YYYY", `date_format is for dates, not for Name`},
		{"version: 1\ncolumns:\n  A:\n    field: Name\n    on_update: send", `on_update is for the fields that place a goal, not for Name`},
		{"version: 1\ncolumns:\n  A:\n    values: {x: y}", `column "A" has no field`},
		{"version: 1\ncolumns:\n  A:\n    field: Status\n    values: {x: y, X : z}", `value "X" is there twice, without regard to case and outer blanks`},
		{"version: 1\ncolumns: [A, B]", `columns must be a mapping of keys to values`},
		{"version: 1\ncolumns:\n  A: [Name]", `column "A" must be a single value`},
		{"version: 1\nclear_token: '#N/A'", `clear_token "#N/A" is an Excel error value; a broken formula must not clear a field`},
		{"version: 1\ndate_format: DD/MM", `date format "DD/MM": day, month and year must all be there`},
		{"version: 1\ncolumns: &a {A: Name}\nconstants: *a", `anchors, aliases, merges and tags are not used here`},
		{"version: 1\n---\nversion: 1", `want one YAML document, have 2`},
		{"", `want one YAML document, have 0`},
		{"version: 1\n\tcolumns", `[2:`},
		{"version: 1\nconstants: {EntityType: }", `constant EntityType is blank; leave it out`},
		{"version: 1\nobjects: {contact: c}", `objects has no key "contact"`},
		{"version: 1\ncolumns:\n  A:\n    field: Name\n    lookup: {object: company}", `lookup is for custom fields (…__gc), not for Name`},
		{"version: 1\ncolumns:\n  A:\n    field: a__gc\n    lookup: {match: Name}", `a lookup needs an object`},
	} {
		_, err := validate.LoadMapping("map.yaml", []byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "mapping map.yaml: ") {
			t.Errorf("%q:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestMappingErrorShowsTheLine(t *testing.T) {
	_, err := validate.LoadMapping("map.yaml", []byte("version: 1\ncolumns:\n  Account: CompanyNmae\n"))
	want := `mapping map.yaml: [3:12] there is no field "CompanyNmae"; did you mean CompanyName?
   1 | version: 1
   2 | columns:
>  3 |   Account: CompanyNmae
                  ^`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestMappingHelpIsAMapping(t *testing.T) {
	var lines []string
	for line := range strings.Lines(validate.MappingHelp) {
		if strings.HasPrefix(line, "  ") {
			lines = append(lines, strings.TrimPrefix(line, "  "))
		}
	}
	load(t, strings.Join(lines, ""))
	for _, key := range validate.MappingKeys() {
		if help := validate.MappingHelp; !strings.Contains(help, key+":") {
			t.Errorf("the help does not mention %s", key)
		}
	}
}

// setHint ends the message of a missing column that one value may stand for.
const setHint = "; name the columns so, map them with --map, or give one value for all rows with --set FIELD=VALUE"

func TestHeaders(t *testing.T) {
	for _, test := range []struct{ header, row, want string }{
		{"Name,Stauts,EntityType,Company", "A,New,COMPANY,IBM", `goals.csv: no column for StatusName (Status, StatusName or StatusId; did you mean column "Stauts"?)` + setHint},
		{"Title,Status,EntityType,Company", "A,New,COMPANY,IBM", `goals.csv: no column for Name (Name); name the column so`},
		{"Name,Status,EntityType", "A,New,COMPANY", `goals.csv: no column for CompanyName (Company, CompanyName or CompanyId)` + setHint},
		{"Name,Goal Name,Status,EntityType,Company", "A,A,New,COMPANY,IBM", `goals.csv:1:6: columns "Name" and "Goal Name" are both for Name; rename one, or ignore one in a mapping`},
		{"Gsdi,Status", goal1 + ",New", `goals.csv: no column for Gsid (Gsid; did you mean column "Gsdi"?), nor for Name (Name), nor for EntityType (Entity Type or EntityType)` + setHint},
		{"Name", "A", "goals.csv: no column for StatusName (Status, StatusName or StatusId), nor for EntityType (Entity Type or EntityType)" +
			"; the file reads as one column: name its --delimiter or --header-row, or the columns"},
	} {
		table := openCSV(t, test.header+"\n"+test.row+"\n")
		_, err := validate.Compile(t.Context(), table, validate.Config{Picklists: tenant()})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s:\n got %v\nwant %s", test.header, err, test.want)
		}
		var missing *validate.MissingColumnError
		var column *validate.ColumnError
		if !errors.As(err, &missing) && !errors.As(err, &column) {
			t.Errorf("%s: %T", test.header, err)
		}
	}
}

func TestMissingMappedHeader(t *testing.T) {
	m := load(t, "version: 1\ncolumns:\n  Acount: CompanyName\n")
	table := openCSV(t, "Gsid,Account\n"+goal1+",IBM\n")
	_, err := validate.Compile(t.Context(), table, validate.Config{Mapping: m})
	want := `mapping map.yaml: line 3: goals.csv has no column "Acount"; did you mean "Account"?`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestColumns(t *testing.T) {
	c, _ := compile(t, validate.Config{Picklists: tenant(), Set: []validate.Constant{{Field: "Entity type", Value: "GLOBAL"}}, OnUnknownColumn: "warn"},
		"_line,Gsid,Name,Status,Nonsense,Created Date,ModifiedDate,Entity Type,CompanyId,My_Field__GC,metric.usage.baseValue\n2,,,,,,,,,,\n")
	want := []validate.Column{
		{Index: 0, Header: "_line", Use: validate.Report},
		{Index: 1, Header: "Gsid", Field: "Gsid", Use: validate.Sent},
		{Index: 2, Header: "Name", Field: "Name", Use: validate.Sent},
		{Index: 3, Header: "Status", Field: "StatusName", Use: validate.Sent},
		{Index: 4, Header: "Nonsense", Use: validate.Unknown},
		{Index: 5, Header: "Created Date", Field: "CreatedDate", Use: validate.ReadOnly},
		{Index: 6, Header: "ModifiedDate", Field: "ModifiedDate", Use: validate.Noticed},
		{Index: 7, Header: "Entity Type", Field: "EntityType", Use: validate.Ignored},
		{Index: 8, Header: "CompanyId", Field: "CompanyId", Use: validate.Compared},
		{Index: 9, Header: "My_Field__GC", Field: "My_Field__gc", Use: validate.Sent},
		{Index: 10, Header: "metric.usage.baseValue", Field: "metric.usage.baseValue", Use: validate.Sent},
		{Index: -1, Field: "EntityType", Use: validate.Compared},
	}
	if diff := cmp.Diff(want, c.Columns()); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, p := range c.HeaderProblems() {
		got = append(got, p.Place.String()+": "+p.Code+": "+p.Message)
	}
	if diff := cmp.Diff([]string{
		`goals.csv:1:24: unknown-column: column "Nonsense" is no field`,
		`goals.csv:1:59: constant-wins: column "Entity Type" is not used: EntityType is set to "GLOBAL" for every row`,
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMisspeltGsidIsNeverIgnored(t *testing.T) {
	c, _ := compile(t, validate.Config{Picklists: tenant(), OnUnknownColumn: "ignore"}, "Gsdi,Name,Status,EntityType,Company,Other\n,A,New,COMPANY,IBM,x\n")
	p := c.HeaderProblems()
	if len(p) != 1 || p[0].Warning || p[0].Message != `column "Gsdi" is no field; did you mean Gsid?` {
		t.Errorf("%+v", p)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, test := range []struct {
		cfg  validate.Config
		want string
	}{
		{validate.Config{Mode: "remove"}, `mode "remove": want auto, create, update or upsert`},
		{validate.Config{OnUnknownColumn: "x"}, `on-unknown-column "x": want error, warn or ignore`},
		{validate.Config{ClearToken: "#n/a"}, `clear-token "#n/a" is an Excel error value; a broken formula must not clear a field`},
		{validate.Config{Set: []validate.Constant{{Field: "Stauts", Value: "New"}}}, `--set Stauts: there is no such field; did you mean Status?`},
		{validate.Config{Set: []validate.Constant{{Field: "Status", Value: " "}}}, `--set Status has no value; leave it out, or use --clear-token to clear a field`},
		{validate.Config{Set: []validate.Constant{{Field: "Gsid", Value: goal1}}}, `--set Gsid: this field cannot be the same for every row, or is written by the server`},
	} {
		_, err := validate.Compile(t.Context(), openCSV(t, "Gsid,Name\n"+goal1+",A\n"), test.cfg)
		if err == nil || err.Error() != test.want {
			t.Errorf("%+v:\n got %v\nwant %s", test.cfg, err, test.want)
		}
	}
}

func TestFieldsAreUnderstood(t *testing.T) {
	seen := map[string]string{}
	for _, f := range validate.Fields("goals") {
		if f.About == "" || f.Type == "" || f.Create == "" || f.Update == "" {
			t.Errorf("field %s is not described: %+v", f.Name, f)
		}
		for _, h := range append(f.Headers, f.Name) {
			if other, dup := seen[h]; dup {
				t.Errorf("header %q is for both %s and %s", h, other, f.Name)
			}
			seen[h] = f.Name
		}
	}
	if validate.Fields("nonsense") != nil {
		t.Error("fields of nonsense")
	}
}

func FuzzLoadMapping(f *testing.F) {
	f.Add([]byte("version: 1\ncolumns:\n  A: Name\n  B: {field: Status, values: {x: y}}\n"))
	f.Add([]byte("version: 1\nconstants: {EntityType: GLOBAL}\nobjects: {company: c}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? - x\n: |\n  y\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := validate.LoadMapping("m", src)
		if (m == nil) == (err == nil) {
			t.Errorf("mapping %v, error %v", m, err)
		}
	})
}
