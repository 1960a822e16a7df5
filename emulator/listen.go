package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Listen binds a TCP address of this machine only, such as 127.0.0.1:0,
// localhost:8080 or [::1]:8080; any other address is an error, for a tenant
// has a well-known key and a control endpoint.
func Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("emulator address %q: %w; want 127.0.0.1:PORT", addr, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("emulator address %q: the emulator serves this machine only; want 127.0.0.1:PORT or [::1]:PORT", addr)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("emulator address %q: %w", addr, err)
	}
	return l, nil
}

// URL returns the base URL of a listener of Listen.
func URL(l net.Listener) string { return "http://" + l.Addr().String() }

// Serve answers requests on l until ctx is done, then lets those on their way
// finish for up to 5 s, and closes l. It returns nil after such an end. The
// tenant stays open.
func Serve(ctx context.Context, l net.Listener, t *Tenant) error {
	server := &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})
	err := server.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("emulator: %w", err)
	}
	return <-stopped
}
