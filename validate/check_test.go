package validate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
)

// Gsids of the tests' tenant.
const (
	goal1      = "1CG03GFNBH1NOBHOND0312RSO7BB9EGHHBX2"
	goal2      = "1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9"
	ibm        = "1P02GZA9BI8FRI07JF95E331G0FA4RHW6LUB"
	user       = "1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES"
	statusNew  = "1I005IUOFEZ24SJ62ZZHOLW1BP2Z1M8O4IIN"
	statusOn   = "1I005IUOFEZ24SJ62ZMBHO3HEB0OV9XW41D9"
	statusOld  = "1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z"
	statusDup1 = "1I005IUOFEZ24SJ62ZSUKB6C3WN620DSIBY1"
	statusDup2 = "1I005IUOFEZ24SJ62ZSUKB6C3WN620DSIBY2"
	typeAny    = "1I00GO4Q83RGDEM94Y417YFL8IB9L9R5WO99"
	typeComp   = "1I00GO4Q83RGDEM94YVKZHCWLIHJNZ6NBPWE"
	metricARR  = "1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ"
	metricPct  = "1I0056K976K5AXWOB1KBHCAG860QZ6E3JG52"
	cta1       = "1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J"
	cta2       = "1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC"
	sp1        = "1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B"
	relType    = "1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII"
	work1      = "1I005G22HP9QX1NRFCMFSKO6E6SA4ZP9ZQ4B"
)

// tenant is what the tests' tenant allows.
func tenant() *gainsight.Picklists {
	return &gainsight.Picklists{
		Statuses: []gainsight.Status{
			{Gsid: statusNew, Name: "New", Active: true},
			{Gsid: statusOn, Name: "On Track ", Active: true},
			{Gsid: statusOld, Name: "Achieved", Active: false},
			{Gsid: statusDup1, Name: "Risk", Active: true},
			{Gsid: statusDup2, Name: "risk", Active: true},
		},
		GoalTypes: []gainsight.GoalType{
			{Gsid: typeAny, Name: "Default", Active: true, EntityIDs: []string{"ALL_ENTITY"}},
			{Gsid: typeComp, Name: "Adoption", Active: true, EntityIDs: []string{"COMPANY"}, Linked: true, StatusIDs: []string{statusNew}},
		},
		Metrics: []gainsight.Metric{
			{Gsid: metricARR, Name: "A.R.R. growth", UnitOfMeasure: "DECIMAL", Active: true},
			{Gsid: metricPct, Name: "Usage", UnitOfMeasure: "PERCENTAGE", Active: true},
		},
	}
}

// openCSV opens text as the file goals.csv.
func openCSV(t testing.TB, text string) *readers.Table {
	return openFile(t, "goals.csv", text)
}

