package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// awkward are texts that tables and programs stumble at.
func awkward() []string {
	return []string{
		"=1+1", "+1", "-1", "-1+1", "@x", "'=1", "''=x", "'", "'x", "007", "1e5", "0.10", "12345678901234567890", "TRUE", "false", "null",
		"2025-03-04", "03/04/2025", "a,b;c\td|e", `say "x"`, "two\nlines", "two\r\nlines", "\n=1", "\t=1", "＝1", "é", "e\u0301", "株式会社", "👩‍👧 x", "_x000D_", "_x0041_",
		"<p>a &amp; b</p>", "<b>=1</b>", "&lt;", "sep=;", "#N", "a\u2028b", "a\u00a0b", "  inner  ", "{}", "[1]", "\\n", "\"", "\ufffd",
	}
}

func someText(random *rand.Rand) string {
	list := awkward()
	text := list[random.IntN(len(list))]
	for random.IntN(3) == 0 {
		text += list[random.IntN(len(list))]
	}
	return text
}

// randomGoal is a record to create, and its associations.
func randomGoal(random *rand.Rand, n int, p *gainsight.Picklists) gainsight.Item {
	maybe := func(it *gainsight.Item, name string, v gainsight.Value) {
		if random.IntN(4) > 0 {
			it.Record = append(it.Record, gainsight.Field{Name: name, Value: v})
		}
	}
	name := fmt.Sprintf("%s %d", someText(random), n)
	if random.IntN(2) == 0 {
		name = someText(random) + fmt.Sprint(n)
	}
	statuses := slices.DeleteFunc(slices.Clone(p.Statuses), func(s gainsight.Status) bool { return !s.Active })
	it := gainsight.Item{Record: []gainsight.Field{
		{Name: "Name", Value: gainsight.String(name)},
		{Name: "StatusId", Value: gainsight.String(statuses[random.IntN(len(statuses))].Gsid)},
		{Name: "EntityType", Value: gainsight.String("COMPANY")}, {Name: "CompanyId", Value: gainsight.String(ibm)},
	}}
	maybe(&it, "DueDate", gainsight.String(time.Unix(random.Int64N(4e9), 0).UTC().Format(time.DateOnly)))
	description := someText(random)
	if random.IntN(20) == 0 {
		description = strings.Repeat("ü", 29_990) + description
	}
	maybe(&it, "Description", gainsight.String(description))
	maybe(&it, "cust_string_value__gc", gainsight.String(someText(random)))
	maybe(&it, "cust_number__gc", gainsight.Number([]string{"0", "-1", "0.1", "12345.678", "10.0", "123456789012345"}[random.IntN(6)]))
	maybe(&it, "cust_flag__gc", gainsight.Bool(random.IntN(2) == 0))
	maybe(&it, "cust_date__gc", gainsight.String("2026-02-28"))
	maybe(&it, "cust_multi__gc", gainsight.String("North;South"))
	return it
}

const ibm = "1P0275DAZIB1U41FWUD895S0FG38OCPH697T"

// typed are the mapping's types of what CSV cannot tell from text.
const typed = `version: 1
columns:
  cust_number__gc: {field: cust_number__gc, type: number}
  cust_flag__gc: {field: cust_flag__gc, type: bool}
`

// exporting is a tenant with goals, and what an export of it needs.
type exporting struct {
	*stage
	*desk
	picklists *gainsight.Picklists
}

func newExporting(t *testing.T, settings string) *exporting {
	t.Helper()
	s := newStage(t, settings)
	d := s.desk()
	t.Cleanup(func() { s.leave(d) })
	p, err := d.client.Picklists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &exporting{s, d, p}
}

func (x *exporting) create(it gainsight.Item) {
	x.Helper()
	slot, err := x.gate.Acquire(x.Context())
	if err != nil {
		x.Fatal(err)
	}
	if ans := x.client.CreateGoal(x.Context(), slot, it.AppendJSON(nil), nil); ans.Verdict != gainsight.Done {
		x.Fatalf("%s: %v", it.AppendJSON(nil), ans.Failure("create"))
	}
}

func exportSelect() []string {
	return []string{"Gsid", "Name", "StatusId", "GoalTypeId", "EntityType", "CompanyId", "RelationshipId", "OpportunityId", "DueDate", "Description",
		"CreatedDate", "ModifiedDate", "CreatedById", "ModifiedById", "cust_string_value__gc", "cust_number__gc", "cust_flag__gc", "cust_date__gc", "cust_multi__gc"}
}

