package main

import "github.com/spf13/cobra"

func newPlan(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plan FILE",
		Short:   "Do all that import does before its first write, and keep the plan",
		GroupID: groupMove,
		Long: `Do all that import does before its first write: every check, and what is to be
done for each row, field by field: what a goal has, and what it is to have. The plan
is kept as a run; gsbatch apply carries it out and does not need FILE.

The first rows are shown as text; --output writes all of them into a table to
review, and --json puts them into "changes".`,
		Args: takes(1, 1),
	}
	plan := addPlanFlags(app, cmd)
	plan.addSendFlags(cmd)
	run := addRunFlags(cmd)
	detailed := cmd.Flags().Bool("detailed-exitcode", false, "exit 20 when there is something to send; with --diff always when something really differs")
	output := cmd.Flags().StringP("output", "o", "", "write every change, old and new, into `FILE` (.xlsx, .csv or .jsonl)")
	amend := cmd.Flags().String("amend", "", "mend `RUN`, which went in with a wrong mapping: rows that it created become updates of their goals, and RUN is superseded")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runImport(app, cmd, importOptions{file: args[0], plan: plan, run: run, planOnly: true, shown: true, detailed: *detailed, output: *output, amend: *amend})
	}
	return cmd
}
