package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings are what the flags were filled from.
type settings struct {
	sources map[string]source // by flag name
	// keyCommand is access_key_cmd of the user's configuration: a program with
	// its arguments.
	keyCommand []string
	userFile   string // where the user's configuration is, or would be
}

// source is where a setting came from.
type source struct {
	rank  int    // the higher the stronger
	place string // "--timeout", "GSBATCH_TIMEOUT", "gsbatch.yaml:3", "default"
}

// The ranks of the sources.
const (
	fromDefault = iota
	fromUser
	fromProfile
	fromFolder
	fromEnvironment
	fromFlag
)

// folderFile is the name of the settings file in the working folder, and
// keyCommandKey the one setting that is no flag.
const (
	folderFile    = "gsbatch.yaml"
	keyCommandKey = "access_key_cmd"
)

func newSettings() *settings { return &settings{sources: make(map[string]source)} }

// rank returns how strong the source of a flag is; fromDefault if it has none.
func (s *settings) rank(flag string) int { return s.sources[flag].rank }

// place returns where a flag's value came from.
func (s *settings) place(flag string) string {
	if src, ok := s.sources[flag]; ok {
		return src.place
	}
	return "default"
}

// given says whether a flag stands on the command line or in the environment:
// what was asked for now, as against what is always so.
func (s *settings) given(flag string) bool { return s.rank(flag) >= fromEnvironment }

// envName returns the environment variable of a flag.
func envName(flag string) string {
	return "GSBATCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// keyName returns the key of a flag in a settings file.
func keyName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// loadSettings fills the flags of cmd that were not given: from the
// environment, the working folder's file, the profile and the user's file, the
// first that has a value. All files are judged as a whole, also for flags that
// cmd does not take.
func (app *App) loadSettings(cmd *cobra.Command) error {
	layers, err := app.layers()
	if err != nil {
		return err
	}
	if err := judge(layers); err != nil {
		return err
	}
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if failed == nil && f.Name != "help" {
			failed = app.fill(f, layers)
		}
	})
	if failed != nil {
		return failed
	}
	return app.tenantConflict()
}

// layer is one level of settings out of a file.
type layer struct {
	rank    int
	file    *settingsFile
	entries []entry
}

// layers returns the files' settings, the strongest first, and remembers the
// key command.
func (app *App) layers() ([]layer, error) {
	path, named := app.userConfig()
	app.settings.userFile = path
	user, err := readSettings(path, named)
	if err != nil {
		return nil, err
	}
	folder := &settingsFile{path: folderFile}
	if !sameFile(path, folderFile) {
		if folder, err = readSettings(folderFile, false); err != nil {
			return nil, err
		}
	}
	if err := folder.foreign(path); err != nil {
		return nil, err
	}
	layers := []layer{{fromFolder, folder, folder.entries}, {fromUser, user, user.entries}}
	profile, err := app.chosenProfile(user)
	if err != nil {
		return nil, err
	}
	if profile != "" {
		layers = slices.Insert(layers, 1, layer{fromProfile, user, user.profiles[profile]})
	}
	for _, l := range layers {
		for _, e := range l.entries {
			if e.key == keyCommandKey && app.settings.keyCommand == nil {
				if app.settings.keyCommand, err = commandWords(e); err != nil {
					return nil, l.file.errorf(e.token, "write a list: program and arguments", "%s: %v", e.key, err)
				}
				app.settings.sources[keyCommandKey] = source{l.rank, l.file.at(e)}
			}
		}
	}
	return layers, nil
}

// userConfig returns the path of the user's configuration and whether it was named.
func (app *App) userConfig() (path string, named bool) {
	if app.general.config != "" {
		return app.general.config, true
	}
	if path := app.getenv("GSBATCH_CONFIG"); path != "" {
		return path, true
	}
	return filepath.Join(app.configHome(), "gsbatch", "config.yaml"), false
}

// configHome returns the folder of the user's configurations.
func (app *App) configHome() string {
	if dir := app.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "windows" {
		return app.getenv("AppData")
	}
	return filepath.Join(app.getenv("HOME"), ".config")
}

// chosenProfile returns the profile asked for, which must be in the user's file.
func (app *App) chosenProfile(user *settingsFile) (string, error) {
	name, from := app.general.profile, "--profile"
	if name == "" {
		name, from = app.getenv("GSBATCH_PROFILE"), "GSBATCH_PROFILE"
	}
	for _, e := range user.entries {
		if name == "" && e.key == "profile" && len(e.values) == 1 {
			name, from = e.values[0], user.at(e)
		}
	}
	if _, ok := user.profiles[name]; ok || name == "" {
		return name, nil
	}
	var names []string
	for known := range user.profiles {
		names = append(names, known)
	}
	slices.Sort(names)
	mend := "add it below profiles:"
	if near := nearest(name, names); near != "" {
		mend = "did you mean " + near + "?"
	} else if len(names) > 0 {
		mend = "it has " + strings.Join(names, ", ")
	}
	return "", usagef(mend, "%s: no profile %q in %s", from, name, user.path)
}

// fill sets f from the environment or the first layer that has it.
func (app *App) fill(f *pflag.Flag, layers []layer) error {
	if f.Changed {
		app.settings.sources[f.Name] = source{fromFlag, "--" + f.Name}
		return nil
	}
	env := envName(f.Name)
	if value := app.getenv(env); value != "" {
		if err := setFlag(f, strings.Split(value, "\n"), strings.Contains(value, "\n")); err != nil {
			return usagef("mend or unset it", "%s: %s", env, wrongValue(f, value, err))
		}
		app.settings.sources[f.Name] = source{fromEnvironment, env}
		return nil
	}
	for _, l := range layers {
		for _, e := range l.entries {
			if e.key == keyName(f.Name) {
				app.settings.sources[f.Name] = source{l.rank, l.file.at(e)}
				return l.set(f, e)
			}
		}
	}
	return nil
}

