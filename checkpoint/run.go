package checkpoint

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// State is where a run stands.
type State string

// The states of a run. A run killed while planning stays planning and is void.
const (
	Planning  State = "planning"
	Planned   State = "planned"
	Running   State = "running" // also after a kill: then nobody holds it
	Paused    State = "paused"
	Finished  State = "finished"
	Abandoned State = "abandoned"
)

// Info is what is known of a run as a whole. It is stored as one JSON document.
type Info struct {
	ID          string          `json:"id"`
	Command     string          `json:"command"`
	Object      string          `json:"object"`
	Tenant      string          `json:"tenant"`
	Emulated    bool            `json:"emulated"`
	State       State           `json:"state"`
	Input       Input           `json:"input"`
	Header      []string        `json:"header"`
	Settings    json.RawMessage `json:"settings"`               // the run's own flags, given again by resume
	OptionsHash string          `json:"options_hash"`           // of all that shapes the plan
	Picklists   string          `json:"picklists"`              // hash of the picklists it was planned with
	OnDuplicate string          `json:"on_duplicate,omitempty"` // of the plan: error, skip, create
	Again       bool            `json:"again,omitempty"`        // planned without a look at what other runs created
	Marker      string          `json:"marker,omitempty"`       // custom field that carries each created row's marker
	OnStale     string          `json:"on_stale,omitempty"`     // of the plan: skip, fail, overwrite
	ReadAt      int64           `json:"read_at,omitempty"`      // server time before the tenant was read for the plan, epoch milliseconds
	ReportDir   string          `json:"report_dir"`
	Parent      string          `json:"parent,omitempty"`        // the run it retries
	Amends      string          `json:"amends,omitempty"`        // the run whose goals it mends
	Superseded  string          `json:"superseded_by,omitempty"` // the run that mends its goals
	CreatedAt   time.Time       `json:"created_at"`
	ValueMaps   string          `json:"value_maps,omitempty"` // piece of a mapping file for wrong names that planning found
	Seconds     float64         `json:"seconds"`              // spent applying, over all sessions
	ExitCode    *int            `json:"exit_code"`
	ResumeAt    *time.Time      `json:"resume_at,omitempty"`
	Counts      Counts          `json:"counts"` // as of the last stop
	Calls       Calls           `json:"calls"`
	CountedUpto int64           `json:"counted_upto"` // the last journal record whose calls stand in Calls
	Reported    bool            `json:"reported"`     // the reports of this stop are written
}

// Input is the file a run was planned from. The file is not needed again.
type Input struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	Format   string `json:"format"`
	Sheet    string `json:"sheet,omitempty"`
	Date1904 bool   `json:"date1904,omitempty"`
	Rows     int64  `json:"rows"`

	Workbook *Workbook `json:"workbook,omitempty"` // nil where the rows are of no workbook
}

// Workbook is where the rows of a run are in a workbook that a report may copy.
type Workbook struct {
	SHA256    string   `json:"sha256"`
	HeaderRow int      `json:"header_row"`
	Columns   []int    `json:"columns"` // of the sheet, from 0, of each column of the header
	Fields    []string `json:"fields"`  // API field of each column of the header, "" none
	Cells     int64    `json:"cells"`   // rows of the table times its columns
}

// Calls counts the calls of a run over all its sessions.
type Calls struct {
	Total      int            `json:"total"`
	Saved      int            `json:"saved"`
	ByEndpoint map[string]int `json:"by_endpoint"`
	Throttled  int            `json:"throttled"`
	Retried    int            `json:"retried"`
}

// Add sums up another session's calls.
func (c *Calls) Add(o Calls) {
	c.Total += o.Total
	c.Saved += o.Saved
	c.Throttled += o.Throttled
	c.Retried += o.Retried
	if c.ByEndpoint == nil {
		c.ByEndpoint = map[string]int{}
	}
	for endpoint, n := range o.ByEndpoint {
		c.ByEndpoint[endpoint] += n
	}
}

// Run is one run's database. The process that may write it holds its lock.
type Run struct {
	db   *database
	lock *lock // nil when opened for reading
	info Info

	relaxed *folding // commits need not be on the disk: a plan that is cut short is void
	reserve reserve
}

