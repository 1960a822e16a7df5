package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
)

// quotaFlags are the flags of every command that makes calls.
type quotaFlags struct {
	client clientFlags
	rate   rate
	daily  int
}

func (q *quotaFlags) add(cmd *cobra.Command) {
	q.client.add(cmd)
	q.addLimits(cmd)
}

// addLimits declares those of the quota alone.
func (q *quotaFlags) addLimits(cmd *cobra.Command) {
	q.rate = rate{calls: 100, window: time.Minute}
	fs := cmd.Flags()
	fs.Var(&q.rate, "rate", "calls in any window of that length; 0: no limit, and no --daily (so with --emulator, unless given)")
	fs.IntVar(&q.daily, "daily", 50_000, "calls in any 24 hours; 0: no limit")
}

// limits are the quota as the gate wants it. The embedded tenant has no quota
// of its own, so that a rehearsal waits only when it is told to.
func (q *quotaFlags) limits(app *App) (gainsight.Limits, error) {
	if q.daily < 0 {
		return gainsight.Limits{}, usagef("give the number of calls, or 0 for no limit", "%s: --daily %d", app.settings.place("daily"), q.daily)
	}
	if app.general.emulator && app.settings.rank("rate") == fromDefault {
		return gainsight.Limits{}, nil
	}
	return gainsight.Limits{Calls: q.rate.calls, Window: q.rate.window, Daily: q.daily}, nil
}

// runFlags are the flags that say how a run is carried out.
type runFlags struct {
	quota       quotaFlags
	maxCalls    int64
	maxDuration time.Duration
	maxErrors   string
	workers     int
	canary      int
	reportDir   string
}

func addRunFlags(cmd *cobra.Command) *runFlags {
	r := new(runFlags)
	r.quota.add(cmd)
	fs := cmd.Flags()
	fs.Int64Var(&r.maxCalls, "max-calls", 0, "pause after `N` calls")
	fs.DurationVar(&r.maxDuration, "max-duration", 0, "pause after this `DURATION`, as 8h")
	fs.StringVar(&r.maxErrors, "max-errors", "", "stop at `N` rejected rows, or at N% of those sent (from 50 rows on)")
	fs.IntVar(&r.workers, "workers", 0, "calls under way at a time (default: as many as the quota needs)")
	fs.IntVar(&r.canary, "canary", 0, "send `N` rows, then ask; without a terminal go on only if all of them succeeded")
	fs.StringVar(&r.reportDir, "report-dir", "", "write the reports into `DIR` (default: gsbatch-out/RUN beside the input)")
	return r
}

