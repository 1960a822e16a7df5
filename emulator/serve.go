package emulator

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// maxBody is the largest body in bytes; a larger one is answered with 413.
const maxBody = 1 << 20

// live are the switches in force, with what is left of the faults ordered for
// the next calls.
type live struct {
	Switches
	next [faultCount]atomic.Int64
}

// call is one call of the API on its way through the tenant.
type call struct {
	sw        *Switches
	next      *[faultCount]atomic.Int64
	endpoint  endpoint
	method    string
	path      string
	at        time.Time // on the tenant's clock
	ordinal   uint64
	requestID string
	body      []byte
	fault     fault
}

// ServeHTTP answers one request. A request that names a foreign host or comes
// from a foreign origin gets 403, whatever it asks for. A fault that closes
// the connection panics with http.ErrAbortHandler, as net/http wants it.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if why := t.foreign(r); why != "" {
		http.Error(w, "forbidden: "+why, http.StatusForbidden)
		return
	}
	if isControl(r.URL.Path) {
		t.control(w, r)
		return
	}
	c := t.newCall(r)
	e, known := route(r.Method, r.URL.Path, c.sw)
	c.endpoint = e
	admitted := t.gate.admit(c.at, e, t.goodKey(r), c.sw)
	c.ordinal = admitted.ordinal
	c.requestID = string(appendRequestID(nil, hash(t.gate.seed, c.ordinal, t.born), hash(c.ordinal, t.born)))
	switch {
	case !admitted.key:
		t.write(w, c, c.unauthorized())
	case !admitted.ok:
		t.write(w, c, c.throttled(int((admitted.wait+time.Second-1)/time.Second)))
	case !known:
		t.write(w, c, c.notFound())
	case e == nowhere:
		t.write(w, c, c.wrongMethod())
	default:
		t.carryOut(w, r, c)
	}
}

func (t *Tenant) newCall(r *http.Request) *call {
	l := t.live.Load()
	return &call{
		sw: &l.Switches, next: &l.next, fault: noFault,
		method: r.Method, path: r.URL.Path, at: t.now().Add(l.Skew),
	}
}

// foreign says why a request may not be answered: a name that is not this
// machine's (DNS rebinding), another site's page, or a form (cross-site post).
func (t *Tenant) foreign(r *http.Request) string {
	if !t.ownHost(r.Host) {
		return "host " + strconv.Quote(r.Host) + " is not this emulator's"
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
		return "origin " + strconv.Quote(origin) + " is foreign"
	}
	switch mediaType(r) {
	case "application/x-www-form-urlencoded", "multipart/form-data", "text/plain":
		return "a form is no API call"
	}
	return ""
}

func mediaType(r *http.Request) string {
	text := r.Header.Get("Content-Type")
	if text == "application/json" {
		return text // spares parsing the usual one
	}
	media, _, _ := mime.ParseMediaType(text)
	return media
}

func (t *Tenant) goodKey(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("accesskey")), []byte(t.key)) == 1
}

// carryOut reads the body of an admitted call and answers it, with its fault.
func (t *Tenant) carryOut(w http.ResponseWriter, r *http.Request, c *call) {
	bad, ok := readBody(r, c)
	if !ok {
		t.write(w, c, bad)
		return
	}
	c.fault = t.gate.fault(c, c.recordName())
	if wait := c.sw.Latency + t.gate.jitter(c.ordinal, c.sw.Jitter); wait > 0 {
		t.sleep(wait)
	}
	t.withFault(w, r, c)
}

