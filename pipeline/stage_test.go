package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"modernc.org/sqlite"

	"gsbatch/checkpoint"
	"gsbatch/emulator"
	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
)

func TestMain(m *testing.M) {
	sqlite.MustRegisterScalarFunction("no_room", 3, noRoom)
	goleak.VerifyTestMain(m)
}

// stage is an emulated tenant, watched from outside, and a state folder.
type stage struct {
	*testing.T
	tenant *emulator.Tenant
	watch  *watch
	server *httptest.Server
	dir    string // the state folder
	limits gainsight.Limits
	// timeout is how long the client waits for an answer. It is short only where
	// the tenant is to be too slow: a busy machine must not look like a fault.
	timeout time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: the machine's network
	ended   bool
	batch   int // records a call
}

func newStage(t *testing.T, settings string) *stage {
	t.Helper()
	tenant, err := emulator.New(emulator.Options{OmitSpecFixtures: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, tenant: tenant, watch: &watch{tenant: tenant, seen: map[string]int{}, made: map[string][]string{}}, dir: t.TempDir(), timeout: 20 * time.Second}
	s.server = httptest.NewServer(s.watch)
	s.server.Config.ErrorLog = nil
	t.Cleanup(s.end)
	s.set(settings)
	return s
}

func (s *stage) set(settings string) {
	s.Helper()
	if err := s.tenant.Set(settings); err != nil {
		s.Fatal(err)
	}
}

// end closes the tenant: commits that were to land later have landed.
func (s *stage) end() {
	if s.ended {
		return
	}
	s.ended = true
	s.server.Close()
	if err := s.tenant.Close(); err != nil {
		s.Error(err)
	}
}

// goal is one of the tenant's, as its dump tells.
type goal struct {
	Gsid, Name, Description string
}

// goals dumps the tenant by name.
func (s *stage) goals() map[string][]goal {
	s.Helper()
	var dump bytes.Buffer
	if err := s.tenant.WriteGoals(&dump); err != nil {
		s.Fatal(err)
	}
	byName := map[string][]goal{}
	for lines := json.NewDecoder(&dump); ; {
		var g goal
		err := lines.Decode(&g)
		if errors.Is(err, io.EOF) {
			return byName
		}
		if err != nil {
			s.Fatal(err)
		}
		byName[g.Name] = append(byName[g.Name], g)
	}
}

// desk is what one process works with.
type desk struct {
	folder *checkpoint.Folder
	shared *checkpoint.Tenant
	gate   *gainsight.Gate
	client *gainsight.Client
}

func (s *stage) desk() *desk {
	s.Helper()
	folder, err := checkpoint.Open(s.dir)
	if err != nil {
		s.Fatal(err)
	}
	d := &desk{folder: folder}
	if d.shared, err = folder.Tenant(s.Context(), "acme"); err != nil {
		s.Fatal(err)
	}
	d.gate = gainsight.NewGate(d.shared.Quota(checkpoint.Caller{Command: "test"}), s.limits)
	d.client, err = gainsight.New(gainsight.Config{BaseURL: s.server.URL, Gate: d.gate, Timeout: s.timeout, Dial: s.dial,
		Key: func(context.Context) (string, error) { return emulator.DefaultAccessKey, nil }})
	if err != nil {
		s.Fatal(err)
	}
	return d
}

func (s *stage) leave(d *desk) {
	s.Helper()
	d.client.Close()
	if err := d.shared.Close(); err != nil {
		s.Error(err)
	}
}

// creates is a CSV file of n goals, the first of number from.
func creates(from, n int) string {
	text := "Name,Status,Entity Type,Company,Description\n"
	for i := range n {
		text += fmt.Sprintf("goal %d,New,COMPANY,IBM,first\n", from+i)
	}
	return text
}

// planOptions are what a test says of a plan.
type planOptions struct {
	id          string // "": a
	parent      *checkpoint.Run
	onDuplicate OnDuplicate
	again       bool
	skipInvalid bool
	rows        RowSet
	object      string
	mode        validate.Mode
	marker      string // field
	compared    bool   // with the tenant
	lasting     bool
	record      int64 // most bytes of a record, 0 the usual
}

// tryPlan plans a CSV text, or the rows that options.parent left.
func (s *stage) tryPlan(d *desk, text string, o planOptions) (*Planned, error) {
	s.Helper()
	src := Source{Rows: o.rows, Stored: o.parent != nil}
	info := checkpoint.Info{ID: "a", Object: o.object, Marker: o.marker, Tenant: "acme", CreatedAt: time.Now(), ReportDir: filepath.Join(s.TempDir(), "out")}
	if o.id != "" {
		info.ID = o.id
	}
	if o.parent != nil {
		src.Table, info.Parent = RetryTable(s.Context(), o.parent), o.parent.Info().ID
	} else {
		path := filepath.Join(s.TempDir(), "goals.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
		table, err := readers.Open(s.Context(), path, readers.Options{Limits: readers.Limits{Record: o.record}})
		if err != nil {
			s.Fatal(err)
		}
		defer table.Close()
		src.Table = table
	}
	lists, err := d.client.Picklists(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	src.Checker, err = validate.Compile(s.Context(), src.Table, validate.Config{Object: o.object, Mode: o.mode, Picklists: lists, AllowDuplicates: o.onDuplicate == DuplicateCreate})
	if err != nil {
		s.Fatal(err)
	}
	info.Header = src.Table.Header()
	cfg := PlanConfig{Folder: d.folder, Tenant: d.shared, Info: info, Source: src, Mode: o.mode,
		SkipInvalid: o.skipInvalid, OnDuplicate: o.onDuplicate, Again: o.again, lasting: o.lasting}
	if o.compared {
		cfg.Client, cfg.Diff = d.client, DiffAlways
	}
	return Plan(s.Context(), cfg)
}

func (s *stage) plan(d *desk, text string, o planOptions) *Planned {
	s.Helper()
	planned, err := s.tryPlan(d, text, o)
	if err != nil {
		s.Fatal(err)
	}
	return planned
}

func (s *stage) lock(d *desk, id string) *checkpoint.Run {
	s.Helper()
	run, err := d.folder.Lock(s.Context(), id, checkpoint.Holder{})
	if err != nil {
		s.Fatal(err)
	}
	return run
}

func (s *stage) closeRun(run *checkpoint.Run) {
	s.Helper()
	if err := run.Close(); err != nil {
		s.Error(err)
	}
}

// apply applies the run and enters how it ended, as a command does.
func (s *stage) apply(stop context.Context, d *desk, run *checkpoint.Run, cfg ApplyConfig) (Outcome, error) {
	s.Helper()
	return s.carryOut(d, run, cfg, func(cfg ApplyConfig) (Outcome, error) { return Apply(s.Context(), stop, cfg) })
}

// carryOut is apply for any work on the run.
func (s *stage) carryOut(d *desk, run *checkpoint.Run, cfg ApplyConfig, work func(ApplyConfig) (Outcome, error)) (Outcome, error) {
	s.Helper()
	cfg.Run, cfg.Tenant, cfg.Client, cfg.Gate = run, d.shared, d.client, d.gate
	if cfg.Workers == 0 {
		cfg.Workers = 4
	}
	cfg.Batch = s.batch
	cfg.Progress = func(status Status) {
		if !status.Counts.Whole() {
			s.Errorf("progress does not add up: %+v", status.Counts)
		}
	}
	out, err := work(cfg)
	return out, errors.Join(err, Finish(s.Context(), run, out, 0))
}

// mustApply is apply where the checkpoint is not to fail.
func (s *stage) mustApply(d *desk, run *checkpoint.Run, cfg ApplyConfig) Outcome {
	s.Helper()
	out, err := s.apply(s.Context(), d, run, cfg)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// row is a row as the run tells of it.
type row struct {
	name string
	fate checkpoint.Fate
	line int
	key  string // name, company, description, of records the first cell: what tells rows of a schedule apart
}

// rows reads the run, and holds it to the law of accounting.
func (s *stage) rows(run *checkpoint.Run) []row {
	s.Helper()
	var rows []row
	counts := checkpoint.Counts{Rows: int(run.Info().Input.Rows)}
	for line, err := range run.Lines(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		*counts.Of(line.Fate.Status)++
		r := row{name: strings.Clone(line.Cells[0].Text), fate: line.Fate, line: line.Line}
		if r.key = r.name; object(run.Info().Object).isGoals() && len(line.Cells) > 4 {
			r.key = r.name + "|" + line.Cells[3].Text + "|" + line.Cells[4].Text
		}
		rows = append(rows, r)
	}
	got, err := run.Counts(s.Context())
	if err != nil || got != counts || !got.Whole() {
		s.Errorf("counts are %+v, %v; the rows say %+v", got, err, counts)
	}
	return rows
}

// truth holds what a run of uniquely named creates says against the tenant and
// the watch: nothing twice, nothing lost, nothing claimed.
func (s *stage) truth(rows []row) {
	s.Helper()
	goals := s.goals()
	for _, r := range rows {
		there := goals[r.name]
		_, made := s.watch.of(r.name)
		if len(there) > 1 || len(made) > 1 {
			s.Errorf("%s was created %d times", r.name, len(there))
		}
		for _, gsid := range made {
			if len(there) == 0 || there[0].Gsid != gsid {
				s.Errorf("%s: the oracle saw goal %s, the tenant has %v", r.name, gsid, there)
			}
		}
		switch r.fate.Status {
		case checkpoint.Created:
			if len(there) != 1 || there[0].Gsid != r.fate.Gsid {
				s.Errorf("%s is told as created as %s, the tenant has %v", r.name, r.fate.Gsid, there)
			}
		case checkpoint.InDoubt, checkpoint.Parked:
		default:
			if len(there) != 0 {
				s.Errorf("%s is told as %s (%s), and the tenant has it", r.name, r.fate.Status, r.fate.Reason)
			}
		}
	}
}

// intents is intended for what the watch saw.
func (s *stage) intents(id string, rows []row) {
	s.Helper()
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	s.intended(id, names, func(name string) int { arrived, _ := s.watch.of(name); return arrived }, s.watch.refusals())
}

// intended holds that every write which arrived had a durable intent. It reads
// the journal with its own eyes.
func (s *stage) intended(id string, rows []string, arrivals func(row string) int, refusals int) {
	s.Helper()
	db := fromOutside(s, s.runFile(id))
	defer db.Close()
	var journal string
	if err := db.QueryRow(`SELECT coalesce(group_concat(batch, ''), '') FROM (SELECT batch FROM journal ORDER BY id)`).Scan(&journal); err != nil {
		s.Fatal(err)
	}
	intents := map[string]int{}
	for line := range strings.Lines(journal) {
		if kind, rest, _ := strings.Cut(line, "\t"); kind == "i" {
			seq, _, _ := strings.Cut(rest, "\t")
			intents[seq]++
		}
	}
	for i, r := range rows {
		durable := intents[strconv.Itoa(i+1)]
		arrived := arrivals(r)
		// A 401 is answered with a renewed key under the same intent.
		if arrived > 2*durable || arrived > durable && refusals == 0 {
			s.Errorf("%s: %d calls arrived, %d intents are durable", r, arrived, durable)
		}
	}
}

// runFile is the database of a run.
func (s *stage) runFile(id string) string { return filepath.Join(s.dir, "runs", id+".db") }
