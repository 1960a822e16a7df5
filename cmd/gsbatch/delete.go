package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

// deleteCommand is the command of runs that delete.
const deleteCommand = "delete"

func newDelete(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete OBJECT [FILE]",
		Short:   "Delete templates or metrics, by a file of Gsids or by --id",
		GroupID: groupMove,
		Long: `Delete the goal templates or metrics (OBJECT) whose Gsids stand in the column Gsid of
FILE, such as an export, or are given with --id. The tenant is read first: what is to
be deleted is shown with its name, and asked about once; without a terminal --yes is
wanted. What is gone already counts as unchanged. A metric that goals or templates use
is refused by the tenant, and the report says which.

Every delete is written down before and after its call, as an import is, and gsbatch
resume goes on after a crash. What was deleted cannot be brought back. The API deletes
no goals.`,
		Args:      takes(1, 2),
		ValidArgs: deletable(),
	}
	plan := &planFlags{input: addInputFlags(app, cmd), mode: string(validate.DeleteOnly), blank: "keep", onDuplicate: "error", onUnknownColumn: "ignore", multiMatch: "error", diff: "always"}
	fs := cmd.Flags()
	fs.StringVar(&plan.at, "rows", "", "take only these `LINES`, as 2-500,800; the others are skipped")
	fs.BoolVar(&plan.skipInvalid, "skip-invalid", false, "delete by the valid rows although others are invalid")
	ids := fs.StringSlice("id", nil, "delete the record `GSID`; may be repeated, or be a list with commas")
	dry := fs.Bool("dry-run", false, "do all but delete: the plan is kept and can be applied")
	run := addRunFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := importOptions{plan: plan, run: run, planOnly: *dry, shown: *dry}
		return runDelete(app, cmd, o, args, *ids)
	}
	return cmd
}

func deletable() []string { return []string{gainsight.TemplateObject, gainsight.MetricObject} }

func runDelete(app *App, cmd *cobra.Command, o importOptions, args, ids []string) error {
	switch {
	case args[0] == gainsight.GoalObject:
		return usagef("delete them in Gainsight", "the API deletes no goals")
	case !slices.Contains(deletable(), args[0]):
		return usagef("delete templates, or delete metrics", "%q is no object that can be deleted", args[0])
	case len(args) == 2 && len(ids) > 0:
		return usagef("give one of the two", "both a file and --id say what to delete")
	case len(args) == 1 && len(ids) == 0:
		return usagef("give a FILE with a column Gsid, or --id", "what to delete is not said")
	}
	if err := mayDelete(app, o.planOnly); err != nil {
		return err
	}
	o.plan.object = args[0]
	if o.file = "-"; len(args) == 2 {
		o.file = args[1]
	} else if err := o.plan.ofIDs(ids); err != nil {
		return err
	}
	return runImport(app, cmd, o)
}

// mayDelete refuses to delete where nobody can be asked and --yes is not given.
func mayDelete(app *App, planOnly bool) error {
	if planOnly || app.general.yes || !app.general.noInput && app.attended() {
		return nil
	}
	return usagef("give --yes", "nobody can be asked whether to delete")
}

// ofIDs makes a table of Gsids the input.
func (p *planFlags) ofIDs(ids []string) error {
	var text strings.Builder
	w := csv.NewWriter(&text)
	failed := w.Write([]string{"Gsid"})
	for _, id := range ids {
		failed = errors.Join(failed, w.Write([]string{id}))
	}
	w.Flush()
	if err := errors.Join(failed, w.Error()); err != nil {
		return fmt.Errorf("--id: %w", err)
	}
	p.input.Stdin, p.input.Delimiter, p.input.Encoding = strings.NewReader(text.String()), ',', "utf-8"
	return nil
}
