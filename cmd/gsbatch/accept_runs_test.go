//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runList is runs list --json.
type runList struct {
	SchemaVersion int `json:"schema_version"`
	Runs          []struct {
		ID      string `json:"id"`
		State   string `json:"state"`
		Command string `json:"command"`
		Object  string `json:"object"`
		Input   struct {
			Path string `json:"path"`
		} `json:"input"`
		CreatedAt time.Time      `json:"created_at"`
		Counts    map[string]int `json:"counts"`
		ExitCode  *int           `json:"exit_code"`
	} `json:"runs"`
}

func (s *stage) list() runList {
	s.Helper()
	var list runList
	if err := json.Unmarshal([]byte(s.run(0, "runs", "list", "--json").stdout), &list); err != nil || list.SchemaVersion != 1 {
		s.Fatalf("runs list: %v, schema version %d", err, list.SchemaVersion)
	}
	return list
}

// states are the runs' states, newest first.
func (l runList) states() string {
	var states []string
	for _, r := range l.Runs {
		states = append(states, r.State)
	}
	return strings.Join(states, " ")
}

func TestResumeFindsItsRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	if r := s.run(0, "resume"); r.stderr != "nothing to resume\n" {
		t.Errorf("stderr %q", r.stderr)
	}
	if _, err := os.Stat(s.path("state")); err == nil {
		t.Error("resume without a run made the state folder")
	}
	s.writeCSV("a.csv", goalHeader(), goalRows("A", 20))
	s.writeCSV("b.csv", goalHeader(), goalRows("B", 20))
	s.writeCSV("c.csv", goalHeader(), goalRows("C", 20))
	a := s.json(7, "import", "a.csv", "--max-calls", "7")
	b := s.json(7, "import", "b.csv", "--max-calls", "7")
	planned := s.run(0, "plan", "c.csv")
	s.oneLine(s.run(2, "resume"), a.Run, b.Run)
	writes := s.writes()
	list := s.list()
	if got := list.states(); got != "planned paused paused" {
		t.Errorf("states %q", got)
	}
	c := list.Runs[0]
	if !strings.Contains(planned.stdout, c.ID) || c.ExitCode != nil || c.Command != "plan" || c.Object != "goals" || c.Input.Path != s.path("c.csv") || c.Counts["pending"] != 20 {
		t.Errorf("the planned run is %+v", c)
	}
	s.oneLine(s.run(2, "resume", c.ID), "gsbatch apply "+c.ID)
	s.oneLine(s.run(2, "apply", a.Run), "gsbatch resume "+a.Run)
	if s.writes() != writes {
		t.Errorf("%d write calls", s.writes()-writes)
	}
	s.counts(s.json(0, "resume", a.Run[:4], "--max-calls", "0"), "rows=20 created=20")
	s.counts(s.json(0, "resume", "--max-calls", "0"), "rows=20 created=20")
	s.counts(s.json(0, "apply", c.ID), "rows=20 created=20")
	s.oneLine(s.run(2, "apply", c.ID), "finished")
	if r := s.run(0, "resume"); r.stderr != "nothing to resume\n" {
		t.Errorf("stderr %q", r.stderr)
	}
	if got := s.list().states(); got != "finished finished finished" {
		t.Errorf("states %q", got)
	}
	if len(s.goals()) != 60 {
		t.Errorf("%d goals", len(s.goals()))
	}
}

func TestRunIsLocked(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=100ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Lock", 250))
	first := s.start("import", "goals.csv", "--workers", "2")
	s.until("10 write calls", func() bool { return s.writes() >= 10 })
	for _, args := range [][]string{{"resume"}, {"import", "goals.csv"}, {"runs", "abandon", "latest"}} {
		s.oneLine(s.run(10, args...), "gsbatch import", "process", "--lock-timeout")
	}
	// Commands that read do not lock.
	if got := s.list().states(); got != "running" {
		t.Errorf("states %q", got)
	}
	s.run(0, "runs", "show", "latest")
	s.run(0, "quota")
	// One that waits for the lock goes on when it is free.
	second := s.start("resume", "--lock-timeout", "20s")
	s.until("it waits", func() bool { return strings.Contains(second.err.String(), "waiting") })
	first.signal(syscall.SIGINT)
	s.want(130, first)
	if err := s.tenant.Set("latency=1ms"); err != nil {
		t.Fatal(err)
	}
	s.want(0, second)
	if n := len(s.goals()); n != 250 || s.writes() != 250 {
		t.Errorf("%d goals by %d calls", n, s.writes())
	}
}

// rowHistory is runs show --row --json.
type rowHistory struct {
	Line    int               `json:"line"`
	Status  string            `json:"status"`
	Gsid    string            `json:"gsid"`
	Cells   map[string]string `json:"cells"`
	Payload struct {
		Record map[string]any `json:"record"`
	} `json:"payload"`
	Events []struct {
		Event     string `json:"event"`
		Attempt   int    `json:"attempt"`
		At        string `json:"at"`
		HTTP      int    `json:"http_status"`
		Gsid      string `json:"gsid"`
		RequestID string `json:"request_id"`
	} `json:"events"`
}

