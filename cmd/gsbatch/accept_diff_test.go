//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// exported creates goals and returns a file of them as an export has it: with
// their Gsids, and values that mean the same in other words.
func (s *stage) exported(prefix string, n int) (header []string, rows [][]string) {
	s.Helper()
	made := goalRows(prefix, n)
	s.writeCSV(prefix+".csv", goalHeader(), made)
	first := s.json(0, "import", prefix+".csv")
	results := s.csv(filepath.Join(first.dir, "results.csv"))
	for i, row := range made {
		row = slices.Clone(row)
		row[1] = strings.ToUpper(row[1])
		row[6] = strings.ReplaceAll(row[6], "\"", "&quot;")
		rows = append(rows, append([]string{results.cell(i, "_gsid")}, row...))
	}
	return append([]string{"Gsid"}, goalHeader()...), rows
}

// saved is calls.saved of a summary.
func (s *stage) saved(dir string) int {
	s.Helper()
	var got struct {
		Calls struct{ Saved int }
	}
	if err := json.Unmarshal(s.read(filepath.Join(dir, "summary.json")), &got); err != nil {
		s.Fatal(err)
	}
	return got.Calls.Saved
}

func TestOnlyWhatDiffersIsWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header, rows := s.exported("Diff", 40)
	s.writeCSV("same.csv", header, rows)
	writes, fetches := s.writes(), s.fetches()
	got := s.json(0, "import", "same.csv", "--mode", "auto")
	s.counts(got, "rows=40 unchanged=40")
	if s.writes() != writes || s.fetches()-fetches != 1 || s.saved(got.dir) != 40 {
		t.Errorf("%d writes, %d reads, %d saved", s.writes()-writes, s.fetches()-fetches, s.saved(got.dir))
	}
	rows[7][7], rows[8][6] = "another text", "2028-02-29"
	s.writeCSV("two.csv", header, rows)
	r := s.run(0, "import", "two.csv", "--json")
	got = s.summaryOf(r)
	s.counts(got, "rows=40 updated=2 unchanged=38")
	if s.writes() != writes+2 || !strings.Contains(r.stderr, "38 calls saved") {
		t.Errorf("%d writes\n%s", s.writes()-writes, r.stderr)
	}
	var h rowHistory
	if err := json.Unmarshal([]byte(s.run(0, "runs", "show", "latest", "--row", "9", "--json").stdout), &h); err != nil {
		t.Fatal(err)
	}
	if h.Payload.Record["Description"] != "another text" || len(h.Payload.Record) != 2 {
		t.Errorf("row 9 was sent as %+v", h.Payload.Record)
	}
	if text := s.run(0, "runs", "show", "latest", "--row", "9").stdout; !strings.Contains(text, `"Description":"Row 8, with`) {
		t.Errorf("what the goal was is not told:\n%s", text)
	}
	// Without reading every row is written.
	s.counts(s.json(0, "import", "two.csv", "--again", "--diff", "never"), "rows=40 updated=40")
	// One row is not worth a call, unless it is asked for.
	s.writeCSV("one.csv", header, rows[:1])
	fetches = s.fetches()
	s.counts(s.json(0, "import", "one.csv"), "rows=1 updated=1")
	if s.fetches() != fetches {
		t.Errorf("%d reads for one row", s.fetches()-fetches)
	}
	s.counts(s.json(0, "import", "one.csv", "--again", "--diff", "always"), "rows=1 unchanged=1")
}

