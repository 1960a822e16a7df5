package main

import (
	"errors"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/pipeline"
	"gsbatch/validate"
)

func newRetry(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "retry RUN",
		Short:   "Send the rejected and invalid rows of a run again, as a new run",
		GroupID: groupMove,
		Long: `Plan and send the rejected and invalid rows of RUN as a new run: after the tenant
was mended, or with --map to mend the mapping. The input file is not needed. The
settings of RUN hold; those given again override them.`,
		Args: takes(1, 1),
	}
	plan := addPlanFlags(app, cmd)
	plan.addSendFlags(cmd)
	run := addRunFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runRetry(app, cmd, plan, run, args[0]) }
	return cmd
}

func runRetry(app *App, cmd *cobra.Command, plan *planFlags, flags *runFlags, name string) (err error) {
	ctx := app.hard
	parent, _, err := viewRun(app, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parent.Close()) }()
	info := parent.Info()
	if info.State == checkpoint.Planning || info.State == checkpoint.Planned {
		return usagef("see "+app.command("runs", "show", info.ID), "run %s has not been applied: there is nothing to retry", info.ID)
	}
	if info.Superseded != "" {
		return usagef("retry "+info.Superseded, "run %s is superseded by run %s", info.ID, info.Superseded)
	}
	if info.Command == undoCommand {
		return usagef("undo run "+info.Parent+" once more with "+app.command("undo", info.Parent), "run %s is an undo, whose rows are of no file", info.ID)
	}
	if err := restoreSettings(app, cmd, info); err != nil {
		return err
	}
	if info.Command == deleteCommand {
		if err := mayDelete(app, false); err != nil {
			return err
		}
		plan.object, plan.mode, plan.diff, plan.onUnknownColumn = info.Object, string(validate.DeleteOnly), "always", "ignore"
	}
	if flags.reportDir != "" && !app.settings.given("report-dir") {
		flags.reportDir = "" // the parent's folder is the parent's
	}
	if info.Counts.Rejected+info.Counts.Invalid == 0 {
		app.tell("run %s has no rejected or invalid row: nothing to retry\n", info.ID)
		return app.nothingNext()
	}
	if err := app.startMetrics(flags.metrics); err != nil {
		return err
	}
	in := &intake{app: app, flags: plan, table: pipeline.RetryTable(ctx, parent), stored: true}
	if in.config, in.rows, in.options, err = plan.config(app); err != nil {
		return err
	}
	d, err := openDesk(ctx, app, &flags.quota, cmd.Name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	planned, err := in.plan(app.stop, cmd, d, flags, &info)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, planned.Run.Close()) }()
	if !planned.Ready {
		return in.refuse(ctx, d, planned)
	}
	return in.askAndApply(ctx, &session{desk: d, run: planned.Run, flags: flags, again: plan.again}, planned)
}
