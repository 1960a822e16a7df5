package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"gsbatch/checkpoint"
)

// The disk is full from each single write on, of a resume that recovers a row,
// proves one absent, parks one, sends, and lists in the end a second goal that
// came late. However many writes fitted, and whoever took the room of the
// reserve, the next resume ends as it would have.
func TestFullDiskAtEveryWrite(t *testing.T) {
	t.Parallel()
	step := 12 // each write with some of the reserves
	if number(t, "GSBATCH_SCHEDULES", 0) >= 1000 {
		step = 1
	}
	for i, spare := range []int{plenty, 0, 1, 4} {
		t.Run(fmt.Sprintf("spare=%d", spare), func(t *testing.T) {
			t.Parallel()
			fits := 3 * i
			for troubled := true; troubled; fits += step {
				synctest.Test(t, func(t *testing.T) { troubled = fullAfter(t, fits, spare) })
				if t.Failed() {
					t.Fatalf("%d writes fitted", fits)
				}
			}
			if fits < 50 {
				t.Errorf("the resume makes only %d writes", fits)
			}
			if spare == 0 {
				t.Logf("promise R7: a disk that is full from the nth of %d writes on, settling included, n in steps of %d, whoever takes the room of the reserve", fits, step)
			}
		})
	}
}

// fullAfter resumes with a disk on which so many writes fit, and then with room
// enough. troubled says that the disk was too small.
func fullAfter(t *testing.T, fits, spare int) (troubled bool) {
	s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
	m.kinds, m.rate = []mishap{{carried: atOnce, answer: "drop"}}, 1
	d := s.desk()
	s.closeRun(s.plan(d, creates(1, 5), planOptions{}).Run)
	run := s.lock(d, "a")
	m.session(false, func(n int) bool { return n != 2 && n != 3 })         // never carried out
	s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Calls: 6}}) // two are the plan's
	s.expect(run, "in_doubt=4 pending=1")
	s.direct("goal 3", "IBM", "first") // as the row's would be, and more than one
	s.direct("goal 3", "IBM", "first")
	late := false
	m.session(true, func(int) bool {
		if m.came["goal 5|IBM|first"] > 0 && !late { // all is settled: the audit fetches
			late = true
			s.direct("goal 4", "IBM", "first")
		}
		return true
	})
	s.fillDisk(fits, spare).fill()
	out, err := s.apply(t.Context(), d, run, ApplyConfig{Workers: 1, Settle: settleTime})
	var storage *checkpoint.StorageError
	troubled = err != nil || len(out.Stops) > 0
	if err != nil && !errors.As(err, &storage) || len(out.Stops) > 0 && !out.Has(StopStorage) {
		t.Errorf("%+v, %v", out.Stops, err)
	}
	s.makeRoom()
	s.closeRun(run)
	s.leave(d)
	d = s.desk()
	run = s.lock(d, "a")
	if run.Info().State != checkpoint.Finished { // else nobody would resume
		s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime})
	}
	for i, r := range s.expect(run, "created=3 parked=2") {
		if twins := i == 2 || i == 3; twins != (r.fate.Status == checkpoint.Parked) || twins && strings.Count(r.fate.Reason, "1CG0") < 2 {
			t.Errorf("%s is told as %s: %s", r.name, r.fate.Status, r.fate.Reason)
		}
		if made := m.made(r.key); len(made) != 1 && r.fate.Status != checkpoint.Parked {
			t.Errorf("%s was made as %q", r.name, made)
		}
	}
	s.intended("a", []string{"goal 1|IBM|first", "goal 2|IBM|first", "goal 3|IBM|first", "goal 4|IBM|first", "goal 5|IBM|first"}, func(row string) int { return m.came[row] }, 0)
	s.closeRun(run)
	s.leave(d)
	return troubled
}
