package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// checked is all that comes of checking a table.
type checked struct {
	Findings
	Errors, Warnings, Dropped int
	Groups                    []validate.Group
	Names                     []validate.NameCount
	Notices                   []string
	Wrong                     string
}

func checkWith(t *testing.T, path string, o readers.Options, cfg validate.Config, check func(Source) (Findings, error)) checked {
	t.Helper()
	table, err := readers.Open(t.Context(), path, o)
	if err != nil {
		return checked{Wrong: err.Error()}
	}
	defer table.Close()
	checker, err := validate.Compile(t.Context(), table, cfg)
	if err != nil {
		return checked{Wrong: err.Error()}
	}
	found, err := check(Source{Table: table, Checker: checker})
	if err != nil {
		return checked{Wrong: err.Error()} // what was found until then is not shown
	}
	g := found.Groups
	found.Groups = nil
	return checked{found, g.Errors(), g.Warnings(), g.Dropped(), g.All(), checker.ServerNames(), table.Notices(), ""}
}

// hostileTenant has a name twice, an inactive status and types with their own.
func hostileTenant() *gainsight.Picklists {
	id := func(n int) string { return fmt.Sprintf("1I00%032d", n) }
	return &gainsight.Picklists{
		Statuses: []gainsight.Status{{Gsid: id(1), Name: "New", Active: true}, {Gsid: id(2), Name: "On Track", Active: true}, {Gsid: id(3), Name: "Old"}, {Gsid: id(4), Name: "Twice", Active: true}, {Gsid: id(5), Name: "twice", Active: true}},
		GoalTypes: []gainsight.GoalType{
			{Gsid: id(6), Name: "Default", Active: true, Linked: true, StatusIDs: []string{id(1)}}, {Gsid: id(7), Name: "Other", Active: true},
			{Gsid: id(8), Name: "Related", Active: true, EntityIDs: []string{"GLOBAL", id(9)}}, {Gsid: id(10), Name: "Gone"},
		},
	}
}

// hostileCells are what a column may hold, the good ones first.
func hostileCells() map[string][]string {
	gsid := func(prefix string, n int) string { return fmt.Sprintf("%s%032d", prefix, n) }
	return map[string][]string{
		"Gsid":               {"", "", "", "", gsid("1CG0", 1), gsid("1CG0", 2), gsid("1P02", 1), "x"},
		"Name":               {"A", "B", "C", "D", " a", "é", "E\u0301", "", "two\nlines", "#REF!", "\u200bB", "'=1", "\x01", "a ", "\x7f", "#1", "#n/a", strings.Repeat("n", 300), "\ufffd"},
		"Status":             {"New", "On Track", "new", "Newt", "Old", "Twice", "", gsid("1I00", 1), "Nothing like it"},
		"Goal Type":          {"Default", "Other", "", "Related", "Gone", "Defalt"},
		"EntityType":         {"COMPANY", "company", "GLOBAL", "Compny", ""},
		"Company":            {"IBM", "Meta", "ibm ", "Many 1", "Many 2", "Many 3", "Rival", "Unheard of", "", gsid("1P02", 3), strings.Repeat("c", 36), "I\tBM", "#N/A"},
		"Due Date":           {"2025-03-04", "", "5/6/2025", "13/6/2025", "6/13/2025", "2025-02-30", "45720", "4 March 2025", "2025-03-04T10:00:00", "1899-03-04", "2200-01-01", "2025-13-01", "2024-02-29", " 2025-03-04"},
		"Description":        {"text", "", "<p>x</p>", "<script>x</script>", "<a onclick=x>", "a < b", strings.Repeat("d", 40_000), "a, b; c", "\"quoted\"", "long\r\nlines\n"},
		"CTA":                {"", gsid("1S01", 1), gsid("1S01", 1) + ";" + gsid("1S01", 1), gsid("1S02", 1), "?"},
		"rate__gc":           {"1", "", "12,5", "1.234", "x", "15%"},
		"note__gc":           {"note", "", " note", "tab\tbed", "\x02", "#DIV/0!", "\u202e"},
		"on__gc":             {"2025-03-04", "", "2025-3-4", "2025-02-30", "soon"},
		"RelationshipTypeId": {"", gsid("1I00", 9), "?"},
		"_status":            {"", "error"},
	}
}

