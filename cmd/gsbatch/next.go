package main

import (
	"encoding/json"
	"slices"
	"strings"

	"gsbatch/checkpoint"
)

// nextCommand is the one command to run next after a run, "" when there is
// nothing to do.
func nextCommand(app *App, info checkpoint.Info, c checkpoint.Counts) string {
	switch {
	case info.State == checkpoint.Planned && c.Pending == 0:
		return "" // nothing to send
	case info.State == checkpoint.Planned:
		return app.command("apply", info.ID)
	case info.State == checkpoint.Paused && info.ExitCode != nil && *info.ExitCode == exitDoubt:
		return app.command("settle", info.ID) // what is pending waits for rows in doubt
	case info.State == checkpoint.Paused, info.State == checkpoint.Running:
		return app.command("resume", info.ID)
	case info.Command == undoCommand && c.InDoubt+c.Parked == 0:
		return "" // its rows are not of a file that could be imported
	case c.InDoubt+c.Parked > 0:
		return app.command("settle", info.ID)
	case info.State == checkpoint.Finished && c.Pending > 0:
		// Nothing was sent: the rows that are valid are in the input alone.
		return app.importCommand(info, info.Input.Path, allKept)
	case c.Rejected+c.Invalid > 0:
		return app.importCommand(info, reportPath(info, "errors.csv"), meaningful)
	}
	return ""
}

// command is a command line for a person to paste, in a shell with the same
// environment and working folder.
func (app *App) command(words ...string) string {
	for _, name := range []string{"state", "config", "profile"} {
		if value := app.flagText(name); app.settings.rank(name) == fromFlag && value != "" {
			words = append(words, "--"+name, value)
		}
	}
	line := []string{"gsbatch"}
	for _, word := range words {
		line = append(line, shellWord(word))
	}
	return strings.Join(line, " ")
}

func (app *App) flagText(name string) string {
	return map[string]string{"state": app.general.state, "config": app.general.config, "profile": app.general.profile}[name]
}

// shellWord quotes a word for a shell where it has to be.
func shellWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n\"'$`\\|&;<>()*?#~![]{}") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// allKept takes every setting that a run keeps.
func allKept(string) bool { return true }

// meaningful takes those that say what cells mean; a report is a file of its
// own form, all of whose rows are wanted.
func meaningful(flag string) bool {
	return slices.Contains([]string{"object", "mode", "map", "set", "id-map", "date-format", "clear-token", "blank",
		"on-duplicate", "on-stale", "on-unknown-column", "multi-match", "marker-field", "key", "diff"}, flag)
}

// importCommand imports a file for the run's tenant with those of the run's
// settings that take says.
func (app *App) importCommand(info checkpoint.Info, file string, take func(flag string) bool) string {
	words := []string{"import", file}
	if info.Command == deleteCommand {
		words = []string{"delete", info.Object, file}
	}
	kept := map[string][]string{}
	if err := json.Unmarshal(info.Settings, &kept); err != nil {
		kept = nil // written by another version: the command alone
	}
	names := make([]string, 0, len(kept))
	for name := range kept {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !take(name) {
			continue
		}
		for _, value := range kept[name] {
			words = append(words, "--"+name+"="+value)
		}
	}
	switch {
	case info.Emulated:
		words = append(words, "--emulator")
	case app.settings.rank("base-url") == fromFlag:
		words = append(words, "--base-url="+info.Tenant)
	}
	return app.command(words...)
}
