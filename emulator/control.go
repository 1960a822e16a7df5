package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const controlPrefix = "/_emulator/"

func isControl(path string) bool { return strings.HasPrefix(path, controlPrefix) }

// State is what GET /_emulator/state answers.
type State struct {
	Goals     int               `json:"goals"`     // all there are, seeded ones included
	Templates int               `json:"templates"` // likewise
	Metrics   int               `json:"metrics"`   // likewise
	Created   int               `json:"created"`   // goals and templates, by calls since the start or reset
	Updated   int               `json:"updated"`   // likewise
	Pending   int               `json:"pending_commits"`
	Calls     Calls             `json:"calls"`
	Faults    map[string]int    `json:"faults"` // how often each befell a call
	Settings  map[string]string `json:"settings"`
	Time      time.Time         `json:"time"` // the tenant's clock
}

// Calls are the counts of API calls since the start or reset.
type Calls struct {
	Total        int            `json:"total"`
	ByEndpoint   map[string]int `json:"by_endpoint"`
	Throttled    int            `json:"throttled"`    // answered with 429
	Unauthorized int            `json:"unauthorized"` // answered with 401
	Window       string         `json:"window"`       // that of the limit, else 1m0s
	Most         int            `json:"max_in_window"`
	MostFixed    int            `json:"max_in_fixed_window"`
	Capped       bool           `json:"max_is_capped"` // the log is too short: Most may be more
}

// State returns the tenant's counts and settings.
func (t *Tenant) State() State {
	sw := t.Switches()
	s := State{Faults: map[string]int{}, Settings: sw.all(), Pending: int(t.pending.Load()), Time: t.now().Add(sw.Skew).UTC()}
	t.mu.Lock()
	s.Goals, s.Templates, s.Metrics = len(t.goals.list), len(t.templates.list), len(t.metricList)
	s.Created, s.Updated = t.created, t.updated
	t.mu.Unlock()
	g := &t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Calls = Calls{
		Total: int(g.ordinal), ByEndpoint: map[string]int{}, Throttled: g.counts.throttled, Unauthorized: g.counts.unauthorized,
		Window: sw.window().String(), Most: g.log.most, MostFixed: g.log.fixed, Capped: g.log.capped,
	}
	for e, n := range g.counts.byEndpoint {
		s.Calls.ByEndpoint[endpoint(e).name()] = n
	}
	for f, n := range g.counts.faults {
		s.Faults[fault(f).name()] = n
	}
	return s
}

func (s Switches) all() map[string]string {
	all := map[string]string{}
	for _, one := range settings() {
		all[one.Name] = one.get(&s)
	}
	return all
}

// WriteGoals writes every goal as a line of JSON: its fields, what is linked
// to it, its natural key and how many goals have that.
func (t *Tenant) WriteGoals(w io.Writer) error {
	t.mu.Lock()
	list := t.goals.records()
	t.mu.Unlock()
	count := make(map[uint64]int, len(list))
	for _, r := range list {
		count[hashText(r.naturalKey())]++
	}
	out := bufio.NewWriter(w)
	var line []byte
	for _, r := range list {
		line = t.appendState(line[:0], r)
		line = line[:len(line)-1]
		key := r.naturalKey()
		line = appendText(appendKey(line, "natural_key"), key)
		line = fmt.Appendf(appendKey(line, "natural_key_count"), "%d}\n", count[hashText(key)])
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteCalls writes the log of calls, the oldest first, as lines of JSON.
func (t *Tenant) WriteCalls(w io.Writer) error {
	g := &t.gate
	g.mu.Lock()
	first := g.log.last - uint64(len(g.log.ring)) + 1
	list := make([]logged, 0, len(g.log.ring))
	for n := first; n <= g.log.last; n++ {
		list = append(list, *g.log.entry(n))
	}
	g.mu.Unlock()
	out := bufio.NewWriter(w)
	for i, c := range list {
		if _, err := fmt.Fprintf(out, `{"call":%d,"at":%q,"endpoint":%q,"status":%d,"fault":%q}`+"\n",
			first+uint64(i), c.at.UTC().Format(time.RFC3339Nano), c.endpoint.name(), c.status, c.fault.name()); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteEntities writes what requests may name, as lines of JSON with object,
// name and gsid, and for what hangs on a company its company_gsid.
func (t *Tenant) WriteEntities(w io.Writer) error {
	var dst []byte
	add := func(object, name, gsid string, company *entity) {
		dst = appendText(appendKey(append(dst, '{'), "object"), object)
		dst = appendText(appendKey(dst, "name"), name)
		dst = appendText(appendKey(dst, "gsid"), gsid)
		if company != nil {
			dst = appendText(appendKey(dst, "company_gsid"), company.gsid)
		}
		dst = append(dst, '}', '\n')
	}
	s := t.seeds
	lists := []struct {
		object string
		list   []*entity
	}{{"company", s.companies}, {"relationship", s.relationships}, {"opportunity", s.opportunities}, {"relationship_type", s.relTypes}}
	for _, l := range lists {
		for _, e := range l.list {
			add(l.object, e.name, e.gsid, e.company)
		}
	}
	for _, l := range s.links {
		object := "cta"
		if l.plan {
			object = "success_plan"
		}
		add(object, l.name, l.gsid, nil)
	}
	for _, u := range append([]*user{s.self, s.other}, s.people...) {
		add("user", u.name, u.gsid, nil)
	}
	work := make([]string, 0, len(s.work))
	for id := range s.work {
		work = append(work, id)
	}
	slices.Sort(work)
	for _, id := range work {
		add("associated_work", "", id, nil)
	}
	_, err := w.Write(dst)
	return err
}

// control answers a request under /_emulator/.
func (t *Tenant) control(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, controlPrefix)
	gsid, isGoal := strings.CutPrefix(path, "goals/")
	switch {
	case path == "state" && r.Method == http.MethodGet:
		writeJSON(w, t.State())
	case path == "settings" && r.Method == http.MethodGet:
		writeJSON(w, t.Switches().all())
	case path == "settings" && r.Method == http.MethodPut:
		t.controlSettings(w, r)
	case path == "goals" && r.Method == http.MethodGet:
		writeLines(w, t.WriteGoals)
	case path == "calls" && r.Method == http.MethodGet:
		writeLines(w, t.WriteCalls)
	case path == "entities" && r.Method == http.MethodGet:
		writeLines(w, t.WriteEntities)
	case path == "reset" && r.Method == http.MethodPost:
		answerControl(w, t.Reset(), http.StatusInternalServerError)
	case isGoal && r.Method == http.MethodDelete:
		answerControl(w, t.RemoveGoal(gsid), http.StatusNotFound)
	default:
		http.Error(w, r.Method+" "+r.URL.Path+" is no part of the control endpoint", http.StatusNotFound)
	}
}

func (t *Tenant) controlSettings(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		answerControl(w, err, http.StatusBadRequest)
		return
	}
	text := string(body)
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		var object map[string]string
		if err := json.Unmarshal(body, &object); err != nil {
			answerControl(w, fmt.Errorf("settings: %w; want an object of texts", err), http.StatusBadRequest)
			return
		}
		var parts []string
		for name, value := range object {
			parts = append(parts, name+"="+value)
		}
		text = strings.Join(parts, ",")
	}
	if err := t.Set(text); err != nil {
		answerControl(w, err, http.StatusBadRequest)
		return
	}
	writeJSON(w, t.Switches().all())
}

func answerControl(w http.ResponseWriter, err error, status int) {
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// The caller may have left; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(v)
}

func writeLines(w http.ResponseWriter, write func(io.Writer) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	_ = write(w)
}
