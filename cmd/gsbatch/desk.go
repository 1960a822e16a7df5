package main

import (
	"context"
	"errors"
	"os"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// desk is what a command that makes calls works with: the state folder, the
// tenant's shared state and the client behind the quota.
type desk struct {
	app    *App
	folder *checkpoint.Folder
	shared *checkpoint.Tenant
	quota  *checkpoint.Quota
	gate   *gainsight.Gate
	limits gainsight.Limits
	tenant *tenant
	wait   *waiting
}

// openDesk opens them; who names this process in the quota's books.
func openDesk(ctx context.Context, app *App, quota *quotaFlags, who string) (d *desk, err error) {
	d = &desk{app: app, wait: new(waiting)}
	if d.limits, err = quota.limits(app); err != nil {
		return nil, err
	}
	name, err := app.tenantName()
	if err != nil {
		return nil, err
	}
	dir, err := app.openState()
	if err != nil {
		return nil, err
	}
	if d.folder, err = checkpoint.Open(dir); err != nil {
		return nil, err
	}
	if d.shared, err = d.folder.Tenant(ctx, name); err != nil {
		return nil, err
	}
	d.quota = d.shared.Quota(caller(who, ""))
	d.gate = gainsight.NewGate(d.quota, d.limits)
	d.gate.Waiting, d.gate.Slowed = d.wait.set, d.slowed
	if d.tenant, err = app.openTenant(ctx, quota.client, d.gate, dir); err != nil {
		return nil, errors.Join(err, d.shared.Close())
	}
	return d, nil
}

// caller is this process in the quota's books.
func caller(command, run string) checkpoint.Caller {
	return checkpoint.Caller{Command: command, Run: run, Process: os.Getpid()}
}

// slowed tells that others use the quota too.
func (d *desk) slowed(calls int) {
	d.app.log.Warn("throttled by foreign traffic", "tenant", d.tenant.name, "calls", calls, "window", d.limits.Window)
	d.app.tell("the tenant refused a call for its quota, which somebody else uses too: going on with %d calls a %s, and a few more each %s after that\n",
		calls, shortDuration(d.limits.Window), shortDuration(d.limits.Window))
}

func (d *desk) close() error { return errors.Join(d.tenant.close(), d.shared.Close()) }

// countedGate is the gate for a command that makes a call or two and works
// without a state folder too: with one the calls stand in the quota's books.
// Call close in the end.
func (app *App) countedGate(ctx context.Context, quota *quotaFlags, dir, tenant, who string) (gate *gainsight.Gate, close func() error, err error) {
	limits, err := quota.limits(app)
	if err != nil {
		return nil, nil, err
	}
	if dir == "" {
		return nil, func() error { return nil }, nil
	}
	folder, err := checkpoint.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	shared, err := folder.Tenant(ctx, tenant)
	if err != nil {
		return nil, nil, err
	}
	return gainsight.NewGate(shared.Quota(caller(who, "")), limits), shared.Close, nil
}
