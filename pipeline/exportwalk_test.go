package pipeline

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gsbatch/validate"
)

// An export that is broken off at any goal, and once more at any later one,
// goes on to the same file, without a goal lost or doubled.
func TestExportIsBrokenOffAnywhere(t *testing.T) {
	t.Parallel()
	x := newExporting(t, "")
	random := rand.New(rand.NewPCG(5, 5))
	const goals = 34
	for i := range goals {
		x.create(randomGoal(random, i, x.picklists))
	}
	pages := func(cfg *ExportConfig) { cfg.Query.PageSize = 10 }
	whole, err := x.export("g.csv", pages)
	if err != nil || !whole.Proved || whole.Rows != goals {
		t.Fatalf("%+v, %v", whole, err)
	}
	want, err := os.ReadFile(whole.Files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	for first := 1; first <= goals; first++ {
		path := filepath.Join(t.TempDir(), "g.csv")
		for _, at := range []int{first, first + random.IntN(goals)} {
			if x.brokenOff(path, at, random.IntN(2) == 0, pages); exists(path) {
				break // it was over before its goal came
			}
		}
		out, err := x.exportTo(t.Context(), path, pages)
		if err != nil || !out.Proved || out.Rows != goals {
			t.Fatalf("broken off at goal %d: %+v, %v", first, out, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Fatalf("broken off at goal %d: another file, %v", first, err)
		}
	}
}

// brokenOff breaks an export off at a goal: by a signal, or as a kill does it.
func (x *exporting) brokenOff(path string, at int, kill bool, change func(*ExportConfig)) {
	x.Helper()
	ctx, cancel := context.WithCancel(x.Context())
	defer cancel()
	defer func() {
		if p := recover(); p != nil && p != "killed" {
			panic(p)
		}
	}()
	_, err := x.exportTo(ctx, path, func(cfg *ExportConfig) {
		change(cfg)
		cfg.Progress = func(n int) {
			switch {
			case n < at:
			case kill:
				panic("killed")
			default:
				cancel()
			}
		}
	})
	if err == nil && !exists(path) {
		x.Error("an export that has no file has no error")
	}
}

func TestLearnNames(t *testing.T) {
	ids := new(validate.IDMap)
	LearnNames(ids, map[string]string{
		"company IBM": "CompanyId=" + ibm, "company Acme Corp\nrelationship Acme Cloud": "CompanyId=A;RelationshipId=B", "company Lost": "",
	})
	for gsid, want := range map[string]string{ibm: "IBM", "A": "Acme Corp"} {
		if got := ids.NameOf("company", gsid); got != want {
			t.Errorf("company %s: %q", gsid, got)
		}
	}
	if got := ids.NameOf("relationship", "B"); got != "Acme Cloud" || ids.Knows("opportunity") {
		t.Errorf("relationship %q", got)
	}
}

func TestPieceName(t *testing.T) {
	for path, want := range map[string]string{"a/goals.csv": "a/goals-002.csv", "goals.v1.csv.gz": "goals.v1-002.csv.gz", "g": "g-002", "g.xlsx": "g-002.xlsx"} {
		if got := pieceName(path, 2); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