func TestPlanShowsFields(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header, rows := s.exported("Show", 6)
	s.writeCSV("same.csv", header, rows)
	s.run(0, "plan", "same.csv", "--detailed-exitcode")
	rows[2][2], rows[2][6] = "At Risk", ""
	rows[3][6] = "CLEAR"
	s.writeCSV("plan.csv", header, append(rows, []string{"", "Show new", "New", "Default", "COMPANY", "IBM", "", ""}))
	r := s.run(20, "plan", "plan.csv", "--detailed-exitcode", "--clear-token", "CLEAR", "-o", "review.csv")
	for _, want := range []string{"~ row 5 updates " + rows[3][0], `DueDate: "2027-04-04" → (blank)`, `+ row 8 creates "Show new"`, "review.csv"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
	review := s.csv("review.csv")
	var lines []string
	for i := range review.rows {
		if review.cell(i, "Action") == "update" {
			lines = append(lines, strings.Join([]string{review.cell(i, "Line"), review.cell(i, "Field"), review.cell(i, "Old"), review.cell(i, "New")}, " "))
		}
	}
	if !slices.Contains(lines, "5 DueDate 2027-04-04 ") {
		t.Errorf("the review says %q", lines)
	}
	var plan struct {
		Changes []struct {
			Line   int
			Fields []struct {
				Field string
				Old   *string
				New   string
			}
		}
	}
	if err := json.Unmarshal([]byte(s.run(0, "plan", "plan.csv", "--json", "--clear-token", "CLEAR", "-o", "review.xlsx").stdout), &plan); err != nil {
		t.Fatal(err)
	}
	last := plan.Changes[len(plan.Changes)-1]
	if last.Line != 8 || plan.Changes[len(plan.Changes)-2].Line != 5 || *plan.Changes[len(plan.Changes)-2].Fields[0].Old != "2027-04-04" {
		t.Errorf("%+v", plan.Changes)
	}
	s.run(2, "plan", "plan.csv", "-o", "review.pdf")
}

// TestCreatesThatTheTenantHas plans goals that are there already, in a state
// folder that knows nothing of them.
func TestCreatesThatTheTenantHas(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	_, rows := s.exported("Held", 12)
	s.setenv("GSBATCH_STATE", s.path("state2"))
	writes := s.writes()
	more := append(goalRows("Held", 12), goalRows("Free", 2)...)
	more[0][4] = "1P0275DAZIB1U41FWUD895S0FG38OCPH697T" // IBM, whose goal it is
	more[1][4] = "1P0275DAZIB1U41FWUD895S0FG38OCPH697T" // whose goal it is not
	s.writeCSV("more.csv", goalHeader(), more)
	r := s.run(5, "import", "more.csv", "--json")
	s.counts(s.summaryOf(r), "rows=14 invalid=11 pending=3")
	for _, want := range []string{rows[0][0], rows[5][0], "more.csv:2: goal", "same natural key", "whether it has the same parent is not known"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in\n%s", want, r.stderr)
		}
	}
	if s.writes() != writes {
		t.Errorf("%d writes", s.writes()-writes)
	}
	// A namesake is no more skipped than sent: nobody knows whether it is the goal.
	s.counts(s.json(3, "import", "more.csv", "--skip-invalid", "--on-duplicate", "skip"), "rows=14 created=3 invalid=10 skipped=1")
}

func TestWrongGoal(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header, rows := s.exported("Wrong", 5)
	header[5] = "Company Id"
	for i := range rows {
		rows[i][5] = ""
	}
	rows[1][5] = "1P029JPET0U4HYGEAU5VBVM5IZ9G6MFOG1OT" // Meta, and the goal is NEW's
	rows[2][0] = "1CG0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	s.writeCSV("wrong.csv", header, rows)
	r := s.run(5, "import", "wrong.csv")
	for _, want := range []string{"wrong.csv:", "CompanyId of goal " + rows[1][0], "no goal " + rows[2][0]} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in\n%s", want, r.stderr)
		}
	}
}

func TestStaleRows(t *testing.T) {
	t.Parallel()
	for _, switches := range []string{"", "strict"} {
		t.Run("switches "+switches, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, switches)
			header, rows := s.exported("Stale", 6)
			rows[0][7], rows[1][7] = "mine", "mine too"
			s.writeCSV("plan.csv", header, rows)
			s.run(0, "plan", "plan.csv")
			id := s.list().Runs[0].ID
			time.Sleep(2 * time.Millisecond) // times are told in milliseconds
			s.writeCSV("person.csv", []string{"Gsid", "Description"}, [][]string{{rows[0][0], "a person's"}})
			s.counts(s.json(0, "import", "person.csv"), "rows=1 updated=1")
			s.oneLine(s.run(9, "apply", id, "--on-stale", "fail"), "edited or made since", "lines 2")
			s.counts(s.json(3, "apply", id), "rows=6 updated=1 unchanged=4 stale=1")
			if goals := s.goals(); goals["Stale 00001"].Description != "a person's" || goals["Stale 00002"].Description != "mine too" {
				t.Errorf("%+v", goals)
			}
			// A file that tells when its goals were modified is older than they are.
			header = append(header, "ModifiedDate")
			for i := range rows {
				rows[i] = append(rows[i], strconv.FormatInt(time.Now().Add(-time.Hour).UnixMilli(), 10))
			}
			s.writeCSV("old.csv", header, rows)
			s.counts(s.json(3, "import", "old.csv"), "rows=6 unchanged=5 stale=1")
			s.counts(s.json(5, "import", "old.csv", "--on-stale", "fail"), "rows=6 unchanged=5 invalid=1")
			s.counts(s.json(0, "import", "old.csv", "--on-stale", "overwrite"), "rows=6 updated=1 unchanged=5")
		})
	}
}

