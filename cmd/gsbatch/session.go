package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
}

// apply carries the run out and returns what the command leaves with.
func (s *session) apply(ctx context.Context) error {
	limits, err := s.flags.runLimits(s.app)
	if err != nil {
		return err
	}
	info := s.run.Info()
	progress := newProgress(s.app, s.app.general.progress, info.Input.Rows)
	gauge := &gauge{session: s, progress: progress, began: s.app.now()}
	gauge.start(ctx)
	cfg := pipeline.ApplyConfig{
		Run: s.run, Tenant: s.shared, Client: s.tenant.Client, Gate: s.gate, Workers: s.flags.workerCount(s.limits),
		Again: s.again, Limits: limits, Grace: s.app.general.grace, Canary: s.flags.canary, Progress: gauge.update,
	}
	if s.app.attended() && !s.app.general.noInput && !s.app.general.yes {
		cfg.Confirm = func(status pipeline.Status) bool { return s.confirmCanary(progress, status) }
	}
	out, err := pipeline.Apply(ctx, s.app.stop, cfg)
	gauge.stop()
	progress.Finish()
	return s.finish(ctx, out, err)
}

// confirmCanary asks whether the rest is to follow the canaries.
func (s *session) confirmCanary(progress *Progress, status pipeline.Status) bool {
	progress.Finish()
	yes, err := s.app.ask(fmt.Sprintf("%s; send the rest?", countsText(status.Counts)))
	return err == nil && yes
}

// finish writes down how the run ended, then the reports, and tells.
func (s *session) finish(ctx context.Context, out pipeline.Outcome, failed error) error {
	code := s.exitCode(out, failed)
	if err := pipeline.Finish(ctx, s.run, out, code); err != nil {
		return errors.Join(failed, s.stopped(out), err)
	}
	next := s.next(out.Counts)
	files, err := pipeline.Report(ctx, s.run, pipeline.Summary(s.run.Info(), next))
	if err != nil {
		s.tellStops(out)
		return errors.Join(failed, s.stopped(out), reportError(err))
	}
	s.tellStops(out)
	if err := s.tell(files, next); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return leave(code)
}

// reportError says that all is safe but the reports.
func reportError(err error) error {
	return failf(exitNoWrite, "every row is safe in the state folder: make room or name another folder, then gsbatch runs report RUN", "reports: %w", err)
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
	case pipeline.StopErrors, pipeline.StopCanary, pipeline.StopUnreachable:
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
func (s *session) stopped(out pipeline.Outcome) error {
	for _, stop := range out.Stops {
		if stop.Reason == pipeline.StopStorage {
			return stop.Err
		}
	}
	return nil
}

// tellStops says on stderr why the run ended early, one line a reason.
func (s *session) tellStops(out pipeline.Outcome) {
	for _, stop := range out.Stops {
		s.app.tell("gsbatch: %s\n", oneLine(stopText(stop)))
	}
}

func stopText(stop pipeline.Stop) string {
	switch stop.Reason {
	case pipeline.StopSignal:
		return fmt.Sprintf("%v: no further row was begun, and calls under way were given their time to be answered", stop.Err)
	case pipeline.StopRefused:
		return fmt.Sprintf("the tenant refused this client: %s; check the key with gsbatch doctor, or put in a new one with gsbatch login, then resume", stop.Detail)
	case pipeline.StopStorage:
		return fmt.Sprintf("the run cannot be written down, so nothing more was sent: %v; make room, then resume", stop.Err)
	case pipeline.StopErrors:
		return fmt.Sprintf("stopped by %s; see the reasons in errors.csv, then resume or abandon the run", stop.Detail)
	case pipeline.StopCanary:
		return "the first rows did not all succeed, or the rest was not wanted; see the results, then resume or abandon the run"
	case pipeline.StopUnreachable:
		return fmt.Sprintf("the tenant cannot be reached: %s; check the network with gsbatch doctor, then resume", stop.Detail)
	case pipeline.StopQuota:
		return fmt.Sprintf("paused: %s", stop.Detail)
	default:
		return fmt.Sprintf("paused by %s", stop.Detail)
	}
}

// next is the one command to run next, "" when there is nothing to do.
func (s *session) next(c checkpoint.Counts) string { return nextCommand(s.app, s.run.Info(), c) }

func nextCommand(app *App, info checkpoint.Info, c checkpoint.Counts) string {
	switch {
	case info.State == checkpoint.Planned:
		return app.command("apply", info.ID)
	case info.State == checkpoint.Paused, info.State == checkpoint.Running:
		return app.command("resume", info.ID)
	case c.InDoubt+c.Parked > 0:
		return app.command("runs", "show", info.ID)
	case c.Rejected+c.Invalid > 0:
		return app.command("import", reportPath(info, "errors.csv"))
	}
	return ""
}

// tell shows the account: one object with --json, else a few lines on stdout.
func (s *session) tell(files []string, next string) error {
	info := s.run.Info()
	if s.app.general.json {
		return emitSummary(s.app, pipeline.Summary(info, next))
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
	if !w.until.After(now) {
		return time.Time{}, ""
	}
	return w.until, map[string]string{gainsight.WhyWindow: "quota", gainsight.WhyPaused: "throttled"}[w.why]
}