func TestRunsShowRow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Row", 5)
	s.writeCSV("goals.csv", goalHeader(), rows)
	got := s.json(0, "import", "goals.csv")
	results := s.csv(filepath.Join(got.dir, "results.csv"))
	var h rowHistory
	if err := json.Unmarshal([]byte(s.run(0, "runs", "show", "latest", "--row", "4", "--json").stdout), &h); err != nil {
		t.Fatal(err)
	}
	if h.Line != 4 || h.Status != "created" || h.Gsid != results.cell(2, "_gsid") || h.Cells["Description"] != rows[2][6] || h.Payload.Record["Name"] != rows[2][0] {
		t.Errorf("row 4 is %+v", h)
	}
	if len(h.Events) != 2 || h.Events[0].Event != "intent" || h.Events[1].Event != "outcome" || h.Events[1].Attempt != 1 ||
		h.Events[1].HTTP != 200 || h.Events[1].Gsid != h.Gsid || h.Events[1].RequestID != results.cell(2, "_request_id") || h.Events[1].At < h.Events[0].At {
		t.Errorf("events %+v", h.Events)
	}
	text := s.run(0, "runs", "show", "latest", "--row", "4").stdout
	for _, word := range []string{rows[2][0], h.Gsid, h.Events[1].RequestID, "payload", "intent 1", "outcome 1"} {
		if !strings.Contains(text, word) {
			t.Errorf("runs show --row does not say %q:\n%s", word, text)
		}
	}
	s.oneLine(s.run(2, "runs", "show", "latest", "--row", "99"), "99", "results.csv")
}

func TestAbandonedRunStaysTold(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Abandon", 30))
	first := s.json(7, "import", "goals.csv", "--max-calls", "12")
	s.run(0, "runs", "abandon", "latest")
	if r := s.run(0, "resume"); r.stderr != "nothing to resume\n" {
		t.Errorf("stderr %q", r.stderr)
	}
	s.oneLine(s.run(2, "resume", first.Run), "abandoned")
	s.oneLine(s.run(2, "runs", "abandon", first.Run), "abandoned")
	if got := s.list(); got.states() != "abandoned" || got.Runs[0].Counts["created"] != 9 {
		t.Errorf("%+v", got.Runs)
	}
	// The file may be imported again, and what was created is left alone.
	s.counts(s.json(0, "import", "goals.csv", "--max-calls", "0"), "rows=30 created=21 unchanged=9")
	if len(s.goals()) != 30 || s.writes() != 30 {
		t.Errorf("%d goals by %d calls", len(s.goals()), s.writes())
	}
}

func TestRetryWithAMapping(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Retry", 20)
	rows[3][1], rows[9][1] = "Im Plan", "Im Plan"
	rows[12][4] = "Nowhere Ltd"
	s.writeCSV("goals.csv", goalHeader(), rows)
	first := s.json(3, "import", "goals.csv", "--skip-invalid")
	s.counts(first, "rows=20 created=17 rejected=1 invalid=2")
	if err := os.Remove(s.path("goals.csv")); err != nil {
		t.Fatal(err)
	}
	s.writeFile("map.yaml", []byte("version: 1\nobject: goals\ncolumns:\n  Status:\n    field: StatusName\n    values: {Im Plan: On Track}\n  Company:\n    field: CompanyName\n    values: {Nowhere Ltd: IBM}\n"))
	second := s.json(0, "retry", first.Run, "--map", "map.yaml")
	s.counts(second, "rows=3 created=3")
	results := s.csv(filepath.Join(second.dir, "results.csv"))
	for i, line := range []string{"5", "11", "14"} {
		if results.cell(i, "_line") != line || results.rows[i][0] != rows[[]int{3, 9, 12}[i]][0] {
			t.Errorf("row %d of the retry is %q", i, results.rows[i])
		}
	}
	if len(s.goals()) != 20 {
		t.Errorf("%d goals", len(s.goals()))
	}
	writes := s.writes()
	// What was retried is not sent again by another retry.
	s.counts(s.json(0, "retry", first.Run, "--map", "map.yaml"), "rows=3 unchanged=3")
	if s.writes() != writes {
		t.Errorf("%d write calls", s.writes()-writes)
	}
	r := s.run(0, "retry", second.Run, "--json")
	if !strings.Contains(r.stderr, "nothing to retry") || !strings.HasPrefix(r.stdout, `{"schema_version":1`) {
		t.Errorf("a retry of nothing: %q %q", r.stdout, r.stderr)
	}
}

func TestApplyRefusesChangedPicklists(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Plan", 12))
	s.run(20, "plan", "goals.csv", "--detailed-exitcode")
	if err := s.tenant.Set("ambiguous=on"); err != nil {
		t.Fatal(err)
	}
	s.oneLine(s.run(9, "apply", "latest"), "changed", "plan the file again")
	if s.writes() != 0 {
		t.Errorf("%d write calls", s.writes())
	}
	if err := s.tenant.Set("ambiguous=off"); err != nil {
		t.Fatal(err)
	}
	s.counts(s.json(0, "apply", "latest"), "rows=12 created=12")
	// Of two plans for the same rows the second finds them done meanwhile.
	s.writeCSV("more.csv", goalHeader(), goalRows("More", 12))
	s.run(0, "import", "more.csv", "--dry-run")
	early := s.list().Runs[0].ID
	s.run(0, "plan", "more.csv")
	late := s.list().Runs[0].ID
	s.counts(s.json(0, "apply", early), "rows=12 created=12")
	s.counts(s.json(0, "apply", late), "rows=12 unchanged=12")
	if s.writes() != 24 {
		t.Errorf("%d write calls", s.writes())
	}
}