// openFile opens text as a file of that name.
func openFile(t testing.TB, name, text string) *readers.Table {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := readers.Open(t.Context(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

// compile compiles a checker for a CSV text.
func compile(t testing.TB, cfg validate.Config, text string) (*validate.Checker, *readers.Table) {
	t.Helper()
	table := openCSV(t, text)
	c, err := validate.Compile(t.Context(), table, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, table
}

// lines checks all rows and returns one line for each: the item, or the
// problems; warnings are marked with ~ and come with the item.
func lines(t testing.TB, c *validate.Checker, table *readers.Table) []string {
	t.Helper()
	var out []string
	var op validate.Operation
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		fine := true
		for _, p := range c.Check(row, &op) {
			mark := ""
			if p.Warning {
				mark = "~"
			} else {
				fine = false
			}
			text = append(text, mark+p.Code+": "+p.Message)
		}
		if fine {
			text = append(text, string(op.Action)+" "+string(op.Item))
		}
		out = append(out, strings.Join(text, "\n"))
	}
	return out
}

// check compares what becomes of the rows of a CSV text.
func check(t *testing.T, cfg validate.Config, text string, want ...string) {
	t.Helper()
	if cfg.Picklists == nil {
		cfg.Picklists = tenant()
	}
	c, table := compile(t, cfg, text)
	if diff := cmp.Diff(want, lines(t, c, table)); diff != "" {
		t.Errorf("rows of\n%s\n(-want +got):\n%s", text, diff)
	}
}

// one compares what becomes of one cell in an otherwise good create.
func one(t *testing.T, cfg validate.Config, column, cell, want string) {
	t.Helper()
	check(t, cfg, "Name,Status,EntityType,CompanyId,"+column+"\nG,New,COMPANY,"+ibm+",\""+strings.ReplaceAll(cell, `"`, `""`)+"\"\n", want)
}

// made is the item of the create that one makes, with more keys.
func made(more string) string {
	if more != "" {
		more = "," + more
	}
	return `create {"record":{"Name":"G","StatusId":"` + statusNew + `","EntityType":"COMPANY","CompanyId":"` + ibm + `"` + more + `}}`
}

func TestCreate(t *testing.T) {
	text := "Goal Name,status,ENTITY_TYPE,Company,Due-Date,Description,cf_picklist__gc,CTA,SP\n" +
		"create_test1, new ,company,IBM,2022-12-21,<p><br>Desc 7</p>,CISCO," + cta1 + ";" + cta2 + "," + sp1 + "\n"
	c, table := compile(t, validate.Config{Picklists: tenant(), FirstMatch: true}, text)
	var op validate.Operation
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if problems := c.Check(row, &op); len(problems) > 0 {
			t.Fatal(problems)
		}
	}
	wantItem := `{"record":{"Name":"create_test1","StatusId":"` + statusNew + `","EntityType":"COMPANY","CompanyName":"IBM","DueDate":"2022-12-21","Description":"<p><br>Desc 7</p>","cf_picklist__gc":"CISCO"},` +
		`"association":{"CTA":["` + cta1 + `","` + cta2 + `"],"SP":["` + sp1 + `"]}}`
	wantLookups := `{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"company","multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"}}`
	if diff := cmp.Diff(wantItem, string(op.Item)); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantLookups, string(op.Lookups)); diff != "" {
		t.Errorf("lookups (-want +got):\n%s", diff)
	}
	if op.ServerNames != "company IBM" || op.Name != "create_test1" || op.Action != validate.Create {
		t.Errorf("operation %+v", op)
	}
	if op.Key != validate.NaturalKey("COMPANY", "", " ibm ", "CREATE_TEST1 ") {
		t.Error("the key is not that of NaturalKey")
	}
	if diff := cmp.Diff([]validate.NameCount{{Object: "company", Names: 1, Rows: 1}}, c.ServerNames()); diff != "" {
		t.Error(diff)
	}
}

func TestUpdate(t *testing.T) {
	check(t, validate.Config{ClearToken: "(clear)"},
		"Gsid,Name,StatusName,DueDate,Description,Company,Entity Type,AssociatedWork,CTA Remove\n"+
			goal1+",,On track,2022-12-24,(clear),IBM,company,,"+cta1+"\n"+
			goal2+",,,,,,,,\n"+
			goal1[:35]+"3,(clear),(clear),(clear),,,,(clear),(clear)\n",
		`update {"record":{"Gsid":"`+goal1+`","StatusId":"`+statusOn+`","DueDate":"2022-12-24","Description":null},"dissociation":{"CTA":["`+cta1+`"]}}`,
		"~nothing-to-do: the row changes nothing: all its cells are blank but for its Gsid\n"+`nothing {"record":{"Gsid":"`+goal2+`"}}`,
		"cannot-clear: Name cannot be cleared\ncannot-clear: Status cannot be cleared\ncannot-clear: CTA Remove cannot be cleared",
	)
}

func TestUpdateComparesParents(t *testing.T) {
	c, table := compile(t, validate.Config{Picklists: tenant()}, "Gsid,Name,Company,Entity Type,TemplateId\n"+goal1+",X,IBM,company,"+goal2+"\n")
	var op validate.Operation
	for row := range table.Rows() {
		c.Check(row, &op)
	}
	want := []gainsight.Field{{Name: "EntityType", Value: gainsight.String("COMPANY")}, {Name: "CompanyName", Value: gainsight.String("IBM")}}
	if diff := cmp.Diff(want, op.Compare, cmp.Comparer(func(a, b gainsight.Value) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if got, want := string(op.Item), `{"record":{"Gsid":"`+goal1+`","Name":"X"}}`; got != want {
		t.Errorf("item %s, want %s", got, want)
	}
	if op.Lookups != nil || op.ServerNames != "" || op.Key != [16]byte{} {
		t.Errorf("operation %+v", op)
	}
}

func TestRequired(t *testing.T) {
	head := "Gsid,Name,Status,EntityType,Company,Relationship,RelationshipTypeId,Opportunity,TemplateId\n"
	check(t, validate.Config{}, head+
		",A,,,,,,,\n"+
		",A,,COMPANY,,,,,"+goal1+"\n"+
		",A,New,relationship,,R,,,\n"+
		",A2,New,Relationship,IBM,R,"+relType+",,\n"+
		",A,New,OPPORTUNITY,IBM,,,,\n"+
		",B,New,Global,,,,,\n"+
		",C,New,COMPANY,IBM,R,,O,\n"+
		",D,New,Kompany,IBM,,,,\n",
		"required: Status is blank; a goal without a template needs a status\nrequired: EntityType is blank; a goal belongs to something",
		"required: Company is blank; a goal of EntityType COMPANY needs it",
		"required: RelationshipTypeId is blank; a goal of EntityType RELATIONSHIP needs it",
		`create {"record":{"Name":"A2","StatusId":"`+statusNew+`","EntityType":"RELATIONSHIP","CompanyName":"IBM","RelationshipName":"R","RelationshipTypeId":"`+relType+`"}}`,
		"required: Opportunity is blank; a goal of EntityType OPPORTUNITY needs it",
		`create {"record":{"Name":"B","StatusId":"`+statusNew+`","EntityType":"GLOBAL"}}`,
		`parent-of-other-entity: a goal of EntityType COMPANY has no relationship, the row names "R"`+"\n"+`parent-of-other-entity: a goal of EntityType COMPANY has no opportunity, the row names "O"`,
		`unknown-entity: EntityType "Kompany" is not known; closest: COMPANY`,
	)
	check(t, validate.Config{}, "Gsid,Status\n,New\n",
		"required: Name is missing: the file has no column for it, and a goal needs a name\nrequired: EntityType is missing: the file has no column for it, and a goal belongs to something")
}

func TestModes(t *testing.T) {
	text := "Gsid,Name,Status,EntityType,CompanyId\n" + goal1 + ",A,New,COMPANY," + ibm + "\n,B,New,COMPANY," + ibm + "\n"
	check(t, validate.Config{Mode: validate.CreateOnly}, text,
		`gsid-in-create: the row has the Gsid "`+goal1+`", and --mode create updates nothing`,
		`create {"record":{"Name":"B","StatusId":"`+statusNew+`","EntityType":"COMPANY","CompanyId":"`+ibm+`"}}`)
	check(t, validate.Config{Mode: validate.UpdateOnly}, text,
		`update {"record":{"Gsid":"`+goal1+`","Name":"A","StatusId":"`+statusNew+`"}}`,
		`required: Gsid is blank, and --mode update creates nothing`)
}

func TestStatus(t *testing.T) {
	for _, test := range []struct{ cell, want string }{
		{" ON\u00a0TRACK\u200b ", ""},
		{statusOn, ""},
		{"Ontrack", `unknown-status: status "Ontrack" is not in this tenant; closest: "On Track"`},
		{"Nwe", `unknown-status: status "Nwe" is not in this tenant; closest: "New"`},
		{"Completely other", `unknown-status: status "Completely other" is not in this tenant; it has New, On Track, Risk, risk`},
		{"Risk", `ambiguous-status: status "Risk" is the name of ` + statusDup1 + ` and ` + statusDup2},
		{"achieved", `inactive-status: status "Achieved" is inactive in this tenant`},
		{user, `unknown-status: status "` + user + `" is not in this tenant; it has New, On Track, Risk, risk`},
	} {
		want := test.want
		if want == "" {
			want = `create {"record":{"Name":"G","StatusId":"` + statusOn + `","EntityType":"GLOBAL"}}`
		}
		check(t, validate.Config{}, "Name,Status,EntityType\nG,"+test.cell+",GLOBAL\n", want)
	}
}

func TestStatusByNameAndID(t *testing.T) {
	check(t, validate.Config{}, "Name,StatusName,StatusId,EntityType\n"+
		"A,new,"+statusNew+",GLOBAL\n"+
		"B,,"+statusNew+",GLOBAL\n"+
		"C,On Track,"+statusNew+",GLOBAL\n"+
		"D,,New,GLOBAL\n",
		`create {"record":{"Name":"A","StatusId":"`+statusNew+`","EntityType":"GLOBAL"}}`,
		`create {"record":{"Name":"B","StatusId":"`+statusNew+`","EntityType":"GLOBAL"}}`,
		`conflict: StatusId is the Gsid of "New", StatusName says "On Track"`,
		`bad-gsid: StatusId "New" has 3 characters, a Gsid has 36`,
	)
}

func TestInactiveStatusOfAnUpdate(t *testing.T) {
	c, table := compile(t, validate.Config{Picklists: tenant()}, "Gsid,Status\n"+goal1+",Achieved\n")
	var op validate.Operation
	for row := range table.Rows() {
		for _, p := range c.Check(row, &op) {
			if !p.Warning {
				t.Error(p)
			}
		}
	}
	if diff := cmp.Diff([]string{"StatusId"}, op.Inactive); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutPicklists(t *testing.T) {
	c, table := compile(t, validate.Config{}, "Name,Status,Goal Type,EntityType\nA,Whatever,"+typeAny+",GLOBAL\n")
	want := []string{`create {"record":{"Name":"A","StatusName":"Whatever","GoalTypeId":"` + typeAny + `","EntityType":"GLOBAL"}}`}
	if diff := cmp.Diff(want, lines(t, c, table)); diff != "" {
		t.Error(diff)
	}
}

func TestGoalType(t *testing.T) {
	one(t, validate.Config{}, "Goal Type", "adoption", strings.Replace(made(""), `"EntityType"`, `"GoalTypeId":"`+typeComp+`","EntityType"`, 1))
	check(t, validate.Config{}, "Name,Status,EntityType,OpportunityId,GoalTypeName\nG,On Track,OPPORTUNITY,"+ibm+",Adoption\n",
		`status-of-other-type: status "On Track" does not belong to goal type "Adoption"`+"\n"+
			`~type-of-other-entity: goal type "Adoption" is not offered for OPPORTUNITY`)
}