// runSchema is safe to repeat. Operations are rows, since plans are matched
// against the tenant by joins; their items and the user's cells are read in
// order and lie in chunks. An operation that was planned anew has its own item.
const runSchema = `
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS info (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cells (seq INTEGER PRIMARY KEY, rows INTEGER NOT NULL, chunk BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS items (seq INTEGER PRIMARY KEY, rows INTEGER NOT NULL, chunk BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ops (
  seq INTEGER PRIMARY KEY, line INTEGER NOT NULL, action TEXT NOT NULL DEFAULT 'create', gsid TEXT NOT NULL DEFAULT '', item TEXT NOT NULL DEFAULT '',
  lookups INTEGER NOT NULL, names INTEGER NOT NULL, key BLOB NOT NULL, hash BLOB NOT NULL, modified INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS problems (
  seq INTEGER NOT NULL, n INTEGER NOT NULL, place TEXT NOT NULL, field TEXT NOT NULL, code TEXT NOT NULL,
  value TEXT NOT NULL, message TEXT NOT NULL, mend TEXT NOT NULL, warning INTEGER NOT NULL, PRIMARY KEY (seq, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, batch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS folded (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fates (
  seq INTEGER PRIMARY KEY, status TEXT NOT NULL, gsid TEXT NOT NULL, field TEXT NOT NULL, code TEXT NOT NULL,
  reason TEXT NOT NULL, attempts INTEGER NOT NULL, request_id TEXT NOT NULL, at INTEGER NOT NULL, server INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS fates_open ON fates (seq) WHERE status IN ('in_doubt', 'parked');
CREATE INDEX IF NOT EXISTS fates_pending ON fates (seq) WHERE status = 'pending';
CREATE TABLE IF NOT EXISTS asides (seq INTEGER PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS candidates (seq INTEGER NOT NULL, gsid TEXT NOT NULL, sure INTEGER NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (seq, gsid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS befores (seq INTEGER PRIMARY KEY, modified INTEGER NOT NULL, modified_by TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
  id INTEGER PRIMARY KEY, began INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, per_minute REAL NOT NULL,
  exit_code INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '');
COMMIT;
`

