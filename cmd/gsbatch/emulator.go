package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gsbatch/emulator"
)

// emulatorOptions are the flags of the command emulator.
type emulatorOptions struct {
	port     int
	data     string
	seed     int64
	switches []string
}

func newEmulator(app *App) *cobra.Command {
	var o emulatorOptions
	cmd := &cobra.Command{
		Use:     "emulator",
		Short:   "Serve the emulated tenant on loopback",
		GroupID: groupSetup,
		Long: `Serve the emulated tenant on 127.0.0.1 until it is stopped (Ctrl-C, exit 0). It prints
its URL and the two variables that lead other commands to it. Its limits, faults
and guesses are switches (gsbatch emulator --help lists them):

  gsbatch emulator --switch limit=100/1m:fixed,fault.drop_after=0.05`,
		Args: takes(0, 0),
		RunE: func(*cobra.Command, []string) error { return runEmulator(app, o) },
	}
	fs := cmd.Flags()
	fs.IntVar(&o.port, "port", 0, "listen on port `N` (default: any free one)")
	fs.StringVar(&o.data, "data", "", "keep the tenant in `DIR` (default: in memory)")
	fs.Int64Var(&o.seed, "seed", 1, "what ids and faults are drawn from")
	fs.StringArrayVar(&o.switches, "switch", nil, "change a switch: `NAME=VALUE`, several joined with commas")
	_ = cmd.RegisterFlagCompletionFunc("switch", completeSwitch) // the only error is a flag that is not there
	usual := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		usual(cmd, args)
		_, _ = io.WriteString(app.stdout, "\nSwitches:\n"+switchHelp()) // cobra's help ignores it as well
	})
	return cmd
}

// listening is the JSON object of emulator.
type listening struct {
	URL       string `json:"url"`
	AccessKey string `json:"access_key"`
	Data      string `json:"data,omitempty"`
}

// runEmulator serves until a signal.
func runEmulator(app *App, o emulatorOptions) error {
	switches, err := emulator.ParseSwitches(strings.Join(o.switches, ","))
	if err != nil {
		return usagef("see gsbatch emulator --help", "%w", err)
	}
	s, err := app.serveTenant(emulator.Options{Dir: o.data, Seed: o.seed, Switches: switches}, o.port)
	if err != nil {
		return err
	}
	if err := announce(app, s, o.data); err != nil {
		return errors.Join(err, s.close())
	}
	select {
	case <-app.stop.Done():
		return s.close()
	case err := <-s.ended:
		return s.settle(err)
	}
}

// announce prints where the tenant is. What can be pasted, or evaluated by a
// shell, goes to stdout.
func announce(app *App, s *serving, data string) error {
	if app.general.json {
		return app.emit(listening{s.url, s.key, data})
	}
	where := "in memory"
	if data != "" {
		where = "kept in " + oneLine(data)
	}
	if !app.general.quiet {
		app.tell("The emulated tenant listens on %s, %s. In another terminal:\n", s.url, where)
	}
	_, err := fmt.Fprintf(app.stdout, "export GSBATCH_BASE_URL=%s\nexport GSBATCH_ACCESS_KEY=%s\n", s.url, s.key)
	return err
}

// switchHelp lists the switches as the emulator tells them.
func switchHelp() string {
	var text strings.Builder
	for _, s := range emulator.Settings() {
		fmt.Fprintf(&text, "  %s=%s\n      %s (default %s)\n", s.Name, s.Form, s.Help, s.Default)
	}
	return text.String()
}

// completeSwitch completes the name of a switch.
func completeSwitch(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, s := range emulator.Settings() {
		names = append(names, s.Name+"=\t"+s.Help)
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