// TestChecksSideBySide wants of Check, whatever the file, just what a walk
// says: the same counts, problems, groups, names, notices and errors.
func TestChecksSideBySide(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	dir := t.TempDir()
	mapping, err := validate.LoadMapping("m.yaml", []byte("version: 1\ncolumns:\n  rate__gc: {field: rate__gc, type: number}\n  on__gc: {field: on__gc, type: date}\n"))
	if err != nil {
		t.Fatal(err)
	}
	n := 250
	if testing.Short() {
		n = 60
	}
	clean, errors := 0, 0
	for i := range n {
		path := filepath.Join(dir, "a.csv")
		o := readers.Options{Limits: readers.Limits{Record: int64(300 + rng.IntN(2000))}}
		if i%4 > 0 {
			o.Limits.Record = 100_000
		}
		rows := rng.IntN(150)
		if i%20 == 0 { // a sheet's blocks have a fixed number of rows
			path, rows = filepath.Join(dir, "a.xlsx"), 700
			o = readers.Options{}
		}
		writeHostile(t, rng, path, rows)
		cfg := func() validate.Config {
			cfg := validate.Config{Picklists: hostileTenant(), Mapping: mapping, OnUnknownColumn: "warn"}
			if i%3 == 0 {
				cfg.IDs = hostileIDs(t, dir)
			}
			cfg.AllowDuplicates = i%7 == 0
			return cfg
		}
		want := checkWith(t, path, o, cfg(), func(s Source) (Findings, error) {
			return s.walk(context.Background(), nil, func(int64, *readers.Row, *validate.Operation, []validate.Problem) error { return nil })
		})
		got := checkWith(t, path, o, cfg(), func(s Source) (Findings, error) { return Check(context.Background(), s, nil) })
		if d := cmp.Diff(want, got, cmp.AllowUnexported(Findings{}), cmpopts.EquateEmpty()); d != "" {
			text, _ := os.ReadFile(path)
			t.Fatalf("file %d, walked (-) and checked side by side (+):\n%s\n%q", i, d, text)
		}
		clean += want.Counts.Pending
		if want.Wrong != "" {
			errors++
		}
	}
	t.Logf("%d files, %d rows to be sent, %d files that cannot be read", n, clean, errors)
	if clean == 0 || errors == 0 {
		t.Error("the files are too good or too bad to tell anything")
	}
}

// writeHostile writes a table in which good cells prevail, to a degree.
func writeHostile(t *testing.T, rng *rand.Rand, path string, rows int) {
	t.Helper()
	cells := hostileCells()
	header := []string{"Name", "Status", "EntityType", "Company", "rate__gc", "on__gc"}
	for _, name := range []string{"Gsid", "Goal Type", "Due Date", "Description", "CTA", "note__gc", "RelationshipTypeId", "_status"} {
		if rng.IntN(2) == 0 {
			header = append(header, name)
		}
	}
	columns := writers.Columns(header...)
	for i, c := range columns {
		if c.Name == "Due Date" {
			columns[i].Kind = writers.Date
		}
	}
	w, err := writers.NewTable(path, columns, writers.TableOptions{RawFormulas: true})
	if err != nil {
		t.Fatal(err)
	}
	good := 1 + rng.IntN(40)
	row := make([]string, len(header))
	for r := range rows {
		for i, name := range header {
			list := cells[name]
			row[i] = list[rng.IntN(min(3, len(list)))]
			if rng.IntN(good) == 0 {
				row[i] = list[rng.IntN(len(list))]
			}
			if name == "Name" && rng.IntN(9) > 0 {
				row[i] += fmt.Sprint(" ", r)
			}
		}
		if i := slices.Index(header, "Gsid"); i >= 0 && rng.IntN(30) == 0 {
			row = make([]string, len(header)) // an update of nothing
			row[i] = fmt.Sprintf("1CG0%032d", 1000+r)
		}
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".csv") && rng.IntN(4) == 0 {
		spoil(t, rng, path)
	}
}

// spoil puts a piece into a file that is hardly well there.
func spoil(t *testing.T, rng *rand.Rand, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := rng.IntN(len(text))
	piece := []string{`"`, "\n", "\r", ",", `""`, "\r\n\r\n", "x\"y"}[rng.IntN(7)]
	text = append(append(text[:at:at], piece...), text[at:]...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// hostileIDs is an id map in which a name has two ids.
func hostileIDs(t *testing.T, dir string) *validate.IDMap {
	t.Helper()
	path := filepath.Join(dir, "ids.csv")
	text := fmt.Sprintf("Object,Name,Gsid\nCompany,IBM,1P02%032d\nCompany,Meta,1P02%032d\nCompany,Rival,1P02%032d\nCompany,rival,1P02%032d\n", 1, 2, 3, 4)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ids, err := validate.ReadIDMap(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestCheckStops ends checking from outside, and by an error inside.
func TestCheckStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	text := "Name,Status,EntityType,Company\n" + strings.Repeat("A,New,COMPANY,IBM\n", 20_000)
	if err := os.WriteFile(path, []byte(text+"A,New\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := fmt.Errorf("stopped")
	got := checkWith(t, path, readers.Options{}, validate.Config{Picklists: hostileTenant()}, func(s Source) (Findings, error) {
		return Check(ctx, s, func(rows int64) { cancel(stop) })
	})
	if got.Wrong != stop.Error() {
		t.Errorf("error %q, want %q", got.Wrong, stop)
	}
	got = checkWith(t, path, readers.Options{}, validate.Config{Picklists: hostileTenant()}, func(s Source) (Findings, error) {
		return Check(t.Context(), s, nil)
	})
	if want := "a.csv:20002: row has 2 cells, the header has 4"; !strings.HasPrefix(got.Wrong, want) {
		t.Errorf("error %q, want %s", got.Wrong, want)
	}
}
