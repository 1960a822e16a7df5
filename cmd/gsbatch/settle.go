package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/pipeline"
	"gsbatch/readers"
)

// settleFlags are a person's decisions.
type settleFlags struct {
	created    string
	send, skip bool
	from       string
}

func newSettle(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "settle [RUN [LINE…]]",
		Short:   "Settle rows in doubt by reading back, or by a person's decision",
		GroupID: groupMove,
		Long: `Look in the tenant for the goals of rows in doubt: of RUN, or of the one run that
has such rows; with LINE of these rows alone, parked ones included. What is found
is the row's; what is proved not to be there is pending, and resume sends it; what
cannot be told is parked. settle itself sends nothing, and leaves with 7 where rows
wait for resume.

A person who has looked in Gainsight decides:
  --created GSID  the row's goal is there, and is this one (it is read and checked)
  --send          the row's goal is not there: resume sends it
  --skip          leave the row as it is, for good
or writes such words into the column _decision of in_doubt.csv:
"created GSID", "send" or "skip"; --from carries them out, all or none.`,
		Example: `  gsbatch settle latest
  gsbatch settle k3vd 17 --created 1CG0ABCDEFGHIJKLMNOPQRSTUVWXYZ012345
  gsbatch settle --from gsbatch-out/k3vd7q2a-20260301/in_doubt.csv`,
		Args: takes(0, -1),
	}
	run := new(runFlags)
	run.addSettling(cmd)
	f := new(settleFlags)
	fs := cmd.Flags()
	fs.StringVar(&f.created, "created", "", "the record of LINE is in the tenant: `GSID`")
	fs.BoolVar(&f.send, "send", false, "the records of these LINEs are not in the tenant: send them with resume")
	fs.BoolVar(&f.skip, "skip", false, "leave these LINEs as they are, for good")
	fs.StringVar(&f.from, "from", "", "take the decisions from the column _decision of `FILE`, an in_doubt.csv")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runSettle(app, cmd, run, f, args) }
	return cmd
}

func runSettle(app *App, cmd *cobra.Command, flags *runFlags, f *settleFlags, args []string) error {
	name, lines, err := settleArgs(args)
	if err != nil {
		return err
	}
	decisions, named, err := f.decisions(app.stop, lines)
	if err != nil {
		return err
	}
	if name == "" {
		name = named
	}
	info, err := doubtfulRun(app, name)
	if err != nil || info.ID == "" {
		return err
	}
	if named != "" && named != info.ID {
		return usagef("leave RUN out, or name "+named, "%s is of run %s", f.from, named)
	}
	switch info.State {
	case checkpoint.Planning, checkpoint.Planned, checkpoint.Abandoned:
		return usagef("see "+app.command("runs", "show", info.ID), "run %s has nothing to settle: it is %s", info.ID, info.State)
	}
	if err := restoreSettings(app, cmd, info); err != nil {
		return err
	}
	if flags.settle == 0 && len(decisions) == 0 {
		return usagef("give the time that a call may still take, as --settle 2m", "%s: with 0 nothing can be proved absent", app.settings.place("settle"))
	}
	work := func(ctx, stop context.Context, cfg pipeline.ApplyConfig) (pipeline.Outcome, error) {
		if len(decisions) > 0 {
			return pipeline.Decide(ctx, stop, cfg, decisions)
		}
		return pipeline.Settle(ctx, stop, cfg, lines)
	}
	return goOnWith(app, cmd, flags, info, false, work)
}

// settleArgs takes the arguments apart: the run, and lines of its rows.
func settleArgs(args []string) (run string, lines []int, err error) {
	if len(args) == 0 {
		return "", nil, nil
	}
	for _, arg := range args[1:] {
		line, err := strconv.Atoi(arg)
		if err != nil || line < 1 {
			return "", nil, usagef("give numbers from the column _line of in_doubt.csv", "LINE %q is not the number of a row", arg)
		}
		lines = append(lines, line)
	}
	return args[0], lines, nil
}

