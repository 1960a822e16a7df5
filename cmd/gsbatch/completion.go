package main

import (
	"slices"

	"github.com/spf13/cobra"
)

func newCompletion(app *App) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:     "completion SHELL",
		Short:   "Print the completion script of a shell: bash, zsh, fish or powershell",
		GroupID: groupSetup,
		Long: `Print the script that makes a shell complete commands, flags and their values.

  bash        gsbatch completion bash > /etc/bash_completion.d/gsbatch
  zsh         gsbatch completion zsh > "${fpath[1]}/_gsbatch"
  fish        gsbatch completion fish > ~/.config/fish/completions/gsbatch.fish
  powershell  gsbatch completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		Args:      takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCompletion(app, cmd.Root(), args[0], shells)
		},
	}
}

func runCompletion(app *App, root *cobra.Command, shell string, shells []string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(app.stdout, true)
	case "zsh":
		return root.GenZshCompletion(app.stdout)
	case "fish":
		return root.GenFishCompletion(app.stdout, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(app.stdout)
	}
	mend := "name one of bash, zsh, fish, powershell"
	if near := nearest(shell, shells); near != "" {
		mend = "did you mean " + near + "?"
	}
	return usagef(mend, "completion: no script for the shell %q", shell)
}

// completeProfile completes --profile from the user's configuration.
func completeProfile(app *App) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		path, named := app.userConfig()
		file, err := readSettings(path, named)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for name := range file.profiles {
			names = append(names, name)
		}
		slices.Sort(names)
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
