package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/writers"
)

// session carries a run out: progress, the calls, the reports, the account.
type session struct {
	*desk
	run   *checkpoint.Run
	flags *runFlags
	again bool
	work  worker            // nil: pipeline.Apply
	later bool              // the plan was made by an earlier command
	began checkpoint.Info   // the run's, before this process applied it
	cost  *writers.Forecast // of the plan; nil where none was made now
}

// worker is what is done on a run: pipeline.Apply, Settle or Decide.
type worker func(ctx, stop context.Context, cfg pipeline.ApplyConfig) (pipeline.Outcome, error)

// apply carries the run out and returns what the command leaves with.
func (s *session) apply(ctx context.Context) error {
	limits, err := s.flags.runLimits(s.app)
	if err != nil {
		return err
	}
	info := s.run.Info()
	s.began = info
	s.quota.Name(caller(info.Command, info.ID))
	progress := newProgress(s.app, s.app.general.progress, info.Input.Rows)
	gauge := &gauge{session: s, progress: progress, began: s.app.now()}
	gauge.start(ctx)
	cfg := pipeline.ApplyConfig{
		Run: s.run, Tenant: s.shared, Client: s.tenant.Client, Gate: s.gate, Workers: s.flags.workerCount(s.limits), Batch: s.flags.batch,
		Again: s.again, Recheck: s.later, OnStale: pipeline.OnStale(s.flags.onStale), Limits: limits, Grace: s.app.general.grace, Canary: s.flags.canary,
		PerMinute: perMinute(s.limits), Settle: s.flags.settle, Waiting: s.wait.set, Progress: gauge.update, Log: s.app.log,
	}
	if s.app.attended() && !s.app.general.noInput && !s.app.general.yes {
		cfg.Confirm = func(status pipeline.Status) bool { return s.confirmCanary(progress, status) }
	}
	told := context.AfterFunc(s.app.stop, func() {
		s.app.tell("stopping: no further row is begun; calls under way have %v to be answered; a second signal leaves at once\n", s.app.general.grace)
	})
	s.app.log.Info("applying", "run", info.ID, "tenant", info.Tenant, "rows", info.Input.Rows, "workers", cfg.Workers, "rate", s.flags.quota.rate.String())
	work := s.work
	if work == nil {
		work = pipeline.Apply
	}
	out, err := work(ctx, s.app.stop, cfg)
	s.app.log.Info("applied", "run", info.ID, "took", out.Took, "calls", out.Calls.Total, "stops", len(out.Stops))
	told()
	gauge.stop()
	progress.Finish()
	_, clash := errors.AsType[*checkpoint.LockedError](err)
	if _, stale := errors.AsType[*pipeline.StaleError](err); clash || stale {
		return err // nothing was begun
	}
	if _, refused := errors.AsType[*pipeline.DecisionError](err); refused {
		return errors.Join(usagef("", "%w", err), s.unchanged(ctx, info, out))
	}
	return s.finish(ctx, out, err)
}

// unchanged leaves the run as it was when it was taken, but for the calls.
func (s *session) unchanged(ctx context.Context, was checkpoint.Info, out pipeline.Outcome) error {
	err := pipeline.Finish(ctx, s.run, out, exitOK)
	return errors.Join(err, s.run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.State, info.ExitCode, info.Reported, info.ResumeAt = was.State, was.ExitCode, was.Reported, was.ResumeAt
	}))
}

// confirmCanary asks whether the rest is to follow the canaries.
func (s *session) confirmCanary(progress *Progress, status pipeline.Status) bool {
	progress.Finish()
	yes, err := s.app.ask(fmt.Sprintf("%s; send the rest?", countsText(status.Counts)))
	return err == nil && yes
}

// finish writes down how the run ended, then the reports, and tells.
func (s *session) finish(ctx context.Context, out pipeline.Outcome, failed error) error {
	if out.Counts.Whole() && out.Counts.Pending == 0 && !out.Unaudited {
		// Every row had its turn: what would have ended the run came too late to.
		out.Stops = slices.DeleteFunc(out.Stops, func(stop pipeline.Stop) bool { return stop.Reason != pipeline.StopStorage })
	}
	code := s.exitCode(out, failed)
	err := pipeline.Finish(ctx, s.run, out, code)
	s.tellStops(out)
	if trouble, ok := errors.AsType[*checkpoint.StorageError](errors.Join(failed, stopped(out), err)); ok {
		return s.storageError(ctx, code, trouble)
	}
	if err != nil {
		return errors.Join(failed, err)
	}
	return s.report(ctx, code, failed)
}

