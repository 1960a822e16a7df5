package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// intake is a file on its way to a plan.
type intake struct {
	app       *App
	flags     *planFlags
	table     *readers.Table
	hashing   *hashing // nil: nobody asked for the hash of the file
	stored    bool     // the rows are those of a run, not of the file
	config    validate.Config
	rows      pipeline.RowSet
	options   string // hash of all that shapes the plan
	picklists *gainsight.Picklists
	amend     *checkpoint.Run   // whose goals the file is to mend, nil none
	calls     int               // that the plan's writes take, once it is made
	cost      *writers.Forecast // of the plan
}

// openIntake opens the file and reads what the flags name, before any call.
func openIntake(app *App, flags *planFlags, path string) (*intake, error) {
	in := &intake{app: app, flags: flags}
	var err error
	if in.config, in.rows, in.options, err = flags.config(app); err != nil {
		return nil, err
	}
	if in.table, err = readers.Open(app.stop, path, *flags.input); err != nil {
		return nil, err
	}
	if err = in.ofTenant(); err != nil {
		return nil, errors.Join(err, in.table.Close())
	}
	return in, nil
}

// hashing is the reading of a file for its hash, in a goroutine of its own: it
// takes half as long as to read the rows, and nothing waits for it at first.
type hashing struct {
	done chan struct{}
	sum  string
	err  error
}

// hash begins to read the file for its hash. Who does not show it spares that.
func (in *intake) hash() {
	h := &hashing{done: make(chan struct{})}
	in.hashing = h
	go func() {
		defer close(h.done)
		sum, err := in.table.SHA256()
		h.sum, h.err = hex.EncodeToString(sum[:]), err
	}()
}

// sha256 is the hash of the file, "" if nobody began to take it.
func (in *intake) sha256() (string, error) {
	if in.hashing == nil {
		return "", nil
	}
	<-in.hashing.done
	return in.hashing.sum, in.hashing.err
}

func (in *intake) close() error {
	err := in.table.Close()
	_, _ = in.sha256() // which ends with the file, if not before
	return err
}

// source fetches the picklists, once and before anything else, and compiles
// the columns against them.
func (in *intake) source(ctx context.Context, d *desk) (pipeline.Source, error) {
	var err error
	if in.picklists, err = d.tenant.Picklists(ctx); err != nil {
		return pipeline.Source{}, err
	}
	in.config.Picklists = in.picklists
	in.tellStale()
	in.app.log.Info("picklists", "tenant", d.tenant.name, "goal_types", len(in.picklists.GoalTypes), "statuses", len(in.picklists.Statuses), "metrics", len(in.picklists.Metrics))
	checker, err := validate.Compile(ctx, in.table, in.config)
	if code, _ := in.app.exitFor(err); code == exitUnexpected {
		err = usagef("", "%w", err) // a setting that makes no sense for any table
	}
	if err != nil {
		return pipeline.Source{}, err
	}
	return in.sourceOf(d, checker), nil
}

// sourceOf is the table with a checker compiled for it.
func (in *intake) sourceOf(d *desk, checker *validate.Checker) pipeline.Source {
	return pipeline.Source{Table: in.table, Checker: checker, Rows: in.rows, Stored: in.stored, Runs: d.folder, Tenant: d.shared}
}

// reading shows how far the walk over the file is.
func (in *intake) reading(phase string) (func(int64), *Progress) {
	progress := newProgress(in.app, in.app.general.progress, 0)
	return func(rows int64) { progress.Update(Status{Phase: phase, Done: rows}) }, progress
}

