package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// How a limit of errors is written, and told.
func TestParseErrorLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		limit ErrorLimit
		told  string
	}{
		"20": {ErrorLimit{Rows: 20}, "--max-errors 20"}, " 1 ": {ErrorLimit{Rows: 1}, "--max-errors 1"},
		"5%": {ErrorLimit{Percent: 5}, "--max-errors 5%"}, "0.5%": {ErrorLimit{Percent: 0.5}, "--max-errors 0.5%"}, "100%": {ErrorLimit{Percent: 100}, "--max-errors 100%"},
		"": {}, " ": {}, "0": {}, "-1": {}, "0%": {}, "-5%": {}, "100.5%": {}, "x": {}, "x%": {}, "5.5": {}, "5 %%": {}, "NaN%": {},
	} {
		limit, err := ParseErrorLimit(text)
		if bad := want.told == "" && strings.TrimSpace(text) != ""; limit != want.limit || (err != nil) != bad {
			t.Errorf("%q: %+v, %v", text, limit, err)
		}
		if want.told != "" && limit.String() != want.told {
			t.Errorf("%q: %s", text, limit)
		}
	}
}

// When a limit of errors is reached.
func TestErrorLimitIsReached(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit             ErrorLimit
		rejected, decided int
		want              bool
	}{
		{ErrorLimit{}, 60, 60, false},
		{ErrorLimit{Rows: 3}, 2, 2, false}, {ErrorLimit{Rows: 3}, 3, 3, true}, {ErrorLimit{Rows: 3}, 4, 900, true},
		{ErrorLimit{Percent: 10}, 49, 49, false}, {ErrorLimit{Percent: 10}, 4, 50, false}, {ErrorLimit{Percent: 10}, 5, 50, true},
		{ErrorLimit{Percent: 10}, 19, 200, false}, {ErrorLimit{Percent: 10}, 20, 200, true},
	} {
		if tt.limit.reached(tt.rejected, tt.decided) != tt.want {
			t.Errorf("%+v, %d of %d: %v", tt.limit, tt.rejected, tt.decided, !tt.want)
		}
	}
}

// Why a run ends is told once for each reason, the signal first; nothing is
// told after its end.
func TestStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signal, interrupt := context.WithCancelCause(t.Context())
		s := newStops(signal, time.Hour)
		if !s.sleep(time.Minute) || s.stopping() {
			t.Error("it ended early")
		}
		at := time.Now().Add(24 * time.Hour)
		s.add(Stop{Reason: StopErrors, Detail: "first"})
		s.add(Stop{Reason: StopQuota, ResumeAt: at})
		s.add(Stop{Reason: StopErrors, Detail: "second"})
		if s.sleep(time.Minute) || !s.stopping() || !s.resumeAt().Equal(at) {
			t.Errorf("it goes on, until %v", s.resumeAt())
		}
		interrupt(errors.New("ctrl-c"))
		all := s.all()
		if len(all) != 3 || all[0].Reason != StopSignal || all[0].Err.Error() != "ctrl-c" || all[1].Detail != "first" || all[2].Reason != StopQuota {
			t.Errorf("%+v", all)
		}
		s.release()
		time.Sleep(2 * time.Hour)
		if len(s.all()) != 3 {
			t.Errorf("%+v", s.all())
		}
		limited, ended := newStops(t.Context(), time.Hour), newStops(t.Context(), 0)
		ended.release()
		time.Sleep(2 * time.Hour)
		if all := limited.all(); len(all) != 1 || all[0] != (Stop{Reason: StopBudget, Detail: "--max-duration 1h0m0s"}) || !ended.stopping() || !ended.resumeAt().IsZero() {
			t.Errorf("%+v", all)
		}
		limited.release()
	})
}
