package main

import (
	"context"
	"errors"

	"gsbatch/checkpoint"
	"gsbatch/validate"
)

// amendable opens the run that a plan is to amend. Call Close on it.
func amendable(app *App, o importOptions) (*checkpoint.Run, error) {
	if mode := validate.Mode(o.plan.mode); mode != validate.Auto {
		return nil, usagef("leave out --mode", "--amend decides itself what is created and what is updated, and does not go with --mode %s", mode)
	}
	run, _, err := viewRun(app, o.amend)
	if err != nil {
		return nil, err
	}
	info := run.Info()
	switch {
	case info.Superseded != "":
		err = usagef("amend run "+info.Superseded, "run %s is superseded by run %s", info.ID, info.Superseded)
	case info.Command == undoCommand:
		err = usagef("", "run %s is an undo, and created nothing", info.ID)
	case info.State == checkpoint.Planning || info.State == checkpoint.Planned:
		err = usagef("plan the file without --amend", "run %s has not been applied: it created nothing", info.ID)
	case info.State == checkpoint.Running || info.State == checkpoint.Paused:
		err = usagef("go on with "+app.command("resume", info.ID)+", or give it up with "+app.command("runs", "abandon", info.ID), "run %s is not finished", info.ID)
	default:
		err = sameTenant(app, info)
	}
	if err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// supersede enters in the run that another mends that it is superseded.
func supersede(ctx context.Context, app *App, folder *checkpoint.Folder, by checkpoint.Info, command string) error {
	if by.Amends == "" {
		return nil
	}
	run, err := app.lockRun(ctx, folder, by.Amends, command)
	if err != nil {
		return err
	}
	err = run.SetInfo(ctx, func(info *checkpoint.Info) { info.Superseded = by.ID })
	return errors.Join(err, run.Close())
}
