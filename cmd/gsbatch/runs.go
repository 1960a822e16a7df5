package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/pipeline"
)

func newRuns(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "List runs, and look at one",
		GroupID: groupRuns,
		Args:    unknownCommand,
		RunE:    func(*cobra.Command, []string) error { return runRunsList(app) },
	}
	cmd.AddCommand(newRunsList(app), newRunsShow(app), newRunsReport(app), newRunsAbandon(app))
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
		if *line > 0 {
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
	ID        string            `json:"id"`
	State     checkpoint.State  `json:"state"`
	Command   string            `json:"command"`
	Object    string            `json:"object"`
	Tenant    string            `json:"tenant"`
	Emulated  bool              `json:"emulated"`
	Input     inputJSON         `json:"input"`
	CreatedAt time.Time         `json:"created_at"`
	Counts    checkpoint.Counts `json:"counts"`
	ExitCode  *int              `json:"exit_code"`
	ResumeAt  *time.Time        `json:"resume_at"`
	ReportDir string            `json:"report_dir"`
	Parent    string            `json:"parent,omitempty"`
	Next      string            `json:"next"`
}

type inputJSON struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

func (app *App) runJSON(info checkpoint.Info) runJSON {
	return runJSON{ID: info.ID, State: info.State, Command: info.Command, Object: info.Object, Tenant: info.Tenant, Emulated: info.Emulated,
		Input: inputJSON{info.Input.Path, info.Input.SHA256}, CreatedAt: info.CreatedAt.UTC(), Counts: info.Counts, ExitCode: info.ExitCode,
		ResumeAt: info.ResumeAt, ReportDir: info.ReportDir, Parent: info.Parent, Next: nextCommand(app, info, info.Counts)}
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
		t.add(info.ID, string(info.State), info.Command, info.CreatedAt.Local().Format("2006-01-02 15:04"), strconv.FormatInt(info.Input.Rows, 10), code, info.Input.Path)
	}
	return t.write(app.stdout)
}

func runRunsShow(app *App, name string) (err error) {
	run, counts, err := viewRun(app, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	info := run.Info()
	info.Counts = counts
	if app.general.json {
		return app.emit(app.runJSON(info))
	}
	t := newTable([]string{"run", info.ID})
	t.add("state", string(info.State))
	t.add("command", info.Command)
	t.add("tenant", info.Tenant)
	t.add("input", info.Input.Path)
	if info.Parent != "" {
		t.add("retries", info.Parent)
	}
	t.add("created", info.CreatedAt.Local().Format(time.RFC3339))
	t.add("rows", countsText(counts))
	t.add("calls", fmt.Sprintf("%d, throttled %d, retried %d", info.Calls.Total, info.Calls.Throttled, info.Calls.Retried))
	t.add("reports", info.ReportDir)
	if info.ResumeAt != nil {
		t.add("not before", info.ResumeAt.Local().Format(time.RFC3339))
	}
	if next := nextCommand(app, info, counts); next != "" {
		t.add("next", next)
	}
	if err := t.write(app.stdout); err != nil || counts.InDoubt+counts.Parked == 0 {
		return err
	}
	return tellDoubts(app.hard, app, run)
}

// shownDoubts is how many rows in doubt runs show lists; in_doubt.csv has all.
const shownDoubts = 20

func tellDoubts(ctx context.Context, app *App, run *checkpoint.Run) error {
	t := newTable([]string{"IN DOUBT", "SINCE", "WHY"})
	n := 0
	for line, err := range run.Lines(ctx) {
		if err != nil {
			return err
		}
		if line.Fate.Status != checkpoint.InDoubt && line.Fate.Status != checkpoint.Parked {
			continue
		}
		if n++; n <= shownDoubts {
			t.add(fmt.Sprint("row ", line.Line), millis(line.Fate.At), line.Fate.Reason)
		}
	}
	if n > shownDoubts {
		t.add(fmt.Sprintf("and %d more in in_doubt.csv", n-shownDoubts))
	}
	return t.write(app.stdout)
}

func millis(at int64) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).Local().Format("2006-01-02 15:04:05.000")
}

