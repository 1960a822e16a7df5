package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build tells which gsbatch this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a work tree with changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(app *App) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		GroupID: groupSetup,
		Args:    takes(0, 0),
		RunE:    func(*cobra.Command, []string) error { return runVersion(app) },
	}
}

func runVersion(app *App) error {
	b := thisBuild()
	if app.general.json {
		return app.emit(b)
	}
	commit := ""
	if b.Commit != "" {
		commit = " (" + b.Commit
		if b.Modified {
			commit += ", modified"
		}
		commit += ")"
	}
	_, err := fmt.Fprintf(app.stdout, "gsbatch %s%s %s %s\n", b.Version, commit, b.Go, b.Platform)
	return err
}

// thisBuild reads what the linker left in the binary.
func thisBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
