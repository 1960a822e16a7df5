package pipeline

import (
	"slices"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// created is a goal that this process made.
type created struct {
	op     checkpoint.Op
	gsid   string
	server time.Time
}

// made keeps the newest goal of ours, which later serves as a fence.
func (a *apply) made(op *checkpoint.Op, answer *gainsight.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer.ServerTime.After(a.newest.server) {
		a.newest = created{op: *op, gsid: answer.Gsid, server: answer.ServerTime}
	}
}

// fence waits until a goal of ours that was made after the open doubts is
// visible to a fetch, for some minutes at most. Where there is none the settle
// time alone decides.
func (s *settling) fence() (visible bool, err error) {
	s.mu.Lock()
	newest := s.newest
	s.mu.Unlock()
	if newest.gsid == "" {
		return true, nil
	}
	want, err := s.sought(&checkpoint.Doubt{Op: newest.op}, "")
	if err != nil {
		return false, err
	}
	ask := s.asks(want)
	for patience := time.Now().Add(fencePatience); ; {
		goals, _, err := s.fetch(ask)
		if err != nil {
			s.fault(err)
			return false, nil
		}
		if slices.ContainsFunc(goals, func(g gainsight.Goal) bool { return g.Gsid == newest.gsid }) {
			return true, nil
		}
		if time.Now().After(patience) || !s.stops.sleep(fencePause) {
			return false, nil
		}
	}
}
