package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/validate"
	"gsbatch/writers"
)

// exportFlags are the flags of export.
type exportFlags struct {
	quota                               quotaFlags
	output, format, ifEmpty             string
	split                               int
	raw, ids, again                     bool
	selected, where, since, sort, idMap string
	pageSize                            int
}

func newExport(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export OBJECT",
		Short:   "Write goals, templates, metrics or picklists of the tenant into a file",
		GroupID: groupMove,
		Long: `Write the goals, goal templates, metrics or picklists of the tenant into a file:
.csv, .xlsx or .jsonl, each also with .gz, or - for standard
output. The columns of goals, templates and metrics are those that import knows, so an
edited file can be imported as it is (templates and metrics with --object). Files
appear whole or not at all, and beside them FILE.manifest.json with counts and
checksums.

An export that was broken off goes on at the page it had reached when the same
command is given again within a day. See gsbatch help export.`,
		Args:      takes(1, 1),
		ValidArgs: exportObjects(),
	}
	x := new(exportFlags)
	fs := cmd.Flags()
	fs.StringVarP(&x.output, "output", "o", "", "write to `FILE`; {date} in its name is the day; - is standard output")
	addChoice(cmd, fs, &x.format, "format", "", []string{"csv", "xlsx", "jsonl"}, "form of the table (default: by the name of the file; csv for -)")
	addChoice(cmd, fs, &x.ifEmpty, "if-empty", "ok", []string{"ok", "fail", "skip"}, "without a row: write the header alone, write nothing and exit 12, or write nothing")
	fs.IntVar(&x.split, "split-rows", 0, "begin a new file after `N` rows: name-001.csv, name-002.csv …")
	fs.BoolVar(&x.raw, "raw-formulas", false, "CSV: leave cells as they are that a spreadsheet would run as a formula")
	fs.StringVar(&x.selected, "select", "", "goals, templates: only these `FIELDS`, with commas between; +FIELD adds to the usual ones")
	fs.StringVar(&x.where, "where", "", "goals, templates: only those that fit the `FILTER`, as 'Name STARTS_WITH \"x\" AND StatusName EQ \"New\"'")
	fs.StringVar(&x.since, "since", "", "goals, templates: only those modified since the `DATE`, or since the last such export: last")
	fs.StringVar(&x.sort, "sort", "", "goals, templates: order by `FIELD`, or FIELD:desc (keeps its values in memory)")
	fs.BoolVar(&x.ids, "ids", false, "goals, templates, metrics: ids of statuses and goal types instead of names")
	fs.IntVar(&x.pageSize, "page-size", 0, fmt.Sprintf("goals, templates: ask for pages of `N` (default %d)", gainsight.DefaultPageSize))
	fs.StringVar(&x.idMap, "id-map", "", "goals: names of companies, relationships and opportunities from `FILE` (columns Object, Name, Gsid)")
	fs.BoolVar(&x.again, "again", false, "goals, templates: begin anew instead of going on with an export that was broken off")
	x.quota.add(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error { return runExport(app, args[0], x) }
	return cmd
}

func runExport(app *App, object string, x *exportFlags) (err error) {
	target, err := x.target(app, object)
	if err != nil {
		return err
	}
	if err := target.Try(); err != nil {
		return err
	}
	job := &exportJob{app: app, flags: x, object: object, target: target, began: app.now()}
	if job.fetched() {
		if err := job.prepare(); err != nil { // whatever is wrong without a call
			return err
		}
	}
	if job.desk, err = openDesk(app.hard, app, &x.quota, "export"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.close()) }()
	if job.picklists, err = job.tenant.Picklists(app.stop); err != nil {
		return err
	}
	switch object {
	case "picklists":
		return job.exportPicklists()
	case "metrics":
		return job.exportMetrics()
	}
	return job.exportRecords(app.stop)
}

// exportJob is an export on its way.
type exportJob struct {
	*desk
	app       *App
	flags     *exportFlags
	object    string
	target    pipeline.Target
	began     time.Time
	picklists *gainsight.Picklists
	// Of what is fetched:
	fields, asked []string
	links         bool
	filter        *gainsight.Filter
	from          time.Time // --since; zero for none
	ids           *validate.IDMap
}