// export exports all goals into the file name of a new folder.
func (x *exporting) export(name string, change func(*ExportConfig)) (Exported, error) {
	x.Helper()
	return x.exportTo(x.Context(), filepath.Join(x.TempDir(), name), change)
}

// exportTo goes on with an export to the same path that was broken off.
func (x *exporting) exportTo(ctx context.Context, path string, change func(*ExportConfig)) (Exported, error) {
	x.Helper()
	spool, err := x.shared.Spool(path, time.Hour, checkpoint.Holder{})
	if err != nil {
		x.Fatal(err)
	}
	defer func() {
		if err := spool.Close(); err != nil {
			x.Error(err)
		}
	}()
	ids := new(validate.IDMap)
	ids.Learn("company", "IBM", ibm)
	cfg := ExportConfig{
		Client: x.client, Spool: spool, Query: gainsight.Query{Select: exportSelect()}, Links: true,
		Labels: validate.NewLabels(x.picklists), Names: ids,
		Target: Target{Path: path, Manifest: func(out Exported) ([]byte, error) { return ManifestText(out) }},
	}
	cfg.Target.Format, cfg.Target.Gzip, err = writers.FormatOf(path)
	if err != nil {
		x.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	return Export(ctx, cfg)
}

// Goals that an export wrote are read back by import as what they were.
func TestExportRoundTrip(t *testing.T) {
	t.Parallel()
	seeds := 3
	if testing.Short() {
		seeds = 1
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			x := newExporting(t, "ambiguous=on")
			for i := range 80 {
				x.create(randomGoal(random, i, x.picklists))
			}
			for _, name := range []string{"g.csv", "g.xlsx", "g.jsonl", "g.csv.gz", "g.jsonl.gz"} {
				out, err := x.export(name, nil)
				if err != nil || out.NotesTotal > 0 {
					t.Fatalf("%s: %v, %v", name, err, out.Notes)
				}
				x.same(t, out.Files[0].Path, 80)
			}
		})
	}
}

