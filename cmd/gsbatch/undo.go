package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
)

func newUndo(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "undo RUN",
		Short:   "Plan the reverse of a run's updates",
		GroupID: groupMove,
		Long: `Plan the reverse of RUN's updates, as a run of its own that gsbatch apply carries
out: only the fields that RUN changed, to what they were before, and associations
inverted; a field that was blank is cleared with null. The goals are read first; one
that somebody edited since is left alone and listed as stale.

What cannot be undone is listed with its Gsid and name: goals that were created
(the API deletes none), metric values and associated work (they cannot be read),
and updates of goals that were not read before; plan or import with --diff always
reads every one.`,
		Args: takes(1, 1),
	}
	run := addRunFlags(cmd)
	output := cmd.Flags().StringP("output", "o", "", "write every change, old and new, into `FILE` (.xlsx, .csv or .jsonl)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runUndo(app, cmd, run, args[0], *output) }
	return cmd
}

func runUndo(app *App, cmd *cobra.Command, flags *runFlags, name, output string) (err error) {
	ctx := app.hard
	if err := reviewOutput(output); err != nil {
		return err
	}
	if err := app.startMetrics(flags.metrics); err != nil {
		return err
	}
	of, _, err := viewRun(app, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, of.Close()) }()
	info := of.Info()
	switch info.State {
	case checkpoint.Planning, checkpoint.Planned:
		return usagef("see "+app.command("runs", "show", info.ID), "run %s has not been applied: there is nothing to undo", info.ID)
	case checkpoint.Running, checkpoint.Paused:
		return usagef("go on with "+app.command("resume", info.ID)+", or give it up with "+app.command("runs", "abandon", info.ID), "run %s is not finished", info.ID)
	}
	if err := sameTenant(app, info); err != nil {
		return err
	}
	d, err := openDesk(ctx, app, &flags.quota, cmd.Name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return planUndo(app, cmd, d, flags, of, output)
}

// planUndo makes the run and shows it.
func planUndo(app *App, cmd *cobra.Command, d *desk, flags *runFlags, of *checkpoint.Run, output string) (err error) {
	ctx := app.hard
	lists, err := d.tenant.Picklists(app.stop)
	if err != nil {
		return err
	}
	info, err := undoInfo(app, cmd, flags, of.Info(), lists)
	if err != nil {
		return err
	}
	progress := newProgress(app, app.general.progress, 0)
	undone, err := pipeline.Undo(app.stop, pipeline.UndoConfig{
		Folder: d.folder, Info: info, Holder: app.holder(cmd.Name()), Of: of, Client: d.tenant.Client,
		Reading: func(goals int) { progress.Update(Status{Phase: "reading " + info.Object, Done: int64(goals)}) },
	})
	progress.Finish()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, undone.Run.Close()) }()
	calls := flags.callsFor(info.Object, 0, undone.Counts.Pending, 0)
	cost := d.forecast(calls)
	if !app.general.quiet {
		app.tell("undo of run %s: %s\n  %s were read in %d calls; to undo: %d calls%s\n", of.Info().ID, countsText(undone.Counts), info.Object, undone.Calls, calls, d.costText(calls, cost))
		d.tellPauses(cost)
	}
	s := &session{desk: d, run: undone.Run, flags: flags, cost: cost}
	v := &review{app: app, run: undone.Run, output: output, rows: pipeline.Changes(ctx, undone.Run, lists)}
	if !app.general.json && !app.general.quiet {
		if err := v.left(); err != nil {
			return err
		}
	}
	return s.showPlan(ctx, v, false)
}

// undoInfo is what the new run knows.
func undoInfo(app *App, cmd *cobra.Command, flags *runFlags, of checkpoint.Info, lists *gainsight.Picklists) (checkpoint.Info, error) {
	settings, err := keepSettings(app, cmd)
	if err != nil {
		return checkpoint.Info{}, err
	}
	now := app.now()
	info := checkpoint.Info{
		ID: checkpoint.NewID(now), Command: undoCommand, Object: of.Object, Tenant: of.Tenant, Emulated: of.Emulated,
		Input: checkpoint.Input{Path: of.Input.Path, Format: of.Input.Format}, Settings: settings,
		Picklists: lists.Hash(), Parent: of.ID, CreatedAt: now,
	}
	if info.ReportDir, err = reportFolder(app, flags.reportDir, info); err != nil {
		return info, err
	}
	return info, tryReports(info.ReportDir)
}

// undoCommand is the command of runs that take another back.
const undoCommand = "undo"

// left shows the rows of a plan that will not be sent.
func (v *review) left() error {
	var out strings.Builder
	n := 0
	for row, err := range v.rows {
		if err != nil {
			return err
		}
		if row.Fate.Status == checkpoint.Pending {
			continue
		}
		if n++; n <= shownRows {
			fmt.Fprintf(&out, "! row %d stays %s %s: %s\n", row.Line, row.Gsid, brief(row.Name), oneLine(row.Fate.Reason))
		}
	}
	if n > shownRows {
		fmt.Fprintf(&out, "and %d more that stay: undo with -o review.xlsx or --json to see them all\n", n-shownRows)
	}
	if _, err := fmt.Fprint(v.app.stdout, out.String()); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// mayApply asks before an undo or a delete is carried out; where nobody can be
// asked it wants --yes.
func mayApply(app *App, info checkpoint.Info) (bool, error) {
	does, question := "", ""
	switch info.Command {
	case undoCommand:
		does = fmt.Sprintf("takes back what run %s wrote", info.Parent)
		question = fmt.Sprintf("take back what run %s wrote, %d %s?", info.Parent, info.Counts.Pending, info.Object)
	case deleteCommand:
		does = fmt.Sprintf("deletes %d %s", info.Counts.Pending, info.Object)
		question = fmt.Sprintf("delete %d %s? what is deleted cannot be brought back", info.Counts.Pending, info.Object)
	}
	if does == "" || app.general.yes {
		return true, nil
	}
	if app.general.noInput || !app.attended() {
		return false, usagef("give --yes", "run %s %s, and nobody can be asked whether to", info.ID, does)
	}
	return app.ask(question)
}
