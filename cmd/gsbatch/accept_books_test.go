//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// statuses are the words of _status.
func statuses() []string {
	return []string{"created", "updated", "deleted", "unchanged", "rejected", "invalid", "skipped", "stale", "in_doubt", "parked", "pending"}
}

// summaries reads the summary.json of every report folder.
func (s *stage) summaries() []summary {
	s.Helper()
	var all []summary
	for _, name := range s.files("summary.json") {
		var one summary
		if err := json.Unmarshal(s.read(name), &one); err != nil {
			s.Errorf("%s: %v", name, err)
		}
		one.dir = filepath.Dir(name)
		all = append(all, one)
	}
	return all
}

// files finds the files of a name below the working folder.
func (s *stage) files(base string) []string {
	s.Helper()
	var found []string
	err := filepath.WalkDir(s.dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == base {
			found = append(found, name)
		}
		return nil // a folder that vanishes meanwhile has no report
	})
	if err != nil {
		s.Fatal(err)
	}
	return found
}

func (s *stage) read(name string) []byte {
	s.Helper()
	if !filepath.IsAbs(name) {
		name = s.path(name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		s.Fatal(err)
	}
	return text
}

// account checks the law of every report folder: rows is the sum of the other
// counts, and results.csv has each row of the input once, in order, with the
// cells as they were read and the statuses that were counted.
func (s *stage) account() {
	s.Helper()
	for _, one := range s.summaries() {
		sum := 0
		for _, status := range statuses() {
			sum += one.Counts[status]
		}
		if rows := one.Counts["rows"]; rows != sum || rows != one.Input.Rows {
			s.Errorf("%s: %d rows of the input %d, but the counts add up to %d: %v", one.dir, rows, one.Input.Rows, sum, one.Counts)
		}
		if one.SchemaVersion != 1 || filepath.Base(one.dir) != one.Run && strings.Contains(one.dir, "gsbatch-out") {
			s.Errorf("%s: schema version %d, run %s", one.dir, one.SchemaVersion, one.Run)
		}
		results := s.csv(filepath.Join(one.dir, "results.csv"))
		s.checkRows(one, results)
		s.checkSides(one, results)
		s.checkPage(one)
		s.checkModes(one.dir)
	}
}

// checkRows compares results.csv with the input and the counts.
func (s *stage) checkRows(one summary, results *csvFile) {
	s.Helper()
	if len(results.rows) != one.Counts["rows"] {
		s.Errorf("%s: results.csv has %d rows, the run %d", one.dir, len(results.rows), one.Counts["rows"])
		return
	}
	counted, last := map[string]int{}, 0
	for i := range results.rows {
		counted[results.cell(i, "_status")]++
		line, err := strconv.Atoi(results.cell(i, "_line"))
		if err != nil || line <= last {
			s.Errorf("%s: results.csv: row %d has line %q after %d", one.dir, i+1, results.cell(i, "_line"), last)
		}
		last = line
		if run := results.cell(i, "_run"); run != one.Run {
			s.Errorf("%s: results.csv: row %d is of run %s", one.dir, i+1, run)
		}
	}
	for _, status := range statuses() {
		if counted[status] != one.Counts[status] {
			s.Errorf("%s: results.csv has %d rows %s, the summary %d", one.dir, counted[status], status, one.Counts[status])
		}
	}
	in := s.inputs[one.Input.SHA256]
	if in == nil {
		return
	}
	if own := results.header[:len(results.header)-11]; !slices.Equal(own, in.header) {
		s.Errorf("%s: results.csv has the columns %q, the input %q", one.dir, own, in.header)
	}
	if len(in.rows) != len(results.rows) {
		s.Errorf("%s: results.csv has %d rows, the input %d", one.dir, len(results.rows), len(in.rows))
		return
	}
	for i, row := range results.rows {
		if own := row[:len(row)-11]; !slices.Equal(own, in.rows[i]) {
			s.Errorf("%s: results.csv: row %d is %q, in the input %q", one.dir, i+1, own, in.rows[i])
		}
	}
}

// checkSides compares errors.csv, in_doubt.csv and pending.csv with results.csv.
func (s *stage) checkSides(one summary, results *csvFile) {
	s.Helper()
	for name, statuses := range map[string][]string{
		"errors.csv": {"rejected", "invalid"}, "in_doubt.csv": {"in_doubt", "parked"}, "pending.csv": {"pending"},
	} {
		var want, got [][]string
		for i, row := range results.rows {
			if slices.Contains(statuses, results.cell(i, "_status")) {
				want = append(want, row)
			}
		}
		path := filepath.Join(one.dir, name)
		if _, err := os.Stat(path); err == nil {
			side := s.csv(path)
			for _, row := range side.rows {
				got = append(got, row[:len(results.header)])
			}
			if len(got) == 0 {
				s.Errorf("%s: empty", path)
			}
		}
		if !slices.EqualFunc(want, got, slices.Equal[[]string]) {
			s.Errorf("%s: %d rows, in results.csv %d, or other ones", path, len(got), len(want))
		}
	}
}

// checkModes wants 0600 in 0700, and no file that is half written.
func (s *stage) checkModes(dir string) {
	s.Helper()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		s.Errorf("%s: %v %v", dir, info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue // gone again
		}
		if info.Mode().IsRegular() && info.Mode().Perm() != 0o600 && strings.HasPrefix(entry.Name(), "results") {
			s.Errorf("%s/%s: mode %v", dir, entry.Name(), info.Mode())
		}
	}
}

