package pipeline

import (
	"context"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/writers"
)

// The files of the report folder.
const (
	resultsFile = "results.csv"
	resultsBook = "results.xlsx" // the same, of a workbook
	errorsFile  = "errors.csv"
	doubtFile   = "in_doubt.csv"
	pendingFile = "pending.csv"
	summaryFile = "summary.json"
	pageFile    = "report.html"
)

// ReportConfig is what the reports tell beside the run.
type ReportConfig struct {
	Summary writers.Summary
	Version string // of gsbatch
	Settle  string // the command that settles rows of this run, to be followed by a line and a decision
	Unsent  int    // the exit code that says that nothing was sent, since rows are invalid
}

// Report writes the files of the run's report folder, each whole or not at
// all: every row in input order, those with errors once more in a file to be
// mended and imported, those in doubt or pending if there are any, the page
// for people, and the summary. Of a workbook the results and the errors are
// workbooks too. It marks the run as reported. A run whose journal cannot be
// brought into the fates is not reported: rows that were sent would be told as
// pending.
func Report(ctx context.Context, run *checkpoint.Run, cfg ReportConfig) (Reported, error) {
	if err := run.Fold(ctx); err != nil {
		return Reported{}, err
	}
	dir := run.Info().ReportDir
	r := reporter{run: run, id: run.Info().ID, options: writers.FileOptions{Root: dir}, dir: dir}
	defer r.abort()
	// What the page tells of the journal takes as long as a table does.
	page := new(writers.Page)
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error { return r.rows(both) })
	g.Go(func() error { return gatherPage(both, run, page) })
	if err := g.Wait(); err != nil {
		return Reported{}, err
	}
	if err := r.writeErrors(ctx); err != nil {
		return Reported{}, err
	}
	for _, name := range []string{errorsFile, doubtFile, pendingFile} {
		if r.tables[name] == nil {
			// What an earlier report of this run listed is no longer so.
			if err := writers.Remove(filepath.Join(dir, name), r.options); err != nil {
				return Reported{}, err
			}
		}
	}
	if err := r.writePage(page, &cfg); err != nil {
		return Reported{}, err
	}
	// Last: where it stands, all the others do.
	if err := writers.WriteSummary(filepath.Join(dir, summaryFile), cfg.Summary, r.options); err != nil {
		return Reported{}, err
	}
	r.Files = append(r.Files, filepath.Join(dir, summaryFile))
	return r.Reported, run.SetInfo(ctx, func(info *checkpoint.Info) { info.Reported = true })
}

// Reported is what a report came to.
type Reported struct {
	Files   []string // that were written
	Reasons []Reason // why rows were rejected, stale or left in doubt
	Notices []string // what a user should be told of the files, one line each
	Copy    bool     // a copy of the user's workbook is among the files
}

// writePage writes the page for people, which lists the other files.
func (r *reporter) writePage(p *writers.Page, cfg *ReportConfig) error {
	if err := r.page(p, cfg); err != nil {
		return err
	}
	path := filepath.Join(r.dir, pageFile)
	r.Files = append(r.Files, path)
	return writers.WritePage(path, p, r.options)
}

// reporter has the tables of one Report under way.
type reporter struct {
	run     *checkpoint.Run
	id      string
	dir     string
	options writers.FileOptions
	tables  map[string]*writers.Report
	lengths map[string]int                // rows, by table
	actions map[string]*checkpoint.Counts // of rows, by what was planned
	cells   []string
	kinds   []writers.Kind
	Reported
}

// Reason is why rows were rejected, stale or left in doubt.
type Reason struct {
	Status checkpoint.Status
	Code   string
	Text   string
	Rows   int   // that have it
	Lines  []int // the first of them
}

// The bounds of the reasons that a report sums up.
const (
	maxReasons = 20
	maxLines   = 3
)

// reason counts the row's among the reasons, the first maxReasons of them.
func (r *reporter) reason(line *checkpoint.Line) {
	switch line.Fate.Status {
	case checkpoint.Rejected, checkpoint.Stale, checkpoint.InDoubt, checkpoint.Parked:
	default:
		return
	}
	for i := range r.Reasons {
		known := &r.Reasons[i]
		if known.Status == line.Fate.Status && known.Code == line.Fate.Code && known.Text == line.Fate.Reason {
			if known.Rows++; len(known.Lines) < maxLines {
				known.Lines = append(known.Lines, line.Line)
			}
			return
		}
	}
	if len(r.Reasons) < maxReasons {
		r.Reasons = append(r.Reasons, Reason{line.Fate.Status, line.Fate.Code, line.Fate.Reason, 1, []int{line.Line}})
	}
}

