//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestRateIsKeptAndUsed sends at 100 calls in 2 s (short: 50) to tenants with that limit:
// none is refused, and of each 100 calls 95 and more are used. It is not
// parallel to others: at 20 ms a call their load on the disk would be measured.
func TestRateIsKeptAndUsed(t *testing.T) {
	rate, rows := 100, 600
	if testing.Short() {
		rate, rows = 50, 150
	}
	var tenants []*stage
	var running []*process
	for _, kind := range []string{"fixed", "sliding"} {
		s := newStage(t, fmt.Sprintf("latency=5ms,jitter=20ms,limit=%d/2s:%s", rate, kind))
		s.writeCSV("goals.csv", goalHeader(), goalRows("Rate", rows))
		tenants, running = append(tenants, s), append(running, s.start("import", "goals.csv", "--rate", fmt.Sprintf("%d/2s", rate), "--json"))
	}
	for i, s := range tenants {
		got := s.summaryOf(s.want(0, running[i]))
		if got.Calls.Throttled != 0 || got.Calls.Total != rows+2 || got.Counts["created"] != rows {
			t.Errorf("%+v %+v", got.Calls, got.Counts)
		}
		calls := s.tenant.State().Calls
		if calls.Throttled != 0 || calls.Most > rate || calls.Total != rows+2 {
			t.Errorf("the tenant counted %+v", calls)
		}
		s.used(2*time.Second, rate)
		s.proved(got.dir)
	}
}

// used wants the goals to have come at 95 of each 100 calls that fit, from the
// first goal to the last.
func (s *stage) used(window time.Duration, calls int) {
	s.Helper()
	var text bytes.Buffer
	if err := s.tenant.WriteCalls(&text); err != nil {
		s.Fatal(err)
	}
	var first, last time.Time
	n := 0
	for line := range bytes.Lines(text.Bytes()) {
		var call struct {
			At       time.Time `json:"at"`
			Endpoint string    `json:"endpoint"`
		}
		if err := json.Unmarshal(line, &call); err != nil {
			s.Fatal(err)
		}
		if call.Endpoint != "goal_create" {
			continue
		}
		if n == 0 {
			first = call.At
		}
		last = call.At
		n++
	}
	fit := last.Sub(first).Seconds() / window.Seconds() * float64(calls)
	share := float64(n-1) / fit
	s.Logf("%d goals in %v: %.1f %% of the rate", n, last.Sub(first).Round(time.Millisecond), 100*share)
	if share < 0.95 {
		s.Errorf("%d goals in %v: %.1f %% of the rate", n, last.Sub(first), 100*share)
	}
}
