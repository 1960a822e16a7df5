package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gsbatch/emulator"
)

// pipes is a network in memory, which simulated time can wait for.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// When a call is carried out.
const (
	never  = iota
	inPart // the first of its records at once
	atOnce // and answered after the mishap's delay
	later  // after the delay, and answered then, if anybody waits still
	behind // after the delay, with the connection closed at once
)

// mishap is what befalls a create: when it is carried out, and how it is
// answered: "" truly, "drop" and "cut" as they say, "no id" truly but for the
// Gsid, or with a status and a text of its own.
type mishap struct {
	carried int
	status  int
	answer  string
	slow    bool // it has a delay
}

const (
	badGateway = "<html><body>Bad Gateway</body></html>"
	unexpected = `{"result":false,"errorCode":"GU_1101","requestId":"m","data":null,"message":"Unexpected error"}`
	unlisted   = `{"result":true,"errorCode":null,"requestId":"m","data":{"goal":null,"failureList":[{"message":"The record could not be saved"}]},"message":null}`
	tooMany    = `{"result":false,"errorCode":"GS_APIG_2404","requestId":"m","data":null,"message":"Too many requests"}`
	badKey     = `{"result":false,"errorCode":"GS_APIG_2401","requestId":"m","data":null,"message":"Invalid access key"}`
)

func mishaps() []mishap {
	return []mishap{
		{never, 0, "drop", false}, {atOnce, 0, "drop", false}, {behind, 0, "drop", true},
		{never, 500, unexpected, false}, {atOnce, 500, unexpected, false}, {never, 502, badGateway, false}, {atOnce, 502, badGateway, false},
		{never, 503, badGateway, false}, {atOnce, 503, badGateway, true}, {later, 502, badGateway, true}, {behind, 502, badGateway, true},
		{atOnce, 0, "", true}, {later, 0, "", true}, {atOnce, 0, "cut", false}, {later, 0, "cut", true}, {atOnce, 0, "no id", false},
		{never, 200, unlisted, false}, {never, 200, badGateway, false},
		{never, 429, tooMany, false}, {never, 401, badKey, false},
	}
}

// model is the oracle of schedules. It stands before an emulated tenant that
// has no faults, decides by itself what befalls each call, and keeps its own
// book of what was carried out. What befalls a create follows from the seed,
// the row and how often the row has come, so that a schedule can be had again.
type model struct {
	tenant *emulator.Tenant
	seed   uint64
	kinds  []mishap // that befall creates of this schedule
	rate   float64  // share of the creates that something befalls
	log    func(format string, args ...any)
	hides  func(body string) bool                                // whether a fetch finds nothing; may be nil
	alter  func(asked string, answer *httptest.ResponseRecorder) // changes what is told of fetches; may be nil
	field  string                                                // of which the tenant keeps only so many characters; "" none
	keeps  int
	names  func(string) string // what the tenant makes of names; may be nil
	skew   time.Duration       // of the clock that the header Date tells

	companies map[string]string // names by id, where rows are told by these

	refuse  bool          // some records are wrong
	updates bool          // of goals, which show after the lag
	longest time.Duration // from a call's arrival until it is carried out, in full seconds
	lag     time.Duration // by which what is told of records is old

	mu       sync.Mutex
	calm     bool // nothing befalls any more
	calls    int  // of this process
	before   func(call int) bool
	came     map[string]int
	carried  map[string][]string // Gsids of the goals made, by row
	born     map[string]time.Time
	mishaps  int
	refusals int
	fetches  uint64
	told     map[string]*pictures // answers of the picklists, by question
	underway sync.WaitGroup
}

// session sets what is asked before each call of one session: false lets the
// call get lost.
func (m *model) session(calm bool, before func(call int) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calm, m.before, m.calls = calm, before, 0
}

// admit counts a call.
func (m *model) admit() bool {
	m.mu.Lock()
	m.calls++
	call, before := m.calls, m.before
	m.mu.Unlock()
	return before == nil || before(call)
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.skew != 0 {
		w = &skewed{w, m.skew}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !m.admit() {
		panic(http.ErrAbortHandler)
	}
	c := newModelCall(r, body)
	if c == nil {
		if m.fetchFails(r) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if m.hides != nil && strings.Contains(string(body), `"EQ"`) && m.hides(string(body)) {
			_, _ = io.WriteString(w, `{"result":true,"data":{"recordList":[]}}`)
			return
		}
		if m.alter == nil {
			m.read(w, r, body)
			return
		}
		answer := m.ask(r, body)
		m.alter(string(body), answer)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
		return
	}
	for i, row := range c.rows {
		c.rows[i] = m.named(row)
	}
	befallen, delay := m.arrive(c)
	m.person(c)
	answer := m.befall(c, befallen, delay)
	if answer != nil {
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
	}
	switch {
	case befallen.answer == "drop" || befallen.carried == behind && befallen.status == 0:
		panic(http.ErrAbortHandler)
	case befallen.status > 0:
		w.WriteHeader(befallen.status)
		_, _ = io.WriteString(w, befallen.answer)
	case befallen.answer == "cut":
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case befallen.answer == "no id":
		_, _ = w.Write(regexp.MustCompile(`(?i)"gsid":"[^"]*",?`).ReplaceAll(answer.Body.Bytes(), nil))
	case befallen.answer == "fewer":
		_, _ = w.Write(fewer(answer.Body.Bytes()))
	default: // slow answers stay true
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
}

// skewed is an answer of a gateway whose clock is not the database's.
type skewed struct {
	http.ResponseWriter
	by time.Duration
}

func (w *skewed) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *skewed) WriteHeader(status int) {
	w.Header().Set("Date", time.Now().Add(w.by).UTC().Format(http.TimeFormat))
	w.ResponseWriter.WriteHeader(status)
}

func (w *skewed) Write(p []byte) (int, error) {
	w.Header().Set("Date", time.Now().Add(w.by).UTC().Format(http.TimeFormat))
	return w.ResponseWriter.Write(p)
}

// fetchFails lets one in 40 reads fail while the schedule is not calm.
func (m *model) fetchFails(r *http.Request) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetches++
	return !m.calm && strings.Contains(r.URL.Path, "fetch") && rand.New(rand.NewPCG(m.seed, m.fetches)).IntN(40) == 0
}