// storageError says that the run cannot be written down. Where its file is gone
// the reports are written from what this process still has open: they may be
// all that is left.
func (s *session) storageError(ctx context.Context, code int, trouble *checkpoint.StorageError) error {
	id := s.run.Info().ID
	mend := "nothing more was sent: make room, then " + s.app.command("resume", id)
	if errors.Is(trouble, checkpoint.ErrVanished) {
		mend = "nothing more was sent: put it back, then " + s.app.command("resume", id) +
			"; where it is lost, see in the reports, or in the tenant, what was created before you import the file again"
		if err := s.report(ctx, code, nil); err != nil {
			s.app.log.Info("reports of a run whose file is gone", "err", err)
		}
	}
	return failf(exitNoWrite, mend, "the run cannot be written down: %w", trouble)
}

// report writes the reports and tells.
func (s *session) report(ctx context.Context, code int, failed error) error {
	info := s.run.Info()
	s.app.metrics.update(info)
	next := nextCommand(s.app, info, info.Counts)
	reported, err := pipeline.Report(ctx, s.run, s.app.reportConfig(info, next))
	if err != nil {
		return errors.Join(failed, s.app.reportError(info, err))
	}
	s.app.tellReasons(reported.Reasons)
	s.app.tellReport(reported)
	if err := s.tell(reported.Files, next); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err // nobody listens: the run ended as it did all the same
	}
	if failed != nil {
		return failed
	}
	return leave(code)
}

// reportConfig is what the reports of a run tell beside it.
func (app *App) reportConfig(info checkpoint.Info, next string) pipeline.ReportConfig {
	return pipeline.ReportConfig{Summary: pipeline.Summary(info, next), Version: thisBuild().Version,
		Settle: app.command("settle", info.ID), Unsent: exitInvalid}
}

// reportError says that all is safe but the reports.
func (app *App) reportError(info checkpoint.Info, err error) error {
	again := app.command("runs", "report", info.ID)
	return failf(exitNoWrite, "every row is safe in the state folder: make room, then "+again, "reports: %w", err)
}

// exitCode is the code of how the run ended.
func (s *session) exitCode(out pipeline.Outcome, failed error) int {
	codes := []int{exitOK}
	for _, stop := range out.Stops {
		codes = append(codes, s.stopCode(stop))
	}
	if failed != nil {
		code, _ := s.app.exitFor(failed)
		codes = append(codes, code)
	}
	if c := out.Counts; (c.Pending > 0 || out.Unaudited) && len(codes) == 1 && countsCode(c) != exitDoubt {
		codes = append(codes, exitPaused) // settled as not there, or not looked for at last: resume does it
	}
	return worst(append(codes, countsCode(out.Counts))...)
}

func (s *session) stopCode(stop pipeline.Stop) int {
	switch stop.Reason {
	case pipeline.StopSignal:
		if by, ok := errors.AsType[*interrupted](stop.Err); ok {
			return by.code()
		}
		return exitInterrupted
	case pipeline.StopRefused:
		return exitRefused
	case pipeline.StopStorage:
		return exitNoWrite
	case pipeline.StopErrors, pipeline.StopCanary, pipeline.StopUnreachable, pipeline.StopSameError, pipeline.StopRetries:
		return exitStopped
	case pipeline.StopQuota, pipeline.StopBudget:
		return exitPaused
	}
	return exitUnexpected
}

// countsCode is what the rows themselves ask for.
func countsCode(c checkpoint.Counts) int {
	switch {
	case c.InDoubt+c.Parked > 0:
		return exitDoubt
	case c.Rejected+c.Invalid+c.Stale > 0:
		return exitRows
	}
	return exitOK
}

// stopped is the storage error among the stops, if there is one.
func stopped(out pipeline.Outcome) error {
	for _, stop := range out.Stops {
		if stop.Reason == pipeline.StopStorage {
			return stop.Err
		}
	}
	return nil
}

// tellReport says on stderr what there is to know of the files of a report.
func (app *App) tellReport(reported pipeline.Reported) {
	for _, notice := range reported.Notices {
		app.tell("%s\n", oneLine(notice))
	}
}

// tellReasons says on stderr why rows were rejected, alike ones in one line.
func (app *App) tellReasons(reasons []pipeline.Reason) {
	for _, r := range reasons {
		lines := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Lines), " ", ", "), "[]")
		if r.Rows > len(r.Lines) {
			lines += " …"
		}
		word := "row"
		if r.Rows > 1 {
			word = fmt.Sprintf("%d rows:", r.Rows)
		}
		app.tell("%s: %s %s: %s\n", strings.ReplaceAll(string(r.Status), "_", " "), word, lines, oneLine(strings.TrimSpace(r.Code+" "+r.Text)))
	}
}