// noKey looks for the access key in every file that the test has left.
func (s *stage) noKey() {
	err := filepath.WalkDir(s.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, []byte(secretKey)) {
			s.Errorf("%s holds the access key", name)
		}
		return nil
	})
	if err != nil {
		s.Error(err)
	}
}

// csvFile is a table.
type csvFile struct {
	header []string
	rows   [][]string
}

// csv reads a CSV file of ours.
func (s *stage) csv(name string) *csvFile {
	s.Helper()
	text, _ := bytes.CutPrefix(s.read(name), []byte("\ufeff"))
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		s.Fatalf("%s: %v", name, err)
	}
	return &csvFile{all[0], all[1:]}
}

// cell is a cell by its column's name.
func (t *csvFile) cell(row int, name string) string {
	if i := slices.Index(t.header, name); i >= 0 {
		return t.rows[row][i]
	}
	return ""
}

// set changes a cell.
func (t *csvFile) set(row int, name, value string) {
	t.rows[row][slices.Index(t.header, name)] = value
}

// goal is a goal of the tenant.
type goal struct {
	Gsid        string `json:"Gsid"`
	Name        string `json:"Name"`
	Description string `json:"Description"`
	DueDate     string `json:"DueDate"`
	StatusID    string `json:"StatusId"`
	Seeded      bool   `json:"seeded"`
	Twins       int    `json:"natural_key_count"`
}

// goals are the tenant's goals that calls have made, by name; a name or a
// natural key that is there twice fails the test.
func (s *stage) goals() map[string]goal {
	s.Helper()
	var text bytes.Buffer
	if err := s.tenant.WriteGoals(&text); err != nil {
		s.Fatal(err)
	}
	byName := map[string]goal{}
	for line := range bytes.Lines(text.Bytes()) {
		var g goal
		if err := json.Unmarshal(line, &g); err != nil {
			s.Fatal(err)
		}
		if g.Seeded {
			continue
		}
		if _, twice := byName[g.Name]; twice || g.Twins != 1 {
			s.Errorf("goal %q was created twice", g.Name)
		}
		byName[g.Name] = g
	}
	return byName
}

// writes is how many calls have tried to change the tenant.
func (s *stage) writes() int {
	calls := s.tenant.State().Calls.ByEndpoint
	return calls["goal_create"] + calls["goal_update"]
}

// proved compares results.csv with the tenant: a row created is there with its
// Gsid, a row in doubt is there at most once, and no other row is there.
func (s *stage) proved(dir string) {
	s.Helper()
	goals, results := s.goals(), s.csv(filepath.Join(dir, "results.csv"))
	found := 0
	for i := range results.rows {
		name, status := results.cell(i, "Name"), results.cell(i, "_status")
		g, there := goals[name]
		if there {
			found++
		}
		switch status {
		case "created", "unchanged":
			if !there || g.Gsid != results.cell(i, "_gsid") {
				s.Errorf("%s: %s as %q, but the tenant has %+v", name, status, results.cell(i, "_gsid"), g)
			}
		case "in_doubt", "parked":
		default:
			if there {
				s.Errorf("%s: %s, but the tenant has %s", name, status, g.Gsid)
			}
		}
	}
	if found != len(goals) {
		s.Errorf("the tenant has %d goals, of which %d are rows of the run", len(goals), found)
	}
}

// until waits for something to become true.
func (s *stage) until(what string, true func() bool) {
	s.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if true() {
			return
		}
	}
	s.Fatalf("not within 30 s: %s", what)
}
