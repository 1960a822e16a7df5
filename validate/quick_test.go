package validate_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
	"gsbatch/validate"
)

func sameOperation(a, b validate.Operation) bool {
	items := string(a.Item) == string(b.Item) && string(a.Lookups) == string(b.Lookups)
	lists := len(a.Compare)+len(b.Compare)+len(a.Inactive)+len(b.Inactive) == 0 || reflect.DeepEqual(a.Compare, b.Compare) && reflect.DeepEqual(a.Inactive, b.Inactive)
	a.Item, a.Lookups, a.Compare, a.Inactive, b.Item, b.Lookups, b.Compare, b.Inactive = nil, nil, nil, nil, nil, nil, nil, nil
	return items && lists && reflect.DeepEqual(a, b)
}

// TestQuickly reads rows of plain and of odd cells quickly, and by the steps
// that know all cases: the operations and the problems are the same.
func TestQuickly(t *testing.T) {
	odd := []string{"", " ", "#N/A", "#1", "é", "a\u0301", "\u200b", "two\nlines", "\ttab", "\x7f", "\x00", " left", "right ", "<b onclick=x>", "<p>x</p>", "a < b", "'=1", "?",
		"2025-02-30", "2025-2-3", "1899-01-01", "2200-01-01", "2024-02-29", "45000", "15%", "1,5", "Achieved", "risk", "company", "Compny", "relationship", strings.Repeat("x", 300), strings.Repeat("x", 40_000), user, statusNew, ibm}
	plain := map[string][]string{
		"Name": {"A", "Another name"}, "Status": {"New", "on track", "New "}, "Goal Type": {"Default", "Adoption"}, "EntityType": {"COMPANY", "GLOBAL"},
		"Company": {"IBM", "International Business Machines"}, "Due Date": {"2025-03-04", "2024-12-31"}, "Description": {"text", "<p>more text</p>, and more of it"},
		"note__gc": {"x", "a note"}, "on__gc": {"2025-03-04"}, "Relationship": {"", ""}, "RelationshipTypeId": {"", relType},
	}
	header := []string{"Name", "Status", "Goal Type", "EntityType", "Company", "Due Date", "Description", "note__gc", "on__gc", "Relationship", "RelationshipTypeId"}
	text := strings.Join(header, ",") + "\n" + strings.Repeat(",", len(header)-1) + "x\n"
	mapping, err := validate.LoadMapping("m.yaml", []byte("version: 1\ncolumns:\n  on__gc: {field: on__gc, type: date}\n"))
	if err != nil {
		t.Fatal(err)
	}
	ids := new(validate.IDMap)
	ids.Learn("company", "IBM", ibm)
	rng := rand.New(rand.NewPCG(5, 6))
	clean := 0
	for name, cfg := range map[string]validate.Config{
		"": {Picklists: tenant()}, "no picklists": {}, "ids": {Picklists: tenant(), IDs: ids}, "clear": {Picklists: tenant(), ClearToken: "(clear)"}, "set": {Picklists: tenant(), Set: []validate.Constant{{Field: "AssociatedWork", Value: cta1}}},
	} {
		cfg.Mapping, cfg.AllowDuplicates = mapping, true
		quick, _ := compile(t, cfg, text)
		slow, _ := compile(t, cfg, text)
		slow.Slowly()
		for range 4000 {
			row := readers.Row{Line: 2}
			share := 1 + rng.IntN(40)
			for _, h := range header {
				cell := readers.Cell{Text: plain[h][rng.IntN(len(plain[h]))]}
				if rng.IntN(share) == 0 {
					cell.Text = odd[rng.IntN(len(odd))]
				}
				if rng.IntN(60) == 0 {
					cell.Kind = readers.Kind(rng.IntN(int(readers.Null) + 1))
				}
				row.Cells = append(row.Cells, cell)
			}
			var got, want validate.Operation
			problems := append([]validate.Problem(nil), quick.Check(row, &got)...)
			told := append([]validate.Problem(nil), slow.Check(row, &want)...)
			if !reflect.DeepEqual(told, problems) || !sameOperation(want, got) {
				t.Fatalf("%s: %q: (-slow, +quick):\n%s\n%s", name, row.Cells, cmp.Diff(told, problems), cmp.Diff(want, got))
			}
			if len(problems) == 0 {
				clean++
			}
		}
		if d := cmp.Diff(slow.ServerNames(), quick.ServerNames()); d != "" {
			t.Errorf("%s: names (-slow, +quick):\n%s", name, d)
		}
	}
	if t.Logf("%d rows without a problem", clean); clean < 500 {
		t.Error("the rows are too bad to tell anything")
	}
}
