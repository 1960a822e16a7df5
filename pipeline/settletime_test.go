package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The settle time of a row begins with the end of its call, and the youngest
// row's is waited for.
func TestSettleTimeBeginsWithTheEndOfTheCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lost  string        // calls
		takes time.Duration // the second call
		want  []time.Duration
	}{
		"the first":        {"1", time.Minute, []time.Duration{settleTime}},
		"both":             {"1 2", time.Minute, []time.Duration{settleTime + time.Minute}},
		"the second":       {"2", time.Minute, []time.Duration{settleTime + time.Minute}},
		"the first is old": {"1", settleTime, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
				s.timeout = 10 * time.Minute
				d := s.desk()
				run := s.plan(d, creates(1, 2), planOptions{}).Run
				m.session(true, func(n int) bool {
					if n == 2 {
						time.Sleep(tt.takes)
					}
					return n > 2 || !strings.Contains(tt.lost, fmt.Sprint(n))
				})
				began := time.Now()
				var until []time.Duration
				s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime, Waiting: func(at time.Time, _ string) { until = append(until, at.Sub(began)) }})
				if s.expect(run, "created=2"); !slices.Equal(until, tt.want) {
					t.Errorf("waited until %v, want %v", until, tt.want)
				}
				s.closeRun(run)
				s.leave(d)
			})
		})
	}
}

// What is found at once is not waited for, and lets the next row of its key
// have its turn.
func TestFoundAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		run := s.plan(d, twins("a", "b"), planOptions{onDuplicate: DuplicateCreate}).Run
		m.session(true, func(n int) bool {
			if n == 1 {
				s.direct("twin", "IBM", "a")
			}
			return n != 1
		})
		began := time.Now()
		s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime, Waiting: func(time.Time, string) { t.Error("waited") }})
		if s.expect(run, "created=2"); time.Since(began) >= settleTime {
			t.Errorf("took %v", time.Since(began))
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// Who stops the run while it settles leaves its doubts as they are: nothing is
// proved, and nothing is parked.
func TestStopWhileSettling(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{settleTime / 2, settleTime + time.Minute} { // then the fence is looked for
		synctest.Test(t, func(t *testing.T) {
			s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
			d := s.desk()
			run := s.plan(d, creates(1, 3), planOptions{}).Run
			m.hides = func(string) bool { return true }
			m.session(true, func(n int) bool { return n != 2 })
			stop, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			began := time.Now()
			out, err := s.apply(stop, d, run, ApplyConfig{Workers: 1, Settle: settleTime})
			if err != nil || time.Since(began) > after+time.Second {
				t.Errorf("%v, after %v", err, time.Since(began))
			}
			s.stopped(out, StopSignal)
			s.expect(run, "created=2 in_doubt=1")
			s.closeRun(run)
			s.leave(d)
		})
	}
}
