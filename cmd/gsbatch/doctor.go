package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gsbatch/gainsight"
)

// When doctor is content.
const (
	mostSkew    = 10 * time.Second
	littleDisk  = 1 << 30
	noDisk      = 64 << 20
	hostTimeout = 10 * time.Second
)

// The statuses of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "FAIL"
)

// check is what doctor found out about one thing.
type check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
	code   int
}

// setting is one flag that does not stand at its default.
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// examination is all that doctor finds out.
type examination struct {
	Checks   []check   `json:"checks"`
	Settings []setting `json:"settings"`
	ExitCode int       `json:"exit_code"`
}

// doctor makes the checks, in the order of the report.
type doctor struct {
	app   *App
	quota quotaFlags
	found examination
}

func newDoctor(app *App) *cobra.Command {
	d := &doctor{app: app}
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check key, host, clock, picklists, state folder and settings",
		GroupID: groupSetup,
		Long: `Check what a run depends on, one line each, with what to do about it: settings and
where each came from, the state folder, the tenant's host, this machine's clock,
the access key and the picklists. Makes three calls at most; writes nothing to the tenant.`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.found.Settings = app.settingsInForce(cmd)
			return d.run()
		},
	}
	d.quota.add(cmd)
	return cmd
}

// run makes the checks and leaves with the worst of their exit codes.
func (d *doctor) run() error {
	d.settings()
	state := d.state()
	d.tenant(state)
	codes := []int{}
	for _, c := range d.found.Checks {
		codes = append(codes, c.code)
	}
	d.found.ExitCode = worst(codes...)
	if err := d.print(); err != nil {
		return err
	}
	if err := context.Cause(d.app.stop); err != nil {
		return err
	}
	return leave(d.found.ExitCode)
}

func (d *doctor) ok(name, format string, args ...any) {
	d.found.Checks = append(d.found.Checks, check{Name: name, Status: checkOK, Detail: oneLine(fmt.Sprintf(format, args...))})
}

func (d *doctor) warn(name, mend, format string, args ...any) {
	d.found.Checks = append(d.found.Checks, check{Name: name, Status: checkWarn, Mend: mend, Detail: oneLine(fmt.Sprintf(format, args...))})
}

// fail notes an error with the exit code and the mend that it would have.
func (d *doctor) fail(name string, err error) {
	code, mend := d.app.exitFor(err)
	text := err.Error()
	if f, ok := errors.AsType[*failure](err); ok && f.mend != "" {
		text, mend = strings.TrimSuffix(text, "; "+f.mend), f.mend
	}
	d.found.Checks = append(d.found.Checks, check{Name: name, Status: checkFail, Mend: mend, Detail: oneLine(d.app.secrets.redact(text)), code: code})
}

// settings says which files settings came from; what is wrong in them ended
// the program already.
func (d *doctor) settings() {
	var files []string
	for _, path := range []string{folderFile, d.app.settings.userFile} {
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
		}
	}
	if len(files) == 0 {
		d.ok("settings", "no file; the user's would be %s", d.app.settings.userFile)
		return
	}
	d.ok("settings", "%s", strings.Join(files, ", "))
}

// state checks the state folder and returns it, "" where there is none.
func (d *doctor) state() string {
	path, err := d.app.openState()
	if err != nil {
		d.fail("state", err)
		return ""
	}
	kind := fileSystem(path)
	free, known := freeBytes(path)
	room := ""
	if known {
		room = fmt.Sprintf(", %.1f GB free", float64(free)/(1<<30))
	}
	switch {
	case known && free < noDisk:
		d.fail("state", failf(exitNoWrite, "free some space, or name another folder with --state", "%s: the disk is full%s", path, room))
	case volatile(kind):
		d.warn("state", "name a folder on a disk with --state", "%s: on %s, and may vanish with its host%s", path, kind, room)
	case kind == "nfs":
		d.warn("state", "name a folder on a local disk with --state", "%s: on a network file system, whose locks are not always kept%s", path, room)
	case known && free < littleDisk:
		d.warn("state", "free some space", "%s%s", path, room)
	default:
		d.ok("state", "%s%s", path, room)
	}
	return path
}

