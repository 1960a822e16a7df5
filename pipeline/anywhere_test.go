package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// mortal is a context that ends the n-th time that somebody looks at it.
type mortal struct {
	context.Context
	left *atomic.Int64
	end  context.CancelFunc
}

func mortalContext(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	m := mortal{ctx, new(atomic.Int64), end}
	m.left.Store(int64(n))
	return m, end
}

func (m mortal) look() {
	if m.left.Add(-1) == 0 {
		m.end()
	}
}

func (m mortal) Done() <-chan struct{} { m.look(); return m.Context.Done() }
func (m mortal) Err() error            { m.look(); return m.Context.Err() }

// lookStep is by how many looks the moments lie apart at which everywhere ends
// a context: a statement of the database looks at it more often than that.
const lookStep = 7

// everywhere has do done with a context that ends at ever later moments, until
// the rows of the run are no more as they were. Before that there may be no
// other error than the context's.
func (s *stage) everywhere(run *checkpoint.Run, do func(ctx context.Context) (Outcome, error)) {
	s.Helper()
	before := summed(s.rows(run))
	for n := 1; ; n += lookStep {
		ctx, end := mortalContext(s.Context(), n)
		out, err := do(ctx)
		alive := ctx.(mortal).Context.Err() == nil
		end()
		if err != nil && !errors.Is(err, context.Canceled) || alive && len(out.Stops) > 0 {
			s.Fatalf("moment %d: %+v, %v", n, out.Stops, err)
		}
		if now := summed(s.rows(run)); alive || now != before {
			if n < 10*lookStep || alive && err != nil {
				s.Errorf("moment %d: %s, %v", n, now, err)
			}
			return
		}
	}
}

// Whenever the context of a run ends, what is known stays true, and the run
// goes on from there: while rows are sent, settled, looked at once more, and
// decided by a person.
func TestContextEndsAnywhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, creates(1, 4), planOptions{}).Run
	cfg := s.config(d, run)
	cfg.Settle = time.Millisecond
	s.watch.onWrite(func(int) bool { return false })
	s.everywhere(run, func(ctx context.Context) (Outcome, error) {
		cfg := cfg
		cfg.Settle = 0
		return Apply(ctx, t.Context(), cfg)
	})
	s.mustApply(d, run, ApplyConfig{})
	s.expect(run, "in_doubt=4")
	s.everywhere(run, func(ctx context.Context) (Outcome, error) { return Settle(ctx, t.Context(), cfg, []int{2, 5}) })
	if _, err := Settle(t.Context(), t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	s.expect(run, "pending=4")
	s.watch.onWrite(func(n int) bool { return n != 2 })
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.expect(run, "created=3 in_doubt=1")
	s.direct("goal 2", "IBM", "words")
	gsid := s.goals()["goal 2"][0].Gsid
	s.everywhere(run, func(ctx context.Context) (Outcome, error) {
		return Decide(ctx, t.Context(), cfg, []Decision{{3, checkpoint.Created, gsid}})
	})
	s.truth(s.expect(run, "created=4"))
	s.everywhere(run, func(ctx context.Context) (Outcome, error) { return Apply(ctx, t.Context(), cfg) }) // it only looks for twins
	s.expect(run, "created=4")
	s.closeRun(run)
	s.leave(d)
}

// A fence that cannot be asked for, or for whose question no call is left, is
// no proof.
func TestFenceThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		run := s.plan(d, creates(1, 2), planOptions{}).Run
		m.session(true, func(n int) bool { return n != 2 })
		s.mustApply(d, run, ApplyConfig{Workers: 1})
		settled := func(item string, budget int64) (Outcome, error) {
			return carryOut(t.Context(), t.Context(), s.config(d, run), true, func(a *apply, ctx context.Context) error {
				a.newest = created{op: checkpoint.Op{Action: "create", Line: 2, Item: item}, gsid: s.goals()["goal 1"][0].Gsid}
				a.cfg.Limits.Calls = a.begun.Load() + budget
				_, err := a.settle(ctx, true)
				return err
			})
		}
		if _, err := settled("{", 9); err == nil || err.Error() != "row 2: stored operation: unexpected end of JSON input" {
			t.Error(err)
		}
		for budget := range int64(3) { // for the first look, the fence, and the last look
			out, err := settled(`{"record":{"Name":"goal 1"}}`, budget)
			if s.stopped(out, StopBudget); err != nil {
				t.Errorf("budget %d: %v", budget, err)
			}
			s.expect(run, "created=1 in_doubt=1")
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// Only an answer later than those before it makes a newer fence.
func TestNewestGoal(t *testing.T) {
	t.Parallel()
	a := &apply{}
	at := time.UnixMilli(1_700_000_000_000)
	for i, after := range []time.Duration{0, time.Second, time.Second, -time.Second} {
		a.made(&checkpoint.Op{Line: i}, &gainsight.Answer{Gsid: fmt.Sprint(i), ServerTime: at.Add(after)})
	}
	if a.newest.gsid != "1" || a.newest.op.Line != 1 {
		t.Errorf("%+v", a.newest)
	}
}
