package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
)

// runFlags are the flags that say how a run is carried out.
type runFlags struct {
	quota       quotaFlags
	maxCalls    int64
	maxDuration time.Duration
	maxErrors   string
	workers     int
	canary      int
	batch       int
	settle      time.Duration
	onStale     string
	reportDir   string
	metrics     string
}

func addRunFlags(cmd *cobra.Command) *runFlags {
	r := new(runFlags)
	r.quota.add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&r.maxErrors, "max-errors", "", "stop at `N` rejected rows, or at N% of those sent (from 50 rows on)")
	fs.IntVar(&r.workers, "workers", 0, "goals: calls under way at a time (default: as many as the quota needs)")
	fs.IntVar(&r.canary, "canary", 0, "send `N` rows, then ask; without a terminal go on only if all of them succeeded")
	fs.IntVar(&r.batch, "batch", pipeline.DefaultBatch, fmt.Sprintf("templates and metrics: `N` records a call at most, 1 to %d", pipeline.MaxBatch))
	r.addLate(cmd)
	return r
}

// addLate declares what settling rows in doubt has in common with sending rows.
func (r *runFlags) addLate(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&r.quota.wait, "wait-quota", false, "when the day's calls are used, wait until they are there again instead of pausing with exit 7")
	fs.Int64Var(&r.maxCalls, "max-calls", 0, "pause after `N` calls")
	fs.DurationVar(&r.maxDuration, "max-duration", 0, "pause after this `DURATION`, as 8h")
	fs.DurationVar(&r.settle, "settle", 2*time.Minute, "how long a call without an answer may still land; rows in doubt are read back until then; 0: leave them in doubt")
	addChoice(cmd, fs, &r.onStale, "on-stale", "skip", []string{"skip", "fail", "overwrite"}, "a record that somebody edited since the file's ModifiedDate, or since the plan")
	fs.StringVar(&r.reportDir, "report-dir", "", "write the reports into `DIR` (default: gsbatch-out/RUN beside the input)")
	fs.StringVar(&r.metrics, "metrics-file", "", "write metrics for Prometheus into `F.prom` during the run and at its end, for a collector of text files")
}

// addSettling declares the flags of settle, which sends nothing.
func (r *runFlags) addSettling(cmd *cobra.Command) {
	r.quota.add(cmd)
	r.addLate(cmd)
}

// runLimits are the limits of a run, checked.
func (r *runFlags) runLimits(app *App) (pipeline.Limits, error) {
	limit, err := pipeline.ParseErrorLimit(r.maxErrors)
	if err != nil {
		return pipeline.Limits{}, usagef("", "%s: %w", app.settings.place("max-errors"), err)
	}
	for name, n := range map[string]int64{"max-calls": r.maxCalls, "max-duration": int64(r.maxDuration), "grace": int64(app.general.grace), "lock-timeout": int64(app.general.lockTimeout), "workers": int64(r.workers), "canary": int64(r.canary), "batch": int64(r.batch), "settle": int64(r.settle)} {
		if n < 0 {
			return pipeline.Limits{}, usagef("give a number from 1, or leave it out", "%s: is negative", app.settings.place(name))
		}
	}
	if r.batch > pipeline.MaxBatch {
		return pipeline.Limits{}, usagef("", "%s: %d is more than %d", app.settings.place("batch"), r.batch, pipeline.MaxBatch)
	}
	return pipeline.Limits{Errors: limit, Calls: r.maxCalls, Duration: r.maxDuration}, nil
}

// Workers when --workers does not say: without a quota enough to keep two
// machines busy; with one, enough for calls that take up to 15 s each.
const (
	freeWorkers  = 32
	slowCall     = 15 * time.Second
	mostWorkers  = 64
	fewestWorker = 2
)

func (r *runFlags) workerCount(limits gainsight.Limits) int {
	switch {
	case r.workers > 0:
		return r.workers
	case limits.Calls == 0:
		return freeWorkers
	}
	needed := math.Ceil(float64(limits.PerWindow()) / limits.Window.Seconds() * slowCall.Seconds())
	return int(min(max(needed, fewestWorker), mostWorkers))
}

// callsFor is how many calls the writes of a plan take at least.
func (r *runFlags) callsFor(object string, creates, updates, deletes int) int {
	if object == gainsight.GoalObject {
		return creates + updates + deletes
	}
	batch, calls := max(r.batch, 1), 0
	for _, n := range []int{creates, updates, deletes} {
		calls += (n + batch - 1) / batch
	}
	return calls
}

// holder is how this process is named to others that find a run held.
func (app *App) holder(command string) checkpoint.Holder {
	host, _ := os.Hostname() // an unnamed machine is still told by its process
	return checkpoint.Holder{PID: os.Getpid(), Host: host, Command: "gsbatch " + command, Since: app.now()}
}
