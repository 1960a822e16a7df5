package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/emulator"
	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// clientFlags are the flags of every command that talks to the tenant.
type clientFlags struct {
	timeout        time.Duration
	picklistMethod string
}

// add declares the flags on cmd.
func (c *clientFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.DurationVar(&c.timeout, "timeout", gainsight.DefaultTimeout, "longest `DURATION` of one call")
	addChoice(cmd, fs, &c.picklistMethod, "picklist-method", "auto", []string{"auto", http.MethodPost, http.MethodGet}, "HTTP method of the picklist call")
}

// tenant is the tenant that a command works with.
type tenant struct {
	*gainsight.Client
	// name identifies the tenant in the state folder: its normalized URL, or
	// "emulator" for the embedded one, whose port changes.
	name     string
	emulated bool
	key      string // where the access key came from; never the key
	stop     func() error
}

// embeddedName is the name of the embedded tenant.
const embeddedName = "emulator"

// close lets go of connections, and of the embedded tenant.
func (t *tenant) close() error {
	t.Close()
	if t.stop == nil {
		return nil
	}
	return t.stop()
}

// tenantName returns the name of the tenant that the settings choose, before
// anything is opened: the state folder is kept by it.
func (app *App) tenantName() (string, error) {
	if app.general.emulator {
		return embeddedName, nil
	}
	if app.general.baseURL == "" {
		return "", usagef("name it with --base-url, GSBATCH_BASE_URL or in the user's configuration, or try --emulator", "no tenant")
	}
	base, err := gainsight.NormalizeURL(app.general.baseURL)
	if err != nil {
		return "", usagef("", "%s: %w", app.settings.place("base-url"), err)
	}
	return base, nil
}

// openTenant returns the tenant that the settings choose, with gate as its
// quota; a nil gate counts nothing. The key is read here, so that a missing
// one is an error of configuration and no call is made. No call is made. state
// is the opened state folder; only the embedded tenant needs it. Close the tenant.
func (app *App) openTenant(ctx context.Context, flags clientFlags, gate *gainsight.Gate, state string) (*tenant, error) {
	name, err := app.tenantName()
	if err != nil {
		return nil, err
	}
	cfg := gainsight.Config{BaseURL: name, Gate: gate, Timeout: flags.timeout, UserAgent: "gsbatch/" + thisBuild().Version}
	if flags.picklistMethod != "auto" {
		cfg.PicklistMethod = flags.picklistMethod
	}
	t := &tenant{name: name}
	if name == embeddedName {
		served, err := app.embedTenant(state)
		if err != nil {
			return nil, err
		}
		app.emulated = true
		t.emulated, t.stop, t.key = true, served.close, "embedded tenant"
		cfg.BaseURL, cfg.Key = served.url, served.readKey
	} else if err := app.realTenant(ctx, t, &cfg); err != nil {
		return nil, err
	}
	if t.Client, err = gainsight.New(cfg); err != nil {
		return nil, usagef("", "%w", err)
	}
	return t, nil
}

// realTenant completes cfg for a tenant over the network.
func (app *App) realTenant(ctx context.Context, t *tenant, cfg *gainsight.Config) (err error) {
	if cfg.CAs, err = app.authorities(); err != nil {
		return err
	}
	src, err := app.accessKey(hostOf(t.name))
	if err != nil {
		return err
	}
	if _, err := src.read(ctx); err != nil {
		return err
	}
	t.key, cfg.Key = src.name, src.read
	return nil
}

// authorities returns the system's certificate authorities and those of
// --ca-file; nil without one.
func (app *App) authorities() (*x509.CertPool, error) {
	path := app.general.caFile
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("name a PEM file", "%s: %w", app.settings.place("ca-file"), err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any: the file alone counts
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, usagef("name a PEM file", "%s: no certificate in %s", app.settings.place("ca-file"), path)
	}
	return pool, nil
}

// hostOf returns the host, with its port, of a normalized URL.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Host
}

// packageReactions maps the errors of our packages to exit codes.
func packageReactions() []reaction {
	return []reaction{
		{exitRefused, "check the key with gsbatch doctor, put in a new one with gsbatch login, and ask the tenant's admin about allowed addresses",
			is(gainsight.ErrKeyRefused)},
		{exitStopped, "check --base-url with gsbatch doctor", is(gainsight.ErrWrongHost)},
		{exitRefused, "see gsbatch doctor", func(err error) bool {
			return errors.Is(err, gainsight.ErrFatal) && !errors.Is(err, gainsight.ErrWrongHost)
		}},
		{exitPaused, "", as[*gainsight.DayUsedError]},
		{exitPaused, "try again later; see gsbatch help quota", is(gainsight.ErrThrottled)},
		{exitStopped, "check the network and --base-url with gsbatch doctor", is(gainsight.ErrUnreachable)},
		{exitStopped, "try again later", is(gainsight.ErrInDoubt)},
		{exitLocked, "", is(emulator.ErrInUse)},
		{exitUsage, "", as[*readers.Error]},
		{exitUsage, "", as[*validate.MissingColumnError]},
		{exitUsage, "", as[*pipeline.StateError]},
		{exitUsage, "see the fields in --key, --select and --where, and the custom fields that the tenant has", refusedRead},
		{exitChanged, "plan the file again, or give --on-stale skip or overwrite", as[*pipeline.StaleError]},
		{exitUsage, "", as[*validate.ColumnError]},
		{exitLocked, "wait for it, or give --lock-timeout", as[*checkpoint.LockedError]},
		{exitNoWrite, "make the folder writable and make room, or name another with --state", as[*checkpoint.StorageError]},
		{exitNoWrite, "", as[*writers.Error]},
		{exitUsage, "see gsbatch runs list", is(checkpoint.ErrNoRun)},
		{exitUsage, "give more of its name", as[*checkpoint.AmbiguousError]},
		{exitUsage, "see results.csv for the rows there are", is(checkpoint.ErrNoRow)},
	}
}

// refusedRead says that the tenant refused what a fetch asked for.
func refusedRead(err error) bool {
	failed, ok := errors.AsType[*gainsight.Error](err)
	return ok && failed.Answer.Verdict == gainsight.Rejected
}