// decisions are what the flags say of the lines, or what a file says; then with
// the run that it is of.
func (f *settleFlags) decisions(stop context.Context, lines []int) (list []pipeline.Decision, run string, err error) {
	words := ""
	given := 0
	for _, is := range []bool{f.from != "", f.created != "", f.send, f.skip} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, "", usagef("give one of them", "--created, --send, --skip and --from exclude each other")
	case f.from != "":
		if len(lines) > 0 {
			return nil, "", usagef("leave LINE out", "--from says which rows are decided")
		}
		return decisionsOf(stop, f.from)
	case f.created != "":
		words = "created " + f.created
		if len(lines) > 1 {
			return nil, "", usagef("give one LINE", "--created names the goal of one row")
		}
	case f.send:
		words = "send"
	case f.skip:
		words = "skip"
	default:
		return nil, "", nil
	}
	if len(lines) == 0 {
		return nil, "", usagef("give RUN and the LINEs, from the column _line of in_doubt.csv", "a decision is of rows that you name")
	}
	for _, line := range lines {
		d, err := pipeline.ParseDecision(line, words)
		if err != nil {
			return nil, "", usagef("give the goal's Gsid, 36 letters and digits", "--created: %q is no Gsid", f.created)
		}
		list = append(list, d)
	}
	return list, "", nil
}

// decisionsOf reads the decisions of an in_doubt.csv and the run that it is of.
func decisionsOf(stop context.Context, path string) (list []pipeline.Decision, run string, err error) {
	table, err := readers.Open(stop, path, readers.Options{})
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	header := table.Header()
	runAt, lineAt, wordAt := slices.Index(header, "_run"), slices.Index(header, "_line"), slices.Index(header, "_decision")
	if runAt < 0 || lineAt < 0 || wordAt < 0 {
		return nil, "", usagef("give an in_doubt.csv with your words in _decision", "%s: columns _run, _line and _decision are wanted", path)
	}
	for row, err := range table.Rows() {
		if err != nil {
			return nil, "", err
		}
		word := strings.TrimSpace(row.Cells[wordAt].Text)
		if word == "" {
			continue
		}
		line, err := strconv.Atoi(row.Cells[lineAt].Text)
		if err != nil {
			return nil, "", usagef("leave the column as gsbatch wrote it", "%s: _line %q is not the number of a row", path, row.Cells[lineAt].Text)
		}
		d, err := pipeline.ParseDecision(line, word)
		if err != nil {
			return nil, "", usagef("", "%s: %w", path, err)
		}
		id := row.Cells[runAt].Text
		if run != "" && run != id {
			return nil, "", usagef("give a file for each run", "%s: rows of runs %s and %s", path, run, id)
		}
		run, list = strings.Clone(id), append(list, d)
	}
	if len(list) == 0 {
		return nil, "", usagef("write created GSID, send or skip into it", "%s: no row has a _decision", path)
	}
	return list, run, nil
}

// doubtfulRun is the run of that name, or, without one, the run that has rows in
// doubt or parked; no ID says that there is none, which was told.
func doubtfulRun(app *App, name string) (checkpoint.Info, error) {
	if name != "" {
		return findRun(app, name)
	}
	infos, err := listRuns(app)
	if err != nil {
		return checkpoint.Info{}, err
	}
	var open []checkpoint.Info
	var ids []string
	for _, info := range infos {
		if info.State != checkpoint.Abandoned && info.Counts.InDoubt+info.Counts.Parked > 0 {
			open, ids = append(open, info), append(ids, info.ID)
		}
	}
	switch len(open) {
	case 0:
		app.tell("nothing to settle\n")
		return checkpoint.Info{}, app.nothingNext()
	case 1:
		return open[0], nil
	}
	return checkpoint.Info{}, usagef("name one of them", "several runs have rows in doubt: %s", strings.Join(ids, ", "))
}
