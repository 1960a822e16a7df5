package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
)

func newApply(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "apply RUN",
		Short:   "Carry out a planned run",
		GroupID: groupMove,
		Long: `Carry out RUN, which gsbatch plan or import --dry-run made. It is refused when the
tenant's picklists are no longer those of the plan. Goals that somebody edited since
the plan are skipped as stale (--on-stale), where the plan had compared them; and so
are rows whose goal somebody made since (--on-duplicate of the plan decides whether
that matters). That is looked for first, in a call or two. It never asks.`,
		Args: takes(1, 1),
	}
	run := addRunFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runApply(app, cmd, run, args[0]) }
	return cmd
}

func runApply(app *App, cmd *cobra.Command, flags *runFlags, name string) error {
	info, err := findRun(app, name)
	if err != nil {
		return err
	}
	switch info.State {
	case checkpoint.Planned:
	case checkpoint.Running, checkpoint.Paused:
		return usagef("go on with "+app.command("resume", info.ID), "run %s was begun already", info.ID)
	default:
		return usagef("see "+app.command("runs", "show", info.ID), "run %s cannot be applied: it is %s", info.ID, info.State)
	}
	if yes, err := mayApply(app, info); err != nil || !yes {
		return err
	}
	return goOn(app, cmd, flags, info, true)
}

func newResume(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "resume [RUN]",
		Short:   "Go on after a crash, a pause or Ctrl-C",
		GroupID: groupMove,
		Long: `Go on with RUN, or with the one run that was started and not finished. The input
file is not needed, and no row that was sent is sent again. The run's own settings
hold; those given again override them. It never asks.`,
		Args: takes(0, 1),
	}
	run := addRunFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := ""
		if len(args) == 1 {
			name = args[0]
		}
		return runResume(app, cmd, run, name)
	}
	return cmd
}

func runResume(app *App, cmd *cobra.Command, flags *runFlags, name string) error {
	if name == "" {
		return resumeOnly(app, cmd, flags)
	}
	info, err := findRun(app, name)
	if err != nil {
		return err
	}
	switch info.State {
	case checkpoint.Running, checkpoint.Paused:
		return goOn(app, cmd, flags, info, false)
	case checkpoint.Planned:
		return usagef("carry it out with "+app.command("apply", info.ID), "run %s is planned, and was not begun", info.ID)
	case checkpoint.Planning:
		return usagef("import the file again", "run %s was ended while it was planned, and is void", info.ID)
	case checkpoint.Abandoned:
		return usagef("import the file again", "run %s was abandoned", info.ID)
	}
	if !info.Reported {
		folder, err := readFolder(app)
		if err != nil {
			return err
		}
		return reportEnded(app.hard, app, folder, info.ID, "resume")
	}
	return app.nothingToResume("run " + info.ID + " is finished: ")
}

// resumeOnly takes the one run that was started and not finished.
func resumeOnly(app *App, cmd *cobra.Command, flags *runFlags) error {
	infos, err := listRuns(app)
	if err != nil {
		return err
	}
	var open []checkpoint.Info
	var ids []string
	for _, info := range infos {
		if info.State == checkpoint.Running || info.State == checkpoint.Paused || info.State == checkpoint.Finished && !info.Reported {
			open, ids = append(open, info), append(ids, info.ID)
		}
	}
	switch len(open) {
	case 0:
		return app.nothingToResume("")
	case 1:
		return runResume(app, cmd, flags, open[0].ID)
	}
	return usagef("name one of them", "several runs are not finished: %s", strings.Join(ids, ", "))
}

func (app *App) nothingToResume(why string) error {
	app.tell("%snothing to resume\n", why)
	return app.nothingNext()
}

// nothingNext is the JSON object of a command that had nothing to do.
func (app *App) nothingNext() error {
	if app.general.json {
		return app.emit(struct {
			Next string `json:"next"`
		}{})
	}
	return nil
}

// reportEnded writes the reports of a run that ended before they were written,
// and leaves with the run's exit code.
func reportEnded(ctx context.Context, app *App, folder *checkpoint.Folder, id, command string) (err error) {
	run, err := app.lockRun(ctx, folder, id, command)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	app.tell("run %s is finished; its reports were not written yet\n", id)
	s := &session{desk: &desk{app: app, folder: folder}, run: run}
	code := exitOK
	if run.Info().ExitCode != nil {
		code = *run.Info().ExitCode
	}
	if code == exitNoWrite { // it can be written now, and every row had its turn
		code = countsCode(run.Info().Counts)
		if err := run.SetInfo(ctx, func(i *checkpoint.Info) { i.ExitCode = &code }); err != nil {
			return err
		}
	}
	return s.report(ctx, code, nil)
}

// goOn carries out a run of the state folder with its own settings.
func goOn(app *App, cmd *cobra.Command, flags *runFlags, info checkpoint.Info, planned bool) error {
	return goOnWith(app, cmd, flags, info, planned, nil)
}

// goOnWith has work done, nil: pipeline.Apply, on a run of the state folder with its own settings.
func goOnWith(app *App, cmd *cobra.Command, flags *runFlags, info checkpoint.Info, planned bool, work worker) (err error) {
	ctx := app.hard
	if err := restoreSettings(app, cmd, info); err != nil {
		return err
	}
	if _, err := flags.runLimits(app); err != nil {
		return err
	}
	if err := app.startMetrics(flags.metrics); err != nil {
		return err
	}
	d, err := openDesk(ctx, app, &flags.quota, cmd.Name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if planned {
		lists, err := d.tenant.Picklists(app.stop)
		if err != nil {
			return err
		}
		if lists.Hash() != info.Picklists {
			return failf(exitChanged, "plan the file again", "the tenant's statuses, goal types or metrics changed since run %s was planned", info.ID)
		}
		if err := supersede(ctx, app, d.folder, info, cmd.Name()); err != nil {
			return err
		}
	}
	return resumeRun(ctx, app, d, flags, info.ID, cmd.Name(), work)
}

// resumeRun takes hold of the run and carries it out.
func resumeRun(ctx context.Context, app *App, d *desk, flags *runFlags, id, command string, work worker) (err error) {
	run, err := app.lockRun(ctx, d.folder, id, command)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	if dir := flags.reportDir; dir != "" {
		full, err := reportFolder(app, dir, run.Info())
		if err != nil {
			return err
		}
		if err := run.SetInfo(ctx, func(i *checkpoint.Info) { i.ReportDir = full }); err != nil {
			return err
		}
	}
	if err := tryReports(run.Info().ReportDir); err != nil {
		return err
	}
	s := &session{desk: d, run: run, flags: flags, later: work == nil, work: work}
	return s.apply(ctx)
}

// lockPoll is how often a held run is tried again under --lock-timeout.
const lockPoll = 200 * time.Millisecond

// lockRun takes hold of a run, waiting up to --lock-timeout for another process.
func (app *App) lockRun(ctx context.Context, folder *checkpoint.Folder, id, command string) (*checkpoint.Run, error) {
	deadline := app.now().Add(app.general.lockTimeout)
	for told := false; ; told = true {
		run, err := folder.Lock(ctx, id, app.holder(command))
		var locked *checkpoint.LockedError
		if !errors.As(err, &locked) || !app.now().Before(deadline) {
			return run, err
		}
		if !told && !app.general.quiet {
			app.tell("%s; waiting for it up to %v\n", oneLine(err.Error()), app.general.lockTimeout)
		}
		select {
		case <-time.After(lockPoll):
		case <-app.stop.Done():
			return nil, context.Cause(app.stop)
		}
	}
}
