//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRunsPrune removes a run and wants no word of the input to stay in the
// state folder, and no goal to be created a second time.
func TestRunsPrune(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.setenv("GSBATCH_STATE", s.path("state"))
	s.writeCSV("goals.csv", goalHeader(), goalRows("Secretive", 20))
	done := s.json(0, "import", "goals.csv")
	s.writeCSV("other.csv", goalHeader(), goalRows("Other", 20))
	paused := s.json(7, "import", "other.csv", "--max-calls", "13")

	s.oneLine(s.run(2, "runs", "prune"), "--older-than", "--keep")
	s.oneLine(s.run(2, "runs", "prune", "--keep", "0"), "--yes")
	s.oneLine(s.run(2, "runs", "prune", "--keep", "0", "--no-input"), "--yes")
	s.oneLine(s.run(2, "runs", "prune", paused.Run, "--yes"), "paused", "abandon")
	if r := s.run(0, "runs", "prune", "--older-than", "90d", "--yes"); !strings.Contains(r.stdout, "removed 0 runs") {
		t.Errorf("%s", r.stdout)
	}
	if r := s.run(0, "runs", "prune", "--keep", "0", "--dry-run"); !strings.Contains(r.stdout, "would remove run "+done.Run) || len(s.list().Runs) != 2 {
		t.Errorf("%s", r.stdout)
	}
	r := s.run(0, "runs", "prune", "--keep", "0", "--yes")
	for _, want := range []string{"removed run " + done.Run, "20 goals stay", "kept run " + paused.Run, "report folders", done.dir} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
		}
	}
	if left := s.list().Runs; len(left) != 1 || left[0].ID != paused.Run {
		t.Errorf("left: %+v", left)
	}
	s.nowhere("state", "Secretive")
	s.counts(s.json(0, "import", "goals.csv"), "rows=20 unchanged=20")

	s.run(0, "runs", "abandon", paused.Run)
	s.run(0, "runs", "prune", paused.Run, "--yes", "--json")
	s.counts(s.json(0, "import", "other.csv", "--max-calls", "0"), "rows=20 created=10 unchanged=10")
	if n := len(s.goals()); n != 40 {
		t.Errorf("%d goals, want 40", n)
	}
}

// nowhere wants the word in no file of the folder.
func (s *stage) nowhere(folder, word string) {
	s.Helper()
	err := filepath.WalkDir(s.path(folder), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(word)) {
			s.Errorf("%s still says %q", path, word)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}