// tellStops says on stderr why the run ended early, one line a reason.
func (s *session) tellStops(out pipeline.Outcome) {
	for _, stop := range out.Stops {
		if stop.Reason != pipeline.StopStorage { // the command's own error
			s.app.tell("gsbatch: %s\n", oneLine(stopText(stop)))
		}
	}
}

func stopText(stop pipeline.Stop) string {
	switch stop.Reason {
	case pipeline.StopSignal:
		return fmt.Sprintf("%v: no further row was begun, and what was under way is written down; resume goes on", stop.Err)
	case pipeline.StopRefused:
		return fmt.Sprintf("the tenant refused this client: %s; check the key with gsbatch doctor, or put in a new one with gsbatch login, then resume", stop.Detail)
	case pipeline.StopErrors:
		return fmt.Sprintf("stopped by %s; see the reasons in errors.csv, then resume or abandon the run", stop.Detail)
	case pipeline.StopCanary:
		return "the first rows did not all succeed, or the rest was not wanted; see the results, then resume or abandon the run"
	case pipeline.StopUnreachable:
		return fmt.Sprintf("the tenant cannot be reached: %s; check the network with gsbatch doctor, then resume", stop.Detail)
	case pipeline.StopSameError:
		return fmt.Sprintf("stopped: the first rows were all rejected for the same reason: %s; if the mapping or the key is wrong, abandon the run, mend it and import again, else resume", stop.Detail)
	case pipeline.StopRetries:
		return fmt.Sprintf("stopped: too many calls had to be made again: %s; check the network with gsbatch doctor, then resume", stop.Detail)
	case pipeline.StopQuota:
		return fmt.Sprintf("paused: %s", stop.Detail)
	default:
		return fmt.Sprintf("paused by %s", stop.Detail)
	}
}

// tell shows the account: one object with --json, else a few lines on stdout.
func (s *session) tell(files []string, next string) error {
	info := s.run.Info()
	if s.app.general.json {
		summary := pipeline.Summary(info, next)
		summary.Forecast = s.cost
		return emitSummary(s.app, summary)
	}
	return tellAccount(s.app, info, files, next)
}

// emitSummary prints a summary as the command's JSON object.
func emitSummary(app *App, summary writers.Summary) error {
	app.emitted = true
	if err := writers.EncodeSummary(app.stdout, summary); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

func tellAccount(app *App, info checkpoint.Info, files []string, next string) error {
	out := app.stdout
	stamp := ""
	if info.Emulated {
		stamp = " (emulated tenant)"
	}
	_, err := fmt.Fprintf(out, "run %s%s: %s\n", info.ID, stamp, countsText(info.Counts))
	for _, file := range files {
		if err == nil {
			_, err = fmt.Fprintf(out, "  %s\n", oneLine(file))
		}
	}
	if err == nil && info.ResumeAt != nil {
		_, err = fmt.Fprintf(out, "not before: %s\n", info.ResumeAt.Local().Format("Mon 2 Jan 15:04:05"))
	}
	if err == nil && next != "" {
		_, err = fmt.Fprintf(out, "next: %s\n", next)
	}
	if err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// countsText is the account in words; what is zero is left out, but for the rows.
func countsText(c checkpoint.Counts) string {
	text := fmt.Sprintf("%d rows", c.Rows)
	sep := " = "
	for _, part := range []struct {
		n    int
		word string
	}{
		{c.Created, "created"}, {c.Updated, "updated"}, {c.Deleted, "deleted"}, {c.Unchanged, "unchanged"},
		{c.Rejected, "rejected"}, {c.Invalid, "invalid"}, {c.Skipped, "skipped"}, {c.Stale, "stale"},
		{c.InDoubt, "in doubt"}, {c.Parked, "parked"}, {c.Pending, "pending"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf("%s%d %s", sep, part.n, part.word)
			sep = " + "
		}
	}
	return text
}

// worthTelling is the shortest wait that is told: under a quota there is one
// before nearly every call.
const worthTelling = 3 * time.Second

// waiting is what the gate says it waits for, told to the progress.
type waiting struct {
	mu    sync.Mutex
	until time.Time
	why   string
}

func (w *waiting) set(until time.Time, why string) {
	w.mu.Lock()
	w.until, w.why = until, why
	w.mu.Unlock()
}

func (w *waiting) get(now time.Time) (time.Time, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until.Sub(now) < worthTelling {
		return time.Time{}, ""
	}
	return w.until, map[string]string{gainsight.WhyWindow: "quota", gainsight.WhyDay: "the day's calls are used", gainsight.WhyPaused: "throttled", pipeline.WhySettle: "settling rows in doubt"}[w.why]
}
