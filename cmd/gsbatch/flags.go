package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// general are the flags that every command takes.
type general struct {
	json, quiet, noInput, yes, emulator bool
	progress, logFormat, logLevel       string
	config, profile, state              string
	baseURL, accessKeyFile, caFile      string
	lockTimeout, grace                  time.Duration
}

// add declares the general flags on the root command.
func (g *general) add(root *cobra.Command) {
	fs := root.PersistentFlags()
	fs.BoolVar(&g.json, "json", false, "print one JSON object on stdout")
	fs.BoolVarP(&g.quiet, "quiet", "q", false, "print only errors and what was asked for")
	fs.BoolVar(&g.noInput, "no-input", false, "never ask")
	fs.BoolVarP(&g.yes, "yes", "y", false, "go on without being asked")
	addChoice(root, fs, &g.progress, "progress", "auto", []string{"auto", "bar", "plain", "json", "none"}, "how to show progress on stderr")
	addChoice(root, fs, &g.logFormat, "log-format", "text", []string{"text", "json"}, "form of the log on stderr")
	addChoice(root, fs, &g.logLevel, "log-level", "warn", []string{"debug", "info", "warn", "error"}, "least level to log")
	fs.StringVar(&g.config, "config", "", "configuration `FILE` of the user (default: gsbatch/config.yaml in the XDG configuration folder)")
	fs.StringVar(&g.profile, "profile", "", "take settings from the profile `NAME` of the user's configuration")
	fs.StringVar(&g.state, "state", "", "keep runs and quota in `DIR` (default: gsbatch in the XDG state folder)")
	fs.StringVar(&g.baseURL, "base-url", "", "the `TENANT`: its name, host or URL")
	fs.StringVar(&g.accessKeyFile, "access-key-file", "", "read the access key from `FILE`")
	fs.StringVar(&g.caFile, "ca-file", "", "trust the certificates in `FILE` (PEM) as well")
	fs.BoolVar(&g.emulator, "emulator", false, "use the embedded tenant, kept in the state folder; no key needed")
	fs.DurationVar(&g.lockTimeout, "lock-timeout", 0, "how long to wait for another process that holds the run")
	fs.DurationVar(&g.grace, "grace", 20*time.Second, "how long a stop waits for calls in flight")
}

// badValue is why a value of one of our flag types was refused.
type badValue struct{ why string }

func (e *badValue) Error() string { return e.why }

// choice is a flag that takes one of a few words.
type choice struct {
	value   *string
	allowed []string
}

// addChoice declares a flag out of allowed on fs, with its completion.
func addChoice(cmd *cobra.Command, fs *pflag.FlagSet, p *string, name, preset string, allowed []string, usage string) {
	*p = preset
	fs.Var(&choice{value: p, allowed: allowed}, name, usage)
	// The only error is a flag that is not there, and it is.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		if near := nearest(s, c.allowed); near != "" {
			return &badValue{fmt.Sprintf("not one of %s; closest: %s", strings.Join(c.allowed, ", "), near)}
		}
		return &badValue{"not one of " + strings.Join(c.allowed, ", ")}
	}
	*c.value = s
	return nil
}

// rate is so many calls in a window; the zero rate is no limit.
type rate struct {
	calls  int
	window time.Duration
}

func (r *rate) String() string {
	if r.calls == 0 {
		return "0"
	}
	return strconv.Itoa(r.calls) + "/" + shortDuration(r.window)
}

func (r *rate) Type() string { return "N/DURATION" }

func (r *rate) Set(s string) error {
	if s == "0" {
		*r = rate{}
		return nil
	}
	count, per, ok := strings.Cut(s, "/")
	calls, err := strconv.Atoi(strings.TrimSpace(count))
	if !ok || err != nil || calls < 1 {
		return &badValue{"not a number of calls and a duration, like 100/1m, or 0 for no limit"}
	}
	window, err := time.ParseDuration(strings.TrimSpace(per))
	if err != nil || window <= 0 {
		return &badValue{"the duration after / is not one like 1m or 2s"}
	}
	*r = rate{calls: calls, window: window}
	return nil
}

// shortDuration is d without parts that are zero: 1m, not 1m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// percent is a share between 0 and 100 %.
type percent float64

func (p *percent) String() string { return strconv.FormatFloat(float64(*p), 'f', -1, 64) + "%" }

func (p *percent) Type() string { return "N%" }

func (p *percent) Set(s string) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "%"), 64)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(s), "%") || !(n >= 0 && n <= 100) {
		return &badValue{"not a share between 0% and 100%"}
	}
	*p = percent(n)
	return nil
}
