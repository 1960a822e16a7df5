// Package gainsight is a client of the Customer Goals API: requests, paging, quota gate, verdicts, typed errors.
//
// A Client makes one call at a time and answers with an Answer, whose Verdict
// was decided by one function, Judge; nothing else looks at status codes. What
// Judge is told is two facts that the client gathers itself: whether a byte of
// the request left this machine (a counter on the connection) and what arrived.
// A write is not repeated on its own account: what may be repeated is the
// caller's decision, taken from the verdict. Reads repeat transient failures a
// few times. The Gate hands out the slots of the tenant's quota from a Ledger
// that all processes share; every call, reads included, holds a Slot from
// before it is sent until its response arrived. Item and Lookup give the bytes
// of a request; Picklists and Goal are what reads bring back. ParseWhere reads
// a filter that people write, for the conditions of a Query.
package gainsight

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Config.
const (
	DefaultTimeout = 30 * time.Second
	DefaultMaxBody = 8 << 20
)

// Config is what New needs. BaseURL and Key are required.
type Config struct {
	// BaseURL is a tenant's name, host or URL, as NormalizeURL takes it.
	BaseURL string
	// Key gives the access key. It is called at the first call, its result is
	// kept, and it is called once more for each key that was answered with 401.
	Key func(ctx context.Context) (string, error)
	// Gate is the tenant's quota; nil: none.
	Gate *Gate
	// Timeout bounds one call from connection to the last byte of its answer.
	Timeout time.Duration
	// CAs are the certificate authorities to trust; nil: the system's.
	CAs *x509.CertPool
	// Dial replaces the dialer; nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// PicklistMethod is GET or POST; "": POST, and GET after a 404 or 405. The
	// specification leaves the method blank.
	PicklistMethod string
	// MaxBody bounds the bytes of one answer, after decompression.
	MaxBody int64
	// UserAgent names the program to the server; "": gsbatch.
	UserAgent string
}

// Client makes calls of the Customer Goals API. It is safe for concurrent use.
type Client struct {
	base      string
	transport *http.Transport
	keys      *keyring
	gate      *Gate
	timeout   time.Duration
	maxBody   int64
	buffers   sync.Pool // *[]byte: bodies of answers to writes

	create    endpoint
	update    endpoint
	goals     endpoint // fetches of goals
	templates endpoint // and of goal templates
	picklist  endpoint
	latest    atomic.Int64 // the largest server time seen, epoch milliseconds
	byGet     atomic.Bool  // the picklist endpoint is asked with GET
	probe     bool         // and may be tried with GET after a 404 or 405
}

// endpoint is where a call goes; its URL is shared by all requests and never changed.
type endpoint struct {
	name   string // in Calls
	op     string
	method string
	url    *url.URL
	made   *atomic.Int64
}

// New returns a client, or an error that names the setting and how to mend it.
// It makes no call and does not read the key.
func New(cfg Config) (*Client, error) {
	base, err := NormalizeURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Key == nil {
		return nil, errors.New("access key: no source is set; give one in Config.Key")
	}
	switch cfg.PicklistMethod {
	case "", http.MethodGet, http.MethodPost:
	default:
		return nil, fmt.Errorf("picklist method %q: is not GET or POST; leave it out to try both", cfg.PicklistMethod)
	}
	c := &Client{
		base:      base,
		transport: newTransport(cfg),
		keys:      newKeyring(cfg.Key, cfg.UserAgent),
		gate:      cfg.Gate,
		timeout:   cfg.Timeout,
		maxBody:   cfg.MaxBody,
		probe:     cfg.PicklistMethod == "",
	}
	if c.gate == nil {
		c.gate = NewGate(nil, Limits{})
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	if c.maxBody <= 0 {
		c.maxBody = DefaultMaxBody
	}
	c.byGet.Store(cfg.PicklistMethod == http.MethodGet)
	return c, c.route()
}

// route parses the URLs of the endpoints once.
func (c *Client) route() error {
	for _, r := range []struct {
		at                     *endpoint
		name, op, method, path string
	}{
		{&c.create, "goals.create", "create goal", http.MethodPost, "/v1/csgoal/external/create"},
		{&c.update, "goals.update", "update goal", http.MethodPut, "/v1/csgoal/external/update"},
		{&c.goals, "goals.fetch", "fetch goals", http.MethodPost, "/v1/csgoal/external/fetch"},
		{&c.templates, "templates.fetch", "fetch templates", http.MethodPost, "/v1/csgoal/external/template/fetch"},
		{&c.picklist, "picklists", "fetch picklists", http.MethodPost, "/v1/csgoal/external/admin/picklist"},
	} {
		u, err := url.Parse(c.base + r.path)
		if err != nil {
			return fmt.Errorf("base URL %q: %w", c.base, err)
		}
		*r.at = endpoint{name: r.name, op: r.op, method: r.method, url: u, made: new(atomic.Int64)}
	}
	return nil
}

// BaseURL returns the normalized URL of the tenant.
func (c *Client) BaseURL() string { return c.base }

// Close lets go of idle connections. Calls in flight are not disturbed.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// ServerTime is the largest time that an answer told; zero where none did.
func (c *Client) ServerTime() time.Time {
	if ms := c.latest.Load(); ms > 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// saw keeps the largest time that an answer told.
func (c *Client) saw(at time.Time) {
	for ms := at.UnixMilli(); ; {
		old := c.latest.Load()
		if ms <= old || c.latest.CompareAndSwap(old, ms) {
			return
		}
	}
}

// Calls is how many calls this client made of each endpoint, those not counted
// of which no byte left.
func (c *Client) Calls() map[string]int {
	calls := map[string]int{}
	for _, e := range []*endpoint{&c.create, &c.update, &c.goals, &c.templates, &c.picklist} {
		if n := e.made.Load(); n > 0 {
			calls[e.name] = int(n)
		}
	}
	return calls
}

// Format keeps the key out of whatever prints a client.
func (c *Client) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "gainsight.Client(%s)", c.base)
}

// CreateGoal sends one goal (POST /v1/csgoal/external/create). item is an
// element of "requests" as Item.AppendJSON writes it, lookups the value of
// "lookups" or nil to leave it out; neither is kept. The call holds slot, which
// is freed when it ends; without one it takes its own. The caller's ctx should
// not end while bytes are on their way: the call has a timeout of its own.
//
// The call is made once. The only exception is a 401 that a renewed key
// answers: it was refused before execution, and is made again once, with a new slot.
func (c *Client) CreateGoal(ctx context.Context, slot *Slot, item, lookups []byte) Answer {
	return c.write(ctx, &c.create, slot, item, lookups)
}

// UpdateGoal is CreateGoal for a record with a Gsid (PUT /v1/csgoal/external/update).
func (c *Client) UpdateGoal(ctx context.Context, slot *Slot, item, lookups []byte) Answer {
	return c.write(ctx, &c.update, slot, item, lookups)
}

func (c *Client) write(ctx context.Context, e *endpoint, slot *Slot, item, lookups []byte) Answer {
	return c.call(ctx, e, slot, requestBody(item, lookups), nil)
}