// TestGoalsMadeSinceThePlan applies a plan after a colleague, on another
// machine, created two of its goals.
func TestGoalsMadeSinceThePlan(t *testing.T) {
	t.Parallel()
	for _, switches := range []string{"", "strict"} {
		t.Run("switches "+switches, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, switches)
			rows := goalRows("Meanwhile", 6)
			s.writeCSV("plan.csv", goalHeader(), rows)
			s.run(0, "plan", "plan.csv")
			s.run(0, "plan", "plan.csv", "--again")
			second, first := s.list().Runs[0].ID, s.list().Runs[1].ID
			s.writeCSV("colleague.csv", goalHeader(), rows[:2])
			s.setenv("GSBATCH_STATE", s.path("another machine's state"))
			s.run(0, "import", "colleague.csv")
			s.setenv("GSBATCH_STATE", s.path("state"))
			s.oneLine(s.run(9, "apply", first, "--on-stale", "fail"), "made since", "lines 2, 3")
			got := s.json(3, "apply", first)
			s.counts(got, "rows=6 created=4 stale=2")
			if reason := s.csv(filepath.Join(got.dir, "results.csv")).cell(0, "_reason"); !strings.Contains(reason, "after the run was planned") {
				t.Errorf("reason %q", reason)
			}
			if len(s.goals()) != 6 || s.writes() != 6 {
				t.Errorf("%d goals by %d calls, want 6", len(s.goals()), s.writes())
			}
			s.counts(s.json(0, "apply", second), "rows=6 created=6") // a second one of each is meant
		})
	}
}

func TestUndo(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header, rows := s.exported("Undo", 8)
	before := s.goals()
	rows[0][7], rows[1][7], rows[2][6], rows[3][2] = "new text", "new text", "2029-01-01", "AT RISK"
	rows = append(rows, []string{"", "Undo created", "New", "Default", "COMPANY", "IBM", "", ""})
	s.writeCSV("edit.csv", header, rows)
	edit := s.json(0, "import", "edit.csv")
	s.counts(edit, "rows=9 created=1 updated=4 unchanged=4")
	s.writeCSV("person.csv", []string{"Gsid", "Description"}, [][]string{{rows[1][0], "a person's"}})
	s.run(0, "import", "person.csv")
	r := s.run(0, "undo", edit.Run)
	for _, want := range []string{"row 3 stays " + rows[1][0], "somebody edited", "row 10 stays", `"Undo created": it was created`, `Description: "new text" → "Row 1,`} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
	writes := s.writes()
	s.oneLine(s.run(2, "apply", "latest"), "--yes", edit.Run)
	s.counts(s.json(3, "apply", "latest", "--yes"), "rows=5 updated=3 skipped=1 stale=1")
	if s.writes() != writes+3 {
		t.Errorf("%d writes", s.writes()-writes)
	}
	after := s.goals()
	for name, was := range before {
		if name == "Undo 00002" {
			was.Description = "a person's"
		}
		if now := after[name]; now.Description != was.Description || now.DueDate != was.DueDate || now.StatusID != was.StatusID {
			t.Errorf("%s is %+v, was %+v", name, now, was)
		}
	}
	s.oneLine(s.run(2, "retry", "latest"), "undo")
}

// gsids are the Gsids of an object of the tenant.
func (s *stage) gsids(object string) []string {
	s.Helper()
	var text bytes.Buffer
	if err := s.tenant.WriteEntities(&text); err != nil {
		s.Fatal(err)
	}
	var ids []string
	for line := range bytes.Lines(text.Bytes()) {
		var e struct{ Object, Gsid string }
		if err := json.Unmarshal(line, &e); err != nil {
			s.Fatal(err)
		}
		if e.Object == object {
			ids = append(ids, e.Gsid)
		}
	}
	return ids
}

