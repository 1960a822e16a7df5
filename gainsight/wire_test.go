package gainsight

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rawServer accepts on loopback and hands each connection to handle, then closes it.
func rawServer(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

// witness counts, independently of the client, the bytes that the kernel took,
// and cuts the connection after limit of them.
type witness struct {
	net.Conn
	took  *atomic.Int64
	limit int64 // -1: none
}

func (w *witness) Write(p []byte) (int, error) {
	if left := w.limit - w.took.Load(); w.limit >= 0 && int64(len(p)) > left {
		n, _ := w.Conn.Write(p[:left])
		w.took.Add(int64(n))
		_ = w.Close()
		return n, errors.New("write: broken pipe")
	}
	n, err := w.Conn.Write(p)
	w.took.Add(int64(n))
	return n, err
}

func witnessed(t testing.TB, base string, took *atomic.Int64, limit int64) *Client {
	t.Helper()
	c, err := New(Config{BaseURL: base, Key: fixedKey, Timeout: 10 * time.Second,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &witness{conn, took, limit}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var cutItem = []byte(`{"record":{"Name":"a"}}`)

// fullRequest is what one create puts on the wire.
func fullRequest(t testing.TB) []byte {
	t.Helper()
	var request []byte
	base := rawServer(t, func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, writerFunc(func(p []byte) { request = append(request, p...) }))))
		if err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	})
	c := newTestClient(t, base, nil)
	c.CreateGoal(t.Context(), nil, cutItem, nil)
	c.Close()
	return request
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// inParallel calls f for 0 … n-1 from a few goroutines.
func inParallel(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// TestRequestCutAtEveryByte: the sending side breaks after n bytes, and the
// receiving side closes after having read n bytes.
func TestRequestCutAtEveryByte(t *testing.T) {
	size := len(fullRequest(t))
	accept := rawServer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	var hits [3]atomic.Int64
	inParallel(size, func(n int) {
		var took atomic.Int64
		c := witnessed(t, accept, &took, int64(n))
		defer c.Close()
		ans := c.CreateGoal(t.Context(), nil, cutItem, nil)
		if want := verdictOf(n > 0); ans.Verdict != want || took.Load() != int64(n) {
			t.Errorf("broken after %d bytes: %v, want %v (%v)", n, ans.Verdict, want, ans.Err)
		}
	})
	inParallel(size, func(n int) {
		base := rawServer(t, func(conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, n))
			_ = conn.(*net.TCPConn).SetLinger(n % 2 * -1) // with RST or FIN
		})
		var took atomic.Int64
		c := witnessed(t, base, &took, -1)
		defer c.Close()
		ans := c.CreateGoal(t.Context(), nil, cutItem, nil)
		if want := verdictOf(took.Load() > 0); ans.Verdict != want {
			t.Errorf("closed after %d bytes, %d left: %v, want %v (%v)", n, took.Load(), ans.Verdict, want, ans.Err)
		}
		hits[min(took.Load(), 1)].Add(1)
		mustHideKey(t, ans)
	})
	t.Logf("promise R3: a request of %d bytes cut by either side after each of them: %d cuts, all rightly classified", size, 2*size)
	t.Logf("closed by the peer: %d times nothing had left", hits[0].Load())
}

func verdictOf(left bool) Verdict {
	if left {
		return InDoubt
	}
	return NotSent
}

// TestAnswerCutAtEveryByte: done if and only if the whole JSON object arrived.
func TestAnswerCutAtEveryByte(t *testing.T) {
	cuts := 0
	for _, tt := range []struct{ name, head, tail string }{
		{"length", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(createdBody)), ""},
		{"chunked", fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", len(createdBody)), "\r\n0\r\n\r\n"},
		{"until close", "HTTP/1.0 200 OK\r\n\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := tt.head + createdBody + tt.tail
			var cut atomic.Int64
			base := rawServer(t, func(conn net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				n := int(cut.Add(1) - 1)
				_, _ = io.WriteString(conn, answer[:n])
			})
			c := newTestClient(t, base, nil)
			whole := len(tt.head) + len(createdBody)
			for n := range len(answer) + 1 {
				want := InDoubt
				if n >= whole {
					want = Done
				}
				cuts++
				if ans := c.CreateGoal(t.Context(), nil, cutItem, nil); ans.Verdict != want {
					t.Fatalf("cut after %d of %d bytes: %v, want %v: %v", n, len(answer), ans.Verdict, want, ans.Err)
				}
			}
		})
	}
	t.Logf("promise R3: answers in three framings cut after each byte: %d cuts, all rightly classified", cuts)
}

