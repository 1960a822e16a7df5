package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/validate"
	"gsbatch/writers"
)

// workbookFlags are the flags of workbook: its own, and those of the export
// that fills it.
type workbookFlags struct {
	export          exportFlags
	purpose, object string // create or update; goals, templates, metrics
}

// ofUpdates are the flags that choose the goals of a workbook for updates.
func ofUpdates() []string { return []string{"select", "where", "page-size", "again"} }

func newWorkbook(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "workbook -o FILE.xlsx",
		Short:   "Make a workbook with drop-downs of the tenant, to fill in and import",
		GroupID: groupMove,
		Long: `Make a workbook to fill in and import: a sheet Goals (Templates, Metrics with
--object) under the columns that import knows, with drop-downs of this tenant's statuses, goal types and entity types and,
with --id-map, of companies, relationships and opportunities. Where the tenant
links statuses to goal types, the statuses offered are those of the row's type.
Dates are checked, and each column says what it is for.

--for create   has no rows (the default)
--for update   has the tenant's goals, or those of --where; Gsid and what the
               server writes are locked. The sheet is protected without a
               password: filter, edit and add rows as it is, unprotect it to sort or to
               remove rows

Import takes that sheet by itself, refuses the workbook of another tenant
(exit 2) and warns where picklists have changed since. Pasting passes by the
drop-downs: import checks every row in any case. A spreadsheet shows at most the
first 32,768 items of a list.`,
		Args: takes(0, 0),
	}
	x := &workbookFlags{export: exportFlags{ifEmpty: "ok"}}
	fs := cmd.Flags()
	fs.StringVarP(&x.export.output, "output", "o", "", "write to `FILE`.xlsx; {date} in its name is the day")
	addChoice(cmd, fs, &x.purpose, "for", "create", []string{"create", "update"}, "what the rows are to do")
	addChoice(cmd, fs, &x.object, "object", "goals", validate.Objects(), "what the rows are")
	fs.StringVar(&x.export.idMap, "id-map", "", "names of companies, relationships and opportunities from `FILE` (columns Object, Name, Gsid)")
	fs.StringVar(&x.export.selected, "select", "", "update: only these `FIELDS`, with commas between; +FIELD adds to the usual ones")
	fs.StringVar(&x.export.where, "where", "", "update: only the goals that fit the `FILTER`; see gsbatch help export")
	fs.IntVar(&x.export.pageSize, "page-size", 0, fmt.Sprintf("update: ask for pages of `N` goals (default %d)", gainsight.DefaultPageSize))
	fs.BoolVar(&x.export.again, "again", false, "update: begin anew instead of going on with a reading that was broken off")
	x.export.quota.add(cmd)
	cmd.RunE = func(*cobra.Command, []string) error { return runWorkbook(app, x) }
	return cmd
}

// target says where the workbook goes, and refuses what makes no sense.
func (x *workbookFlags) target(app *App) (t pipeline.Target, err error) {
	switch x.export.output {
	case "":
		return t, usagef("name a file with -o", "workbook: no file to write to")
	case "-":
		return t, usagef("name a file, as -o goals.xlsx", "a workbook is not written to standard output")
	}
	for _, name := range ofUpdates() {
		if x.purpose == "create" && app.settings.rank(name) == fromFlag {
			return t, usagef("leave it out, or give --for update", "--%s says nothing about goals to create", name)
		}
	}
	if t, err = x.export.target(app, x.object); err != nil {
		return t, err
	}
	if t.Format != writers.XLSX || t.Gzip { // Excel is to open it
		return t, usagef("name it .xlsx", "%s is no name of a workbook", oneLine(t.Path))
	}
	return t, nil
}

func runWorkbook(app *App, x *workbookFlags) (err error) {
	target, err := x.target(app)
	if err != nil {
		return err
	}
	if err := target.Try(); err != nil {
		return err
	}
	job := &exportJob{app: app, flags: &x.export, object: x.object, target: target, began: app.now()}
	if x.purpose == "create" {
		x.export.selected, x.export.where = "", "" // settings of exports
	}
	if job.fetched() {
		if err := job.prepare(); err != nil {
			return err
		}
	}
	if job.desk, err = openDesk(app.hard, app, &x.export.quota, "workbook"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.close()) }()
	if job.picklists, err = job.tenant.Picklists(app.stop); err != nil {
		return err
	}
	job.target.Book = job.book(x.purpose)
	switch {
	case x.purpose == "create":
		return job.emptyWorkbook()
	case job.fetched():
		return job.exportRecords(app.stop)
	}
	return job.exportMetrics()
}

// emptyWorkbook writes a workbook for records to create.
func (j *exportJob) emptyWorkbook() error {
	out, err := pipeline.WriteRows(j.target, createColumns(j.object), nil)
	if err != nil {
		return err
	}
	out.Started = j.tenant.ServerTime()
	if j.app.general.json {
		return j.tell(out, exitOK)
	}
	if _, err := fmt.Fprintf(j.app.stdout, "%s: fill in the sheet %s, then gsbatch import it%s\n", oneLine(j.target.Path), titled(j.object), ofObject(j.object)); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// ofTenant refuses a workbook that was made for another tenant: its names and
// ids are not this one's.
func (in *intake) ofTenant() error {
	origin := in.table.Origin()
	if origin == nil {
		return nil
	}
	name, err := in.app.tenantName()
	if err != nil {
		return err
	}
	if origin.Tenant == name && origin.Object != in.flags.object && origin.Object != "" {
		return usagef("give --object "+origin.Object, "%s was made for %s, and --object is %s", oneLine(in.table.Name()), oneLine(origin.Object), in.flags.object)
	}
	if origin.Tenant == name {
		return nil
	}
	return usagef("choose that tenant, or make a workbook of this one with gsbatch workbook and copy the rows",
		"%s was made for the tenant %s, and this is %s", oneLine(in.table.Name()), oneLine(origin.Tenant), name)
}

// tellStale warns of a workbook whose drop-downs are not today's.
func (in *intake) tellStale() {
	origin := in.table.Origin()
	if origin == nil || origin.Picklists == in.picklists.Hash() || in.app.general.quiet {
		return
	}
	in.app.tell("warning: the tenant's picklists have changed since %s was made (%s): its drop-downs may be wrong; make a new one with gsbatch workbook\n",
		oneLine(in.table.Name()), oneLine(origin.Created))
}