func readBody(r *http.Request, c *call) (answer, bool) {
	if media := mediaType(r); media != "application/json" {
		return c.exception(http.StatusUnsupportedMediaType, "org.springframework.web.HttpMediaTypeNotSupportedException",
			"Content type '"+media+"' not supported"), false
	}
	var err error
	c.body, err = readAllOf(r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return c.exception(http.StatusRequestEntityTooLarge, "org.springframework.web.multipart.MaxUploadSizeExceededException",
			"Request body exceeds "+strconv.Itoa(maxBody)+" bytes"), false
	case err != nil:
		return c.unreadable(err.Error()), false
	}
	switch {
	case len(bytes.TrimSpace(c.body)) == 0:
		return c.unreadable("required request body is missing"), false
	case !utf8.Valid(c.body):
		return c.unreadable("invalid UTF-8"), false
	case !json.Valid(c.body):
		return c.unreadable(whyInvalid(c.body)), false
	}
	c.body = bytes.TrimSpace(c.body)
	if !isObject(c.body) {
		return c.unreadable("the body is no object"), false
	}
	return answer{}, true
}

// readAllOf reads a body, in one piece where its length is known.
func readAllOf(r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n >= 0 && n <= maxBody {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	return io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
}

// whyInvalid names the first mistake in a body that is no JSON.
func whyInvalid(body []byte) string {
	var document json.RawMessage
	err := json.Unmarshal(body, &document)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Error() + " at offset " + strconv.FormatInt(syntax.Offset, 10)
	}
	return "invalid JSON"
}

// recordName returns the Name of the first record, else its Gsid; it is what a
// fault is drawn from. It is empty while no fault is set.
func (c *call) recordName() string {
	if !c.endpoint.writes() || !c.sw.faulty() {
		return ""
	}
	for item := range elements(member(c.body, "requests")) {
		record := member(item, "record")
		for _, key := range []string{"Name", "name", "Gsid", "gsid"} {
			if name, ok := textOf(member(record, key)); ok && name != "" {
				return name
			}
		}
		break
	}
	return ""
}

// perform carries the call out.
func (t *Tenant) perform(c *call) answer {
	body, refused := t.handle(c)
	if refused != nil {
		return c.refused(refused)
	}
	return answer{status: http.StatusOK, body: body}
}

func (t *Tenant) handle(c *call) ([]byte, *refusal) {
	switch c.endpoint {
	case goalCreate:
		return t.createGoal(c)
	case goalUpdate:
		return t.updateGoal(c)
	case goalFetch:
		return t.fetchGoals(c)
	case templateCreate:
		return t.createTemplates(c)
	case templateUpdate:
		return t.updateTemplates(c)
	case templateDelete:
		return t.deleteTemplates(c)
	case templateFetch:
		return t.fetchTemplates(c)
	case metricCreate:
		return t.createMetrics(c)
	case metricUpdate:
		return t.updateMetrics(c)
	case metricDelete:
		return t.deleteMetrics(c)
	}
	return t.picklist(c)
}

// write sends an answer and notes it in the log.
func (t *Tenant) write(w http.ResponseWriter, c *call, a answer) {
	t.gate.done(c.ordinal, a.status, c.fault)
	t.header(w, c, a)
	// The caller may have left; whatever it was told is in the log.
	_, _ = w.Write(a.body)
}

func (t *Tenant) header(w http.ResponseWriter, c *call, a answer) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json;charset=UTF-8"}
	if a.html {
		h["Content-Type"] = []string{"text/html; charset=utf-8"}
	}
	h["Date"] = []string{c.at.UTC().Format(http.TimeFormat)}
	id := []string{c.requestID}
	h["X-Gs-Request-Id"], h["X-Request-Id"] = id, id
	h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	if a.retryAfter > 0 {
		h["Retry-After"] = []string{strconv.Itoa(a.retryAfter)}
	}
	w.WriteHeader(a.status)
}

// sleep waits for d, or until the tenant is closed.
func (t *Tenant) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.closing:
	}
}

// drop closes the connection without an answer.
func (t *Tenant) drop(r *http.Request, c *call) {
	t.gate.done(c.ordinal, 0, c.fault)
	// An unread body would turn the close into a reset.
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody))
	panic(http.ErrAbortHandler)
}