// info is what the run knows of this input; parent is the run it retries, or nil.
func (in *intake) info(cmd *cobra.Command, d *desk, run *runFlags, checker *validate.Checker, parent *checkpoint.Info) (checkpoint.Info, error) {
	settings, err := keepSettings(in.app, cmd)
	if err != nil {
		return checkpoint.Info{}, err
	}
	now := in.app.now()
	info := checkpoint.Info{
		ID: checkpoint.NewID(now), Command: in.command(cmd), Object: in.flags.object, Tenant: d.tenant.name, Emulated: d.tenant.emulated,
		Input: checkpoint.Input{Path: in.table.Path(), Format: string(in.table.Format()),
			Sheet: in.table.Sheet(), Date1904: in.table.Date1904(), Workbook: pipeline.WorkbookOf(in.table, checker, "")},
		Header: in.table.Header(), Settings: settings, OptionsHash: in.options, Picklists: in.picklists.Hash(), CreatedAt: now,
		Marker: in.flags.marker,
	}
	if full, err := filepath.Abs(info.Input.Path); err == nil && info.Input.Path != "-" {
		info.Input.Path = full
	}
	if in.amend != nil {
		info.Amends = in.amend.Info().ID
	}
	if parent != nil {
		info.Parent, info.Input.Path = parent.ID, parent.Input.Path
		info.Input.Workbook = nil
		if first := parent.Input.Workbook; first != nil {
			book := *first
			book.Fields = pipeline.FieldsOf(in.table, checker)
			info.Input.Workbook = &book
		}
	}
	if info.ReportDir, err = reportFolder(in.app, run.reportDir, info); err != nil {
		return info, err
	}
	if filepath.Dir(info.Input.Path) == info.ReportDir {
		return info, usagef("name another --report-dir, or move the file", "%s lies in the report folder %s, whose files are replaced", in.table.Name(), info.ReportDir)
	}
	return info, tryReports(info.ReportDir)
}

// command is what the run is known as: what deletes is a delete, also when it
// is tried again.
func (in *intake) command(cmd *cobra.Command) string {
	if in.config.Mode == validate.DeleteOnly {
		return deleteCommand
	}
	return cmd.Name()
}

// tryReports makes sure, before the first call, that reports can be written.
func tryReports(dir string) error {
	f, err := writers.Create(filepath.Join(dir, "summary.json"), writers.FileOptions{Root: dir})
	if err != nil {
		return failf(exitNoWrite, "name another with --report-dir", "report folder: %w", err)
	}
	f.Abort()
	return nil
}

// reportFolder is where the run's reports go: --report-dir, else
// gsbatch-out/RUN beside the input, and for standard input in the working folder.
func reportFolder(app *App, named string, info checkpoint.Info) (string, error) {
	dir := named
	if dir == "" {
		beside := filepath.Dir(info.Input.Path)
		if info.Input.Path == "-" {
			beside = app.cwd
		}
		dir = filepath.Join(beside, "gsbatch-out", info.ID)
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", failf(exitNoWrite, "name it in full", "report folder %s: %w", dir, err)
	}
	return full, nil
}

// plan makes the run and shows what was found; parent is the run it retries, or nil.
func (in *intake) plan(ctx context.Context, cmd *cobra.Command, d *desk, run *runFlags, parent *checkpoint.Info) (*pipeline.Planned, error) {
	src, err := in.source(ctx, d)
	if err != nil {
		return nil, err
	}
	key, err := in.flags.keyOf(in.app, src.Checker)
	if err != nil {
		return nil, err
	}
	info, err := in.info(cmd, d, run, src.Checker, parent)
	if err != nil {
		return nil, err
	}
	told, progress := in.reading("planning")
	planned, err := pipeline.Plan(ctx, pipeline.PlanConfig{
		Folder: d.folder, Tenant: d.shared, Info: info, SHA256: in.sha256, Holder: in.app.holder(cmd.Name()), Source: src,
		SkipInvalid: in.flags.skipInvalid, OnDuplicate: pipeline.OnDuplicate(in.flags.onDuplicate), Again: in.flags.again, Progress: told,
		Mode: validate.Mode(in.flags.mode), Key: key, Amend: in.amend, Client: d.tenant.Client, Diff: pipeline.DiffMode(in.flags.diff), OnStale: pipeline.OnStale(run.onStale),
		Reading: func(goals int) { progress.Update(Status{Phase: "reading " + in.flags.object, Done: int64(goals)}) },
	})
	progress.Finish()
	tellNotices(in.app, in.table)
	if err != nil {
		return nil, err
	}
	in.tellFindings(planned.Findings)
	in.calls = run.callsFor(info.Object, planned.Creates, planned.Updates, planned.Deletes)
	in.cost = d.forecast(in.calls)
	in.tellPlan(d, planned, src.Checker)
	return planned, nil
}

