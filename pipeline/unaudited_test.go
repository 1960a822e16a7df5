package pipeline

import (
	"context"
	"errors"
	"testing"

	"gsbatch/checkpoint"
)

// When a run that was worked on still owes its last look for twins, or the
// settling of its doubts.
func TestUnaudited(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	cfg := lost(s, d, planOptions{})
	ended := func(settles bool, stops int, failed error) bool {
		out, err := carryOut(t.Context(), t.Context(), cfg, settles, func(a *apply, _ context.Context) error {
			for range stops {
				a.stops.add(Stop{Reason: StopBudget})
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Error(err)
		}
		return out.Unaudited
	}
	broken := errors.New("broken")
	for i, tt := range []struct {
		settles bool
		stops   int
		failed  error
		want    bool
	}{{true, 0, nil, false}, {true, 1, nil, true}, {true, 0, broken, true}, {false, 0, nil, false}, {false, 1, nil, false}, {false, 0, broken, false}} {
		if ended(tt.settles, tt.stops, tt.failed) != tt.want {
			t.Errorf("with a doubt, case %d: %v", i, !tt.want)
		}
	}
	s.direct("goal 2", "IBM", "first")
	s.mustApply(d, cfg.Run, cfg)
	s.expect(cfg.Run, "created=2")
	for _, state := range []checkpoint.State{checkpoint.Finished, checkpoint.Paused} {
		for _, settles := range []bool{true, false} {
			if err := cfg.Run.SetInfo(t.Context(), func(i *checkpoint.Info) { i.State = state }); err != nil {
				t.Fatal(err)
			}
			if want := settles || state != checkpoint.Finished; ended(settles, 0, nil) != want {
				t.Errorf("%s, settles %v: %v", state, settles, !want)
			}
		}
	}
	s.closeRun(cfg.Run)
	s.leave(d)
}
