package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// What becomes of goals that were edited since the plan is as the plan said,
// unless it is said anew.
func TestStaleAsThePlanSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		made := s.plan(d, creates(1, 1), planOptions{}).Run
		s.mustApply(d, made, ApplyConfig{})
		gsid := s.rows(made)[0].fate.Gsid
		s.closeRun(made)
		run := s.plan(d, "Gsid,Description\n"+gsid+",second\n", planOptions{id: "b", compared: true}).Run
		time.Sleep(time.Minute)
		s.person(gsid, "a person's")
		if err := run.SetInfo(t.Context(), func(i *checkpoint.Info) { i.OnStale = string(StaleFail) }); err != nil {
			t.Fatal(err)
		}
		_, err := s.apply(t.Context(), d, run, ApplyConfig{Recheck: true})
		var stale *StaleError
		if !errors.As(err, &stale) || !slices.Equal(stale.Lines, []int{2}) {
			t.Errorf("%v", err)
		}
		s.expect(run, "pending=1")
		s.mustApply(d, run, ApplyConfig{Recheck: true, OnStale: StaleOverwrite})
		s.expect(run, "updated=1")
		s.closeRun(run)
		s.leave(d)
	})
}

// A run that has ended stands in no other's way, though its process lives on
// and holds it.
func TestRunThatEndedIsNoRival(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	first, second := s.plan(d, creates(1, 2), planOptions{}).Run, s.plan(d, creates(1, 4), planOptions{id: "b"}).Run
	defer s.closeRun(first)
	defer s.closeRun(second)
	s.mustApply(d, first, ApplyConfig{Limits: Limits{Calls: int64(d.client.Calls()["picklists"]) + 1}})
	s.expect(first, "created=1 pending=1")
	s.mustApply(d, second, ApplyConfig{})
	s.expect(second, "created=3 unchanged=1")
}

// What others created meanwhile is created once more where that is asked for.
func TestAgainWhenApplied(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	first, second := s.plan(d, twins("a"), planOptions{}).Run, s.plan(d, twins("a"), planOptions{id: "b"}).Run
	s.mustApply(d, first, ApplyConfig{})
	s.mustApply(d, second, ApplyConfig{Again: true})
	s.twinGoals(2, append(s.rows(first), s.expect(second, "created=1")...)...)
	s.closeRun(first)
	s.closeRun(second)
	s.leave(d)
}

// An answer that cannot be written down ends the run as it says, with no other
// call to follow.
func TestAnswerThatCannotBeKept(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 1), planOptions{}).Run
	mend := s.breakJournal(run, 1)
	out, err := s.apply(t.Context(), d, run, ApplyConfig{})
	var storage *checkpoint.StorageError
	if !errors.As(err, &storage) {
		t.Error(err)
	}
	s.stopped(out, StopStorage)
	s.expect(run, "in_doubt=1")
	s.closeRun(run)
	mend()
	run = s.lock(d, "a")
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	s.truth(s.expect(run, "created=1"))
	s.closeRun(run)
}

// A run whose file is moved away ends at once, and not only when the quota
// allows the next call.
func TestFileIsMovedAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		s.limits = gainsight.Limits{Calls: 1, Window: time.Hour}
		d := s.desk()
		run := s.plan(d, creates(1, 3), planOptions{}).Run
		file := filepath.Join(s.dir, "runs", "a.db")
		var moved time.Time
		m.session(true, func(n int) bool {
			if n == 1 {
				moved = time.Now()
				if err := os.Rename(file, file+".away"); err != nil {
					t.Error(err)
				}
			}
			return true
		})
		out, err := s.apply(t.Context(), d, run, ApplyConfig{Workers: 2})
		if !errors.Is(err, checkpoint.ErrVanished) || time.Since(moved) > time.Minute {
			t.Errorf("%v, after %v", err, time.Since(moved))
		}
		s.stopped(out, StopStorage)
		if err := os.Rename(file+".away", file); err != nil {
			t.Fatal(err)
		}
		s.closeRun(run)
		run = s.lock(d, "a")
		s.mustApply(d, run, ApplyConfig{Settle: settleTime})
		s.expect(run, "created=3")
		s.closeRun(run)
		s.leave(d)
	})
}

// The journal is walked over for doubts only where there may be some.
func TestNoDoubtsAreLookedForWithoutOne(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]bool{"failure_list": false, "drop_after": true} {
		s := newStage(t, "")
		d := s.desk()
		run := s.plan(d, creates(1, 3), planOptions{}).Run
		s.set("faults.on=create,next." + fault + "=1")
		_, err := carryOut(t.Context(), t.Context(), s.config(d, run), true, func(a *apply, ctx context.Context) error {
			err := a.rounds(ctx)
			if a.doubted.Load() != want || !a.knowing.Load() {
				t.Errorf("%s: doubts %v, known %v", fault, a.doubted.Load(), a.knowing.Load())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		s.closeRun(run)
		s.leave(d)
	}
}

// Canaries are sent once, and judged by their own calls: those of a run that
// was begun before, and rows whose turn comes after others were settled, change
// nothing.
func TestCanariesSingOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 8), planOptions{}).Run
	defer s.closeRun(run)
	s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Calls: int64(d.client.Calls()["picklists"]) + 3}})
	s.expect(run, "created=3 pending=5")
	s.watch.onWrite(func(n int) bool { return n != 3 })
	s.stopped(s.mustApply(d, run, ApplyConfig{Workers: 1, Canary: 2, Settle: 50 * time.Millisecond}))
	s.truth(s.expect(run, "created=8"))
	second := s.plan(d, creates(11, 4), planOptions{id: "b"}).Run
	defer s.closeRun(second)
	s.watch.onWrite(func(n int) bool { return n != 2 })
	asked := 0
	s.mustApply(d, second, ApplyConfig{Workers: 1, Canary: 1, Settle: 50 * time.Millisecond, Confirm: func(Status) bool { asked++; return true }})
	if s.truth(s.expect(second, "created=4")); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// Nobody is asked about canaries of which not all were sent.
func TestStopDuringCanaries(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 5), planOptions{}).Run
	defer s.closeRun(run)
	stop, cancel := context.WithCancel(t.Context())
	s.watch.onWrite(func(int) bool { cancel(); return true })
	out, err := s.apply(stop, d, run, ApplyConfig{Workers: 1, Canary: 3, Confirm: func(Status) bool { t.Error("asked"); return false }})
	if err != nil {
		t.Error(err)
	}
	s.stopped(out, StopSignal)
}

// A canary that deletes sings, too.
func TestCanariesThatDelete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		s.batch = 1
		d := s.desk()
		run := s.plan(d, givenRows("delete", m.plant("templates", 4)), planOptions{object: "templates", mode: validate.DeleteOnly}).Run
		s.stopped(s.mustApply(d, run, ApplyConfig{Canary: 2}))
		if counts := run.Info().Counts; counts.Deleted != 4 {
			t.Errorf("%+v", counts)
		}
		s.closeRun(run)
		s.leave(d)
	})
}