// fetched reports whether the object is read page by page, and not out of the
// picklists.
func (j *exportJob) fetched() bool { return j.object == "goals" || j.object == "templates" }

// prepare reads what the flags say about goals or templates.
func (j *exportJob) prepare() (err error) {
	x := j.flags
	if err := j.chooseFields(); err != nil {
		return err
	}
	if app := j.app; strings.TrimSpace(x.where) == "" && app.settings.given("where") {
		return usagef("give a filter, or leave --where out for all records", "%s: is blank", app.settings.place("where"))
	}
	if j.filter, err = gainsight.ParseWhere(x.where); err != nil {
		return badFilter(err)
	}
	if _, _, err := j.filter.Conditions(validate.NewTerms(j.object, x.where, nil, nil).Condition); err != nil && !wantsIDs(err) {
		return badFilter(err)
	}
	j.ids = new(validate.IDMap)
	if x.idMap != "" && j.object == "goals" {
		if j.ids, err = validate.ReadIDMap(j.app.stop, x.idMap); err != nil {
			return &failure{code: exitUsage, err: err}
		}
	}
	return nil
}

// badFilter tells where a filter is wrong.
func badFilter(err error) error {
	if err == nil || !as[*gainsight.WhereError](err) {
		return err
	}
	return withSource(fmt.Errorf("--where: %w", err))
}

// wantsIDs says that a filter may be right once names have ids.
func wantsIDs(err error) bool {
	at, ok := errors.AsType[*gainsight.WhereError](err)
	return ok && strings.Contains(at.Mend, "--id-map")
}

// overlap is how much an export looks back behind the last one: records are not
// seen by a fetch in the very moment of their change.
const overlap = 5 * time.Minute

// sinceWhen reads --since.
func (j *exportJob) sinceWhen(last time.Time) error {
	switch j.flags.since {
	case "":
		return nil
	case "last":
		if last.IsZero() {
			j.note("no such export before: all %s are read\n", j.object)
			return nil
		}
		j.from = last.Add(-overlap)
		return nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, j.flags.since); err == nil {
			j.from = at.UTC()
			return nil
		}
	}
	return usagef("write 2026-01-31, 2026-01-31T08:00:00Z or last", "--since %q is no date", j.flags.since)
}

func (j *exportJob) note(format string, args ...any) {
	if !j.app.general.quiet {
		j.app.tell(format, args...)
	}
}

// query is the fetch that the flags ask for.
func (j *exportJob) query() (q gainsight.Query, err error) {
	q = gainsight.Query{Object: j.object, Select: j.fields, PageSize: j.flags.pageSize}
	filter := j.filter
	if !j.from.IsZero() {
		filter = filter.And(gainsight.Term{Field: gainsight.Operand{Text: "ModifiedDate"}, Operator: "GTE",
			Values: []gainsight.Operand{{Text: j.from.Format("2006-01-02T15:04:05Z")}}})
	}
	q.Where, q.Expression, err = filter.Conditions(validate.NewTerms(j.object, j.flags.where, j.picklists, j.ids).Condition)
	return q, badFilter(err)
}

// watermarkKey stands for exports of the same object, filter and target.
func (j *exportJob) watermarkKey() string {
	to := j.flags.output
	if full, err := filepath.Abs(to); err == nil && to != "-" {
		to = full
	}
	return strings.Join([]string{j.object, strings.TrimSpace(j.flags.where), to}, "\x00")
}