// arrive counts a write and draws what befalls it.
func (m *model) arrive(c *modelCall) (mishap, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range c.rows {
		m.came[row]++
	}
	row := c.rows[0]
	sum := fnv.New64a()
	_, _ = io.WriteString(sum, row)
	random := rand.New(rand.NewPCG(m.seed, sum.Sum64()+uint64(m.came[row])))
	hit := random.Float64() < m.rate
	if m.calm || !hit || len(m.kinds) == 0 {
		return mishap{carried: atOnce}, 0
	}
	m.mishaps++
	befallen := m.kinds[random.IntN(len(m.kinds))]
	if befallen.status == http.StatusUnauthorized {
		m.refusals++
	}
	var delay time.Duration
	if befallen.slow {
		delay = time.Duration(1+random.IntN(int(m.longest/time.Second))) * time.Second // the client waits 30 s
	}
	m.log("%s, time %d: %+v after %v", row, m.came[row], befallen, delay)
	return befallen, delay
}

// befall carries the call out when its mishap says.
func (m *model) befall(c *modelCall, befallen mishap, delay time.Duration) *httptest.ResponseRecorder {
	var answer *httptest.ResponseRecorder
	switch befallen.carried {
	case inPart:
		answer = m.carryOut(c.part(m.seed))
	case atOnce:
		answer = m.carryOut(c)
		wait(c.r, delay)
	case later:
		time.Sleep(delay) // whether or not anybody waits
		answer = m.carryOut(c)
	case behind:
		m.underway.Go(func() {
			time.Sleep(delay)
			m.carryOut(c)
		})
	}
	return answer
}

func wait(r *http.Request, delay time.Duration) {
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
	}
}

// carryOut has the tenant do what is asked, and enters the goal made, if any.
func (m *model) carryOut(c *modelCall) *httptest.ResponseRecorder {
	switch {
	case c.object != "":
		return m.carryOutRecords(c)
	case c.action == "update":
		return m.carryOutUpdate(c)
	}
	body := c.body
	if m.field != "" {
		body = regexp.MustCompile(`("`+m.field+`":"[^"]{0,`+fmt.Sprint(m.keeps)+`})[^"]*"`).ReplaceAll(body, []byte(`$1"`))
	}
	if m.names != nil {
		name := regexp.MustCompile(`"Name":("(?:[^"\\]|\\.)*")`).FindSubmatch(body)[1]
		var sent string
		_ = json.Unmarshal(name, &sent)
		kept, _ := json.Marshal(m.names(sent))
		body = bytes.Replace(body, name, kept, 1)
	}
	answer := m.ask(c.r, body)
	var made struct {
		Data struct{ Goal struct{ Gsid string } }
	}
	if json.Unmarshal(answer.Body.Bytes(), &made) == nil && made.Data.Goal.Gsid != "" {
		m.enter(c.rows[0], made.Data.Goal.Gsid)
	}
	return answer
}

// ask has the tenant answer, whoever waits for it.
func (m *model) ask(r *http.Request, body []byte) *httptest.ResponseRecorder {
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	m.tenant.ServeHTTP(answer, r)
	return answer
}

// enter notes in the book what was carried out for a row.
func (m *model) enter(row, gsid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.carried[row] = append(m.carried[row], gsid)
	m.born[gsid] = time.Now()
	m.log("%s is carried out as %s at %v", row, gsid, time.Now().Format(time.TimeOnly))
}

// made is what was carried out for a row.
func (m *model) made(row string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.carried[row])
}

// named is the row with the company's name in place of its id.
func (m *model) named(row string) string {
	parts := strings.Split(row, "|")
	if len(parts) == 3 {
		parts[1] = cmp.Or(m.companies[parts[1]], parts[1])
	}
	return strings.Join(parts, "|")
}

// rowOf is what tells the rows of a schedule apart: Name, company, description.
func rowOf(body []byte) string {
	var request struct {
		Requests []struct {
			Record map[string]any
		}
	}
	if json.Unmarshal(body, &request) != nil || len(request.Requests) != 1 {
		return "?"
	}
	record := request.Requests[0].Record
	company := record["CompanyName"]
	if company == nil {
		company = record["CompanyId"]
	}
	return fmt.Sprint(record["Name"], "|", company, "|", record["Description"])
}