// rows writes every table in one walk over the run.
func (r *reporter) rows(ctx context.Context) error {
	r.tables, r.lengths, r.actions = map[string]*writers.Report{}, map[string]int{}, map[string]*checkpoint.Counts{}
	for _, name := range r.whole() {
		if _, err := r.table(name); err != nil {
			return err
		}
	}
	for line, err := range r.run.Lines(ctx) {
		if err != nil {
			return err
		}
		if err := r.row(&line); err != nil {
			return err
		}
	}
	for _, name := range []string{resultsFile, resultsBook, errorsFile, doubtFile, pendingFile} {
		table := r.tables[name]
		if table == nil {
			continue
		}
		if err := table.Commit(); err != nil {
			return err
		}
		r.Files = append(r.Files, filepath.Join(r.dir, name))
	}
	return nil
}

// count counts the row by what was planned and what became of it.
func (r *reporter) count(line *checkpoint.Line) {
	c := r.actions[line.Action]
	if c == nil {
		c = &checkpoint.Counts{}
		r.actions[line.Action] = c
	}
	c.Rows++
	*c.Of(line.Fate.Status)++
}

// whole are the tables that have every row.
func (r *reporter) whole() []string {
	if r.run.Info().Input.Format == string(readers.XLSX) {
		return []string{resultsFile, resultsBook}
	}
	return []string{resultsFile}
}

func (r *reporter) row(line *checkpoint.Line) error {
	r.take(line)
	r.reason(line)
	r.count(line)
	result := resultOf(r.id, line)
	names := r.whole()
	if name := fileOf(line.Fate.Status); name != "" {
		names = append(names, name)
	}
	for _, name := range names {
		table, err := r.table(name)
		if err == nil {
			err = table.WriteLook(r.cells, writers.Look{Kinds: r.kinds}, result)
			r.lengths[name]++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take takes over the cells of a row.
func (r *reporter) take(line *checkpoint.Line) {
	r.cells, r.kinds = r.cells[:0], r.kinds[:0]
	for _, c := range line.Cells {
		r.cells, r.kinds = append(r.cells, c.Text), append(r.kinds, reportKind(readers.Kind(c.Kind)))
	}
}

// reportKind is the kind of a cell in a report.
func reportKind(kind readers.Kind) writers.Kind {
	switch kind {
	case readers.Number:
		return writers.Number
	case readers.Date:
		return writers.Date
	case readers.Bool:
		return writers.Bool
	default:
		return writers.Text
	}
}

// fileOf is the table of the rows of that status alone, "" for none.
func fileOf(status checkpoint.Status) string {
	switch status {
	case checkpoint.Rejected, checkpoint.Invalid:
		return errorsFile
	case checkpoint.InDoubt, checkpoint.Parked:
		return doubtFile
	case checkpoint.Pending:
		return pendingFile
	}
	return ""
}

// table is the table of that name, begun at its first row.
func (r *reporter) table(name string) (*writers.Report, error) {
	if table := r.tables[name]; table != nil {
		return table, nil
	}
	table, err := writers.NewReport(filepath.Join(r.dir, name), r.run.Info().Header,
		writers.ReportOptions{FileOptions: r.options, Decision: name == doubtFile})
	if err == nil {
		r.tables[name] = table
	}
	return table, err
}

func (r *reporter) abort() {
	for _, table := range r.tables {
		table.Abort()
	}
}

func resultOf(run string, line *checkpoint.Line) writers.Result {
	result := writers.Result{
		Run: run, Line: line.Line, Action: line.Action, Status: string(line.Fate.Status), Gsid: line.Fate.Gsid,
		Field: line.Fate.Field, Code: line.Fate.Code, Reason: line.Fate.Reason,
		Attempts: line.Fate.Attempts, RequestID: line.Fate.RequestID,
	}
	if line.Fate.At > 0 {
		result.At = time.UnixMilli(line.Fate.At).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return result
}

// Summary is the account of the run as it stands.
func Summary(info checkpoint.Info, next string) writers.Summary {
	s := writers.Summary{
		Run: info.ID, Command: info.Command, Emulated: info.Emulated, Tenant: info.Tenant,
		Input:  writers.Input{Path: info.Input.Path, SHA256: info.Input.SHA256, Rows: int(info.Input.Rows)},
		Counts: writers.Counts(info.Counts), Calls: writers.Calls(info.Calls),
		Seconds: info.Seconds, ResumeAt: info.ResumeAt, Next: next,
	}
	if info.ExitCode != nil {
		s.ExitCode = *info.ExitCode
	}
	return s
}