// rowJSON is runs show --row.
type rowJSON struct {
	Run      string               `json:"run"`
	Line     int                  `json:"line"`
	Status   checkpoint.Status    `json:"status"`
	Action   string               `json:"action"`
	Gsid     string               `json:"gsid"`
	Reason   string               `json:"reason"`
	Cells    map[string]string    `json:"cells"`
	Payload  json.RawMessage      `json:"payload"`
	Lookups  json.RawMessage      `json:"lookups"`
	Hash     string               `json:"payload_hash"`
	Problems []checkpoint.Problem `json:"problems"`
	Events   []eventJSON          `json:"events"`
}

type eventJSON struct {
	Event     string            `json:"event"` // intent, outcome
	Attempt   int               `json:"attempt"`
	At        string            `json:"at"`
	Server    string            `json:"server_time"`
	Status    checkpoint.Status `json:"status,omitempty"`
	HTTP      int               `json:"http_status,omitempty"`
	Gsid      string            `json:"gsid,omitempty"`
	Code      string            `json:"code,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Parents   string            `json:"parents,omitempty"`
	Reason    string            `json:"reason,omitempty"`
}

func runRunsRow(app *App, name string, line int) (err error) {
	run, _, err := viewRun(app, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	h, err := run.History(app.hard, line)
	if err != nil {
		return err
	}
	row := historyJSON(run.Info(), h)
	if app.general.json {
		return app.emit(row)
	}
	return tellRow(app, run.Info(), row)
}

func historyJSON(info checkpoint.Info, h checkpoint.History) rowJSON {
	row := rowJSON{Run: info.ID, Line: h.Line.Line, Status: h.Line.Fate.Status, Action: h.Line.Action, Gsid: h.Line.Fate.Gsid,
		Reason: h.Line.Fate.Reason, Cells: map[string]string{}, Problems: h.Problems, Events: []eventJSON{}}
	for i, cell := range h.Line.Cells {
		if i < len(info.Header) {
			row.Cells[info.Header[i]] = cell.Text
		}
	}
	if h.Op != nil {
		row.Payload, row.Hash = json.RawMessage(h.Op.Item), fmt.Sprintf("%x", h.Op.Hash)
		if h.Op.Lookups != "" {
			row.Lookups = json.RawMessage(h.Op.Lookups)
		}
	}
	for _, e := range h.Events {
		event := eventJSON{Event: "outcome", Attempt: e.Attempt, At: utcMillis(e.At), Server: utcMillis(e.Server), Status: e.Status,
			HTTP: e.HTTP, Gsid: e.Gsid, Code: e.Code, RequestID: e.RequestID, Parents: e.Parents, Reason: e.Reason}
		if e.Kind == checkpoint.Intent {
			event.Event = "intent"
		}
		row.Events = append(row.Events, event)
	}
	return row
}

func utcMillis(at int64) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
}

func tellRow(app *App, info checkpoint.Info, row rowJSON) error {
	t := newTable([]string{"row", strconv.Itoa(row.Line)})
	t.add("run", row.Run)
	for i, name := range info.Header {
		if text := row.Cells[name]; text != "" && i < len(info.Header) {
			t.add("  "+name, text)
		}
	}
	t.add("status", strings.TrimSpace(string(row.Status)+" "+row.Gsid))
	if row.Reason != "" {
		t.add("reason", row.Reason)
	}
	if len(row.Payload) > 0 {
		t.add("action", row.Action)
		t.add("payload", string(row.Payload))
		t.add("lookups", string(row.Lookups))
		t.add("payload hash", row.Hash)
	}
	for _, p := range row.Problems {
		t.add("problem", p.Place+": "+p.Message+"; "+p.Mend)
	}
	for _, e := range row.Events {
		t.add(fmt.Sprintf("%s %d", e.Event, e.Attempt), eventText(e))
	}
	return t.write(app.stdout)
}

func eventText(e eventJSON) string {
	text := e.At
	for _, part := range []struct{ name, value string }{
		{"", string(e.Status)}, {"", e.Gsid}, {"HTTP", zeroless(e.HTTP)}, {"code", e.Code}, {"request", e.RequestID},
		{"server time", e.Server}, {"", e.Parents}, {"", e.Reason},
	} {
		if part.value != "" {
			text += strings.TrimRight("  "+part.name, " ") + " " + part.value
		}
	}
	return text
}

func zeroless(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
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
	files, err := pipeline.Report(ctx, run, pipeline.Summary(run.Info(), next))
	if err != nil {
		return reportError(err)
	}
	if app.general.json {
		return emitSummary(app, pipeline.Summary(run.Info(), next))
	}
	return tellAccount(app, run.Info(), files, next)
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
