package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"gsbatch/emulator"
)

// serving is an emulated tenant that listens on loopback.
type serving struct {
	url    string
	key    string
	tenant *emulator.Tenant
	stop   context.CancelFunc
	ended  <-chan error // what Serve returned, once
}

// embedTenant serves the tenant that is kept in the state folder, in this
// process, on a port of its own.
func (app *App) embedTenant(state string) (*serving, error) {
	return app.serveTenant(emulator.Options{Dir: filepath.Join(state, "emulator")}, 0)
}

// serveTenant starts a tenant on a port of loopback; 0 is any free one. It
// outlives the first signal: calls that drain are still answered.
func (app *App) serveTenant(o emulator.Options, port int) (*serving, error) {
	if o.AccessKey == "" {
		o.AccessKey = emulator.DefaultAccessKey
	}
	t, err := emulator.New(o)
	if errors.Is(err, emulator.ErrInUse) {
		return nil, failf(exitLocked, "", "%w", err)
	}
	if err != nil {
		return nil, failf(exitNoWrite, "name another folder", "%w", err)
	}
	socket, err := emulator.Listen("127.0.0.1:" + strconv.Itoa(port))
	if err != nil {
		err = usagef("name another with --port, or leave it out for any free one", "%w", err)
		return nil, errors.Join(err, t.Close())
	}
	ctx, stop := context.WithCancel(app.hard)
	ended := make(chan error, 1)
	go func() { ended <- emulator.Serve(ctx, socket, t) }()
	return &serving{url: emulator.URL(socket), key: o.AccessKey, tenant: t, stop: stop, ended: ended}, nil
}

// readKey gives the tenant's key to a client.
func (s *serving) readKey(context.Context) (string, error) { return s.key, nil }

// close ends the tenant once the calls under way are answered.
func (s *serving) close() error {
	s.stop()
	return s.settle(<-s.ended)
}

// settle closes the tenant after its server ended with err.
func (s *serving) settle(err error) error {
	s.stop()
	if err := errors.Join(err, s.tenant.Close()); err != nil {
		return fmt.Errorf("embedded tenant: %w", err)
	}
	return nil
}
