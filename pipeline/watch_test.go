package pipeline

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"gsbatch/emulator"
)

// watch stands before the tenant and counts, apart from all of gsbatch's books.
type watch struct {
	tenant *emulator.Tenant

	mu      sync.Mutex
	before  func(n int) bool                                      // of the n-th write: false drops it unexecuted
	told    func(asked string, answer *httptest.ResponseRecorder) // changes the tenant's answers to reads; may be nil
	writes  int                                                   // creates and updates that arrived, since before was set
	refused int                                                   // answers 401
	seen    map[string]int                                        // arrived writes by Name or Gsid
	made    map[string][]string                                   // Gsids in answers 2xx to creates, by Name
}

// onWrite sets what is asked before each write, and counts from there.
func (w *watch) onWrite(before func(n int) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.writes = before, 0
}

func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

// of is what is known of the writes of a name: how many arrived, and what they made.
func (w *watch) of(name string) (arrived int, made []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[name], slices.Clone(w.made[name])
}

// refusals is how many writes were answered 401.
func (w *watch) refusals() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

func (w *watch) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	create := strings.HasSuffix(r.URL.Path, "/create")
	if !create && !strings.HasSuffix(r.URL.Path, "/update") {
		w.read(rw, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	name := nameOf(body)
	if !w.admit(name) {
		panic(http.ErrAbortHandler)
	}
	rec := &recorder{ResponseWriter: rw}
	w.tenant.ServeHTTP(rec, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if rec.status == http.StatusUnauthorized {
		w.refused++
	}
	if gsid := rec.gsid(); create && gsid != "" {
		w.made[name] = append(w.made[name], gsid)
	}
}

func (w *watch) read(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	told := w.told
	w.mu.Unlock()
	if told == nil {
		w.tenant.ServeHTTP(rw, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	w.tenant.ServeHTTP(answer, r)
	told(string(body), answer)
	maps.Copy(rw.Header(), answer.Header())
	rw.Header().Del("Content-Length")
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes())
}

// onRead sets what changes the tenant's answers to reads.
func (w *watch) onRead(told func(asked string, answer *httptest.ResponseRecorder)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = told
}

func (w *watch) admit(name string) bool {
	w.mu.Lock()
	w.writes++
	n, before := w.writes, w.before
	w.mu.Unlock()
	if before != nil && !before(n) {
		return false
	}
	w.mu.Lock()
	w.seen[name]++
	w.mu.Unlock()
	return true
}

// nameOf is the Name of the record in a request, or else its Gsid.
func nameOf(body []byte) string {
	var request struct {
		Requests []struct{ Record struct{ Name, Gsid string } }
	}
	if json.Unmarshal(body, &request) != nil || len(request.Requests) != 1 {
		return "?"
	}
	if record := request.Requests[0].Record; record.Gsid != "" {
		return record.Gsid
	}
	return request.Requests[0].Record.Name
}

// recorder keeps an answer while it passes.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// gsid is that of the goal which the answer says was made, "" if none.
func (r *recorder) gsid() string {
	var answer struct {
		Result bool
		Data   struct{ Goal struct{ Gsid string } }
	}
	if r.status/100 != 2 || json.Unmarshal(r.body.Bytes(), &answer) != nil || !answer.Result {
		return ""
	}
	return answer.Data.Goal.Gsid
}
