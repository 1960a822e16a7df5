package main

import "github.com/spf13/cobra"

// The groups of the commands in the help.
const (
	groupMove  = "move"
	groupRuns  = "runs"
	groupSetup = "setup"
	groupFiles = "files"
)

// commands returns every command, in the order of the help.
func commands(app *App) []*cobra.Command {
	return []*cobra.Command{
		newImport(app),
		newDelete(app),
		newValidate(app),
		newPlan(app),
		newApply(app),
		newResume(app),
		newRetry(app),
		newSettle(app),
		newExport(app),
		newWorkbook(app),
		newUndo(app),
		newRuns(app),
		newQuota(app),
		newMap(app),
		newRows(app),
		newLogin(app),
		newLogout(app),
		newDoctor(app),
		newEmulator(app),
		newCompletion(app),
		newVersion(app),
	}
}

// newRoot returns the command tree. Nothing is read and nothing is computed
// here that a command does not need: version starts as fast as import.
func newRoot(app *App) *cobra.Command {
	root := &cobra.Command{
		Use:   "gsbatch",
		Short: "Move spreadsheets of customer goals into Gainsight, and back out",
		Long: `gsbatch moves a spreadsheet of customer goals into Gainsight, and back out.
It can be stopped, killed and resumed, and proves what became of every row.

Try it with no account:  gsbatch import goals.csv --emulator`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return app.prepare(cmd)
		},
	}
	root.SetIn(app.stdin)
	root.SetOut(app.stdout)
	root.SetErr(app.stderr)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddGroup(
		&cobra.Group{ID: groupMove, Title: "Moving records:"},
		&cobra.Group{ID: groupRuns, Title: "Runs:"},
		&cobra.Group{ID: groupFiles, Title: "Files:"},
		&cobra.Group{ID: groupSetup, Title: "Setting up:"},
	)
	app.general.add(root)
	// The only error is a flag that is not there, and it is.
	_ = root.RegisterFlagCompletionFunc("profile", completeProfile(app))
	root.AddCommand(commands(app)...)
	addTopics(root)
	return root
}

// prepare makes the App ready for cmd: settings into flags, then the log.
// Commands that only print about gsbatch itself work whatever the settings say.
func (app *App) prepare(cmd *cobra.Command) error {
	switch cmd.Name() {
	case "version", "help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd, "gsbatch":
		return nil
	}
	if err := app.loadSettings(cmd); err != nil {
		return err
	}
	app.startLog()
	return nil
}
