package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/zalando/go-keyring"
	"golang.org/x/term"

	"gsbatch/gainsight"
)

func newLogin(app *App) *cobra.Command {
	var quota quotaFlags
	cmd := &cobra.Command{
		Use:     "login",
		Short:   "Put the access key into the system keyring",
		GroupID: groupSetup,
		Long: `Put the access key of the tenant that --base-url names into the system keyring.
The key is asked for, or read from standard input, and tried at once.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // it may be the key: not repeated
				return usagef("type the key when asked, or pipe it in; on the command line others can see it", "login: unexpected argument")
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return runLogin(app, &quota) },
	}
	quota.add(cmd)
	return cmd
}

func newLogout(app *App) *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Short:   "Take the access key out of the system keyring",
		GroupID: groupSetup,
		Args:    takes(0, 0),
		RunE:    func(*cobra.Command, []string) error { return runLogout(app) },
	}
}

// loggedIn is the JSON object of login and logout.
type loggedIn struct {
	Host   string `json:"host"`
	Stored bool   `json:"stored"`
}

// runLogin tries the key before it stores it: a keyring holds no key that
// never worked.
func runLogin(app *App, quota *quotaFlags) error {
	name, host, err := app.loginHost()
	if err != nil {
		return err
	}
	text, err := app.readSecret("Access key for " + host + ": ")
	if err != nil {
		return err
	}
	key, err := cleanKey(text)
	if err != nil {
		return usagef("paste it, or pipe it in", "login: %w", err)
	}
	app.hide(key)
	if err := tryKey(app, quota, name, key); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	err = app.keyring(app.stop, func() error { return keyring.Set(keyringService, host, key) })
	if err != nil {
		return failf(exitUnexpected, "keep it in GSBATCH_ACCESS_KEY or --access-key-file instead", "the key works, but was not stored: %w", err)
	}
	if app.general.json {
		return app.emit(loggedIn{host, true})
	}
	app.tell("The key works and is in the keyring for %s.\n", host)
	return nil
}

// runLogout removes the key; where there is none, that is as it should be.
func runLogout(app *App) error {
	_, host, err := app.loginHost()
	if err != nil {
		return err
	}
	err = app.keyring(app.stop, func() error { return keyring.Delete(keyringService, host) })
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return failf(exitUnexpected, "", "logout: %w", err)
	}
	if app.general.json {
		return app.emit(loggedIn{host, false})
	}
	app.tell("The keyring holds no key for %s.\n", host)
	return nil
}

// loginHost returns the tenant's URL and the host that keys are stored under.
func (app *App) loginHost() (name, host string, err error) {
	if name, err = app.tenantName(); err != nil {
		return "", "", err
	}
	if name == embeddedName {
		return "", "", usagef("leave --emulator out, or login out", "the embedded tenant needs no key")
	}
	return name, hostOf(name), nil
}

// tryKey makes the cheapest calls that need the key. They are counted where
// there is a state folder to count them in.
func tryKey(app *App, quota *quotaFlags, name, key string) (err error) {
	cas, err := app.authorities()
	if err != nil {
		return err
	}
	state, err := app.openState()
	if err != nil {
		app.log.Warn("login: the calls are not counted", "error", err)
	}
	gate, free, err := app.countedGate(app.stop, quota, state, name, "login")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, free()) }()
	flags := quota.client
	cfg := gainsight.Config{BaseURL: name, Gate: gate, Timeout: flags.timeout, CAs: cas, UserAgent: "gsbatch/" + thisBuild().Version,
		Key: func(context.Context) (string, error) { return key, nil }}
	if flags.picklistMethod != "auto" {
		cfg.PicklistMethod = flags.picklistMethod
	}
	client, err := gainsight.New(cfg)
	if err != nil {
		return usagef("", "%w", err)
	}
	defer client.Close()
	_, err = client.Picklists(app.stop)
	return err
}

// readSecret reads one line from stdin, without echo on a terminal.
func (app *App) readSecret(prompt string) (string, error) {
	tty, ok := app.stdin.(*os.File)
	if !app.inTTY || !ok {
		text, err := bufio.NewReader(io.LimitReader(app.stdin, longestKey+2)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", usagef("pipe the key in", "standard input: %w", err)
		}
		return text, nil
	}
	if app.general.noInput {
		return "", usagef("pipe the key in, or leave --no-input out", "login: nobody may be asked")
	}
	return app.askSecret(tty, prompt)
}

// askSecret asks on a terminal. A signal meanwhile gives the terminal its echo back.
func (app *App) askSecret(tty *os.File, prompt string) (string, error) {
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return "", usagef("pipe the key in", "terminal: %w", err)
	}
	app.tell("%s ", oneLine(prompt))
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(int(tty.Fd()))
		answers <- answer{text, err}
	}()
	defer app.tell("\n")
	select {
	case a := <-answers:
		if a.err != nil {
			return "", usagef("pipe the key in", "terminal: %w", a.err)
		}
		return string(a.text), nil
	case <-app.stop.Done():
		return "", errors.Join(context.Cause(app.stop), term.Restore(int(tty.Fd()), before))
	}
}
