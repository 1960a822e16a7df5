package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"gsbatch/pipeline"
	"gsbatch/readers"
	"gsbatch/validate"
)

func newValidate(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "validate FILE",
		Short:   "Check every row of a file, and send nothing",
		GroupID: groupMove,
		Long: `Check every row of FILE against the tenant's picklists and the rules of the fields.
All problems of all rows are found in one pass; alike ones are told as one. Nothing
is written to the tenant, and no run is kept. For a workbook with invalid rows
errors.xlsx is written: a copy in which the bad cells are red and commented.`,
		Args: takes(1, 1),
	}
	plan := addPlanFlags(app, cmd)
	quota := new(quotaFlags)
	quota.add(cmd)
	dir := cmd.Flags().String("report-dir", "", "write errors.xlsx into `DIR` (default: gsbatch-out/validate-FILE beside the input)")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return runValidate(app, args[0], *dir, plan, quota) }
	return cmd
}

// validated is the JSON object of validate.
type validated struct {
	Input    validatedInput `json:"input"`
	Counts   validCounts    `json:"counts"`
	Problems []problemJSON  `json:"problems"`
	Dropped  int            `json:"problems_not_listed"`
	Errors   string         `json:"errors"` // path of errors.xlsx, "" where there is none
	ExitCode int            `json:"exit_code"`
}

type validatedInput struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
}

type validCounts struct {
	Rows    int `json:"rows"`
	Valid   int `json:"valid"`
	Invalid int `json:"invalid"`
	// Unchanged rows have nothing to change.
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
}

// problemJSON is a group of alike problems.
type problemJSON struct {
	Place   string `json:"place"`
	Field   string `json:"field"`
	Code    string `json:"code"`
	Value   string `json:"value"`
	Message string `json:"message"`
	Mend    string `json:"mend"`
	Warning bool   `json:"warning"`
	Count   int    `json:"count"`
}

func runValidate(app *App, path, dir string, plan *planFlags, quota *quotaFlags) (err error) {
	in, err := openIntake(app, plan, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if app.general.json || in.table.Format() == readers.XLSX { // errors.xlsx is by the hash
		in.hash()
	}
	d, err := openDesk(app.hard, app, quota, "validate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	src, err := in.source(app.stop, d)
	if err != nil {
		return err
	}
	if dir, err = in.checkFolder(dir); err != nil {
		return err
	}
	sum, err := in.sha256()
	if err != nil {
		return err
	}
	told, progress := in.reading("checking")
	found, write, err := pipeline.CheckBook(app.stop, src, told, pipeline.CheckBookConfig{Dir: dir, SHA256: sum, Again: in.compiled(d)})
	progress.Finish()
	tellNotices(app, in.table)
	if err != nil {
		return err
	}
	in.tellFindings(found)
	code := exitOK
	if found.Counts.Invalid > 0 || found.HeaderErrors > 0 {
		code = exitInvalid
	}
	var book string
	if write != nil {
		if book, err = in.writeBook(dir, write); err != nil {
			return err
		}
	}
	if err := in.tellValidated(found, src.Checker, sum, code, book); err != nil {
		return err
	}
	return leave(code)
}

// compiled compiles the columns once more, against the picklists that were fetched.
func (in *intake) compiled(d *desk) func() (pipeline.Source, error) {
	return func() (pipeline.Source, error) {
		checker, err := validate.Compile(in.app.stop, in.table, in.config)
		return in.sourceOf(d, checker), err
	}
}

// checkFolder is where the workbook of a check goes: --report-dir, else
// gsbatch-out/validate-FILE beside the input.
func (in *intake) checkFolder(named string) (string, error) {
	path := in.table.Path()
	if named == "" {
		beside := filepath.Dir(path)
		if path == "-" {
			beside = in.app.cwd
		}
		named = filepath.Join(beside, "gsbatch-out", "validate-"+in.table.Name())
	}
	dir, err := filepath.Abs(named)
	if err != nil {
		return "", failf(exitNoWrite, "name it in full", "report folder %s: %w", named, err)
	}
	if full, err := filepath.Abs(path); err == nil && filepath.Dir(full) == dir {
		return "", usagef("name another --report-dir, or move the file", "%s lies in the report folder %s, whose files are replaced", in.table.Name(), dir)
	}
	return dir, nil
}

// writeBook writes the workbook of a check. That it cannot be written changes
// nothing about what was found.
func (in *intake) writeBook(dir string, write func() (pipeline.Reported, error)) (string, error) {
	reported, err := write()
	if err != nil {
		if in.app.stop.Err() != nil {
			return "", err
		}
		in.app.tell("errors.xlsx is not written into %s: %s; name another folder with --report-dir\n", oneLine(dir), oneLine(err.Error()))
		return "", nil
	}
	in.app.tellReport(reported)
	if len(reported.Files) == 0 {
		return "", nil
	}
	return reported.Files[0], nil
}

func (in *intake) tellValidated(found pipeline.Findings, checker *validate.Checker, sum string, code int, book string) error {
	c := found.Counts
	if in.app.general.json {
		return in.app.emit(validated{
			Input:    validatedInput{Path: in.table.Path(), SHA256: sum, Rows: c.Rows},
			Counts:   validCounts{Rows: c.Rows, Valid: c.Pending, Invalid: c.Invalid, Unchanged: c.Unchanged, Skipped: c.Skipped},
			Problems: problemsJSON(found.Groups), Dropped: found.Groups.Dropped(), Errors: book, ExitCode: code,
		})
	}
	text := fmt.Sprintf("%s: %d rows: %d valid", oneLine(in.table.Name()), c.Rows, c.Pending)
	for _, part := range []struct {
		n    int
		word string
	}{{c.Invalid, "invalid"}, {c.Unchanged, "with nothing to change"}, {c.Skipped, "skipped"}, {found.Groups.Warnings(), "warnings"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	for _, names := range checker.ServerNames() {
		text += fmt.Sprintf("\n%d names of the object %s only the server can check; with --id-map they are checked here", names.Names, oneLine(names.Object))
	}
	if book != "" {
		text += "\n  " + oneLine(book)
	}
	if _, err := fmt.Fprintln(in.app.stdout, text); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

func problemsJSON(groups *validate.Groups) []problemJSON {
	list := []problemJSON{}
	for _, g := range groups.All() {
		list = append(list, problemJSON{Place: g.Place.String(), Field: g.Field, Code: g.Code, Value: g.Value,
			Message: g.Message, Mend: g.Mend, Warning: g.Warning, Count: g.Count})
	}
	return list
}