// TestTLSHandshakeCut: bytes of a handshake are not bytes of the request.
func TestTLSHandshakeCut(t *testing.T) {
	s := quietTLSServer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, createdBody) })
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	var handshake atomic.Int64
	dial := func(limit int64, took *atomic.Int64) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
			if err != nil {
				return nil, err
			}
			return &witness{conn, took, limit}, nil
		}
	}
	for _, limit := range []int64{-1, 0, 1, 100, 200} {
		var took atomic.Int64
		c := newTestClient(t, s.URL, func(cfg *Config) { cfg.CAs, cfg.Dial = pool, dial(limit, &took) })
		ans := c.CreateGoal(t.Context(), nil, cutItem, nil)
		want := NotSent
		if limit < 0 {
			want = Done
			handshake.Store(took.Load())
		}
		if ans.Verdict != want {
			t.Errorf("handshake cut after %d bytes: %v, want %v (%v)", limit, ans.Verdict, want, ans.Err)
		}
		c.Close()
	}
	// The last record is the request: cut within it.
	var took atomic.Int64
	c := newTestClient(t, s.URL, func(cfg *Config) { cfg.CAs, cfg.Dial = pool, dial(handshake.Load()-5, &took) })
	if ans := c.CreateGoal(t.Context(), nil, cutItem, nil); ans.Verdict != InDoubt {
		t.Errorf("request cut under TLS: %v (%v)", ans.Verdict, ans.Err)
	}
}

// TestSilentPeers: refused, not resolved, and connected but dumb before TLS.
func TestSilentPeers(t *testing.T) {
	dumb := rawServer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	for name, base := range map[string]string{
		"refused":       "http://" + closed,
		"hung TLS":      strings.Replace(dumb, "http:", "https:", 1),
		"unknown host":  "https://no-such-host.invalid",
		"answer hangs ": dumb,
	} {
		c := newTestClient(t, base, func(cfg *Config) { cfg.Timeout = 200 * time.Millisecond })
		want := NotSent
		if base == dumb {
			want = InDoubt
		}
		if ans := c.CreateGoal(t.Context(), nil, cutItem, nil); ans.Verdict != want {
			t.Errorf("%s: %v, want %v (%v)", name, ans.Verdict, want, ans.Err)
		}
		c.Close()
	}
}

// TestNoSilentRepeat: a server that takes requests on a kept connection and
// drops it without an answer sees each of them once.
func TestNoSilentRepeat(t *testing.T) {
	var seen sync.Map
	var requests atomic.Int64
	base := rawServer(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for served := 0; ; served++ {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(r.Body)
			requests.Add(1)
			if _, twice := seen.LoadOrStore(string(body), true); twice {
				t.Errorf("repeated: %s", body)
			}
			if served == 2 {
				return
			}
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(createdBody), createdBody)
		}
	})
	c := newTestClient(t, base, nil)
	count := map[Verdict]int{}
	for i := range 300 {
		ans := c.CreateGoal(t.Context(), nil, fmt.Appendf(nil, `{"record":{"Name":"%d"}}`, i), nil)
		count[ans.Verdict]++
	}
	if count[Done] != 200 || count[InDoubt] != 100 || requests.Load() != 300 {
		t.Errorf("verdicts %v of %d requests, want 200 done and 100 in doubt of 300", count, requests.Load())
	}
}

func TestIdleConnectionsServeManyWorkers(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, createdBody) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := newTestClient(t, s.URL, nil)
	defer c.Close()
	inParallel(400, func(int) {
		if ans := c.CreateGoal(t.Context(), nil, cutItem, nil); ans.Verdict != Done {
			t.Error(ans)
		}
	})
	if opened.Load() > 64 {
		t.Errorf("%d connections for 8 workers", opened.Load())
	}
}

// TestOneWriteForASmallRequest: headers and body leave together.
func TestOneWriteForASmallRequest(t *testing.T) {
	var writes atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, createdBody) })
	c := newTestClient(t, s.URL, func(cfg *Config) {
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return &countedWrites{conn, &writes}, err
		}
	})
	c.CreateGoal(t.Context(), nil, bytes.Repeat([]byte(" "), 5000), nil)
	if writes.Load() != 1 {
		t.Errorf("%d writes, want 1", writes.Load())
	}
}

type countedWrites struct {
	net.Conn
	writes *atomic.Int64
}

func (c *countedWrites) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}
