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

	writes    map[string]*endpoint // by object and action: goals.create
	bare      map[string]*endpoint // those of metrics as the specification has them, without /v1
	unversed  atomic.Bool          // the tenant has them there
	goals     endpoint             // fetches of goals
	templates endpoint             // and of goal templates
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
	if err := c.routeWrites(); err != nil {
		return err
	}
	for _, r := range []struct {
		at                     *endpoint
		name, op, method, path string
	}{
		{&c.goals, "goals.fetch", "fetch goals", http.MethodPost, "/v1/csgoal/external/fetch"},
		{&c.templates, "templates.fetch", "fetch templates", http.MethodPost, "/v1/csgoal/external/template/fetch"},
		{&c.picklist, "picklists", "fetch picklists", http.MethodPost, "/v1/csgoal/external/admin/picklist"},
	} {
		e, err := c.endpoint(r.name, r.op, r.method, r.path)
		if err != nil {
			return err
		}
		*r.at = *e
	}
	return nil
}

func (c *Client) endpoint(name, op, method, path string) (*endpoint, error) {
	u, err := url.Parse(c.base + path)
	if err != nil {
		return nil, fmt.Errorf("base URL %q: %w", c.base, err)
	}
	return &endpoint{name: name, op: op, method: method, url: u, made: new(atomic.Int64)}, nil
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
	add := func(e *endpoint) {
		if n := e.made.Load(); n > 0 {
			calls[e.name] += int(n)
		}
	}
	for _, e := range []*endpoint{&c.goals, &c.templates, &c.picklist} {
		add(e)
	}
	for _, list := range []map[string]*endpoint{c.writes, c.bare} {
		for _, e := range list {
			add(e)
		}
	}
	return calls
}

// Format keeps the key out of whatever prints a client.
func (c *Client) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "gainsight.Client(%s)", c.base)
}