func (j *exportJob) exportRecords(ctx context.Context) (err error) {
	last, err := j.shared.Watermark(ctx, j.watermarkKey())
	if err != nil {
		return err
	}
	if err := j.sinceWhen(last); err != nil {
		return err
	}
	learned, err := j.shared.LearnedNames(ctx)
	if err != nil {
		return err
	}
	pipeline.LearnNames(j.ids, learned)
	query, err := j.query()
	if err != nil {
		return err
	}
	spool, err := j.shared.Spool(j.spoolKey(query), spoolAge, j.app.holder("export"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	out, err := j.fetchAndWrite(ctx, spool, query)
	if err != nil {
		return j.kept(spool, err)
	}
	return j.done(ctx, spool, out, last)
}

// spoolAge is for how long an export that was broken off may be gone on with.
const spoolAge = 24 * time.Hour

// spoolKey is the same for exports that read the same records and fields.
func (j *exportJob) spoolKey(q gainsight.Query) string {
	return fmt.Sprintf("%q", []any{j.object, j.tenant.name, q.Select, q.PageSize, q.Expression, fmt.Sprint(q.Where), j.links, j.asked})
}

// fetchAndWrite carries the export out, with its progress.
func (j *exportJob) fetchAndWrite(ctx context.Context, spool *checkpoint.Spool, query gainsight.Query) (pipeline.Exported, error) {
	cfg := pipeline.ExportConfig{
		Client: j.tenant.Client, Spool: spool, Query: query, Asked: j.asked, Links: j.links, Names: j.ids,
		Target: j.target, Started: j.tenant.ServerTime(),
	}
	if j.flags.sort != "" {
		field, order, _ := strings.Cut(j.flags.sort, ":")
		fields, err := validate.ResolveSelect(j.object, []string{field})
		if err != nil || order != "" && order != "desc" && order != "asc" || !slices.Contains(j.fields, fields[0]) {
			return pipeline.Exported{}, usagef("give one of "+strings.Join(j.fields, ", ")+", or with :desc behind it", "--sort %q names no field of this export", j.flags.sort)
		}
		cfg.Sort = pipeline.Sort{Field: fields[0], Down: order == "desc"}
	}
	if !j.flags.ids {
		cfg.Labels = validate.NewLabels(j.picklists)
	}
	if j.flags.again {
		if err := spool.Empty(); err != nil {
			return pipeline.Exported{}, err
		}
	}
	if n := spool.Len(); n > 0 {
		j.note("going on with the export that was broken off: %d %s are read; --again begins anew\n", n, j.object)
	}
	if j.target.Book == nil {
		cfg.Target.Manifest = func(out pipeline.Exported) ([]byte, error) { return pipeline.ManifestText(j.manifest(out, exitOK)) }
	}
	progress := newProgress(j.app, j.app.general.progress, 0)
	defer progress.Finish()
	cfg.Progress = func(records int) {
		s := Status{Phase: "reading", Done: int64(records)}
		s.Waiting, s.Why = j.wait.get(j.app.now())
		progress.Update(s)
	}
	return pipeline.Export(ctx, cfg)
}

// kept says what is left of an export that failed.
func (j *exportJob) kept(spool *checkpoint.Spool, err error) error {
	if n := spool.Len(); n > 0 && !errors.Is(err, syscall.EPIPE) {
		j.note("%d %s are kept for a day: the same command goes on from there\n", n, j.object)
	}
	switch {
	case as[*pipeline.RefusedFieldError](err):
		return usagef("leave it out of --select", "%w", err)
	case errors.Is(err, gainsight.ErrRejected):
		return usagef("see --where, --select and --page-size", "%w", err)
	case j.target.Book != nil && errors.Is(err, writers.ErrTooLarge):
		return usagef("take fewer goals with --where", "%w", err)
	case errors.Is(err, pipeline.ErrTooManyFiles), errors.Is(err, writers.ErrTooLarge):
		return usagef("give a larger or smaller --split-rows", "%w", err)
	}
	return err
}

// done moves the watermark, lets the spool go and tells.
func (j *exportJob) done(ctx context.Context, spool *checkpoint.Spool, out pipeline.Exported, last time.Time) error {
	for _, name := range out.Dropped {
		j.app.tell("warning: the tenant has no field %s that can be read: it is left out\n", oneLine(name))
	}
	if out.Empty && j.flags.ifEmpty == "fail" {
		return errors.Join(spool.Discard(), j.tell(out, exitEmpty))
	}
	gap := j.flags.since != "" && j.flags.since != "last" && !last.IsZero() && j.from.After(last)
	switch {
	case j.target.Book != nil: // nobody exports a workbook --since last
	case out.Started.IsZero():
		j.app.tell("warning: the tenant tells no time: --since last will not know of this export\n")
	case !gap: // what lies between was not read: the watermark stays
		if err := j.shared.SetWatermark(context.WithoutCancel(ctx), j.watermarkKey(), out.Started); err != nil {
			return err
		}
	}
	if err := spool.Discard(); err != nil {
		return err
	}
	return j.tell(out, exitOK)
}
