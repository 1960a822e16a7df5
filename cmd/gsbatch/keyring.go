package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

// keyringService is the name under which keys are stored, one a host.
const keyringService = "gsbatch"

// keyringSource reads the key that login stored for a host.
func (app *App) keyringSource(host string) keySource {
	return keySource{"keyring", func(ctx context.Context) (string, error) {
		var key string
		err := app.keyring(ctx, func() (err error) {
			key, err = keyring.Get(keyringService, host)
			return err
		})
		switch {
		case errors.Is(err, keyring.ErrNotFound):
			return "", usagef("gsbatch login, or set GSBATCH_ACCESS_KEY or --access-key-file", "no access key for %s", host)
		case err != nil:
			return "", usagef("set GSBATCH_ACCESS_KEY or --access-key-file", "no access key for %s: %w", host, err)
		}
		return key, nil
	}}
}

// keyring does what touches the system keyring, which may ask a person to
// unlock it, or hang on a bus where nobody answers.
func (app *App) keyring(ctx context.Context, touch func() error) error {
	patience := 3 * time.Second
	if app.attended() {
		patience = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- touch() }()
	select {
	case err := <-done:
		if err != nil && !errors.Is(err, keyring.ErrNotFound) {
			return fmt.Errorf("no system keyring: %w", err)
		}
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("no system keyring: no answer within %v", patience)
		}
		return context.Cause(ctx)
	}
}