// set gives f the value of e.
func (l *layer) set(f *pflag.Flag, e entry) error {
	if err := setFlag(f, e.values, e.list); err != nil {
		return l.file.errorf(e.token, "see gsbatch help environment", "%s: %s", e.key, wrongValue(f, strings.Join(e.values, ", "), err))
	}
	return nil
}

// setFlag gives f its values; only a flag that repeats takes more than one.
func setFlag(f *pflag.Flag, values []string, list bool) error {
	if many, ok := f.Value.(pflag.SliceValue); ok && (list || f.Value.Type() == "stringArray") {
		return many.Replace(values)
	}
	if len(values) != 1 || list && f.Value.Type() == "bool" {
		return &badValue{"one value is wanted"}
	}
	return f.Value.Set(values[0])
}

// judge refuses what the files say and no command understands. The values are
// tried on a tree of their own: the flags of this execution keep theirs.
func judge(layers []layer) error {
	var tree map[string]*pflag.Flag
	for _, l := range layers {
		if len(l.entries) > 0 && tree == nil {
			tree = treeFlags(newRoot(&App{}))
		}
		if err := l.judge(tree); err != nil {
			return err
		}
	}
	return nil
}

// judge refuses keys that are no settings and values that no flag takes.
func (l *layer) judge(tree map[string]*pflag.Flag) error {
	for _, e := range l.entries {
		f, known := tree[e.key]
		switch {
		case e.key == keyCommandKey:
		case e.key == "access_key":
			return l.file.errorf(e.token, "take it out; gsbatch login, GSBATCH_ACCESS_KEY or access_key_file", "a key does not belong into a settings file")
		case e.key == "config":
			return l.file.errorf(e.token, "take it out", "a settings file cannot name another")
		case !known:
			return l.file.unknown(e, tree)
		default:
			if err := l.set(f, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// unknown is the error for a key that is no setting.
func (f *settingsFile) unknown(e entry, tree map[string]*pflag.Flag) error {
	names := []string{keyCommandKey, "profiles"}
	for name := range tree {
		names = append(names, name)
	}
	slices.Sort(names)
	mend := "see gsbatch help environment"
	if near := nearest(e.key, names); near != "" {
		mend = "did you mean " + near + "?"
	}
	return f.errorf(e.token, mend, "unknown setting %q", e.key)
}

// foreign refuses what a file in the working folder may not set: it may have
// come with the data, so it has no say in where records and keys go, whose
// certificates count, where this machine keeps its state, or what was agreed to.
func (f *settingsFile) foreign(user string) error {
	barred := []string{
		"base_url", "access_key", "access_key_file", keyCommandKey, "ca_file", "state", "config", "profile", "profiles",
		"proxy", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "yes", "no_input",
	}
	written := []string{"report_dir", "metrics_file", "output"}
	if len(f.profiles) > 0 {
		return usagef("put them into "+user, "%s: profiles may not be set by a file in the working folder, which may have come with the data", f.path)
	}
	for _, e := range f.entries {
		if slices.Contains(barred, e.key) {
			mend := "take it out; it may stand in " + user
			return f.errorf(e.token, mend, "%s may not be set by a file in the working folder, which may have come with the data", e.key)
		}
		if slices.Contains(written, e.key) && slices.ContainsFunc(e.values, outside) {
			return f.errorf(e.token, "name a place below the working folder", "%s: %q lies outside the working folder", e.key, strings.Join(e.values, ", "))
		}
	}
	return nil
}

// outside says whether a path leaves the working folder.
func outside(path string) bool { return !filepath.IsLocal(path) }

// at returns the place of e as file:line.
func (f *settingsFile) at(e entry) string { return fmt.Sprintf("%s:%d", f.path, e.token.Position.Line) }

// tenantConflict refuses two tenants named side by side; of --emulator and
// --base-url the one from the stronger source counts.
func (app *App) tenantConflict() error {
	if !app.general.emulator || app.general.baseURL == "" {
		return nil
	}
	real, embedded := app.settings.rank("base-url"), app.settings.rank("emulator")
	switch {
	case real == embedded:
		return usagef("keep one", "%s and %s name two tenants", app.settings.place("emulator"), app.settings.place("base-url"))
	case real > embedded:
		app.general.emulator = false
	}
	return nil
}

// treeFlags returns one flag of every name in the command tree, by its key in a file.
func treeFlags(root *cobra.Command) map[string]*pflag.Flag {
	flags := make(map[string]*pflag.Flag)
	keep := func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden && flags[keyName(f.Name)] == nil {
			flags[keyName(f.Name)] = f
		}
	}
	root.PersistentFlags().VisitAll(keep)
	for _, cmd := range allCommands(root) {
		cmd.LocalFlags().VisitAll(keep)
	}
	return flags
}

// allCommands returns root and every command below it.
func allCommands(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		all = append(all, allCommands(cmd)...)
	}
	return all
}

// sameFile says whether two names are one file.
func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errors.Join(errA, errB) == nil && os.SameFile(x, y)
}

// commandWords returns the program and arguments of e: a list as it stands, a
// text split at blanks. No shell takes part.
func commandWords(e entry) ([]string, error) {
	words := e.values
	if !e.list {
		words = strings.Fields(e.values[0])
		if strings.ContainsAny(e.values[0], `"'$|;&<>`+"`") {
			return nil, errors.New("quotes and shell characters are not understood")
		}
	}
	if len(words) == 0 {
		return nil, errors.New("no program")
	}
	return words, nil
}