// runLimits are the limits of a run, checked.
func (r *runFlags) runLimits(app *App) (pipeline.Limits, error) {
	limit, err := pipeline.ParseErrorLimit(r.maxErrors)
	if err != nil {
		return pipeline.Limits{}, usagef("", "%s: --max-errors %w", app.settings.place("max-errors"), err)
	}
	for name, n := range map[string]int64{"max-calls": r.maxCalls, "max-duration": int64(r.maxDuration), "workers": int64(r.workers), "canary": int64(r.canary)} {
		if n < 0 {
			return pipeline.Limits{}, usagef("give a number from 1, or leave it out", "%s: --%s is negative", app.settings.place(name), name)
		}
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
	needed := math.Ceil(float64(limits.Calls) / limits.Window.Seconds() * slowCall.Seconds())
	return int(min(max(needed, fewestWorker), mostWorkers))
}

// desk is what a command that makes calls works with: the state folder, the
// tenant's shared state and the client behind the quota.
type desk struct {
	app    *App
	folder *checkpoint.Folder
	shared *checkpoint.Tenant
	gate   *gainsight.Gate
	limits gainsight.Limits
	tenant *tenant
	wait   *waiting
}

// openDesk opens them; who names this process in the quota's books.
func openDesk(ctx context.Context, app *App, quota *quotaFlags, who string) (d *desk, err error) {
	limits, err := quota.limits(app)
	if err != nil {
		return nil, err
	}
	name, err := app.tenantName()
	if err != nil {
		return nil, err
	}
	dir, err := app.openState()
	if err != nil {
		return nil, err
	}
	d = &desk{app: app, limits: limits, wait: new(waiting)}
	if d.folder, err = checkpoint.Open(dir); err != nil {
		return nil, err
	}
	if d.shared, err = d.folder.Tenant(ctx, name); err != nil {
		return nil, err
	}
	d.gate = gainsight.NewGate(d.shared.Quota(who), limits)
	d.gate.Waiting = d.wait.set
	if d.tenant, err = app.openTenant(ctx, quota.client, d.gate, dir); err != nil {
		return nil, errors.Join(err, d.shared.Close())
	}
	return d, nil
}

func (d *desk) close() error { return errors.Join(d.tenant.close(), d.shared.Close()) }

// holder is how this process is named to others that find a run held.
func (app *App) holder(command string) checkpoint.Holder {
	host, _ := os.Hostname() // an unnamed machine is still told by its process
	return checkpoint.Holder{PID: os.Getpid(), Host: host, Command: "gsbatch " + command, Since: app.now()}
}

// general flags that a run keeps beside its own, so that resume needs none.
func keptGeneral() []string { return []string{"access-key-file", "ca-file"} }

// keptPaths are the flags that name files or folders which resume may need.
func keptPaths() []string { return []string{"access-key-file", "ca-file", "report-dir"} }

// keepSettings is what the flags of cmd say, for a later resume: those that
// were given anywhere, with files named in full.
func keepSettings(app *App, cmd *cobra.Command) (json.RawMessage, error) {
	kept := map[string][]string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if app.settings.rank(f.Name) == fromDefault || cmd.InheritedFlags().Lookup(f.Name) != nil && !slices.Contains(keptGeneral(), f.Name) {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			kept[f.Name] = list.GetSlice()
			return
		}
		value := f.Value.String()
		if slices.Contains(keptPaths(), f.Name) && value != "" {
			if full, err := filepath.Abs(value); err == nil {
				value = full
			}
		}
		kept[f.Name] = []string{value}
	})
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("settings of the run: %w", err)
	}
	return text, nil
}

// restoreSettings gives the flags of cmd the run's own values where none was
// given now, and chooses the run's tenant.
func restoreSettings(app *App, cmd *cobra.Command, info checkpoint.Info) error {
	kept := map[string][]string{}
	if len(info.Settings) > 0 {
		if err := json.Unmarshal(info.Settings, &kept); err != nil {
			return fmt.Errorf("settings of run %s: %w", info.ID, err)
		}
	}
	for name, values := range kept {
		f := cmd.Flags().Lookup(name)
		if f == nil || app.settings.rank(name) >= fromEnvironment {
			continue
		}
		_, list := f.Value.(pflag.SliceValue)
		if err := setFlag(f, values, list); err != nil {
			return fmt.Errorf("settings of run %s: --%s: %w", info.ID, name, err)
		}
		app.settings.sources[name] = source{rank: fromFlag, place: "run " + info.ID}
	}
	return sameTenant(app, info)
}

// sameTenant chooses the run's tenant, and refuses another one.
func sameTenant(app *App, info checkpoint.Info) error {
	if info.Emulated {
		if app.general.baseURL != "" && app.settings.rank("base-url") >= fromEnvironment {
			return failf(exitChanged, "leave out --base-url", "run %s is for the embedded tenant", info.ID)
		}
		app.general.emulator = true
		return nil
	}
	if app.general.emulator {
		return failf(exitChanged, "leave out --emulator", "run %s is for %s", info.ID, info.Tenant)
	}
	if app.general.baseURL == "" {
		app.general.baseURL = info.Tenant
		return nil
	}
	name, err := app.tenantName()
	if err != nil {
		return err
	}
	if name != info.Tenant {
		return failf(exitChanged, "leave out --base-url, or plan the file anew for that tenant",
			"run %s is for %s, and %s says %s", info.ID, info.Tenant, app.settings.place("base-url"), name)
	}
	return nil
}

// command is a command line for a person to paste.
func (app *App) command(words ...string) string {
	line := []string{"gsbatch"}
	for _, word := range words {
		if word == "" || strings.ContainsAny(word, " \t\"'$`\\|&;<>()*?#~!") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		line = append(line, word)
	}
	if app.settings.rank("state") == fromFlag {
		line = append(line, "--state", app.general.state)
	}
	return strings.Join(line, " ")
}
