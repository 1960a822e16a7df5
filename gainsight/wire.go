package gainsight

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Settings of the transport. Connections are given up sooner than servers and
// load balancers usually do: a request on a connection that the server closes
// at that moment ends in doubt.
const (
	idleTimeout      = 5 * time.Second
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleConnections  = 256
	wireBuffer       = 16 << 10
	maxHeader        = 64 << 10
)

// newTransport builds the one transport of a client. It speaks HTTP/1.1 alone,
// because over HTTP/2 net/http repeats requests that a server refused.
func newTransport(cfg Config) *http.Transport {
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &wire{Conn: conn}, nil
		},
		TLSClientConfig:        &tls.Config{RootCAs: cfg.CAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		WriteBufferSize:        wireBuffer,
		ReadBufferSize:         wireBuffer,
		Protocols:              protocols,
	}
}

// wire is a connection that counts the bytes handed to the kernel. A Write in
// progress counts in full before it starts, so that the count is never behind.
type wire struct {
	net.Conn
	sent   atomic.Int64
	sealed atomic.Bool
}

// Write counts, then writes. On a sealed connection nothing leaves.
func (w *wire) Write(p []byte) (int, error) {
	w.sent.Add(int64(len(p)))
	if w.sealed.Load() {
		w.sent.Add(-int64(len(p)))
		return 0, net.ErrClosed
	}
	n, err := w.Conn.Write(p)
	if n < len(p) {
		w.sent.Add(int64(n - len(p)))
	}
	return n, err
}

// trail follows one request to the connection that carried it.
type trail struct {
	trace httptrace.ClientTrace
	wire  *wire
	start int64 // bytes that had left when the connection was handed over: a TLS handshake, earlier requests
	moved bool  // a byte left on a connection before this one, or one that cannot be counted
}

func (t *trail) follow(ctx context.Context) context.Context {
	t.trace.GotConn = t.got
	return httptrace.WithClientTrace(ctx, &t.trace)
}

// got is called by the goroutine in RoundTrip, after a TLS handshake and before the request is written.
func (t *trail) got(info httptrace.GotConnInfo) {
	t.moved = t.left()
	t.wire = unwrap(info.Conn)
	if t.wire == nil {
		t.moved = true
		return
	}
	t.start = t.wire.sent.Load()
}

// left reports whether a byte of the request can have left. It is asked after
// a failed RoundTrip, whose connection is of no more use: it is sealed first,
// so that a write that has not begun by now never will.
func (t *trail) left() bool {
	if t.wire == nil || t.moved {
		return t.moved
	}
	t.wire.sealed.Store(true)
	return t.wire.sent.Load() != t.start
}

// unwrap finds the counting connection below TLS, nil if there is none.
func unwrap(conn net.Conn) *wire {
	for {
		switch c := conn.(type) {
		case *wire:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}
