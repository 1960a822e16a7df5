package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
)

func newRuns(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "List runs, look at one, and remove old ones",
		GroupID: groupRuns,
		Args:    unknownCommand,
		RunE:    func(*cobra.Command, []string) error { return runRunsList(app) },
	}
	cmd.AddCommand(newRunsList(app), newRunsShow(app), newRunsReport(app), newRunsAbandon(app), newRunsPrune(app))
	return cmd
}

func newRunsList(app *App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the runs of the state folder, newest first", Args: takes(0, 0),
		RunE: func(*cobra.Command, []string) error { return runRunsList(app) },
	}
}

func newRunsShow(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show RUN", Short: "Tell how a run stands, or all that happened to one row", Args: takes(1, 1),
	}
	line := cmd.Flags().Int("row", 0, "tell all that happened to the row of this `LINE`: attempts, payload, answers, request ids, times")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if cmd.Flags().Changed("row") {
			return runRunsRow(app, args[0], *line)
		}
		return runRunsShow(app, args[0])
	}
	return cmd
}

func newRunsReport(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "report RUN", Short: "Write the reports of a run again", Args: takes(1, 1),
	}
	dir := cmd.Flags().String("report-dir", "", "write them into `DIR` (default: where they were)")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return runRunsReport(app, args[0], *dir) }
	return cmd
}

func newRunsAbandon(app *App) *cobra.Command {
	return &cobra.Command{
		Use: "abandon RUN", Short: "Give up a run that is not finished; its rows stay told", Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return runRunsAbandon(app, args[0]) },
	}
}

// readFolder is the state folder for commands that only read.
func readFolder(app *App) (*checkpoint.Folder, error) {
	dir, err := app.stateDir()
	if err != nil {
		return nil, err
	}
	return checkpoint.OpenReadOnly(dir.path)
}

func listRuns(app *App) ([]checkpoint.Info, error) {
	folder, err := readFolder(app)
	if err != nil {
		return nil, err
	}
	return folder.List(app.hard)
}

// findRun is what is known of the run that a user names.
func findRun(app *App, name string) (checkpoint.Info, error) {
	folder, err := readFolder(app)
	if err != nil {
		return checkpoint.Info{}, err
	}
	id, err := folder.Find(app.hard, name)
	if err != nil {
		return checkpoint.Info{}, err
	}
	run, err := folder.View(app.hard, id)
	if err != nil {
		return checkpoint.Info{}, err
	}
	return run.Info(), run.Close()
}

// viewRun opens the run that a user names for reading, with its counts as of now.
func viewRun(app *App, name string) (*checkpoint.Run, checkpoint.Counts, error) {
	folder, err := readFolder(app)
	if err != nil {
		return nil, checkpoint.Counts{}, err
	}
	id, err := folder.Find(app.hard, name)
	if err != nil {
		return nil, checkpoint.Counts{}, err
	}
	run, err := folder.View(app.hard, id)
	if err != nil {
		return nil, checkpoint.Counts{}, err
	}
	counts, err := run.Counts(app.hard)
	if err != nil {
		return nil, counts, errors.Join(err, run.Close())
	}
	return run, counts, nil
}

// runJSON is a run in runs list and runs show.
type runJSON struct {
	ID         string            `json:"id"`
	State      checkpoint.State  `json:"state"`
	Command    string            `json:"command"`
	Object     string            `json:"object"`
	Tenant     string            `json:"tenant"`
	Emulated   bool              `json:"emulated"`
	Input      inputJSON         `json:"input"`
	CreatedAt  time.Time         `json:"created_at"`
	Counts     checkpoint.Counts `json:"counts"`
	ExitCode   *int              `json:"exit_code"`
	ResumeAt   *time.Time        `json:"resume_at"`
	ReportDir  string            `json:"report_dir"`
	Parent     string            `json:"parent,omitempty"`
	Amends     string            `json:"amends,omitempty"`
	Superseded string            `json:"superseded_by,omitempty"`
	Next       string            `json:"next"`
}

type inputJSON struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

