//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilledAtRandom kills the program at random moments, GSBATCH_KILLS times
// (5) in all, over runs of 300 rows each, and lets each run end: every row is
// created once, or parked with its reason.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	want := 5
	if text := os.Getenv("GSBATCH_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		want = n
	}
	random := rand.New(rand.NewPCG(2, 9))
	var kills, rows, parked int
	for run := 0; kills < want && !t.Failed(); run++ {
		t.Run("run "+strconv.Itoa(run), func(t *testing.T) {
			s := newStage(t, "latency=2ms,jitter=8ms")
			s.setenv("GSBATCH_SETTLE", "300ms")
			s.setenv("GSBATCH_WORKERS", strconv.Itoa(1+random.IntN(16)))
			const size = 300
			s.run(0, "plan", s.writeCSV("goals.csv", goalHeader(), goalRows("Random", size)))
			last, commands := result{}, [][]string{{"apply", "latest", "--json"}, {"resume", "--json"}, {"runs", "report", "latest", "--json"}}
			for len(commands) > 0 && !strings.Contains(last.stdout, `"counts"`) {
				life := patience // once there were enough kills
				if kills < want {
					life = time.Duration(20+random.IntN(400)) * time.Millisecond
				}
				r, killed := s.killed(life, commands[0]...)
				if killed { // what it printed it may not have come to the end of
					kills++
					continue
				}
				last, commands = r, commands[1:] // begun is no longer to be applied, done not to be resumed
			}
			got := s.summaryOf(last)
			if got.Counts["created"]+got.Counts["parked"] != size {
				t.Errorf("after %d kills: exit %d, %v\n%s", kills, last.code, got.Counts, last.stderr)
			}
			s.proved(got.dir)
			rows, parked = rows+size, parked+got.Counts["parked"]
		})
	}
	if !t.Failed() {
		t.Logf("promise R2: %d kills, %d rows: 0 duplicated, 0 lost; %d parked", kills, rows, parked)
	}
}
