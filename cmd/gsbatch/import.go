package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/validate"
)

func newImport(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "import FILE",
		Short:   "Send the rows of a file: validate, plan, apply and report in one go",
		GroupID: groupMove,
		Long: `Send the rows of FILE (.csv, .xlsx or .jsonl, each of the text formats also as
.gz; - for standard input) to the tenant, one goal a call: every check first, then
the plan, then the calls, then the reports. --object templates and --object metrics
send goal templates and metrics, several a call (--batch), each accounted for.

Every row is written down before and after its call. After Ctrl-C, a pause or a
crash, gsbatch resume goes on; no row is sent a second time, and FILE is not needed.
Importing the same file again makes no call once it is done.`,
		Args: takes(1, 1),
	}
	plan := addPlanFlags(app, cmd)
	plan.addSendFlags(cmd)
	run := addRunFlags(cmd)
	dry := cmd.Flags().Bool("dry-run", false, "do all but send: the plan is kept and can be applied")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runImport(app, cmd, importOptions{file: args[0], plan: plan, run: run, planOnly: *dry})
	}
	return cmd
}

// importOptions is what import and plan are asked for.
type importOptions struct {
	file     string
	plan     *planFlags
	run      *runFlags
	planOnly bool
	shown    bool   // show the plan field by field
	detailed bool   // plan --detailed-exitcode
	output   string // plan --output
	amend    string // plan --amend
}

func runImport(app *App, cmd *cobra.Command, o importOptions) (err error) {
	ctx := app.hard
	if _, err := o.run.runLimits(app); err != nil {
		return err
	}
	if err := reviewOutput(o.output); err != nil {
		return err
	}
	if err := app.startMetrics(o.run.metrics); err != nil {
		return err
	}
	in, err := openIntake(app, o.plan, o.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	in.hash()
	if o.amend != "" {
		if in.amend, err = amendable(app, o); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, in.amend.Close()) }()
	}
	d, err := openDesk(ctx, app, &o.run.quota, cmd.Name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if !o.plan.again && !o.planOnly && in.config.Mode != validate.DeleteOnly {
		done, err := in.before(ctx, d, o.run)
		if done || err != nil {
			return err
		}
	}
	planned, err := in.plan(app.stop, cmd, d, o.run, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, planned.Run.Close()) }()
	if !planned.Ready {
		return in.refuse(ctx, d, planned)
	}
	s := &session{desk: d, run: planned.Run, flags: o.run, again: o.plan.again, cost: in.cost}
	if o.shown {
		return s.showPlan(ctx, in.review(ctx, planned.Run, o.output), o.detailed)
	}
	if o.planOnly {
		return s.keepPlan(ctx, nil, false)
	}
	return in.askAndApply(ctx, s, planned)
}

// askAndApply shows the plan, asks once where somebody can be asked, and sends.
func (in *intake) askAndApply(ctx context.Context, s *session, planned *pipeline.Planned) error {
	if in.calls > 0 {
		if in.app.asks() && !in.app.general.json && !in.app.general.quiet {
			if err := in.review(ctx, s.run, "").text(); err != nil {
				return err
			}
		}
		yes, err := in.app.proceed(in.question(planned, s.tenant.name))
		if err != nil || !yes {
			return errors.Join(err, s.keepPlan(ctx, nil, false))
		}
	}
	return s.apply(ctx)
}

// question is what is asked before a plan is carried out.
func (in *intake) question(planned *pipeline.Planned, tenant string) string {
	n := planned.Creates + planned.Updates
	question := fmt.Sprintf("send %d %s to %s?", n, in.flags.object, tenant)
	if in.flags.object == gainsight.GoalObject {
		question += " a goal that was created cannot be deleted again"
	}
	if in.config.Mode == validate.DeleteOnly {
		question = fmt.Sprintf("delete %d %s of %s? what is deleted cannot be brought back", planned.Deletes, in.flags.object, tenant)
	}
	return question
}

// showPlan shows what the plan does, and tells of it.
func (s *session) showPlan(ctx context.Context, v *review, detailed bool) error {
	if err := v.file(); err != nil {
		return err
	}
	if !s.app.general.json && !s.app.general.quiet {
		if err := v.text(); err != nil {
			return err
		}
	}
	return s.keepPlan(ctx, v, detailed)
}

// keepPlan tells of a plan that is not applied now.
func (s *session) keepPlan(ctx context.Context, v *review, detailed bool) error {
	if err := s.run.SetInfo(ctx, func(info *checkpoint.Info) { info.Calls.Add(callsOf(s.desk)) }); err != nil {
		return err
	}
	info := s.run.Info()
	next := nextCommand(s.app, info, info.Counts)
	var files []string
	if v != nil && v.output != "" {
		files = append(files, v.output)
	}
	var err error
	if v != nil && s.app.general.json {
		summary := pipeline.Summary(info, next)
		summary.Forecast = s.cost
		err = v.json(summary)
	} else {
		err = s.tell(files, next)
	}
	if err != nil {
		return err
	}
	if detailed && info.Counts.Pending > 0 {
		return leave(exitDiffers)
	}
	return nil
}

// before looks for an earlier run of the same file. done says that there is
// nothing left for this command to do.
func (in *intake) before(ctx context.Context, d *desk, flags *runFlags) (done bool, err error) {
	found, info, err := pipeline.LookBefore(ctx, d.folder, d.tenant.name, in.options, in.sha256)
	if err != nil {
		return true, err
	}
	switch found {
	case pipeline.BeforeGoOn:
		in.app.tell("this file is run %s already, which is not finished: going on with it\n", info.ID)
		return true, resumeRun(ctx, in.app, d, flags, info.ID, "import", nil)
	case pipeline.BeforeDone:
		return true, in.doneBefore(ctx, d, info)
	case pipeline.BeforeDiffers:
		return true, failf(exitChanged, in.afterDiffers(info), "%s was imported with other options as run %s", in.table.Name(), info.ID)
	}
	return false, nil
}

// afterDiffers is what to do about a file that was imported with other options.
func (in *intake) afterDiffers(info checkpoint.Info) string {
	mend := "go on with " + in.app.command("resume", info.ID)
	if info.State == checkpoint.Finished {
		mend = "for its rejected and invalid rows use " + in.app.command("retry", info.ID) + ", for other rows a file of their own"
	}
	return mend + "; only --again sends the file as if it were new, and creates again what was created"
}

// doneBefore repeats what an earlier import of the same file came to.
func (in *intake) doneBefore(ctx context.Context, d *desk, info checkpoint.Info) error {
	in.app.tell("this file was imported as run %s: no call is made; --again sends it once more\n", info.ID)
	if !info.Reported {
		return reportEnded(ctx, in.app, d.folder, info.ID, "import")
	}
	next := nextCommand(in.app, info, info.Counts)
	if in.app.general.json {
		if err := emitSummary(in.app, pipeline.Summary(info, next)); err != nil {
			return err
		}
	} else if err := tellAccount(in.app, info, nil, next); err != nil {
		return err
	}
	if info.ExitCode == nil {
		return nil
	}
	return leave(*info.ExitCode)
}
