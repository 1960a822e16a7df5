//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestQuotaIsUsedByProcesses has three processes, each stopped and resumed
// again and again, send through one quota to tenants with fixed and with
// sliding windows, in real time: no call is refused and no window is ever over
// its limit. How much of the quota they used while all three had rows left is
// told, not judged: it is the machine's as much as the program's. With
// GSBATCH_PROMISES the windows are as many and as long as the promise wants.
func TestQuotaIsUsedByProcesses(t *testing.T) {
	windows, lengths := 3, []time.Duration{time.Second}
	if os.Getenv("GSBATCH_PROMISES") != "" {
		windows, lengths = 12, []time.Duration{2 * time.Second, 5 * time.Second}
	}
	for _, length := range lengths {
		for _, kind := range []string{"fixed", "sliding"} {
			q := quotaTrial{stage: newStage(t, fmt.Sprintf("latency=5ms,jitter=10ms,limit=100/%s:%s", length, kind)), window: length, windows: windows}
			used, restarts := q.run()
			t.Logf("promise R4: three processes, stopped and resumed %d times in %d real %s windows of %v: %d calls, 0 refused, %.1f %% used",
				restarts, windows, kind, length, q.tenant.State().Calls.Total, 100*used)
		}
	}
}

// quotaTrial is a tenant with a limit of 100 calls in a window, of which some pass.
type quotaTrial struct {
	*stage
	window  time.Duration
	windows int
}

// run returns which part of the quota was used, and how often processes were stopped.
func (q *quotaTrial) run() (used float64, restarts int) {
	q.Helper()
	q.setenv("GSBATCH_RATE", fmt.Sprintf("100/%s", q.window))
	var runs []string
	for _, name := range []string{"a", "b", "c"} {
		runs = append(runs, q.json(0, "plan", q.writeCSV(name+".csv", goalHeader(), goalRows(name, 100*q.windows/3+40))).Run)
	}
	time.Sleep(q.window + q.window/10) // the calls of planning pass out of the window
	var mu sync.Mutex
	var all sync.WaitGroup
	var last time.Time // when the first of them had no rows left
	for i, run := range runs {
		random := rand.New(rand.NewPCG(4, uint64(i)))
		all.Go(func() {
			for command, done := "apply", false; !done; {
				p := q.start(command, run, "--json")
				select {
				case <-time.After(q.window/2 + time.Duration(random.Int64N(int64(2*q.window)))):
					p.signal(syscall.SIGTERM)
				case <-p.done:
				}
				<-p.done
				mu.Lock()
				switch p.cmd.ProcessState.ExitCode() {
				case 143:
					restarts++
					command = "resume"
				case 2: // it was stopped before it had begun
					command = "apply"
				case -1: // or before it could hear
				default:
					done = true
					if last.IsZero() {
						last = time.Now()
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, run := range runs {
		q.counts(q.json(0, "runs", "report", run), fmt.Sprintf("rows=%d created=%[1]d", 100*q.windows/3+40))
	}
	if calls := q.tenant.State().Calls; calls.Throttled != 0 || calls.Most > 100 {
		q.Errorf("of windows of %v: %+v", q.window, calls)
	}
	return q.usedUntil(last), restarts
}

// usedUntil is the part of the quota used in the whole windows between the
// first goal and a time.
func (q *quotaTrial) usedUntil(last time.Time) float64 {
	q.Helper()
	var log bytes.Buffer
	if err := q.tenant.WriteCalls(&log); err != nil {
		q.Fatal(err)
	}
	var first time.Time
	var at []time.Time
	for lines := json.NewDecoder(&log); lines.More(); {
		var call struct {
			At       time.Time
			Endpoint string
		}
		if err := lines.Decode(&call); err != nil {
			q.Fatal(err)
		}
		if first.IsZero() && call.Endpoint == "goal_create" {
			first = call.At
		}
		at = append(at, call.At)
	}
	whole := int(last.Sub(first) / q.window)
	made := 0
	for _, call := range at {
		if !call.Before(first) && call.Before(first.Add(time.Duration(whole)*q.window)) {
			made++
		}
	}
	return float64(made) / float64(max(whole, 1)*100)
}