// tellFindings prints the problems, alike ones as one, on stderr.
func (in *intake) tellFindings(found pipeline.Findings) {
	for _, group := range found.Groups.All() {
		if group.Warning && in.app.general.quiet {
			continue
		}
		word := ""
		if group.Warning {
			word = "warning: "
		}
		line := word + group.Text()
		if group.Mend != "" {
			line += "; " + group.Mend
		}
		in.app.tell("%s\n", oneLine(line))
	}
	if n := found.Groups.Dropped(); n > 0 {
		in.app.tell("and %d more problems of other kinds\n", n)
	}
	if maps := found.Groups.ValueMaps(); maps != "" && !in.app.general.quiet {
		in.app.tell("to map these values, put this into a mapping file and give it with --map:\n%s", neutral(maps))
	}
}

// tellPlan says what the plan would do and what it costs.
func (in *intake) tellPlan(d *desk, planned *pipeline.Planned, checker *validate.Checker) {
	if in.app.general.quiet {
		return
	}
	c := planned.Counts
	if c.Rows > 0 && c.Skipped == c.Rows && in.flags.at != "" {
		in.app.tell("warning: no row of %s has a line of --rows %s\n", oneLine(in.table.Name()), oneLine(in.flags.at))
	}
	in.tellReading(planned.Read)
	in.app.tell("plan %s: %s\n", planned.Run.Info().ID, countsText(c))
	if in.calls > 0 {
		what := fmt.Sprintf("%d to create, %d to update", planned.Creates, planned.Updates)
		if in.config.Mode == validate.DeleteOnly {
			what = fmt.Sprintf("%d to delete", planned.Deletes)
		}
		in.app.tell("  %s: %d calls to %s%s\n", what, in.calls, d.tenant.name, d.costText(in.calls, in.cost))
		d.tellPauses(in.cost)
	}
	for _, names := range checker.ServerNames() {
		in.app.tell("  %d names of the object %s only the server can check; with --id-map they are checked here\n", names.Names, oneLine(names.Object))
	}
}

// roughly is a duration to two figures, as people say it.
func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
	return fmt.Sprintf("%.0f seconds", d.Seconds())
}

// refuse ends a run that may not be sent: its reports, and exit 5.
func (in *intake) refuse(ctx context.Context, d *desk, planned *pipeline.Planned) error {
	run := planned.Run
	if err := pipeline.FinishUnsent(ctx, run, callsOf(d), exitInvalid); err != nil {
		return err
	}
	info := run.Info()
	in.app.metrics.update(info)
	next := nextCommand(in.app, info, info.Counts)
	reported, err := pipeline.Report(ctx, run, in.app.reportConfig(info, next))
	if err != nil {
		return in.app.reportError(info, err)
	}
	in.app.tellReport(reported)
	where := "in the file"
	if reported.Copy {
		where += " or in errors.xlsx"
	}
	why := fmt.Sprintf("%d rows are invalid; mend them %s, or send the others with --skip-invalid", info.Counts.Invalid, where)
	if planned.HeaderErrors > 0 {
		why = "columns are not known; rename or remove them, map them with --map, or give --on-unknown-column ignore"
	}
	in.app.tell("gsbatch: nothing was sent, since %s\n", why)
	s := session{desk: d, run: run, cost: in.cost}
	if err := s.tell(reported.Files, next); err != nil {
		return err
	}
	return leave(exitInvalid)
}

func callsOf(d *desk) checkpoint.Calls {
	calls := checkpoint.Calls{ByEndpoint: d.tenant.Calls()}
	for _, n := range calls.ByEndpoint {
		calls.Total += n
	}
	return calls
}

func reportPath(info checkpoint.Info, name string) string { return filepath.Join(info.ReportDir, name) }
