package validate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

func proposeText(t *testing.T, text string) *Proposal {
	t.Helper()
	path := filepath.Join(t.TempDir(), "g.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	lists := &gainsight.Picklists{Statuses: []gainsight.Status{{Gsid: "1I00A", Name: "On Track", Active: true}, {Gsid: "1I00B", Name: "At Risk", Active: true}}}
	p, err := Propose(context.Background(), "goals", table, lists, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProposeBoundsItsTexts(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Name,Status\n")
	for i := range 3 * maxTexts {
		fmt.Fprintf(&b, "Goal %d,Stage %d\n", i, i)
	}
	c := proposeText(t, b.String()).Columns[1]
	if len(c.Values) != maxTexts || c.MoreRows != 2*maxTexts || len(c.seen.index) != maxTexts {
		t.Errorf("%d values and %d more rows", len(c.Values), c.MoreRows)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	p := proposeText(t, "Xx,Yy,Zz\nA,gut,IBM\nB,gut,IBM\nC,AT RISK,IBM\n")
	if p.Unsure() != 3 || len(p.Constants) != 0 {
		t.Fatalf("%d unsure, %v", p.Unsure(), p.Constants)
	}
	ziel, ampel, kunde := p.Columns[0], p.Columns[1], p.Columns[2]
	for answer, want := range map[string]string{"Nmae": "did you mean Name?", "zzzzz": "help fields", "Created Date": "written by the server"} {
		if err := p.Decide(ziel, answer); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", answer, err)
		}
	}
	for c, answer := range map[*ColumnProposal]string{ziel: "name", ampel: "status", kunde: "company"} {
		if err := p.Decide(c, answer); err != nil {
			t.Error(err)
		}
	}
	if len(p.Constants) != 1 || p.Constants[0].Value != "COMPANY" || p.Unsure() != 1 {
		t.Errorf("%v, %d unsure", p.Constants, p.Unsure())
	}
	gut := &ampel.Values[0]
	if gut.Text != "gut" || gut.Rows != 2 || p.DecideValue(ampel, gut, "Banana") == nil {
		t.Errorf("%+v", gut)
	}
	if err := p.DecideValue(ampel, gut, "on track"); err != nil || gut.Value != "On Track" {
		t.Error(err)
	}
	m, err := LoadMapping("m.yaml", p.YAML())
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Columns[1].Values; got["gut"] != "On Track" || got["at risk"] != "At Risk" {
		t.Errorf("%v", got)
	}
}

// TestProposedMappingLoads holds that any header and text can be written as YAML.
func TestProposedMappingLoads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`a: b`, `# x`, `"q"`, `'`, `\n`, "ü😀", "no", "01", "a\tb", "{x}", "- y", "*z", "!t", "a\u00a0b", "a\u200bb", "a\x07b", "%", "null"} {
		cell := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		p := proposeText(t, "Status,"+cell+"\n"+cell+",x\n")
		if err := p.Decide(p.Columns[1], "ignore"); err != nil {
			t.Fatal(err)
		}
		m, err := LoadMapping("m.yaml", p.YAML())
		if err != nil {
			t.Errorf("%q: %v\n%s", text, err, p.YAML())
			continue
		}
		if _, ok := m.Columns[0].Values[fold(text)]; !ok || headerKey(m.Columns[1].Header) != headerKey(text) {
			t.Errorf("%q: %+v", text, m.Columns)
		}
	}
}

func TestProposeForAwkwardHeaders(t *testing.T) {
	t.Parallel()
	p := proposeText(t, "StatusId,Due Date,Due_Date,_run,Created Date\nontrack,2027-01-02,,r,x\n")
	var got []string
	for _, c := range p.Columns {
		got = append(got, c.Field)
	}
	if want := "StatusName DueDate ? ignore ignore"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := p.Decide(p.Columns[2], "Description"); err == nil {
		t.Error("a column without a place in the mapping got a field")
	}
	if _, err := LoadMapping("m.yaml", p.YAML()); err != nil {
		t.Error(err)
	}
}
