package pipeline

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"gsbatch/checkpoint"
)

// A run that ends before its last look for twins is not finished: whoever takes
// that look, resume or settle, lists them.
func TestAuditIsOwed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit int64 // calls of the first session: it ends while it settles, or audits
		again func(ctx, stop context.Context, cfg ApplyConfig) (Outcome, error)
	}{
		"cut in the audit, resumed":   {7, Apply},
		"cut while settling, resumed": {5, Apply},
		"cut while settling, settled": {5, func(ctx, stop context.Context, cfg ApplyConfig) (Outcome, error) { return Settle(ctx, stop, cfg, nil) }},
		"cut in the audit, settled":   {7, func(ctx, stop context.Context, cfg ApplyConfig) (Outcome, error) { return Settle(ctx, stop, cfg, nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
				m.kinds, m.rate = []mishap{{carried: atOnce, answer: "drop"}}, 1
				d := s.desk()
				run := s.plan(d, creates(1, 1)+"goal 2,New,COMPANY,Meta,later\n", planOptions{}).Run
				m.session(false, nil)
				out := s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime, Limits: Limits{Calls: tt.limit}})
				if !out.Unaudited || !out.Has(StopBudget) || run.Info().State != checkpoint.Paused || out.Counts.Pending > 0 {
					t.Fatalf("%+v, %s", out, run.Info().State)
				}
				m.session(true, nil)
				s.direct("goal 1", "IBM", "first")
				out, err := s.carryOut(d, run, ApplyConfig{Settle: settleTime}, func(cfg ApplyConfig) (Outcome, error) { return tt.again(t.Context(), t.Context(), cfg) })
				if err != nil || out.Unaudited || run.Info().State != checkpoint.Finished {
					t.Errorf("%+v, %v, %s", out, err, run.Info().State)
				}
				reason := s.expect(run, "created=1 parked=1")[0].fate.Reason
				for _, g := range s.goals()["goal 1"] {
					if !strings.Contains(reason, g.Gsid) {
						t.Errorf("%s is not in %q", g.Gsid, reason)
					}
				}
				s.closeRun(run)
				s.leave(d)
			})
		})
	}
}

// A person who decided between two goals is not asked again.
func TestAuditLeavesDecisions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		run := s.plan(d, creates(1, 2), planOptions{}).Run
		m.session(true, func(n int) bool { return n > 2 }) // the creates
		s.mustApply(d, run, ApplyConfig{Workers: 1})
		s.direct("goal 1", "IBM", "first")
		s.direct("goal 1", "IBM", "first")
		cfg := ApplyConfig{Workers: 1, Settle: settleTime}
		out, err := s.carryOut(d, run, cfg, func(cfg ApplyConfig) (Outcome, error) { return Settle(t.Context(), t.Context(), cfg, nil) })
		if err != nil || out.Counts.Parked != 1 || out.Counts.Pending != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		mine := s.goals()["goal 1"][1].Gsid
		_, err = s.carryOut(d, run, cfg, func(cfg ApplyConfig) (Outcome, error) {
			return Decide(t.Context(), t.Context(), cfg, []Decision{{2, checkpoint.Created, mine}})
		})
		if err != nil {
			t.Fatal(err)
		}
		s.mustApply(d, run, cfg)
		if rows := s.expect(run, "created=2"); rows[0].fate.Gsid != mine || run.Info().State != checkpoint.Finished {
			t.Errorf("%+v, %s", rows[0].fate, run.Info().State)
		}
		s.closeRun(run)
		s.leave(d)
	})
}
