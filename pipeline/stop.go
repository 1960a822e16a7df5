package pipeline

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// StopReason is why a run ended before its last row.
type StopReason int

// The reasons. Each leaves a run that resume goes on from.
const (
	StopSignal      StopReason = iota + 1 // the stop context ended
	StopRefused                           // the key or this machine's address
	StopStorage                           // the checkpoint cannot be written
	StopErrors                            // --max-errors
	StopCanary                            // a canary failed, or the person said no
	StopUnreachable                       // the tenant does not answer
	StopQuota                             // the day's allowance
	StopBudget                            // --max-calls, --max-duration
	StopSameError                         // the first rows were all rejected for one reason
	StopRetries                           // too many calls had to be made again
)

// Stop is one reason with its particulars.
type Stop struct {
	Reason   StopReason
	Detail   string
	Err      error
	ResumeAt time.Time
}

// ErrorLimit is --max-errors: a number of rejected rows, or a share of the
// rows that were decided. The zero limit is none.
type ErrorLimit struct {
	Rows    int64
	Percent float64
}

// minForPercent is how many rows must have been decided before their share counts.
const minForPercent = 50

// ParseErrorLimit reads "20" or "5%".
func ParseErrorLimit(text string) (ErrorLimit, error) {
	var limit ErrorLimit
	var err error
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	switch {
	case number == "":
		return limit, nil
	case percent:
		limit.Percent, err = strconv.ParseFloat(number, 64)
	default:
		limit.Rows, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil || limit.Rows < 0 || limit.Percent < 0 || limit.Percent > 100 || math.IsNaN(limit.Percent) || limit == (ErrorLimit{}) {
		return ErrorLimit{}, fmt.Errorf("%q is neither a number of rows from 1 nor a percentage; write 20 or 5%%", text)
	}
	return limit, nil
}

func (l ErrorLimit) String() string {
	if l.Percent > 0 {
		return fmt.Sprintf("--max-errors %g%%", l.Percent)
	}
	return fmt.Sprintf("--max-errors %d", l.Rows)
}

func (l ErrorLimit) reached(rejected, decided int) bool {
	if l.Rows > 0 && int64(rejected) >= l.Rows {
		return true
	}
	return l.Percent > 0 && decided >= minForPercent && float64(rejected) >= l.Percent/100*float64(decided)
}

// stops gathers why the run ends. Its context ends with the first reason, and
// everything that waits for something other than an answer waits on it.
type stops struct {
	ctx     context.Context
	cancel  context.CancelFunc
	signal  context.Context
	timer   *time.Timer
	mu      sync.Mutex
	reasons []Stop
}

func newStops(signal context.Context, limit time.Duration) *stops {
	s := &stops{signal: signal}
	s.ctx, s.cancel = context.WithCancel(signal)
	if limit > 0 {
		s.timer = time.AfterFunc(limit, func() {
			s.add(Stop{Reason: StopBudget, Detail: "--max-duration " + limit.String()})
		})
	}
	return s
}

func (s *stops) release() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.cancel()
}

// add enters a reason, the first of its kind only, and ends the run.
func (s *stops) add(stop Stop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.reasons {
		if known.Reason == stop.Reason {
			return
		}
	}
	s.reasons = append(s.reasons, stop)
	s.cancel()
}

func (s *stops) stopping() bool        { return s.ctx.Err() != nil }
func (s *stops) done() <-chan struct{} { return s.ctx.Done() }

// sleep waits, and says whether it was not cut short by the run's end.
func (s *stops) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *stops) all() []Stop {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signal.Err() != nil {
		return append([]Stop{{Reason: StopSignal, Err: context.Cause(s.signal)}}, s.reasons...)
	}
	return s.reasons
}

func (s *stops) resumeAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stop := range s.reasons {
		if !stop.ResumeAt.IsZero() {
			return stop.ResumeAt
		}
	}
	return time.Time{}
}
