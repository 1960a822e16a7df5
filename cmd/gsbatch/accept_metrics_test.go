//go:build unix

package main

import (
	"os"
	"strings"
	"testing"
)

// TestMetricsFile reads the file after a run that paused and one that ended well.
func TestMetricsFile(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Metric", 20))
	has := func(code int, args []string, wants ...string) {
		t.Helper()
		s.run(code, args...)
		text, err := os.ReadFile(s.path("m.prom"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%v: the file lacks %s:\n%s", args, want, text)
			}
		}
	}
	has(7, []string{"import", "goals.csv", "--metrics-file", "m.prom", "--max-calls", "13"},
		`object="goals",status="created"} 10`, `status="pending"} 10`, `endpoint="goals.create"} 10`, "gsbatch_exit_code{", "} 7\n")
	has(0, []string{"resume", "--max-calls", "0"}, `status="created"} 20`, `endpoint="goals.create"} 20`, "gsbatch_last_success_timestamp_seconds 1")
	has(2, []string{"import", "none.csv", "--metrics-file", "m.prom"}, "} 2\n", "gsbatch_last_success_timestamp_seconds 1")
	s.run(11, "import", "goals.csv", "--metrics-file", "none/m.prom")
}