func (app *App) runJSON(info checkpoint.Info) runJSON {
	return runJSON{ID: info.ID, State: info.State, Command: info.Command, Object: info.Object, Tenant: info.Tenant, Emulated: info.Emulated,
		Input: inputJSON{info.Input.Path, info.Input.SHA256}, CreatedAt: info.CreatedAt.UTC(), Counts: info.Counts, ExitCode: info.ExitCode,
		ResumeAt: info.ResumeAt, ReportDir: info.ReportDir, Parent: info.Parent,
		Amends: info.Amends, Superseded: info.Superseded, Next: nextCommand(app, info, info.Counts)}
}

func runRunsList(app *App) error {
	infos, err := listRuns(app)
	if err != nil {
		return err
	}
	if app.general.json {
		list := struct {
			Runs []runJSON `json:"runs"`
		}{[]runJSON{}}
		for _, info := range infos {
			list.Runs = append(list.Runs, app.runJSON(info))
		}
		return app.emit(list)
	}
	if len(infos) == 0 {
		app.tell("no runs yet\n")
		return nil
	}
	t := newTable([]string{"RUN", "STATE", "COMMAND", "CREATED", "ROWS", "EXIT", "INPUT"}, 4, 5)
	for _, info := range infos {
		code := ""
		if info.ExitCode != nil {
			code = strconv.Itoa(*info.ExitCode)
		}
		t.add(info.ID, string(info.State), whatOf(info), info.CreatedAt.Local().Format("2006-01-02 15:04"), strconv.FormatInt(info.Input.Rows, 10), code, info.Input.Path)
	}
	return t.write(app.stdout)
}

// whatOf is the command of a run and, but for goals, what its rows are.
func whatOf(info checkpoint.Info) string {
	if info.Object == "" || info.Object == gainsight.GoalObject {
		return info.Command
	}
	return info.Command + " " + info.Object
}

func runRunsReport(app *App, name, dir string) (err error) {
	ctx := app.hard
	info, err := findRun(app, name)
	if err != nil {
		return err
	}
	if info.State == checkpoint.Planning {
		return usagef("import the file again", "run %s was ended while it was planned, and is void", info.ID)
	}
	folder, err := readFolder(app)
	if err != nil {
		return err
	}
	run, err := app.lockRun(ctx, folder, info.ID, "runs report")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	if dir != "" {
		if dir, err = reportFolder(app, dir, info); err != nil {
			return err
		}
	}
	counts, err := run.Counts(ctx)
	if err == nil {
		err = run.SetInfo(ctx, func(i *checkpoint.Info) {
			i.Counts = counts
			if dir != "" {
				i.ReportDir = dir
			}
		})
	}
	if err != nil {
		return err
	}
	next := nextCommand(app, run.Info(), counts)
	reported, err := pipeline.Report(ctx, run, app.reportConfig(run.Info(), next))
	if err != nil {
		return app.reportError(run.Info(), err)
	}
	app.tellReport(reported)
	if app.general.json {
		return emitSummary(app, pipeline.Summary(run.Info(), next))
	}
	return tellAccount(app, run.Info(), reported.Files, next)
}

func runRunsAbandon(app *App, name string) (err error) {
	info, err := findRun(app, name)
	if err != nil {
		return err
	}
	if info.State == checkpoint.Finished || info.State == checkpoint.Abandoned {
		return usagef("", "run %s is %s; there is nothing to give up", info.ID, info.State)
	}
	folder, err := readFolder(app)
	if err != nil {
		return err
	}
	run, err := app.lockRun(app.hard, folder, info.ID, "runs abandon")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	counts, err := run.Counts(app.hard)
	if err == nil {
		err = run.SetInfo(app.hard, func(i *checkpoint.Info) { i.State, i.Counts = checkpoint.Abandoned, counts })
	}
	if err != nil {
		return err
	}
	if app.general.json {
		return app.emit(app.runJSON(run.Info()))
	}
	_, err = fmt.Fprintf(app.stdout, "run %s is abandoned: %s\n", info.ID, countsText(counts))
	return err
}