// TestLinksAndMetrics adds what is not there, takes off what is, and undoes it;
// metric values cannot be read, so that they are always sent and never undone.
func TestLinksAndMetrics(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	_, rows := s.exported("Link", 3)
	ctas := s.gsids("cta")
	header := []string{"Gsid", "CTA", "CTA Remove"}
	s.writeCSV("first.csv", header, [][]string{{rows[0][0], ctas[0], ""}, {rows[1][0], ctas[1], ""}})
	s.counts(s.json(0, "import", "first.csv"), "rows=2 updated=2")
	s.writeCSV("second.csv", append(header, "metric.Seats in use.targetValue"), [][]string{
		{rows[0][0], ctas[0] + ";" + ctas[2], "", ""}, {rows[1][0], ctas[2], ctas[1], "7"}, {rows[2][0], "", "", "8"}})
	second := s.json(0, "import", "second.csv", "--diff", "always")
	s.counts(second, "rows=3 updated=3")
	if text := s.run(0, "runs", "show", second.Run, "--row", "2").stdout; strings.Count(text, ctas[0]) != 1 {
		t.Errorf("an association that is there was sent again:\n%s", text)
	}
	s.counts(s.json(0, "import", "second.csv", "--diff", "always", "--again"), "rows=3 updated=2 unchanged=1")
	r := s.run(0, "undo", second.Run, "-o", "undo.csv")
	for _, want := range []string{"CTA Remove: \"" + ctas[2], "row 4 stays " + rows[2][0], "cannot be read back"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
	s.counts(s.json(0, "apply", "latest", "--yes"), "rows=3 updated=2 skipped=1")
	s.counts(s.json(0, "import", "second.csv", "--diff", "always", "--again"), "rows=3 updated=3")
	if text := s.run(0, "runs", "show", "latest", "--row", "3").stdout; !strings.Contains(text, `"association":{"CTA":["`+ctas[2]) || !strings.Contains(text, `"dissociation":{"CTA":["`+ctas[1]) {
		t.Errorf("what was undone is not sent again:\n%s", text)
	}
}

// TestDoubtfulDiff loses the answer to an update of which only a part was sent:
// reading back compares that part.
func TestDoubtfulDiff(t *testing.T) {
	t.Parallel()
	s := newStage(t, "faults.on=update")
	header, rows := s.exported("Doubt", 4)
	rows[1][7], rows[2][7] = "one", "two"
	s.writeCSV("doubt.csv", header, rows)
	if err := s.tenant.Set("next.drop_after=1"); err != nil {
		t.Fatal(err)
	}
	got := s.json(0, "import", "doubt.csv", "--settle", "100ms", "--workers", "1")
	s.counts(got, "rows=4 updated=2 unchanged=2")
	if g := s.goals(); g["Doubt 00002"].Description != "one" || g["Doubt 00003"].Description != "two" {
		t.Errorf("%+v", g)
	}
	s.run(0, "undo", got.Run)
	s.counts(s.json(0, "apply", "latest", "--yes"), "rows=2 updated=2")
}

// TestWhatWasWrittenIsUnchanged writes random goals and compares the same file
// with them.
func TestWhatWasWrittenIsUnchanged(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	random := rand.New(rand.NewPCG(3, 1))
	pieces := []string{"a", "Ünïcödé", "株式会社", "\"q\"", "<b>x</b>", "<p>\n y</p>", "&amp;", "&", "<", "=1+1", "'=x", "\n", "  ", "é", "0", "\t", "<br/>", "<a href='h'>", "-5", "@z", "\u00a0", "e\u0301"}
	text := func(n int) string {
		var b strings.Builder
		for range random.IntN(n) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	header := append(goalHeader(), "cust_number__gc", "cust_flag__gc", "cust_date__gc", "cust_string_value__gc")
	rows := goalRows("Random", 120)
	for i := range rows {
		rows[i][0] = strings.Join(strings.Fields(strings.ReplaceAll(rows[i][0]+text(4), "<", "")), " ")
		rows[i][6] = "x" + text(12) // no formula, which a report would guard
		rows[i] = append(rows[i], strconv.FormatFloat(float64(random.IntN(1e6))/8, 'f', -1, 64), strconv.FormatBool(i%2 == 0), "2027-01-02", fmt.Sprintf("%05d", random.IntN(1e5)))
		if i%7 == 0 {
			rows[i][5], rows[i][7], rows[i][8], rows[i][9], rows[i][10] = "", "", "", "", ""
		}
	}
	s.writeCSV("random.csv", header, rows)
	s.writeFile("types.yaml", []byte("version: 1\nobject: goals\ncolumns:\n  cust_number__gc: {field: cust_number__gc, type: number}\n  cust_flag__gc: {field: cust_flag__gc, type: bool}\n"))
	first := s.json(0, "import", "random.csv", "--map", "types.yaml")
	s.counts(first, "rows=120 created=120")
	results := s.csv(filepath.Join(first.dir, "results.csv"))
	for i := range rows {
		rows[i] = append([]string{results.cell(i, "_gsid")}, rows[i]...)
	}
	s.writeCSV("again.csv", append([]string{"Gsid"}, header...), rows)
	got := s.json(0, "import", "again.csv", "--map", "types.yaml")
	s.counts(got, "rows=120 unchanged=120")
}

// TestDoubtfulDiffThatDidNotLand loses an update before it was carried out, to a
// goal that was modified a moment ago: that it is as the plan read it proves
// that the call did not land.
func TestDoubtfulDiffThatDidNotLand(t *testing.T) {
	t.Parallel()
	s := newStage(t, "faults.on=update")
	header, rows := s.exported("Lost", 4)
	rows[1][7] = "again"
	s.writeCSV("lost.csv", header, rows)
	if err := s.tenant.Set("next.drop_before=1"); err != nil {
		t.Fatal(err)
	}
	s.counts(s.json(0, "import", "lost.csv", "--settle", "100ms", "--workers", "1"), "rows=4 updated=1 unchanged=3")
	if g := s.goals(); g["Lost 00002"].Description != "again" {
		t.Errorf("%+v", g)
	}
}

// TestReadingCostsNoMoreThanItSaves counts the reads of a tenant of several pages.
func TestReadingCostsNoMoreThanItSaves(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header, rows := s.exported("Page", 2600)
	count := func(want int, says string, args ...string) {
		t.Helper()
		fetches := s.fetches()
		r := s.run(0, append([]string{"plan"}, args...)...)
		if n := s.fetches() - fetches; n != want || !strings.Contains(r.stderr, says) {
			t.Errorf("%v: %d reads, want %d, and %q in\n%s", args, n, want, says, r.stderr)
		}
	}
	s.writeCSV("all.csv", header, rows)
	count(3, "2600 calls saved", "all.csv")
	s.writeCSV("new.csv", goalHeader(), goalRows("New page", 2))
	count(2, "read by rows", "new.csv")
	count(0, "2 to create", "new.csv", "--on-duplicate", "create", "--diff", "always")
	s.writeCSV("three.csv", header, rows[:3])
	count(0, "the tenant is not read", "three.csv")
	s.writeCSV("four.csv", header, rows[2000:2004])
	count(2, "the tenant is not read", "four.csv") // a page, and a look whether there are more than two
	count(4, "4 calls saved", "four.csv", "--diff", "always")
	s.writeCSV("six.csv", header, rows[2000:2006])
	count(4, "6 calls saved", "six.csv")
	count(0, "", "all.csv", "--diff", "never")
}

// TestResumeLooksForStaleRows pauses a run; what a person edits until it goes on
// is left alone, what the run itself wrote is no edit.
func TestResumeLooksForStaleRows(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	header, rows := s.exported("Pause", 12)
	for i := range rows {
		rows[i][7] = "mine"
	}
	s.writeCSV("pause.csv", header, rows)
	got := s.json(7, "import", "pause.csv", "--max-calls", "8", "--workers", "1")
	s.counts(got, "rows=12 updated=5 pending=7")
	s.writeCSV("person.csv", []string{"Gsid", "Description"}, [][]string{{rows[9][0], "a person's"}})
	s.run(0, "import", "person.csv")
	s.counts(s.json(3, "resume", got.Run, "--max-calls", "0"), "rows=12 updated=11 stale=1")
	if g := s.goals()["Pause 00010"]; g.Description != "a person's" {
		t.Errorf("%+v", g)
	}
}

// TestManyPages reads a tenant whose pages are small and whose goals come in
// another order each time.
func TestManyPages(t *testing.T) {
	t.Parallel()
	for _, switches := range []string{"max_page_size=20", "max_page_size=20,order=newest", "max_page_size=20,order=unstable"} {
		t.Run(switches, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, switches)
			header, rows := s.exported("Many", 130)
			rows[100][7] = "changed"
			rows[101][0] = "1CG0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			s.writeCSV("many.csv", header, rows)
			s.counts(s.json(3, "import", "many.csv", "--skip-invalid"), "rows=130 updated=1 unchanged=128 invalid=1")
		})
	}
}
