package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gsbatch/checkpoint"
)

// general flags that a run keeps beside its own, so that resume needs none.
func keptGeneral() []string { return []string{"access-key-file", "ca-file"} }

// keptPaths are the flags that name files or folders which resume may need.
func keptPaths() []string {
	return []string{"access-key-file", "ca-file", "report-dir", "map", "id-map", "metrics-file"}
}

// keepSettings is what the flags of cmd say, for a later resume: those that
// were given anywhere, with files named in full.
func keepSettings(app *App, cmd *cobra.Command) (json.RawMessage, error) {
	kept := map[string][]string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if app.settings.rank(f.Name) == fromDefault || cmd.InheritedFlags().Lookup(f.Name) != nil && !slices.Contains(keptGeneral(), f.Name) {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			kept[f.Name] = list.GetSlice()
			return
		}
		value := f.Value.String()
		if slices.Contains(keptPaths(), f.Name) && value != "" {
			if full, err := filepath.Abs(value); err == nil {
				value = full
			}
		}
		kept[f.Name] = []string{value}
	})
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("settings of the run: %w", err)
	}
	return text, nil
}

// restoreSettings gives the flags of cmd the run's own values where none was
// given now, and chooses the run's tenant.
func restoreSettings(app *App, cmd *cobra.Command, info checkpoint.Info) error {
	kept := map[string][]string{}
	if len(info.Settings) > 0 {
		if err := json.Unmarshal(info.Settings, &kept); err != nil {
			return fmt.Errorf("settings of run %s: %w", info.ID, err)
		}
	}
	for name, values := range kept {
		f := cmd.Flags().Lookup(name)
		if f == nil || app.settings.rank(name) >= fromEnvironment {
			continue
		}
		_, list := f.Value.(pflag.SliceValue)
		if err := setFlag(f, values, list); err != nil {
			return fmt.Errorf("settings of run %s: --%s: %w", info.ID, name, err)
		}
		app.settings.sources[name] = source{rank: fromFlag, place: "run " + info.ID}
	}
	return sameTenant(app, info)
}

// sameTenant chooses the run's tenant, and refuses another one.
func sameTenant(app *App, info checkpoint.Info) error {
	if info.Emulated {
		if app.general.baseURL != "" && app.settings.rank("base-url") >= fromEnvironment {
			return failf(exitChanged, "leave out --base-url", "run %s is for the embedded tenant", info.ID)
		}
		app.general.emulator = true
		return nil
	}
	if app.general.emulator {
		return failf(exitChanged, "leave out --emulator", "run %s is for %s", info.ID, info.Tenant)
	}
	if app.general.baseURL == "" {
		app.general.baseURL = info.Tenant
		return nil
	}
	name, err := app.tenantName()
	if err != nil {
		return err
	}
	if name != info.Tenant {
		return failf(exitChanged, "leave out --base-url, or plan the file anew for that tenant",
			"run %s is for %s, and %s says %s", info.ID, info.Tenant, app.settings.place("base-url"), name)
	}
	return nil
}