// same wants the rows of a file to be updates that leave every goal as it is.
func (x *exporting) same(t *testing.T, path string, rows int) {
	t.Helper()
	goals := map[string]gainsight.Goal{}
	for g, err := range x.client.Goals(t.Context(), gainsight.Query{Select: exportSelect()}) {
		if err != nil {
			t.Fatal(err)
		}
		goals[g.Gsid] = g.Clone()
	}
	table, err := readers.Open(t.Context(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	cfg := validate.Config{Picklists: x.picklists}
	if table.Format() == readers.CSV {
		if cfg.Mapping, err = validate.LoadMapping("types.yaml", []byte(typed)); err != nil {
			t.Fatal(err)
		}
	}
	checker, err := validate.Compile(t.Context(), table, cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	src := Source{Table: table, Checker: checker}
	found, err := src.walk(t.Context(), nil, func(_ int64, row *readers.Row, op *validate.Operation, problems []validate.Problem) error {
		n++
		if op == nil || op.Action != validate.Update {
			t.Errorf("%s: row %d: %v", path, row.Line, problems)
			return nil
		}
		g := goals[op.Gsid]
		if want, got := wanted(&g), written(t, op); !maps.Equal(want, got) {
			t.Errorf("%s: row %d:\n%q\nwant\n%q", path, row.Line, got, want)
		}
		if op.ModifiedDate != int64(mustFloat(t, g.Text("ModifiedDate"))) {
			t.Errorf("%s: row %d: modified %d, want %s", path, row.Line, op.ModifiedDate, g.Text("ModifiedDate"))
		}
		return nil
	})
	if err != nil || n != rows || n != len(goals) || found.HeaderErrors > 0 {
		t.Errorf("%s: %d rows of %d goals, %v", path, n, len(goals), err)
	}
}

func mustFloat(t *testing.T, text string) float64 {
	t.Helper()
	var f float64
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// wanted is what an update of a goal by itself sends or compares.
func wanted(g *gainsight.Goal) map[string]string {
	want := map[string]string{}
	for _, field := range exportSelect() {
		raw := g.Fields[field]
		if raw == nil || strings.HasSuffix(field, "ById") || field == "CreatedDate" || field == "ModifiedDate" {
			continue
		}
		want[field] = canonical(raw)
	}
	return want
}

// canonical is a value as equal values are written: 10.0 is 10.
func canonical(raw json.RawMessage) string {
	var v any
	_ = json.Unmarshal(raw, &v) // it was read as JSON before
	if f, ok := v.(float64); ok && f == math.Trunc(f) {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%T %v", v, v)
}

// written is what an operation sends and compares.
func written(t *testing.T, op *validate.Operation) map[string]string {
	t.Helper()
	var item struct {
		Record map[string]json.RawMessage `json:"record"`
	}
	if err := json.Unmarshal(op.Item, &item); err != nil {
		t.Fatal(err)
	}
	for _, f := range op.Compare {
		item.Record[f.Name] = f.Value.AppendJSON(nil)
	}
	got := map[string]string{}
	for name, raw := range item.Record {
		got[name] = canonical(raw)
	}
	return got
}

// A text that no cell of a workbook holds is whole in CSV and JSONL, and a
// blank cell with a note in XLSX.
func TestExportOfLongText(t *testing.T) {
	t.Parallel()
	x := newExporting(t, "")
	it := randomGoal(rand.New(rand.NewPCG(1, 1)), 1, x.picklists)
	it.Record = slices.DeleteFunc(it.Record, func(f gainsight.Field) bool { return f.Name == "Description" })
	long := strings.Repeat("long ", 8000)
	it.Record = append(it.Record, gainsight.Field{Name: "Description", Value: gainsight.String(long)})
	x.create(it)
	for _, name := range []string{"g.csv", "g.jsonl"} {
		out, err := x.export(name, nil)
		if err != nil || out.NotesTotal > 0 {
			t.Fatalf("%v, %v", err, out.Notes)
		}
		x.same(t, out.Files[0].Path, 1)
	}
	out, err := x.export("g.xlsx", nil)
	if err != nil || out.NotesTotal != 1 || !strings.Contains(out.Notes[0], "row 2, Description: 40000 characters") {
		t.Errorf("%v, %v", err, out.Notes)
	}
}

func TestExportSplitSortedAndRefused(t *testing.T) {
	t.Parallel()
	x := newExporting(t, "")
	random := rand.New(rand.NewPCG(3, 3))
	for i := range 25 {
		x.create(randomGoal(random, i, x.picklists))
	}
	out, err := x.export("g.csv", func(cfg *ExportConfig) {
		cfg.Target.Split, cfg.Sort = 10, Sort{Field: "DueDate", Down: true}
		cfg.Query.Select = append(cfg.Query.Select, "nothing__gc")
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Files) != 3 || out.Files[2].Rows != 5 || out.Rows != 25 || !slices.Equal(out.Dropped, []string{"nothing__gc"}) {
		t.Errorf("%+v", out)
	}
	var dues []string
	for i, file := range out.Files {
		if !strings.HasSuffix(file.Path, fmt.Sprintf("g-%03d.csv", i+1)) {
			t.Errorf("piece %s", file.Path)
		}
		dues = append(dues, column(t, file.Path, "DueDate")...)
	}
	blank := slices.Index(dues, "")
	if blank < 0 || strings.Join(dues[blank:], "") != "" || !slices.IsSortedFunc(dues[:blank], func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("due dates in order: %q", dues)
	}
	_, err = x.export("g.csv", func(cfg *ExportConfig) {
		cfg.Query.Select = append(cfg.Query.Select, "nothing__gc")
		cfg.Asked = []string{"nothing__gc"}
	})
	if refused, ok := err.(*RefusedFieldError); !ok || refused.Fields[0] != "nothing__gc" { //nolint:errorlint // the error itself
		t.Errorf("a field asked for by name: %v", err)
	}
}

func column(t *testing.T, path, name string) []string {
	t.Helper()
	table, err := readers.Open(t.Context(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	i := slices.Index(table.Header(), name)
	var cells []string
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		cells = append(cells, strings.Clone(row.Cells[i].Text))
	}
	return cells
}

// Whatever breaks an export off, no file has changed, and the next one is whole.
func TestExportThatFails(t *testing.T) {
	t.Parallel()
	x := newExporting(t, "")
	random := rand.New(rand.NewPCG(4, 4))
	for i := range 5 {
		x.create(randomGoal(random, i, x.picklists))
	}
	dir := ""
	_, err := x.export("g.csv", func(cfg *ExportConfig) {
		dir = filepath.Dir(cfg.Target.Path)
		cfg.Target.Manifest = func(Exported) ([]byte, error) { return nil, context.DeadlineExceeded }
	})
	left, globErr := filepath.Glob(filepath.Join(dir, "*"))
	if err == nil || globErr != nil || len(left) > 0 {
		t.Errorf("%v, left %v", err, left)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