// NewID makes a run's id: eight random characters, so that a short prefix is
// unique, then the day. The alphabet leaves out what people misread.
func NewID(now time.Time) string {
	const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails, by its contract
	for i, b := range random {
		random[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(random[:]) + "-" + now.UTC().Format("20060102")
}

// Create makes the database of a new run, in state planning, and locks it.
func (f *Folder) Create(ctx context.Context, info Info, holder Holder) (*Run, error) {
	info.State = Planning
	held, err := acquireLock(f.lockPath(info.ID), info.ID, holder)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, f.runPath(info.ID), runSchema)
	if err != nil {
		return nil, errors.Join(err, held.release())
	}
	run := &Run{db: db, lock: held, info: info}
	err = run.save(ctx)
	if err == nil {
		err = run.relax(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// Lock opens the run of that exact id for writing and brings its fates up to
// date with its journal. A run that another process holds is a *LockedError;
// one that is not there, or no longer, is ErrNoRun.
func (f *Folder) Lock(ctx context.Context, id string, holder Holder) (*Run, error) {
	held, err := acquireLock(f.lockPath(id), id, holder)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(f.runPath(id)); errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("run %q: %w", id, ErrNoRun), held.release())
	}
	db, err := openDatabase(ctx, f.runPath(id), runSchema)
	if err != nil {
		return nil, errors.Join(err, held.release())
	}
	run := &Run{db: db, lock: held}
	err = run.load(ctx)
	if err == nil && run.info.State != Planning {
		err = run.Fold(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// View opens the run of that exact id for reading, which needs no lock.
func (f *Folder) View(ctx context.Context, id string) (*Run, error) {
	db, err := openDatabaseReadOnly(f.runPath(id))
	if err != nil {
		return nil, err
	}
	run := &Run{db: db}
	if err := run.load(ctx); err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// OpenParent opens for reading the run that this one retries; nil where there is
// none, or none any longer.
func (r *Run) OpenParent(ctx context.Context) (*Run, error) {
	if r.info.Parent == "" {
		return nil, nil
	}
	folder := &Folder{dir: filepath.Dir(filepath.Dir(r.db.path))}
	parent, err := folder.View(ctx, r.info.Parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return parent, err
}

// Close ends the use of the run and drops its lock.
func (r *Run) Close() error {
	err := errors.Join(r.relaxed.end(), r.reserve.drop(), r.db.close()) // in this order: to close may take room
	if r.lock != nil {
		err = errors.Join(err, r.lock.release())
	}
	return err
}

// Info is what is known of the run as a whole.
func (r *Run) Info() Info { return r.info }

// SetInfo changes what is known of the run, durably unless it is still being planned.
func (r *Run) SetInfo(ctx context.Context, change func(*Info)) error {
	change(&r.info)
	if r.info.State != Planning {
		if err := r.tighten(ctx); err != nil {
			return err
		}
	}
	return r.save(ctx)
}

func (r *Run) save(ctx context.Context) error {
	doc, err := json.Marshal(r.info)
	if err != nil {
		return fmt.Errorf("run %s: %w", r.info.ID, err)
	}
	err = r.roomy(func() error {
		_, err := r.db.write.ExecContext(ctx, `INSERT INTO info (id, doc) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`, string(doc))
		return err
	})
	if err != nil {
		return r.db.wrap(err)
	}
	return r.db.inPlace()
}

func (r *Run) load(ctx context.Context) error {
	var doc string
	err := r.db.read.QueryRowContext(ctx, `SELECT doc FROM info`).Scan(&doc)
	if err != nil {
		return r.db.wrap(err)
	}
	if err := json.Unmarshal([]byte(doc), &r.info); err != nil {
		return &StorageError{Path: r.db.path, Err: err}
	}
	return nil
}

// ErrNoRun says that there is no run of that name.
var ErrNoRun = errors.New("no such run")

// AmbiguousError says that a prefix fits several runs.
type AmbiguousError struct {
	Prefix string
	IDs    []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("run %q fits several: %s", e.Prefix, strings.Join(e.IDs, ", "))
}

// List is what is known of every run, newest first. A database that is being
// made at this moment, or was torn while it was, has nothing to say and is left out.
func (f *Folder) List(ctx context.Context) ([]Info, error) {
	entries, err := os.ReadDir(f.runsDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &StorageError{Path: f.runsDir(), Err: err}
	}
	var infos []Info
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".db")
		if !ok {
			continue
		}
		info, err := f.viewInfo(ctx, id)
		if err != nil {
			if isUnborn(err) || f.discarded(id) {
				continue
			}
			return nil, err
		}
		infos = append(infos, info)
	}
	slices.SortStableFunc(infos, func(a, b Info) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return infos, nil
}

func (f *Folder) viewInfo(ctx context.Context, id string) (Info, error) {
	run, err := f.View(ctx, id)
	if err != nil {
		return Info{}, err
	}
	return run.Info(), run.Close()
}

// discarded says that the run's file is gone: its plan was given up, by a
// process that came upon it while it was read here.
func (f *Folder) discarded(id string) bool {
	_, err := os.Stat(f.runPath(id))
	return errors.Is(err, os.ErrNotExist)
}

// isUnborn tells a database without its first transaction, in which nothing
// was planned and so nothing sent, from a damaged one.
func isUnborn(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || strings.Contains(err.Error(), "no such table: info")
}

// Find turns what a user calls a run (its id, a prefix of it, or latest) into its id.
func (f *Folder) Find(ctx context.Context, name string) (string, error) {
	infos, err := f.List(ctx)
	if err != nil {
		return "", err
	}
	if name == "latest" && len(infos) > 0 {
		return infos[0].ID, nil
	}
	var fit []string
	for _, info := range infos {
		if info.ID == name {
			return name, nil
		}
		if name != "" && strings.HasPrefix(info.ID, name) {
			fit = append(fit, info.ID)
		}
	}
	switch len(fit) {
	case 0:
		return "", fmt.Errorf("run %q: %w", name, ErrNoRun)
	case 1:
		return fit[0], nil
	}
	return "", &AmbiguousError{Prefix: name, IDs: fit}
}

func (f *Folder) runPath(id string) string  { return filepath.Join(f.runsDir(), id+".db") }
func (f *Folder) lockPath(id string) string { return filepath.Join(f.runsDir(), id+".lock") }

// Discard removes a run that was never fully planned.
func (r *Run) Discard() error {
	err := errors.Join(r.relaxed.end(), r.db.close())
	for _, path := range []string{r.db.path, r.db.path + "-wal", r.db.path + "-shm", r.db.reservePath()} {
		err = errors.Join(err, remove(path))
	}
	return errors.Join(err, r.lock.release())
}