// tenant checks host, clock, key and picklists, as far as each lets the next.
func (d *doctor) tenant(state string) {
	name, err := d.app.tenantName()
	if err != nil {
		d.fail("host", err)
		return
	}
	if name == embeddedName && state == "" {
		d.warn("host", "mend the state folder first", "the embedded tenant was not tried")
		return
	}
	if name != embeddedName {
		d.host(name)
	}
	gate, free, err := d.app.countedGate(d.app.stop, &d.quota, state, name, "doctor")
	if err != nil {
		d.fail("quota", err)
		return
	}
	defer func() {
		if err := free(); err != nil {
			d.fail("quota", err)
		}
	}()
	t, err := d.app.openTenant(d.app.stop, d.quota.client, gate, state)
	if err != nil {
		d.fail("key", err)
		return
	}
	if t.emulated {
		d.host(t.BaseURL())
	}
	lists, err := t.Picklists(d.app.stop)
	if errors.Is(err, gainsight.ErrKeyRefused) {
		d.fail("key", err)
		return
	}
	d.ok("key", "from %s", t.key)
	if err != nil {
		d.fail("picklists", err)
	} else {
		d.picklists(lists)
	}
	if err := t.close(); err != nil {
		d.fail("tenant", err)
	}
}

// host asks the host for anything, without the key, and compares clocks.
func (d *doctor) host(base string) {
	cas, err := d.app.authorities()
	if err != nil {
		d.fail("host", err)
		return
	}
	ctx, cancel := context.WithTimeout(d.app.stop, hostTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, base+"/", nil)
	if err != nil {
		d.fail("host", usagef("check --base-url", "%w", err))
		return
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: cas}, DisableKeepAlives: true}
	before := d.app.now()
	resp, err := transport.RoundTrip(req) // follows no redirect
	if err != nil {
		d.fail("host", failf(exitStopped, "check the network, the proxy variables and --base-url", "%s: %w", base, err))
		return
	}
	_ = resp.Body.Close() // a HEAD has none
	d.ok("host", "%s", base)
	d.clock(resp.Header.Get("Date"), before, d.app.now())
}

// clock compares this machine's clock with the server's, which is told to the second.
func (d *doctor) clock(date string, before, after time.Time) {
	server, err := http.ParseTime(date)
	if err != nil {
		d.warn("clock", "check it by hand", "the server does not tell the time")
		return
	}
	middle := before.Add(after.Sub(before) / 2)
	skew := middle.Sub(server.Add(500 * time.Millisecond)).Round(time.Second)
	switch {
	case skew > mostSkew:
		d.warn("clock", "set this machine's clock (NTP)", "%v ahead of the server", skew)
	case skew < -mostSkew:
		d.warn("clock", "set this machine's clock (NTP)", "%v behind the server", -skew)
	default:
		d.ok("clock", "agrees with the server's")
	}
}

func (d *doctor) picklists(lists *gainsight.Picklists) {
	detail := fmt.Sprintf("%d goal types, %d statuses, %d metrics", len(lists.GoalTypes), len(lists.Statuses), len(lists.Metrics))
	if len(lists.Statuses) == 0 {
		d.warn("picklists", "ask the tenant's admin: goals cannot be created without a status", "%s", detail)
		return
	}
	d.ok("picklists", "%s", detail)
}

// print writes the report to stdout.
func (d *doctor) print() error {
	if d.app.general.json {
		return d.app.emit(d.found)
	}
	var text strings.Builder
	for _, c := range d.found.Checks {
		line := fmt.Sprintf("%-4s  %-9s  %s", c.Status, c.Name, c.Detail)
		if c.Mend != "" {
			line += "; " + c.Mend
		}
		text.WriteString(line + "\n")
	}
	if len(d.found.Settings) > 0 {
		text.WriteString("\n")
	}
	for _, s := range d.found.Settings {
		fmt.Fprintf(&text, "%s = %s  (%s)\n", s.Name, oneLine(s.Value), s.Source)
	}
	_, err := fmt.Fprint(d.app.stdout, d.app.secrets.redact(text.String()))
	return err
}

// settingsInForce lists the flags that do not stand at their default, and
// where the access key may come from besides.
func (app *App) settingsInForce(cmd *cobra.Command) []setting {
	list := []setting{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if app.settings.rank(f.Name) == fromDefault {
			return
		}
		value := f.Value.String()
		if strings.Contains(value, "@") && f.Name == "base-url" {
			value = redacted // a password stands before the @
		}
		list = append(list, setting{keyName(f.Name), value, app.settings.place(f.Name)})
	})
	if words := app.settings.keyCommand; words != nil {
		list = append(list, setting{keyCommandKey, words[0], app.settings.place(keyCommandKey)})
	}
	return list
}
