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
// none is ever refused, and of each 100 calls 95 and more are used. At 20 ms a
// call the machine's own stalls are measured too: it is not parallel to other
// tests, and the second figure has three tries.
func TestRateIsKeptAndUsed(t *testing.T) {
	rate, rows := 100, 600
	if testing.Short() {
		rate, rows = 50, 150
	}
	least := 0.0
	for try := 0; try < 3 && least < 0.95; try++ {
		least = rateUsed(t, rate, rows)
	}
	if least < 0.95 {
		t.Errorf("%.1f %% of the rate was used", 100*least)
	}
}

// rateUsed imports into a tenant with fixed and one with sliding windows at a
// time, and returns the smaller share of the rate that was used.
func rateUsed(t *testing.T, rate, rows int) float64 {
	t.Helper()
	var tenants []*stage
	var running []*process
	for _, kind := range []string{"fixed", "sliding"} {
		s := newStage(t, fmt.Sprintf("latency=5ms,jitter=20ms,limit=%d/2s:%s", rate, kind))
		s.writeCSV("goals.csv", goalHeader(), goalRows("Rate", rows))
		tenants, running = append(tenants, s), append(running, s.start("import", "goals.csv", "--rate", fmt.Sprintf("%d/2s", rate), "--json"))
	}
	least := 1.0
	for i, s := range tenants {
		got := s.summaryOf(s.want(0, running[i]))
		if got.Calls.Throttled != 0 || got.Calls.Total != rows+3 || got.Counts["created"] != rows {
			t.Errorf("%+v %+v", got.Calls, got.Counts)
		}
		calls := s.tenant.State().Calls
		if calls.Throttled != 0 || calls.Most > rate || calls.Total != rows+3 {
			t.Errorf("the tenant counted %+v", calls)
		}
		least = min(least, s.used(2*time.Second, rate))
		s.proved(got.dir)
	}
	return least
}

// used is the share of the calls that fit between the first goal and the last
// that came.
func (s *stage) used(window time.Duration, calls int) float64 {
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
	return share
}
